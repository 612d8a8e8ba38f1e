"""What a weight does, forwards: the numbers that it is multiplied with, and those that it thereby adds to."""

from functools import singledispatch

import numpy as np

from cnnviz.explain.places import Cell, Weight
from cnnviz.explain.stage import Stage
from cnnviz.explain.terms import Factor, Index, Operation, Terms, single
from cnnviz.nn import Conv2D, Dense, Layer
from cnnviz.training.snapshot import Snapshot


def uses_of(snapshot: Snapshot, place: Weight) -> Terms:
    """Return all products that the weight or bias at ``place``, which must exist, is a factor of."""
    stage = Stage.of(snapshot, place.layer)
    return _uses(stage.layer, stage, place, float(stage.parameters[place.name][place.index]))


@singledispatch
def _uses(layer: Layer, stage: Stage, place: Weight, value: float) -> Terms:
    """Return what ``layer`` uses the parameter at ``place`` for."""
    raise NotImplementedError(f"no uses are known for the parameters of {type(layer).__name__}: register them here")


@_uses.register
def _(layer: Conv2D, stage: Stage, place: Weight, value: float) -> Terms:
    f = place.index[0]
    outputs = Factor(f"{stage.name}, channel {f}", stage.y[:, :, f], lambda at: Cell(stage.name, (*at, f)))
    everywhere = np.broadcast_to(np.asarray(value), outputs.values.shape)
    weight = Factor(place.name, everywhere, lambda at: place)
    factors = (weight,) if place.name == "bias" else (met_by(layer, stage, place), weight)
    return Terms(
        place,
        value,
        Operation.EACH,
        factors,
        f"one number, used {outputs.values.size} times: once for each cell of {outputs.name}",
        goes_to=outputs,
    )


@_uses.register
def _(layer: Dense, stage: Stage, place: Weight, value: float) -> Terms:
    unit = place.index[0]
    weight = single(place.name, value, place)
    return Terms(
        place,
        value,
        Operation.EACH,
        (weight,) if place.name == "bias" else (input_of(stage, place.index[1]), weight),
        f"used once: it is a part of unit {unit} only",
        goes_to=single(f"unit {unit}", stage.y[unit], Cell(stage.name, (unit,))),
    )


def met_by(layer: Conv2D, stage: Stage, place: Weight) -> Factor:
    """Return the inputs that a weight of a convolution meets at each position of its filter, shape (Ho, Wo)."""
    _, k, r, c = place.index
    (top, _), (left, _) = stage.cache.padding
    rows, columns, _ = stage.y.shape
    stride = layer.stride
    met = stage.cache.padded[0, r::stride, c::stride, k][:rows, :columns]

    def pixel(index: Index) -> Cell | None:
        row, column = (n * stride + offset for n, offset in zip(index, (r - top, c - left), strict=True))
        height, width, _ = stage.x.shape
        return Cell(stage.before, (row, column, k)) if 0 <= row < height and 0 <= column < width else None

    return Factor(f"{stage.before}, channel {k}", met, pixel)


def input_of(stage: Stage, index: int) -> Factor:
    """Return one of the inputs of a dense layer."""
    return single(stage.before, stage.x[index], Cell(stage.before, (index,)))
