"""One stage of preparation: its image, what was done, and what the network takes it for."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QWidget

from cnnviz.data.stages import Stage
from cnnviz.gui.input_view import SIDE
from cnnviz.gui.probabilities import percent
from cnnviz.gui.theme import DARK, GRID, SMALL, Theme, grey_colors, small_font
from cnnviz.gui.tiles import image_of

_TEXT_WIDTH = 8 * GRID  # pixels beside the image, at least
_LARGEST = 5  # pixels of the screen for one of the image
_TITLE_LINES = 2
_TOP_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop


class StageView(QWidget):
    """A picture of 28 x 28 with its caption and the network's answer beside it.

    Attributes
    ----------
    stage : Stage
    image : array of uint8, shape (28, 28), or None
    answer : tuple of (digit, probability), or None
    differs : bool
        Whether the answer is another than that to the full preparation.
    """

    def __init__(self, stage: Stage, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.stage = stage
        self.image: np.ndarray | None = None
        self.answer: tuple[int, float] | None = None
        self.differs = False
        self._picture = QImage()
        self._theme = DARK
        self.setAccessibleName(stage.title)
        self.setToolTip(f"<p>{stage.lack}</p>")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.show_stage(None, None)

    def show_stage(self, image: np.ndarray | None, answer: tuple[int, float] | None, differs: bool = False) -> None:
        """Show an image, or black, and the answer, or none; ``differs``: from that to the full preparation."""
        if image is not self.image or self._picture.isNull():
            shown = np.zeros((SIDE, SIDE), np.uint8) if image is None else image
            self._picture = image_of(grey_colors()[shown])
        self.image, self.answer, self.differs = image, answer, differs
        words = "" if answer is None else f"taken for {answer[0]}, {percent(answer[1])}"
        if words != self.accessibleDescription():
            self.setAccessibleDescription(words)
        self.update()

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a comfortable size."""
        return QSize(3 * SIDE + GRID + _TEXT_WIDTH, 3 * SIDE)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the least size in which the image is seen and the text is read."""
        return QSize(SIDE + GRID + _TEXT_WIDTH, 2 * SIDE)

    def height_for(self, width: int, most: int) -> int:
        """Return the height that the image has in a view of that ``width``, ``most`` at the utmost."""
        return max(min((width - GRID - _TEXT_WIDTH) // SIDE, most // SIDE, _LARGEST), 1) * SIDE

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw image, caption and answer."""
        theme, side = self._theme, self.height_for(self.width(), self.height())
        frame = QRectF(0, 0, side, side)
        with QPainter(self) as painter:
            painter.fillRect(event.rect(), QColor(theme.surface))
            painter.drawImage(frame, self._picture)
            if self.differs:
                painter.setPen(QPen(QColor(theme.warning), 2))
                painter.drawRect(frame.adjusted(1, 1, -1, -1))
            left = side + GRID
            painter.setFont(small_font())
            painter.setPen(QColor(theme.muted))
            title = QRectF(left, 0, self.width() - left, _TITLE_LINES * (SMALL + 3) + 2)
            painter.drawText(title, _TOP_LEFT | Qt.TextFlag.TextWordWrap, self.stage.title)
            if self.answer is not None:
                self._paint_answer(painter, QPointF(left, title.bottom()), *self.answer)

    def _paint_answer(self, painter: QPainter, corner: QPointF, digit: int, probability: float) -> None:
        theme = self._theme
        font = QApplication.font()
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(theme.warning if self.differs else theme.text))
        text, share = f"reads {digit}", percent(probability)
        area = QRectF(corner, self.rect().bottomRight().toPointF())
        painter.drawText(area, _TOP_LEFT, text)
        bold, plain = QFontMetrics(font), QFontMetrics(QApplication.font())
        if bold.horizontalAdvance(text) + GRID + plain.horizontalAdvance(percent(1.0)) <= area.width():
            area.translate(bold.horizontalAdvance(text) + GRID, 0)
        else:
            area.translate(0, bold.height())
        painter.setFont(QApplication.font())
        painter.setPen(QColor(theme.muted))
        painter.drawText(area, _TOP_LEFT | Qt.TextFlag.TextDontClip, share)
