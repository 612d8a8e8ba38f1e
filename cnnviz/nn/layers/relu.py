"""The rectified linear unit."""

from dataclasses import dataclass

import numpy as np

from cnnviz.nn.layers.layer import Arrays, Layer
from cnnviz.nn.shapes import Shape
from cnnviz.nn.workspace import FRESH, Workspace


@dataclass(frozen=True)
class ReLU(Layer):
    """y = max(x, 0); the gradient passes where x > 0 and stops where x <= 0."""

    is_repeatable = True

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return ``input_shape``: each cell is treated by itself."""
        return input_shape

    def forward(self, x: np.ndarray, params: Arrays, workspace: Workspace = FRESH) -> tuple[np.ndarray, np.ndarray]:
        """Return max(x, 0), which is also all that the way back needs."""
        y = workspace.run(np.maximum, x, 0, out=workspace.over(x, "output"))
        return y, y

    def input_gradient(
        self, dy: np.ndarray, cache: np.ndarray, params: Arrays, workspace: Workspace = FRESH
    ) -> np.ndarray:
        """Return dy where the output was positive, 0 elsewhere."""
        active = workspace.run(np.greater, cache, 0, out=workspace.array("active", cache.shape, np.bool_))
        return workspace.run(np.multiply, dy, active, out=workspace.over(dy, "dx"))
