"""The end of every picture: sum, bias and the number itself, below each other."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetrics

from cnnviz.explain.places import Place, Probability, Weight
from cnnviz.explain.terms import Factor, Operation, Terms
from cnnviz.gui.inspection.figure import NO_TERM, Block, Figure, Index, Label, block
from cnnviz.gui.theme import GRID, small_font

WIDTH = 20 * GRID  # pixels: caption and number
_NUMBER = 9 * GRID  # pixels of the number
_LEAST_NUMBER = 6 * GRID
_LEAST_ROW, ROW = 16, 22  # pixels


@dataclass(frozen=True)
class Result:
    """One line: what it is, the number, and where that leads.

    Attributes
    ----------
    caption : str
    value : float
    place : Place or None
    term : int
        Which term it is, if it is a single one.
    """

    caption: str
    value: float
    place: Place | None = None
    term: int = NO_TERM


def results_of(terms: Terms, back: bool) -> list[Result]:
    """Return what follows the terms: the constant, the number, and what becomes of it next."""
    results = []
    if terms.constant is not None and terms.operation is Operation.SUM:
        sign = "" if terms.constant.name.startswith("\u2212") else "+ "
        results.append(_of(terms.constant, f"{sign}{terms.constant.name}"))
    if terms.operation is not Operation.EACH:
        sign = "max =" if terms.operation is Operation.MAXIMUM and not back else "="
        results.append(Result(f"{sign} {'gradient' if back else _short(terms.place)}", terms.value, terms.place))
    if terms.goes_to is not None and terms.goes_to.values.size == 1:
        verb = "part of " if terms.operation is Operation.EACH else "then "
        results.append(_of(terms.goes_to, f"{verb}{terms.goes_to.name}"))
    return results


def _of(factor: Factor, caption: str) -> Result:
    return Result(caption, float(factor.values.item()), factor.place((0, 0, 0)))


def _short(place: Place) -> str:
    return "probability" if isinstance(place, Probability) else place.name if isinstance(place, Weight) else place.layer


def lay_out(results: list[Result], left: float, middle: float, room: float) -> Figure:
    """Return ``results`` below each other from ``left`` on, around the height ``middle``, in ``room`` pixels."""
    row = min(max(room // max(len(results), 1), _LEAST_ROW), ROW)
    top, figure = round(max(middle - row * len(results) / 2, 0)), Figure()
    for number, result in enumerate(results):
        line = QRectF(left, top + number * row, WIDTH, row)
        caption = QRectF(line.left(), line.top(), WIDTH - _NUMBER - GRID // 2, row)
        figure.labels.append(Label(caption, result.caption, alignment=Qt.AlignmentFlag.AlignRight))
        cell = QRectF(line.right() - _NUMBER, line.top() + 1, _NUMBER, row - 2)
        figure.blocks.append(_block(result, cell))
    return figure


def in_line(results: list[Result], left: float, top: float, width: float) -> Figure:
    """Return ``results`` one after the other from ``left`` on, in a row of ``ROW`` pixels and ``width``."""
    metrics, figure = QFontMetrics(small_font()), Figure()
    captions = [metrics.horizontalAdvance(result.caption) + 2 for result in results]
    room = (width - sum(captions)) / max(len(results), 1) - GRID - GRID // 2
    number = round(min(max(room, _LEAST_NUMBER), _NUMBER))
    for result, caption in zip(results, captions, strict=True):
        figure.labels.append(Label(QRectF(left, top, caption, ROW), result.caption))
        cell = QRectF(left + caption + GRID // 2, top + 1, number, ROW - 2)
        figure.blocks.append(_block(result, cell))
        left = round(cell.right() + GRID)
    return figure


def _block(result: Result, area: QRectF) -> Block:
    value = np.full((1, 1, 1), result.value)
    return block(result.caption, (area,), value, _always(result.place), result.term)


def _always(place: Place | None) -> Callable[[Index], Place | None]:
    return lambda index: place
