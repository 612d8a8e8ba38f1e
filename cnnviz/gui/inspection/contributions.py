"""A long sum: its largest terms as bars, and the rest in one number."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetrics

from cnnviz.explain.places import Cell, Place
from cnnviz.explain.terms import Factor, Terms, nowhere
from cnnviz.gui.inspection.figure import Bar, Block, Figure, Index, Label, Role, scale_of
from cnnviz.gui.inspection.results import WIDTH, Result, lay_out, results_of
from cnnviz.gui.theme import GRID, small_font

_HEADING = 2 * GRID  # pixels
_LEAST_ROW, _MOST_ROW = 15, 24  # pixels
_NUMBER = 8 * GRID, 11 * GRID  # pixels of a number, at least and at most
_SIGN = 2 * GRID  # pixels between numbers
_MOST = 24  # terms: more than anybody reads
_RIGHT, _CENTRED = Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignHCenter


def contributions(terms: Terms, back: bool, area: QRectF) -> Figure:
    """Return the largest of ``terms`` of shape (n,) in ``area``, and what all add up to."""
    fitting = int((area.height() - _HEADING) // _LEAST_ROW)
    order = _largest(terms.products, min(max(fitting, 1), _MOST))
    row = min(int((area.height() - _HEADING) // len(order)), _MOST_ROW)
    table = QRectF(area.left(), area.top() + _HEADING, area.width() - WIDTH - 2 * GRID, row * len(order))
    figure = _table(terms, order, table)
    lines = _sums(terms, order) + results_of(terms, back)
    figure.add(lay_out(lines, area.right() - WIDTH, table.center().y(), table.height()))
    return figure


def _largest(products: np.ndarray, count: int) -> np.ndarray:
    """Return the indices of the ``count`` largest magnitudes, the largest first."""
    magnitudes = np.nan_to_num(np.abs(products), nan=np.inf)
    some = np.argpartition(-magnitudes, count)[:count] if count < products.size else np.arange(products.size)
    return some[np.argsort(-magnitudes[some], kind="stable")]


def _table(terms: Terms, order: np.ndarray, area: QRectF) -> Figure:
    """Return a row for each term in ``order``: where it comes from, its factors, their product, and that as a bar."""
    rows, figure = len(order), Figure()
    names = [_short(terms.factors[0].place((int(i),))) for i in order]
    metrics = QFontMetrics(small_font())
    label = max(map(metrics.horizontalAdvance, names)) + GRID
    number = min(max(area.width() / 8, _NUMBER[0]), _NUMBER[1])
    height = area.height() / rows
    for row, name in enumerate(names):
        line = QRectF(area.left(), area.top() + row * height, label - GRID // 2, height)
        figure.labels.append(Label(line, name, alignment=_RIGHT))
    columns = [*terms.factors, Factor("product", terms.products, nowhere)]
    left = area.left() + label
    for column, (factor, sign) in enumerate(zip(columns, ("×", "=", ""), strict=True)):
        place = QRectF(round(left), area.top(), round(number), area.height())
        figure.blocks.append(_column(factor, order, place))
        wider = label if column == 0 else _SIGN / 2
        heading = QRectF(place.left() - wider, area.top() - _HEADING, place.width() + wider, _HEADING)
        figure.labels.append(Label(heading, factor.name, alignment=_RIGHT))
        left = place.right() + (_SIGN if column < 2 else GRID)
        for row in range(rows if sign else 0):
            cell = QRectF(place.right(), area.top() + row * height, _SIGN, height)
            figure.labels.append(Label(cell, sign, Role.SIGN, _CENTRED))
    figure.bars += _bars(terms.products[order], QRectF(left, area.top(), area.right() - left, area.height()))
    return figure


def _column(factor: Factor, order: np.ndarray, area: QRectF) -> Block:
    values, terms = factor.values[order].reshape(1, -1, 1), order.reshape(1, -1, 1)
    return Block(factor.name, (area,), values, _ordered(factor, order), terms, scale_of(values))


def _ordered(factor: Factor, order: np.ndarray) -> Callable[[Index], Place | None]:
    return lambda index: factor.place((int(order[index[1]]),))


def _bars(products: np.ndarray, area: QRectF) -> list[Bar]:
    """Return a bar for each product, all from one zero on and as long as ``area`` is wide for that."""
    finite = np.where(np.isfinite(products), products, 0.0)
    least, most = min(float(finite.min()), 0.0), max(float(finite.max()), 0.0)
    span, height = most - least, area.height() / len(products)
    if not 0 < span < np.inf:
        return []
    return [
        Bar(
            QRectF(area.left(), area.top() + round(row * height), area.width(), round(height)),
            -least / span,
            product / span,
        )
        for row, product in enumerate(finite.tolist())
    ]


def _sums(terms: Terms, order: np.ndarray) -> list[Result]:
    products, rest = terms.products, terms.products.size - len(order)
    with np.errstate(invalid="ignore"):  # infinities of both signs, of a network that is about to diverge
        shown = float(products[order].sum())
        if not rest:
            return [Result(f"sum of {len(order)}", shown)]
        others = np.delete(products, order).sum()
    return [Result(f"these {len(order)}", shown), Result(f"+ {rest:,} others", float(others))]


def _short(place: Place | None) -> str:
    return f"{place.layer} {place.index[0]}" if isinstance(place, Cell) else ""
