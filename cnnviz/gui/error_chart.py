"""How far a gradient is from central differences of many step widths, as a small picture."""

import math
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.explain.gradient_check import WIDTHS, Difference
from cnnviz.gui.theme import DARK, GRID, Theme, small_font
from cnnviz.gui.tiles import number

LEAST_ERROR = 1e-12  # what is smaller is drawn there
_LINE = 14  # pixels of a line of small text
_LABELLED = 150  # pixels of width from which on the errors have figures
_LABEL = 44  # pixels that these take
_LEFT, _RIGHT = (
    side | Qt.AlignmentFlag.AlignVCenter for side in (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight)
)


class ErrorChart(QWidget):
    """Draws the relative error over the step width, both logarithmic.

    Dots are the engine's gradient, in single precision, and rings where a kink lies within the step; the line is the
    gradient in double precision.

    Attributes
    ----------
    differences : sequence of Difference
        In the order of ``WIDTHS``.
    width_chosen : float
        Which of them stands in figures beside.
    """

    hovered = Signal(str)
    chosen = Signal(float)  # the step width that was clicked

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.differences: Sequence[Difference] = ()
        self.width_chosen = WIDTHS[0]
        self._theme = DARK
        self.setMouseTracking(True)
        self.setAccessibleName("Relative error over the step width")
        self.setToolTip(
            "<p>Relative error of the gradient against a central difference, over the step width h. Long steps meet "
            "the bend of the cost, short ones the rounding of the computer. Dots: the engine's gradient, in single "
            "precision; rings: a kink of the cost lies within the step; line: backpropagation in double precision. "
            "Click to choose h.</p>"
        )
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_differences(self, differences: Sequence[Difference], width_chosen: float) -> None:
        """Show other differences; none: empty axes."""
        self.differences, self.width_chosen = differences, width_chosen
        self.setAccessibleDescription("; ".join(describe(each) for each in differences))
        self.update()

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a comfortable size."""
        return QSize(22 * GRID, 12 * GRID)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the least size in which the dots can be told apart."""
        return QSize(14 * GRID, 8 * GRID)

    # Pointing

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Say what is under the mouse."""
        width = self._width_at(event.position().x())
        known = {each.width: each for each in self.differences}
        self.hovered.emit(describe(known[width]) if width in known else "")

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose the step width that is clicked."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(self._width_at(event.position().x()))

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Say that nothing is under the mouse."""
        self.hovered.emit("")

    def _width_at(self, x: float) -> float:
        return min(WIDTHS, key=lambda width: abs(self._x(width) - x))

    # The picture

    def _area(self) -> QRectF:
        """Return the plot, between the lines of text."""
        left = _LABEL if self.width() >= _LABELLED else 4
        return QRectF(self.rect()).adjusted(left, _LINE + 3, -5, -_LINE - 3)

    def _x(self, width: float) -> float:
        area, (longest, shortest) = self._area(), (math.log10(WIDTHS[0]), math.log10(WIDTHS[-1]))
        return area.left() + area.width() * (math.log10(width) - shortest) / (longest - shortest)

    def _y(self, error: float) -> float:
        area = self._area()
        error = min(max(error, LEAST_ERROR), 1.0) if math.isfinite(error) else 1.0
        return area.top() + area.height() * math.log10(error) / math.log10(LEAST_ERROR)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw axes, line and dots."""
        with QPainter(self) as painter:
            painter.fillRect(event.rect(), QColor(self._theme.surface))
            painter.setFont(small_font())
            self._paint_axes(painter)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor(self._theme.muted), 1))
            line = [QPointF(self._x(each.width), self._y(each.exact_error)) for each in self.differences]
            painter.drawPolyline(QPolygonF(line))
            for each in self.differences:
                self._paint_dot(painter, each)

    def _paint_axes(self, painter: QPainter) -> None:
        area, theme = self._area(), self._theme
        painter.setPen(QColor(theme.muted))
        painter.drawText(QRectF(0, 0, self.width(), _LINE), _LEFT, "relative error over h")
        below = QRectF(area.left() - 2, self.height() - _LINE, area.width() + 6, _LINE)
        painter.drawText(below, _LEFT, number(WIDTHS[-1]))
        painter.drawText(below, _RIGHT, number(WIDTHS[0]))
        for power in (0, 4, 8, 12):
            y = round(self._y(10.0**-power)) + 0.5
            painter.setPen(QColor(theme.line))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            if self.width() >= _LABELLED:
                painter.setPen(QColor(theme.muted))
                painter.drawText(
                    QRectF(0, y - _LINE / 2, _LABEL - 6, _LINE), _RIGHT, f"1e\u2212{power}" if power else "1"
                )
        x = round(self._x(self.width_chosen)) + 0.5
        painter.setPen(QPen(QColor(theme.accent), 1, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))

    def _paint_dot(self, painter: QPainter, difference: Difference) -> None:
        color = QColor(self._theme.warning if difference.has_kink else self._theme.accent)
        radius = 3.5 if difference.width == self.width_chosen else 2.5
        painter.setPen(QPen(color, 1.5))
        painter.setBrush(QColor(self._theme.surface) if difference.has_kink else color)
        painter.drawEllipse(QPointF(self._x(difference.width), self._y(difference.error)), radius, radius)


def describe(difference: Difference) -> str:
    """Return what is to be said of a difference."""
    kinks = f", {kink_text(difference)} within \u00b1h" if difference.has_kink else ""
    return f"h = {number(difference.width)}: relative error {error_text(difference.error)}{kinks}"


def error_text(error: float) -> str:
    """Return a relative error with two digits, such as "3.1e\u22128"."""
    return number(float(f"{error:.1e}"))


def kink_text(difference: Difference) -> str:
    """Return what bends within the step, such as "2 ReLUs, 1 window"."""
    parts = ((difference.relus, "ReLU"), (difference.windows, "window"))
    return ", ".join(f"{count} {what}{'s' * (count > 1)}" for count, what in parts if count) or "none"
