"""What pictures of test scores have in common."""

from typing import Any

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.gui.theme import Theme, small_font
from cnnviz.training.evaluation import Evaluation

CAPTION = 14  # pixels of a line of small text
CENTRE = Qt.AlignmentFlag.AlignCenter


class ScorePicture(QWidget):
    """Shows an evaluation, or empty axes, and tells what is under the mouse.

    Attributes
    ----------
    evaluation : Evaluation or None
    kind : str
        What was scored: "test images".
    """

    hovered = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.evaluation: Evaluation | None = None
        self.kind = "test images"
        self._theme: Theme | None = None
        self._mouse: QPointF | None = None
        self._pointed: Any = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def part_at(self, position: QPointF) -> Any:
        """Return which part of the picture is at ``position``, or None."""
        raise NotImplementedError

    def describe(self, part: Any) -> str:
        """Return what the status bar says of ``part``."""
        raise NotImplementedError

    def paint(self, painter: QPainter, theme: Theme, pointed: Any) -> None:
        """Draw everything; ``pointed`` is the part under the mouse, or None."""
        raise NotImplementedError

    def show_evaluation(self, evaluation: Evaluation | None, kind: str = "test images") -> None:
        """Show ``evaluation`` of images of some ``kind``; None: empty axes."""
        self.evaluation, self.kind = evaluation, kind
        self._point()

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Tell what is under the mouse."""
        self._mouse = event.position()
        self._point()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Tell that nothing is under the mouse."""
        self._mouse = None
        self._point()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Look again what is under the mouse."""
        self._point()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw everything."""
        if self._theme is not None:
            with QPainter(self) as painter:
                painter.setFont(small_font())
                self.paint(painter, self._theme, self._pointed)

    def _point(self) -> None:
        before = self._pointed
        has_part = self._mouse is not None and self.evaluation is not None
        self._pointed = self.part_at(self._mouse) if has_part else None
        if self._pointed is not None:
            self.hovered.emit(self.describe(self._pointed))
        elif before is not None:
            self.hovered.emit("")
        self.update()


def draw_upright(painter: QPainter, area: QRectF, text: str) -> None:
    """Write ``text`` from below to above, in the middle of ``area``."""
    painter.save()
    painter.translate(area.center())
    painter.rotate(-90)
    painter.drawText(QRectF(-area.height() / 2, -area.width() / 2, area.height(), area.width()), CENTRE, text)
    painter.restore()


def write(painter: QPainter, area: QRectF, text: str, color: str, align: Qt.AlignmentFlag = CENTRE) -> None:
    """Write ``text`` into ``area``."""
    painter.setPen(QColor(color))
    painter.drawText(area, align, text)


def share_text(count: int, total: int) -> str:
    """Return such as "11 of 982 (1.1 %)"."""
    return f"{count:,} of {total:,} ({100 * count / total:.1f} %)"
