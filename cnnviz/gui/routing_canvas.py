"""Draws the four maps of max pooling: there and, the gradient, back."""

import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from cnnviz.gui.pooling import PooledChannel, Window
from cnnviz.gui.routing_layout import MapCell, RoutingLayout
from cnnviz.gui.routing_picture import (
    dot,
    hatching,
    highlight_pen,
    paint_captions,
    paint_legends,
    paint_ways,
    window_lines,
)
from cnnviz.gui.theme import DARK, GRID, Theme, small_font
from cnnviz.gui.tiles import Coloring, color_pixels, image_of
from cnnviz.gui.wheel import Wheel

_STEPS = {  # channels and images that a key goes on by
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_NO_STEPS = (0, 0)


class RoutingCanvas(QWidget):
    """The four maps of one channel, or a sentence that says why there are none.

    Attributes
    ----------
    pooled : PooledChannel or None
    window : tuple of int, or None
        The window under the mouse.
    cell : tuple of int, or None
        The cell under the mouse: number of the map, row and column.
    """

    pointed = Signal()  # another window or cell under the mouse
    clicked = Signal()  # on the cell
    channel_stepped = Signal(int)  # by wheel or arrow key: so many channels on
    image_stepped = Signal(int)  # by Shift and wheel, or arrow key: so many images on

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pooled: PooledChannel | None = None
        self.window: Window | None = None
        self.cell: MapCell | None = None
        self._layout: RoutingLayout | None = None
        self._sentence = ""
        self._theme = DARK
        self._images: list[QImage] = []
        self._lines: list[QLineF] = []
        self._hatched: list[QRectF] = []
        self._marks: tuple[list[QPointF], ...] = ([], [], [])  # of winners by merit, of tied and of silent windows
        self._dots: tuple[QPixmap, ...] = ()  # one for each of these
        self._mouse: QPointF | None = None
        self._wheel = Wheel()
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # what lies behind need not be painted
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window

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
                dot(cell, ratio, 0.5, theme.accent, theme.surface),
                dot(cell, ratio, 0.34, theme.text),
                dot(cell, ratio, 0.34, theme.muted),
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
        cell = self._layout.cell_at(self._mouse) if known else None
        if (window, cell) != (self.window, self.cell):
            self.window, self.cell = window, cell
            self.pointed.emit()
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose the cell."""
        if event.button() == Qt.MouseButton.LeftButton and self.cell is not None:
            self.clicked.emit()
        else:
            super().mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Go on by a channel with every notch; with Shift, by an image."""
        if notches := self._wheel.notches(event):
            shifted = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            (self.image_stepped if shifted else self.channel_stepped).emit(notches)
        event.accept()

    def event(self, event: QEvent) -> bool:
        """Claim the arrow keys before the window's actions get them."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and any(_steps_of(event)):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Go on by a channel with Left and Right, by an image with Up and Down."""
        channels, images = _steps_of(event)
        if channels:
            self.channel_stepped.emit(channels)
        elif images:
            self.image_stepped.emit(images)
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
            painter.fillRect(event.rect(), QColor(self._theme.surface))
            if self.pooled is None:
                painter.setPen(QColor(self._theme.muted))
                flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
                painter.drawText(self.rect().adjusted(GRID, 0, -GRID, 0), flags, self._sentence)
                return
            painter.setFont(small_font())
            self._paint_maps(painter)
            self._paint_marks(painter)
            paint_captions(painter, self._layout, self.pooled, self._theme)
            paint_legends(painter, self._layout, self.pooled, self._theme)
            paint_ways(painter, self._layout, self._theme)
            self._paint_highlight(painter)

    def _paint_maps(self, painter: QPainter) -> None:
        for (place, _, _), image in zip(self._maps(), self._images, strict=True):
            painter.drawImage(place, image)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(hatching(self._theme))
        painter.drawRects(self._hatched)
        painter.setPen(QPen(QColor(self._theme.surface), 0))
        painter.drawLines(self._lines)

    def _paint_marks(self, painter: QPainter) -> None:
        for places, mark in zip(self._marks, self._dots, strict=True):
            for place in places:
                painter.drawPixmap(place, mark)

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


def _steps_of(event: QKeyEvent) -> tuple[int, int]:
    """Return how many channels and images a key goes on by; 0 for other keys."""
    plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
    return _STEPS.get(event.key(), _NO_STEPS) if plain else _NO_STEPS
