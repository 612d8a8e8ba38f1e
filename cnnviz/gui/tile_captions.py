"""What is written around the tiles of a canvas: captions above them, colour scales below."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QPainter

from cnnviz.gui.theme import GRID, Theme, signed_colors
from cnnviz.gui.tile_groups import Role, TileGroup
from cnnviz.gui.tile_layout import LEGEND, LINE, Placed, caption_areas
from cnnviz.gui.tiles import Coloring, image_of, number, shortest

WIDEST_BAR = 160  # pixels
_UPRIGHT = Qt.AlignmentFlag.AlignVCenter
_LEFT, _RIGHT = Qt.AlignmentFlag.AlignLeft | _UPRIGHT, Qt.AlignmentFlag.AlignRight | _UPRIGHT


def paint_captions(
    painter: QPainter, groups: Sequence[TileGroup], placed: Sequence[Placed], theme: Theme, width: int
) -> None:
    """Paint the captions on a canvas of ``width`` pixels, in the painter's font."""
    for group, area in zip(groups, caption_areas(groups, placed, width), strict=True):
        if area is not None:
            _paint_lines(painter, group, area, theme)


def paint_legends(
    painter: QPainter, groups: Sequence[TileGroup], placed: Sequence[Placed], theme: Theme, width: int
) -> None:
    """Paint the colour scales on a canvas of ``width`` pixels, in the painter's font."""
    for group, place in zip(groups, placed, strict=True):
        if group.role is not Role.BESIDE and group.coloring is Coloring.SIGNED:
            _paint_legend(painter, group, place, theme, width)


def _paint_lines(painter: QPainter, group: TileGroup, area: QRect, theme: Theme) -> None:
    metrics = painter.fontMetrics()
    for index, line in enumerate(group.captions):
        painter.setPen(QColor(theme.muted if index else theme.text))
        text = next((text for text in line if metrics.horizontalAdvance(text) <= area.width()), line[-1])
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(QRect(area.left(), area.top() + index * LINE, area.width(), LINE), _LEFT, shown)


def _paint_legend(painter: QPainter, group: TileGroup, placed: Placed, theme: Theme, width: int) -> None:
    """Paint the colour scale: a bar with the strongest values at its ends, or ± the value where there is no room."""
    area = placed.area
    ends = min(max(tile.right() for tile in placed.tiles) + 1 - area.left(), WIDEST_BAR)
    bar = QRect(area.left(), area.bottom() - LEGEND + 6, ends, 4)
    painter.drawImage(bar, image_of(signed_colors(theme)[np.newaxis]))
    painter.setPen(QColor(theme.muted))
    high, row = number(group.scale), QRect(bar.left(), bar.bottom() + 2, bar.width(), LEGEND - 10)
    low = f"\u2212{high}" if group.scale else high  # there is no minus zero
    metrics = painter.fontMetrics()
    if metrics.horizontalAdvance(low + high) + GRID > row.width():
        both = f"\u00b1{high}" if group.scale else high
        if metrics.horizontalAdvance(both) > area.width():
            both = f"\u00b1{shortest(group.scale)}"
        row.setWidth(metrics.horizontalAdvance(both))
        row.moveLeft(min(row.left(), width - row.width()))  # that of the last group stays whole
        painter.drawText(row, _LEFT | Qt.TextFlag.TextDontClip, both)
        return
    painter.drawText(row, _LEFT, low)
    painter.drawText(row, _RIGHT, high)
