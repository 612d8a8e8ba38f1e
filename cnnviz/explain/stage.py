"""One layer of a snapshot, with all that went into it and came out, on either way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnviz.explain.places import INPUT, Cell, Weight
from cnnviz.explain.terms import Factor, Index, single
from cnnviz.nn import Layer
from cnnviz.training.snapshot import Snapshot


@dataclass(frozen=True, eq=False)
class Stage:
    """A layer at work on the probe.

    Attributes
    ----------
    name : str
    layer : Layer
    before : str
        Name of the layer whose output it is given, or ``INPUT``.
    x, y : array
        What goes in and what comes out.
    dy : array
        Gradient of the cost by ``y``.
    parameters : mapping of array
    cache : object
        What the way back used, for a batch of one.
    """

    name: str
    layer: Layer
    before: str
    x: np.ndarray
    y: np.ndarray
    dy: np.ndarray
    parameters: Mapping[str, np.ndarray]
    cache: Any

    @classmethod
    def of(cls, snapshot: Snapshot, name: str) -> "Stage":
        """Return the layer ``name`` of ``snapshot``."""
        trace, names = snapshot.trace, list(snapshot.network.layers)
        index = names.index(name)
        return cls(
            name,
            snapshot.network.layers[name],
            names[index - 1] if index else INPUT,
            trace.input_of(name),
            trace.outputs[name],
            trace.output_gradients[name],
            snapshot.parameters.get(name, {}),
            trace.caches[name],
        )

    def input_at(self, index: Index) -> Factor:
        """Return the input at ``index`` as a factor."""
        return single(self.before, self.x[index], Cell(self.before, index))

    def gradient_at(self, index: Index) -> Factor:
        """Return the gradient by the output at ``index`` as a factor."""
        return single(f"gradient by {self.name}", self.dy[index], Cell(self.name, index))

    def bias_of(self, unit: int) -> Factor | None:
        """Return the bias of a unit or filter as a factor; None where the layer has none."""
        bias = self.parameters.get("bias")
        return None if bias is None else single("bias", bias[unit], Weight(self.name, "bias", (unit,)))


def layer_behind(snapshot: Snapshot, name: str) -> str | None:
    """Return the layer that is given the output of ``name``, which may be ``INPUT``; None behind the last one."""
    names = [INPUT, *snapshot.network.layers]
    index = names.index(name) + 1
    return names[index] if index < len(names) else None
