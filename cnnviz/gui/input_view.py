"""The image that enters the network, as it is."""

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from cnnviz.gui.theme import DARK
from cnnviz.gui.tiles import Coloring, color_pixels, image_of

SIDE = 28  # pixels, of the network's input


class InputView(QWidget):
    """The image that enters the network, pixel by pixel.

    Attributes
    ----------
    image : array, shape (28, 28), grey levels, or None
        What is shown; None: black.
    """

    pointed = Signal()  # other pixel under the mouse, or another value in it

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.image: np.ndarray | None = None
        self.pixel: tuple[int, int] | None = None  # (row, column) under the mouse
        self._picture = QImage()
        self.show_image(None)
        self.setAccessibleName("What the network sees")
        self.setToolTip("The drawing as the network gets it: 28 x 28 pixels, centred, in MNIST's size and pen")
        self.setMouseTracking(True)

    def show_image(self, image: np.ndarray | None) -> None:
        """Show grey levels, shape (28, 28), or black."""
        self.image = image
        shown = np.zeros((SIDE, SIDE), np.uint8) if image is None else image
        self._picture = image_of(color_pixels(shown, 255, Coloring.GREY, DARK))
        self.update()
        if self.pixel is not None:
            self.pointed.emit()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Remember the pixel under the mouse."""
        square = self._square()
        offset = (event.position() - square.topLeft()) * (SIDE / square.width())
        row, column = int(offset.y() // 1), int(offset.x() // 1)
        self.pixel = (row, column) if 0 <= row < SIDE and 0 <= column < SIDE else None
        self.pointed.emit()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Forget the pixel."""
        self.pixel = None
        self.pointed.emit()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint whole device pixels for each pixel of the image."""
        with QPainter(self) as painter:
            painter.drawImage(self._square(), self._picture)

    def _square(self) -> QRectF:
        """Return where the image lies: each of its pixels a whole number of device pixels high and wide."""
        ratio = self.devicePixelRatioF()
        cell = max(int(min(self.width(), self.height()) * ratio / SIDE), 1)
        return QRectF(QPointF(), QPointF(1, 1) * (cell * SIDE / ratio))
