"""From maps to one vector."""

from dataclasses import dataclass

import numpy as np

from cnnviz.nn.layers.layer import Arrays, Layer
from cnnviz.nn.shapes import Shape, require_image


@dataclass(frozen=True)
class Flatten(Layer):
    """Lay (N, H, W, C) maps out as (N, C*H*W) vectors, channel by channel.

    The order is that of PyTorch and of the published ``params.pkl``, so the weights behind it need no converting.
    """

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (C*H*W,)."""
        require_image("Flatten", input_shape)
        return (int(np.prod(input_shape)),)

    def forward(self, x: np.ndarray, params: Arrays) -> tuple[np.ndarray, Shape]:
        """Return the vectors; the cache is the shape to go back to."""
        return x.transpose(0, 3, 1, 2).reshape(len(x), *self.output_shape(x.shape[1:])), x.shape

    def input_gradient(self, dy: np.ndarray, cache: Shape, params: Arrays) -> np.ndarray:
        """Return dy in the shape (N, H, W, C) of the maps."""
        n, height, width, channels = cache
        return np.ascontiguousarray(dy.reshape(n, channels, height, width).transpose(0, 2, 3, 1))
