"""A table of numbers that can be pointed at, lit and edited."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, Qt, Signal, Slot
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
    QWheelEvent,
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
_LONGEST = 6  # characters of a number that is typed
_NOTCH = 120  # eighths of a degree: one notch of a wheel
_ARROWS = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}
_PAGES = {Qt.Key.Key_PageUp: 1, Qt.Key.Key_PageDown: -1}
_ENTERS = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_ENDS = (*_ENTERS, Qt.Key.Key_Escape)
_ERASERS = (Qt.Key.Key_Backspace, Qt.Key.Key_Delete)
_DECIMALS = 6  # after many steps of a tenth there must be no more


@dataclass(frozen=True)
class Editing:
    """Between which values a number can be set, and by how much a notch of the wheel changes it."""

    low: float
    high: float
    step: float = 1.0


class NumberGrid(QWidget):
    """Numbers in square, coloured cells as large as there is room for, under a caption.

    The arrow keys move a cursor. Where the numbers can be edited, the cell under the cursor takes what is typed, and
    the wheel and Page Up and Page Down change it by steps; Ctrl+Enter fills the table with it.

    Attributes
    ----------
    values : array, shape (rows, columns)
        What is shown; replaced, never written to.
    cursor : (row, column)
        The cell that keys act on.
    cell : (row, column)
        The cell that was pointed at last, by mouse or cursor.
    zoom : int
        How many times larger than in its neighbours a cell is, for whoever arranges several tables.
    """

    pointed = Signal()  # a cell came under the mouse or the cursor
    edited = Signal()  # other values, by the user

    def __init__(
        self,
        title: str,
        values: np.ndarray,
        *,
        editing: Editing | None = None,
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
        self._editing = editing
        self._scale = scale
        self._coloring = coloring
        self._fixed = np.zeros(self.values.shape, bool)
        self._lit: frozenset[Cell] = frozenset()
        self._entry: str | None = None  # what has been typed so far
        self._before = 0.0  # the number that it is to replace
        self._turned = 0
        self._theme = DARK
        self.setAccessibleName(title)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        if editing is not None:
            self.setCursor(Qt.CursorShape.IBeamCursor)
            self.setToolTip("Wheel, Page Up and Page Down, or type a number; Ctrl+Enter gives it to all cells")
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
        self._describe()
        self.update()

    def show_values(self, values: np.ndarray, fixed: np.ndarray | None = None) -> None:
        """Show other values, shape (rows, columns); those where ``fixed`` is true are hatched and cannot be edited."""
        self.values = np.asarray(values, float)
        self._fixed = np.zeros(self.values.shape, bool) if fixed is None else fixed
        rows, columns = self.values.shape
        self.cursor, self.cell = (
            (min(row, rows - 1), min(column, columns - 1)) for row, column in (self.cursor, self.cell)
        )
        self._describe()
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
        self._entry = None
        self.cursor = cell
        self._point(cell)
        self.update()

    @Slot()
    def fill(self) -> None:
        """Give every cell that can be edited the number under the cursor."""
        self._entry = None
        values = np.where(self._fixed, self.values, self.values[self.cursor])
        if (values != self.values).any():
            self.values = values
            self._describe()
            self.update()
            self.edited.emit()

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

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Change the number under the mouse."""
        cell = self.cell_at(event.position())
        if self._editing is None or cell is None:
            event.ignore()
            return
        event.accept()
        self._turned += event.angleDelta().y()
        notches = int(self._turned / _NOTCH)
        self._turned -= notches * _NOTCH
        if notches:
            self.move_to(cell)
            self._step(notches)

    def event(self, event: QEvent) -> bool:
        """Claim the keys that are meant for the cells before the window's actions get them."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._wants(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Move the cursor, or change the number under it."""
        key = event.key()
        if not self._wants(event):
            super().keyPressEvent(event)
        elif key in _ARROWS:
            self._walk(*_ARROWS[key])
        elif key in _PAGES:
            self._step(_PAGES[key])
        elif event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.fill()
        elif key in _ENDS:
            self._end(keep=key != Qt.Key.Key_Escape)
        elif key in _ERASERS:
            self._type((self._entry or "")[:-1])
        else:
            self._type((self._entry or "") + _typed(event))

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show the cursor, and tell of its cell to whom keys have led here."""
        self.update()
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self._point(self.cursor)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Take what was typed."""
        self._entry = None
        self.update()

    def _wants(self, event: QKeyEvent) -> bool:
        command = event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
        if command:
            fills = command == Qt.KeyboardModifier.ControlModifier and event.key() in _ENTERS
            return self._editing is not None and fills
        if event.key() in _ARROWS:
            return True
        if self._editing is None:
            return False
        if event.key() in _ENDS:
            return self._entry is not None
        return event.key() in _PAGES or event.key() in _ERASERS or bool(_typed(event))

    def _point(self, cell: Cell) -> None:
        self.cell = cell
        self._describe()
        self.pointed.emit()

    def _walk(self, down: int, right: int) -> None:
        rows, columns = self.values.shape
        self.move_to((min(max(self.cursor[0] + down, 0), rows - 1), min(max(self.cursor[1] + right, 0), columns - 1)))

    def _step(self, steps: int) -> None:
        self._entry = None
        self._set(self.values[self.cursor] + steps * self._editing.step)

    def _type(self, entry: str) -> None:
        """Take ``entry`` for the number as far as it is one; an empty one is 0."""
        if self._fixed[self.cursor] or len(entry) > _LONGEST:
            return
        if self._entry is None:
            self._before = float(self.values[self.cursor])
        value = _value(entry)
        if value is None:
            return
        self._entry = entry
        self._set(value)
        self.update()

    def _end(self, *, keep: bool) -> None:
        self._entry = None
        if not keep:
            self._set(self._before)
        self.update()

    def _set(self, value: float) -> None:
        if self._fixed[self.cursor]:
            return
        value = round(min(max(value, self._editing.low), self._editing.high), _DECIMALS)
        if value != self.values[self.cursor]:
            values = self.values.copy()
            values[self.cursor] = value
            self.values = values
            self._describe()
            self.update()
            self.edited.emit()

    def _describe(self) -> None:
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
            self._paint_cells(painter, area, side)
            self._paint_marks(painter)

    def _paint_cells(self, painter: QPainter, area: QRectF, side: float) -> None:
        painter.fillRect(area.adjusted(-1, -1, 0, 0), QColor(self._theme.line))  # seen between the cells
        scale = nice_ceiling(largest_magnitude(self.values)) if self._scale is None else self._scale
        if side < LEGIBLE[0]:
            pixels = color_pixels(self.values, scale, self._coloring, self._theme)
            painter.drawImage(area, image_of(pixels))
            return
        paint_numbers(painter, area, self.values, scale, self._theme, self._coloring)
        for row, column in np.argwhere(self._fixed):
            self._paint_fixed(painter, self.place_of((int(row), int(column))))
        if self._entry is not None:
            self._paint_entry(painter)

    def _paint_fixed(self, painter: QPainter, place: QRectF) -> None:
        """Paint a cell that belongs to nobody's numbers, such as a border of zeros."""
        box = place.adjusted(0, 0, -1, -1)
        painter.fillRect(box, QColor(self._theme.surface))
        painter.fillRect(box, QBrush(QColor(self._theme.line), Qt.BrushStyle.BDiagPattern))
        painter.setPen(QColor(self._theme.muted))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, "0")

    def _paint_entry(self, painter: QPainter) -> None:
        place = self.place_of(self.cursor)
        painter.fillRect(place.adjusted(0, 0, -1, -1), QColor(self._theme.surface))
        painter.setPen(QColor(self._theme.text))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, self._entry.replace("-", "\u2212") + "|")

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


def _typed(event: QKeyEvent) -> str:
    """Return the character that ``event`` adds to a number; empty where it adds none."""
    text = event.text().replace(",", ".")
    return text if text and text in "0123456789.-" else ""


def _value(entry: str) -> float | None:
    """Return the number that ``entry`` is, or begins: 0 where there is no digit yet; None where it can be none."""
    if entry in ("", "-", ".", "-."):
        return 0.0
    try:
        return float(entry)
    except ValueError:
        return None
