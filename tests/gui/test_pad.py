from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QPainterPath, QPointingDevice, QTabletEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from cnnviz.gui.pad import PEN_WIDTH, Pad
from cnnviz.gui.strokes import Picture, first_points, smooth_path
from cnnviz.gui.theme import DARK, LIGHT, Theme

LEFT = Qt.MouseButton.LeftButton
SIDE = 200


@pytest.fixture
def pad(own: Callable[[QWidget], QWidget]) -> Pad:
    pad = own(Pad("Draw something"))
    pad.resize(SIDE, SIDE)
    pad.show()
    return pad


def drag(pad: Pad, *points: tuple[int, int]) -> None:
    """Draw a stroke with the left button held down."""
    QTest.mousePress(pad, LEFT, pos=QPoint(*points[0]))
    for point in points[1:]:
        QTest.mouseMove(pad, QPoint(*point))
    QTest.mouseRelease(pad, LEFT, pos=QPoint(*points[-1]))


def picture(pad: Pad) -> np.ndarray:
    """Return the grey levels of what is painted, shape (height, width)."""
    image = pad.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width()].copy()


def distance_to(path: QPainterPath, x: float, y: float) -> float:
    """Return the distance of (x, y) to the nearest point of ``path``."""
    points = [path.pointAtPercent(share) for share in np.linspace(0, 1, 400)]
    return min(float(np.hypot(p.x() - x, p.y() - y)) for p in points)


# Strokes


def test_that_every_event_of_the_mouse_is_in_the_strokes(pad: Pad) -> None:
    drag(pad, (20, 40), (60, 40), (100, 120))
    drag(pad, (150, 150), (180, 150))
    first, second = pad.strokes
    assert np.allclose(first, [[0.1, 0.2], [0.3, 0.2], [0.5, 0.6]])
    assert np.allclose(second, [[0.75, 0.75], [0.9, 0.75]])


def test_that_each_event_is_announced_before_the_button_is_released(pad: Pad) -> None:
    lengths: list[int] = []
    pad.changed.connect(lambda: lengths.append(len(pad.strokes[0])))
    QTest.mousePress(pad, LEFT, pos=QPoint(10, 10))
    QTest.mouseMove(pad, QPoint(20, 20))
    QTest.mouseMove(pad, QPoint(30, 20))
    assert lengths == [1, 2, 3]


def test_that_a_click_is_a_stroke_of_one_point_and_shown_as_a_dot_as_wide_as_the_pen(pad: Pad) -> None:
    QTest.mouseClick(pad, LEFT, pos=QPoint(100, 60))
    assert np.allclose(pad.strokes[0], [[0.5, 0.3]])
    ink = picture(pad) > 127
    pen = PEN_WIDTH * SIDE
    assert ink[60, 100]
    assert ink.sum() == pytest.approx(np.pi * pen**2 / 4, rel=0.08)


def test_that_a_double_click_is_two_dots(pad: Pad) -> None:
    QTest.mouseClick(pad, LEFT, pos=QPoint(100, 60))
    QTest.mouseDClick(pad, LEFT, pos=QPoint(100, 60))
    assert len(pad.strokes) >= 2


@pytest.mark.parametrize("button", [Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton])
def test_that_only_the_left_button_draws(pad: Pad, button: Qt.MouseButton) -> None:
    QTest.mousePress(pad, button, pos=QPoint(50, 50))
    QTest.mouseMove(pad, QPoint(90, 90))
    QTest.mouseRelease(pad, button, pos=QPoint(90, 90))
    assert pad.is_empty


def test_that_the_pen_stays_on_the_pad_when_the_mouse_leaves_it(pad: Pad) -> None:
    drag(pad, (100, 100), (260, 100), (100, -50))
    assert np.allclose(pad.strokes[0], [[0.5, 0.5], [1.0, 0.5], [0.5, 0.0]])


def test_that_after_a_release_that_never_came_another_button_does_not_draw_on(pad: Pad) -> None:
    QTest.mousePress(pad, LEFT, pos=QPoint(50, 50))
    position = QPointF(90, 90)
    none, right = Qt.MouseButton.NoButton, Qt.MouseButton.RightButton
    move = QMouseEvent(QEvent.Type.MouseMove, position, position, none, right, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(pad, move)
    assert len(pad.strokes[0]) == 1
    QTest.mouseRelease(pad, LEFT, pos=QPoint(50, 50))


def test_that_beside_the_square_of_a_wide_pad_nothing_is_drawn(pad: Pad) -> None:
    pad.resize(2 * SIDE, SIDE)
    drag(pad, (20, 100), (200, 100))
    assert pad.is_empty
    drag(pad, (SIDE, 100), (SIDE + 50, 100))
    assert np.allclose(pad.strokes[0], [[0.5, 0.5], [0.75, 0.5]])


def tablet_event(kind: QEvent.Type, x: float, y: float) -> QTabletEvent:
    button = LEFT if kind != QEvent.Type.TabletMove else Qt.MouseButton.NoButton
    held = Qt.MouseButton.NoButton if kind == QEvent.Type.TabletRelease else LEFT
    position, device = QPointF(x, y), QPointingDevice.primaryPointingDevice()
    return QTabletEvent(
        kind, device, position, position, 0.5, 0, 0, 0, 0, 0, Qt.KeyboardModifier.NoModifier, button, held
    )


def test_that_a_tablet_draws_between_pixels(pad: Pad) -> None:
    for kind, x, y in (
        (QEvent.Type.TabletPress, 20.5, 30.25),
        (QEvent.Type.TabletMove, 40.75, 50.5),
        (QEvent.Type.TabletRelease, 60.5, 50.5),
        (QEvent.Type.TabletMove, 90, 90),
    ):
        event = tablet_event(kind, x, y)
        event.ignore()
        QApplication.sendEvent(pad, event)
        assert event.isAccepted()  # or Qt would make a mouse event of it as well
    assert np.allclose(pad.strokes[0] * SIDE, [[20.5, 30.25], [40.75, 50.5], [60.5, 50.5]])


def test_that_a_finger_draws_one_stroke(pad: Pad) -> None:
    screen = QTest.createTouchDevice()
    QTest.touchEvent(pad, screen).press(0, QPoint(20, 20), pad).commit()
    QTest.touchEvent(pad, screen).move(0, QPoint(60, 20), pad).commit()
    QTest.touchEvent(pad, screen).release(0, QPoint(60, 80), pad).commit()
    assert len(pad.strokes) == 1
    assert np.allclose(pad.strokes[0] * SIDE, [[20, 20], [60, 20], [60, 80]])


def test_that_a_second_finger_does_not_disturb_the_first(pad: Pad) -> None:
    screen = QTest.createTouchDevice()
    QTest.touchEvent(pad, screen).press(0, QPoint(20, 20), pad).commit()
    QTest.touchEvent(pad, screen).stationary(0).press(1, QPoint(150, 150), pad).commit()
    QTest.touchEvent(pad, screen).move(0, QPoint(60, 20), pad).move(1, QPoint(150, 190), pad).commit()
    QTest.touchEvent(pad, screen).release(0, QPoint(60, 20), pad).release(1, QPoint(150, 190), pad).commit()
    assert len(pad.strokes) == 1
    assert np.allclose(pad.strokes[0] * SIDE, [[20, 20], [60, 20]])


# The line


def test_that_a_smooth_line_passes_near_every_event_and_through_both_ends() -> None:
    angles = np.linspace(0, np.pi, 7)  # a fast half circle of seven events
    events = [QPointF(100 + 80 * np.cos(a), 100 - 80 * np.sin(a)) for a in angles]
    path = smooth_path(events)
    gap = float(np.hypot(events[1].x() - events[0].x(), events[1].y() - events[0].y()))
    assert all(distance_to(path, e.x(), e.y()) < 0.1 * gap for e in events)
    assert distance_to(path, events[0].x(), events[0].y()) == pytest.approx(0, abs=1e-6)
    assert (path.currentPosition() - events[-1]).manhattanLength() == pytest.approx(0, abs=1e-9)


def test_that_few_events_make_a_curve_without_corners() -> None:
    path = smooth_path([QPointF(0, 0), QPointF(100, 0), QPointF(100, 100)])
    angles = np.unwrap(np.radians([path.angleAtPercent(share) for share in np.linspace(0.01, 0.99, 300)]))
    assert np.abs(np.diff(angles)).max() < np.radians(5)
    assert np.ptp(angles) == pytest.approx(np.pi / 2, abs=0.05)


def test_that_a_line_is_painted_as_wide_as_the_pen_with_soft_edges(pad: Pad) -> None:
    drag(pad, (40, 100), (100, 100), (160, 100))
    column = picture(pad)[:, 100].astype(float) / 255
    assert column.sum() == pytest.approx(PEN_WIDTH * SIDE, abs=0.1)
    assert ((column > 0) & (column < 1)).any()


def test_that_a_stroke_is_seen_while_it_is_drawn(pad: Pad) -> None:
    QTest.mousePress(pad, LEFT, pos=QPoint(40, 100))
    QTest.mouseMove(pad, QPoint(160, 100))
    assert picture(pad)[100, 100] == 255
    QTest.mouseRelease(pad, LEFT, pos=QPoint(160, 100))


def test_that_a_long_stroke_looks_the_same_under_the_pen_and_afterwards(pad: Pad) -> None:
    angles = np.linspace(0, 4 * np.pi, 300)
    points = [(round(100 + a * 6 * np.cos(a)), round(100 + a * 6 * np.sin(a))) for a in angles]
    QTest.mousePress(pad, LEFT, pos=QPoint(*points[0]))
    for point in points[1:]:
        QTest.mouseMove(pad, QPoint(*point))
        pad.grab()
    during = picture(pad).astype(int)
    QTest.mouseRelease(pad, LEFT, pos=QPoint(*points[-1]))
    difference = np.abs(picture(pad).astype(int) - during)
    assert (difference > 64).mean() < 0.001


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_that_ink_is_white_on_black_in_both_themes(pad: Pad, theme: Theme) -> None:
    pad.apply_theme(theme)
    drag(pad, (40, 100), (160, 100))
    shown = picture(pad)
    assert shown[100, 100] == 255
    assert shown[20, 20] == 0


def test_that_the_invitation_stands_on_the_empty_pad_only(pad: Pad) -> None:
    assert picture(pad).any()
    drag(pad, (5, 5), (6, 5))
    assert not picture(pad)[80:120].any()


def test_that_the_keyboard_shows_where_it_is(pad: Pad) -> None:
    pad.activateWindow()
    assert QTest.qWaitForWindowActive(pad)
    pad.clearFocus()
    assert not picture(pad)[1, :].any()
    pad.setFocus(Qt.FocusReason.TabFocusReason)
    assert picture(pad)[1, :].all()


def test_that_the_drawing_keeps_its_shape_when_the_pad_is_resized(pad: Pad) -> None:
    drag(pad, (40, 40), (120, 40), (120, 160))
    before = pad.strokes
    small = picture(pad)
    pad.resize(2 * SIDE, 2 * SIDE)
    large = picture(pad).reshape(SIDE, 2, SIDE, 2).mean(axis=(1, 3))
    assert all(np.array_equal(a, b) for a, b in zip(pad.strokes, before, strict=True))
    assert np.abs(large - small).mean() < 1


# Undo


def test_that_undo_takes_back_stroke_by_stroke_and_redo_brings_them_back(pad: Pad) -> None:
    drag(pad, (20, 20), (60, 20))
    drag(pad, (20, 80), (60, 80))
    pad.undo()
    assert [len(stroke) for stroke in pad.strokes] == [2]
    assert pad.strokes[0][0, 1] == pytest.approx(0.1)
    assert pad.can_redo
    pad.redo()
    assert len(pad.strokes) == 2
    assert pad.strokes[1][0, 1] == pytest.approx(0.4)
    assert not pad.can_redo


def test_that_undo_brings_a_cleared_drawing_back(pad: Pad) -> None:
    drag(pad, (20, 20), (60, 20))
    drag(pad, (20, 80), (60, 80))
    pad.clear()
    assert pad.is_empty
    pad.undo()
    assert len(pad.strokes) == 2
    pad.redo()
    assert pad.is_empty


def test_that_a_new_stroke_ends_what_can_be_redone(pad: Pad) -> None:
    drag(pad, (20, 20), (60, 20))
    pad.undo()
    drag(pad, (20, 80), (60, 80))
    assert not pad.can_redo
    pad.redo()
    assert len(pad.strokes) == 1


def test_that_there_is_nothing_to_undo_on_a_fresh_pad_nor_after_clearing_it(pad: Pad) -> None:
    pad.clear()
    assert not pad.can_undo
    pad.undo()
    pad.redo()
    assert pad.is_empty


def test_that_undo_during_a_stroke_ends_it(pad: Pad) -> None:
    QTest.mousePress(pad, LEFT, pos=QPoint(20, 20))
    QTest.mouseMove(pad, QPoint(60, 20))
    pad.undo()
    QTest.mouseMove(pad, QPoint(90, 90))
    QTest.mouseRelease(pad, LEFT, pos=QPoint(90, 90))
    assert pad.is_empty


def test_that_what_is_undone_vanishes_from_the_picture(pad: Pad) -> None:
    drag(pad, (40, 40), (160, 40))
    drag(pad, (40, 100), (160, 100))
    pad.undo()
    shown = picture(pad)
    assert shown[40, 100] == 255
    assert shown[100, 100] == 0


def test_that_touch_taken_over_by_the_system_leaves_no_ink(pad: Pad) -> None:
    screen = QTest.createTouchDevice()
    QTest.touchEvent(pad, screen).press(0, QPoint(20, 20), pad).commit()
    QTest.touchEvent(pad, screen).move(0, QPoint(60, 20), pad).commit()
    assert not pad.is_empty
    QApplication.sendEvent(pad, QEvent(QEvent.Type.TouchCancel))
    assert pad.is_empty
    QTest.touchEvent(pad, screen).release(0, QPoint(60, 20), pad).commit()
    assert pad.is_empty


def test_that_the_tab_key_finds_the_pad(pad: Pad) -> None:
    assert pad.focusPolicy() == Qt.FocusPolicy.StrongFocus


# Pictures


def photo(width: int = 28, height: int = 28) -> Picture:
    """Return a picture, its left half black and its right half white."""
    pixels = np.zeros((height, width), np.uint8)
    pixels[:, width // 2 :] = 255
    return Picture("photo.png", pixels, np.zeros((28, 28), np.uint8))


def test_that_a_picture_takes_the_place_of_the_strokes_and_undo_brings_them_back(pad: Pad) -> None:
    drag(pad, (20, 20), (60, 20))
    seen = photo()
    pad.lay(seen)
    assert pad.sheet.picture is seen
    assert pad.strokes == []
    assert not pad.is_empty
    pad.undo()
    assert pad.sheet.picture is None
    assert len(pad.strokes) == 1
    pad.redo()
    assert pad.sheet.picture is seen


def test_that_the_next_stroke_begins_a_new_drawing_and_undo_brings_the_picture_back(pad: Pad) -> None:
    seen = photo()
    pad.lay(seen)
    drag(pad, (20, 20), (60, 20))
    assert pad.sheet.picture is None
    assert len(pad.strokes) == 1
    pad.undo()
    assert pad.sheet.picture is seen
    pad.clear()
    assert pad.is_empty
    pad.undo()
    assert pad.sheet.picture is seen


@pytest.mark.parametrize("size", [(28, 28), (400, 200), (90, 300)])
def test_that_a_picture_is_fitted_into_the_pad_with_its_proportions(pad: Pad, size: tuple[int, int]) -> None:
    width, height = size
    pad.lay(photo(*size))
    shown = picture(pad)
    rows, columns = np.flatnonzero((shown > 250).any(axis=1)), np.flatnonzero((shown > 250).any(axis=0))
    scale = SIDE / max(size)
    assert len(rows) == pytest.approx(height * scale, abs=1)
    assert columns[0] == pytest.approx(SIDE / 2, abs=1)
    assert len(columns) == pytest.approx(width * scale / 2, abs=1)


def test_that_a_small_picture_is_shown_pixel_by_pixel(pad: Pad) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (20, 20)).astype(np.uint8)
    pad.lay(Picture("noise", pixels, np.zeros((28, 28), np.uint8)))
    assert np.array_equal(picture(pad), np.kron(pixels, np.ones((10, 10), np.uint8)))


def test_that_levels_of_more_than_8_bits_are_shown_from_darkest_to_brightest(pad: Pad) -> None:
    levels = np.array([[1000.0, 3000.0], [5000.0, 1000.0]])
    pad.lay(Picture("16 bits", levels, np.zeros((28, 28), np.uint8)))
    assert picture(pad)[[50, 50, 150], [50, 150, 50]].tolist() == [0, 128, 255]


def test_that_a_picture_is_shown_in_its_colors(pad: Pad) -> None:
    pixels = np.zeros((10, 10, 3), np.uint8)
    pixels[:, :5] = (200, 30, 60)
    pixels[:, 5:] = (10, 120, 250)
    pad.lay(Picture("colors", pixels, np.zeros((28, 28), np.uint8)))
    image = pad.grab().toImage()
    assert image.pixelColor(50, 100).getRgb()[:3] == (200, 30, 60)
    assert image.pixelColor(150, 100).getRgb()[:3] == (10, 120, 250)


def test_that_the_way_back_is_long_but_does_not_fill_the_memory(pad: Pad) -> None:
    for _ in range(300):
        pad.lay(photo())
    steps = 0
    while pad.can_undo:
        pad.undo()
        steps += 1
    assert steps == 200


# A moment of the drawing


def test_that_ink_of_after_a_moment_is_dimmed_until_the_whole_is_shown_again(pad: Pad) -> None:
    drag(pad, (40, 40), (100, 40), (160, 40))
    drag(pad, (40, 120), (160, 120))
    whole = picture(pad)
    pad.show_moment(2)
    shown = picture(pad)
    assert shown[40, 70] == 255
    assert 40 < shown[40, 140] < 120
    assert 40 < shown[120, 100] < 120
    pad.show_moment(None)
    assert np.array_equal(picture(pad), whole)


def test_that_new_ink_shows_the_whole_again(pad: Pad) -> None:
    drag(pad, (40, 40), (100, 40), (160, 40))
    pad.show_moment(1)
    drag(pad, (40, 120), (160, 120))
    assert picture(pad)[40, 140] == 255


def test_that_the_first_points_of_strokes_end_within_the_stroke_that_was_being_drawn() -> None:
    strokes = [[(0.0, 0.0), (0.1, 0.0)], [(0.5, 0.5)], [(0.7, 0.7), (0.8, 0.8), (0.9, 0.9)]]
    assert first_points(strokes, 0) == []
    assert first_points(strokes, 2) == strokes[:1]
    assert first_points(strokes, 4) == [*strokes[:2], strokes[2][:1]]
    assert first_points(strokes, 6) == strokes
