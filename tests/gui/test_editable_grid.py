import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence, QShortcut, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from cnnviz.gui.editable_grid import EditableGrid, Editing
from cnnviz.gui.number_grid import CAPTION, RIM, NumberGrid


@pytest.fixture
def grid(own, qapp):
    """A table of 2 rows and 3 columns, its cells 40 pixels wide, that has the keys."""
    window = own(QWidget())
    window.resize(200, 200)
    grid = EditableGrid("numbers", [[0, 1, 2], [3, 4, 5]], Editing(-9, 9, 0.5), parent=window)
    grid.setGeometry(0, 0, 120 + 2 * RIM, CAPTION + 80 + RIM)
    window.show()
    window.activateWindow()
    qapp.processEvents()
    grid.setFocus()
    return grid


def turn(grid, cell, notches):
    place = grid.place_of(cell).center()
    no_buttons, no_keys = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    turned = QPoint(0, 120 * notches)
    phase = Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(place, grid.mapToGlobal(place), QPoint(), turned, no_buttons, no_keys, phase, False)
    QApplication.sendEvent(grid, event)


def heard(signal):
    told = []
    signal.connect(lambda: told.append(True))
    return told


def test_that_typed_figures_become_the_number_under_the_cursor(grid):
    told = heard(grid.edited)
    QTest.mouseClick(grid, Qt.MouseButton.LeftButton, pos=grid.place_of((1, 1)).center().toPoint())
    QTest.keyClicks(grid, "-2.5")
    QTest.keyClick(grid, Qt.Key.Key_Return)
    np.testing.assert_array_equal(grid.values, [[0, 1, 2], [3, -2.5, 5]])
    assert len(told) == 3  # 0, -2, -2.5; the point alone changes nothing
    QTest.keyClicks(grid, "7")
    assert grid.values[1, 1] == 7  # a new number, no further figure of the old one


def test_that_backspace_takes_back_a_figure_and_escape_the_whole_number(grid):
    QTest.keyClick(grid, Qt.Key.Key_Right)
    QTest.keyClicks(grid, "8.5")
    QTest.keyClick(grid, Qt.Key.Key_Backspace)
    QTest.keyClicks(grid, "2")
    assert grid.values[0, 1] == 8.2
    for _ in range(4):
        QTest.keyClick(grid, Qt.Key.Key_Backspace)
    assert grid.values[0, 1] == 0
    QTest.keyClick(grid, Qt.Key.Key_Escape)
    assert grid.values[0, 1] == 1


def test_that_what_is_no_number_is_not_taken(grid):
    QTest.keyClicks(grid, "3-.5.")
    assert grid.values[0, 0] == 3.5


@pytest.mark.parametrize(("typed", "value"), [("300", 9), ("-77", -9)])
def test_that_numbers_stay_in_their_range(grid, typed, value):
    QTest.keyClicks(grid, typed)
    assert grid.values[0, 0] == value


def test_that_wheel_and_page_keys_go_by_steps_up_to_the_range(grid):
    turn(grid, (1, 2), 3)
    assert grid.values[1, 2] == 6.5
    assert grid.cursor == (1, 2)
    QTest.keyClick(grid, Qt.Key.Key_PageDown)
    assert grid.values[1, 2] == 6
    turn(grid, (1, 2), 20)
    assert grid.values[1, 2] == 9


def test_that_the_given_array_is_never_written_to(own):
    values = np.zeros((1, 1))
    values.flags.writeable = False
    grid = own(EditableGrid("numbers", values, Editing(0, 9)))
    QTest.keyClicks(grid, "4")
    assert (grid.values[0, 0], values[0, 0]) == (4, 0)


def test_that_fixed_cells_and_tables_without_editing_change_by_no_key_or_wheel(grid, own):
    grid.show_values(grid.values, np.array([[True, False, False], [False, False, False]]))
    QTest.keyClicks(grid, "7")
    turn(grid, (0, 0), 1)
    assert grid.values[0, 0] == 0
    still = own(NumberGrid("results", [[5]]))
    QTest.keyClicks(still, "7")
    turn(still, (0, 0), 1)
    QTest.keyClick(still, Qt.Key.Key_PageUp)
    assert still.values[0, 0] == 5


def test_that_figures_typed_here_do_not_reach_the_keys_of_the_window(grid):
    shortcuts = [QShortcut(QKeySequence(key), grid.window()) for key in ("7", "Right", "Esc", "R")]
    taken = [heard(shortcut.activated) for shortcut in shortcuts]
    QTest.keyClicks(grid, "7")
    QTest.keyClick(grid, Qt.Key.Key_Escape)
    QTest.keyClick(grid, Qt.Key.Key_Right)
    assert taken == [[], [], [], []]
    QTest.keyClicks(grid, "r")
    QTest.keyClick(grid, Qt.Key.Key_Escape)  # nothing is being typed any more
    assert taken == [[], [], [True], [True]]


def test_that_control_and_enter_fill_all_cells_but_fixed_ones_with_the_number_under_the_cursor(grid):
    grid.show_values(grid.values, np.array([[False, True, False], [False, False, False]]))
    told = heard(grid.edited)
    QTest.keyClicks(grid, "7")
    QTest.keyClick(grid, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(grid.values, [[7, 1, 7], [7, 7, 7]])
    assert len(told) == 2


def test_that_a_screen_reader_gets_each_number_that_is_typed(grid):
    QTest.keyClick(grid, Qt.Key.Key_Down)
    assert grid.accessibleDescription() == "row 1, column 0: 3"
    QTest.keyClicks(grid, "8")
    assert grid.accessibleDescription() == "row 1, column 0: 8"


def test_that_a_number_is_taken_when_the_cursor_or_the_keys_go_elsewhere(grid):
    QTest.keyClicks(grid, "1")
    QTest.keyClick(grid, Qt.Key.Key_Right)
    QTest.keyClicks(grid, "2")
    assert grid.values[0, 1] == 2  # no further figure of the 1
    grid.clearFocus()
    grid.setFocus()
    QTest.keyClicks(grid, "3")
    np.testing.assert_array_equal(grid.values[0], [1, 3, 2])
