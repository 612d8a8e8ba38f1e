import re

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPointF, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox

from cnnviz.gui.editable_grid import EditableGrid
from cnnviz.gui.help_dialog import KEYS
from cnnviz.gui.lessons import LESSONS
from cnnviz.gui.lessons.arithmetic import HORIZONTAL_SOBEL, TINY, VERTICAL_SOBEL
from cnnviz.gui.lessons.convolution import STRONG, ConvolutionScene
from cnnviz.gui.lessons.curve import IMAGES, CurveScene
from cnnviz.gui.lessons.dense import DenseScene
from cnnviz.gui.lessons.padding import PaddingScene
from cnnviz.gui.lessons.play_button import PlayButton
from cnnviz.gui.lessons.pooling import PoolingScene
from cnnviz.gui.lessons.sobel import BOTH, HORIZONTAL, OWN, SobelScene
from cnnviz.gui.lessons.softmax import SoftmaxScene
from cnnviz.gui.lessons.weight_gradient import WeightGradientScene
from cnnviz.gui.lessons_window import LessonsWindow
from cnnviz.gui.main_window import MainWindow
from cnnviz.gui.number_cells import LEGIBLE, fitting_figures
from cnnviz.gui.number_grid import NumberGrid
from cnnviz.gui.settings import Settings
from cnnviz.gui.theme import DARK, LIGHT, small_font
from cnnviz.gui.tiles import Coloring, color_pixels
from cnnviz.nn import Conv2D


def said(scene):
    """Return the formula as one reads it."""
    plain = re.sub(r"<[^>]*>", "", scene.formula.text().replace("<br>", "\n"))
    return plain.replace("\u00a0", " ").replace("\u2212", "-")


def type_into(grid, cell, text):
    """Type a number into a cell, as with the keyboard."""
    grid.move_to(cell)
    QTest.keyClicks(grid, text)
    QTest.keyClick(grid, Qt.Key.Key_Return)


# All lessons


def test_that_titles_differ_and_every_lesson_has_two_or_three_sentences_and_one_thing_to_try():
    assert len({lesson.title for lesson in LESSONS}) == len(LESSONS) == 8
    for lesson in LESSONS:
        assert 2 <= len(re.findall(r"[.?!](?:\s|$)", lesson.sentences)) <= 3, lesson.title
        assert lesson.attempt
        assert lesson.source.startswith(("Zhou", "Escontrela"))


@pytest.mark.parametrize("index", range(8), ids=[lesson.title for lesson in LESSONS])
def test_that_every_lesson_is_seen_whole_in_its_window(own, qapp, index):
    window = own(LessonsWindow(DARK))
    window.open_lesson(index)
    window.show()
    for choice in window.scene.findChildren(QComboBox):
        for other in range(choice.count() - 1, -1, -1):
            choice.setCurrentIndex(other)
            check_room(window, qapp)
    check_room(window, qapp)


def check_room(window, qapp):
    """Find every table whole, its cells not tiny, and neither text nor figures cut off."""
    qapp.processEvents()
    assert (window.width(), window.height()) == (960, 680)
    for grid in (grid for grid in window.findChildren(NumberGrid) if grid.isVisible()):
        area = grid.area().toRect()
        assert grid.rect().contains(area), grid.title
        inside = grid.geometry().intersected(grid.parentWidget().rect())
        assert inside == grid.geometry(), grid.title
        side = area.width() / grid.values.shape[1]
        assert side >= 7, grid.title
        metrics = QFontMetrics(small_font())
        if side >= LEGIBLE[0]:
            assert "\u2026" not in [fitting_figures(value, metrics, side) for value in grid.values.flat], grid.title
    labels = [window.scene.formula, window._sentences, window._attempt]
    assert [label.text() for label in labels if label.height() < label.heightForWidth(label.width())] == []


@pytest.mark.parametrize("index", range(8), ids=[lesson.title for lesson in LESSONS])
def test_that_every_control_is_named_explained_and_reached_by_tab_in_the_order_of_the_page(own, qapp, index):
    window = own(LessonsWindow(DARK))
    window.open_lesson(index)
    window.show()
    qapp.processEvents()
    controls = [c for kind in (QAbstractButton, QComboBox, NumberGrid) for c in window.findChildren(kind)]
    controls = [c for c in controls if c.isVisible() and not c.objectName().startswith("qt_")]
    for control in controls:
        assert control.accessibleName(), control
        assert "&" not in control.accessibleName()
        assert control.toolTip() or isinstance(control, NumberGrid), control.accessibleName()
    window.list.setFocus()
    reached = []
    for _ in range(len(controls)):
        QTest.keyClick(qapp.focusWidget(), Qt.Key.Key_Tab)
        if qapp.focusWidget() is window.list:
            break
        reached.append(qapp.focusWidget())
    assert set(reached) == {c for c in controls if c.isEnabled()}
    stops = [stop for stop in reached if window.scene.isAncestorOf(stop)]
    rows = [stop.mapTo(window, stop.rect().center()).y() // 100 for stop in stops]
    assert rows == sorted(rows)
    assert reached[: len(stops)] == stops  # after the list, before the buttons below


@pytest.mark.parametrize("index", range(8), ids=[lesson.title for lesson in LESSONS])
def test_that_no_edit_makes_a_lesson_fail(own, index):
    scene = own(LESSONS[index].make_scene())
    grids = scene.findChildren(EditableGrid)
    assert grids
    for grid in grids:
        for cell in np.ndindex(*grid.values.shape):
            for text in ("0", "-999", "999", ".5"):
                type_into(grid, cell, text)
    for choice in scene.findChildren(QComboBox):
        for other in range(choice.count()):
            choice.setCurrentIndex(other)
    assert all(np.isfinite(grid.values).all() for grid in scene.findChildren(NumberGrid))


# Convolution


def test_that_the_first_position_gives_62_minus_33(own):
    scene = own(ConvolutionScene())
    np.testing.assert_array_equal(scene.image.values, TINY)
    np.testing.assert_array_equal(scene.products.values, [[0, 0, 0], [0, 0, 62], [-33, 0, 0]])
    assert scene.output.values[0, 0] == 29
    terms = "0 × (-1) + 60 × 0 + 0 × 1 + 0 × (-2) + 80 × 0 + 31 × 2 + 33 × (-1) + 9 × 0 + 0 × 1"
    assert said(scene) == f"{terms} = 29"


def test_that_the_output_under_the_cursor_lights_its_patch_and_shows_its_products(own):
    scene = own(ConvolutionScene())
    QTest.keyClick(scene.output, Qt.Key.Key_Down)
    QTest.keyClick(scene.output, Qt.Key.Key_Right)
    assert scene.image.lit == {(row, column) for row in (1, 2, 3) for column in (1, 2, 3)}
    # (2 - 80) + 2 * (70 - 9) + (9 - 0)
    np.testing.assert_array_equal(scene.products.values, [[-80, 0, 2], [-18, 0, 140], [0, 0, 9]])
    assert said(scene).endswith("= 53")


def test_that_an_image_of_one_grey_level_gives_nothing_as_the_lesson_says(own):
    scene = own(ConvolutionScene())
    scene.image.move_to((1, 1))
    scene.image.fill()
    np.testing.assert_array_equal(scene.image.values, np.full((4, 4), 80))
    np.testing.assert_array_equal(scene.output.values, np.zeros((2, 2)))
    scene.reset()
    assert scene.output.values[0, 0] == 29


def test_that_an_edited_filter_takes_effect_at_once(own):
    scene = own(ConvolutionScene())
    type_into(scene.filter, (0, 1), "2")  # under it 60 and 0 in the upper, 80 and 31 in the lower row
    np.testing.assert_array_equal(scene.output.values, [[29 + 120, -145], [160, 53 + 62]])


def test_that_playing_goes_through_all_positions_and_ends(own):
    scene = own(ConvolutionScene())
    scene.show()
    scene.output.move_to((1, 1))
    scene.play.click()
    shown = [said(scene).rpartition("= ")[2]]
    for _ in range(4):
        assert scene.play._timer.isActive()
        scene.play.advance()
        shown.append(said(scene).rpartition("= ")[2])
    assert shown == ["29", "-145", "0", "53", "53"]
    assert not scene.play._timer.isActive()
    assert scene.play.text() == "&Play"


def test_that_nothing_plays_unasked_or_unseen(own):
    scene = own(ConvolutionScene())
    scene.show()
    assert not scene.play._timer.isActive()
    scene.play.click()
    assert scene.play._timer.isActive()
    scene.hide()
    assert not scene.play._timer.isActive()


def test_that_a_click_on_a_button_leaves_the_keys_to_the_cells(own, qapp):
    scene = own(ConvolutionScene())
    scene.show()
    scene.activateWindow()
    qapp.processEvents()
    scene.image.setFocus()
    QTest.keyClicks(scene.image, "7")
    fill = next(button for button in scene.findChildren(QAbstractButton) if button.text() == "&Fill image")
    QTest.mouseClick(fill, Qt.MouseButton.LeftButton)
    np.testing.assert_array_equal(scene.image.values, np.full((4, 4), 7))
    assert scene.image.hasFocus()


# Padding


def test_that_same_padding_shows_its_border_of_zeros_and_keeps_the_size(own):
    scene = own(PaddingScene())
    np.testing.assert_array_equal(scene.image.values, np.pad(TINY, 1))
    assert scene.output.values.shape == (4, 4)
    assert scene.output.values[0, 0] == 2 * 60 + 80
    assert said(scene).startswith("size of the output: (6 - 3) / 1 + 1 = 4")
    type_into(scene.image, (0, 0), "9")  # the border stays
    type_into(scene.image, (1, 1), "9")
    assert scene.image.values[0, 0] == 0
    assert scene.image.values[1, 1] == 9


@pytest.mark.parametrize(
    ("padding", "stride", "size", "told"),
    [
        (1, 0, 2, "(4 - 3) / 1 + 1 = 2"),
        (0, 1, 2, "(5 - 3) / 2 + 1 = 2"),
        (1, 1, 1, "(4 - 3) / 2, rounded down, + 1 = 1"),
    ],
)
def test_that_the_size_of_the_output_follows_from_padding_and_stride(own, padding, stride, size, told):
    scene = own(PaddingScene())
    scene.output.move_to((3, 3))
    scene.padding.setCurrentIndex(padding)
    scene.stride_choice.setCurrentIndex(stride)
    assert scene.output.values.shape == (size, size)
    assert f"size of the output: {told}\n" in said(scene)
    step = stride + 1
    assert max(scene.image.lit) == ((size - 1) * step + 2,) * 2
    assert float(said(scene).rpartition("= ")[2]) == scene.output.values[-1, -1]


def test_that_the_filter_takes_the_border_for_an_edge_as_the_lesson_says(own):
    scene = own(PaddingScene())
    type_into(scene.image, (1, 1), "100")
    scene.image.fill()
    np.testing.assert_array_equal(scene.output.values[1], [400, 0, 0, -400])
    assert not scene.output.values[:, 1:3].any()


# Sobel filters


@pytest.mark.parametrize(("which", "filter_"), [(0, VERTICAL_SOBEL), (HORIZONTAL, HORIZONTAL_SOBEL)])
def test_that_the_map_of_a_digit_is_the_sum_of_nine_products_everywhere(own, which, filter_):
    scene = own(SobelScene())
    scene.which.setCurrentIndex(which)
    digit = scene.image.values
    assert digit.max() > 200
    for row, column in ((9, 9), (0, 25), (14, 6)):
        assert scene.map.values[row, column] == (digit[row : row + 3, column : column + 3] * filter_).sum()


def test_that_both_filters_together_give_the_strength_of_the_edge(own):
    scene = own(SobelScene())
    vertical = scene.map.values
    scene.which.setCurrentIndex(HORIZONTAL)
    horizontal = scene.map.values
    scene.which.setCurrentIndex(BOTH)
    assert not scene.second.isHidden()
    np.testing.assert_allclose(scene.map.values, np.sqrt(vertical**2 + horizontal**2))
    a, b = abs(vertical[9, 9]), abs(horizontal[9, 9])
    assert said(scene).startswith(f"strength of the edge = \u221a({a:g}² + {b:g}²) = ")


def test_that_an_edited_filter_is_ones_own(own):
    scene = own(SobelScene())
    type_into(scene.filter, (1, 1), "1")
    scene.filter.fill()
    assert scene.which.currentIndex() == OWN
    assert scene.map.values[9, 9] == scene.image.values[9:12, 9:12].sum()


def test_that_over_the_digit_the_map_answers_for_the_patch_around_the_mouse(own):
    scene = own(SobelScene())
    first = scene.map.lit
    scene.image.move_to(scene.image.cursor)  # as Tab does
    assert scene.map.lit == first == {(9, 9)}
    scene.image.move_to((12, 20))
    assert scene.map.lit == {(11, 19)}
    assert max(scene.image.lit) == (13, 21)
    scene.image.move_to((0, 27))  # no patch has its centre there: the nearest
    assert scene.map.lit == {(0, 25)}
    assert (0, 27) in scene.image.lit


def test_that_another_digit_is_another_digit(own):
    scene = own(SobelScene())
    first = scene.image.values
    scene._show_another()
    assert (scene.image.values != first).any()


# A filter for a curve


def test_that_the_curve_gives_6600_and_passes_relu_and_its_mirror_image_does_not(own):
    scene = own(CurveScene())
    assert scene.output.values[0, 0] == scene.rectified.values[0, 0] == 6600 - 3000
    assert 4 * 50 * 30 + 20 * 30 == 6600
    assert "20 × 30" in said(scene)
    scene.which.setCurrentIndex(1)
    assert (scene.output.values[0, 0], scene.rectified.values[0, 0]) == (50 * 30 + 20 * 30 - 3000, 0)


def test_that_a_whole_field_of_ink_excites_the_filter_more_until_weights_beside_the_curve_are_negative(own):
    scene = own(CurveScene())
    scene.which.setCurrentIndex(list(IMAGES).index("all ink"))
    assert scene.output.values[0, 0] == 5 * 50 * 30 - 3000 > 6600 - 3000
    type_into(scene.filter, (3, 1), "-50")
    assert scene.output.values[0, 0] == 5 * 50 * 30 - 50 * 50 - 3000 < 6600 - 3000
    assert "50 × (-50)" in said(scene)


def test_that_relu_turns_what_stays_below_zero_into_zero(own):
    scene = own(CurveScene())
    type_into(scene.bias, (0, 0), "-7000")
    assert (scene.output.values[0, 0], scene.rectified.values[0, 0]) == (-400, 0)
    assert said(scene).endswith("ReLU: the larger of -400 and 0 = 0")


# Max pooling


@pytest.mark.parametrize(
    ("ties", "window", "sums"),
    [
        (0, [[40, 0], [0, 0]], "100, sum handed back 100 \u2713"),
        (1, [[40, 40], [0, 0]], "100, sum handed back 140: not the same!"),
        (2, [[20, 20], [0, 0]], "100, sum handed back 100 \u2713"),
    ],
    ids=["first", "all", "split"],
)
def test_that_the_gradient_goes_back_to_the_winners(own, ties, window, sums):
    scene = own(PoolingScene())
    scene.ties.setCurrentIndex(ties)
    np.testing.assert_array_equal(scene.maxima.values, [[4, 8], [9, 5]])
    np.testing.assert_array_equal(scene.handed_back.values[:2], [[0, 10, 20, 0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(scene.handed_back.values[2:, :2], [[0, 30], [0, 0]])
    np.testing.assert_array_equal(scene.handed_back.values[2:, 2:], window)
    assert said(scene).endswith(f"sum arriving {sums}")


def test_that_a_window_is_lit_in_all_four_tables_wherever_it_is_pointed_at(own):
    scene = own(PoolingScene())
    assert "the largest of 5, 5, 4, 1 is 5, at (2, 2) and (2, 3)\nof its gradient of 40, handed back: 40 + 0" in said(
        scene
    )
    scene.handed_back.move_to((3, 1))
    assert scene.maxima.lit == scene.arriving.lit == {(1, 0)}
    assert scene.image.lit == scene.handed_back.lit == {(2, 0), (2, 1), (3, 0), (3, 1)}
    assert "the largest of 0, 9, 7, 8 is 9, at (2, 1)" in said(scene)


def test_that_a_window_of_zeros_pays_four_times_when_every_tie_is_paid(own):
    scene = own(PoolingScene())
    scene.ties.setCurrentIndex(1)
    for cell in ((0, 0), (0, 1), (1, 0), (1, 1)):
        type_into(scene.image, cell, "0")
    np.testing.assert_array_equal(scene.handed_back.values[:2, :2], np.full((2, 2), 10))


# The dense layer


def test_that_units_sum_up_the_flattened_maps(own):
    scene = own(DenseScene())
    np.testing.assert_array_equal(scene.vector.values, [[4, 8, 9, 5, 0, 3, 2, 0]])
    by_hand = [4 - 9 + 1, 8 + 5 - 2 * 3 + 2 - 3, -4 + 9 + 3]
    np.testing.assert_array_equal(scene.output.values[:, 0], by_hand)
    np.testing.assert_array_equal(scene.rectified.values[:, 0], [0, 6, 8])
    scene.output.move_to((1, 0))
    assert said(scene).endswith("2 × 1 + 0 × 0 + bias (-3) = 6\nunit 1 after ReLU: 6")
    assert scene.weight.lit == {(1, place) for place in range(8)}


def test_that_a_cell_of_a_map_shows_its_place_in_the_vector(own):
    scene = own(DenseScene())
    scene.second.move_to((1, 0))
    assert scene.vector.lit == {(0, 6)}
    assert scene.second.lit == {(1, 0)}
    assert scene.weight.lit == {(unit, 6) for unit in range(3)}
    assert said(scene).startswith("map 1, (1, 0) is value 6 of the vector: 2\n")
    assert scene.output.lit == frozenset()
    scene.vector.move_to((0, 3))
    assert (scene.first.lit, scene.second.lit) == ({(1, 1)}, frozenset())


# Softmax


def test_that_the_four_logits_of_the_article_get_its_probabilities(own):
    scene = own(SoftmaxScene())
    np.testing.assert_array_equal(scene.shifted.values, [[-6, -5, -2, 0]])
    exponentials = np.exp([-6.0, -5, -2, 0])
    np.testing.assert_allclose(scene.exponentials.values[0], exponentials)
    np.testing.assert_allclose(scene.probabilities.values[0], [0.002, 0.006, 0.118, 0.874], atol=5e-4)
    np.testing.assert_allclose(scene.probabilities.values[0], exponentials / exponentials.sum())
    assert "cost = -ln p3 = -ln 0.8737 = 0.135 nats" in said(scene)
    np.testing.assert_allclose(scene.gradient.values, scene.probabilities.values - [[0, 0, 0, 1]])
    scene.probabilities.move_to((0, 0))
    assert said(scene).startswith(
        "p0 = 0.002479 / (0.002479 + 0.006738 + 0.1353 + 1) = 0.002166, gradient 0.002166 - 0"
    )


def test_that_another_right_answer_costs_as_much_more_as_its_logit_is_lower(own):
    scene = own(SoftmaxScene())
    before = scene._cost.mean
    scene.right.setCurrentIndex(0)
    assert scene._cost.mean - before == pytest.approx(5 - -1)
    p = scene.probabilities.values[0]
    np.testing.assert_array_equal(scene.wanted.values, [[1, 0, 0, 0]])
    np.testing.assert_allclose(scene.gradient.values[0], [p[0] - 1, *p[1:]])
    assert f"= {-np.log(p[0]):.4g} nats" in said(scene)
    scene.gradient.move_to((0, 0))
    assert "gradient 0.002166 - 1 = -0.9978" in said(scene)


def test_that_a_number_added_to_all_logits_changes_nothing_else(own):
    scene = own(SoftmaxScene())
    shown = [scene.shifted.values, scene.exponentials.values, scene.probabilities.values, said(scene)]
    for _ in range(3):
        scene.shift(10)
    np.testing.assert_array_equal(scene.logits.values, [[29, 30, 33, 35]])
    for one, other in zip(shown[:3], (scene.shifted, scene.exponentials, scene.probabilities), strict=True):
        np.testing.assert_array_equal(one, other.values)
    assert said(scene) == shown[3]


# The gradient of a weight


def test_that_the_gradient_by_a_weight_is_the_pixel_under_it(own):
    scene = own(WeightGradientScene())
    np.testing.assert_array_equal(scene.gradient.values, scene.image.values)
    np.testing.assert_allclose(scene.difference.values, scene.image.values, atol=1e-6)
    assert scene.output.values[0, 0] == 0
    scene.filter.setFocus()
    QTest.keyClick(scene.filter, Qt.Key.Key_PageUp)  # the cursor is on the centre
    assert scene.filter.values[1, 1] == 1
    assert scene.output.values[0, 0] == 80


def test_that_with_four_outputs_all_terms_are_written_out(own):
    scene = own(WeightGradientScene())
    scene.which.setCurrentIndex(1)
    scene.gradient.move_to((0, 1))
    # pixels (0, 1), (0, 2), (1, 1), (1, 2), times the output gradients 1, -1, 0.5 and 2
    assert scene.gradient.values[0, 1] == 60 * 1 + 0 * -1 + 80 * 0.5 + 31 * 2 == 162
    assert "60 × 1 + 0 × (-1) + 80 × 0.5 + 31 × 2 = 162\nby trying it out: 162;" in said(scene)
    assert scene.image.lit == {(0, 1), (0, 2), (1, 1), (1, 2)}
    assert scene.gradient.lit == scene.difference.lit == scene.filter.lit == {(0, 1)}


def test_that_the_central_difference_would_betray_a_wrong_gradient(own, monkeypatch):
    scene = own(WeightGradientScene())

    def wrong(self, dy, cache, gradients, workspace=None):
        gradients["weight"][:] = 3

    monkeypatch.setattr(Conv2D, "parameter_gradients", wrong)
    scene.which.setCurrentIndex(1)
    np.testing.assert_array_equal(scene.gradient.values, np.full((3, 3), 3))
    np.testing.assert_allclose(scene.difference.values[0, 1], 162, atol=1e-6)
    assert float(said(scene).rpartition(": ")[2]) > 0.5


def test_that_weights_change_the_output_but_not_the_gradient(own):
    scene = own(WeightGradientScene())
    scene.which.setCurrentIndex(1)
    gradient, output = scene.gradient.values, scene.output.values
    type_into(scene.filter, (2, 2), "-4")
    np.testing.assert_array_equal(scene.gradient.values, gradient)
    assert (scene.output.values != output).any()
    type_into(scene.arriving, (0, 0), "0")
    assert (scene.gradient.values != gradient).any()


# The window


def test_that_a_lesson_opens_in_the_theme_of_the_program(own):
    window = own(LessonsWindow(LIGHT))
    window.open_lesson(0)
    filter_ = window.scene.filter
    window.show()
    inside = (filter_.place_of((0, 0)).topLeft() + QPointF(4, 4)).toPoint()
    (expected,) = color_pixels(filter_.values[0, :1], STRONG, Coloring.SIGNED, LIGHT)
    assert filter_.grab().toImage().pixel(inside) == expected


@pytest.fixture
def window(own, live, qapp):
    window = own(MainWindow(live, Settings(theme="dark"), None))
    window.show()
    window.activateWindow()
    qapp.processEvents()
    return window


def lessons_of(window):
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return window.findChildren(LessonsWindow)


def test_that_f2_opens_the_first_lesson_and_the_menu_each(window, qapp):
    assert any("F2" in key and "essons" in what for groups in KEYS for rows in groups.values() for key, what in rows)
    QTest.keyClick(window, Qt.Key.Key_F2)
    (lessons,) = lessons_of(window)
    assert lessons.isVisible()
    assert lessons.windowModality() == Qt.WindowModality.NonModal
    (menu,) = [action.menu() for action in window.menuBar().actions() if action.text() == "&Lessons"]
    assert [action.text().split("  ")[1] for action in menu.actions()] == [lesson.title for lesson in LESSONS]
    menu.actions()[4].trigger()
    assert lessons_of(window) == [lessons]  # one window for all
    assert isinstance(lessons.scene, PoolingScene)
    assert lessons.list.currentRow() == 4


def test_that_previous_and_next_go_through_the_lessons_and_end_at_both_ends(own, qapp):
    window = own(LessonsWindow(DARK))
    window.open_lesson(0)
    window.show()
    window.activateWindow()
    qapp.processEvents()
    assert not window.previous.isEnabled()
    for lesson in LESSONS[1:]:
        QTest.keyClick(window, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
        assert window._title.text() == lesson.title
    assert not window.next.isEnabled()
    QTest.keyClick(window, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert window._title.text() == LESSONS[-2].title
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert len(window.findChildren(PlayButton)) == 0  # the scenes of other lessons are gone


def test_that_escape_closes_the_lessons_and_they_remember_nothing(window, qapp):
    window.show_lesson(0)
    (lessons,) = lessons_of(window)
    type_into(lessons.scene.image, (0, 0), "99")
    QTest.keyClick(lessons, Qt.Key.Key_Escape)
    assert lessons_of(window) == []
    window.show_lesson(0)
    (lessons,) = lessons_of(window)
    np.testing.assert_array_equal(lessons.scene.image.values, TINY)


def test_that_keys_in_a_lesson_leave_training_alone(window, live, qapp):
    window.show_lesson(0)
    (lessons,) = lessons_of(window)
    qapp.processEvents()
    lessons.scene.image.setFocus()
    QTest.keyClicks(lessons.scene.image, "7")
    QTest.keyClick(lessons.scene.image, Qt.Key.Key_Right)
    QTest.keyClick(lessons.scene.image, Qt.Key.Key_Space)
    assert not live.is_running
    assert lessons.scene.image.values[0, 0] == 7


def test_that_lessons_follow_the_theme_and_close_with_the_window(window, qapp):
    window.show_lesson(4)
    (lessons,) = lessons_of(window)
    maxima = lessons.scene.maxima
    inside = (maxima.place_of((0, 0)).topLeft() + QPointF(4, 4)).toPoint()
    for theme in (DARK, LIGHT, DARK):
        window.apply_theme(theme)
        (expected,) = color_pixels(maxima.values[0, :1], 9, Coloring.SIGNED, theme)
        assert maxima.grab().toImage().pixel(inside) == expected
    window.close()
    assert lessons_of(window) == []
