"""A line of text that changes all the time."""

import time

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QWidget

LEGIBLE = 0.1  # seconds; a figure that changes sooner cannot be read


class Pace:
    """Tells of what comes again and again when it is worth to be written."""

    def __init__(self) -> None:
        self._since = -LEGIBLE

    def is_due(self, rests: bool) -> bool:
        """Return whether to write now: always when training ``rests``, else ``LEGIBLE`` seconds after the last time."""
        now = time.monotonic()
        if not rests and now - self._since < LEGIBLE:
            return False
        self._since = now
        return True


class Readout(QWidget):
    """Shows a line, or some, in the space that it is given.

    A ``QLabel`` asks for another layout of the whole window with each new text, 30 times a second while training; this
    asks for none, and cuts off what does not fit. It stands on the surface of a panel or a bar, which it paints itself,
    so that nothing behind it is painted anew.
    """

    def __init__(
        self,
        text: str = "",
        alignment: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
        muted: bool = False,
        elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._text = text
        upright = alignment & Qt.AlignmentFlag.AlignVertical_Mask
        self._alignment = alignment if upright else alignment | Qt.AlignmentFlag.AlignVCenter
        self._elide = elide
        self._color: str | None = None
        self._role = QPalette.ColorRole.PlaceholderText if muted else QPalette.ColorRole.WindowText
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def text(self) -> str:
        """Return the line, whole."""
        return self._text

    def setText(self, text: str) -> None:  # noqa: N802 - named as QLabel's
        """Show another line."""
        if text != self._text:
            self._text = text
            self.setAccessibleDescription(text)
            self.update()

    def set_color(self, color: str) -> None:
        """Write in ``color``."""
        self._color = color
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a line's height and any width."""
        return QSize(0, QFontMetrics(self.font()).height() + 4)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the line."""
        painter = QPainter(self)
        painter.fillRect(event.rect(), self.palette().base())
        painter.setPen(QColor(self._color) if self._color else self.palette().color(self._role))
        metrics, elide = painter.fontMetrics(), self._elide
        shown = (metrics.elidedText(line, elide, self.width()) for line in self._text.split("\n"))
        painter.drawText(self.rect(), self._alignment, "\n".join(shown))
        painter.end()
