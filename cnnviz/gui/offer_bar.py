"""A question that waits for an answer without getting in the way: one line or two, and two buttons."""

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from cnnviz.gui.readout import Readout
from cnnviz.gui.theme import GRID, small_font

_HEIGHTS = (16, 13)  # of the two lines: together as high as the buttons, so that a bar of these stays as it is


class Answer(NamedTuple):
    """What a button says, what its tooltip says that it does, and what it does."""

    text: str
    tip: str
    action: Callable[[], object]


class Offer(NamedTuple):
    """A question.

    Attributes
    ----------
    text, detail : str
        A line each.
    accepting, declining : Answer
    dismissing : callable
        What Esc does besides ending the question.
    """

    text: str
    detail: str
    accepting: Answer
    declining: Answer
    dismissing: Callable[[], object] = lambda: None


class OfferBar(QWidget):
    """Shows an offer until it is answered or withdrawn; without one it is hidden.

    Attributes
    ----------
    offer : Offer or None
    accept, decline : QPushButton
    """

    asks = Signal(bool)  # whether there is an offer now

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.offer: Offer | None = None
        self._lines = Readout(), Readout(muted=True)
        self._lines[1].setFont(small_font())
        column = QVBoxLayout()
        column.setSpacing(0)
        for line, height, name in zip(self._lines, _HEIGHTS, ("Offer", "Details of the offer"), strict=True):
            line.setFixedHeight(height)
            line.setAccessibleName(name)
            column.addWidget(line)
        self.accept = self._button("Accept the offer", self._accept)
        self.accept.setProperty("role", "primary")
        self.decline = self._button("Decline the offer", self._decline)
        self.setObjectName("offer")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(self)
        row.setContentsMargins(3 * GRID // 2, 0, 0, 0)
        row.setSpacing(GRID)
        row.addLayout(column, 1000)
        row.addSpacing(GRID)
        row.addWidget(self.accept)
        row.addWidget(self.decline)
        row.addStretch(1)
        self.hide()

    def _button(self, name: str, slot: Callable[[], object]) -> QPushButton:
        button = QPushButton()
        button.setAccessibleName(name)
        button.setToolTip(name)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the space bar to training
        button.clicked.connect(slot)
        return button

    def show_offer(self, offer: Offer) -> None:
        """Ask, instead of what was asked before; who cannot see it is told."""
        for line, text in zip(self._lines, (offer.text, offer.detail), strict=True):
            line.setText(text)
            line.setToolTip(f"{offer.text}\n{offer.detail}")  # whole, where there is no room for it
            line.setMaximumWidth(line.fontMetrics().horizontalAdvance(text) + 1)
        for button, answer in ((self.accept, offer.accepting), (self.decline, offer.declining)):
            button.setText(answer.text)
            button.setToolTip(answer.tip)
            button.setAccessibleName(answer.text)
        self._set(offer)
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, f"{offer.text} {offer.detail}"))

    def withdraw(self) -> None:
        """Ask nothing any more."""
        self._set(None)

    def dismiss(self) -> bool:
        """End the question unanswered, as Esc does; False where there is none."""
        offer = self.offer
        self.withdraw()
        if offer is not None:
            offer.dismissing()
        return offer is not None

    @Slot()
    def _accept(self) -> None:
        self._answer(self.offer.accepting)

    @Slot()
    def _decline(self) -> None:
        self._answer(self.offer.declining)

    def _answer(self, answer: Answer) -> None:
        self.withdraw()
        answer.action()

    def _set(self, offer: Offer | None) -> None:
        self.offer = offer
        self.setVisible(offer is not None)
        self.asks.emit(offer is not None)
