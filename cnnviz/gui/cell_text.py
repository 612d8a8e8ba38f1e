"""A number in words, for the status bar: where it is, what it is, and what it was made of."""

import math
from functools import singledispatch

import numpy as np

from cnnviz.explain.places import INPUT, Cell, Place, Probability, Weight, gradient_at, value_at
from cnnviz.gui.probabilities import percent
from cnnviz.gui.tiles import number
from cnnviz.nn import Conv2D, Dense, Layer, MaxPool2D, ReLU
from cnnviz.training.snapshot import Snapshot

_CLICK = "; click to see it written out"


def describe(snapshot: Snapshot, place: Place) -> str:
    """Return ``place`` with its value, the gradient of the probe's cost, and in short how the value came about."""
    if isinstance(place, Probability):
        logit = number(float(_logits(snapshot)[place.digit]))
        return f"{place}: {percent(value_at(snapshot, place), 2)} = softmax of the logit {logit}{_CLICK}"
    text = f"{place}: {number(value_at(snapshot, place))}   gradient {number(gradient_at(snapshot, place))}"
    if isinstance(place, Weight):
        return f"{text} (of the probe's cost){_CLICK}"
    if place.layer != INPUT:
        text += _origin(snapshot.network.layers[place.layer], snapshot, place)
    return text


def describe_with_batch(snapshot: Snapshot, place: Weight) -> str:
    """Return ``place`` with its value and the gradient of the mean cost of the latest batch, if there was one."""
    text = f"{place}: {number(value_at(snapshot, place))}"
    if snapshot.gradients is None:
        return text
    gradient = float(snapshot.gradients[place.layer][place.name][place.index])
    return f"{text}   gradient {number(gradient)} (mean of the batch){_CLICK}"


def _logits(snapshot: Snapshot) -> np.ndarray:
    return next(reversed(snapshot.trace.outputs.values()))


@singledispatch
def _origin(layer: Layer, snapshot: Snapshot, cell: Cell) -> str:
    """Return in short how ``layer`` came to the value of ``cell``; empty where there is nothing to tell."""
    return ""


@_origin.register
def _(layer: Conv2D, snapshot: Snapshot, cell: Cell) -> str:
    row, column, channel = cell.index
    height, width = layer.kernel
    top, left = row * layer.stride, column * layer.stride
    patch = snapshot.trace.caches[cell.layer].padded[0, top : top + height, left : left + width]  # (kh, kw, C)
    return _sum(snapshot, cell, np.moveaxis(patch, 2, 0), channel)


@_origin.register
def _(layer: Dense, snapshot: Snapshot, cell: Cell) -> str:
    return _sum(snapshot, cell, snapshot.trace.caches[cell.layer][0], cell.index[0])


@_origin.register
def _(layer: MaxPool2D, snapshot: Snapshot, cell: Cell) -> str:
    return f"   = the largest of {layer.size * layer.size}{_CLICK}"


@_origin.register
def _(layer: ReLU, snapshot: Snapshot, cell: Cell) -> str:
    names = [INPUT, *snapshot.trace.outputs]
    given = Cell(names[names.index(cell.layer) - 1], cell.index)
    return f"   = max({number(value_at(snapshot, given))}, 0){_CLICK}"


def _sum(snapshot: Snapshot, cell: Cell, factors: np.ndarray, output: int) -> str:
    """Return how many products of ``factors`` and the weights of an ``output`` were added up, their sum, the bias."""
    parameters = snapshot.parameters[cell.layer]
    with np.errstate(over="ignore", invalid="ignore"):  # of a network that is about to diverge
        products = float(np.sum(factors * parameters["weight"][output], dtype=np.float64))
    text = f"   = {math.prod(factors.shape):,} products {number(products)}"
    if "bias" in parameters:
        text += f" + bias {number(float(parameters['bias'][output]))}"
    return text + _CLICK
