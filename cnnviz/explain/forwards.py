"""What an activation, a probability or the cost is made of."""

from dataclasses import replace
from functools import singledispatch

import numpy as np

from cnnviz.explain.places import INPUT, Cell, Place, Probability, Weight
from cnnviz.explain.stage import Stage, layer_behind
from cnnviz.explain.terms import Factor, Index, Operation, Terms, nowhere, single
from cnnviz.explain.uses import uses_of
from cnnviz.nn import Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D, ReLU
from cnnviz.training.snapshot import Snapshot


def forward_terms(snapshot: Snapshot, place: Place) -> Terms:
    """Return what the value at ``place``, which must exist, is made of; of a weight, what it is used for."""
    if isinstance(place, Weight):
        return uses_of(snapshot, place)
    if isinstance(place, Probability):
        return _probability(snapshot, place)
    if place.layer == INPUT:
        return _pixel(snapshot, place)
    stage = Stage.of(snapshot, place.layer)
    return replace(_terms(stage.layer, stage, place), goes_to=_rectified(snapshot, place))


@singledispatch
def _terms(layer: Layer, stage: Stage, place: Cell) -> Terms:
    """Return what ``layer`` made the value at ``place`` of."""
    raise NotImplementedError(f"no terms are known for the output of {type(layer).__name__}: register them here")


@_terms.register
def _(layer: Conv2D, stage: Stage, place: Cell) -> Terms:
    (i, j, f), (kh, kw) = place.index, layer.kernel
    (top, _), (left, _) = stage.cache.padding
    row, column = i * layer.stride, j * layer.stride
    patch = stage.cache.padded[0, row : row + kh, column : column + kw].transpose(2, 0, 1)

    def pixel(index: Index) -> Cell | None:
        k, r, c = index
        at = (row + r - top, column + c - left, k)
        return Cell(stage.before, at) if all(0 <= n < size for n, size in zip(at, stage.x.shape, strict=True)) else None

    weights = Factor(f"filter {f}", stage.parameters["weight"][f], lambda at: Weight(stage.name, "weight", (f, *at)))
    return Terms(
        place,
        float(stage.y[place.index]),
        Operation.SUM,
        (Factor(stage.before, patch, pixel), weights),
        f"{patch.size} products, patch × filter{', and the bias' if layer.bias else ''}, added up",
        _bias(stage, f),
    )


@_terms.register
def _(layer: Dense, stage: Stage, place: Cell) -> Terms:
    (unit,) = place.index
    weights = stage.parameters["weight"][unit]
    return Terms(
        place,
        float(stage.y[unit]),
        Operation.SUM,
        (
            Factor(stage.before, stage.x, lambda at: Cell(stage.before, at)),
            Factor("weight", weights, lambda at: Weight(stage.name, "weight", (unit, *at))),
        ),
        f"{weights.size:,} products, input × weight{', and the bias' if layer.bias else ''}, added up",
        _bias(stage, unit),
    )


@_terms.register
def _(layer: ReLU, stage: Stage, place: Cell) -> Terms:
    x = single(stage.before, stage.x[place.index], Cell(stage.before, place.index))
    return Terms(
        place,
        float(stage.y[place.index]),
        Operation.MAXIMUM,
        (x,),
        "max(x, 0): what is below zero becomes zero",
        single("zero", 0.0),
    )


@_terms.register
def _(layer: MaxPool2D, stage: Stage, place: Cell) -> Terms:
    i, j, k = place.index
    row, column = i * layer.stride, j * layer.stride
    window = stage.x[np.newaxis, row : row + layer.size, column : column + layer.size, k]
    cells = Factor(stage.before, window, lambda at: Cell(stage.before, (row + at[1], column + at[2], k)))
    return Terms(
        place,
        float(stage.y[place.index]),
        Operation.MAXIMUM,
        (cells,),
        f"the largest of {window.size} in its window: {_winners(window[0] == stage.y[place.index], row, column)}",
    )


def _winners(is_largest: np.ndarray, row: int, column: int) -> str:
    """Return which cells of a window whose corner is at (row, column) hold its maximum, in words."""
    cells = [f"({row + int(i)}, {column + int(j)})" for i, j in np.argwhere(is_largest)]
    return " and ".join(cells) if len(cells) in (1, 2) else f"{len(cells)} of them are tied" if cells else "none is"


@_terms.register
def _(layer: Flatten, stage: Stage, place: Cell) -> Terms:
    at = _flattened_from(stage.x.shape, place.index[0])
    return _copy(stage, place, at, "the same number: channel by channel, row by row, all are laid out in one line")


@_terms.register
def _(layer: Dropout, stage: Stage, place: Cell) -> Terms:
    return _copy(stage, place, place.index, "the same number: only in training are some dropped")


def _flattened_from(shape: tuple[int, ...], unit: int) -> Index:
    """Return (row, column, channel) of what ``Flatten`` made ``unit`` of, in maps of ``shape`` (H, W, C)."""
    height, width, channels = shape
    channel, row, column = np.unravel_index(unit, (channels, height, width))
    return int(row), int(column), int(channel)


def _copy(stage: Stage, place: Cell, at: Index, sentence: str) -> Terms:
    x = single(stage.before, stage.x[at], Cell(stage.before, at))
    return Terms(place, float(stage.y[place.index]), Operation.SUM, (x,), sentence)


def _bias(stage: Stage, unit: int) -> Factor | None:
    bias = stage.parameters.get("bias")
    return None if bias is None else single("bias", bias[unit], Weight(stage.name, "bias", (unit,)))


def _rectified(snapshot: Snapshot, place: Cell) -> Factor | None:
    """Return what ReLU makes of the number, where it comes next."""
    name = layer_behind(snapshot, place.layer)
    if name is None or not isinstance(snapshot.network.layers[name], ReLU):
        return None
    return single(name, snapshot.trace.outputs[name][place.index], Cell(name, place.index))


def _pixel(snapshot: Snapshot, place: Cell) -> Terms:
    row, column, _ = place.index
    normalization = snapshot.normalization
    return Terms(
        place,
        float(snapshot.trace.inputs[place.index]),
        Operation.SCALING,
        (
            single("grey level", float(snapshot.trace.probe.image[row, column])),
            single("mean", normalization.mean),
            single("deviation", normalization.std),
        ),
        "the pixel's grey level, less the mean of all images, in units of their standard deviation",
    )


def _probability(snapshot: Snapshot, place: Probability) -> Terms:
    trace = snapshot.trace
    last, logits = next(reversed(trace.outputs.items()))
    with np.errstate(invalid="ignore"):
        shifted = logits - logits.max()
    return Terms(
        place,
        float(trace.probabilities[place.digit]),
        Operation.SOFTMAX,
        (
            Factor("logit", logits, lambda at: Cell(last, at)),
            Factor("less the largest", shifted, nowhere),
            Factor("exponential", np.exp(shifted), nowhere),
            Factor("probability", trace.probabilities, lambda at: Probability(at[0])),
        ),
        "the exponential of its logit, divided by the sum of all ten; the largest logit is taken off first",
        chosen=place.digit,
    )


def cost_terms(snapshot: Snapshot) -> Terms:
    """Return what the probe's cost, -log p[target], is made of, as the engine reckons it: never the log of zero."""
    trace = snapshot.trace
    softmax = _probability(snapshot, Probability(trace.target))
    _, shifted, exponentials, _ = softmax.factors
    return Terms(
        softmax.place,
        trace.loss,
        Operation.SUM,
        (single("largest \u2212 logit", -shifted.values[trace.target]),),
        "minus the log of the probability of what it is",
        single("log of the sum", np.log(exponentials.values.sum(dtype=np.float64))),
    )
