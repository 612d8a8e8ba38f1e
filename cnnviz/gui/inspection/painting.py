"""Draws figures: numbers as coloured cells, with their figures where there is room, and words and bars around them."""

import numpy as np
from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QApplication

from cnnviz.gui.inspection.figure import Bar, Block, Figure, Label, Role, Spot, is_legible
from cnnviz.gui.number_cells import fitting_figures, paint_numbers
from cnnviz.gui.on_paper import draw_part
from cnnviz.gui.theme import GRID, Theme, signed_colors, small_font
from cnnviz.gui.tiles import Coloring, color_pixels, image_of

_BAR = 10 * GRID  # pixels of a colour scale
_ROOMY = 64, 22  # pixels of a cell in which figures have the size of text


def paint_figure(painter: QPainter, figure: Figure, theme: Theme, spot: Spot | None) -> None:
    """Draw ``figure``, and frame all numbers of the term that the one at ``spot`` belongs to."""
    for bar in figure.bars:
        _paint_bar(painter, bar, theme)
    for each in figure.blocks:
        _paint_block(painter, each, theme)
    for label in figure.labels:
        _paint_label(painter, label, theme)
    if spot is not None:
        _paint_term(painter, figure, theme, spot)


def _paint_block(painter: QPainter, block: Block, theme: Theme) -> None:
    width, height = block.cell
    if is_legible(width, height, block.values.size):
        unit = 10.0**block.power
        painter.setFont(_font_for(block.values / unit, width, height))
        for area, values in zip(block.areas, block.values, strict=True):
            paint_numbers(painter, area, values / unit, block.scale / unit, theme)
    else:
        tiles, rows, columns = block.values.shape
        stacked = block.values.reshape(tiles * rows, columns)
        image = image_of(color_pixels(stacked, block.scale, Coloring.SIGNED, theme))
        for tile, area in enumerate(block.areas):
            draw_part(painter, area, image, QRect(0, tile * rows, columns, rows))
    _frame(painter, block, block.marked, QPen(QColor(theme.text), 1))


def _font_for(values: np.ndarray, width: float, height: float) -> QFont:
    """Return the font for cells of that size: that of text, unless a smaller one tells more digits of one value."""
    large, small = QApplication.font(), small_font()
    if width < _ROOMY[0] or height < _ROOMY[1]:
        return small
    fonts = QFontMetrics(large), QFontMetrics(small)
    told = ([fitting_figures(value, metrics, width) for value in values.ravel().tolist()] for metrics in fonts)
    return large if next(told) == next(told) else small


def _paint_label(painter: QPainter, label: Label, theme: Theme) -> None:
    if label.role is Role.SCALE:
        label = _paint_scale(painter, label, theme)
    painter.setFont(small_font() if label.role is Role.CAPTION else QApplication.font())
    painter.setPen(QColor(theme.text if label.role is Role.TEXT else theme.muted))
    text = label.text
    if len(text) > 1:
        text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, round(label.area.width()))
    painter.drawText(label.area, label.alignment | Qt.AlignmentFlag.AlignVCenter, text)


def _paint_scale(painter: QPainter, label: Label, theme: Theme) -> Label:
    """Draw a bar of the colours at the beginning of ``label``, and return the rest of it."""
    area = label.area
    bar = QRectF(area.left(), round(area.center().y()) - 2, min(_BAR, area.width() / 2), 4)
    painter.drawImage(bar, image_of(signed_colors(theme)[np.newaxis]))
    return Label(area.adjusted(bar.width() + GRID, 0, 0, 0), label.text)


def _paint_bar(painter: QPainter, bar: Bar, theme: Theme) -> None:
    zero, length = round(bar.area.left() + bar.zero * bar.area.width()), round(abs(bar.share) * bar.area.width())
    left = zero if bar.share > 0 else zero - length
    color = QColor(theme.positive if bar.share > 0 else theme.negative)
    painter.fillRect(QRectF(left, bar.area.top() + 2, length, bar.area.height() - 5), color)
    painter.fillRect(QRectF(zero, bar.area.top(), 1, bar.area.height()), QColor(theme.line))


def _paint_term(painter: QPainter, figure: Figure, theme: Theme, spot: Spot) -> None:
    pen, term = QPen(QColor(theme.accent), 2), figure.term(spot)
    for each in figure.blocks:
        _frame(painter, each, tuple(each.cells_of(term)), pen)
    number, index = spot
    _frame(painter, figure.blocks[number], (index,), pen)


def _frame(painter: QPainter, block: Block, cells: tuple[tuple[int, int, int], ...], pen: QPen) -> None:
    """Draw a line around each of ``cells``: inside of large ones, outside of small ones, which it would hide."""
    inside = min(block.cell) > GRID
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for cell in cells:
        area = block.area_of(cell)
        painter.drawRect(area.adjusted(1, 1, -2, -2) if inside else area.adjusted(-1, -1, 0, 0))
