"""From ten logits to ten probabilities and the cost, step by step."""

import math
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QRectF, Qt

from cnnviz.explain.places import Place
from cnnviz.explain.terms import Factor, Terms
from cnnviz.gui.inspection.figure import Figure, Index, Label, Role, block
from cnnviz.gui.inspection.results import WIDTH, Result, lay_out
from cnnviz.gui.theme import GRID

_HEADING = 2 * GRID  # pixels
_LEAST_ROW, _MOST_ROW = 14, 26  # pixels
_DIGIT, _GAP = 3 * GRID, GRID  # pixels
_WIDEST = 14 * GRID  # pixels of a column
_CENTRED = Qt.AlignmentFlag.AlignHCenter


def softmax_table(terms: Terms, cost: Terms, area: QRectF) -> Figure:
    """Return all digits' logits, exponentials and probabilities in ``area``, and the quotient and ``cost`` beside."""
    digits = terms.products.size
    row = int(min(max((area.height() - _HEADING) // digits, _LEAST_ROW), _MOST_ROW))
    table = QRectF(area.left(), area.top() + _HEADING, area.width() - WIDTH - 2 * GRID, row * digits)
    figure = _columns(terms, table)
    for digit in range(digits):
        line = QRectF(table.left(), table.top() + digit * row, _DIGIT - GRID, row)
        role = Role.TEXT if digit == terms.chosen else Role.SIGN
        figure.labels.append(Label(line, str(digit), role, Qt.AlignmentFlag.AlignRight))
    figure.add(lay_out(_lines(terms, cost), area.right() - WIDTH, table.center().y(), table.height()))
    return figure


def _columns(terms: Terms, table: QRectF) -> Figure:
    figure, factors = Figure(), terms.factors
    width = min((table.width() - _DIGIT) / len(factors) - _GAP, _WIDEST)
    for number, factor in enumerate(factors):
        area = QRectF(round(table.left() + _DIGIT + number * (width + _GAP)), table.top(), round(width), table.height())
        values = factor.values.reshape(1, -1, 1)
        chosen = ((0, terms.chosen, 0),)
        figure.blocks.append(block(factor.name, (area,), values, _of(factor), 0, marked=chosen))
        heading = QRectF(area.left(), area.top() - _HEADING, area.width(), _HEADING)
        figure.labels.append(Label(heading, factor.name, alignment=_CENTRED))
    return figure


def _of(factor: Factor) -> Callable[[Index], Place | None]:
    return lambda index: factor.place((index[1],))


def _lines(terms: Terms, cost: Terms) -> list[Result]:
    exponentials = terms.factors[-2].values
    with np.errstate(invalid="ignore"):
        total = float(exponentials.sum(dtype=np.float64))
    target = cost.place.digit
    return [
        Result("exponential", float(exponentials[terms.chosen])),
        Result("÷ sum of all", total),
        Result("= probability", terms.value, terms.place),
        Result(f"p of the {target}", float(terms.factors[-1].values[target]), cost.place),
        Result("cost = \u2212log p", cost.value if math.isfinite(cost.value) else math.nan),
    ]
