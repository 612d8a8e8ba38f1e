"""Ten bars: how likely each digit is."""

import math

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QRegion,
)
from PySide6.QtWidgets import QApplication, QSizePolicy, QWidget

from cnnviz.gui.theme import DARK, GRID, SMALL, TEXT, Theme, small_font

LEAST_PITCH = 11  # pixels from one bar to the next
LARGEST_PITCH = 3 * GRID
_DIGITS = 10
_GAP = 6  # pixels between label, bar and figure
_INSET = 3  # pixels left of the label: a ring may go around it
_CENTRED = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip
_LEFT, _RIGHT = Qt.AlignmentFlag.AlignLeft | _CENTRED, Qt.AlignmentFlag.AlignRight | _CENTRED
_BY_TAB = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
_KEYS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_Return: 0, Qt.Key.Key_Enter: 0}  # steps; 0: choose


def percent(probability: float, decimals: int = 0) -> str:
    """Return ``probability`` in per cent, with a space that does not break."""
    return f"{100 * probability:.{decimals}f}\u00a0%"


class ProbabilityBars(QWidget):
    """A bar, a label and a figure for each digit; the likeliest stands out.

    Attributes
    ----------
    probabilities : array, shape (10,), or None
        What is shown; None: empty bars.
    label : int or None
        The digit that it was said to be, which is marked.
    """

    hovered = Signal(str)  # the digit under the mouse in words; empty when there is none
    pointed = Signal(object)  # the digit under the mouse or the keys, or None
    chosen = Signal(int)  # the digit that was clicked, or Enter was pressed on

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.probabilities: np.ndarray | None = None
        self.label: int | None = None
        self._sentence = ""
        self._theme = DARK
        self._pointed: int | None = None
        self._marks: tuple[int | None, int | None] = (None, None)  # what is pointed at and chosen, in whichever panel
        self._painted: list[tuple[object, ...]] = [()] * _DIGITS  # how the rows looked when they last changed
        self.setAccessibleName("Probability of each digit")
        self.setToolTip("How likely the network takes the drawing for each digit, in per cent")
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # what lies behind need not be painted
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def winner(self) -> int | None:
        """The likeliest digit; None where nothing is shown."""
        return None if self.probabilities is None else int(self.probabilities.argmax())

    def show_probabilities(self, probabilities: np.ndarray | None, sentence: str = "") -> None:
        """Show ten ``probabilities``, or none and a ``sentence`` that says why."""
        is_other_sentence = sentence != self._sentence or (probabilities is None) != (self.probabilities is None)
        self.probabilities = probabilities
        self._sentence = sentence
        if is_other_sentence:
            self.update()
        self._update_rows()
        if self._pointed is not None:
            self.hovered.emit(self._reading())

    def show_label(self, label: int | None) -> None:
        """Mark the digit that it was said to be; None: none."""
        if label != self.label:
            self.label = label
            self.update()

    def mark(self, pointed: int | None, subject: int | None) -> None:
        """Frame the digit whose probability is pointed at anywhere, and the one whose was chosen; None: none."""
        before, self._marks = self._marks, (pointed, subject)
        for digit in {*before, *self._marks} - {None} if before != self._marks else ():
            self.update(0, digit * self._pitch(), self.width(), self._pitch())

    def _update_rows(self) -> None:
        """Ask for those rows to be painted that look another way than before."""
        pitch = self._pitch()
        for digit, look in enumerate(self._looks()):
            if look != self._painted[digit]:
                self._painted[digit] = look
                self.update(0, digit * pitch, self.width(), pitch)

    def _looks(self) -> list[tuple[object, ...]]:
        """Return what can be told apart of each row: whether it wins, its figure, its bar to a part of a pixel."""
        if self.probabilities is None:
            return [()] * _DIGITS
        winner, steps = self.winner, 4 * self.width()
        return [
            (digit == winner, percent(share), round(steps * length))
            for digit, (share, length) in enumerate(zip(self.probabilities.tolist(), self._lengths(), strict=True))
        ]

    def _lengths(self) -> list[float]:
        """Return how much of its track each bar covers; that of no number, as of a diverging network, is empty."""
        return [0.0 if math.isnan(share) else share for share in self.probabilities.tolist()]

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a comfortable size."""
        return QSize(16 * GRID, _DIGITS * 2 * GRID)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the least size in which all ten are legible."""
        return QSize(10 * GRID, _DIGITS * LEAST_PITCH)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Say what is under the mouse."""
        row = int(event.position().y() // self._pitch())
        self._point(row if 0 <= row < _DIGITS else None)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose the digit whose row is clicked."""
        row = int(event.position().y() // self._pitch())
        if event.button() == Qt.MouseButton.LeftButton and self.probabilities is not None and row < _DIGITS:
            self.chosen.emit(row)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Say that nothing is under the mouse."""
        self._point(None)

    def event(self, event: QEvent) -> bool:
        """Claim arrows and Enter, where the bars can be reached by keys, before the window's actions get them."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in _KEYS:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Point at the digit above or below, or choose the one that is pointed at."""
        if event.key() not in _KEYS or self.probabilities is None:
            super().keyPressEvent(event)
        elif _KEYS[event.key()] == 0:
            self.chosen.emit(self._pointed or 0)
        else:
            first = self.winner if self._pointed is None else self._pointed + _KEYS[event.key()]
            self._point(min(max(first, 0), _DIGITS - 1))

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Point at the likeliest digit, so that it is seen where the keys go."""
        super().focusInEvent(event)
        if self._pointed is None and event.reason() in _BY_TAB:
            self._point(self.winner)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Point at nothing."""
        super().focusOutEvent(event)
        self._point(None)

    def _point(self, digit: int | None) -> None:
        changed, self._pointed = digit != self._pointed, digit
        if changed:
            self.pointed.emit(digit)
        self.hovered.emit(self._reading())
        if self.hasFocus():  # a screen reader tells it
            self.setAccessibleDescription(self._reading())

    def _reading(self) -> str:
        if self._pointed is None or self.probabilities is None:
            return ""
        return f"digit {self._pointed}: probability {percent(self.probabilities[self._pointed], 2)}"

    def _pitch(self) -> int:
        return min(max(self.height() // _DIGITS, 1), LARGEST_PITCH)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the rows, or the sentence over empty rows."""
        with QPainter(self) as painter:
            painter.fillRect(event.rect(), QColor(self._theme.surface))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setFont(QApplication.font() if self._pitch() >= TEXT + 4 else small_font())
            self._paint_rows(painter, event.region())
            if self.probabilities is None and self._sentence:
                self._paint_sentence(painter)

    def _paint_rows(self, painter: QPainter, region: QRegion) -> None:
        theme, pitch, winner = self._theme, self._pitch(), self.winner
        text, muted, accent, line = (QColor(color) for color in (theme.text, theme.muted, theme.accent, theme.line))
        track = self._track(QRectF(0, 0, self.width(), pitch), painter.fontMetrics())
        lengths = None if self.probabilities is None else self._lengths()
        for digit in range(_DIGITS):
            row, wins = QRectF(0, digit * pitch, self.width(), pitch), digit == winner
            if not region.intersects(row.toRect()):
                continue
            if digit in self._marks:
                self._paint_frame(painter, row, digit)
            if digit == self.label:
                self._paint_mark(painter, row)
            painter.setPen(text if wins or digit == self.label else muted)
            painter.drawText(row.adjusted(_INSET, 0, 0, 0), _LEFT, str(digit))
            bar = track.translated(0, digit * pitch)
            painter.fillRect(bar, line)
            if lengths is not None:
                painter.drawText(row, _RIGHT, percent(float(self.probabilities[digit])))
                bar.setWidth(bar.width() * lengths[digit])
                painter.fillRect(bar, accent if wins else muted)

    def _paint_frame(self, painter: QPainter, row: QRectF, digit: int) -> None:
        """Paint a frame around a ``row`` that is pointed at or chosen."""
        painter.setPen(QPen(QColor(self._theme.accent if digit == self._marks[0] else self._theme.text), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(row.adjusted(0.5, 0.5, -0.5, -0.5))

    def _paint_mark(self, painter: QPainter, row: QRectF) -> None:
        """Paint a ring around the digit of ``row``."""
        width, height = painter.fontMetrics().horizontalAdvance("0") + 2 * _INSET - 1, min(row.height() - 1, TEXT + 3)
        painter.setPen(QPen(QColor(self._theme.accent), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(0.5, row.center().y() - height / 2, width, height), 3, 3)

    def _track(self, row: QRectF, metrics: QFontMetrics) -> QRectF:
        """Return where the bar of a full 100 % lies in ``row``."""
        left = _INSET + metrics.horizontalAdvance("0") + _GAP
        right = metrics.horizontalAdvance(percent(1.0)) + _GAP
        gap = max(2, round(row.height() / 4))
        return row.adjusted(left, gap, -right, -gap)

    def _paint_sentence(self, painter: QPainter) -> None:
        painter.setPen(QColor(self._theme.muted))
        area = self.rect().adjusted(SMALL + GRID, 0, 0, 0)
        area.setHeight(_DIGITS * self._pitch())
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._sentence)
