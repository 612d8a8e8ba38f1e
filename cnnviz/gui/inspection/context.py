"""Where a number stands: the maps that go into its layer and come out, or the gradients by them."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QFontMetrics

from cnnviz.explain.places import INPUT, Cell, Place, Weight
from cnnviz.explain.stage import Stage
from cnnviz.gui.inspection.figure import Figure, Index, Label, block, is_legible
from cnnviz.gui.inspection.units import in_units, power_for
from cnnviz.gui.theme import GRID, small_font
from cnnviz.training.snapshot import Snapshot

_CAPTION = 2 * GRID  # pixels
_LARGEST, _SMALLEST = 16 * GRID, 5 * GRID  # pixels of a map below others
_GAP = 3 * GRID  # pixels to what stands beside

# What is shown: caption, a shorter one, numbers, a cell in the channel, whether that cell is the one in question.
_Map = tuple[str, str, np.ndarray, Cell, bool]


def column(snapshot: Snapshot, place: Cell, area: QRectF) -> tuple[Figure, float]:
    """Return activations and gradients below each other, and the width that they take."""
    side = min(max(area.height() / 3 - _CAPTION, _SMALLEST), _LARGEST)
    figure = Figure()
    for number, map_ in enumerate(_maps(snapshot, place, back=True)):
        top = area.top() + number * (side + _CAPTION)
        figure.add(_laid_out(map_, QRectF(area.left(), top, side, side + _CAPTION), room=side + _GAP - GRID))
    return figure, side + _GAP


def row(snapshot: Snapshot, place: Cell | Weight, back: bool, area: QRectF) -> Figure:
    """Return what goes in and comes out side by side, or with ``back`` the gradients as well."""
    shown = _vectors(snapshot, place, back) if isinstance(place, Weight) else _maps(snapshot, place, back)
    width = area.width() / max(len(shown), 3)
    side = min(width - _GAP, area.height() - _CAPTION)
    figure = Figure()
    for number, map_ in enumerate(shown if side >= _SMALLEST else []):
        left = area.left() + round(number * width)
        figure.add(_laid_out(map_, QRectF(left, area.top(), side, side + _CAPTION), room=width - GRID))
    return figure


def _maps(snapshot: Snapshot, place: Cell, back: bool) -> list[_Map]:
    trace = snapshot.trace
    if place.layer == INPUT:
        image = [("image, normalised", "image", trace.inputs, place, True)]
        return [*image, ("gradient by input", "gradient", trace.input_gradient, place, True)] if back else image
    stage = Stage.of(snapshot, place.layer)
    into = trace.gradient_into(place.layer)
    output = (place.layer, "output", stage.y, place, True)
    before = _before(stage, into, place)
    if not back:
        return [(stage.before, "input", stage.x, before, False), output]
    gradient = (f"gradient by {place.layer}", "gradient", stage.dy, place, True)
    return [output, gradient, (f"gradient by {stage.before}", "handed on", into, before, False)]


def _vectors(snapshot: Snapshot, place: Weight, back: bool) -> list[_Map]:
    """Return what a dense layer connects: its inputs, unless it is a bias, and its units or the gradients by them."""
    stage, (unit, *inputs) = Stage.of(snapshot, place.layer), place.index
    before = [(stage.before, "input", stage.x, Cell(stage.before, (index,)), True) for index in inputs]
    name, values = (f"gradient by {place.layer}", stage.dy) if back else (place.layer, stage.y)
    return [*before, (name, "output", values, Cell(place.layer, (unit,)), True)]


def _before(stage: Stage, gradients: np.ndarray, place: Cell) -> Cell:
    """Return a cell of the channel that is shown of the input: the same, or else that of the strongest gradient."""
    if gradients.ndim == 1:
        return Cell(stage.before, (0,))
    is_same = stage.y.ndim == 3 and "weight" not in stage.parameters
    with np.errstate(invalid="ignore", over="ignore"):  # of a network that is about to diverge
        channel = place.index[2] if is_same else int(np.abs(gradients).sum(axis=(0, 1)).argmax())
    return Cell(stage.before, (0, 0, channel))


def _laid_out(map_: _Map, area: QRectF, room: float) -> Figure:
    """Return the channel of a map under its caption, or a vector in rows of a rectangle."""
    text, short, values, place, is_marked = map_
    if values.ndim == 3:
        shown, at, marked = values[:, :, place.index[2]], _cell_of(place), place.index[:2]
        if place.layer != INPUT:
            text = f"{text}, channel {place.index[2]}"
    else:
        shown = values.reshape(_rows(values.size), -1)
        at, marked = _unit_of(place, shown.shape[1]), divmod(place.index[0], shown.shape[1])
    rows, columns = shown.shape
    cell = area.width() / max(rows, columns)
    cell = int(cell) if cell >= 1 else cell
    spot = QRectF(area.left(), area.top() + _CAPTION, round(cell * columns), round(cell * rows))
    kind = map_[0] if map_[0].startswith("gradient") else place.layer
    power = power_for(shown) if is_legible(spot.width() / columns, spot.height() / rows, shown.size) else 0
    one = block(kind, (spot,), shown[np.newaxis], at, power=power, marked=((0, *marked),) if is_marked else ())
    text, short = (f"{words}{in_units(power)}" for words in (text, short))
    fits = QFontMetrics(small_font()).horizontalAdvance(text) < room
    return Figure([one], [Label(QRectF(area.left(), area.top(), room, _CAPTION), text if fits else short)])


def _rows(size: int) -> int:
    """Return the most rows of a rectangle of ``size`` cells that is not higher than wide."""
    return next(n for n in range(int(size**0.5), 0, -1) if size % n == 0)


def _cell_of(place: Cell) -> Callable[[Index], Place]:
    return lambda index: Cell(place.layer, (*index[1:], place.index[2]))


def _unit_of(place: Cell, across: int) -> Callable[[Index], Place]:
    return lambda index: Cell(place.layer, (index[1] * across + index[2],))
