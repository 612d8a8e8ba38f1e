"""What every layer is: a set of fixed options and two pure functions, forward and backward."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

Shape = tuple[int, ...]
Arrays = Mapping[str, np.ndarray]


class Layer(Protocol):
    """One stage of a network.

    A layer holds options only. Parameters come in as arguments and whatever the way back needs goes out as
    ``cache``, so any number of callers can run the same layer at once and none disturbs another.

    Activations have shape (N, H, W, C), channels last, before ``Flatten`` and (N, D) after it.
    Shapes given to and returned by the shape functions leave out N.
    """

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape that an input of ``input_shape`` leads to; ValueError where it does not fit."""

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shape of each parameter, in PyTorch's order; empty where there is nothing to learn."""

    def initialize(self, input_shape: Shape, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return fresh parameters, float64."""

    def forward(self, x: np.ndarray, params: Arrays) -> tuple[np.ndarray, Any]:
        """Return the output and the cache for ``backward``."""

    def backward(self, dy: np.ndarray, cache: Any, params: Arrays) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Apply the chain rule.

        Given ``dy``, the gradient of the cost by the output, return its gradient by the input (shape of the input)
        and by each parameter (shapes of the parameters), summed over the N examples.
        """


class Unlearned:
    """A layer without parameters."""

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return nothing: there is nothing to learn."""
        return {}

    def initialize(self, input_shape: Shape, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return nothing: there is nothing to learn."""
        return {}


def require_image(layer: str, input_shape: Shape) -> None:
    """Raise ValueError unless ``input_shape`` is (H, W, C)."""
    if len(input_shape) != 3:
        raise ValueError(f"{layer} needs an input of (height, width, channels), got shape {input_shape}")


def window_positions(n: int, f: int, s: int) -> int:
    """Return how many positions a window of ``f`` takes on ``n`` cells at stride ``s``: (n - f) // s + 1."""
    return (n - f) // s + 1
