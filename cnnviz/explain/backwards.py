"""What the gradient of the probe's cost by any number is made of: the chain rule, term by term."""

from functools import singledispatch

import numpy as np

from cnnviz.explain.forwards import forward_terms
from cnnviz.explain.places import Cell, Place, Probability, Weight, gradient_at
from cnnviz.explain.stage import Stage, layer_behind
from cnnviz.explain.terms import Factor, Index, Operation, Terms, nowhere, single
from cnnviz.explain.uses import input_of, met_by
from cnnviz.nn import Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D, ReLU
from cnnviz.training.snapshot import Snapshot


def backward_terms(snapshot: Snapshot, place: Place) -> Terms:
    """Return what the gradient by the number at ``place``, which must exist, is made of.

    That by a cell is what the next layer hands back for it; of a probability, the gradient by its logit is told.
    """
    if isinstance(place, Probability):
        return _logit(snapshot, Cell(next(reversed(snapshot.trace.outputs)), (place.digit,)))
    value = gradient_at(snapshot, place)
    if isinstance(place, Weight):
        stage = Stage.of(snapshot, place.layer)
        return _parameter(stage.layer, stage, place, value)
    if (name := layer_behind(snapshot, place.layer)) is None:
        return _logit(snapshot, place)
    stage = Stage.of(snapshot, name)
    return _input(stage.layer, stage, place, value)


def terms_of(snapshot: Snapshot, place: Place, back: bool) -> Terms:
    """Return what the value at ``place`` is made of, or with ``back`` the gradient by it."""
    return backward_terms(snapshot, place) if back else forward_terms(snapshot, place)


def _logit(snapshot: Snapshot, place: Cell) -> Terms:
    trace, (digit,) = snapshot.trace, place.index
    is_target = digit == trace.target
    return Terms(
        place,
        gradient_at(snapshot, place),
        Operation.SUM,
        (single("probability", trace.probabilities[digit], Probability(digit)),),
        f"the probability, less 1 for the {trace.target} that it should be",
        single("\u2212 target", -1.0 if is_target else 0.0),
    )


# By an input of a layer


@singledispatch
def _input(layer: Layer, stage: Stage, place: Cell, value: float) -> Terms:
    """Return what ``layer`` hands back for its input at ``place``."""
    raise NotImplementedError(f"no terms are known for the input of {type(layer).__name__}: register them here")


@_input.register
def _(layer: Conv2D, stage: Stage, place: Cell, value: float) -> Terms:
    row, column, k = place.index
    (top, _), (left, _) = stage.cache.padding
    rows = _positions(row + top, layer.kernel[0], layer.stride, stage.y.shape[0])
    columns = _positions(column + left, layer.kernel[1], layer.stride, stage.y.shape[1])
    seen_by = row + top - layer.stride * np.asarray(rows, int), column + left - layer.stride * np.asarray(columns, int)
    weights = stage.parameters["weight"][:, k][:, seen_by[0][:, np.newaxis], seen_by[1]]
    handed = stage.dy[rows.start : rows.stop, columns.start : columns.stop].transpose(2, 0, 1)

    def weight(index: Index) -> Weight:
        f, i, j = index
        return Weight(stage.name, "weight", (f, k, int(seen_by[0][i]), int(seen_by[1][j])))

    return Terms(
        place,
        value,
        Operation.SUM,
        (
            Factor(
                f"gradient by {stage.name}", handed, lambda at: Cell(stage.name, (rows[at[1]], columns[at[2]], at[0]))
            ),
            Factor("weight", weights, weight),
        ),
        f"each of the {handed.size} outputs of {stage.name} that saw this cell: "
        "its gradient × the weight it saw it with",
    )


def _positions(n: int, kernel: int, stride: int, count: int) -> range:
    """Return at which of ``count`` positions a window of ``kernel`` cells covers cell ``n``."""
    first = max(0, -(-(n - kernel + 1) // stride))
    return range(first, max(first, min(count, n // stride + 1)))


@_input.register
def _(layer: Dense, stage: Stage, place: Cell, value: float) -> Terms:
    (d,) = place.index
    return Terms(
        place,
        value,
        Operation.SUM,
        (
            Factor(f"gradient by {stage.name}", stage.dy, lambda at: Cell(stage.name, at)),
            Factor("weight", stage.parameters["weight"][:, d], lambda at: Weight(stage.name, "weight", (*at, d))),
        ),
        f"each of the {len(stage.dy)} units of {stage.name}: its gradient × the weight it gives this input",
    )


@_input.register
def _(layer: ReLU, stage: Stage, place: Cell, value: float) -> Terms:
    return Terms(
        place,
        value,
        Operation.SUM,
        (
            _gradient_by(stage, place.index),
            single("above 0?", float(stage.y[place.index] > 0)),
        ),
        "handed back where the number is above zero, stopped where it is not",
    )


@_input.register
def _(layer: MaxPool2D, stage: Stage, place: Cell, value: float) -> Terms:
    row, column, k = place.index
    rows = _positions(row, layer.size, layer.stride, stage.y.shape[0])
    columns = _positions(column, layer.size, layer.stride, stage.y.shape[1])
    arriving = stage.dy[np.newaxis, rows.start : rows.stop, columns.start : columns.stop, k]
    windows = "its only window" if arriving.size == 1 else f"each of its {arriving.size} windows"
    return Terms(
        place,
        value,
        Operation.SUM,
        (
            Factor(
                f"gradient by {stage.name}",
                arriving,
                lambda at: Cell(stage.name, (rows[at[1]], columns[at[2]], k)),
            ),
            Factor("share", _shares(layer, stage, place, rows, columns), nowhere),
        ),
        f"from {windows}: the gradient, where this cell is the maximum"
        if arriving.size
        else "in none of the windows: no gradient comes back",
    )


def _shares(layer: MaxPool2D, stage: Stage, place: Cell, rows: range, columns: range) -> np.ndarray:
    """Return the share that the cell at ``place`` gets of each window it is in, shape (1, rows, columns)."""
    row, column, k = place.index
    shares = np.zeros((1, len(rows), len(columns)), stage.dy.dtype)
    for a, i in enumerate(rows):
        for b, j in enumerate(columns):
            top, left = i * layer.stride, j * layer.stride
            window = stage.x[np.newaxis, top : top + layer.size, left : left + layer.size, k : k + 1]
            all_of_it = layer.shares(window, stage.y[np.newaxis, i : i + 1, j : j + 1, k : k + 1])
            shares[0, a, b] = all_of_it[(row - top) * layer.size + column - left].item()
    return shares


@_input.register
def _(layer: Flatten, stage: Stage, place: Cell, value: float) -> Terms:
    row, column, channel = place.index
    height, width, _ = stage.x.shape
    unit = (channel * height + row) * width + column
    return Terms(place, value, Operation.SUM, (_gradient_by(stage, (unit,)),), "handed back as it is")


@_input.register
def _(layer: Dropout, stage: Stage, place: Cell, value: float) -> Terms:
    return Terms(place, value, Operation.SUM, (_gradient_by(stage, place.index),), "handed back as it is")


def _gradient_by(stage: Stage, index: Index) -> Factor:
    return single(f"gradient by {stage.name}", stage.dy[index], Cell(stage.name, index))


# By a parameter


@singledispatch
def _parameter(layer: Layer, stage: Stage, place: Weight, value: float) -> Terms:
    """Return what the gradient by the parameter at ``place`` is made of."""
    raise NotImplementedError(f"no terms are known for the parameters of {type(layer).__name__}: register them here")


@_parameter.register
def _(layer: Conv2D, stage: Stage, place: Weight, value: float) -> Terms:
    f = place.index[0]
    dy = Factor(f"gradient by {stage.name}, channel {f}", stage.dy[:, :, f], lambda at: Cell(stage.name, (*at, f)))
    if place.name == "bias":
        return Terms(place, value, Operation.SUM, (dy,), f"the gradients at all {dy.values.size} positions, added up")
    return Terms(
        place,
        value,
        Operation.SUM,
        (dy, met_by(layer, stage, place)),
        f"at each of {dy.values.size} positions: gradient of the output × the input that the weight met there",
    )


@_parameter.register
def _(layer: Dense, stage: Stage, place: Weight, value: float) -> Terms:
    dy = _gradient_by(stage, place.index[:1])
    if place.name == "bias":
        return Terms(place, value, Operation.SUM, (dy,), "the gradient of its unit")
    return Terms(
        place, value, Operation.SUM, (dy, input_of(stage, place.index[1])), "the gradient of its unit × its input"
    )
