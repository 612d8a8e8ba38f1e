"""One number, traced to its arithmetic: what it is made of, and what its gradient is made of."""

from typing import ClassVar

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from cnnviz.explain.backwards import terms_of
from cnnviz.explain.places import Place, Probability, exists
from cnnviz.explain.snippets import has
from cnnviz.explain.terms import Terms
from cnnviz.explain.what_if import obstacle
from cnnviz.gui.copying import copy_as_numpy
from cnnviz.gui.inspection.canvas import TermsCanvas
from cnnviz.gui.inspection.trail import Trail
from cnnviz.gui.inspection.words import in_words
from cnnviz.gui.panels.panel import Panel, Row
from cnnviz.gui.readout import LEGIBLE, Readout
from cnnviz.gui.theme import GRID, Theme, small_font
from cnnviz.gui.what_if import WhatIfBar
from cnnviz.gui.workbench import Workbench
from cnnviz.training.snapshot import Snapshot

EMPTY = (
    "Point at any number of the network to see what it is made of.\nClick one to keep it here and go on from its terms."
)
NOTHING_YET = "What each number is made of is told here as soon as the data are loaded"


class InspectorPanel(Panel):
    """The terms of the number under the mouse, or else of the one that was chosen.

    Attributes
    ----------
    trail : Trail
        The numbers that were chosen before.
    forwards, backwards : QPushButton
        What is told: the value, or the gradient.
    begin : QPushButton
        Chooses a first number, where there is none.
    heading, sentence : Readout
        Which number it is, and how it comes about.
    canvas : TermsCanvas
        Its terms.
    copy : QPushButton
        Copies the arithmetic of the chosen number.
    what_if : WhatIfBar
        Nudges it; shown where it can be nudged.
    """

    name: ClassVar[str] = "inspector"
    title: ClassVar[str] = "Inspector"
    about: ClassVar[str] = (
        "The sum that made one number, with the very numbers that the network used: forwards its value, back its "
        "gradient, that is, how much the cost would rise if it grew a little. Click any number to go on from there."
    )
    interval: ClassVar[float] = LEGIBLE

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench, parent)
        self._snapshot: Snapshot | None = None
        controls = self._make_controls()
        self.heading = Readout()
        self.heading.setAccessibleName("The number")
        self.sentence = Readout(muted=True)
        self.sentence.setFont(small_font())
        self.sentence.setAccessibleName("How it comes about")
        self.canvas = TermsCanvas(self)
        self.canvas.setAccessibleName("Terms")
        self.canvas.setAccessibleDescription(
            "Arrows go through the terms, Page Up and Down the channels, Enter follows one"
        )
        self.canvas.pointed.connect(workbench.point_at)
        self.canvas.chosen.connect(workbench.choose)
        self.canvas.hovered.connect(self.hovered)
        self.what_if = WhatIfBar(workbench, self)
        self.what_if.hovered.connect(self.hovered)
        self.what_if.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, 0, GRID, GRID // 2)
        layout.setSpacing(GRID // 4)
        layout.addLayout(controls)
        layout.addWidget(self.heading)
        layout.addWidget(self.sentence)
        layout.addWidget(self.canvas, 1)
        layout.addWidget(self.what_if)
        workbench.subject_changed.connect(self._take_subject)
        workbench.pointed_changed.connect(self._on_pointed)
        self.refresh()

    def _make_controls(self) -> QHBoxLayout:
        self.trail = Trail(self)
        self.trail.chosen.connect(self.workbench.choose)
        self.begin = _button("Start from the answer", "Look into the probability of the digit that is answered", self)
        self.begin.clicked.connect(self._begin)
        self.forwards = _button("Forwards", "What the value is made of (B)", self)
        self.backwards = _button("Back", "What the gradient of the cost is made of, on its way back (B)", self)
        views = QButtonGroup(self)
        for button in (self.forwards, self.backwards):
            button.setCheckable(True)
            views.addButton(button)
        self.forwards.setChecked(True)
        self.backwards.toggled.connect(self.refresh)
        self.copy = _button("Copy", "Copy as NumPy: a text that works the chosen number out (Ctrl+C)", self)
        self.copy.setAccessibleName("Copy as NumPy")
        self.copy.clicked.connect(self._copy)
        row = QHBoxLayout()
        row.setSpacing(GRID // 2)
        row.addWidget(self.trail, 1)
        for widget in (self.begin, self.forwards, self.backwards, self.copy):
            row.addWidget(widget)
        return row

    @property
    def is_back(self) -> bool:
        """Whether the gradient is told, not the value."""
        return self.backwards.isChecked()

    def set_back(self, back: bool) -> None:
        """Tell the gradient, or the value."""
        (self.backwards if back else self.forwards).setChecked(True)

    @Slot()
    def toggle_view(self) -> None:
        """Tell the gradient if it was the value, or the other way round."""
        self.set_back(not self.is_back)

    @property
    def terms(self) -> Terms | None:
        """What is shown."""
        return self.canvas.terms

    # When to look

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the number as it is in ``snapshot``."""
        self._snapshot = snapshot
        self._show()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Catch up with what was chosen while the panel was hidden."""
        super().showEvent(event)
        self.catch_up()

    def catch_up(self) -> None:
        """Show what was chosen meanwhile."""
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Show the number that is to be shown now, of the newest snapshot."""
        self._snapshot = self.workbench.snapshot or self._snapshot
        self._show()

    @Slot()
    def _take_subject(self) -> None:
        if self.workbench.subject is not None:
            self.trail.visit(self.workbench.subject)
        if self.is_seen:
            self.refresh()

    @Slot()
    def _on_pointed(self) -> None:
        """Show what is pointed at elsewhere; while that happens here, the subject stays."""
        if self.is_seen and not self.canvas.is_pointed:
            self.refresh()

    @Slot()
    def _begin(self) -> None:
        if self._snapshot is not None:
            self.workbench.choose(Probability(int(self._snapshot.trace.probabilities.argmax())))

    # What is shown

    def _place(self) -> Place | None:
        """Return which number is to be shown: the one that is pointed at elsewhere, or else the chosen one."""
        pointed, snapshot = self.workbench.pointed, self._snapshot
        if pointed is not None and not self.canvas.is_pointed and exists(snapshot, pointed):
            return pointed
        return self.workbench.subject

    def _show(self) -> None:
        snapshot = self._snapshot
        self.begin.setVisible(self.workbench.subject is None)
        self.begin.setEnabled(snapshot is not None)
        self._offer_nudging()
        place = None if snapshot is None else self._place()
        if place is None:
            self._say(NOTHING_YET if snapshot is None else EMPTY)
        elif not exists(snapshot, place):
            self._say(f"This network has no {place}: point at another number, or click one to keep it")
        else:
            terms = terms_of(snapshot, place, self.is_back)
            self.heading.setText(in_words(snapshot, place))
            self.sentence.setText(f"{_told(place, self.is_back)}: {terms.sentence}")
            self.canvas.show_terms(terms, snapshot, self.is_back)

    def _offer_nudging(self) -> None:
        """Show the bar of what-ifs where the chosen number can be nudged, and tell it of the snapshot."""
        snapshot, subject = self._snapshot, self.workbench.subject
        known = snapshot is not None and subject is not None and exists(snapshot, subject)
        self.copy.setEnabled(known)
        can_be = known and obstacle(subject) is None
        if can_be == self.what_if.isHidden():
            self.what_if.setVisible(can_be)
            self.layout().activate()  # at once: the canvas has to know its room before the terms are laid out
        if can_be:
            self.what_if.show_snapshot(snapshot)

    @Slot()
    def _copy(self) -> None:
        subject = self.workbench.subject
        quantity = "gradient" if self.is_back and has(subject, "gradient") else "value"
        copy_as_numpy(self.workbench, subject, quantity)

    def _say(self, sentence: str) -> None:
        self.heading.setText("")
        self.sentence.setText("")
        self.canvas.show_sentence(sentence)

    def numbers(self) -> list[Row]:
        """Return the terms, one a row."""
        return [] if self.terms is None else self.terms.rows()

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self.canvas.apply_theme(theme)
        self.what_if.apply_theme(theme)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a comfortable size."""
        return QSize(672, 328)


def _told(place: Place, back: bool) -> str:
    """Return which number the terms make."""
    if not back:
        return "value"
    return "gradient by its logit" if isinstance(place, Probability) else "gradient"


def _button(text: str, tip: str, parent: QWidget) -> QPushButton:
    button = QPushButton(text, parent)
    button.setToolTip(tip)
    button.setAccessibleName(text)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
    return button
