from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QWidget

from cnnviz.data.preparation import prepare_picture
from cnnviz.data.stages import stages_of_drawing, stages_of_picture
from cnnviz.gui.course_strip import leaders
from cnnviz.gui.pad import PEN_WIDTH
from cnnviz.gui.panels import reading
from cnnviz.gui.panels.drawing import DrawingPanel
from cnnviz.gui.panels.reading import ReadingPanel
from cnnviz.gui.strokes import Picture
from cnnviz.gui.theme import DARK, LIGHT, Theme
from cnnviz.gui.workbench import Workbench
from cnnviz.training.snapshot import Snapshot

LEFT = Qt.MouseButton.LeftButton
SEVEN = [(0.2 + 0.06 * i, 0.2) for i in range(11)] + [(0.8 - 0.04 * i, 0.2 + 0.06 * i) for i in range(1, 11)]


@pytest.fixture
def drawing(own: Callable[[QWidget], QWidget], workbench: Workbench, snapshot: Snapshot) -> DrawingPanel:
    workbench.snapshot = louder(snapshot)
    panel = own(DrawingPanel(workbench))
    panel.apply_theme(DARK)
    panel.resize(230, 360)
    panel.show()
    return panel


@pytest.fixture
def panel(own: Callable[[QWidget], QWidget], drawing: DrawingPanel) -> ReadingPanel:
    panel = own(ReadingPanel(drawing.workbench))
    panel.apply_theme(DARK)
    panel.watch(drawing)
    panel.resize(736, 320)
    panel.show()
    settle(panel)
    return panel


def louder(snapshot: Snapshot, seed: int = 1) -> Snapshot:
    """Return ``snapshot`` with random parameters so large that answers differ clearly."""
    parameters = snapshot.parameters.copy()
    parameters.vector[:] = np.random.default_rng(seed).normal(0, 0.3, parameters.vector.shape)
    return replace(snapshot, parameters=parameters)


def settle(panel: ReadingPanel) -> None:
    """Wait until the panels have caught up with the drawing and the network."""
    timers = (panel._drawing._answer_soon, panel._look_soon, panel._course_soon, panel._work_on)
    while any(timer.isActive() for timer in timers):
        QTest.qWait(2)


def draw(drawing: DrawingPanel, points: list[tuple[float, float]], release: bool = True) -> None:
    places = [QPoint(round(x * drawing.pad.width()), round(y * drawing.pad.height())) for x, y in points]
    QTest.mousePress(drawing.pad, LEFT, pos=places[0])
    for place in places[1:]:
        QTest.mouseMove(drawing.pad, place)
    if release:
        QTest.mouseRelease(drawing.pad, LEFT, pos=places[-1])


def place_of(panel: ReadingPanel, index: int) -> QPoint:
    """Return where a moment of the course is on the strip."""
    area = panel.strip._area()
    x = area.left() + panel.strip.moments[index].share * area.width()
    return QPoint(min(round(x), panel.strip.width() - 1), round(area.center().y()))


def photo() -> Picture:
    pixels = np.full((90, 60), 220, np.uint8)
    pixels[15:75, 25:33] = 30
    return Picture("photo.png", pixels, prepare_picture(pixels))


# The stages


def test_that_each_stage_shows_its_image_and_what_the_network_takes_that_for(
    panel: ReadingPanel, drawing: DrawingPanel
) -> None:
    draw(drawing, SEVEN)
    settle(panel)
    expected = stages_of_drawing(drawing.strokes, PEN_WIDTH, drawing.image)
    for view, image in zip(panel.stages, expected, strict=True):
        assert np.array_equal(view.image, image)
        shares = drawing.workbench.classify(image)
        assert view.answer == (shares.argmax(), pytest.approx(shares.max(), abs=1e-6))
        assert view.differs == (shares.argmax() != drawing.bars.winner)
        assert f"taken for {shares.argmax()}" in view.accessibleDescription()
    assert panel.stages[-1].answer[0] == drawing.bars.winner


def test_that_the_stages_follow_the_pen(panel: ReadingPanel, drawing: DrawingPanel) -> None:
    draw(drawing, SEVEN[:5], release=False)
    settle(panel)
    first = panel.stages[0].image
    QTest.mouseMove(drawing.pad, QPoint(150, 150))
    settle(panel)
    assert not np.array_equal(panel.stages[0].image, first)
    QTest.mouseRelease(drawing.pad, LEFT, pos=QPoint(150, 150))


def test_that_a_picture_is_taken_apart_as_well(panel: ReadingPanel, drawing: DrawingPanel) -> None:
    picture = photo()
    drawing.show_picture(picture)
    settle(panel)
    expected = stages_of_picture(picture.pixels, picture.prepared)
    assert all(np.array_equal(view.image, image) for view, image in zip(panel.stages, expected, strict=True))
    assert panel.strip.moments == []
    assert "no path" in panel.strip._sentence


def test_that_an_empty_pad_has_empty_stages_and_a_sentence(panel: ReadingPanel, drawing: DrawingPanel) -> None:
    draw(drawing, SEVEN)
    settle(panel)
    drawing.clear()
    settle(panel)
    assert [(view.image, view.answer, view.differs) for view in panel.stages] == [(None, None, False)] * 4
    assert panel.strip.moments == []
    assert panel.strip._sentence.startswith("Draw a digit")


def test_that_stages_and_course_are_asked_anew_when_the_network_has_learnt(
    panel: ReadingPanel, drawing: DrawingPanel, snapshot: Snapshot
) -> None:
    draw(drawing, SEVEN)
    settle(panel)
    before = panel.strip.probabilities
    drawing.workbench.snapshot = louder(snapshot, 2)
    panel.show_snapshot(drawing.workbench.snapshot)
    settle(panel)
    assert not np.allclose(panel.strip.probabilities, before)
    assert panel.stages[3].answer[1] == pytest.approx(drawing.workbench.classify(drawing.image).max(), abs=1e-6)


def test_that_without_a_network_the_images_are_there_and_answers_are_not(
    panel: ReadingPanel, drawing: DrawingPanel
) -> None:
    drawing.workbench.snapshot = None
    draw(drawing, SEVEN)
    settle(panel)
    assert panel.stages[0].image.any()
    assert panel.stages[0].answer is None
    assert "as soon as the network is there" in panel.strip._sentence


# The course


def test_that_the_course_has_the_answers_to_the_drawing_as_it_came_about(
    panel: ReadingPanel, drawing: DrawingPanel
) -> None:
    draw(drawing, SEVEN)
    settle(panel)
    moments, shares = panel.strip.moments, panel.strip.probabilities
    assert len(moments) > 10
    assert (moments[-1].points, moments[-1].share) == (len(SEVEN), 1)
    for moment, row in zip(moments, shares, strict=True):
        assert np.array_equal(moment.image, drawing.prepare_first(moment.points))
        assert np.allclose(row, drawing.workbench.classify(moment.image), atol=1e-5)


def test_that_undo_shortens_the_course_and_redo_brings_it_back(panel: ReadingPanel, drawing: DrawingPanel) -> None:
    draw(drawing, SEVEN)
    draw(drawing, [(0.3 + 0.02 * i, 0.5) for i in range(15)])
    settle(panel)
    whole = len(panel.strip.moments)
    drawing.undo()
    settle(panel)
    assert panel.strip.moments[-1].points == len(SEVEN)
    assert len(panel.strip.moments) < whole
    drawing.redo()
    settle(panel)
    assert panel.strip.moments[-1].points == len(SEVEN) + 15
    gaps = np.diff([moment.points for moment in panel.strip.moments])
    assert gaps.max() <= 3


def test_that_a_drawing_that_was_not_recorded_gets_its_course_when_it_comes_back(
    panel: ReadingPanel, drawing: DrawingPanel
) -> None:
    draw(drawing, SEVEN)
    drawing.clear()
    settle(panel)
    drawing.undo()
    settle(panel)
    assert len(panel.strip.moments) >= len(SEVEN) / 3


def test_that_a_panel_that_is_not_seen_does_no_work(
    panel: ReadingPanel, drawing: DrawingPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.hide()
    asked: list[int] = []
    monkeypatch.setattr(reading, "stages_of_drawing", lambda *a: asked.append(1))
    monkeypatch.setattr(drawing.workbench, "classify_all", lambda *a: asked.append(1))
    monkeypatch.setattr(drawing.workbench, "classify", lambda *a: np.full(10, 0.1))
    draw(drawing, SEVEN)
    settle(panel)
    assert asked == []


def test_that_work_on_the_course_goes_in_slices_between_which_the_pen_is_heard(
    panel: ReadingPanel, drawing: DrawingPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_SLICE", 0.0)
    slices: list[int] = []
    work = panel._do_a_little
    monkeypatch.setattr(panel, "_do_a_little", lambda: slices.append(1) or work())
    draw(drawing, SEVEN)
    panel._look()
    assert slices == []
    settle(panel)
    assert len(slices) >= 3
    assert panel.strip.moments


def test_that_what_is_drawn_while_the_course_is_worked_on_is_in_it_in_the_end(
    panel: ReadingPanel, drawing: DrawingPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_SLICE", 0.0)
    monkeypatch.setattr(reading, "_REST", 0)
    draw(drawing, SEVEN)
    drawing._read_drawing()
    while panel._job is None:
        panel._do_a_little()
    panel._work()
    draw(drawing, [(0.3, 0.5), (0.4, 0.5), (0.5, 0.5)])
    drawing._read_drawing()
    for timer in (drawing._answer_soon, panel._look_soon, panel._course_soon):
        timer.stop()
    assert panel._work_on.isActive()
    panel._begin_course()  # as its timer does, in the midst of the work
    settle(panel)
    assert panel.strip.moments[-1].points == len(SEVEN) + 3


# Going back


def test_that_dragging_shows_the_drawing_as_it_was_and_releasing_the_whole_again(
    panel: ReadingPanel, drawing: DrawingPanel
) -> None:
    draw(drawing, SEVEN)
    settle(panel)
    whole = drawing.bars.probabilities
    moment = panel.strip.moments[8]
    QTest.mousePress(panel.strip, LEFT, pos=place_of(panel, 3))
    QTest.mouseMove(panel.strip, place_of(panel, 8))
    assert np.array_equal(drawing.view.image, moment.image)
    assert np.allclose(drawing.bars.probabilities, panel.strip.probabilities[8], atol=1e-5)
    assert drawing.pad._moment == moment.points
    percent = round(100 * moment.share)
    assert drawing.note.text() == f"after {percent}\u00a0% of the path"
    assert drawing._caption.text() == f"after {percent}\u00a0%"
    QTest.mouseRelease(panel.strip, LEFT, pos=place_of(panel, 8))
    assert np.array_equal(drawing.view.image, drawing.image)
    assert np.array_equal(drawing.bars.probabilities, whole)
    assert (drawing.pad._moment, drawing.note.isVisible()) == (None, False)


def test_that_arrow_keys_go_from_moment_to_moment_and_leaving_shows_the_whole(
    panel: ReadingPanel, drawing: DrawingPanel
) -> None:
    draw(drawing, SEVEN)
    settle(panel)
    panel.strip.setFocus()
    for key, place in ((Qt.Key.Key_Left, -2), (Qt.Key.Key_Left, -3), (Qt.Key.Key_Right, -2), (Qt.Key.Key_Home, 0)):
        QTest.keyClick(panel.strip, key)
        assert np.array_equal(drawing.view.image, panel.strip.moments[place].image)
    QTest.keyClick(panel.strip, Qt.Key.Key_Left)
    assert drawing.pad._moment == panel.strip.moments[0].points
    QTest.keyClick(panel.strip, Qt.Key.Key_Escape)
    assert drawing.pad._moment is None
    QTest.keyClick(panel.strip, Qt.Key.Key_Home)
    panel.strip.clearFocus()
    assert drawing.pad._moment is None


@pytest.mark.parametrize("how", ["ink", "undo", "clear"])
def test_that_another_drawing_ends_going_back(panel: ReadingPanel, drawing: DrawingPanel, how: str) -> None:
    draw(drawing, SEVEN)
    settle(panel)
    QTest.mousePress(panel.strip, LEFT, pos=place_of(panel, 4))
    if how == "ink":
        draw(drawing, [(0.3, 0.6), (0.7, 0.6)])
    else:
        getattr(drawing, how)()
    settle(panel)
    assert drawing.pad._moment is None
    assert panel.strip._cursor is None
    assert drawing.view.image is drawing.image
    QTest.mouseRelease(panel.strip, LEFT, pos=QPoint(40, 40))


def test_that_the_moment_that_is_looked_at_stays_when_the_network_learns(
    panel: ReadingPanel, drawing: DrawingPanel, snapshot: Snapshot
) -> None:
    draw(drawing, SEVEN)
    settle(panel)
    moment = panel.strip.moments[6]
    QTest.mousePress(panel.strip, LEFT, pos=place_of(panel, 6))
    drawing.workbench.snapshot = louder(snapshot, 2)
    for each in (drawing, panel):
        each.show_snapshot(drawing.workbench.snapshot)
    settle(panel)
    assert panel.strip.moments[panel.strip._cursor].points == moment.points
    assert np.array_equal(drawing.view.image, moment.image)
    assert np.array_equal(drawing.bars.probabilities, drawing.workbench.classify(moment.image))
    QTest.mouseRelease(panel.strip, LEFT, pos=place_of(panel, 6))


def test_that_a_followed_drawing_is_followed_to_the_moment_that_is_looked_at(
    panel: ReadingPanel, drawing: DrawingPanel
) -> None:
    draw(drawing, SEVEN)
    settle(panel)
    drawing.start_following()
    QTest.mousePress(panel.strip, LEFT, pos=place_of(panel, 5))
    while drawing._follow_soon.isActive():
        QTest.qWait(2)
    assert np.array_equal(drawing.workbench.probe.image, panel.strip.moments[5].image)
    QTest.mouseRelease(panel.strip, LEFT, pos=place_of(panel, 5))


# What is under the mouse, and the picture


def test_that_the_moment_under_the_mouse_is_read_out(panel: ReadingPanel, drawing: DrawingPanel) -> None:
    draw(drawing, SEVEN)
    settle(panel)
    spy = QSignalSpy(panel.hovered)
    QTest.mouseMove(panel.strip, place_of(panel, 9))
    share, best = panel.strip.moments[9].share, int(panel.strip.probabilities[9].argmax())
    assert spy.at(spy.count() - 1)[0].startswith(f"after {round(100 * share)}\u00a0% of the path   {best}: ")


def test_that_leaders_are_told_from_where_to_where() -> None:
    probabilities = np.eye(10)[[1, 1, 7, 7, 7, 1]]
    assert leaders(probabilities) == [(1, 0, 1), (7, 2, 4), (1, 5, 5)]


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_that_the_likelier_a_digit_the_brighter_its_row(
    panel: ReadingPanel, drawing: DrawingPanel, theme: Theme
) -> None:
    panel.apply_theme(theme)
    draw(drawing, SEVEN)
    settle(panel)
    probabilities = np.full((len(panel.strip.moments), 10), 0.01, np.float32)
    probabilities[:, 7] = 0.91
    panel.strip.show_course(panel.strip.moments, probabilities)
    area = panel.strip._area()
    image = panel.strip.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pitch = area.height() / 10
    colors = [
        image.pixelColor(round(area.center().x()), round(area.top() + (digit + 0.4) * pitch)) for digit in range(10)
    ]
    assert colors[7].lightnessF() > colors[2].lightnessF() + 0.2
    assert len({color.name() for digit, color in enumerate(colors) if digit != 7}) == 1


@pytest.mark.parametrize("size", [(500, 230), (736, 300), (736, 330), (1040, 560), (400, 700)])
def test_that_at_every_size_the_parts_lie_inside_the_panel_and_apart(
    panel: ReadingPanel, size: tuple[int, int]
) -> None:
    panel.resize(*size)
    parts = [*panel._headings, *panel.stages, panel.strip]
    boxes = [QRect(part.pos(), part.size()) for part in parts]
    assert all(panel.rect().contains(box) for box in boxes)
    assert not any(a.intersects(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert panel.strip.height() >= panel.strip.minimumSizeHint().height()
