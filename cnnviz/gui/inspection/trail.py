"""The way that one came: which numbers were looked into, and back to them."""

from collections.abc import Callable

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from cnnviz.explain.places import INPUT, Cell, Place, Probability
from cnnviz.gui.theme import GRID

_SHOWN = 3  # numbers that are named; the way may be longer
_KEPT = 100  # numbers


class Trail(QWidget):
    """Buttons for the numbers that were chosen one after the other, and for back and forward.

    Attributes
    ----------
    places : list of Place
        In the order in which they were chosen.
    position : int
        Which of them is the current one; -1 where there is none.
    back, forward : QToolButton
    """

    chosen = Signal(object)  # a place to return to

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.places: list[Place] = []
        self.position = -1
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.back = self._button("\u2190", "Back to the number before (Alt+Left)", "Alt+Left", self._go_back)
        self.forward = self._button("\u2192", "Forward to the next number (Alt+Right)", "Alt+Right", self._go_forward)
        self._more = QLabel("\u2026")
        self._more.setProperty("role", "muted")
        self._crumbs = [self._crumb(number) for number in range(_SHOWN)]
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        for widget in (self.back, self.forward, self._more, *self._crumbs):
            row.addWidget(widget)
        row.addStretch(1)
        self._name_crumbs()

    def _button(self, text: str, tip: str, key: str, slot: Callable[[], None]) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip.partition(" (")[0])
        QShortcut(key, self, slot)  # a button's own would only press it for a tenth of a second first
        button.setFocusPolicy(button.focusPolicy().TabFocus)
        button.clicked.connect(slot)
        return button

    def _crumb(self, number: int) -> QToolButton:
        crumb = QToolButton(self)
        crumb.setProperty("role", "flat")
        crumb.setToolTip("A number chosen before")
        crumb.setAccessibleName(crumb.toolTip())
        crumb.setFocusPolicy(crumb.focusPolicy().TabFocus)
        crumb.clicked.connect(lambda: self._go_to(self._first() + number))
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

    def _go_to(self, position: int) -> None:
        if 0 <= position < len(self.places):
            self.position = position
            self._name_crumbs()
            self.chosen.emit(self.places[position])

    def _first(self) -> int:
        """Return which number the first crumb stands for."""
        return max(self.position + 1 - _SHOWN, 0)

    def _name_crumbs(self) -> None:
        first = self._first()
        self.back.setEnabled(self.position > 0)
        self.forward.setEnabled(self.position < len(self.places) - 1)
        self._more.setVisible(first > 0)
        for number, crumb in enumerate(self._crumbs, first):
            crumb.setVisible(number < len(self.places))
            if number < len(self.places):
                place = self.places[number]
                crumb.setText(("" if number == first else "\u203a ") + short(place))
                crumb.setToolTip(f"Back to {place}" if number != self.position else str(place))
                crumb.setAccessibleName(crumb.toolTip())
                crumb.setProperty("current", number == self.position)
                crumb.style().polish(crumb)  # the style is chosen by that property


def short(place: Place) -> str:
    """Return such as "conv2 3 (12, 7)", "dense1 17", "conv1 weight" or "p(7)"."""
    if isinstance(place, Probability):
        return f"p({place.digit})"
    if not isinstance(place, Cell):
        return f"{place.layer} {place.name}"
    if len(place.index) == 1:
        return f"{place.layer} {place.index[0]}"
    row, column, channel = place.index
    return f"{INPUT} ({row}, {column})" if place.layer == INPUT else f"{place.layer} {channel} ({row}, {column})"
