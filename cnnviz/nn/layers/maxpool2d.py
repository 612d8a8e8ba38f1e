"""Max pooling, and the way of the gradient back through it."""

from dataclasses import dataclass
from functools import reduce
from typing import Literal, NamedTuple

import numpy as np

from cnnviz.nn.layers.layer import Arrays, Layer
from cnnviz.nn.shapes import Shape, require_image, window_positions

TIES = ("first", "all", "split")


class Routing(NamedTuple):
    """Which cells of each window won.

    Attributes
    ----------
    input_shape : tuple of int
        Shape (N, H, W, C) of what was pooled.
    shares : array, shape (size*size, N, Ho, Wo, C)
        The share of the window's gradient that each of its cells is handed, window cells row by row.
    """

    input_shape: Shape
    shares: np.ndarray


@dataclass(frozen=True)
class MaxPool2D(Layer):
    """The largest value of each window.

    Attributes
    ----------
    size, stride : int
        Height and width of the window, and how far it moves; cells that no whole window covers are left out.
    ties : {"first", "all", "split"}
        Who gets the gradient when several cells of a window hold its maximum: the first of them, row by row
        (Escontrela; PyTorch), every one of them in full (Zhou, section 4), or all of them in equal parts, each a
        valid subgradient except "all", which hands out more than came in.
    """

    size: int = 2
    stride: int = 2
    ties: Literal["first", "all", "split"] = "first"

    def __post_init__(self) -> None:
        """Refuse options outside their range."""
        if self.size < 1 or self.stride < 1:
            raise ValueError(f"MaxPool2D needs size and stride of 1 or more, got {self.size} and {self.stride}")
        if self.ties not in TIES:
            raise ValueError(f"MaxPool2D knows the tie policies {', '.join(TIES)}, got {self.ties!r}")

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (Ho, Wo, C) with Ho = (H - size) // stride + 1."""
        require_image("MaxPool2D", input_shape)
        height, width, channels = input_shape
        if self.size > min(height, width):
            raise ValueError(f"MaxPool2D: a window of {self.size} does not fit into an input of {height}x{width}")
        return (
            window_positions(height, self.size, self.stride),
            window_positions(width, self.size, self.stride),
            channels,
        )

    def forward(self, x: np.ndarray, params: Arrays) -> tuple[np.ndarray, Routing]:
        """Return the maxima, shape (N, Ho, Wo, C), and how the gradient will be routed."""
        cells = [x[window] for window in self._cells(x.shape)]
        y = reduce(np.maximum, cells)
        return y, Routing(x.shape, self._shares(np.stack([cell == y for cell in cells]), x.dtype))

    def input_gradient(self, dy: np.ndarray, cache: Routing, params: Arrays) -> np.ndarray:
        """Hand each window's gradient to its winner; a cell in several windows collects from each."""
        dx = np.zeros(cache.input_shape, dy.dtype)
        for window, share in zip(self._cells(cache.input_shape), cache.shares, strict=True):
            dx[window] += dy * share
        return dx

    def _cells(self, input_shape: Shape) -> list[tuple[slice, ...]]:
        """Return, for each cell of a window row by row, where that cell lies in all windows at once."""
        _, height, width, _ = input_shape
        rows, columns = (window_positions(n, self.size, self.stride) for n in (height, width))
        return [
            (
                slice(None),
                slice(i, i + (rows - 1) * self.stride + 1, self.stride),
                slice(j, j + (columns - 1) * self.stride + 1, self.stride),
            )
            for i in range(self.size)
            for j in range(self.size)
        ]

    def _shares(self, is_maximum: np.ndarray, dtype: np.dtype) -> np.ndarray:
        if self.ties == "all":
            return is_maximum
        if self.ties == "split":
            return is_maximum / is_maximum.sum(axis=0, dtype=dtype)
        shares = is_maximum.copy()
        taken = is_maximum[0].copy()
        for share in shares[1:]:
            share &= ~taken
            taken |= share
        return shares
