"""What max pooling does with the gradient of many windows at once, under every tie policy."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from cnnviz.nn import TIES, ForwardPass, MaxPool2D, Parameters, softmax_cross_entropy
from cnnviz.training.snapshot import Snapshot, Trace

IMAGES_AT_A_TIME = 16  # of a batch; more take much memory
_ROUNDING = 8 * float(np.finfo(np.float32).eps)  # of all magnitudes: by how much sums may differ that agree
_NO_PARAMETERS = Parameters.zeros({})


@dataclass(frozen=True)
class Flow:
    """Gradients added up, those below and above zero apart, so that they do not hide each other.

    Attributes
    ----------
    below, above : float
        The sums of the negative and of the positive ones.
    """

    below: float
    above: float

    @classmethod
    def of(cls, gradients: np.ndarray) -> "Flow":
        """Return the flow of all ``gradients``."""
        return cls(*(float(part(gradients, 0).sum(dtype=np.float64)) for part in (np.minimum, np.maximum)))

    def __add__(self, other: "Flow") -> "Flow":
        return Flow(self.below + other.below, self.above + other.above)

    @property
    def total(self) -> float:
        """The sum."""
        return self.below + self.above

    @property
    def magnitude(self) -> float:
        """The sum of the magnitudes."""
        return self.above - self.below


@dataclass(frozen=True)
class Routing:
    """What some windows of a max pooling layer do with the gradients that arrive.

    Attributes
    ----------
    images, channels : int
        Whose windows are counted.
    windows, tied, silent : int
        How many there are; in which several cells hold the maximum; in which all cells are zero (these are tied too).
    arriving : Flow
        Of the gradients of the cost by the maxima.
    handed_out : dict of Flow
        Tie policy -> of what the windows hand to their cells.
    collected : dict of float
        Tie policy -> sum of the gradients by the cells, which collect from all windows that they are in.
    changed : dict of int, or None
        Tie policy -> windows with other winners than before; None where nothing is known of before.
    """

    images: int
    channels: int
    windows: int
    tied: int
    silent: int
    arriving: Flow
    handed_out: dict[str, Flow]
    collected: dict[str, float]
    changed: dict[str, int] | None = None

    def __add__(self, other: "Routing") -> "Routing":
        """Return the routing in other images of the same layer as well."""
        changed = None
        if self.changed is not None and other.changed is not None:
            changed = {ties: count + other.changed[ties] for ties, count in self.changed.items()}
        return Routing(
            self.images + other.images,
            self.channels,
            self.windows + other.windows,
            self.tied + other.tied,
            self.silent + other.silent,
            self.arriving + other.arriving,
            {ties: flow + other.handed_out[ties] for ties, flow in self.handed_out.items()},
            {ties: total + other.collected[ties] for ties, total in self.collected.items()},
            changed,
        )

    def ratio(self, ties: str) -> float:
        """Return how many times the magnitude of what arrives is handed out; NaN where nothing arrives.

        Of magnitudes, for among gradients of both signs the plain sums may differ by any factor.
        """
        arriving = self.arriving.magnitude
        return self.handed_out[ties].magnitude / arriving if arriving else math.nan

    def is_conserved(self, ties: str) -> bool:
        """Return whether the gradients by the cells sum up to what arrived, but for rounding."""
        return abs(self.arriving.total - self.collected[ties]) <= _ROUNDING * self.arriving.magnitude


class Passage(NamedTuple):
    """What a max pooling layer does to one image, all channels of it.

    Attributes
    ----------
    before : array, shape (H, W, C)
        What is pooled.
    maxima, arriving : array, shape (Ho, Wo, C)
        The maxima of the windows, and the gradients of the cost by them.
    handed_back : array, shape (H, W, C)
        The gradients of the cost by ``before``.
    """

    before: np.ndarray
    maxima: np.ndarray
    arriving: np.ndarray
    handed_back: np.ndarray

    @classmethod
    def of(cls, trace: Trace, layer: str) -> "Passage":
        """Take what ``layer`` does out of ``trace``."""
        return cls(
            trace.input_of(layer), trace.outputs[layer], trace.output_gradients[layer], trace.gradient_into(layer)
        )


def route(pool: MaxPool2D, x: np.ndarray, dy: np.ndarray, earlier: np.ndarray | None = None) -> Routing:
    """Return what ``pool`` does with the gradients ``dy`` (N, Ho, Wo, C) by its output, given x, shape (N, H, W, C).

    The tie policy of ``pool`` makes no difference. ``earlier`` is what it was given before, to find who has become a
    winner since.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a network about to diverge
        y, _ = pool.forward(x, {})
        largest = replace(pool, ties="all").shares(x, y)
        handed_out, collected = {}, {}
        for ties in TIES:
            layer = replace(pool, ties=ties)
            handed_out[ties] = Flow.of(dy * layer.shares(x, y).sum(axis=0, dtype=dy.dtype))
            collected[ties] = float(layer.input_gradient(dy, layer.forward(x, {})[1], {}).sum(dtype=np.float64))
        return Routing(
            images=len(x),
            channels=x.shape[3],
            windows=y.size,
            tied=int((largest.sum(axis=0) > 1).sum()),
            silent=int((largest.all(axis=0) & (y == 0)).sum()),
            arriving=Flow.of(dy),
            handed_out=handed_out,
            collected=collected,
            changed=None if earlier is None else _changed(pool, x, earlier),
        )


def _changed(pool: MaxPool2D, now: np.ndarray, earlier: np.ndarray) -> dict[str, int]:
    """Return, for each tie policy, in how many windows the cells that are handed gradient are others than earlier."""

    def winners(ties: str, x: np.ndarray) -> np.ndarray:
        return replace(pool, ties=ties).shares(x, pool.forward(x, {})[0]) > 0

    return {ties: int((winners(ties, now) != winners(ties, earlier)).any(axis=0).sum()) for ties in TIES}


def pooled_of_image(snapshot: Snapshot, layer: str, image: np.ndarray) -> np.ndarray:
    """Return what ``layer`` is given, shape (H, W, C), when the network of ``snapshot`` sees ``image`` (28, 28)."""
    if np.array_equal(image, snapshot.trace.probe.image):
        return snapshot.trace.input_of(layer)
    return _input_of(layer, _forward(snapshot, image[np.newaxis]))[0]


def passage_in_batch(snapshot: Snapshot, layer: str, index: int) -> Passage:
    """Return what the max pooling ``layer`` does to one image of the newest training batch.

    The gradients are those of the batch's mean cost, by the parameters as they are now.
    """
    forward, arriving = _there_and_back(snapshot, layer, slice(index, index + 1))
    with np.errstate(over="ignore", invalid="ignore"):
        handed_back = snapshot.network.layers[layer].input_gradient(arriving, forward.caches[layer], {})
    return Passage(_input_of(layer, forward)[0], forward.outputs[layer][0], arriving[0], handed_back[0])


def route_batch(snapshot: Snapshot, layer: str, earlier: Snapshot | None = None) -> Iterator[Routing]:
    """Yield what the max pooling ``layer`` does in the newest training batch: a few images, then more, at last all.

    The gradients are those of the batch's mean cost, by the parameters as they are now. New winners are those that the
    parameters of ``earlier``, a snapshot of the same run, did not find in the same images.
    """
    routing: Routing | None = None
    for start in range(0, len(snapshot.batch.labels), IMAGES_AT_A_TIME):
        few = slice(start, start + IMAGES_AT_A_TIME)
        forward, arriving = _there_and_back(snapshot, layer, few)
        before = None if earlier is None else _input_of(layer, _forward(earlier, snapshot.batch.images[few]))
        part = route(snapshot.network.layers[layer], _input_of(layer, forward), arriving, before)
        routing = part if routing is None else routing + part
        yield routing


def _there_and_back(snapshot: Snapshot, layer: str, few: slice) -> tuple[ForwardPass, np.ndarray]:
    """Run a few images of the batch forwards, and their shares of the mean cost back to the output of ``layer``."""
    images, labels, _ = snapshot.batch
    forward = _forward(snapshot, images[few])
    with np.errstate(over="ignore", invalid="ignore"):
        scores = softmax_cross_entropy(forward.logits, labels[few], len(labels))
        backward = snapshot.network.backward(
            scores.gradient, forward, snapshot.parameters, _NO_PARAMETERS, down_to=layer
        )
    return forward, backward.outputs[layer]


def _forward(snapshot: Snapshot, images: np.ndarray) -> ForwardPass:
    with np.errstate(over="ignore", invalid="ignore"):
        return snapshot.network.forward(snapshot.normalization.apply(images), snapshot.parameters)


def _input_of(layer: str, forward: ForwardPass) -> np.ndarray:
    """Return what ``layer`` was given, shape (N, H, W, C)."""
    names = list(forward.outputs)
    index = names.index(layer)
    return forward.outputs[names[index - 1]] if index else forward.inputs
