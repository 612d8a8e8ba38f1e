"""Arrays as tables of coloured cells, with the figures in them where there is room."""

from collections.abc import Iterator

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter

from cnnviz.gui.theme import GRID, Theme
from cnnviz.gui.tiles import Coloring, color_pixels, figures, power_of_ten

LEGIBLE = 26, 14  # pixels of the smallest cell that figures fit into
_MIDDLE = 0.5  # lightness from which on text is dark


def paint_numbers(
    painter: QPainter,
    area: QRectF,
    values: np.ndarray,
    scale: float,
    theme: Theme,
    coloring: Coloring = Coloring.SIGNED,
) -> None:
    """Fill ``area`` with a cell for each of ``values``, shape (rows, columns), and write in each what fits.

    ``scale`` is the value of the strongest colour. The painter's font is used.
    """
    rows, columns = values.shape
    colors = color_pixels(values, scale, coloring, theme).tolist()
    lefts = [area.left() + round(c * area.width() / columns) for c in range(columns + 1)]
    tops = [area.top() + round(r * area.height() / rows) for r in range(rows + 1)]
    for i, row in enumerate(values.tolist()):
        for j, value in enumerate(row):
            place = QRectF(lefts[j], tops[i], lefts[j + 1] - lefts[j], tops[i + 1] - tops[i])
            paint_number(painter, place, value, QColor(colors[i][j]))


def paint_number(painter: QPainter, place: QRectF, value: float, color: QColor) -> None:
    """Fill ``place`` with ``color`` and write ``value`` on it."""
    painter.fillRect(place.adjusted(0, 0, -1, -1), color)
    write_number(painter, place, value, color)


def write_number(painter: QPainter, place: QRectF, value: float, color: QColor) -> None:
    """Write ``value`` on ``place``, which has ``color``, if there is room for it."""
    width, height = LEGIBLE
    if place.width() < width or place.height() < height:
        return
    painter.setPen(Qt.GlobalColor.black if color.lightnessF() > _MIDDLE else Qt.GlobalColor.white)
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, fitting_figures(value, painter.fontMetrics(), place.width()))


def fitting_figures(value: float, metrics: QFontMetrics, width: float) -> str:
    """Return ``value`` with as many significant digits, four at most, as fit into ``width`` pixels, or dots."""
    room = width - GRID // 2
    return next((text for text in _shorter_and_shorter(value) if metrics.horizontalAdvance(text) <= room), "\u2026")


def _shorter_and_shorter(value: float) -> Iterator[str]:
    """Yield ``value`` in ever fewer characters."""
    for digits in (4, 3, 2, 1):
        yield figures(value, digits)
    if abs(value) < 1:
        for digits in (2, 1):
            yield figures(value, digits).replace("0.", ".", 1)
        yield power_of_ten(value)


def part(area: QRectF, row: int, column: int, rows: int, columns: int) -> QRectF:
    """Return one of ``rows`` x ``columns`` equal parts of ``area``, its edges on whole pixels."""
    top, bottom = (area.top() + round(r * area.height() / rows) for r in (row, row + 1))
    left, right = (round(area.left() + c * area.width() / columns) for c in (column, column + 1))
    return QRectF(left, top, right - left, bottom - top)
