"""A sum over all positions of a filter: a map of each factor, a map of their products, and what these add up to."""

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetrics

from cnnviz.explain.terms import Factor, Operation, Terms, nowhere
from cnnviz.gui.inspection.figure import Figure, Label, Role, block
from cnnviz.gui.inspection.results import ROW, WIDTH, Result, in_line, lay_out, results_of
from cnnviz.gui.theme import GRID, small_font
from cnnviz.gui.tiles import shortest

_CAPTION, _LEGEND = 2 * GRID, 2 * GRID  # pixels
_SIGN = 3 * GRID  # pixels between two maps
_SINGLE = 8 * GRID, 3 * GRID  # pixels of a number that is the same at every position
_LARGEST = 24  # pixels of a cell
_CENTRED = Qt.AlignmentFlag.AlignHCenter


def maps(terms: Terms, back: bool, area: QRectF, term: int) -> Figure:
    """Return ``terms`` of shape (rows, columns) as maps in ``area``; ``term`` of them is written out as well.

    The numbers stand beside the maps or below them, wherever they leave more room.
    """
    shown = _shown(terms)
    beside = _cell_size(terms, shown, area.width() - _SIGN - WIDTH, area.height())
    below = _cell_size(terms, shown, area.width(), area.height() - ROW)
    cell = max(beside, below)
    size = (cell * terms.products.shape[1], cell * terms.products.shape[0])
    figure, left, top = Figure(), area.left(), area.top() + _CAPTION
    for factor, sign in shown:
        part, right = _map(factor, left, top, size)
        figure.add(part)
        figure.labels.append(Label(QRectF(right, top, _SIGN, size[1]), sign, Role.SIGN, _CENTRED))
        left = right + _SIGN
    lines = _written_out(terms, term) + _sum(terms) + results_of(terms, back)
    if beside >= below:
        figure.add(lay_out(lines, left, top + size[1] / 2, size[1]))
    else:
        figure.add(in_line(lines, area.left(), top + size[1] + _LEGEND, area.width()))
    return figure


def _cell_size(terms: Terms, shown: list[tuple[Factor, str]], width: float, height: float) -> float:
    """Return how many pixels a cell of the maps may have: whole ones, if it is not too small for that."""
    rows, columns = terms.products.shape
    singles = sum(_is_single(factor) for factor, _ in shown)
    width -= _SIGN * (len(shown) - 1) + _SINGLE[0] * singles
    cell = min(width / (len(shown) - singles) / columns, (height - _CAPTION - _LEGEND) / rows, _LARGEST)
    return int(cell) if cell >= 2 else max(cell, 1)


def _is_single(factor: Factor) -> bool:
    """Return whether this is one and the same number at every position."""
    return factor.values.strides == (0, 0)


def _shown(terms: Terms) -> list[tuple[Factor, str]]:
    """Return the maps, each with the sign behind it."""
    shown = [(terms.factors[0], "")]
    if len(terms.factors) == 2:
        products = Factor("products", terms.products, nowhere)
        shown = [(terms.factors[0], "×"), (terms.factors[1], "="), (products, "")]
    if terms.operation is Operation.EACH:
        shown[-1] = (shown[-1][0], "\u2192")
        shown.append((terms.goes_to, ""))
    return shown


def _map(factor: Factor, left: float, top: float, size: tuple[float, float]) -> tuple[Figure, float]:
    """Return a map under its caption and over its scale, and where it ends; of what is the same everywhere, once."""
    values = factor.values[np.newaxis]
    if _is_single(factor):
        width, height = _SINGLE
        area = QRectF(left, top + round((size[1] - height) / 2), width, height)
        one = block(factor.name, (area,), values[:, :1, :1], lambda index: factor.place((0, 0)))
        caption = QRectF(left, area.top() - _CAPTION, width, _CAPTION)
        return Figure([one], [Label(caption, factor.name, alignment=_CENTRED)]), area.right()
    area = QRectF(left, top, *size)
    map_ = block(factor.name, (area,), values, lambda index: factor.place(index[1:]), 0)
    caption = QRectF(left, top - _CAPTION, area.width() + _SIGN - GRID, _CAPTION)
    legend = Label(QRectF(left, area.bottom(), area.width(), _LEGEND), f"±{shortest(map_.scale)}", Role.SCALE)
    fits = QFontMetrics(small_font()).horizontalAdvance(factor.name) <= caption.width()
    name = factor.name if fits else factor.name.replace(", channel", ",")
    return Figure([map_], [Label(caption, name), legend]), area.right()


def _written_out(terms: Terms, term: int) -> list[Result]:
    """Return the factors of one term and their product."""
    if not 0 <= term < terms.products.size:
        return []
    at = tuple(map(int, np.unravel_index(term, terms.products.shape)))
    lines = [
        Result(f"{'× ' if n else ''}{_word(factor)}", float(factor.values[at]), factor.place(at), term)
        for n, factor in enumerate(terms.factors)
    ]
    if len(lines) == 2:
        lines.append(Result("= product", float(terms.products[at]), None, term))
    return lines


def _word(factor: Factor) -> str:
    if factor.name.startswith("gradient"):
        return "gradient"
    return factor.name if _is_single(factor) else "input"


def _sum(terms: Terms) -> list[Result]:
    if terms.operation is not Operation.SUM:
        return []
    with np.errstate(invalid="ignore"):  # infinities of both signs, of a network that is about to diverge
        return [Result(f"sum of {terms.products.size}", float(terms.products.sum()))]
