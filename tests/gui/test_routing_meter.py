import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from cnnviz.explain.routing import Flow, Routing, route
from cnnviz.gui.pooling import policy_text, ratio_text
from cnnviz.gui.routing_meter import LEAST_ROW, RoutingMeter
from cnnviz.gui.theme import DARK, LIGHT, Theme
from cnnviz.nn import TIES, MaxPool2D


@pytest.fixture
def meter(own: Callable[[QWidget], QWidget]) -> RoutingMeter:
    meter = own(RoutingMeter())
    meter.apply_theme(DARK)
    meter.resize(200, 3 * LEAST_ROW)
    meter.show()
    return meter


@pytest.fixture
def routing() -> Routing:
    """Return the routing of tied windows, below and above zero."""
    dy = np.array([[2.0, -3.0], [0.5, -0.25]], np.float32)[np.newaxis, ..., np.newaxis]
    return route(MaxPool2D(), np.zeros((1, 4, 4, 1), np.float32), dy)


def lengths(meter: RoutingMeter, ties: str) -> list[float]:
    """Return how long the bars of a policy are: arriving below and above zero, handed out below and above."""
    return [bar.width() for pair in meter.bars()[ties] for bar in pair]


def test_that_bars_are_as_long_as_what_they_stand_for(meter, routing):
    meter.show_routing(routing, "first", "first")
    arriving, handed = routing.arriving, routing.handed_out["all"]
    step = lengths(meter, "all")[3] / handed.above
    for ties in TIES:
        flows = arriving, routing.handed_out[ties]
        expected = [value * step for flow in flows for value in (-flow.below, flow.above)]
        assert lengths(meter, ties) == pytest.approx(expected)


def test_that_bars_start_at_one_zero_and_stay_between_names_and_ratios(meter, routing):
    meter.show_routing(routing, "first", "first")
    left, right = meter._columns()
    bars = [bar for pairs in meter.bars().values() for pair in pairs for bar in pair]
    zeros = {round(bar.right(), 6) for bar in bars[::2]} | {round(bar.left(), 6) for bar in bars[1::2]}
    assert len(zeros) == 1
    assert min(bar.left() for bar in bars) == pytest.approx(left)
    assert max(bar.right() for bar in bars) == pytest.approx(right)
    assert left > max(button.geometry().right() for button in meter.buttons.values())
    assert all(meter.rect().toRectF().contains(bar) for bar in bars)


@pytest.mark.parametrize("height", [3 * LEAST_ROW, 50, 80])
def test_that_what_arrives_stands_above_what_is_handed_out_within_the_row(meter, routing, height):
    meter.resize(200, height)
    meter.show_routing(routing, "first", "first")
    for ties, (arriving, handed) in meter.bars().items():
        assert arriving[0].bottom() <= handed[0].top()
        row = meter._row(ties)
        assert row.top() <= arriving[0].top() and handed[0].bottom() <= row.top() + row.height()  # noqa: PT018
        assert meter.buttons[ties].geometry().center().y() == pytest.approx(row.center().y(), abs=1)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_that_what_is_handed_out_has_the_colours_of_its_signs(meter, routing, theme: Theme):
    meter.apply_theme(theme)
    meter.show_routing(routing, "first", "first")
    picture = meter.grab().toImage()
    _, (below, above) = meter.bars()["all"]
    for bar, color in ((below, theme.negative), (above, theme.positive)):
        assert picture.pixelColor(bar.center().toPoint()).name() == QColor(color).name()


@pytest.mark.parametrize("bad", [0.0, math.nan, math.inf])
def test_that_nothing_is_drawn_of_nothing_or_what_is_not_finite(meter, routing, bad):
    flow = Flow(-bad, bad)
    meter.show_routing(replace(routing, arriving=flow, handed_out=dict.fromkeys(TIES, flow)), "first", "first")
    assert meter.bars() == {}
    meter.grab()


def test_that_an_unknown_routing_has_no_bars(meter):
    meter.show_routing(None, "first", "all")
    assert meter.bars() == {}
    assert meter.buttons["all"].isChecked()
    meter.grab()


@pytest.mark.parametrize("ties", TIES)
def test_that_a_click_chooses_a_policy(meter, routing, ties):
    heard = []
    meter.chosen.connect(heard.append)
    meter.show_routing(routing, "first", "first")
    QTest.mouseClick(meter.buttons[ties], Qt.MouseButton.LeftButton)
    assert heard == [ties]


def test_that_arrow_keys_choose_the_next_policy(meter, routing):
    heard = []
    meter.chosen.connect(heard.append)
    meter.show_routing(routing, "first", "first")
    meter.activateWindow()
    assert QTest.qWaitForWindowActive(meter)
    meter.buttons["first"].setFocus()
    QTest.keyClick(meter.buttons["first"], Qt.Key.Key_Down)
    assert heard == ["all"]
    assert meter.buttons["all"].hasFocus()


def test_that_the_row_under_the_mouse_is_read_out(meter, routing):
    heard = []
    meter.hovered.connect(heard.append)
    meter.show_routing(routing, "first", "first")
    QTest.mouseMove(meter, QPoint(199, 1))
    QTest.mouseMove(meter, QPoint(190, LEAST_ROW + 5))
    assert heard[-1] == policy_text(routing, "all")


def test_that_figures_are_told_without_seeing_them(meter, routing):
    meter.show_routing(routing, "first", "first")
    for ties, button in meter.buttons.items():
        assert button.accessibleName() == f"Ties: {ties}"
        assert button.accessibleDescription() == policy_text(routing, ties)
        assert ratio_text(routing, ties) in button.accessibleDescription()
