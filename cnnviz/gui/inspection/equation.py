"""The sum written out: patch × filter, channel by channel, or what else is made of a few numbers."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetrics

from cnnviz.explain.places import Place
from cnnviz.explain.terms import Factor, Operation, Terms, nowhere
from cnnviz.gui.inspection.figure import Block, Figure, Index, Label, Role, block, scale_of
from cnnviz.gui.inspection.results import ROW, Result, in_line, results_of
from cnnviz.gui.inspection.strip import lay_out_strip
from cnnviz.gui.inspection.units import in_units, power_for
from cnnviz.gui.theme import GRID, small_font

CAPTION = 2 * GRID  # pixels of a line of small text
_SIGN = 2 * GRID  # pixels between two blocks
_LARGEST = 72, 32  # pixels of a cell
_LEAST_ROW = 14  # pixels of a row of cells
_GAP = GRID // 2  # pixels between what stands below each other
_CENTRED = Qt.AlignmentFlag.AlignHCenter


def equation(terms: Terms, back: bool, area: QRectF, channel: int) -> tuple[Figure, float]:
    """Return ``terms`` of shape (channels, rows, columns), ``channel`` of them in numbers, and where all that ends.

    ``area`` is filled by the strip of all channels, if there are several.
    """
    channels, rows, _ = terms.products.shape
    channel = min(channel, channels - 1)
    if terms.products.size == 0:  # no window covers the cell
        return in_line(results_of(terms, back), area.left(), area.top(), area.width()), area.top() + ROW
    figure = Figure()
    if channels > 1:
        below = CAPTION + _LEAST_ROW * rows + ROW + 2 * _GAP
        strip, bottom = lay_out_strip(terms, area.adjusted(0, 0, 0, -below), channel)
        figure.add(strip)
        area = QRectF(area.left(), bottom + _GAP, area.width(), area.bottom() - bottom - _GAP)
    blocks, right, bottom = _blocks(terms, area, channel)
    figure.add(blocks)
    lines = _lines(terms, back, channel)
    if terms.products.size > 1:
        figure.add(in_line(lines, area.left(), bottom + _GAP, area.width()))
        bottom += _GAP + ROW
    else:
        top = (area.top() + CAPTION + bottom - ROW) / 2  # beside the blocks, on their level
        figure.add(in_line(lines, right, top, area.right() - right))
    return figure, bottom


def _blocks(terms: Terms, area: QRectF, channel: int) -> tuple[Figure, float, float]:
    """Return one channel, block by block with the signs between them, and where these end."""
    shown, figure, (_, rows, columns) = _shown(terms), Figure(), terms.products.shape
    metrics, room = QFontMetrics(small_font()), area.width() / len(shown) - _SIGN
    captions = [_caption(factor, channel, metrics, room) for factor, _ in shown]
    width = min(max(room / columns, 1), _LARGEST[0])
    height = min((area.height() - CAPTION - _GAP - ROW) / rows, _LARGEST[1], max(width, _LEAST_ROW + 5))
    size = round(width * columns), round(max(height, _LEAST_ROW) * rows)
    left = area.left()
    for (factor, sign), caption in zip(shown, captions, strict=True):
        column = max(size[0], min(metrics.horizontalAdvance(caption) + 2, room))
        place = QRectF(left + round((column - size[0]) / 2), area.top() + CAPTION, *size)
        figure.labels.append(Label(QRectF(left, area.top(), column, CAPTION), caption, alignment=_CENTRED))
        figure.blocks.append(_table(terms, factor, channel, place))
        left = round(left + column)
        figure.labels.append(Label(QRectF(left, place.top(), _SIGN, place.height()), sign, Role.SIGN, _CENTRED))
        left += _SIGN
    return figure, left, area.top() + CAPTION + size[1]


def _shown(terms: Terms) -> list[tuple[Factor, str]]:
    """Return the blocks, each with the sign behind it."""
    factors = terms.factors
    if terms.operation is Operation.SCALING:
        return list(zip(factors, ("\u2212", "÷", ""), strict=True))
    if terms.operation is Operation.MAXIMUM and terms.constant is not None:
        return [(factors[0], "or"), (terms.constant, "")]
    if len(factors) == 1:
        return [(factors[0], "")]
    first, second = factors
    is_whole = terms.products.size == 1 and terms.operation is Operation.SUM  # its only product is the number itself
    if is_whole and terms.constant is None:
        return [(first, "×"), (second, "")]
    return [(first, "×"), (second, "="), (Factor("products", terms.products, nowhere), "")]


def _table(terms: Terms, factor: Factor, channel: int, area: QRectF) -> Block:
    """Return one channel of ``factor``, with the colours that it has among all of them."""
    _, rows, columns = factor.values.shape
    values, first = factor.values[channel : channel + 1], channel * rows * columns
    return block(
        factor.name,
        (area,),
        values,
        _of(factor, channel),
        first,
        scale_of(factor.values),
        power=power_for(values),
        marked=_winners(terms, values),
    )


def _caption(factor: Factor, channel: int, metrics: QFontMetrics, room: float) -> str:
    """Return what the numbers of one channel are, and in which unit, in ``room`` pixels if that can be."""
    several, unit = len(factor.values) > 1, in_units(power_for(factor.values[channel : channel + 1]))
    text = f"{factor.name}, channel {channel}{unit}" if several else f"{factor.name}{unit}"
    return text if metrics.horizontalAdvance(text) <= room or not several else f"{factor.name}, {channel}{unit}"


def _of(factor: Factor, channel: int) -> Callable[[Index], Place | None]:
    return lambda index: factor.place((channel, *index[1:]))


def _winners(terms: Terms, values: np.ndarray) -> tuple[Index, ...]:
    """Return where the maximum of a window lies."""
    if terms.operation is not Operation.MAXIMUM or values.size == 1:
        return ()
    return tuple(map(tuple, np.argwhere(values == terms.value).tolist()))


def _lines(terms: Terms, back: bool, channel: int) -> list[Result]:
    """Return the sums, and what follows them."""
    lines, products = [], terms.products
    if terms.operation is Operation.SUM and products.size > 1:
        with np.errstate(invalid="ignore"):  # infinities of both signs, of a network that is about to diverge
            if len(products) > 1:
                lines.append(Result(f"channel {channel}", float(products[channel].sum())))
            lines.append(Result(f"sum of {products.size:,}", float(products.sum())))
    return lines + results_of(terms, back)
