"""A table of numbers that can be typed over."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QPainter, QWheelEvent

from cnnviz.gui.number_grid import COMMANDS, Cell, NumberGrid
from cnnviz.gui.wheel import Wheel

_LONGEST = 6  # characters of a number that is typed
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


class EditableGrid(NumberGrid):
    """A table whose numbers change by wheel and keys.

    The cell under the cursor takes what is typed, Page Up and Page Down change it by steps, and Ctrl+Enter gives its
    number to all cells. Hatched cells stay as they are.
    """

    edited = Signal()  # other values, by the user

    def __init__(self, title: str, values: np.ndarray, editing: Editing, **looks: object) -> None:
        """Show ``values``, shape (rows, columns), under ``title``; ``looks`` are those of ``NumberGrid``."""
        super().__init__(title, values, **looks)
        self._editing = editing
        self._entry: str | None = None  # what has been typed so far
        self._before = 0.0  # the number that it is to replace
        self._wheel = Wheel()
        self.setCursor(Qt.CursorShape.IBeamCursor)
        self.setToolTip("Wheel, Page Up and Page Down, or type a number; Ctrl+Enter gives it to all cells")

    def move_to(self, cell: Cell) -> None:
        """Put the cursor on ``cell``, and take what was typed."""
        self._entry = None
        super().move_to(cell)

    @Slot()
    def fill(self) -> None:
        """Give every cell that can be edited the number under the cursor."""
        self._entry = None
        values = np.where(self.fixed, self.values, self.values[self.cursor])
        if (values != self.values).any():
            self.values = values
            self.describe()
            self.update()
            self.edited.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Change the number under the mouse."""
        cell = self.cell_at(event.position())
        if cell is None:
            event.ignore()
            return
        event.accept()
        if notches := self._wheel.notches(event):
            self.move_to(cell)
            self._step(notches)

    def wants(self, event: QKeyEvent) -> bool:
        """Return whether a key is meant for the cells."""
        key, command = event.key(), event.modifiers() & COMMANDS
        if command:
            return command == Qt.KeyboardModifier.ControlModifier and key in _ENTERS
        if key in _ENDS:
            return self._entry is not None
        return super().wants(event) or key in _PAGES or key in _ERASERS or bool(_typed(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Change the number under the cursor, or move it."""
        key = event.key()
        if not self.wants(event) or super().wants(event):
            super().keyPressEvent(event)
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

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Take what was typed."""
        self._entry = None
        super().focusOutEvent(event)

    def _step(self, steps: int) -> None:
        self._entry = None
        self._set(self.values[self.cursor] + steps * self._editing.step)

    def _type(self, entry: str) -> None:
        """Take ``entry`` for the number as far as it is one; an empty one is 0."""
        if self.fixed[self.cursor] or len(entry) > _LONGEST:
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
        if self.fixed[self.cursor]:
            return
        value = round(min(max(value, self._editing.low), self._editing.high), _DECIMALS)
        if value != self.values[self.cursor]:
            values = self.values.copy()
            values[self.cursor] = value
            self.values = values
            self.describe()
            self.update()
            self.edited.emit()

    def paint_cells(self, painter: QPainter, area: QRectF, side: float) -> None:
        """Paint the cells, and what is being typed."""
        super().paint_cells(painter, area, side)
        if self._entry is not None:
            self._paint_entry(painter)

    def _paint_entry(self, painter: QPainter) -> None:
        place = self.place_of(self.cursor)
        painter.fillRect(place.adjusted(0, 0, -1, -1), QColor(self._theme.surface))
        painter.setPen(QColor(self._theme.text))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, self._entry.replace("-", "\u2212") + "|")


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
