import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QImage, QPointingDevice, QTabletEvent
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QApplication, QWidget

import cnnviz.gui.panels.drawing as drawing
from cnnviz.data.drawing import Drawing
from cnnviz.data.preparation import prepare_picture, prepare_strokes
from cnnviz.gui.panels.drawing import DrawingPanel
from cnnviz.gui.probabilities import percent
from cnnviz.gui.strokes import Picture
from cnnviz.gui.theme import DARK, LIGHT, Theme
from cnnviz.gui.workbench import Workbench
from cnnviz.training.control import ProbeChoice
from cnnviz.training.snapshot import Snapshot

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def panel(own: Callable[[QWidget], QWidget], workbench: Workbench, snapshot: Snapshot) -> DrawingPanel:
    workbench.snapshot = snapshot
    panel = own(DrawingPanel(workbench))
    panel.apply_theme(DARK)
    panel.resize(230, 360)
    panel.show()
    return panel


def at(panel: DrawingPanel, x: float, y: float) -> QPoint:
    """Return the place on the pad of the unit coordinates (x, y)."""
    return QPoint(round(x * panel.pad.width()), round(y * panel.pad.height()))


def settle(panel: DrawingPanel) -> None:
    """Wait until the panel has caught up with its strokes."""
    while panel._answer_soon.isActive() or panel._follow_soon.isActive():
        QTest.qWait(2)


def drag(panel: DrawingPanel, *points: tuple[float, float], release: bool = True) -> None:
    QTest.mousePress(panel.pad, LEFT, pos=at(panel, *points[0]))
    for point in points[1:]:
        QTest.mouseMove(panel.pad, at(panel, *point))
    if release:
        QTest.mouseRelease(panel.pad, LEFT, pos=at(panel, *points[-1]))


def draw_a_seven(panel: DrawingPanel) -> None:
    drag(panel, (0.2, 0.2), (0.5, 0.2), (0.8, 0.2), (0.6, 0.5), (0.4, 0.8))
    settle(panel)


def changed_parameters(snapshot: Snapshot) -> Snapshot:
    """Return ``snapshot`` with other parameters, as after many more steps."""
    parameters = snapshot.parameters.copy()
    parameters.vector[:] = np.random.default_rng(5).normal(0, 0.2, parameters.vector.shape)
    return replace(snapshot, parameters=parameters)


# The answer


def test_that_the_answer_appears_while_the_pen_is_still_down(panel: DrawingPanel) -> None:
    drag(panel, (0.2, 0.2), (0.8, 0.2), (0.4, 0.8), release=False)
    settle(panel)
    assert panel.bars.probabilities is not None
    assert panel.bars.probabilities.sum() == pytest.approx(1, abs=1e-5)
    QTest.mouseRelease(panel.pad, LEFT, pos=at(panel, 0.4, 0.8))


def test_that_the_answer_is_that_of_the_network_to_the_prepared_strokes(panel: DrawingPanel) -> None:
    draw_a_seven(panel)
    image = prepare_strokes(panel.strokes)
    assert np.array_equal(panel.view.image, image)
    assert np.array_equal(panel.bars.probabilities, panel.workbench.classify(image))


def test_that_the_answer_follows_each_part_of_a_stroke(panel: DrawingPanel) -> None:
    drag(panel, (0.2, 0.2), (0.8, 0.2), release=False)
    settle(panel)
    first = panel.bars.probabilities
    QTest.mouseMove(panel.pad, at(panel, 0.4, 0.8))
    settle(panel)
    assert not np.array_equal(panel.bars.probabilities, first)
    assert np.array_equal(panel.bars.probabilities, panel.workbench.classify(prepare_strokes(panel.strokes)))
    QTest.mouseRelease(panel.pad, LEFT, pos=at(panel, 0.4, 0.8))


def test_that_the_first_of_many_events_is_classified_at_once_and_the_others_together(
    panel: DrawingPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []

    def prepare(strokes: list[np.ndarray], **options: float) -> np.ndarray:
        lengths.append(len(strokes[0]))
        return prepare_strokes(strokes, **options)

    monkeypatch.setattr(drawing, "prepare_strokes", prepare)
    panel.pad._put_down(at(panel, 0.2, 0.2).toPointF())
    for x in np.linspace(0.22, 0.8, 30):
        panel.pad._move_to(at(panel, x, 0.5).toPointF())
    settle(panel)
    assert lengths == [1, 31]


def test_that_a_click_with_a_trembling_hand_is_a_dot(panel: DrawingPanel) -> None:
    drag(panel, (0.3, 0.3), (0.305, 0.31))
    settle(panel)
    rows, columns = np.nonzero(panel.view.image)
    assert np.ptp(rows) <= 4
    assert np.ptp(columns) <= 4


def test_that_an_empty_pad_shows_no_answer_and_says_what_to_do(panel: DrawingPanel) -> None:
    panel.show_snapshot(panel.workbench.snapshot)
    assert panel.bars.probabilities is None
    assert panel.bars.winner is None
    assert panel.view.image is None
    assert panel.pad.accessibleDescription() == "Draw a digit"


@pytest.mark.parametrize("how", ["clear", "undo"])
def test_that_the_answer_goes_at_once_with_the_drawing(panel: DrawingPanel, how: str) -> None:
    draw_a_seven(panel)
    getattr(panel, how)()
    assert panel.bars.probabilities is None
    assert panel.view.image is None
    panel.show_snapshot(panel.workbench.snapshot)
    assert panel.bars.probabilities is None


def test_that_a_drawing_cleared_within_the_frame_is_never_answered(panel: DrawingPanel) -> None:
    drag(panel, (0.2, 0.2), (0.8, 0.2))
    panel.clear()
    settle(panel)
    assert panel.bars.probabilities is None


def test_that_undo_of_clear_brings_the_answer_back(panel: DrawingPanel) -> None:
    draw_a_seven(panel)
    before = panel.bars.probabilities
    panel.clear()
    panel.undo()
    settle(panel)
    assert np.array_equal(panel.bars.probabilities, before)


def test_that_every_snapshot_is_asked_anew(panel: DrawingPanel, snapshot: Snapshot) -> None:
    draw_a_seven(panel)
    before = panel.bars.probabilities
    panel.workbench.snapshot = changed_parameters(snapshot)
    panel.show_snapshot(panel.workbench.snapshot)
    assert not np.allclose(panel.bars.probabilities, before)
    assert np.array_equal(panel.bars.probabilities, panel.workbench.classify(panel.view.image))


def test_that_a_network_of_another_kind_is_asked_as_well(panel: DrawingPanel, zhou_snapshot: Snapshot) -> None:
    draw_a_seven(panel)
    panel.workbench.snapshot = zhou_snapshot
    panel.show_snapshot(zhou_snapshot)
    assert np.array_equal(panel.bars.probabilities, panel.workbench.classify(panel.view.image))


def test_that_a_panel_shown_again_has_the_newest_answer(panel: DrawingPanel, snapshot: Snapshot) -> None:
    draw_a_seven(panel)
    panel.hide()
    panel.workbench.snapshot = changed_parameters(snapshot)
    panel.show()
    assert np.array_equal(panel.bars.probabilities, panel.workbench.classify(panel.view.image))


def test_that_without_a_network_the_drawing_waits_for_one(panel: DrawingPanel, snapshot: Snapshot) -> None:
    draw_a_seven(panel)
    panel.workbench.snapshot = None
    panel.workbench.run_started.emit()
    assert panel.bars.probabilities is None
    assert "as soon as the network is there" in panel.pad.accessibleDescription()
    panel.grab()
    panel.workbench.snapshot = snapshot
    panel.show_snapshot(snapshot)
    assert panel.bars.probabilities is not None


@pytest.mark.parametrize(("digit", "heard"), [(7, "a"), (8, "an")])
def test_that_the_answer_can_be_heard(
    panel: DrawingPanel, monkeypatch: pytest.MonkeyPatch, digit: int, heard: str
) -> None:
    probabilities = np.full(10, 0.07 / 9)
    probabilities[digit] = 0.93
    monkeypatch.setattr(panel.workbench, "classify", lambda image: probabilities)
    draw_a_seven(panel)
    assert panel.pad.accessibleDescription() == f"looks like {heard} {digit}, 93\u00a0%"
    assert panel.pad.accessibleName() == "Drawing pad"


# Undo


def test_that_the_panel_undoes_redoes_and_clears(panel: DrawingPanel) -> None:
    spy = QSignalSpy(panel.drawing_changed)
    drag(panel, (0.2, 0.2), (0.8, 0.2))
    assert spy.count() == 2
    assert (panel.can_undo, panel.can_redo) == (True, False)
    panel.undo()
    assert (panel.can_undo, panel.can_redo) == (False, True)
    assert panel.strokes == []
    panel.redo()
    assert len(panel.strokes) == 1
    panel.clear()
    assert panel.strokes == []
    assert spy.count() == 5


def test_that_the_buttons_undo_and_clear_and_rest_where_there_is_nothing_to_do(panel: DrawingPanel) -> None:
    assert not panel.undo_button.isEnabled()
    assert not panel.clear_button.isEnabled()
    drag(panel, (0.2, 0.2), (0.8, 0.2))
    drag(panel, (0.2, 0.8), (0.8, 0.8))
    QTest.mouseClick(panel.undo_button, LEFT)
    assert len(panel.strokes) == 1
    QTest.mouseClick(panel.clear_button, LEFT)
    assert panel.strokes == []
    assert not panel.clear_button.isEnabled()
    QTest.mouseClick(panel.undo_button, LEFT)
    assert len(panel.strokes) == 1


def test_that_tooltips_name_the_keys(panel: DrawingPanel) -> None:
    assert "Ctrl+Z" in panel.undo_button.toolTip()
    assert "Del" in panel.clear_button.toolTip()


# The probe


def test_that_follow_makes_the_drawing_the_probe_and_back(panel: DrawingPanel) -> None:
    panel.workbench.set_probe(ProbeChoice("test", 17))
    draw_a_seven(panel)
    QTest.mouseClick(panel.follow, LEFT)
    assert panel.workbench.probe.kind == "drawing"
    assert np.array_equal(panel.workbench.probe.image, panel.view.image)
    QTest.mouseClick(panel.follow, LEFT)
    assert panel.workbench.probe == ProbeChoice("test", 17)


def test_that_a_followed_drawing_is_followed_stroke_by_stroke(panel: DrawingPanel) -> None:
    draw_a_seven(panel)
    panel.start_following()
    drag(panel, (0.3, 0.5), (0.7, 0.5), release=False)
    settle(panel)
    assert np.array_equal(panel.workbench.probe.image, prepare_strokes(panel.strokes))
    QTest.mouseRelease(panel.pad, LEFT, pos=at(panel, 0.7, 0.5))


def test_that_the_probe_changes_some_thirty_times_a_second_at_most(panel: DrawingPanel) -> None:
    panel.start_following()
    spy = QSignalSpy(panel.workbench.probe_changed)
    start = time.monotonic()
    QTest.mousePress(panel.pad, LEFT, pos=at(panel, 0.2, 0.5))
    for x in np.linspace(0.2, 0.8, 40):
        QTest.mouseMove(panel.pad, at(panel, x, 0.5))
        QTest.qWait(5)
    QTest.mouseRelease(panel.pad, LEFT, pos=at(panel, 0.8, 0.5))
    settle(panel)
    assert 3 <= spy.count() <= 30 * (time.monotonic() - start) + 2
    assert np.array_equal(panel.workbench.probe.image, prepare_strokes(panel.strokes))


def test_that_without_follow_the_probe_is_left_alone(panel: DrawingPanel) -> None:
    spy = QSignalSpy(panel.workbench.probe_changed)
    draw_a_seven(panel)
    panel.clear()
    assert spy.count() == 0


def test_that_clearing_goes_back_to_the_test_digit_and_the_next_drawing_is_followed_again(panel: DrawingPanel) -> None:
    panel.workbench.set_probe(ProbeChoice("test", 17))
    draw_a_seven(panel)
    panel.start_following()
    panel.clear()
    assert panel.workbench.probe == ProbeChoice("test", 17)
    assert panel.follow.isChecked()
    draw_a_seven(panel)
    assert panel.workbench.probe.kind == "drawing"


def test_that_a_change_on_its_way_does_not_undo_the_end_of_following(panel: DrawingPanel) -> None:
    draw_a_seven(panel)
    panel.start_following()
    panel._read_drawing()
    assert panel._follow_soon.isActive()
    panel.follow.setChecked(False)
    settle(panel)
    assert panel.workbench.probe.kind == "test"


@pytest.mark.parametrize("kind", ["test", "training"])
def test_that_another_probe_chosen_elsewhere_ends_following(panel: DrawingPanel, kind: str) -> None:
    draw_a_seven(panel)
    panel.start_following()
    panel.workbench.set_probe(ProbeChoice(kind, 3))
    assert not panel.follow.isChecked()
    assert panel.workbench.probe == ProbeChoice(kind, 3)


def test_that_a_wish_elsewhere_for_the_drawing_is_granted(panel: DrawingPanel) -> None:
    draw_a_seven(panel)
    panel.workbench.set_probe(ProbeChoice("drawing"))
    assert panel.follow.isChecked()
    assert np.array_equal(panel.workbench.probe.image, panel.view.image)


def test_that_a_repeated_wish_for_the_drawing_keeps_it(panel: DrawingPanel) -> None:
    draw_a_seven(panel)
    panel.start_following()
    panel.workbench.set_probe(ProbeChoice("drawing"))
    assert np.array_equal(panel.workbench.probe.image, panel.view.image)


def test_that_following_an_empty_pad_waits_for_the_first_stroke(panel: DrawingPanel) -> None:
    panel.start_following()
    assert panel.workbench.probe.kind == "test"
    draw_a_seven(panel)
    assert panel.workbench.probe.kind == "drawing"


# What is under the mouse


def test_that_the_bar_under_the_mouse_is_read_out(panel: DrawingPanel) -> None:
    draw_a_seven(panel)
    spy = QSignalSpy(panel.hovered)
    pitch = panel.bars.height() // 10
    QTest.mouseMove(panel.bars, QPoint(20, 3 * pitch + pitch // 2))
    assert spy.at(spy.count() - 1)[0] == f"digit 3: probability {percent(panel.bars.probabilities[3], 2)}"


def test_that_the_pixel_under_the_mouse_is_read_out_as_drawn_and_as_normalised(panel: DrawingPanel) -> None:
    draw_a_seven(panel)
    spy = QSignalSpy(panel.hovered)
    cell = panel.view.width() // 28
    row, column = (int(index) for index in np.argwhere(panel.view.image == 255)[0])
    QTest.mouseMove(panel.view, QPoint(column * cell + 1, row * cell + 1))
    assert spy.at(spy.count() - 1)[0] == f"input, ({row}, {column}): grey level 255, normalised 2.846"


# The picture


def test_that_at_its_least_default_size_everything_is_there_and_nothing_overlaps(panel: DrawingPanel) -> None:
    areas = [panel.pad, panel._buttons, panel.view, panel.bars]
    boxes = [QRect(widget.pos(), widget.size()) for widget in areas]
    assert all(panel.rect().contains(box) for box in boxes)
    assert not any(a.intersects(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert panel.pad.width() == panel.pad.height() >= 190
    assert panel.view.width() == panel.view.height() == 84


@pytest.mark.parametrize("size", [(210, 270), (230, 360), (400, 600), (700, 300), (230, 900), (900, 900)])
def test_that_every_size_shows_a_square_input_of_whole_pixels_inside_the_panel(
    panel: DrawingPanel, size: tuple[int, int]
) -> None:
    panel.resize(*size)
    assert panel.view.width() % 28 == 0
    for widget in (panel.pad, panel._buttons, panel.view, panel.bars):
        assert panel.rect().contains(QRect(widget.pos(), widget.size())), widget
    assert panel.bars.height() >= panel.bars.minimumSizeHint().height()


def test_that_resizing_keeps_drawing_and_answer(panel: DrawingPanel) -> None:
    draw_a_seven(panel)
    strokes, probabilities = panel.strokes, panel.bars.probabilities
    panel.resize(400, 600)
    panel.show_snapshot(panel.workbench.snapshot)
    assert all(np.array_equal(a, b) for a, b in zip(panel.strokes, strokes, strict=True))
    assert np.array_equal(panel.bars.probabilities, probabilities)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_that_the_likeliest_digit_is_painted_in_the_accent(panel: DrawingPanel, theme: Theme) -> None:
    panel.apply_theme(theme)
    draw_a_seven(panel)
    panel.bars.show_probabilities(np.array([0.05] * 4 + [0.55] + [0.05] * 4 + [0.2]))
    image = panel.bars.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pitch = panel.bars.height() // 10
    lines = [
        [image.pixelColor(x, digit * pitch + pitch // 2).name() for x in range(image.width())] for digit in range(10)
    ]
    accent = [line.count(theme.accent) for line in lines]
    track = accent[4] + lines[4].count(theme.line)
    assert accent[4] == pytest.approx(0.55 * track, abs=2)
    assert sum(accent) == accent[4]
    assert lines[9].count(theme.muted) >= 0.2 * track - 2


def test_that_the_input_is_painted_pixel_by_pixel_without_blur(panel: DrawingPanel) -> None:
    draw_a_seven(panel)
    image = panel.view.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    shown = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    cells = shown[:84, :84].reshape(28, 3, 28, 3)
    assert np.array_equal(cells, np.broadcast_to(panel.view.image[:, None, :, None], cells.shape))


# Labels


def test_that_a_drawing_is_kept_as_what_it_is_said_to_be(panel: DrawingPanel) -> None:
    draw_a_seven(panel)
    panel.label_drawing(7)
    (digit,) = panel.workbench.own_digits.digits.values()
    assert digit.label == 7
    np.testing.assert_allclose(np.concatenate(digit.ink.drawing.strokes), np.concatenate(panel.strokes), atol=1e-4)
    assert panel.bars.label == 7
    finish(panel)


def test_that_a_click_on_a_row_of_the_bars_says_what_the_drawing_is(panel: DrawingPanel) -> None:
    draw_a_seven(panel)
    QTest.mouseClick(panel.bars, LEFT, pos=QPoint(3, round(4.5 * panel.bars._pitch())))
    assert [digit.label for digit in panel.workbench.own_digits.digits.values()] == [4]
    finish(panel)


def test_that_an_empty_pad_is_not_kept(panel: DrawingPanel) -> None:
    lines: list[str] = []
    panel.workbench.message.connect(lines.append)
    panel.label_drawing(7)
    panel.label_drawing(8)
    QTest.mouseClick(panel.bars, LEFT, pos=QPoint(3, 3))
    assert panel.workbench.own_digits.digits == {}
    assert lines == [
        "Draw a digit first: then 7 says that it is a 7",
        "Draw a digit first: then 8 says that it is an 8",
    ]


def test_that_a_picture_is_kept_as_the_network_gets_it_and_a_test_digit_is_not(panel: DrawingPanel) -> None:
    lines: list[str] = []
    panel.workbench.message.connect(lines.append)
    image = np.random.default_rng(1).integers(0, 256, (28, 28)).astype(np.uint8)
    panel.show_picture(Picture("test digit 3", image, image, 5))
    panel.label_drawing(7)
    assert panel.workbench.own_digits.digits == {}
    assert lines == ["A test digit is not kept: learning from it would spoil the test"]
    panel.show_picture(Picture("photo.png", np.zeros((50, 50), np.uint8), image))
    panel.label_drawing(7)
    (digit,) = panel.workbench.own_digits.digits.values()
    assert np.array_equal(digit.ink.image, image)
    finish(panel)


def test_that_undo_takes_back_a_label_before_the_strokes_and_redo_does_both_again(panel: DrawingPanel) -> None:
    own = panel.workbench.own_digits
    draw_a_seven(panel)
    panel.label_drawing(7)
    QTest.mouseClick(panel.undo_button, LEFT)
    assert own.digits == {}
    assert panel.bars.label is None
    assert len(panel.strokes) == 1
    panel.undo()
    assert panel.strokes == []
    panel.redo()
    assert own.digits == {}
    panel.redo()
    assert [digit.label for digit in own.digits.values()] == [7]
    assert not panel.can_redo
    finish(panel)


def test_that_what_was_drawn_after_a_label_is_taken_back_first(panel: DrawingPanel) -> None:
    own = panel.workbench.own_digits
    draw_a_seven(panel)
    panel.label_drawing(7)
    panel.clear()
    draw_a_seven(panel)
    for strokes, digits in ((0, 1), (1, 1), (1, 0), (0, 0)):
        panel.undo()
        assert (len(panel.strokes), len(own.digits)) == (strokes, digits)
    finish(panel)


def test_that_a_digit_goes_back_to_the_pad_with_its_label_and_undo_takes_it_away(panel: DrawingPanel) -> None:
    draw_a_seven(panel)
    image = panel.image
    panel.label_drawing(7)
    (digit,) = panel.workbench.own_digits.digits.values()
    panel.clear()
    assert panel.bars.label is None
    panel.lay(digit.ink.drawing)
    settle(panel)
    assert np.abs(panel.image.astype(int) - image).max() <= 8
    assert panel.bars.label == 7
    panel.undo()
    assert panel.strokes == []
    panel.lay(Drawing([], None, image=image))
    settle(panel)
    assert np.array_equal(panel.image, image)
    finish(panel)


def finish(panel: DrawingPanel) -> None:
    settle(panel)
    panel.workbench.own_digits._work.stop()


# Pictures


def photo(label: int | None = None) -> Picture:
    """Return a dark bar on light paper."""
    pixels = np.full((90, 60), 220, np.uint8)
    pixels[15:75, 25:33] = 30
    return Picture("photo.png", pixels, prepare_picture(pixels), label)


def test_that_a_picture_is_shown_prepared_and_answered_as_a_drawing(panel: DrawingPanel) -> None:
    picture = photo()
    panel.show_picture(picture)
    assert panel.view.image is picture.prepared
    assert np.array_equal(panel.bars.probabilities, panel.workbench.classify(picture.prepared))
    assert panel.note.text() == "photo.png"
    assert panel.clear_button.isEnabled()
    assert panel.course.moments(picture.prepared) == []


def test_that_a_labelled_picture_says_what_it_is_and_what_it_is_read_as_now(
    panel: DrawingPanel, snapshot: Snapshot
) -> None:
    panel.show_picture(photo(label=8))
    assert panel.note.text() == f"photo.png: an 8, read as {panel.bars.winner}"
    panel.workbench.snapshot = changed_parameters(snapshot)
    panel.show_snapshot(panel.workbench.snapshot)
    assert panel.note.text() == f"photo.png: an 8, read as {panel.bars.winner}"
    panel.workbench.snapshot = None
    panel.workbench.run_started.emit()
    assert panel.note.text() == "photo.png: an 8"


@pytest.mark.parametrize("size", [(230, 300), (230, 360), (700, 300)])
def test_that_the_longest_note_on_a_test_digit_is_read_whole(panel: DrawingPanel, size: tuple[int, int]) -> None:
    panel.resize(*size)
    panel.show_picture(replace(photo(label=8), title="test digit 4444"))
    assert panel.note.text() == f"test digit 4444: an 8, read as {panel.bars.winner}"
    assert panel.rect().contains(panel.note.geometry())
    assert panel.pad.geometry().bottom() == panel.note.geometry().bottom()
    panel.show_picture(replace(photo(), title=f"a {'very ' * 40}long name of a photograph.jpeg"))
    settle(panel)
    assert "\u2026" in panel.note.text()
    assert panel.rect().contains(panel.note.geometry())


def test_that_a_stroke_begins_a_drawing_undo_brings_the_picture_back_and_clear_takes_it_away(
    panel: DrawingPanel,
) -> None:
    picture = photo()
    panel.show_picture(picture)
    draw_a_seven(panel)
    assert not panel.note.isVisible()
    assert np.array_equal(panel.view.image, prepare_strokes(panel.strokes))
    panel.undo()
    settle(panel)
    assert panel.view.image is picture.prepared
    panel.clear()
    assert panel.view.image is None
    assert panel.bars.probabilities is None
    assert not panel.note.isVisible()


def test_that_a_picture_can_be_followed(panel: DrawingPanel) -> None:
    picture = photo()
    panel.start_following()
    panel.show_picture(picture)
    settle(panel)
    assert panel.workbench.probe.kind == "drawing"
    assert np.array_equal(panel.workbench.probe.image, picture.prepared)


# Tablet and touch


def test_that_a_tablet_is_answered_while_it_draws_and_leaves_a_course(panel: DrawingPanel) -> None:
    kinds = [QEvent.Type.TabletPress, *[QEvent.Type.TabletMove] * 8, QEvent.Type.TabletRelease]
    for index, kind in enumerate(kinds):
        position = QPointF(50.25 + 10 * index, 60.5)
        none = Qt.MouseButton.NoButton
        button, held = LEFT if kind != QEvent.Type.TabletMove else none, none if index == len(kinds) - 1 else LEFT
        device = QPointingDevice.primaryPointingDevice()
        modifier = Qt.KeyboardModifier.NoModifier
        event = QTabletEvent(kind, device, position, position, 0.5, 0, 0, 0, 0, 0, modifier, button, held)
        QApplication.sendEvent(panel.pad, event)
        settle(panel)
        assert np.array_equal(panel.view.image, prepare_strokes(panel.strokes, dot_extent=drawing._DOT))
        assert np.array_equal(panel.bars.probabilities, panel.workbench.classify(panel.view.image))
    assert [moment.points for moment in panel.course.moments(panel.image)] == list(range(1, len(kinds) + 1))


def test_that_a_finger_is_answered_while_it_draws_and_leaves_a_course(panel: DrawingPanel) -> None:
    screen = QTest.createTouchDevice()
    QTest.touchEvent(panel.pad, screen).press(0, QPoint(40, 60), panel.pad).commit()
    for x in (70, 100, 130):
        QTest.touchEvent(panel.pad, screen).move(0, QPoint(x, 60), panel.pad).commit()
        settle(panel)
        assert np.array_equal(panel.bars.probabilities, panel.workbench.classify(prepare_strokes(panel.strokes)))
    QTest.touchEvent(panel.pad, screen).release(0, QPoint(130, 60), panel.pad).commit()
    assert [moment.points for moment in panel.course.moments(panel.image)] == [1, 2, 3, 4]


# Trained parameters


def test_that_trained_parameters_are_offered_beside_a_drawing_while_the_network_is_untrained(
    panel: DrawingPanel, untrained_snapshot: Snapshot, snapshot: Snapshot
) -> None:
    panel.workbench.snapshot = untrained_snapshot
    panel.show_snapshot(untrained_snapshot)
    assert not panel.offer.isVisible()
    draw_a_seven(panel)
    assert panel.offer.isVisible()
    panel.workbench.snapshot = snapshot
    panel.show_snapshot(snapshot)
    assert not panel.offer.isVisible()


def test_that_parameters_from_a_file_are_not_called_untrained(
    panel: DrawingPanel, untrained_snapshot: Snapshot
) -> None:
    panel.workbench.began_from_file = True
    panel.workbench.snapshot = untrained_snapshot
    draw_a_seven(panel)
    assert not panel.offer.isVisible()


@pytest.mark.parametrize("size", [(230, 330), (310, 264), (420, 440), (700, 300), (330, 700)])
def test_that_nothing_moves_under_the_pen_when_the_offer_appears(
    panel: DrawingPanel, untrained_snapshot: Snapshot, size: tuple[int, int]
) -> None:
    panel.resize(*size)
    panel.workbench.snapshot = untrained_snapshot
    panel.show_snapshot(untrained_snapshot)
    parts = (panel.pad, panel._buttons, panel.view, panel.bars)
    before = [part.geometry() for part in parts]
    draw_a_seven(panel)
    assert [part.geometry() for part in parts] == before
    boxes = [*before, panel._caption.geometry(), panel.offer.geometry()]
    assert all(panel.rect().contains(box) for box in boxes)
    assert not any(a.intersects(b) for i, a in enumerate(boxes) for b in boxes[:i])
    lines = panel.offer.text().split("\n")
    assert max(map(panel.offer.fontMetrics().horizontalAdvance, lines)) < panel.offer.width() - 4
    assert len(lines) * panel.offer.fontMetrics().height() <= panel.offer.height()


def test_that_taking_the_offer_keeps_the_drawing_and_reads_it_with_trained_parameters(
    own: Callable[[QWidget], QWidget], live: Workbench, wait_until: Callable[..., None]
) -> None:
    panel = own(DrawingPanel(live))
    panel.apply_theme(DARK)
    live.snapshot_arrived.connect(panel.show_snapshot)
    panel.resize(230, 360)
    panel.show()
    drag(panel, *[(0.25 + 0.05 * i, 0.2) for i in range(11)], *[(0.75 - 0.03 * i, 0.2 + 0.06 * i) for i in range(11)])
    settle(panel)
    QTest.mouseClick(panel.offer, LEFT)
    wait_until(lambda: live.poll() or live.snapshot)
    assert len(panel.strokes) == 1
    assert panel.bars.winner == 7
    assert panel.bars.probabilities[7] > 0.9
    assert live.began_from_file
    assert not panel.offer.isVisible()
