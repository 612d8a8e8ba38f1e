"""What an activation, a probability or the cost is made of."""

from dataclasses import replace

import numpy as np

from cnnviz.explain.layers import explained
from cnnviz.explain.places import INPUT, Cell, Place, Probability, Weight
from cnnviz.explain.stage import Stage, layer_behind
from cnnviz.explain.terms import Factor, Operation, Terms, nowhere, single
from cnnviz.nn.losses import exponentials
from cnnviz.training.snapshot import Snapshot


def forward_terms(snapshot: Snapshot, place: Place) -> Terms:
    """Return what the value at ``place``, which must exist, is made of; of a weight, what it is used for."""
    if isinstance(place, Weight):
        stage = Stage.of(snapshot, place.layer)
        return explained(stage.layer).uses(stage, place)
    if isinstance(place, Probability):
        return _probability(snapshot, place)
    if place.layer == INPUT:
        return _pixel(snapshot, place)
    stage = Stage.of(snapshot, place.layer)
    return replace(explained(stage.layer).output_terms(stage, place), goes_to=_activated(snapshot, place))


def _activated(snapshot: Snapshot, place: Cell) -> Factor | None:
    """Return what an activation makes of the number, where one comes next."""
    name = layer_behind(snapshot, place.layer)
    if name is None or not explained(snapshot.network.layers[name]).is_activation:
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
        shifted, shares = logits - logits.max(), exponentials(logits)
    return Terms(
        place,
        float(trace.probabilities[place.digit]),
        Operation.SOFTMAX,
        (
            Factor("logit", logits, lambda at: Cell(last, at)),
            Factor("less the largest", shifted, nowhere),
            Factor("exponential", shares, nowhere),
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
