"""Dropout."""

from dataclasses import dataclass

import numpy as np

from cnnviz.nn.layers.layer import Arrays, Layer
from cnnviz.nn.shapes import Shape
from cnnviz.nn.workspace import FRESH, Workspace


@dataclass(frozen=True)
class Dropout(Layer):
    """In training, set each cell to 0 with probability ``rate`` and divide the others by 1 - ``rate``.

    So no unit can rely on another, and the mean of what comes out stays what it was (Srivastava et al., 2014, with the
    scaling moved from use to training). A pass is one of training if its workspace has a source of random numbers; in
    any other pass nothing is dropped.

    Attributes
    ----------
    rate : float
        From 0 to below 1.
    """

    rate: float

    is_repeatable = True

    def __post_init__(self) -> None:
        """Refuse a rate that leaves nothing, or that is none."""
        if not 0 <= self.rate < 1:
            raise ValueError(f"Dropout needs a rate from 0 to below 1, got {self.rate}")

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return ``input_shape``: each cell is treated by itself."""
        return input_shape

    def forward(
        self, x: np.ndarray, params: Arrays, workspace: Workspace = FRESH
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return what is left of x; the cache holds each cell's factor, None where nothing is dropped."""
        if workspace.rng is None:
            return x, None
        factors = workspace.array("factors", x.shape, x.dtype)
        kept = workspace.array("kept", x.shape, np.bool_)
        workspace.run(workspace.rng.random, out=factors, dtype=x.dtype)
        workspace.run(np.greater_equal, factors, self.rate, out=kept)
        workspace.run(np.copyto, factors, kept)
        workspace.run(np.divide, factors, 1 - self.rate, out=factors)
        return workspace.run(np.multiply, x, factors, out=workspace.over(x, "output")), factors

    def input_gradient(
        self, dy: np.ndarray, cache: np.ndarray | None, params: Arrays, workspace: Workspace = FRESH
    ) -> np.ndarray:
        """Return dy times the same factors."""
        if cache is None:
            return dy
        return workspace.run(np.multiply, dy, cache, out=workspace.over(dy, "dx"))
