import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from cnnviz.gui.number_grid import CAPTION, LARGEST, RIM, NumberGrid
from cnnviz.gui.theme import LIGHT
from cnnviz.gui.tiles import Coloring


@pytest.fixture
def grid(own, qapp):
    """A table of 2 rows and 3 columns, its cells 40 pixels wide, that has the keys."""
    window = own(QWidget())
    window.resize(200, 200)
    grid = NumberGrid("numbers", [[0, 1, 2], [3, 4, 5]], parent=window)
    grid.setGeometry(0, 0, 120 + 2 * RIM, CAPTION + 80 + RIM)
    window.show()
    window.activateWindow()
    qapp.processEvents()
    grid.setFocus()
    return grid


def heard(signal):
    told = []
    signal.connect(lambda: told.append(True))
    return told


def test_that_cells_are_square_as_large_as_there_is_room_and_never_huge(grid):
    assert [grid.place_of(cell).width() for cell in ((0, 0), (1, 2))] == [40, 40]
    assert grid.place_of((1, 2)).height() == 40
    grid.setGeometry(0, 0, 1000, 1000)
    assert grid.place_of((0, 0)).width() == LARGEST


def test_that_the_cell_under_the_mouse_is_told_and_stays_when_the_mouse_leaves(grid):
    told = heard(grid.pointed)
    QTest.mouseMove(grid, grid.place_of((1, 2)).center().toPoint())
    assert grid.cell == (1, 2)
    QTest.mouseMove(grid, grid.place_of((1, 2)).center().toPoint() + QPoint(5, 5))
    QTest.mouseMove(grid, QPoint(60, 2))  # on the caption
    assert grid.cell == (1, 2)
    assert len(told) == 1
    assert grid.cursor == (0, 0)
    QTest.mouseMove(grid, grid.place_of((1, 2)).center().toPoint())
    assert len(told) == 2  # somewhere else another cell may have been pointed at since


def test_that_a_screen_reader_gets_the_number_of_the_cell(grid):
    assert grid.accessibleName() == "numbers"
    QTest.keyClick(grid, Qt.Key.Key_Down)
    assert grid.accessibleDescription() == "row 1, column 0: 3"


def test_that_a_cell_is_told_again_to_whom_tab_leads_back(grid, qapp):
    other = NumberGrid("others", [[1]], parent=grid.window())
    other.setGeometry(0, 150, 40, 50)
    other.show()
    other.setFocus()
    told = heard(grid.pointed)
    QTest.keyClick(other, Qt.Key.Key_Backtab)
    assert qapp.focusWidget() is grid
    assert len(told) == 1


def test_that_arrow_keys_move_the_cursor_and_stop_at_the_edges(grid):
    for key, cell in (("Right", (0, 1)), ("Down", (1, 1)), ("Down", (1, 1)), ("Left", (1, 0)), ("Up", (0, 0))):
        QTest.keyClick(grid, getattr(Qt.Key, f"Key_{key}"))
        assert grid.cursor == grid.cell == cell


def test_that_lit_cells_side_by_side_are_framed_as_one(grid):
    grid.light([(0, 0), (0, 1), (1, 2)])
    lines = grid._outlines()
    assert len(lines) == 3 + 3 + 4
    between = grid.place_of((0, 1)).left()
    assert not [line for line in lines if line.x1() == line.x2() and abs(line.x1() - between) < 2]


@pytest.mark.parametrize("side", [6, 40])
def test_that_small_and_large_cells_have_the_same_colours_and_large_ones_their_figures(own, qapp, side):
    grid = own(NumberGrid("image", [[0, 255]], scale=255, coloring=Coloring.GREY))
    grid.apply_theme(LIGHT)
    grid.resize(2 * side + 2 * RIM, CAPTION + side + RIM)
    picture = grid.grab().toImage()
    corners = [grid.place_of((0, column)).topLeft() + QPointF(1, 1) for column in (0, 1)]
    assert [picture.pixelColor(corner.toPoint()).name() for corner in corners] == ["#000000", "#ffffff"]
    box = grid.place_of((0, 0)).toRect().adjusted(0, 0, -2, -2)
    inside = {picture.pixel(x, y) for x in range(box.left(), box.right()) for y in range(box.top(), box.bottom())}
    assert (len(inside) > 1) == (side == 40)


def test_that_a_smaller_table_takes_the_cursor_along(grid):
    grid.move_to((1, 2))
    grid.show_values([[6]])
    assert grid.cursor == grid.cell == (0, 0)
