"""One window of max pooling as through a magnifying glass: its values, its maximum, its gradient."""

from collections.abc import Iterator

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget

from cnnviz.gui.number_cells import paint_number, part
from cnnviz.gui.pooling import PooledChannel, Window, invitation
from cnnviz.gui.routing_layout import CAPTION, RoutingLayout
from cnnviz.gui.routing_picture import highlight_pen, paint_arrow
from cnnviz.gui.theme import DARK, GRID, Theme, small_font
from cnnviz.gui.tiles import Coloring, color_pixels

LEAST_ROW, _HIGHEST_ROW = 14, 36  # pixels of a row of the tables
_ROOMY = (88, 22)  # pixels of a cell in which figures have the size of text
_LEVEL = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class WindowStrip(QWidget):
    """The values of one window under the maps that they come from, in the same colours; or how to choose one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pooled: PooledChannel | None = None
        self._layout: RoutingLayout | None = None
        self._window: Window | None = None
        self._theme = DARK
        self.setAccessibleName("The window under the mouse")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # what lies behind need not be painted

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        self.update()

    def show_window(self, pooled: PooledChannel, layout: RoutingLayout, window: Window | None) -> None:
        """Show ``window`` of ``pooled``, in the columns of ``layout``; None: how to choose one."""
        self._pooled, self._layout, self._window = pooled, layout, window
        self.update()

    def cells(self) -> Iterator[tuple[QRectF, float, float, bool]]:
        """Yield place, value, scale and whether it won, for each cell of the tables."""
        pooled, window = self._pooled, self._window
        size, (before, middle, after) = pooled.pool.size, self._columns()
        for column, values, scale in (
            (before, pooled.windows[window], pooled.activation_scale),
            (after, pooled.handed_by(window), pooled.gradient_scale),
        ):
            for (i, j), value in np.ndenumerate(values):
                yield part(column, i, j, size, size), float(value), scale, bool(pooled.winners[window][i, j])
        yield part(middle, 0, 0, 2, 1), float(pooled.maxima[window]), pooled.activation_scale, False
        yield part(middle, 1, 0, 2, 1), float(pooled.arriving[window]), pooled.gradient_scale, False

    def _columns(self) -> tuple[QRectF, QRectF, QRectF]:
        """Return the places of the three tables: under the large maps, and under the small ones."""
        caption = CAPTION if self.height() >= CAPTION + LEAST_ROW * self._pooled.pool.size else 0
        rows = self._pooled.pool.size
        height = rows * min(max((self.height() - caption) // rows, 1), _HIGHEST_ROW)
        layout = self._layout
        return tuple(
            QRectF(map_.left(), caption, map_.width(), height)
            for map_ in (layout.before, layout.maxima, layout.handed_back)
        )

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the tables, or the sentence."""
        with QPainter(self) as painter:
            painter.fillRect(event.rect(), QColor(self._theme.surface))
            if self._pooled is None:
                return
            painter.setFont(small_font())
            painter.setPen(QColor(self._theme.muted))
            if self._window is None:
                row = self.rect().adjusted(GRID, 0, 0, 0)
                row.setHeight(min(row.height(), CAPTION))
                painter.drawText(row, _LEVEL, invitation(self._pooled))
                return
            self._paint_caption(painter)
            painter.setFont(self._font())
            for place, value, scale, _ in self.cells():
                self._paint_cell(painter, place, value, scale)
            self._paint_winners(painter)
            self._paint_arrows(painter)

    def _font(self) -> QFont:
        first, *_ = next(self.cells())
        wide, high = _ROOMY
        return QApplication.font() if first.width() >= wide and first.height() >= high else small_font()

    def _paint_caption(self, painter: QPainter) -> None:
        before, _, after = self._columns()
        for column, text in ((before, f"window ({self._window[0]}, {self._window[1]})"), (after, "handed back")):
            row = QRectF(column.left(), 0, column.width(), column.top())
            if row.height() > 0:
                painter.drawText(row, _LEVEL, text)

    def _paint_cell(self, painter: QPainter, place: QRectF, value: float, scale: float) -> None:
        color = color_pixels(np.array([value]), scale, Coloring.SIGNED, self._theme)[0]
        paint_number(painter, place, value, QColor(int(color)))

    def _paint_winners(self, painter: QPainter) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        pen = highlight_pen(self._theme)
        if self._pooled.silent[self._window]:
            pen.setColor(QColor(self._theme.muted))
        painter.setPen(pen)
        for place, _, _, won in self.cells():
            if won:
                painter.drawRect(place.adjusted(1, 1, -2, -2))

    def _paint_arrows(self, painter: QPainter) -> None:
        before, middle, after = self._columns()
        color = QColor(self._theme.muted)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for from_, to, share in ((before, middle, 0.25), (middle, after, 0.75)):
            y = middle.top() + share * middle.height()
            paint_arrow(painter, QPointF(from_.right(), y), QPointF(to.left(), y), color)
