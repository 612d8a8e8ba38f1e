"""Max pooling, and the way of the gradient back through it."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from cnnviz.nn.kernels import max_pool_2x2, unpool_2x2
from cnnviz.nn.layers.layer import Arrays, Layer
from cnnviz.nn.shapes import Shape, require_image, window_positions
from cnnviz.nn.workspace import FRESH, Workspace

TIES = ("first", "all", "split")


class Pooled(NamedTuple):
    """What the way back needs.

    Attributes
    ----------
    x : array, shape (N, H, W, C)
        What was pooled.
    y : array, shape (N, Ho, Wo, C)
        The maxima.
    larger : array, shape (N, 2*Ho, Wo, C), or None
        Halfway there, on the fast path: see ``max_pool_2x2``.
    """

    x: np.ndarray
    y: np.ndarray
    larger: np.ndarray | None


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

    @property
    def is_repeatable(self) -> bool:
        """True on the fast path."""
        return self._is_fast

    @property
    def needs_output(self) -> bool:
        """True but for the fast path: the cells of a window are compared with its maximum once more."""
        return not self._is_fast

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

    def forward(self, x: np.ndarray, params: Arrays, workspace: Workspace = FRESH) -> tuple[np.ndarray, Pooled]:
        """Return the maxima, shape (N, Ho, Wo, C)."""
        if self._is_fast:
            y, larger = max_pool_2x2(x, workspace)
            return y, Pooled(x, y, larger)
        first, *others = self._cells(x.shape)
        y = workspace.array("output", (len(x), *self.output_shape(x.shape[1:])), x.dtype)
        np.copyto(y, x[first])
        for cell in others:
            np.maximum(y, x[cell], out=y)
        return y, Pooled(x, y, None)

    def input_gradient(self, dy: np.ndarray, cache: Pooled, params: Arrays, workspace: Workspace = FRESH) -> np.ndarray:
        """Hand each window's gradient to its winner; a cell in several windows collects from each."""
        if cache.larger is not None:
            return unpool_2x2(dy, cache.x, cache.larger, workspace)
        dx = workspace.array("dx", cache.x.shape, dy.dtype)
        dx.fill(0)
        for cell, share in zip(self._cells(cache.x.shape), self.shares(cache.x, cache.y), strict=True):
            dx[cell] += dy * share
        return dx

    def shares(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the share of its window's gradient that each cell is handed: shape (size*size, N, Ho, Wo, C).

        The cells of a window stand row by row; ``y`` is what x was pooled to.
        """
        is_maximum = np.stack([x[cell] == y for cell in self._cells(x.shape)])
        if self.ties == "all":
            return is_maximum
        if self.ties == "split":
            return is_maximum / is_maximum.sum(axis=0, dtype=x.dtype)
        taken = is_maximum[0].copy()
        for share in is_maximum[1:]:
            share &= ~taken
            taken |= share
        return is_maximum

    @property
    def _is_fast(self) -> bool:
        return (self.size, self.stride, self.ties) == (2, 2, "first")

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
