"""Some figures in a row, each with what it is."""

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.gui.theme import GRID, small_font

Figure = tuple[str, str]  # what it is, and the number in words
_GAP = 3 * GRID // 2
_LEVEL = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class FigureRow(QWidget):
    """Shows figures that change all the time, under their captions or behind them, in the space that it is given.

    A figure never moves to the left while the captions are the same, so that figures that change can be read.
    """

    def __init__(self, stacked: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stacked = stacked
        self._figures: Sequence[Figure] = ()
        self._widths: list[int] = []
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def figures(self) -> dict[str, str]:
        """What is shown, by its caption."""
        return dict(self._figures)

    def show_figures(self, figures: Sequence[Figure]) -> None:
        """Show other figures."""
        if figures == self._figures:
            return
        widths = [self._width(*figure) for figure in figures]
        if [caption for caption, _ in figures] == [caption for caption, _ in self._figures]:
            widths = [max(pair) for pair in zip(widths, self._widths, strict=True)]
        self._figures, self._widths = figures, widths
        self.setAccessibleDescription("; ".join(f"{caption}: {value}" for caption, value in figures))
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the height of the lines and any width."""
        caption, value = QFontMetrics(small_font()).height(), QFontMetrics(self.font()).height()
        return QSize(0, caption + value if self._stacked else value)

    def _width(self, caption: str, value: str) -> int:
        above, below = (
            QFontMetrics(small_font()).horizontalAdvance(caption),
            self.fontMetrics().horizontalAdvance(value),
        )
        return max(above, below) if self._stacked else above + GRID // 2 + below

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw what fits; what does not is cut off with dots."""
        with QPainter(self) as painter:
            painter.fillRect(event.rect(), self.palette().base())
            left = 0
            for (caption, value), width in zip(self._figures, self._widths, strict=True):
                room = max(self.width() - left, 0)
                if self._stacked:
                    height = QFontMetrics(small_font()).height()
                    self._write(painter, caption, QRect(left, 0, room, height), is_caption=True)
                    self._write(painter, value, QRect(left, height, room, self.height() - height))
                else:
                    above = QFontMetrics(small_font()).horizontalAdvance(caption) + GRID // 2
                    self._write(painter, caption, QRect(left, 0, room, self.height()), is_caption=True)
                    self._write(painter, value, QRect(left + above, 0, max(room - above, 0), self.height()))
                left += width + _GAP

    def _write(self, painter: QPainter, text: str, area: QRect, is_caption: bool = False) -> None:
        role = QPalette.ColorRole.PlaceholderText if is_caption else QPalette.ColorRole.WindowText
        painter.setFont(small_font() if is_caption else self.font())
        painter.setPen(self.palette().color(role))
        painter.drawText(
            area, _LEVEL, painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        )
