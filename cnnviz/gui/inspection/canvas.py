"""Shows what a number is made of, and lets mouse and keys go through its terms."""

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.explain.forwards import cost_terms
from cnnviz.explain.places import Cell, Place
from cnnviz.explain.terms import Operation, Terms
from cnnviz.gui.inspection import context
from cnnviz.gui.inspection.contributions import contributions
from cnnviz.gui.inspection.equation import equation
from cnnviz.gui.inspection.figure import NO_TERM, Figure, Spot
from cnnviz.gui.inspection.maps import maps
from cnnviz.gui.inspection.painting import paint_figure
from cnnviz.gui.inspection.softmax import softmax_table
from cnnviz.gui.inspection.words import in_words
from cnnviz.gui.theme import DARK, GRID, Theme
from cnnviz.gui.tiles import number
from cnnviz.training.snapshot import Snapshot

_MARGIN = 8 * GRID  # pixels to either side of a sentence
_STEPS = {  # columns to the right, rows down
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_CHANNELS = {Qt.Key.Key_PageUp: -1, Qt.Key.Key_PageDown: 1}
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_BY_TAB = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)


class TermsCanvas(QWidget):
    """A picture of the terms of one number, or a sentence that says why there is none.

    Attributes
    ----------
    terms : Terms or None
    figure : Figure
        What is drawn.
    spot : Spot or None
        The number under the mouse, or that the keys have gone to.
    """

    pointed = Signal(object)  # the place of the number at the spot, or None
    chosen = Signal(object)  # the place of a number that was clicked
    hovered = Signal(str)  # the number at the spot in words

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.terms: Terms | None = None
        self.figure = Figure()
        self.spot: Spot | None = None
        self._snapshot: Snapshot | None = None
        self._back = False
        self._sentence = ""
        self._channel = 0  # that is written out
        self._term = NO_TERM  # of a map, that is written out: the last one that was pointed at
        self._theme = DARK
        self._mouse: QPointF | None = None
        self._told_place: Place | None = None
        self._told = False  # whether anything is said to be pointed at; other panels say so, too
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # what lies behind need not be painted
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a comfortable size."""
        return QSize(640, 240)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the least size in which a sum can be followed."""
        return QSize(360, 160)

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        self.update()

    @property
    def is_pointed(self) -> bool:
        """Whether the mouse or the keys are at one of the numbers, so that they should stay."""
        return self._mouse is not None or self.spot is not None

    # What is shown

    def show_sentence(self, sentence: str) -> None:
        """Show no terms but ``sentence``."""
        self.terms, self._snapshot, self._sentence = None, None, sentence
        self.setAccessibleDescription(sentence)
        self._build()

    def show_terms(self, terms: Terms, snapshot: Snapshot, back: bool) -> None:
        """Show ``terms``, taken from ``snapshot``: of the gradient, if ``back``."""
        before = self.terms
        self.terms, self._snapshot, self._back = terms, snapshot, back
        if before is None or (before.place, before.products.shape) != (terms.place, terms.products.shape):
            self._channel, self._term = _strongest_channel(terms), NO_TERM
            self.spot = None
        self._build()

    def _build(self) -> None:
        """Lay the picture out anew, and say again what is under the mouse, for that may be another number now."""
        self.figure = self._picture() if self.terms is not None else Figure()
        if self._mouse is not None:
            self.spot = self.figure.spot_at(self._mouse)
        elif self.spot is not None and not self.figure.has(self.spot):
            self.spot = None
        self._report()
        self.update()

    def _picture(self) -> Figure:
        """Return the terms, and where their number stands among others: beside them, or below where there is room."""
        terms, area, figure = self.terms, QRectF(self.rect()), Figure()
        is_cell, is_short = isinstance(terms.place, Cell), terms.products.size <= 1
        if self._back and is_cell and not is_short:
            figure, width = context.column(self._snapshot, terms.place, area)
            area = area.adjusted(width, 0, 0, 0)
        if terms.operation is Operation.SOFTMAX:
            figure.add(softmax_table(terms, cost_terms(self._snapshot), area))
        elif terms.products.ndim == 2:
            figure.add(maps(terms, self._back, area, self._term))
        elif terms.products.ndim == 1:
            figure.add(contributions(terms, self._back, area))
        else:
            written, bottom = equation(terms, self._back, area, self._channel)
            figure.add(written)
            if is_short or terms.operation is Operation.MAXIMUM:
                rest = area.adjusted(0, bottom + GRID, 0, 0)
                figure.add(context.row(self._snapshot, terms.place, self._back, rest))
        return figure

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Find new places."""
        self._build()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the picture, or the sentence."""
        with QPainter(self) as painter:
            painter.fillRect(event.rect(), QColor(self._theme.surface))
            if self.terms is None:
                painter.setPen(QColor(self._theme.muted))
                area = self.rect().adjusted(_MARGIN, 0, -_MARGIN, 0)
                painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._sentence)
            else:
                paint_figure(painter, self.figure, self._theme, self.spot)

    # Going through it

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Tell what is under the mouse."""
        self._mouse = event.position()
        self._go_to(self.figure.spot_at(self._mouse))

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Tell that nothing is under the mouse."""
        self._mouse = None
        self._go_to(None)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Follow the number that is clicked."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._mouse = event.position()
            self._go_to(self.figure.spot_at(self._mouse))
            self._follow()

    def event(self, event: QEvent) -> bool:
        """Claim the arrows and Enter before the window's actions get them."""
        if event.type() == QEvent.Type.ShortcutOverride and _is_for_here(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Go to the next number, or follow the one that the keys have gone to."""
        key = event.key()
        if not _is_for_here(event) or self.terms is None or not self.figure.blocks:
            super().keyPressEvent(event)
        elif key in _ENTER:
            self._follow()
        elif key in _CHANNELS:
            self._open(self._channel + _CHANNELS[key])
        else:
            self._mouse = None
            self._go_to(self._first() if self.spot is None else self.figure.beside(self.spot, *_STEPS[key]))

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show where the keys are, once they have come here."""
        if event.reason() in _BY_TAB and self.terms is not None and self._mouse is None:
            self._go_to(self._first())
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Leave the number that the keys have gone to."""
        if self._mouse is None:
            self._go_to(None)
        super().focusOutEvent(event)

    def _first(self) -> Spot:
        """Return the number that the keys go to first: that of the first term which is shown."""
        shown = (n for n, each in enumerate(self.figure.blocks) if not each.is_strip and each.terms.flat[0] != NO_TERM)
        return next(shown, 0), (0, 0, 0)

    def _go_to(self, spot: Spot | None) -> None:
        if spot == self.spot:
            return
        self.spot = spot
        if spot is not None and self.figure.blocks[spot[0]].is_strip and spot[1][0] != self._channel:
            self._open(spot[1][0])
        elif spot is not None and self.terms.products.ndim == 2 and self.figure.term(spot) not in (NO_TERM, self._term):
            self._term = self.figure.term(spot)
            self._build()
        else:
            self._report()
            self.update()

    def _open(self, channel: int) -> None:
        """Show another channel in numbers."""
        if self.terms.products.ndim == 3 and 0 <= channel < len(self.terms.products):
            self._channel = channel
            self._build()

    def _follow(self) -> None:
        if self.spot is not None and (place := self.figure.place(self.spot)) is not None:
            self.chosen.emit(place)

    def _report(self) -> None:
        """Say which number is pointed at."""
        place = None if self.spot is None else self.figure.place(self.spot)
        self.setCursor(Qt.CursorShape.PointingHandCursor if place is not None else Qt.CursorShape.ArrowCursor)
        text = "" if self.spot is None else self._reading(self.spot, place)
        if text:
            self.setAccessibleDescription(text)
        if place != self._told_place:
            self._told_place = place
            self.pointed.emit(place)
        if text or self._told:
            self._told = bool(text)
            self.hovered.emit(text)

    def _reading(self, spot: Spot, place: Place | None) -> str:
        """Return the number at ``spot`` in words, with the term that it belongs to."""
        if place is None:
            text = f"{self.figure.blocks[spot[0]].name}: {number(self.figure.value(spot))}"
        else:
            text = in_words(self._snapshot, place)
        term, terms = self.figure.term(spot), self.terms
        if term != NO_TERM and terms.operation in (Operation.SUM, Operation.EACH) and len(terms.factors) == 2:
            factors = " × ".join(number(factor.values.flat[term]) for factor in terms.factors)
            text += f"   {factors} = {number(terms.products.flat[term])}"
        return text


def _strongest_channel(terms: Terms) -> int:
    """Return the channel whose sum is the largest in magnitude."""
    if terms.products.ndim != 3:
        return 0
    with np.errstate(invalid="ignore"):  # infinities of both signs, of a network that is about to diverge
        return int(np.abs(terms.products.sum(axis=(1, 2))).argmax())


def _is_for_here(event: QKeyEvent) -> bool:
    plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    return plain and (event.key() in _STEPS or event.key() in _CHANNELS or event.key() in _ENTER)
