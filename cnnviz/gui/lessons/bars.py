"""Shares of a whole as bars side by side, the right one marked."""

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.gui.probabilities import percent
from cnnviz.gui.theme import DARK, GRID, Theme, small_font

_PITCH = 2 * GRID + 2  # pixels from one bar to the next
_WORD = 13 * GRID  # pixels left of a bar
_FIGURE = 7 * GRID  # pixels right of it


class Bars(QWidget):
    """A bar for each of a few classes, as long as its share."""

    def __init__(self) -> None:
        super().__init__()
        self._shares = np.zeros(1)
        self._right = 0
        self._theme = DARK
        self.setAccessibleName("Probabilities as bars")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_shares(self, shares: np.ndarray, right: int) -> None:
        """Show ``shares``, shape (K,), of which that of class ``right`` should be 1."""
        self._shares, self._right = shares, right
        self.setAccessibleDescription(", ".join(f"class {i}: {percent(p, 1)}" for i, p in enumerate(shares)))
        self.updateGeometry()
        self.update()

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return room for all bars."""
        return QSize(40 * GRID, len(self._shares) * _PITCH)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the bars."""
        level = Qt.AlignmentFlag.AlignVCenter
        with QPainter(self) as painter:
            painter.setFont(small_font())
            for index, share in enumerate(self._shares.tolist()):
                row = QRectF(0, index * _PITCH, self.width(), _PITCH)
                is_right = index == self._right
                painter.setPen(QColor(self._theme.text if is_right else self._theme.muted))
                painter.drawText(row, level, f"class {index}{', right' if is_right else ''}")
                painter.drawText(row, level | Qt.AlignmentFlag.AlignRight, percent(share, 1))
                track = row.adjusted(_WORD, GRID // 2, -_FIGURE, -GRID // 2)
                painter.fillRect(track, QColor(self._theme.line))
                track.setWidth(track.width() * share)
                painter.fillRect(track, QColor(self._theme.accent if is_right else self._theme.muted))
