"""The few pictures on buttons, drawn in the theme's colours."""

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

SIZE = 64  # drawn larger than shown, so that it is crisp on every screen


def icon(draw: Callable[[QPainter], None], color: str) -> QIcon:
    """Return what ``draw`` draws on a canvas of 16 x 16 units."""
    pixmap = QPixmap(SIZE, SIZE)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(SIZE / 16, SIZE / 16)
    painter.setPen(QPen(QColor(color), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(QColor(color))
    draw(painter)
    painter.end()
    return QIcon(pixmap)


def play(painter: QPainter) -> None:
    """Draw a triangle."""
    painter.drawPolygon(QPolygonF([QPointF(5, 3.5), QPointF(12, 8), QPointF(5, 12.5)]))


def pause(painter: QPainter) -> None:
    """Draw two bars."""
    painter.drawRect(QRectF(4.5, 4, 1.5, 8))
    painter.drawRect(QRectF(10, 4, 1.5, 8))


def step(painter: QPainter) -> None:
    """Draw a triangle that ends at a bar."""
    painter.drawPolygon(QPolygonF([QPointF(3.5, 4), QPointF(9, 8), QPointF(3.5, 12)]))
    painter.drawLine(QPointF(12.5, 4), QPointF(12.5, 12))


def to_end(painter: QPainter) -> None:
    """Draw two triangles that end at a bar."""
    for left in (2.5, 7.0):
        painter.drawPolygon(QPolygonF([QPointF(left, 4.5), QPointF(left + 4, 8), QPointF(left, 11.5)]))
    painter.drawLine(QPointF(13.5, 4.5), QPointF(13.5, 11.5))


def record(painter: QPainter) -> None:
    """Draw a disc."""
    painter.drawEllipse(QRectF(4, 4, 8, 8))


def mirrored(draw: Callable[[QPainter], None]) -> Callable[[QPainter], None]:
    """Return what draws the same, with left and right exchanged."""

    def draw_mirrored(painter: QPainter) -> None:
        painter.translate(16, 0)
        painter.scale(-1, 1)
        draw(painter)

    return draw_mirrored


def reset(painter: QPainter) -> None:
    """Draw an arrow that goes round."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    arc = QPainterPath()
    arc.arcMoveTo(QRectF(3, 3, 10, 10), 150)
    arc.arcTo(QRectF(3, 3, 10, 10), 150, -300)
    painter.drawPath(arc)
    painter.drawPolyline(QPolygonF([QPointF(2.5, 2.5), QPointF(3.6, 5.8), QPointF(7, 5.2)]))


def undo(painter: QPainter) -> None:
    """Draw an arrow that turns back."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    path = QPainterPath(QPointF(3.5, 6.5))
    path.lineTo(9.5, 6.5)
    path.arcTo(QRectF(6.25, 6.5, 6.5, 6.5), 90, -180)
    path.lineTo(6, 13)
    painter.drawPath(path)
    painter.drawPolyline(QPolygonF([QPointF(6.5, 3.5), QPointF(3.5, 6.5), QPointF(6.5, 9.5)]))


def dice(painter: QPainter) -> None:
    """Draw the five of a die."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(2.5, 2.5, 11, 11), 2.5, 2.5)
    for x, y in ((5.5, 5.5), (10.5, 5.5), (8, 8), (5.5, 10.5), (10.5, 10.5)):
        painter.drawPoint(QPointF(x, y))


def info(painter: QPainter) -> None:
    """Draw an i in a circle."""
    _thin(painter)
    painter.drawEllipse(QRectF(2, 2, 12, 12))
    painter.drawLine(QPointF(8, 7.5), QPointF(8, 11))
    painter.drawPoint(QPointF(8, 5))


def menu(painter: QPainter) -> None:
    """Draw three dots."""
    painter.setPen(Qt.PenStyle.NoPen)
    for x in (3.5, 8, 12.5):
        painter.drawEllipse(QPointF(x, 8), 1.25, 1.25)


def detach(painter: QPainter) -> None:
    """Draw a window in front of another."""
    _thin(painter)
    corners = ((5.5, 5), (5.5, 3), (13, 3), (13, 10.5), (11, 10.5))
    painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in corners]))
    painter.drawRect(QRectF(3, 5.5, 7.5, 7.5))


def close(painter: QPainter) -> None:
    """Draw a cross."""
    _thin(painter)
    painter.drawLine(QPointF(4, 4), QPointF(12, 12))
    painter.drawLine(QPointF(12, 4), QPointF(4, 12))


def _thin(painter: QPainter) -> None:
    pen = painter.pen()
    pen.setWidthF(1.25)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
