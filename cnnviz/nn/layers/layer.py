"""What every layer is: a set of fixed options and two functions without a memory, forward and backward."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from cnnviz.nn.initializers import INITIALIZERS
from cnnviz.nn.shapes import Shape
from cnnviz.nn.workspace import FRESH, Workspace

Arrays = Mapping[str, np.ndarray]


class Layer(ABC):
    """One stage of a network.

    A layer holds options only. Parameters come in as arguments, whatever the way back needs goes out as ``cache``, and
    all arrays lie in the caller's ``workspace``; so any number of callers can run the same layer at once and none
    disturbs another.

    Activations have shape (N, H, W, C), channels last, before ``Flatten`` and (N, D) after it.
    Shapes given to and returned by the shape functions leave out N.

    Attributes
    ----------
    initializer : str
        Name of the weights' initialiser, in layers that have any.
    is_repeatable : bool
        Whether both directions do all their work by ``workspace.run``, so that it can be repeated from a list.
    needs_output : bool
        Whether the way back needs the output as it was, so that no other layer may write its own over it.
    """

    initializer: str
    is_repeatable: ClassVar[bool] = False
    needs_output: ClassVar[bool] = False

    @abstractmethod
    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape that an input of ``input_shape`` leads to; ValueError where it does not fit."""

    @abstractmethod
    def forward(self, x: np.ndarray, params: Arrays, workspace: Workspace = FRESH) -> tuple[np.ndarray, Any]:
        """Return the output and the cache for the way back."""

    @abstractmethod
    def input_gradient(self, dy: np.ndarray, cache: Any, params: Arrays, workspace: Workspace = FRESH) -> np.ndarray:
        """Return the gradient of the cost by the input, given ``dy``, that by the output (the chain rule)."""

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shape of each parameter, in PyTorch's order; empty where there is nothing to learn."""
        return {}

    def multiply_adds(self, input_shape: Shape) -> int:
        """Return how many products ``forward`` adds up for one example; 0 where it multiplies no matrices.

        Each of these products has an input and a weight as its factors. Each gradient takes one product for each of
        them again: that by the parameters output gradient times input, that by the input output gradient times weight.
        """
        return 0

    def initialize(self, input_shape: Shape, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return fresh parameters, float64: weights by the layer's ``initializer``, and biases of 0."""
        return {
            name: INITIALIZERS[self.initializer](shape, rng) if name == "weight" else np.zeros(shape)
            for name, shape in self.parameter_shapes(input_shape).items()
        }

    def parameter_gradients(self, dy: np.ndarray, cache: Any, gradients: Arrays, workspace: Workspace = FRESH) -> None:
        """Write the gradient by each parameter, summed over the N examples, into ``gradients``, given ``dy``."""
        return  # nothing to learn

    def backward(self, dy: np.ndarray, cache: Any, params: Arrays) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return the gradients by the input and by each parameter."""
        gradients = {name: np.empty_like(parameter) for name, parameter in params.items()}
        self.parameter_gradients(dy, cache, gradients)
        return self.input_gradient(dy, cache, params), gradients
