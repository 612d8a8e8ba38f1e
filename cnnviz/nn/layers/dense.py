"""The fully connected layer."""

from dataclasses import dataclass

import numpy as np

from cnnviz.nn.layers.layer import Arrays, Layer
from cnnviz.nn.shapes import Shape


@dataclass(frozen=True)
class Dense(Layer):
    """y = x W^T + b, every unit connected with every input.

    Attributes
    ----------
    units : int
        Number of outputs.
    bias : bool
        Whether b is there.
    initializer : str
        Name of the weights' initialiser; biases start at 0.

    Parameters (of ``forward``)
    ---------------------------
    weight : shape (units, inputs)
    bias : shape (units,)
    """

    units: int
    bias: bool = True
    initializer: str = "glorot"

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (units,)."""
        if len(input_shape) != 1:
            raise ValueError(f"Dense needs a vector, got shape {input_shape}; put Flatten before it")
        return (self.units,)

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shapes of weight and bias."""
        bias = {"bias": (self.units,)} if self.bias else {}
        return {"weight": (self.units, input_shape[0]), **bias}

    def multiply_adds(self, input_shape: Shape) -> int:
        """Return units * inputs."""
        return self.units * input_shape[0]

    def forward(self, x: np.ndarray, params: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """Return y, shape (N, units), for x of shape (N, inputs); the cache is x."""
        y = x @ params["weight"].T  # (N, inputs) @ (inputs, units)
        if self.bias:
            y += params["bias"]
        return y, x

    def input_gradient(self, dy: np.ndarray, cache: np.ndarray, params: Arrays) -> np.ndarray:
        """Return dx = dy W, shape (N, inputs)."""
        return dy @ params["weight"]

    def parameter_gradients(self, dy: np.ndarray, cache: np.ndarray, params: Arrays) -> dict[str, np.ndarray]:
        """Return dW = dy^T x, and db = sum of dy over the examples."""
        grads = {"weight": dy.T @ cache}  # (units, N) @ (N, inputs)
        if self.bias:
            grads["bias"] = dy.sum(axis=0)
        return grads
