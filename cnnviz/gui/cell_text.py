"""A number in words, for the status bar: where it is, what it is, and what it was made of."""

import numpy as np

from cnnviz.explain.forwards import forward_terms
from cnnviz.explain.places import Place, Probability, Weight, gradient_at, value_at
from cnnviz.explain.terms import Operation, Terms
from cnnviz.gui.probabilities import percent
from cnnviz.gui.tiles import number
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
    return text + _origin(forward_terms(snapshot, place))


def describe_with_batch(snapshot: Snapshot, place: Weight) -> str:
    """Return ``place`` with its value and the gradient of the mean cost of the latest batch, if there was one."""
    text = f"{place}: {number(value_at(snapshot, place))}"
    if snapshot.gradients is None:
        return text
    gradient = float(snapshot.gradients[place.layer][place.name][place.index])
    return f"{text}   gradient {number(gradient)} (mean of the batch){_CLICK}"


def _logits(snapshot: Snapshot) -> np.ndarray:
    return next(reversed(snapshot.trace.outputs.values()))


def _origin(terms: Terms) -> str:
    """Return in short how a value came about; empty where there is nothing to tell."""
    if terms.operation is Operation.SUM and len(terms.factors) > 1:  # else it was only handed on
        with np.errstate(over="ignore", invalid="ignore"):  # of a network that is about to diverge
            products = float(terms.products.sum())
        bias = "" if terms.constant is None else f" + bias {number(terms.constant_value)}"
        return f"   = {terms.products.size:,} products {number(products)}{bias}{_CLICK}"
    if terms.operation is Operation.MAXIMUM:
        if terms.constant is None:
            return f"   = the largest of {terms.products.size}{_CLICK}"
        return f"   = max({number(float(terms.products.item()))}, {number(terms.constant_value)}){_CLICK}"
    return ""
