"""The convolution (as in all of the field: the cross-correlation)."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnnviz.nn.initializers import INITIALIZERS
from cnnviz.nn.layers.layer import Arrays, Shape, require_image, window_positions

Padding = tuple[tuple[int, int], tuple[int, int]]


class ConvCache(NamedTuple):
    """What the way back needs: every patch that a filter was laid on, and where it came from.

    Attributes
    ----------
    patches : array, shape (N*Ho*Wo, kh*kw*C)
        One row for each position of the filters.
    padded_shape : tuple of int
        (N, H, W, C) of the input with its border of zeros.
    padding : ((top, bottom), (left, right))
        Widths of that border in cells.
    """

    patches: np.ndarray
    padded_shape: Shape
    padding: Padding


@dataclass(frozen=True)
class Conv2D:
    """Slide F filters over all channels of the input at once.

    y[n, i, j, f] = sum over r, c, k of  x[n, i*stride + r, j*stride + c, k] * weight[f, k, r, c]  + bias[f]

    All patches are copied into one matrix ("im2col"; Chellapilla et al., 2006), so that the sum for every position and
    every filter is a single matrix product, and so are both gradients.

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

    def initialize(self, input_shape: Shape, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return fresh weights, and biases of 0."""
        shapes = self.parameter_shapes(input_shape)
        bias = {"bias": np.zeros(shapes["bias"])} if self.bias else {}
        return {"weight": INITIALIZERS[self.initializer](shapes["weight"], rng), **bias}

    def forward(self, x: np.ndarray, params: Arrays) -> tuple[np.ndarray, ConvCache]:
        """Return y, shape (N, Ho, Wo, F), for x of shape (N, H, W, C)."""
        padding = self._padding(x.shape[1:])
        padded = np.pad(x, ((0, 0), *padding, (0, 0))) if np.any(padding) else x
        patches = _patches(padded, self.kernel, self.stride)
        y = patches @ self._filter_matrix(params)  # (positions, kh*kw*C) @ (kh*kw*C, F)
        if self.bias:
            y += params["bias"]
        rows, columns, _ = self.output_shape(x.shape[1:])
        return y.reshape(len(x), rows, columns, self.filters), ConvCache(patches, padded.shape, padding)

    def backward(self, dy: np.ndarray, cache: ConvCache, params: Arrays) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return dx and the gradients of weight and bias.

        A weight met one input cell at each position, so its gradient is the sum over positions of output gradient
        times that cell (Zhou, section 5). An input cell met a weight at each position whose patch held it, and
        collects weight times output gradient from there.
        """
        flat = dy.reshape(-1, self.filters)  # (positions, F)
        channels = cache.padded_shape[3]
        weight = (flat.T @ cache.patches).reshape(self.filters, *self.kernel, channels).transpose(0, 3, 1, 2)
        grads = {"weight": weight}
        if self.bias:
            grads["bias"] = flat.sum(axis=0)
        return self._input_gradient(dy, cache, params), grads

    def _input_gradient(self, dy: np.ndarray, cache: ConvCache, params: Arrays) -> np.ndarray:
        """Return the gradient by the input: a convolution too, of ``dy`` with every filter turned by 180 degrees.

        ``dy`` is spread out by the stride and given a border of kh - 1 and kw - 1 zeros, so that the turned filters,
        whose output channels are the input's C, produce a map of the padded input's size.
        """
        n, height, width, channels = cache.padded_shape
        kh, kw = self.kernel
        spread = np.zeros((n, height + kh - 1, width + kw - 1, self.filters), dy.dtype)
        rows, columns = (
            slice(k - 1, k + (m - 1) * self.stride, self.stride) for k, m in zip((kh, kw), dy.shape[1:3], strict=False)
        )
        spread[:, rows, columns] = dy
        turned = params["weight"][:, :, ::-1, ::-1].transpose(2, 3, 0, 1).reshape(-1, channels)  # (kh*kw*F, C)
        dx = (_patches(spread, (kh, kw), 1) @ turned).reshape(cache.padded_shape)
        (top, bottom), (left, right) = cache.padding
        return dx[:, top : height - bottom, left : width - right]

    def _filter_matrix(self, params: Arrays) -> np.ndarray:
        """Return the filters as columns, shape (kh*kw*C, F), cells in the order of a patch."""
        return params["weight"].transpose(2, 3, 1, 0).reshape(-1, self.filters)

    def _padding(self, input_shape: Shape) -> Padding:
        if self.padding == "valid":
            return (0, 0), (0, 0)
        return self._same(input_shape[0], self.kernel[0]), self._same(input_shape[1], self.kernel[1])

    def _same(self, n: int, k: int) -> tuple[int, int]:
        missing = max((-(-n // self.stride) - 1) * self.stride + k - n, 0)
        return missing // 2, missing - missing // 2

    def _padded_size(self, input_shape: Shape) -> tuple[int, int]:
        (top, bottom), (left, right) = self._padding(input_shape)
        return input_shape[0] + top + bottom, input_shape[1] + left + right


def _patches(x: np.ndarray, kernel: tuple[int, int], stride: int) -> np.ndarray:
    """Copy every patch of x, shape (N, H, W, C), into a row: shape (N*Ho*Wo, kh*kw*C)."""
    n, height, width, channels = x.shape
    kh, kw = kernel
    rows, columns = window_positions(height, kh, stride), window_positions(width, kw, stride)
    by_image, by_row, by_column, by_channel = x.strides
    windows = as_strided(
        x,
        (n, rows, columns, kh, kw, channels),
        (by_image, by_row * stride, by_column * stride, by_row, by_column, by_channel),
        writeable=False,
    )
    return windows.reshape(n * rows * columns, kh * kw * channels)
