"""The way that one came: which numbers were looked into, and back to them."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QResizeEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from cnnviz.explain.places import INPUT, Cell, Place, Probability
from cnnviz.gui.theme import GRID
from cnnviz.training.control import parameter_text

_SHOWN = 6  # numbers that are named at most; the way may be longer
_KEPT = 100  # numbers
_MARGINS = 2 * GRID  # pixels around the text of a crumb


class Trail(QWidget):
    """Buttons for the numbers that were chosen one after the other, and for back and forward.

    Attributes
    ----------
    places : list of Place
        In the order in which they were chosen.
    position : int
        Which of them is the current one; -1 where there is none.
    back, forward : QToolButton
    crumbs : list of QToolButton
        For as many of the last numbers as there is room for.
    """

    chosen = Signal(object)  # a place to return to

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.places: list[Place] = []
        self.position = -1
        self._first = 0  # the number that the first crumb stands for
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.back = self._button("\u2190", "Back to the number before (Alt+Left)", "Alt+Left", self._go_back)
        self.forward = self._button("\u2192", "Forward to the next number (Alt+Right)", "Alt+Right", self._go_forward)
        self._more = QLabel("\u2026")
        self._more.setProperty("role", "muted")
        self.crumbs = [self._crumb(number) for number in range(_SHOWN)]
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        for widget in (self.back, self.forward, self._more, *self.crumbs):
            row.addWidget(widget)
        row.addStretch(1)
        self._name_crumbs()

    def _button(self, text: str, tip: str, key: str, slot: Callable[[], None]) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip.partition(" (")[0])
        button.setFocusPolicy(button.focusPolicy().TabFocus)
        button.clicked.connect(slot)
        QShortcut(key, self, slot)  # a button's own would only press it for a tenth of a second first
        return button

    def _crumb(self, number: int) -> QToolButton:
        crumb = QToolButton(self)
        crumb.setProperty("role", "flat")
        crumb.setToolTip("A number chosen before")
        crumb.setAccessibleName(crumb.toolTip())
        crumb.setFocusPolicy(crumb.focusPolicy().TabFocus)
        crumb.clicked.connect(partial(self._open, number))
        return crumb

    def visit(self, place: Place) -> None:
        """Go on to ``place``; what came after the current one is forgotten."""
        if self.places and self.places[self.position] == place:
            return
        self.places = [*self.places[: self.position + 1], place][-_KEPT:]
        self.position = len(self.places) - 1
        self._name_crumbs()

    @Slot()
    def _go_back(self) -> None:
        self._go_to(self.position - 1)

    @Slot()
    def _go_forward(self) -> None:
        self._go_to(self.position + 1)

    def _open(self, number: int) -> None:
        self._go_to(self._first + number)

    def _go_to(self, position: int) -> None:
        if 0 <= position < len(self.places):
            self.position = position
            self._name_crumbs()
            self.chosen.emit(self.places[position])

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Name as many numbers as there is room for now."""
        self._name_crumbs()

    def _name_crumbs(self) -> None:
        self.back.setEnabled(self.position > 0)
        self.forward.setEnabled(self.position < len(self.places) - 1)
        self._first, last = self._span()
        self._more.setVisible(self._first > 0)
        for number, crumb in enumerate(self.crumbs, self._first):
            crumb.setVisible(number <= last)
            if number <= last:
                self._name(crumb, number)

    def _name(self, crumb: QToolButton, number: int) -> None:
        place, is_current = self.places[number], number == self.position
        crumb.setText(_text(place, number == self._first))
        crumb.setToolTip(str(place) if is_current else f"To {place}")
        crumb.setAccessibleName(crumb.toolTip())
        crumb.setProperty("current", is_current)
        crumb.style().polish(crumb)  # the style is chosen by that property

    def _span(self) -> tuple[int, int]:
        """Return the first and the last of the numbers around the current one that there is room for."""
        room = self.width() - self.back.sizeHint().width() - self.forward.sizeHint().width() - 4 * GRID
        metrics, first, last = self.fontMetrics(), self.position + 1, self.position
        order = [*range(self.position, -1, -1), *range(self.position + 1, len(self.places))]
        for number in order[:_SHOWN]:
            room -= metrics.horizontalAdvance(_text(self.places[number])) + _MARGINS
            if room < 0 and number != self.position:
                break
            first, last = min(first, number), max(last, number)
        return max(first, 0), last


def _text(place: Place, is_first: bool = False) -> str:
    """Return such as "› conv2 3 (12, 7)", "dense1 17", "conv1/weight[1,0,2,0]" or "p(7)"."""
    sign = "" if is_first else "\u203a "
    if isinstance(place, Probability):
        return f"{sign}p({place.digit})"
    if not isinstance(place, Cell):
        return f"{sign}{parameter_text(place.layer, place.name, place.index)}"
    if len(place.index) == 1:
        return f"{sign}{place.layer} {place.index[0]}"
    row, column, channel = place.index
    of_channel = "" if place.layer == INPUT else f" {channel}"
    return f"{sign}{place.layer}{of_channel} ({row}, {column})"
