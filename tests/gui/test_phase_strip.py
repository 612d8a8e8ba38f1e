from collections.abc import Callable
from itertools import pairwise

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QSignalSpy, QTest

from cnnviz.explain.phases import Part, StepPhase
from cnnviz.gui.phase_strip import PhaseStrip
from cnnviz.gui.theme import DARK


@pytest.fixture
def phases(make_movie: Callable) -> list[StepPhase]:
    return list(make_movie("zhou")[1].values())


@pytest.fixture
def strip(own: Callable, phases: list[StepPhase]) -> PhaseStrip:
    strip = own(PhaseStrip())
    strip.apply_theme(DARK)
    strip.resize(480, strip.sizeHint().height())
    strip.show_phases(phases)
    strip.show()
    return strip


def center(strip: PhaseStrip, phase: int) -> QPoint:
    return strip.places()[phase].center().toPoint()


def test_that_there_is_a_mark_for_each_phase_in_order_and_within(strip, phases):
    places = strip.places()
    assert len(places) == len(phases)
    assert all(a.right() < b.left() for a, b in pairwise(places))
    assert places[-1].right() <= strip.width()


def test_that_the_marks_of_keras_fit_into_the_least_width(own, make_movie):
    strip = own(PhaseStrip())
    strip.show_phases(list(make_movie("keras")[1].values()))
    strip.resize(strip.minimumSizeHint())
    places = strip.places()
    assert places[-1].right() <= strip.width()
    assert all(place.width() >= 4 for place in places)


def test_that_the_parts_of_the_step_stand_apart(strip, phases):
    places, parts = strip.places(), [phase.kind.part for phase in phases]
    gaps = {parts[i + 1] is parts[i]: places[i + 1].left() - places[i].right() for i in range(len(places) - 1)}
    assert gaps[False] > gaps[True]
    assert len(set(parts)) == len(Part)


def test_that_a_click_goes_to_its_phase_and_dragging_follows(strip):
    spy = QSignalSpy(strip.valueChanged)
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=center(strip, 5))
    QTest.mouseClick(strip, Qt.MouseButton.RightButton, pos=center(strip, 7))
    assert [spy.at(i)[0] for i in range(spy.count())] == [5]
    QTest.mousePress(strip, Qt.MouseButton.LeftButton, pos=center(strip, 3))
    assert strip.value() == 3


def test_that_arrow_keys_go_from_phase_to_phase(strip):
    strip.setFocus()
    QTest.keyClick(strip, Qt.Key.Key_Right)
    QTest.keyClick(strip, Qt.Key.Key_Right)
    QTest.keyClick(strip, Qt.Key.Key_Left)
    assert strip.value() == 1
    QTest.keyClick(strip, Qt.Key.Key_End)
    assert strip.value() == strip.maximum()


def test_that_the_phase_under_the_mouse_is_named(strip):
    spy = QSignalSpy(strip.hovered)
    QTest.mouseMove(strip, center(strip, 5))
    assert spy.at(spy.count() - 1)[0] == "Softmax"


def test_that_a_screen_reader_is_told_the_phase(strip):
    strip.setValue(6)
    assert strip.accessibleDescription() == "Cost"


def test_that_what_is_done_what_is_shown_and_what_is_to_come_look_different(strip):
    strip.setValue(4)
    picture = strip.grab().toImage()
    colors = {i: picture.pixelColor(center(strip, i)).name() for i in (0, 3, 4, 5, 9)}
    assert colors[4] == DARK.accent
    assert colors[0] == colors[3] == DARK.muted
    assert colors[5] == colors[9] == DARK.raised


def test_that_an_empty_strip_takes_clicks_and_paints(own):
    strip = own(PhaseStrip())
    strip.apply_theme(DARK)
    strip.show()
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton)
    QTest.mouseMove(strip, QPoint(5, 5))
    strip.grab()
