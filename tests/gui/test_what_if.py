"""The bar in which a number is nudged and its gradient checked, and its parts."""

import math

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from cnnviz.explain.gradient_check import WIDTHS, Difference, GradientCheck
from cnnviz.explain.places import INPUT, Cell, Probability, Weight, gradient_at, value_at
from cnnviz.gui.error_chart import ErrorChart, describe, error_text, kink_text
from cnnviz.gui.figure_row import FigureRow
from cnnviz.gui.nudging import DragName, ValueField
from cnnviz.gui.theme import DARK, LIGHT, apply_theme
from cnnviz.gui.tiles import number
from cnnviz.gui.what_if import EMPTY, KEEP_NO_PIXEL, WhatIfBar, change_text, cost_figures
from cnnviz.gui.workbench import NOTHING_CHOSEN, notch_of

CENTRE = Weight("conv1", "weight", (3, 0, 1, 2))
PIXEL = Cell(INPUT, (12, 13, 0))
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def bar(own, live, qapp):
    """Return a bar in a window, as a panel holds it; it is given what the workbench shows."""
    window = own(QWidget())
    layout = QVBoxLayout(window)
    bar = WhatIfBar(live, window)
    bar.apply_theme(DARK)
    layout.addWidget(bar)
    window.resize(660, 110)
    window.show()
    window.activateWindow()
    live.nudge_changed.connect(lambda: bar.show_snapshot(live.snapshot))
    qapp.processEvents()
    return bar


@pytest.fixture
def chosen(bar, live, wait_until):
    """Return the bar with a weight that was chosen and checked."""
    live.choose(CENTRE)
    wait_until(lambda: len(bar.differences) == len(WIDTHS))
    return bar


def turn(widget, clicks, modifiers=Qt.KeyboardModifier.NoModifier):
    """Turn the wheel over ``widget``, as the window system tells it: to the window."""
    window = widget.window()
    at = QPointF(widget.mapTo(window, widget.rect().center()))
    QTest.wheelEvent(window.windowHandle(), at, QPoint(0, round(120 * clicks)), QPoint(), modifiers)


def type_into(field, text):
    """Type ``text``, also what QTest has no keys for, as the window system tells it: to who has the focus."""
    assert field.hasFocus()
    for sign in text:
        QApplication.sendEvent(field, QKeyEvent(QEvent.Type.KeyPress, 0, Qt.KeyboardModifier.NoModifier, sign))


def shown(bar, caption):
    return {**bar.cost.figures, **bar.gradient.figures}[caption]


# What is shown


def test_that_without_a_choice_a_sentence_says_what_to_do(bar, live):
    assert bar.sentence.isVisible()
    assert bar.sentence.text() == EMPTY
    live.choose(Cell("conv2", (1, 2, 3)))
    assert bar.sentence.text().startswith("conv2, channel 3, (1, 2). This number is worked out from weights and pixels")
    live.choose(Probability(4))
    assert bar.sentence.text().startswith("probability of 4. A probability is worked out")
    live.choose(Weight("conv9", "bias", (0,)))
    assert bar.sentence.text() == EMPTY


def test_that_value_cost_and_gradient_are_the_engine_s(chosen, live):
    snapshot = live.snapshot
    assert not chosen.sentence.isVisible()
    assert chosen.name.text() in (f"\u2194 {CENTRE}", "\u2194 conv1/weight[3,0,1,2]")
    assert chosen.field.lineEdit().text() == number(value_at(snapshot, CENTRE))
    assert shown(chosen, "cost, nats") == number(snapshot.trace.loss)
    assert shown(chosen, "backprop") == number(gradient_at(snapshot, CENTRE))
    difference = GradientCheck(snapshot, CENTRE).difference(1e-5)
    assert shown(chosen, "central difference") == number(difference.slope)
    assert shown(chosen, "relative error") == error_text(difference.error)
    assert shown(chosen, "kinks within \u00b1h") == kink_text(difference)
    target = snapshot.trace.target
    assert shown(chosen, f"p({target})") == f"{100 * snapshot.trace.probabilities[target]:.2f}\u00a0%"


def test_that_a_nudge_shows_before_and_after_and_what_the_gradient_predicts(chosen, live, wait_until):
    run = live.snapshot
    place = Weight("dense2", "bias", (run.trace.target,))
    live.choose(place)
    live.nudge_by(20)  # far enough for the prediction to fail
    nudged = live.snapshot
    assert chosen.field.lineEdit().text() == number(nudged.value)
    cost = f"{number(nudged.trace.loss)} ({change_text(run.trace.loss, nudged.trace.loss)})"
    assert shown(chosen, "cost, nats") == cost
    in_full = dict(cost_figures(nudged, place, roomy=True))
    assert in_full["cost, nats"] == f"{number(run.trace.loss)} \u2192 {cost}"
    assert abs(nudged.predicted_loss - nudged.trace.loss) > 0.01
    change = nudged.value - value_at(run, place)
    assert shown(chosen, "predicted") == change_text(0, gradient_at(run, place) * change)
    before, after = (f"{100 * each.trace.probabilities[run.trace.target]:.2f}" for each in (run, nudged))
    assert shown(chosen, f"p({run.trace.target})") == f"{before} \u2192 {after}\u00a0%"
    wait_until(lambda: chosen.gradient.figures.get("backprop") == number(gradient_at(nudged, place)))
    live.restore()
    assert chosen.field.lineEdit().text() == number(value_at(run, place))
    assert shown(chosen, "cost, nats") == number(run.trace.loss)


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (2.299, 2.29906, "+6e\u22125"),
        (2.0, 1.5, "\u22120.5"),
        (1.25, 1.25, "0"),
        (2.0, math.inf, "\u2013"),
        (math.nan, 2.0, "\u2013"),
    ],
)
def test_that_a_change_is_told_with_its_sign_however_small(before, after, text):
    assert change_text(before, after) == text


def test_that_the_captions_are_written_out_where_there_is_room(snapshot):
    figures = dict(cost_figures(snapshot, CENTRE, roomy=True))
    notch = f"{notch_of(snapshot, CENTRE):g}"
    assert list(figures) == ["cost, nats", f"gradient predicts at +{notch}", f"probability of {snapshot.trace.target}"]


def test_that_the_chart_has_every_step_width_and_another_one_can_be_chosen(chosen, live):
    check = GradientCheck(live.snapshot, CENTRE)
    assert list(chosen.chart.differences) == [check.difference(width) for width in WIDTHS]
    chosen.widths.setCurrentIndex(WIDTHS.index(1e-2))
    assert chosen.step_width == chosen.chart.width_chosen == 1e-2
    assert shown(chosen, "central difference") == number(check.difference(1e-2).slope)
    x = round(chosen.chart._x(1e-8))
    QTest.mouseClick(chosen.chart, Qt.MouseButton.LeftButton, pos=QPoint(x, 40))
    assert chosen.step_width == chosen.widths.currentData() == 1e-8
    assert shown(chosen, "relative error") == error_text(check.difference(1e-8).error)


def test_that_another_choice_shows_nothing_of_the_one_before(chosen, live, wait_until):
    live.choose(PIXEL)
    assert chosen.differences == []
    assert chosen.chart.differences == ()
    wait_until(lambda: len(chosen.differences) == len(WIDTHS))
    assert shown(chosen, "backprop") == number(gradient_at(live.snapshot, PIXEL))


def test_that_a_hidden_bar_checks_nothing_and_catches_up_when_it_is_seen(bar, live, wait_until, monkeypatch, qapp):
    bar.window().hide()
    checked = []
    monkeypatch.setattr(
        "cnnviz.gui.what_if.GradientCheck", lambda *given: checked.append(given) or GradientCheck(*given)
    )
    live.choose(CENTRE)
    live.nudge_by(1)
    QTest.qWait(100)
    assert checked == []
    bar.window().show()
    wait_until(lambda: len(bar.differences) == len(WIDTHS))
    assert [place for _, place in checked] == [CENTRE]


def test_that_the_check_of_a_number_chosen_behind_a_tab_is_its_own(window, live, wait_until):
    bar, tabs = window.inspector.what_if, window.docks
    live.choose(CENTRE)
    wait_until(lambda: len(bar.differences) == len(WIDTHS))
    tabs["filters"].raise_()
    wait_until(lambda: not window.inspector.is_seen)
    weight = np.abs(live.snapshot.trace.parameter_gradients["conv2"]["weight"])
    other = Weight("conv2", "weight", tuple(map(int, np.unravel_index(weight.argmax(), weight.shape))))
    live.choose(other)
    assert not bar.gradient.figures
    wait_until(lambda: bar.gradient.figures)
    assert shown(bar, "backprop") == number(gradient_at(live.snapshot, other))


def test_that_the_inspector_can_be_turned_round_while_another_run_is_loaded(window, live, qapp):
    live.choose(CENTRE)
    qapp.processEvents()
    live.reset()
    assert live.snapshot is None
    press(window, "B")
    assert window.inspector.is_back


def test_that_a_check_that_a_tab_has_hidden_is_made_when_it_is_seen_again(window, live, wait_until, monkeypatch):
    bar, difference = window.inspector.what_if, GradientCheck.difference
    monkeypatch.setattr(
        GradientCheck, "difference", lambda *args: window.docks["filters"].raise_() or difference(*args)
    )
    live.choose(CENTRE)
    wait_until(lambda: len(bar.differences) == 1)
    monkeypatch.undo()
    window.docks["inspector"].raise_()
    wait_until(lambda: len(bar.differences) == len(WIDTHS))


def test_that_the_same_snapshot_is_checked_once(chosen, live, monkeypatch):
    checked = []
    monkeypatch.setattr(
        "cnnviz.gui.what_if.GradientCheck", lambda *given: checked.append(given) or GradientCheck(*given)
    )
    chosen.show_snapshot(live.snapshot)
    QTest.qWait(600)
    assert checked == []


def test_that_after_a_reset_the_bar_waits_for_the_new_network(chosen, live, wait_until):
    live.nudge_by(1)
    live.reset()
    assert chosen.sentence.text() == EMPTY
    assert chosen.sentence.isVisible()
    wait_until(lambda: live.poll() or live.snapshot)
    chosen.show_snapshot(live.snapshot)
    assert chosen.field.lineEdit().text() == number(value_at(live.snapshot, CENTRE))


@pytest.mark.parametrize("theme", [DARK, LIGHT])
@pytest.mark.parametrize("size", [(640, 96), (1000, 260)])
def test_that_nothing_is_cut_off_in_either_theme(chosen, live, qapp, wait_until, theme, size):
    apply_theme(qapp, theme)
    chosen.apply_theme(theme)
    chosen.window().resize(*size)
    live.nudge_by(1)
    qapp.processEvents()
    assert chosen.minimumSizeHint().height() <= chosen.height()
    for control in (chosen.field, chosen.down, chosen.up, chosen.one, chosen.restore, chosen.keep, chosen.widths):
        assert control.width() >= control.minimumSizeHint().width()
        assert chosen.rect().contains(control.mapTo(chosen, control.rect().bottomRight()))
    image = chosen.grab().toImage()
    colors = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}
    assert {theme.accent, theme.surface} <= colors
    apply_theme(qapp, DARK)


# Nudging


def test_that_the_buttons_nudge_restore_and_keep(chosen, live, wait_until):
    before = value_at(live.snapshot, CENTRE)
    assert not chosen.restore.isEnabled()
    assert not chosen.keep.isEnabled()
    chosen.up.click()
    chosen.up.click()
    chosen.down.click()
    assert live.nudge.value == pytest.approx(before + live.notch())
    chosen.restore.click()
    assert live.nudge is None
    chosen.one.click()
    assert live.nudge.value == pytest.approx(before + 1)
    chosen.keep.click()
    wait_until(lambda: live.poll() or live.snapshot.history.edits)
    assert value_at(live.snapshot, CENTRE) == pytest.approx(before + 1)


@pytest.mark.parametrize(("modifiers", "notches"), [(Qt.KeyboardModifier.NoModifier, 1), (SHIFT, 0.1), (CTRL, 10)])
def test_that_wheel_and_arrow_keys_nudge_by_notches_and_finer_or_coarser(chosen, live, modifiers, notches):
    before, notch = value_at(live.snapshot, CENTRE), live.notch()
    for widget in (chosen, chosen.field, chosen.name, chosen.up):
        turn(widget, 1, modifiers)
    assert live.nudge.value == pytest.approx(before + 4 * notches * notch, abs=1e-6)
    chosen.field.setFocus()
    for _ in range(3):
        QTest.keyClick(chosen.field, Qt.Key.Key_Down, modifiers)
    QTest.keyClick(chosen.field, Qt.Key.Key_Up, modifiers)
    assert live.nudge.value == pytest.approx(before + 2 * notches * notch, abs=1e-6)


def test_that_page_keys_go_ten_notches(chosen, live):
    before = value_at(live.snapshot, CENTRE)
    QTest.keyClick(chosen.field, Qt.Key.Key_PageUp)
    assert live.nudge.value == pytest.approx(before + 10 * live.notch())


@pytest.mark.parametrize(
    ("text", "value"), [("0.75", 0.75), ("-1.5", -1.5), ("\u22122", -2.0), ("1e-3", 1e-3), ("2,5", 2.5)]
)
def test_that_a_value_can_be_typed(chosen, live, text, value):
    chosen.field.setFocus()
    chosen.field.selectAll()
    type_into(chosen.field, text)
    assert live.nudge is None  # not before it is whole
    QTest.keyClick(chosen.field, Qt.Key.Key_Return)
    assert live.nudge.value == pytest.approx(value)
    assert not chosen.field.hasFocus()


@pytest.mark.parametrize("text", ["", "abc", "1e99"])
def test_that_what_is_no_number_is_not_taken(chosen, live, text):
    before = chosen.field.lineEdit().text()
    chosen.field.setFocus()
    chosen.field.selectAll()
    QTest.keyClick(chosen.field, Qt.Key.Key_Delete)
    type_into(chosen.field, text)
    QTest.keyClick(chosen.field, Qt.Key.Key_Return)
    assert live.nudge is None
    assert chosen.field.lineEdit().text() == before


def test_that_a_field_that_was_left_as_it_was_nudges_nothing(chosen, live):
    chosen.field.setFocus()
    QTest.keyClick(chosen.field, Qt.Key.Key_Return)
    assert live.nudge is None  # though the four digits that it shows are not the whole number


def test_that_typing_is_not_disturbed_by_a_snapshot(chosen, live):
    chosen.field.setFocus()
    chosen.field.selectAll()
    type_into(chosen.field, "0.12")
    chosen.show_snapshot(live.snapshot)
    assert chosen.field.lineEdit().text() == "0.12"


def test_that_escape_forgets_what_was_typed_before_it_restores(window, live):
    bar = WhatIfBar(live, window)  # where Escape is a key of the window
    bar.resize(660, 90)
    bar.show()
    live.choose(CENTRE)
    live.nudge_to(0.75)
    bar.field.setFocus()
    bar.field.selectAll()
    type_into(bar.field, "3")
    QTest.keyClick(bar.field, Qt.Key.Key_Escape)
    assert bar.field.lineEdit().text() == "0.75"
    assert live.nudge.value == 0.75
    QTest.keyClick(bar.field, Qt.Key.Key_Escape)
    assert live.nudge is None


def test_that_pulling_nudges_until_it_is_let_go(chosen, live):
    before, notch = value_at(live.snapshot, CENTRE), live.notch()
    QTest.mousePress(chosen.name, Qt.MouseButton.LeftButton, pos=QPoint(20, 5))
    for x in (26, 32, 56):
        QTest.mouseMove(chosen.name, QPoint(x, 5))
    assert live.nudge.value == pytest.approx(before + 3 * notch, rel=1e-3)
    QTest.mouseRelease(chosen.name, Qt.MouseButton.LeftButton, pos=QPoint(56, 5))
    assert live.nudge is None


def test_that_a_mere_click_on_the_name_restores_nothing(chosen, live):
    live.nudge_by(1)
    QTest.mouseClick(chosen.name, Qt.MouseButton.LeftButton)
    assert live.nudge is not None


def test_that_a_pixel_is_nudged_and_the_button_says_why_it_is_not_kept(bar, live):
    live.choose(PIXEL)
    bar.up.click()
    assert live.nudge.place == PIXEL
    assert bar.keep.toolTip() == KEEP_NO_PIXEL
    live.choose(CENTRE)
    assert bar.keep.toolTip() != KEEP_NO_PIXEL


def test_that_a_click_leaves_the_keys_to_the_window(chosen):
    for button in (chosen.down, chosen.up, chosen.one, chosen.restore, chosen.keep, chosen.widths):
        assert button.focusPolicy() == Qt.FocusPolicy.TabFocus
        assert button.accessibleName()
        assert button.toolTip()


# Parts


def test_that_a_figure_does_not_move_back_when_another_gets_shorter(own):
    row = own(FigureRow(stacked=False))
    row.show_figures((("cost", "0.123456 \u2192 0.654321"), ("p", "1")))
    wide = list(row._widths)
    row.show_figures((("cost", "0.1"), ("p", "1")))
    assert row._widths == wide
    assert row.accessibleDescription() == "cost: 0.1; p: 1"
    row.show_figures((("other", "0.1"), ("p", "1")))
    assert row._widths[0] < wide[0]


def test_that_a_name_is_short_where_there_is_no_room(own):
    name = own(DragName())
    name.show_name("conv1, filter 3, channel 0, (1, 2)", "conv1/weight[3,0,1,2]")
    name.show()
    for width, text in ((600, "\u2194 conv1, filter 3, channel 0, (1, 2)"), (180, "\u2194 conv1/weight[3,0,1,2]")):
        name.resize(width, 20)
        assert name.text() == text


def test_that_a_field_shows_four_digits_whatever_the_size(own):
    field = own(ValueField())
    for value, text in ((1.234567e-7, "1.235e\u22127"), (-1234567.0, "\u22121.235e6"), (0.0, "0")):
        field.show_value(value)
        assert field.lineEdit().text() == text


@pytest.fixture
def chart(own):
    chart = own(ErrorChart())
    chart.resize(300, 120)
    chart.apply_theme(DARK)
    chart.show()
    return chart


def test_that_dots_lie_where_their_errors_are_and_rings_where_kinks_are(chart):
    smooth = [Difference(width, 1.0, 1e-8, 1e-10, 0, 0) for width in WIDTHS[2:]]
    chart.show_differences(
        [Difference(0.1, 1.0, 1e-2, 1e-2, 2, 1), Difference(1e-2, 1.0, 1e-4, 1e-4, 0, 0), *smooth], 1e-5
    )
    image = chart.grab().toImage()
    for width, error, color in ((1e-2, 1e-4, DARK.accent), (1e-7, 1e-8, DARK.accent), (0.1, 1e-2, DARK.surface)):
        at = image.pixelColor(round(chart._x(width)), round(chart._y(error)))
        assert at.name() == color
    area = chart._area()
    assert (chart._y(1.0), chart._y(1e-12)) == pytest.approx((area.top(), area.bottom()))
    assert (chart._x(1e-10), chart._x(0.1)) == pytest.approx((area.left(), area.right()))


def test_that_the_chart_says_what_is_under_the_mouse(chart):
    said = []
    chart.hovered.connect(said.append)
    chart.show_differences([Difference(width, 1.0, 3.14e-8, 1e-10, 1, 2) for width in WIDTHS], 1e-5)
    QTest.mouseMove(chart, QPoint(round(chart._x(1e-3)), 50))
    assert said[-1] == "h = 0.001: relative error 3.1e\u22128, 1 ReLU, 2 windows within \u00b1h"


@pytest.mark.parametrize("error", [np.nan, np.inf, 0.0])
def test_that_errors_that_are_none_are_drawn_and_described(chart, error):
    chart.show_differences([Difference(width, error, error, error, 0, 0) for width in WIDTHS], 1e-5)
    chart.grab()
    assert describe(chart.differences[0]) == f"h = 0.1: relative error {error:g}"


# In the window


def press(window, keys):
    QTest.keySequence(window, QKeySequence(keys))


def test_that_keys_nudge_restore_and_keep_from_anywhere_in_the_window(window, live, wait_until):
    live.choose(CENTRE)
    before, notch = value_at(live.snapshot, CENTRE), live.notch()
    for keys, notches in (("Alt+Up", 1), ("Alt+PgUp", 11), ("Alt+Shift+Down", 10.9), ("Alt+Down", 9.9)):
        press(window, keys)
        assert live.nudge.value == pytest.approx(before + notches * notch, abs=1e-6)
    press(window, "Esc")
    assert live.nudge is None
    for keys in ("Alt+Shift+Up", "Alt+PgDown"):
        press(window, keys)
    assert live.nudge.value == pytest.approx(before - 9.9 * notch, abs=1e-6)
    press(window, "Ctrl+K")
    wait_until(lambda: live.poll() or live.snapshot.history.edits)
    assert live.nudge is None


def test_that_keys_without_a_choice_say_how_to_make_one(window, live):
    press(window, "Alt+Up")
    assert live.nudge is None
    assert window._notice.text() == NOTHING_CHOSEN


def test_that_escape_is_left_to_others_where_nothing_is_nudged(window, live):
    restore, keep = window._while_nudged
    live.choose(CENTRE)
    assert (restore.isEnabled(), keep.isEnabled()) == (False, False)
    live.nudge_by(1)
    assert (restore.isEnabled(), keep.isEnabled()) == (True, True)
    live.choose(PIXEL)
    assert (restore.isEnabled(), keep.isEnabled()) == (False, False)


def test_that_the_status_bar_says_that_what_is_shown_is_a_what_if(window, live):
    assert not window._what_if.isVisible()
    live.choose(CENTRE)
    live.nudge_to(0.75)
    assert window._what_if.isVisible()
    before = number(live.nudge.before)
    assert window._what_if.text() == f"what if: conv1, filter 3, channel 0, (1, 2): {before} \u2192 0.75 (Esc restores)"
    live.restore()
    assert not window._what_if.isVisible()


def test_that_maps_probabilities_and_the_pad_answer_by_the_nudged_network(window, live, wait_until):
    drawing, network = window.drawing, window.panels["network"]
    for at in ((60, 40), (60, 120)):
        QTest.mousePress(drawing.pad, Qt.MouseButton.LeftButton, pos=QPoint(*at))
        QTest.mouseMove(drawing.pad, QPoint(90, 140))
        QTest.mouseRelease(drawing.pad, Qt.MouseButton.LeftButton, pos=QPoint(90, 140))
    window.refresh()
    wait_until(lambda: drawing.image is not None and drawing.bars.probabilities is not None)
    place = Weight("dense2", "bias", (3,))
    live.choose(place)
    live.nudge_to(40.0)
    window.refresh()
    assert network.bars.probabilities is live.nudge.trace.probabilities
    assert network.bars.winner == 3
    wait_until(lambda: drawing.bars.winner == 3)
    np.testing.assert_allclose(drawing.bars.probabilities, live.classify(drawing.image), rtol=1e-5)
    press(window, "Esc")
    window.refresh()
    assert network.bars.probabilities is live.newest.trace.probabilities
    wait_until(lambda: drawing.bars.probabilities.max() < 0.9)
