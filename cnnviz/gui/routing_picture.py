"""What surrounds the four maps of max pooling: captions, colour scales, arrows, and the marks in them."""

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPixmap, QPolygonF

from cnnviz.gui.pooling import PooledChannel
from cnnviz.gui.routing_layout import CAPTION, LEGEND, RoutingLayout
from cnnviz.gui.theme import GRID, Theme, signed_colors
from cnnviz.gui.tiles import image_of, number

# Captions, each with a shorter one for where there is little room.
BEFORE, MAXIMA = ("before pooling", "before"), ("maxima", "max")
ARRIVING, HANDED_BACK = ("gradient arriving", "arriving"), ("gradient handed back", "handed back")
_BAR = 3  # pixels of a colour scale's height
_FAINT = 0.3  # opacity of hatching
_HEAD, _MARGIN = 4.0, 3.0  # pixels of an arrow: length of its head, distance to what it joins
_LEFT, _RIGHT, _CENTRE = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignHCenter
_UNCLIPPED = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip


def paint_captions(painter: QPainter, layout: RoutingLayout, pooled: PooledChannel, theme: Theme) -> None:
    """Write above each map what it is."""
    gap = layout.maxima.left() - layout.before.right() - GRID // 2
    handed_back = (f"handed back by \u201c{pooled.pool.ties}\u201d",) * 2 if pooled.is_supposed else HANDED_BACK
    painter.setPen(QColor(theme.text))
    for map_, (text, short), align, left, right in (
        (layout.before, BEFORE, _LEFT, 0.0, 0.0),
        (layout.maxima, MAXIMA, _CENTRE, 0.0, 0.0),
        (layout.arriving, ARRIVING, _CENTRE, gap, gap),
        (layout.handed_back, handed_back, _RIGHT, gap, 0.0),
    ):
        row = QRectF(map_.left() - left, map_.top() - CAPTION, map_.width() + left + right, CAPTION - 1)
        fits = painter.fontMetrics().horizontalAdvance(text) <= row.width()
        painter.drawText(row, align | _UNCLIPPED, text if fits else short)


def paint_legends(painter: QPainter, layout: RoutingLayout, pooled: PooledChannel, theme: Theme) -> None:
    """Draw a colour scale under each of the large maps, for itself and the small map of the same kind of values."""
    bar = image_of(signed_colors(theme)[np.newaxis])
    painter.setPen(QColor(theme.muted))
    for map_, scale in ((layout.before, pooled.activation_scale), (layout.handed_back, pooled.gradient_scale)):
        row = QRectF(map_.left(), map_.bottom() + 2, map_.width(), LEGEND - 2)
        painter.drawImage(QRectF(row.left(), row.top(), row.width(), _BAR), bar)
        row.setTop(row.top() + _BAR)
        ends = ((number(-scale or 0), _LEFT), (number(scale), _RIGHT))
        room = row.width() - sum(painter.fontMetrics().horizontalAdvance(text) for text, _ in ends)
        for text, align in (*ends, ("0" if room > 3 * GRID else "", _CENTRE)):
            painter.drawText(row, align | _UNCLIPPED, text)


def paint_ways(painter: QPainter, layout: RoutingLayout, theme: Theme) -> None:
    """Draw the way forwards from the cells to their maxima, and the way back of the gradient."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for from_, to, level in (
        (layout.before, layout.maxima, layout.maxima),
        (layout.arriving, layout.handed_back, layout.arriving),
    ):
        y = level.center().y()
        paint_arrow(painter, QPointF(from_.right(), y), QPointF(to.left(), y), QColor(theme.muted))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def window_lines(layout: RoutingLayout) -> list[QLineF]:
    """Return the lines along which the windows of the large maps begin."""
    step, lines = layout.shapes.stride * layout.cell, []
    for map_ in (layout.before, layout.handed_back):
        down, across = (range(1, -(-n // layout.shapes.stride)) for n in layout.shapes.before)
        lines += [QLineF(map_.left(), y, map_.right() - 1, y) for y in (map_.top() + i * step for i in down)]
        lines += [QLineF(x, map_.top(), x, map_.bottom() - 1) for x in (map_.left() + i * step for i in across)]
    return lines


def highlight_pen(theme: Theme) -> QPen:
    """Return the pen that frames what is pointed at, with sharp corners."""
    return QPen(QColor(theme.accent), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap, Qt.PenJoinStyle.MiterJoin)


def hatching(theme: Theme) -> QBrush:
    """Return the brush for windows in which nobody won by merit."""
    color = QColor(theme.muted)
    color.setAlphaF(_FAINT)
    return QBrush(color, Qt.BrushStyle.BDiagPattern)


def paint_arrow(painter: QPainter, from_: QPointF, to: QPointF, color: QColor) -> None:
    """Draw a level arrow to the right that keeps some pixels away from what it joins."""
    start, end = from_ + QPointF(_MARGIN, 0), to - QPointF(_MARGIN, 0)
    painter.setPen(QPen(color, 1))
    painter.drawLine(start, end - QPointF(_HEAD, 0))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawPolygon(QPolygonF([end, end - QPointF(_HEAD + 1, _HEAD - 1), end - QPointF(_HEAD + 1, 1 - _HEAD)]))


def dot(cell: float, ratio: float, share: float, color: str, rim: str | None = None) -> QPixmap:
    """Return a dot over ``share`` of a cell's width, with a ``rim`` that sets it off from bright and dark colours."""
    side = max(round(cell * ratio), 1)
    pixmap = QPixmap(side, side)
    pixmap.fill(Qt.GlobalColor.transparent)
    with QPainter(pixmap) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        centre = QPointF(side / 2, side / 2)
        for radius, each in ((share * side / 2 + ratio, rim), (share * side / 2, color)):
            if each is not None:
                painter.setBrush(QColor(each))
                painter.drawEllipse(centre, radius, radius)
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
