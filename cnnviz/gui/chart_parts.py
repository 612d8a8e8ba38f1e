"""Axes and legend of the cost chart."""

import numpy as np
import pyqtgraph as pg
from pyqtgraph.functions import arrayToQPolygonF
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QGraphicsRectItem, QGraphicsTextItem, QStyleOptionGraphicsItem, QWidget

from cnnviz.gui.theme import GRID, Theme, small_font

_DOT = 4.0  # pixels across


def translucent(name: str, alpha: int) -> QColor:
    """Return a colour through which others are seen; ``alpha`` 255 hides them."""
    color = QColor(name)
    color.setAlpha(alpha)
    return color


class Curve(pg.GraphicsObject):
    """A line through points that change all the time, in a view whose range is set by others.

    A ``PlotCurveItem`` finds its bounds anew with each point, and tells the view, which here has no use for them.
    """

    def __init__(self, antialias: bool = False) -> None:
        super().__init__()
        self._points = (np.empty(0), np.empty(0))
        self._polygon = QPolygonF()
        self._antialias = antialias
        self._pen = QPen()

    def getData(self) -> tuple[np.ndarray, np.ndarray]:  # noqa: N802 - named as PlotCurveItem's
        """Return x and y of the points."""
        return self._points

    def show_points(self, x: np.ndarray, y: np.ndarray) -> None:
        """Show finite float64 points, two arrays of shape (n,)."""
        self._points = x, y
        self._polygon = arrayToQPolygonF(x, y) if len(x) else QPolygonF()
        self.update()

    def setPen(self, pen: QPen) -> None:  # noqa: N802 - named as PlotCurveItem's
        """Draw with a cosmetic ``pen``."""
        self._pen = pen
        self.update()

    def boundingRect(self) -> QRectF:  # noqa: N802
        """Return all of the view."""
        return self.viewRect() or QRectF()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw the line."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, self._antialias)
        painter.setPen(self._pen)
        if self._polygon.size() == 1:  # as yet no line
            painter.setPen(_dot_pen(self._pen))
            painter.drawPoint(self._polygon[0])
        painter.drawPolyline(self._polygon)

    def viewRangeChanged(self) -> None:  # noqa: N802
        """Fill the view again."""
        self.prepareGeometryChange()


def _dot_pen(pen: QPen) -> QPen:
    """Return a pen that draws a point as a dot, in the colour of ``pen``."""
    dot = QPen(pen.color(), _DOT, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
    dot.setCosmetic(True)
    return dot


class Legend(QGraphicsRectItem):
    """One line that says which curve is which."""

    def __init__(self, parent: QGraphicsItem) -> None:
        super().__init__(parent)
        self.setPen(Qt.PenStyle.NoPen)
        self.setZValue(1)  # over the curves
        self._text = QGraphicsTextItem(self)
        self._text.setFont(small_font())
        self._theme: Theme | None = None
        self._window = 1

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        self.setBrush(translucent(theme.surface, 220))
        self._write()

    def set_window(self, window: int) -> bool:
        """Name the number of steps that the smoothed curve is a mean of; return whether it is another."""
        changed, self._window = window != self._window, window
        if changed:
            self._write()
        return changed

    def place(self, right: float) -> None:
        """End at ``right``."""
        size = self._text.boundingRect().adjusted(0, 4, 0, -4)
        self.setRect(size)
        self.setPos(right - size.width(), -5)

    def _write(self) -> None:
        if self._theme is None:
            return
        theme, smooth = self._theme, f"mean of {self._window} step{'s' if self._window > 1 else ''}"
        parts = ((theme.muted, "━", "each step"), (theme.accent, "━", smooth), (theme.text, "●", "test"))
        self._text.setHtml(
            " &nbsp;".join(
                f'<span style="color:{color}">{sign}</span> <span style="color:{theme.muted}">{name}</span>'
                for color, sign, name in parts
            )
        )


class LinedAxis(pg.AxisItem):
    """An axis with lines across the plot, that writes its first and last figure even where they stand out a little."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation)
        self.setGrid(255)

    def boundingRect(self) -> QRectF:  # noqa: N802
        """Return where it draws."""
        return super().boundingRect().adjusted(0, -GRID, 0, GRID)


class StepAxis(pg.AxisItem):
    """An axis of whole numbers, with thousands set apart."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:  # noqa: N802
        """Return the figures at ``values``."""
        return [f"{value:,.0f}" for value in values]
