"""The sliding window as matrix products: the arithmetic under ``Conv2D``, made for speed.

The plain way ("im2col"; Chellapilla, Puri and Simard, 2006) copies the patch under every position of the filters into a
row of a matrix, and one product with the filters gives all outputs. With few filters most of the time goes into that
copy, in which every input cell stands kh * kw times, and the product is too narrow to be quick.

So a row here serves a *tile* of t neighbouring output columns. The patches of a tile overlap; their union is kh rows of
(t - 1) * stride + kw columns, in memory one unbroken piece for each row. The filters stand t times in a banded matrix,
each time a stride further down:

    kernel 2, stride 1, t = 3, one row:        o1 o2 o3
                                           x1  a  .  .
                                           x2  b  a  .
                                           x3  .  b  a
                                           x4  .  .  b

That multiplies by many zeros, but it copies several times less, and a product t times as wide runs so much nearer to
the processor's peak that it gains several-fold (5x5 filters on 8 channels).
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnnviz.nn.shapes import window_positions

WIDEST_TILE = 6  # output columns; beyond that the zeros cost more than the width gains


def tile_width(columns: int) -> int:
    """Return the largest t, up to ``WIDEST_TILE``, that divides ``columns``."""
    return next(t for t in range(WIDEST_TILE, 0, -1) if columns % t == 0)


def correlate(x: np.ndarray, filters: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Slide ``filters``, shape (F, C, kh, kw), over x, shape (N, H, W, C), channels last.

    Returns
    -------
    y : array, shape (N, Ho, Wo, F)
    patches : array, shape (N*Ho*Wo/t, kh*span*C)
        The unrolled input, for ``filter_gradient``; span = (t - 1) * stride + kw.
    """
    n, height, width, _ = x.shape
    count, _, kh, kw = filters.shape
    rows, columns = window_positions(height, kh, stride), window_positions(width, kw, stride)
    t = tile_width(columns)
    patches = _unroll(x, (rows, columns), (kh, kw), stride, t)
    return (patches @ _banded(filters, stride, t)).reshape(n, rows, columns, count), patches


def filter_gradient(dy: np.ndarray, patches: np.ndarray, shape: tuple[int, ...], stride: int) -> np.ndarray:
    """Return the gradient by the filters of ``shape`` (F, C, kh, kw), given that by the output, (N, Ho, Wo, F).

    A weight met one input cell at each position, so its gradient is the sum over all positions of output gradient times
    that cell. One product sums over the tiles; the t places of a filter within the banded matrix remain to be added.
    """
    count, channels, kh, kw = shape
    t = tile_width(dy.shape[2])
    bands = patches.T @ dy.reshape(-1, t * count)  # (kh*span*C, tiles) @ (tiles, t*F)
    places = _places_of_filters(bands.reshape(kh, -1, channels, t, count), kw, stride)
    return places.sum(axis=0).transpose(3, 2, 0, 1)


def input_gradient(dy: np.ndarray, filters: np.ndarray, input_shape: tuple[int, ...], stride: int) -> np.ndarray:
    """Return the gradient by x of shape ``input_shape`` (N, H, W, C), given that by the output, (N, Ho, Wo, F).

    An input cell collects, from each position that saw it, weight times output gradient. That sum is a correlation too:
    of ``dy``, spread out by the stride and bordered by kh - 1 and kw - 1 zeros, with every filter turned by 180 degrees
    and with the parts of F and C exchanged.
    """
    n, height, width, _ = input_shape
    count, _, kh, kw = filters.shape
    spread = np.zeros((n, height + kh - 1, width + kw - 1, count), dy.dtype)
    bottom, right = (k + (m - 1) * stride for k, m in zip((kh, kw), dy.shape[1:3], strict=True))
    spread[:, kh - 1 : bottom : stride, kw - 1 : right : stride] = dy
    return correlate(spread, filters[:, :, ::-1, ::-1].swapaxes(0, 1), 1)[0]


def _unroll(x: np.ndarray, positions: tuple[int, int], kernel: tuple[int, int], stride: int, t: int) -> np.ndarray:
    """Copy what each tile of t outputs sees into a row: shape (N*Ho*Wo/t, kh*span*C)."""
    n, _, _, channels = x.shape
    (rows, columns), (kh, kw) = positions, kernel
    tiles, span = columns // t, (t - 1) * stride + kw
    by_image, by_row, by_column, by_channel = x.strides
    windows = as_strided(
        x,
        (n, rows, tiles, kh, span, channels),
        (by_image, by_row * stride, by_column * stride * t, by_row, by_column, by_channel),
        writeable=False,
    )
    return windows.reshape(n * rows * tiles, kh * span * channels)


def _banded(filters: np.ndarray, stride: int, t: int) -> np.ndarray:
    """Return the filters t times, each a stride further down, as a matrix of shape (kh*span*C, t*F)."""
    count, channels, kh, kw = filters.shape
    bands = np.zeros((kh, (t - 1) * stride + kw, channels, t, count), filters.dtype)
    _places_of_filters(bands, kw, stride)[...] = filters.transpose(2, 3, 1, 0)
    return bands.reshape(-1, t * count)


def _places_of_filters(bands: np.ndarray, kw: int, stride: int) -> np.ndarray:
    """Return the t places of the filters in ``bands``, (kh, span, C, t, F), as a view of shape (t, kh, kw, C, F)."""
    kh, _, channels, t, count = bands.shape
    by_row, by_column, by_channel, by_tile, by_filter = bands.strides
    return as_strided(
        bands,
        (t, kh, kw, channels, count),
        (by_column * stride + by_tile, by_row, by_column, by_channel, by_filter),
    )
