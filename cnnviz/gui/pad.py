"""A pad to draw on: strokes in coordinates of their own, shown as smooth lines.

It knows nothing of networks.
"""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QEventPoint,
    QFocusEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QTabletEvent,
    QTouchEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.gui.on_paper import is_for_screen
from cnnviz.gui.strokes import Drawing, Picture, Sheet, Stroke, first_points, smooth_path
from cnnviz.gui.theme import DARK, GRID, Theme, grey_colors
from cnnviz.gui.tiles import image_of

PEN_WIDTH = 2.5 / 28
"""Part of the pad's side: as thick as MNIST's ink where a digit fills the pad as MNIST's digits fill their image."""

_LEAST_SIDE = 96  # pixels
_LIVE_POINTS = 64  # of the stroke under the pen; a longer one is painted for good piece by piece
_BY_WINDOW = (Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason)
_BY_KEYBOARD = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason)

# The network's input is light ink on black, whatever the theme.
_INK = QColor("#ffffff")
_PAPER = QColor("#000000")
_HINT = QColor("#8b909a")
_LATER_INK = QColor("#4d525c")  # what had not been drawn yet at the moment that is looked at


class Pad(QWidget):
    """A black square that is drawn on in white with mouse, tablet or finger, or that shows a picture.

    Parameters
    ----------
    invitation : str
        What stands on the empty pad.
    parent : QWidget, optional
    """

    changed = Signal()  # other strokes, or a longer one

    def __init__(self, invitation: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._invitation = invitation
        self._drawing = Drawing()
        self._pen_is_down = False
        self._finger: int | None = None  # that draws
        self._is_target = False  # of a picture that is being dragged
        self._moment: int | None = None  # how many points are shown as drawn already; None: all
        self._theme = DARK
        self._led_by_keyboard = False
        self._finished: QPixmap | None = None  # all ink but the end of the stroke under the pen; None: to be painted
        self._live_from = 0  # the point of the stroke under the pen from which it is not in ``_finished``
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_AcceptTouchEvents)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    # The drawing

    @property
    def strokes(self) -> list[np.ndarray]:
        """The strokes, each of shape (n, 2): x to the right, y down, 0 to 1 whatever the pad's size."""
        return [np.array(stroke) for stroke in self._drawing.strokes]

    @property
    def sheet(self) -> Sheet:
        """What is on the pad."""
        return self._drawing.sheet

    @property
    def is_empty(self) -> bool:
        """Whether there is neither ink nor a picture."""
        return self._drawing.sheet.is_empty

    @property
    def can_undo(self) -> bool:
        """Whether there is a stroke, a picture or a ``clear`` to take back."""
        return self._drawing.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether something was taken back."""
        return self._drawing.can_redo

    @property
    def pen_is_down(self) -> bool:
        """Whether a stroke is being drawn."""
        return self._pen_is_down

    @Slot()
    def undo(self) -> None:
        """Take back the latest stroke, picture or ``clear``."""
        self._drawing.undo()
        self._show_other_sheet()

    @Slot()
    def redo(self) -> None:
        """Do again what was taken back."""
        self._drawing.redo()
        self._show_other_sheet()

    @Slot()
    def clear(self) -> None:
        """Take all away; ``undo`` brings it back."""
        self._drawing.clear()
        self._show_other_sheet()

    def lay(self, picture: Picture) -> None:
        """Show a picture instead of what was there; ``undo`` brings that back."""
        self._drawing.lay(picture)
        self._show_other_sheet()

    def lay_strokes(self, strokes: Sequence[np.ndarray]) -> None:
        """Show strokes, each of shape (n, 2), instead of what was there; ``undo`` brings that back."""
        self._drawing.lay_strokes(strokes)
        self._show_other_sheet()

    def _show_other_sheet(self) -> None:
        self._pen_is_down = False
        self._moment = None
        self._paint_all_anew()
        self.changed.emit()

    # What is looked at

    def show_moment(self, points: int | None) -> None:
        """Show the drawing as it was when there were so many ``points``, later ink dimmed; None: as it is."""
        if points != self._moment:
            self._moment = points
            self._paint_all_anew()

    def show_target(self, is_target: bool) -> None:
        """Show with a frame that something is about to be dropped here, or no longer."""
        self._is_target = is_target
        self.update()

    def _paint_all_anew(self) -> None:
        self._finished = None
        self.update()

    # The pen

    def _put_down(self, position: QPointF) -> bool:
        """Begin a stroke if ``position`` is on the pad; return whether it is."""
        if not self._square().contains(position.toPoint()):
            return False
        self._drawing.begin(self._to_unit(position))
        self._pen_is_down = True
        self._moment = None
        self._finished = None
        self._show_longer_stroke()
        return True

    def _move_to(self, position: QPointF) -> None:
        point = self._to_unit(position)
        if self._pen_is_down and point != self._drawing.strokes[-1][-1]:
            self._drawing.extend(point)
            self._show_longer_stroke()

    def _lift(self, position: QPointF) -> None:
        self._move_to(position)
        self._pen_is_down = False
        self._finished = None

    def _show_longer_stroke(self) -> None:
        self.update()
        self.changed.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin a stroke with the left button."""
        event.setAccepted(event.button() == Qt.MouseButton.LeftButton and self._put_down(event.position()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go on with the stroke."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._move_to(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """End the stroke."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._lift(event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin a stroke: two quick dots are two dots."""
        self.mousePressEvent(event)

    def tabletEvent(self, event: QTabletEvent) -> None:  # noqa: N802
        """Draw with the pen's tip, at the tablet's own resolution."""
        kind = event.type()
        if kind == QEvent.Type.TabletPress and event.button() == Qt.MouseButton.LeftButton:
            self._put_down(event.position())
        elif kind == QEvent.Type.TabletMove:
            self._move_to(event.position())
        elif kind == QEvent.Type.TabletRelease:
            self._lift(event.position())
        event.accept()

    def event(self, event: QEvent) -> bool:
        """Draw with the first finger; leave everything but touch to Qt."""
        kind = event.type()
        if kind == QEvent.Type.TouchCancel:
            if self._pen_is_down:
                self.undo()
            return True
        if isinstance(event, QTouchEvent):
            for point in event.points():
                self._touch(point)
            event.accept()
            return True
        return super().event(event)

    def _touch(self, point: QEventPoint) -> None:
        """Draw with the finger that came first; others, and the ball of the hand, do nothing."""
        if point.state() == QEventPoint.State.Pressed and not self._pen_is_down:
            self._finger = point.id() if self._put_down(point.position()) else None
        elif point.id() != self._finger:
            return
        elif point.state() == QEventPoint.State.Updated:
            self._move_to(point.position())
        elif point.state() == QEventPoint.State.Released:
            self._lift(point.position())
            self._finger = None

    # The picture

    def apply_theme(self, theme: Theme) -> None:
        """Take on the accent of ``theme``; ink stays white on black."""
        self._theme = theme
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a comfortable size."""
        return QSize(25 * GRID, 25 * GRID)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the least size that can be drawn on."""
        return QSize(_LEAST_SIDE, _LEAST_SIDE)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Paint the strokes anew at the new resolution."""
        self._finished = None

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show a ring where the keyboard led here; a window that comes back changes nothing."""
        if event.reason() not in _BY_WINDOW:
            self._led_by_keyboard = event.reason() in _BY_KEYBOARD
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Take the ring away."""
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the finished ink from memory and the end of the stroke under the pen on top."""
        square = self._square()
        self._finish_ink()
        with QPainter(self) as painter:
            painter.setClipRect(square)
            painter.translate(square.topLeft())
            if is_for_screen(painter):
                painter.drawPixmap(0, 0, self._finished)
                self._paint_strokes(painter, self._live_stroke())
            else:
                painter.fillRect(QRect(0, 0, square.width(), square.height()), _PAPER)
                self._paint_ink(painter)
            painter.translate(-square.topLeft())
            self._paint_signs(painter, square)

    def _paint_signs(self, painter: QPainter, square: QRect) -> None:
        """Paint what is not ink: the invitation, and the ring of the focus or of a target."""
        if self.is_empty:
            painter.setPen(_HINT)
            painter.drawText(square, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._invitation)
        if self._is_target or (self.hasFocus() and self._led_by_keyboard):
            painter.setPen(QPen(QColor(self._theme.accent), 2))
            painter.drawRect(square.adjusted(1, 1, -1, -1))

    def _finish_ink(self) -> None:
        """Bring ``_finished`` up to date, so that little is left to be painted anew with each event."""
        if self._finished is None or self._finished.devicePixelRatio() != self.devicePixelRatioF():
            self._finished = self._blank()
            self._live_from = 0
            with QPainter(self._finished) as painter:
                self._paint_ink(painter)
        live = self._live_stroke()
        if live and len(live[0]) > _LIVE_POINTS:
            with QPainter(self._finished) as painter:
                self._paint_strokes(painter, live)
            self._live_from += len(live[0]) - 1

    def _paint_ink(self, painter: QPainter) -> None:
        self._paint_picture(painter)
        self._paint_finished_strokes(painter)

    def _paint_picture(self, painter: QPainter) -> None:
        """Fit the picture, if there is one, into the square: small ones pixel by pixel, large ones smooth."""
        if self.sheet.picture is None:
            return
        image = _as_image(self.sheet.picture.pixels)
        side = self._square().width()
        scale = side / max(image.width(), image.height())
        width, height = image.width() * scale, image.height() * scale
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 1)
        painter.drawImage(QRectF((side - width) / 2, (side - height) / 2, width, height), image)

    def _paint_finished_strokes(self, painter: QPainter) -> None:
        strokes = self._drawing.strokes[: -1 if self._pen_is_down else None]
        if self._moment is None:
            self._paint_strokes(painter, strokes)
        else:
            self._paint_strokes(painter, strokes, _LATER_INK)
            self._paint_strokes(painter, first_points(strokes, self._moment))

    def _live_stroke(self) -> list[Stroke]:
        """Return the end of the stroke under the pen, as the only item; nothing while the pen is up."""
        return [self._drawing.strokes[-1][self._live_from :]] if self._pen_is_down else []

    def _blank(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        side = round(self._square().width() * ratio)
        blank = QPixmap(side, side)
        blank.setDevicePixelRatio(ratio)
        blank.fill(_PAPER)
        return blank

    def _paint_strokes(self, painter: QPainter, strokes: Sequence[Stroke], ink: QColor = _INK) -> None:
        side = self._square().width()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        round_pen = (Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
        painter.setPen(QPen(ink, PEN_WIDTH * side, *round_pen))
        for stroke in strokes:
            painter.drawPath(smooth_path([QPointF(x * side, y * side) for x, y in stroke]))

    def _square(self) -> QRect:
        """Return the part of the widget that is drawn on."""
        side = max(min(self.width(), self.height()), 1)
        return QRect((self.width() - side) // 2, (self.height() - side) // 2, side, side)

    def _to_unit(self, position: QPointF) -> tuple[float, float]:
        """Return a position in the widget as coordinates from 0 to 1; the pen stays on the pad."""
        square = self._square()
        x, y = (position.x() - square.x()) / square.width(), (position.y() - square.y()) / square.width()
        return min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)


def _as_image(pixels: np.ndarray) -> QImage:
    """Return grey levels or colours as an image; those that are no uint8 from their darkest to their brightest."""
    if pixels.dtype != np.uint8:
        pixels = pixels.astype(np.float32)
        dark, bright = float(pixels.min()), float(pixels.max())
        pixels = np.rint((pixels - dark) * (255 / max(bright - dark, 1e-30))).astype(np.uint8)
    if pixels.ndim == 2:
        return image_of(grey_colors()[pixels])
    red, green, blue = (pixels[..., plane].astype(np.uint32) for plane in range(3))
    return image_of(np.uint32(0xFF000000) | red << 16 | green << 8 | blue)
