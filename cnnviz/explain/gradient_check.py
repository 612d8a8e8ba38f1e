"""The gradient of one number, checked by nudging that number: finite differences beside backpropagation."""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from cnnviz.explain.places import Weight, gradient_at, value_at
from cnnviz.explain.what_if import NudgePlace
from cnnviz.nn import ForwardPass, MaxPool2D, Network, Parameters, ReLU, softmax_cross_entropy
from cnnviz.nn.gradient_check import central_difference, relative_error
from cnnviz.training.snapshot import Snapshot

WIDTHS = tuple(10.0**-k for k in range(1, 11))
"""Step widths h from 0.1 to 1e-10: over long ones the cost bends, over short ones rounding is all that is left."""


class Difference(NamedTuple):
    """What a central difference of one width says.

    Attributes
    ----------
    width : float
        The step width h.
    slope : float
        (cost(value + h) - cost(value - h)) / 2h, in double precision.
    error : float
        Relative error of the engine's gradient, in single precision, against it: |a - b| / (|a| + |b|).
    exact_error : float
        The same of the gradient in double precision.
    relus, windows : int
        How many ReLUs change sign, and in how many pooling windows another cell wins, between value - h and value + h.
    """

    width: float
    slope: float
    error: float
    exact_error: float
    relus: int
    windows: int

    @property
    def has_kink(self) -> bool:
        """Whether the cost has a kink between value - h and value + h, across which no difference can be trusted."""
        return self.relus + self.windows > 0


class GradientCheck:
    """The gradient of the probe's cost by one number of ``snapshot``, a parameter or a pixel of the input.

    The cost as a function of that number is reckoned in double precision. Where the number is a parameter, the layers
    before its own are gone through once, and only the others for each difference.

    Attributes
    ----------
    place : Weight or Cell
    value : float
        The number, in the middle of all differences.
    backprop : float
        Its gradient as the engine has it, in single precision.
    """

    def __init__(self, snapshot: Snapshot, place: NudgePlace) -> None:
        self.place = place
        self.value = value_at(snapshot, place)
        self.backprop = gradient_at(snapshot, place)
        self._target = snapshot.trace.target
        self._network = snapshot.network
        self._parameters = snapshot.parameters.copy(np.float64)
        with np.errstate(all="ignore"):  # a network that has diverged; also below
            inputs = snapshot.trace.inputs[np.newaxis].astype(np.float64)
            self._forward = self._network.forward(inputs, self._parameters)
        self._rest = self._layers_behind()
        self._varied: ForwardPass | None = None  # through these, the latest

    @cached_property
    def exact(self) -> float:
        """The gradient, backpropagated once more in double precision."""
        place, gradients = self.place, Parameters.zeros(self._network.parameter_shapes, np.float64)
        with np.errstate(all="ignore"):
            scores = softmax_cross_entropy(self._forward.logits, np.array([self._target]))
            backward = self._network.backward(scores.gradient, self._forward, self._parameters, gradients)
        array = gradients[place.layer][place.name] if isinstance(place, Weight) else backward.inputs[0]
        return float(array[place.index])

    def difference(self, width: float) -> Difference:
        """Return the central difference of that width, and what speaks for it and against it."""
        with np.errstate(all="ignore"):
            slope = central_difference(self.costs, self.value, width)
            errors = (
                relative_error(np.array([gradient]), np.array([slope])) for gradient in (self.backprop, self.exact)
            )
            return Difference(width, slope, *errors, *self._kinks())

    def costs(self, values: np.ndarray) -> np.ndarray:
        """Return the cost with each of ``values`` as the number, shape (n,)."""
        given = self._outputs(values) if isinstance(self.place, Weight) else self._images(values)
        self._varied = self._rest.forward(given, self._parameters)
        logits = self._varied.logits if self._rest.layers else given
        return softmax_cross_entropy(logits, np.full(len(values), self._target)).per_example

    def _kinks(self) -> tuple[int, int]:
        """Return how many ReLUs and windows differ between the latest two values."""
        relus = windows = 0
        for name, layer in self._rest.layers.items():
            if isinstance(layer, ReLU):
                above, below = self._varied.outputs[name] > 0
                relus += np.count_nonzero(above != below)
            elif isinstance(layer, MaxPool2D):
                cache = self._varied.caches[name]
                above, below = np.moveaxis(layer.shares(cache.x, cache.y), 1, 0)  # (size * size, Ho, Wo, C) each
                windows += np.count_nonzero((above != below).any(axis=0))
        return int(relus), int(windows)

    def _layers_behind(self) -> Network:
        """Return the layers that see other things with other values, from the first that sees them all at once."""
        if not isinstance(self.place, Weight):
            return self._network
        names = list(self._network.layers)
        behind = names[names.index(self.place.layer) + 1 :]
        layers = {name: self._network.layers[name] for name in behind}
        return Network("behind", layers, self._network.output_shapes[self.place.layer])

    def _outputs(self, values: np.ndarray) -> np.ndarray:
        """Return what the layer of a parameter hands on with each of ``values``, shape (n, ...)."""
        names, place = list(self._network.layers), self.place
        layer, before = self._network.layers[place.layer], names.index(place.layer) - 1
        x = self._forward.outputs[names[before]] if before >= 0 else self._forward.inputs
        tensors = self._parameters[place.layer]
        outputs = []
        for value in values:
            tensors[place.name][place.index] = value
            outputs.append(layer.forward(x, tensors)[0])
        tensors[place.name][place.index] = self.value
        return np.concatenate(outputs)

    def _images(self, values: np.ndarray) -> np.ndarray:
        """Return the input with each of ``values`` as its pixel, shape (n, 28, 28, 1)."""
        images = np.repeat(self._forward.inputs, len(values), axis=0)
        images[:, *self.place.index] = values
        return images
