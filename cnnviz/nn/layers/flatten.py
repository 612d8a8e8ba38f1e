"""From maps to one vector."""

from dataclasses import dataclass

import numpy as np

from cnnviz.nn.layers.layer import Arrays, Layer
from cnnviz.nn.shapes import Shape, require_image
from cnnviz.nn.workspace import FRESH, Workspace


@dataclass(frozen=True)
class Flatten(Layer):
    """Lay (N, H, W, C) maps out as (N, C*H*W) vectors, channel by channel.

    The order is that of PyTorch and of the published ``params.pkl``, so the weights behind it need no converting.
    """

    is_repeatable = True

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (C*H*W,)."""
        require_image("Flatten", input_shape)
        return (int(np.prod(input_shape)),)

    def forward(self, x: np.ndarray, params: Arrays, workspace: Workspace = FRESH) -> tuple[np.ndarray, Shape]:
        """Return the vectors; the cache is the shape to go back to."""
        n, height, width, channels = x.shape
        y = workspace.array("output", (n, channels, height, width), x.dtype)
        workspace.run(np.copyto, y, x.transpose(0, 3, 1, 2))
        return y.reshape(n, channels * height * width), x.shape

    def input_gradient(self, dy: np.ndarray, cache: Shape, params: Arrays, workspace: Workspace = FRESH) -> np.ndarray:
        """Return dy in the shape (N, H, W, C) of the maps."""
        n, height, width, channels = cache
        dx = workspace.array("dx", cache, dy.dtype)
        workspace.run(np.copyto, dx, dy.reshape(n, channels, height, width).transpose(0, 2, 3, 1))
        return dx
