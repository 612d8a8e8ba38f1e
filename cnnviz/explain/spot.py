"""Where a layer stands in a snippet: how it is called there, and what goes in and comes out."""

from dataclasses import dataclass
from typing import Any

from cnnviz.nn.shapes import Shape


@dataclass(frozen=True)
class Spot:
    """Where a layer stands in the snippet.

    Attributes
    ----------
    name : str
        Of the layer, and of the variable that holds what it hands on.
    source : str
        Name of the variable that holds what it is given.
    given, made : tuple of int
        Shapes of both.
    cache : object
        What the layer's own way back used.
    needed : tuple of slice
        That part of the gradient by what the layer is given which the number depends on.
    """

    name: str
    source: str
    given: Shape
    made: Shape
    cache: Any
    needed: tuple[slice, ...] = ()

    @property
    def gradient(self) -> str:
        """Name of the gradient of the cost by what the layer hands on."""
        return gradient_name(self.name)

    @property
    def source_gradient(self) -> str:
        """Name of the gradient of the cost by what the layer is given."""
        return gradient_name(self.source)

    def parameter(self, name: str) -> str:
        """Return how one of the layer's parameters is written."""
        return f'parameters["{self.name}/{name}"]'


def gradient_name(variable: str) -> str:
    """Return what the gradient of the cost by ``variable`` is called."""
    return f"{variable}_gradient"
