"""All channels of a sum in small: patch, filter and products of each, or the products alone, and their sums."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF

from cnnviz.explain.terms import Factor, Terms, nowhere
from cnnviz.gui.inspection.figure import Block, Figure, Label, block, scale_of
from cnnviz.gui.inspection.units import in_units, power_for
from cnnviz.gui.theme import GRID

_CAPTION = 2 * GRID  # pixels of the line above
_SUM = 36, 15  # pixels of the number below each channel, at least
_WIDEST_SUM = 56  # pixels of it, unless the tiles are wider
_FEW = 16  # channels, of which as many stand in each line
_GAP = GRID // 2  # pixels between channels
_APART = 3  # pixels between the tiles of a channel
_LARGEST, _SMALLEST = 14, 5  # pixels of a cell
_LEAST_OF_THREE = 4  # pixels of a cell, below which the products are shown alone


@dataclass(frozen=True)
class _Plan:
    """Where the channels stand.

    Attributes
    ----------
    cell : int
        Pixels of a cell.
    kinds : int
        How many tiles a channel has: the factors and the products, or the products alone, or none.
    across : int
        Channels side by side.
    pitch : float
        Pixels from one channel to the next.
    row : int
        Pixels from one row of channels to the next, ``gap`` of them empty.
    width : float
        Pixels of the number below a channel.
    """

    cell: int
    kinds: int
    across: int
    pitch: float
    row: int
    gap: int
    width: float


def lay_out_strip(terms: Terms, area: QRectF, open_: int) -> tuple[Figure, float]:
    """Return the channels of ``terms`` from the top of ``area`` on, the ``open_`` one marked, and where they end."""
    channels, rows, columns = terms.products.shape
    plan = _plan(terms.products.shape, len(terms.factors), area.width(), area.height() - _CAPTION)
    kinds = _kinds(terms, plan)
    figure = Figure()
    corners = [
        QPointF(area.left() + round(c % plan.across * plan.pitch), area.top() + _CAPTION + c // plan.across * plan.row)
        for c in range(channels)
    ]
    for number, factor in enumerate(kinds):
        step = number * (columns * plan.cell + _APART)
        areas = tuple(
            QRectF(corner.x() + step, corner.y(), columns * plan.cell, rows * plan.cell) for corner in corners
        )
        scale = scale_of(factor.values)
        figure.blocks.append(block(factor.name, areas, factor.values, factor.place, 0, scale, is_strip=True))
    sums = _sums(terms, plan, corners, open_)
    figure.blocks.append(sums)
    line = QRectF(area.left(), area.top(), area.width(), _CAPTION)
    figure.labels.append(Label(line, f"{_caption(kinds, channels)}{in_units(sums.power)}"))
    return figure, corners[-1].y() + plan.row - plan.gap


def _plan(shape: tuple[int, ...], factors: int, width: float, height: float) -> _Plan:
    """Return the largest tiles that fit: of factors and products, or else of the products, or else none."""
    channels, rows, columns = shape
    for kinds, cell in _sizes(factors + 1):
        gap = _GAP if kinds else 1
        tiles = kinds * (columns * cell + _APART)
        least = max(tiles, _SUM[0]) + gap
        across = min(max(int(width // least), 1), channels)
        lines = -(-channels // across)
        row = (rows * cell + 2 if kinds else 0) + _SUM[1] + gap
        if lines * row <= height and (channels > _FEW or channels % lines == 0):
            break
    across = -(-channels // lines)  # as many in each line
    pitch = min(width / across, 2 * least)
    return _Plan(cell, kinds, across, pitch, row, gap, min(max(tiles - _APART, _WIDEST_SUM), pitch - gap))


def _sizes(kinds: int) -> Iterator[tuple[int, int]]:
    """Yield how many tiles a channel may have and how large their cells may be, from the best on."""
    for cell in range(_LARGEST, _LEAST_OF_THREE - 1, -1):
        yield kinds, cell
    for cell in range(_LARGEST, _SMALLEST - 1, -1):
        yield 1, cell
    yield 0, 0


def _sums(terms: Terms, plan: _Plan, corners: list[QPointF], open_: int) -> Block:
    """Return what the products of each channel add up to, below its tiles; its terms are none, its channels all."""
    with np.errstate(invalid="ignore"):  # infinities of both signs, of a network that is about to diverge
        sums = terms.products.sum(axis=(1, 2)).reshape(-1, 1, 1)
    down = plan.row - plan.gap - _SUM[1]
    areas = tuple(QRectF(corner.x(), corner.y() + down, plan.width, _SUM[1]) for corner in corners)
    return block("sum of channel", areas, sums, nowhere, power=power_for(sums), marked=((open_, 0, 0),), is_strip=True)


def _kinds(terms: Terms, plan: _Plan) -> tuple[Factor, ...]:
    every = (*terms.factors, Factor("products", terms.products, nowhere))
    return every[len(every) - plan.kinds :]


def _caption(kinds: tuple[Factor, ...], channels: int) -> str:
    names = " × ".join(factor.name for factor in kinds[:-1])
    tiles = f"{names + ' = ' if names else ''}products, and " if kinds else ""
    return f"{channels} channels: {tiles}the sum of each"
