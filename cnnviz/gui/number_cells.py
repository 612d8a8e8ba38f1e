"""Arrays as tables of coloured cells, with the figures in them where there is room."""

from collections.abc import Iterator

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter

from cnnviz.gui.theme import GRID, Theme
from cnnviz.gui.tiles import Coloring, color_pixels, figures

LEGIBLE = 26, 14  # pixels of the smallest cell that figures fit into
_MIDDLE = 0.5  # lightness from which on text is dark
_DARK, _LIGHT = QColor("#000000"), QColor("#ffffff")


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
    colors = color_pixels(values, scale, coloring, theme)
    for (i, j), value in np.ndenumerate(values):
        paint_number(painter, part(area, i, j, rows, columns), float(value), QColor(int(colors[i, j])))


def paint_number(painter: QPainter, place: QRectF, value: float, color: QColor) -> None:
    """Fill ``place`` with ``color`` and write ``value`` on it."""
    painter.fillRect(place.adjusted(0, 0, -1, -1), color)
    write_number(painter, place, value, color)


def write_number(painter: QPainter, place: QRectF, value: float, color: QColor) -> None:
    """Write ``value`` on ``place``, which has ``color``, if there is room for it."""
    width, height = LEGIBLE
    if place.width() < width or place.height() < height:
        return
    painter.setPen(_DARK if color.lightnessF() > _MIDDLE else _LIGHT)
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, fitting_figures(value, painter.fontMetrics(), place.width()))


def fitting_figures(value: float, metrics: QFontMetrics, width: float) -> str:
    """Return ``value`` with as many significant digits, four at most, as fit into ``width`` pixels, or dots."""
    return next((text for text in _texts(value) if metrics.horizontalAdvance(text) <= width - GRID // 2), "\u2026")


def _texts(value: float) -> Iterator[str]:
    """Write ``value`` shorter and shorter, as far as somebody asks for it."""
    for digits in (4, 3, 2, 1):
        yield figures(value, digits)
    if abs(value) < 1:
        for digits in (2, 1):
            yield figures(value, digits).replace("0.", ".", 1)


def part(area: QRectF, row: int, column: int, rows: int, columns: int) -> QRectF:
    """Return one of ``rows`` x ``columns`` equal parts of ``area``, its edges on whole pixels."""
    top, bottom = (area.top() + round(r * area.height() / rows) for r in (row, row + 1))
    left, right = (round(area.left() + c * area.width() / columns) for c in (column, column + 1))
    return QRectF(left, top, right - left, bottom - top)
