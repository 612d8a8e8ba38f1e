"""The fully connected layer."""

from dataclasses import dataclass

import numpy as np

from cnnviz.nn.kernels import multiply
from cnnviz.nn.layers.layer import Arrays, Layer
from cnnviz.nn.shapes import Shape
from cnnviz.nn.workspace import FRESH, Workspace


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

    is_repeatable = True

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

    def forward(self, x: np.ndarray, params: Arrays, workspace: Workspace = FRESH) -> tuple[np.ndarray, np.ndarray]:
        """Return y, shape (N, units), for x of shape (N, inputs); the cache is x."""
        y = workspace.array("output", (len(x), self.units), x.dtype)
        multiply(x, params["weight"].T, y, workspace)  # (N, inputs) @ (inputs, units)
        if self.bias:
            workspace.run(np.add, y, params["bias"], out=y)
        return y, x

    def input_gradient(
        self, dy: np.ndarray, cache: np.ndarray, params: Arrays, workspace: Workspace = FRESH
    ) -> np.ndarray:
        """Return dx = dy W, shape (N, inputs)."""
        return multiply(dy, params["weight"], workspace.array("dx", cache.shape, dy.dtype), workspace)

    def parameter_gradients(
        self, dy: np.ndarray, cache: np.ndarray, gradients: Arrays, workspace: Workspace = FRESH
    ) -> None:
        """Write dW = dy^T x, and db = sum of dy over the examples."""
        # (units, N) @ (N, inputs); a single column times a row is no work for BLAS
        workspace.run(np.multiply if len(dy) == 1 else np.matmul, dy.T, cache, out=gradients["weight"])
        if self.bias:
            workspace.run(np.add.reduce, dy, axis=0, out=gradients["bias"])
