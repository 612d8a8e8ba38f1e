"""Tables of numbers side by side, as an equation: one size of cell for all, with signs between them."""

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QSizePolicy, QWidget

from cnnviz.gui.number_grid import CAPTION, LARGEST, RIM, NumberGrid
from cnnviz.gui.theme import DARK, GRID, Theme

_GAP = 2 * GRID  # between tables that no sign stands between
_SIGN = 4 * GRID  # width of a sign
_LEAST = 7  # pixels: side of a cell in the smallest size that is asked for
_SIGN_SIZE = 20  # pixels


class GridRow(QWidget):
    """Shows ``NumberGrid``s and the signs between them, such as ``image, "\u2217", filter, "=", output``."""

    def __init__(self, *parts: NumberGrid | str) -> None:
        super().__init__()
        self._parts = parts
        self._signs: list[tuple[QRectF, str]] = []
        self._theme = DARK
        for grid in self.grids:
            grid.setParent(self)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def grids(self) -> list[NumberGrid]:
        """The tables, from left to right."""
        return [part for part in self._parts if isinstance(part, NumberGrid)]

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        self.update()

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the room of small cells."""
        return QSize(self._width_at(_LEAST), self._height_at(_LEAST))

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the room of the largest cells."""
        return QSize(self._width_at(LARGEST), self._height_at(LARGEST))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Give every table its place."""
        self.arrange()

    def arrange(self) -> None:
        """Give every table its place; to be called when one has another shape or caption, or is hidden."""
        widest = next((side for side in range(LARGEST, 1, -1) if self._width_at(side) <= self.width()), 1)
        self.setMaximumHeight(self._height_at(widest))  # more would be empty
        side = next((side for side in range(widest, 1, -1) if self._height_at(side) <= self.height()), 1)
        self._signs.clear()
        left, tallest = 0, self._height_at(side) - CAPTION
        for part in self._shown():
            width = self._part_width(part, side)
            if isinstance(part, str):
                self._signs.append((QRectF(left, CAPTION, width, tallest), part))
            else:
                height = part.values.shape[0] * side * part.zoom + RIM
                part.setGeometry(QRect(left, (tallest - height) // 2, width, height + CAPTION))
            left += width
        self.update()

    def _shown(self) -> list[NumberGrid | str]:
        """Return the visible tables with a gap between any two that no sign stands between."""
        shown: list[NumberGrid | str] = []
        for part in self._parts:
            if isinstance(part, NumberGrid) and part.isHidden():
                continue
            if shown and isinstance(part, NumberGrid) and isinstance(shown[-1], NumberGrid):
                shown.append("")
            shown.append(part)
        return shown

    def _part_width(self, part: NumberGrid | str, side: int) -> int:
        if isinstance(part, str):
            return max(QFontMetrics(_sign_font()).horizontalAdvance(part) + GRID, _SIGN) if part else _GAP
        return max(part.values.shape[1] * side * part.zoom + 2 * RIM, part.caption_width())

    def _width_at(self, side: int) -> int:
        return sum(self._part_width(part, side) for part in self._shown())

    def _height_at(self, side: int) -> int:
        rows = (grid.values.shape[0] * grid.zoom for grid in self.grids if not grid.isHidden())
        return CAPTION + side * max(rows, default=0) + RIM

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the signs."""
        with QPainter(self) as painter:
            painter.setFont(_sign_font())
            painter.setPen(QColor(self._theme.muted))
            for place, sign in self._signs:
                painter.drawText(place, Qt.AlignmentFlag.AlignCenter, sign)


def _sign_font() -> QFont:
    font = QFont(QApplication.font())
    font.setPixelSize(_SIGN_SIZE)
    return font
