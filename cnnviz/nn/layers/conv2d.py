"""The convolution (as in all of the field: the cross-correlation)."""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from cnnviz.nn.kernels import correlate, filter_gradient, input_gradient
from cnnviz.nn.layers.layer import Arrays, Layer
from cnnviz.nn.shapes import Shape, require_image, window_positions
from cnnviz.nn.workspace import FRESH, Workspace

Padding = tuple[tuple[int, int], tuple[int, int]]
_NONE: Padding = (0, 0), (0, 0)


class ConvCache(NamedTuple):
    """What the way back needs: all that the filters were laid on, and where it came from.

    Attributes
    ----------
    padded : array, shape (N, H, W, C)
        The input with its border of zeros.
    padding : ((top, bottom), (left, right))
        Widths of that border in cells.
    """

    padded: np.ndarray
    padding: Padding


@dataclass(frozen=True)
class Conv2D(Layer):
    """Slide F filters over all channels of the input at once.

    y[n, i, j, f] = sum over r, c, k of  x[n, i*stride + r, j*stride + c, k] * weight[f, k, r, c]  + bias[f]

    How that sum, and both gradients, become matrix products is told in ``cnnviz.nn.kernels``.

    Attributes
    ----------
    filters : int
        Number of filters F, that is, of output channels.
    kernel_size : int or (int, int)
        Height and width (kh, kw) of a filter.
    stride : int
        How far the filter moves.
    padding : {"valid", "same"}
        "valid": only whole patches; Ho = (H - kh) // stride + 1. "same": a border of zeros such that
        Ho = ceil(H / stride); where it cannot be even, the extra row or column lies at the end.
    bias : bool
        Whether each filter has a bias.
    initializer : str
        Name of the weights' initialiser; biases start at 0.

    Parameters (of ``forward``)
    ---------------------------
    weight : shape (F, C, kh, kw)
    bias : shape (F,)
    """

    filters: int
    kernel_size: int | tuple[int, int]
    stride: int = 1
    padding: Literal["valid", "same"] = "valid"
    bias: bool = True
    initializer: str = "he"

    is_repeatable = True

    def __post_init__(self) -> None:
        """Refuse options outside their range."""
        if min(self.filters, self.stride, *self.kernel) < 1:
            raise ValueError(f"Conv2D needs filters, kernel size and stride of 1 or more, got {self}")
        if self.padding not in ("valid", "same"):
            raise ValueError(f"Conv2D knows the paddings valid and same, got {self.padding!r}")

    @property
    def kernel(self) -> tuple[int, int]:
        """Height and width of a filter."""
        size = self.kernel_size
        return (size, size) if isinstance(size, int) else size

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (Ho, Wo, F)."""
        require_image("Conv2D", input_shape)
        spans = self._padded_size(input_shape)
        if any(k > n for k, n in zip(self.kernel, spans, strict=True)):
            kernel, size = "x".join(map(str, self.kernel)), "x".join(map(str, spans))
            raise ValueError(f"Conv2D: a kernel of {kernel} does not fit into an input of {size}")
        rows, columns = (window_positions(n, k, self.stride) for n, k in zip(spans, self.kernel, strict=True))
        return rows, columns, self.filters

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shapes of weight and bias."""
        bias = {"bias": (self.filters,)} if self.bias else {}
        return {"weight": (self.filters, input_shape[2], *self.kernel), **bias}

    def multiply_adds(self, input_shape: Shape) -> int:
        """Return Ho * Wo * F * C * kh * kw; products with the border of zeros count as well."""
        return math.prod((*self.output_shape(input_shape), input_shape[2], *self.kernel))

    def forward(self, x: np.ndarray, params: Arrays, workspace: Workspace = FRESH) -> tuple[np.ndarray, ConvCache]:
        """Return y, shape (N, Ho, Wo, F), for x of shape (N, H, W, C)."""
        padding = self.border(x.shape[1:])
        padded = _bordered(x, padding, workspace)
        y = correlate(padded, params["weight"], params.get("bias"), self.stride, workspace)
        return y, ConvCache(padded, padding)

    def input_gradient(
        self, dy: np.ndarray, cache: ConvCache, params: Arrays, workspace: Workspace = FRESH
    ) -> np.ndarray:
        """Return the gradient by x: that by the padded input, less its border."""
        dx = input_gradient(dy, params["weight"], cache.padded.shape, self.stride, workspace)
        return _within(dx, cache.padding)

    def parameter_gradients(
        self, dy: np.ndarray, cache: ConvCache, gradients: Arrays, workspace: Workspace = FRESH
    ) -> None:
        """Write the gradients by the filters (Zhou, section 5) and by their biases."""
        filter_gradient(dy, cache.padded, gradients["weight"], gradients.get("bias"), self.stride, workspace)

    def border(self, input_shape: Shape) -> Padding:
        """Return the widths ((top, bottom), (left, right)) of the border of zeros around an input."""
        if self.padding == "valid":
            return _NONE
        return self._same(input_shape[0], self.kernel[0]), self._same(input_shape[1], self.kernel[1])

    def _same(self, n: int, k: int) -> tuple[int, int]:
        missing = max((-(-n // self.stride) - 1) * self.stride + k - n, 0)
        return missing // 2, missing - missing // 2

    def _padded_size(self, input_shape: Shape) -> tuple[int, int]:
        (top, bottom), (left, right) = self.border(input_shape)
        return input_shape[0] + top + bottom, input_shape[1] + left + right


def _bordered(x: np.ndarray, padding: Padding, workspace: Workspace) -> np.ndarray:
    """Return x with a border of zeros; x itself where there is none."""
    if padding == _NONE:
        return x
    n, height, width, channels = x.shape
    (top, bottom), (left, right) = padding
    padded = workspace.filled("padded", (n, top + height + bottom, left + width + right, channels), x.dtype, 0)
    workspace.run(np.copyto, _within(padded, padding), x)
    return padded


def _within(padded: np.ndarray, padding: Padding) -> np.ndarray:
    """Return what lies inside the border, as a view."""
    (top, bottom), (left, right) = padding
    return padded[:, top : padded.shape[1] - bottom, left : padded.shape[2] - right]
