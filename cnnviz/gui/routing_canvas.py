"""Draws the four maps of max pooling: there and, the gradient, back."""

import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from cnnviz.gui.pooling import PooledChannel, Window
from cnnviz.gui.routing_layout import CAPTION, LEGEND, RoutingLayout
from cnnviz.gui.theme import DARK, GRID, Theme, signed_colors, small_font
from cnnviz.gui.tiles import Coloring, color_pixels, image_of, number

# Captions, each with a shorter one for where there is little room.
BEFORE, MAXIMA = ("before pooling", "before"), ("maxima", "max")
ARRIVING, HANDED_BACK = ("gradient arriving", "arriving"), ("gradient handed back", "handed back")
_NOTCH = 120  # eighths of a degree: one notch of a wheel
_BAR = 3  # pixels of a colour scale's height
_STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
_LEFT, _RIGHT, _CENTRE = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignHCenter
_UNCLIPPED = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip


class RoutingCanvas(QWidget):
    """The four maps of one channel, or a sentence that says why there are none.

    Attributes
    ----------
    pooled : PooledChannel or None
    window : tuple of int, or None
        The window under the mouse.
    """

    pointed = Signal()  # another window under the mouse
    channel_stepped = Signal(int)  # by wheel or arrow key: so many channels on

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pooled: PooledChannel | None = None
        self.window: Window | None = None
        self._layout: RoutingLayout | None = None
        self._sentence = ""
        self._theme = DARK
        self._images: list[QImage] = []
        self._lines: list[QLineF] = []
        self._hatched: list[QRectF] = []
        self._marks: tuple[list[QPointF], ...] = ([], [], [])  # of winners by merit, of tied and of silent windows
        self._dots: tuple[QPixmap, ...] = ()  # one for each of these
        self._mouse: QPointF | None = None
        self._turned = 0
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        self._color()
        self._make_marks()
        self.update()

    def show_sentence(self, sentence: str) -> None:
        """Show no maps but ``sentence``."""
        self._sentence = sentence
        self.pooled = self._layout = None
        self._point()
        self.update()

    def show_channel(self, pooled: PooledChannel, layout: RoutingLayout) -> None:
        """Show ``pooled`` in the places of ``layout``."""
        same = layout == self._layout
        self.pooled, self._layout = pooled, layout
        if not same:
            self._lines = window_lines(layout)
            self._make_marks()
        self._color()
        self._place_marks()
        self._point()
        self.update()

    # What is shown, made once a snapshot

    def _maps(self) -> tuple[tuple[QRectF, np.ndarray, float], ...]:
        """Return place, values and scale of each map."""
        layout, pooled = self._layout, self.pooled
        return (
            (layout.before, pooled.before, pooled.activation_scale),
            (layout.maxima, pooled.maxima, pooled.activation_scale),
            (layout.arriving, pooled.arriving, pooled.gradient_scale),
            (layout.handed_back, pooled.handed_back, pooled.gradient_scale),
        )

    def _color(self) -> None:
        if self.pooled is not None:
            self._images = [
                image_of(color_pixels(values, scale, Coloring.SIGNED, self._theme)) for _, values, scale in self._maps()
            ]

    def _place_marks(self) -> None:
        """Find the places of the winners and of the silent windows."""
        layout, pooled = self._layout, self.pooled
        stride = layout.shapes.stride
        rows, columns, i, j = np.nonzero(pooled.winners)
        silent, tied = pooled.silent[rows, columns], pooled.tied[rows, columns]
        places = layout.before, rows * stride + i, columns * stride + j
        self._marks = tuple(
            [QPointF(*corner) for corner in layout.corners(*places, of)] for of in (~tied, tied & ~silent, silent)
        )
        rows, columns = np.indices(pooled.silent.shape)
        self._hatched = [
            QRectF(*corner, size * layout.cell, size * layout.cell)
            for map_, size, step in layout.maps()
            for corner in layout.corners(map_, rows * step, columns * step, pooled.silent)
        ]

    def _make_marks(self) -> None:
        """Draw each kind of mark once: a dot with a rim for a clear winner, a smaller one for an equal among equals."""
        if self._layout is not None:
            cell, ratio, theme = self._layout.cell, self.devicePixelRatioF(), self._theme
            self._dots = (
                _dot(cell, ratio, 0.5, theme.accent, theme.surface),
                _dot(cell, ratio, 0.34, theme.text),
                _dot(cell, ratio, 0.34, theme.muted),
            )

    # What the user does

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Find the window under the mouse."""
        self._mouse = event.position()
        self._point()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Let go of the window."""
        self._mouse = None
        self._point()

    def _point(self) -> None:
        known = self._mouse is not None and self._layout is not None
        window = self._layout.window_at(self._mouse) if known else None
        if window != self.window:
            self.window = window
            self.pointed.emit()
            self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Go on by a channel with every notch."""
        self._turned += event.angleDelta().y()
        notches = int(self._turned / _NOTCH)
        self._turned -= notches * _NOTCH
        if notches:
            self.channel_stepped.emit(notches)
        event.accept()

    def event(self, event: QEvent) -> bool:
        """Claim the arrow keys before the window's actions get them."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _steps_of(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Go on by a channel with the arrow keys."""
        if steps := _steps_of(event):
            self.channel_stepped.emit(steps)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show that arrow keys count."""
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show that arrow keys no longer count."""
        self.update()

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the maps, or the sentence."""
        with QPainter(self) as painter:
            if self.pooled is None:
                painter.setPen(QColor(self._theme.muted))
                flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
                painter.drawText(self.rect().adjusted(GRID, 0, -GRID, 0), flags, self._sentence)
                return
            painter.setFont(small_font())
            self._paint_maps(painter)
            self._paint_marks(painter)
            self._paint_captions(painter)
            self._paint_legends(painter)
            self._paint_arrows(painter)
            self._paint_highlight(painter)

    def _paint_maps(self, painter: QPainter) -> None:
        for (place, _, _), image in zip(self._maps(), self._images, strict=True):
            painter.drawImage(place, image)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QBrush(QColor(self._theme.line).lighter(130), Qt.BrushStyle.BDiagPattern))
        painter.drawRects(self._hatched)
        painter.setPen(QPen(QColor(self._theme.surface), 0))
        painter.drawLines(self._lines)

    def _paint_marks(self, painter: QPainter) -> None:
        for places, dot in zip(self._marks, self._dots, strict=True):
            for place in places:
                painter.drawPixmap(place, dot)

    def _paint_captions(self, painter: QPainter) -> None:
        layout = self._layout
        gap = layout.maxima.left() - layout.before.right() - GRID // 2
        painter.setPen(QColor(self._theme.text))
        for map_, (text, short), align, left, right in (
            (layout.before, BEFORE, _LEFT, 0.0, 0.0),
            (layout.maxima, MAXIMA, _CENTRE, 0.0, 0.0),
            (layout.arriving, ARRIVING, _CENTRE, gap, gap),
            (layout.handed_back, HANDED_BACK, _RIGHT, gap, 0.0),
        ):
            row = QRectF(map_.left() - left, map_.top() - CAPTION, map_.width() + left + right, CAPTION - 1)
            fits = painter.fontMetrics().horizontalAdvance(text) <= row.width()
            painter.drawText(row, align | _UNCLIPPED, text if fits else short)

    def _paint_legends(self, painter: QPainter) -> None:
        """Draw a colour scale under each of the large maps, with the values of both ends and zero."""
        bar = image_of(signed_colors(self._theme)[np.newaxis])
        painter.setPen(QColor(self._theme.muted))
        for map_, scale in (
            (self._layout.before, self.pooled.activation_scale),
            (self._layout.handed_back, self.pooled.gradient_scale),
        ):
            row = QRectF(map_.left(), map_.bottom() + 2, map_.width(), LEGEND - 2)
            painter.drawImage(QRectF(row.left(), row.top(), row.width(), _BAR), bar)
            row.setTop(row.top() + _BAR)
            ends = ((f"\u2212{number(scale)}", _LEFT), (number(scale), _RIGHT))
            room = row.width() - sum(painter.fontMetrics().horizontalAdvance(text) for text, _ in ends)
            for text, align in (*ends, ("0" if room > 3 * GRID else "", _CENTRE)):
                painter.drawText(row, align | _UNCLIPPED, text)

    def _paint_arrows(self, painter: QPainter) -> None:
        """Draw the way forwards from the cells to their maxima, and the way back of the gradient."""
        layout = self._layout
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for from_, to, y in (
            (layout.before, layout.maxima, layout.maxima.center().y()),
            (layout.arriving, layout.handed_back, layout.arriving.center().y()),
        ):
            paint_arrow(painter, QPointF(from_.right(), y), QPointF(to.left(), y), QColor(self._theme.muted))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_highlight(self, painter: QPainter) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.window is not None:
            for place in self._layout.places_of(self.window):
                painter.setPen(QPen(QColor(self._theme.surface), 1))
                painter.drawRect(place.adjusted(-3, -3, 2, 2))
                painter.setPen(highlight_pen(self._theme))
                painter.drawRect(place.adjusted(-1, -1, 1, 1))
        if self.hasFocus():
            painter.setPen(QPen(QColor(self._theme.accent), 1))
            painter.drawRect(self._layout.before.adjusted(-1, -1, 0, 0))


def window_lines(layout: RoutingLayout) -> list[QLineF]:
    """Return the lines along which the windows of the large maps begin."""
    step, lines = layout.shapes.stride * layout.cell, []
    for map_ in (layout.before, layout.handed_back):
        down, across = (range(1, -(-n // layout.shapes.stride)) for n in layout.shapes.before)
        lines += [QLineF(map_.left(), y, map_.right() - 1, y) for y in (map_.top() + i * step for i in down)]
        lines += [QLineF(x, map_.top(), x, map_.bottom() - 1) for x in (map_.left() + i * step for i in across)]
    return lines


def highlight_pen(theme: Theme) -> QPen:
    """Return the pen that frames what is pointed at, with sharp corners."""
    return QPen(QColor(theme.accent), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap, Qt.PenJoinStyle.MiterJoin)


def paint_arrow(painter: QPainter, from_: QPointF, to: QPointF, color: QColor) -> None:
    """Draw a level arrow to the right that keeps some pixels away from what it joins."""
    head, margin = 4.0, 3.0
    start, end = from_ + QPointF(margin, 0), to - QPointF(margin, 0)
    painter.setPen(QPen(color, 1))
    painter.drawLine(start, end - QPointF(head, 0))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawPolygon(QPolygonF([end, end - QPointF(head + 1, head - 1), end - QPointF(head + 1, 1 - head)]))


def _dot(cell: float, ratio: float, share: float, color: str, rim: str | None = None) -> QPixmap:
    """Return a dot over ``share`` of a cell's width, with a ``rim`` that sets it off from bright and dark colours."""
    side = max(round(cell * ratio), 1)
    dot = QPixmap(side, side)
    dot.fill(Qt.GlobalColor.transparent)
    with QPainter(dot) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        centre = QPointF(side / 2, side / 2)
        for radius, each in ((share * side / 2 + ratio, rim), (share * side / 2, color)):
            if each is not None:
                painter.setBrush(QColor(each))
                painter.drawEllipse(centre, radius, radius)
    dot.setDevicePixelRatio(ratio)
    return dot


def _steps_of(event: QKeyEvent) -> int:
    """Return how many channels a key goes on by; 0 for other keys."""
    plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
    return _STEPS.get(Qt.Key(event.key()), 0) if plain else 0
