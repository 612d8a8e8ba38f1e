"""Painting that looks as good in a file as on the screen."""

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QImage, QPaintEngine, QPainter


def is_for_screen(painter: QPainter) -> bool:
    """Return whether a widget's painter paints what is seen, at the resolution for which pictures are kept.

    Otherwise it paints a picture for a file: larger, or made of shapes and text. What is kept as a pixmap for speed
    would be coarse there, and has to be painted itself.
    """
    kept = painter.device().devicePixelRatioF()
    return painter.paintEngine().type() is QPaintEngine.Type.Raster and painter.deviceTransform().m11() == kept


def draw_part(painter: QPainter, target: QRect | QRectF, image: QImage, part: QRect) -> None:
    """Draw ``part`` of ``image`` into ``target``.

    WORKAROUND: Qt's SVG paint engine draws the whole image, whatever part was asked for (qsvggenerator.cpp, drawImage).
    """
    if painter.paintEngine().type() is QPaintEngine.Type.SVG:
        painter.drawImage(QRectF(target), image.copy(part))
    else:
        painter.drawImage(QRectF(target), image, QRectF(part))
