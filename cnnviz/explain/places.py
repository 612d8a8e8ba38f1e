"""Which of a snapshot's numbers is meant."""

from dataclasses import dataclass

import numpy as np

from cnnviz.training.snapshot import Snapshot

INPUT = "input"  # stands for a layer: what the network is given


@dataclass(frozen=True)
class Cell:
    """A number that a layer hands on, or a pixel of the normalised image.

    Attributes
    ----------
    layer : str
        Name of the layer, or ``INPUT``.
    index : tuple of int
        (row, column, channel), or (unit,) behind ``Flatten``.
    """

    layer: str
    index: tuple[int, ...]

    def __str__(self) -> str:
        """Return such as "conv2, channel 3, (12, 7)"."""
        if len(self.index) == 1:
            return f"{self.layer}, unit {self.index[0]}"
        row, column, channel = self.index
        place = f"({row}, {column})"
        return f"{self.layer}, {place}" if self.layer == INPUT else f"{self.layer}, channel {channel}, {place}"


@dataclass(frozen=True)
class Weight:
    """A number that is learnt.

    Attributes
    ----------
    layer, name : str
        As in ``Parameters``, such as "conv1" and "bias".
    index : tuple of int
        (filter, channel, row, column) or (unit, input) of a weight, (filter or unit,) of a bias.
    """

    layer: str
    name: str
    index: tuple[int, ...]

    def __str__(self) -> str:
        """Return such as "conv2, filter 3, channel 1, (0, 4)" or "conv2, bias 3"."""
        if len(self.index) == 4:
            filter_, channel, row, column = self.index
            return f"{self.layer}, filter {filter_}, channel {channel}, ({row}, {column})"
        if len(self.index) == 2:
            return f"{self.layer}, weight of input {self.index[1]} for unit {self.index[0]}"
        return f"{self.layer}, {self.name} {self.index[0]}"


@dataclass(frozen=True)
class Probability:
    """How likely the network takes the probe for ``digit``."""

    digit: int

    def __str__(self) -> str:
        """Return such as "probability of 7"."""
        return f"probability of {self.digit}"


Place = Cell | Weight | Probability


def exists(snapshot: Snapshot, place: Place) -> bool:
    """Return whether the network of ``snapshot`` has such a number; one chosen in another network may be gone."""
    if isinstance(place, Probability):
        return 0 <= place.digit < len(snapshot.trace.probabilities)
    if isinstance(place, Weight):
        array = snapshot.parameters.flat().get(f"{place.layer}/{place.name}")
    else:
        array = snapshot.trace.inputs if place.layer == INPUT else snapshot.trace.outputs.get(place.layer)
    if array is None or len(place.index) != array.ndim:
        return False
    return all(0 <= i < n for i, n in zip(place.index, array.shape, strict=True))


def values_of(snapshot: Snapshot, place: Place) -> np.ndarray:
    """Return the engine's array in which ``place`` is a number."""
    trace = snapshot.trace
    if isinstance(place, Probability):
        return trace.probabilities
    if isinstance(place, Weight):
        return snapshot.parameters[place.layer][place.name]
    return trace.inputs if place.layer == INPUT else trace.outputs[place.layer]


def gradients_of(snapshot: Snapshot, place: Cell | Weight) -> np.ndarray:
    """Return the gradients of the probe's cost by all numbers of the array in which ``place`` is one."""
    trace = snapshot.trace
    if isinstance(place, Weight):
        return trace.parameter_gradients[place.layer][place.name]
    return trace.input_gradient if place.layer == INPUT else trace.output_gradients[place.layer]


def value_at(snapshot: Snapshot, place: Place) -> float:
    """Return the number at ``place``."""
    index = (place.digit,) if isinstance(place, Probability) else place.index
    return float(values_of(snapshot, place)[index])


def gradient_at(snapshot: Snapshot, place: Cell | Weight) -> float:
    """Return the gradient of the probe's cost by the number at ``place``."""
    return float(gradients_of(snapshot, place)[place.index])
