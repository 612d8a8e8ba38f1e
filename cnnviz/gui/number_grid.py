"""A table of numbers that can be pointed at and lit."""

from collections.abc import Iterable

import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFocusEvent,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QApplication, QWidget

from cnnviz.gui.number_cells import LEGIBLE, paint_numbers, part
from cnnviz.gui.theme import DARK, GRID, Theme, small_font
from cnnviz.gui.tiles import Coloring, color_pixels, image_of, largest_magnitude, nice_ceiling, number

Cell = tuple[int, int]  # row and column

CAPTION = 2 * GRID + 2  # pixels above the cells
RIM = 2  # pixels around the cells, for lines and frames
LARGEST = 9 * GRID  # pixels: side of a cell where there is room for more
_ROOMY = 5 * GRID  # pixels: side of a cell from which on figures are as large as other text
COMMANDS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
_ARROWS = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}


class NumberGrid(QWidget):
    """Numbers in square, coloured cells as large as there is room for, under a caption.

    The arrow keys move a cursor, which tells of a cell as the mouse does.

    Attributes
    ----------
    values : array, shape (rows, columns)
        What is shown; replaced, never written to.
    cursor : (row, column)
        The cell that keys act on.
    fixed : array of bool, shape (rows, columns)
        The hatched cells: a border of zeros, say, that is nobody's number.
    cell : (row, column)
        The cell that was pointed at last, by mouse or cursor.
    zoom : int
        How many times larger than in its neighbours a cell is, for whoever arranges several tables.
    """

    pointed = Signal()  # a cell came under the mouse or the cursor

    def __init__(
        self,
        title: str,
        values: np.ndarray,
        *,
        scale: float | None = None,
        coloring: Coloring = Coloring.SIGNED,
        zoom: int = 1,
        parent: QWidget | None = None,
    ) -> None:
        """Show ``values``, shape (rows, columns), under ``title``.

        ``scale`` is the value of the strongest colour; None: the largest magnitude, rounded up.
        """
        super().__init__(parent)
        self.values = np.asarray(values, float)
        self.cursor: Cell = (0, 0)
        self.cell: Cell = (0, 0)
        self._is_pointed_at = False  # by the mouse
        self.zoom = zoom
        self._scale = scale
        self._coloring = coloring
        self.fixed = np.zeros(self.values.shape, bool)
        self._lit: frozenset[Cell] = frozenset()
        self._theme = DARK
        self.setAccessibleName(title)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.set_title(title)

    # What is shown

    @property
    def title(self) -> str:
        """The caption."""
        return self._title

    def set_title(self, title: str) -> None:
        """Write another caption."""
        self._title = title
        self.setAccessibleName(title)
        self.describe()
        self.update()

    def show_values(self, values: np.ndarray, fixed: np.ndarray | None = None) -> None:
        """Show other values, shape (rows, columns); those where ``fixed`` is true are hatched."""
        self.values = np.asarray(values, float)
        self.fixed = np.zeros(self.values.shape, bool) if fixed is None else fixed
        rows, columns = self.values.shape
        self.cursor, self.cell = (
            (min(row, rows - 1), min(column, columns - 1)) for row, column in (self.cursor, self.cell)
        )
        self.describe()
        self.update()

    def light(self, cells: Iterable[Cell]) -> None:
        """Frame ``cells``: those that lie side by side as one."""
        lit = frozenset((int(row), int(column)) for row, column in cells)
        if lit != self._lit:
            self._lit = lit
            self.update()

    @property
    def lit(self) -> frozenset[Cell]:
        """The framed cells."""
        return self._lit

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        self.update()

    def caption_width(self) -> int:
        """Return how wide the caption is, in pixels."""
        return QFontMetrics(small_font()).horizontalAdvance(self._title) + GRID // 2

    def cell_at(self, place: QPointF) -> Cell | None:
        """Return the cell at ``place``; None beside the cells."""
        area = self.area()
        if not area.contains(place):
            return None
        rows, columns = self.values.shape
        offset = (place - area.topLeft()) / (area.width() / columns)
        return min(int(offset.y()), rows - 1), min(int(offset.x()), columns - 1)

    def place_of(self, cell: Cell) -> QRectF:
        """Return where ``cell`` lies."""
        return part(self.area(), *cell, *self.values.shape)

    def area(self) -> QRectF:
        """Return where the cells lie."""
        rows, columns = self.values.shape
        width, height = self.width() - 2 * RIM, self.height() - CAPTION - RIM
        side = max(min(width // columns, height // rows, LARGEST * self.zoom), 1)
        return QRectF((self.width() - side * columns) // 2, CAPTION, side * columns, side * rows)

    # What the user does

    def move_to(self, cell: Cell) -> None:
        """Put the cursor on ``cell``."""
        self.cursor = cell
        self._point(cell)
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Find the cell under the mouse."""
        cell = self.cell_at(event.position())
        if cell is not None and (cell != self.cell or not self._is_pointed_at):
            self._point(cell)
        self._is_pointed_at = cell is not None

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Tell of the same cell again when the mouse comes back."""
        self._is_pointed_at = False

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Put the cursor where the mouse is."""
        cell = self.cell_at(event.position())
        if cell is not None:
            self.move_to(cell)

    def event(self, event: QEvent) -> bool:
        """Claim the keys that are meant for the cells before the window's actions get them."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self.wants(event):
            event.accept()
            return True
        return super().event(event)

    def wants(self, event: QKeyEvent) -> bool:
        """Return whether a key is meant for the cells."""
        return event.key() in _ARROWS and not event.modifiers() & COMMANDS

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Move the cursor."""
        if self.wants(event):
            self._walk(*_ARROWS[event.key()])
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show the cursor, and tell of its cell to whom keys have led here."""
        self.update()
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self._point(self.cursor)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Hide the cursor."""
        self.update()

    def _point(self, cell: Cell) -> None:
        self.cell = cell
        self.describe()
        self.pointed.emit()

    def _walk(self, down: int, right: int) -> None:
        rows, columns = self.values.shape
        self.move_to((min(max(self.cursor[0] + down, 0), rows - 1), min(max(self.cursor[1] + right, 0), columns - 1)))

    def describe(self) -> None:
        """Tell screen readers what stands in the cell."""
        row, column = self.cell
        self.setAccessibleDescription(f"row {row}, column {column}: {number(self.values[row, column])}")

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the caption, the cells and what marks them."""
        area = self.area()
        side = area.width() / self.values.shape[1]
        with QPainter(self) as painter:
            painter.setFont(small_font())
            painter.setPen(QColor(self._theme.muted))
            flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip
            painter.drawText(QRectF(area.left(), 0, area.width(), CAPTION - 2), flags, self._title)
            if side >= _ROOMY:
                painter.setFont(QApplication.font())
            self.paint_cells(painter, area, side)
            self._paint_marks(painter)

    def paint_cells(self, painter: QPainter, area: QRectF, side: float) -> None:
        """Paint the cells, ``side`` pixels wide, into ``area``."""
        painter.fillRect(area.adjusted(-1, -1, 0, 0), QColor(self._theme.line))  # seen between the cells
        scale = nice_ceiling(largest_magnitude(self.values)) if self._scale is None else self._scale
        if side < LEGIBLE[0]:
            pixels = color_pixels(self.values, scale, self._coloring, self._theme)
            painter.drawImage(area, image_of(pixels))
            return
        paint_numbers(painter, area, self.values, scale, self._theme, self._coloring)
        for row, column in np.argwhere(self.fixed):
            self._paint_fixed(painter, self.place_of((int(row), int(column))))

    def _paint_fixed(self, painter: QPainter, place: QRectF) -> None:
        """Paint a cell that belongs to nobody's numbers, such as a border of zeros."""
        box = place.adjusted(0, 0, -1, -1)
        painter.fillRect(box, QColor(self._theme.surface))
        painter.fillRect(box, QBrush(QColor(self._theme.line), Qt.BrushStyle.BDiagPattern))
        painter.setPen(QColor(self._theme.muted))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, "0")

    def _paint_marks(self, painter: QPainter) -> None:
        lines = self._outlines()
        for color, width in ((self._theme.surface, 4), (self._theme.accent, 2)):
            painter.setPen(_pen(color, width))
            painter.drawLines(lines)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(_pen(self._theme.text, 1))
            painter.drawRect(self.place_of(self.cursor).adjusted(2.5, 2.5, -3.5, -3.5))

    def _outlines(self) -> list[QLineF]:
        """Return the edges at which lit cells meet others."""
        lines = []
        for row, column in self._lit:
            box = self.place_of((row, column))
            for neighbour, line in (
                ((row - 1, column), QLineF(box.topLeft(), box.topRight())),
                ((row + 1, column), QLineF(box.bottomLeft(), box.bottomRight())),
                ((row, column - 1), QLineF(box.topLeft(), box.bottomLeft())),
                ((row, column + 1), QLineF(box.topRight(), box.bottomRight())),
            ):
                if neighbour not in self._lit:
                    lines.append(line)
        return lines


def _pen(color: str, width: int) -> QPen:
    return QPen(QColor(color), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap, Qt.PenJoinStyle.MiterJoin)
