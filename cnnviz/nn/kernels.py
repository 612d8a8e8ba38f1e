"""The fast paths: sliding windows as matrix products, and pooling in halves.

A filter under which every position's patch is copied into a row of a matrix ("im2col"; Chellapilla, Puri and Simard,
2006) becomes one product with all outputs as its result. With few filters most of the time goes into that copy, in
which every input cell stands kh * kw times, and the product is too narrow to be quick.

So a row here serves a *tile* of t neighbouring output columns. The patches of a tile overlap; their union is kh rows of
span = (t - 1) * stride + kw columns, in memory one unbroken piece for each row. The filters stand t times in a banded
matrix, each time a stride further down:

    kernel 2, stride 1, t = 3, one row:        o1 o2 o3
                                           x1  a  .  .
                                           x2  b  a  .
                                           x3  .  b  a
                                           x4  .  .  b
                                           1   c  c  c      <- the bias: a weight whose input is always 1

That multiplies by many zeros, but it copies several times less, and a product t times as wide runs so much nearer to
the processor's peak that it gains several-fold (5x5 filters on 8 channels). ``tile_width`` weighs the two.

The rows of a few images at a time fill a buffer that stays in the processor's cache, and are unrolled again for the
filters' gradient: copying them twice costs less than keeping them for a whole batch. Where even one image does not fit
(many channels), only its columns are unrolled: see ``_row_by_row``. All memory is the caller's.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnnviz.nn.shapes import Shape, window_positions
from cnnviz.nn.workspace import Workspace

PATCH_VALUES = 2**17  # of unrolled input at a time: half a megabyte of float32, less than a core's own cache

# Nanoseconds, from timings on two kinds of server processors; only their proportions matter.
_COPY, _COPY_PIECE = 0.25, 4.0  # for a value, and for each unbroken piece
_MULTIPLY_ADD = 0.018
_COLUMNS = 32  # that BLAS multiplies at a time; fewer take as long

# OpenBLAS packs both matrices before it multiplies them, unless they are small and it has AVX-512 (which newer versions
# of NumPy call by another name); packing the unrolled input takes up to half of the time of these narrow products.
_FOUND = np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", [])
_UNPACKED = 10**6 if {"AVX512_SKX", "X86_V4"} & set(_FOUND) else 0  # multiplications
_FEWEST_ROWS = 8  # in products shorter than that packing would be cheaper


@lru_cache
def tile_width(columns: int, kernel: tuple[int, int], channels: int, filters: int, stride: int) -> int:
    """Return how many of ``columns`` outputs a row of unrolled input shall serve: the divisor with the least cost."""
    kh, kw = kernel

    def cost(t: int) -> float:
        """Return the time of one output column: its share of the copy and of the product."""
        values = kh * ((t - 1) * stride + kw) * channels
        width = -(-t * filters // _COLUMNS) * _COLUMNS
        return (_COPY * values + _COPY_PIECE * kh + _MULTIPLY_ADD * values * width) / t

    return min((t for t in range(1, columns + 1) if columns % t == 0), key=cost, default=1)


@lru_cache
def rows_a_product(rows: int, inner: int, columns: int) -> int:
    """Return of how many rows the products shall be that make up one of (rows, inner) @ (inner, columns)."""
    most = _UNPACKED // max(1, inner * columns)
    if rows <= most or most < _FEWEST_ROWS:
        return rows
    return max(m for m in range(1, most + 1) if rows % m == 0)


def multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray, workspace: Workspace) -> np.ndarray:
    """Write a @ b, shapes (M, K) and (K, N), into ``out``, shape (M, N), as a stack of small products."""
    rows = rows_a_product(len(a), *b.shape)
    if rows == len(a):
        return workspace.run(np.matmul, a, b, out=out)
    workspace.run(np.matmul, a.reshape(-1, rows, a.shape[1]), b, out=out.reshape(-1, rows, out.shape[1]))
    return out


class _Tiling:
    """How the outputs of one convolution are cut into tiles.

    Attributes
    ----------
    rows, columns, t, tiles, span : int
        Output rows and columns; columns of a tile; tiles in a row; input columns under a tile.
    images_at_a_time : int
        How many are unrolled at a time.
    is_large : bool
        Whether a single image is too much for that.
    values : int
        Length kh * span * C of a row of unrolled input, without the 1 for the bias.
    """

    def __init__(self, input_shape: Shape, filters: Shape, stride: int) -> None:
        count, channels, kh, kw = filters
        self.kernel, self.stride, self.channels, self.count = (kh, kw), stride, channels, count
        self.rows = window_positions(input_shape[0], kh, stride)
        self.columns = window_positions(input_shape[1], kw, stride)
        self.t = tile_width(self.columns, self.kernel, channels, count, stride)
        self.tiles = self.columns // self.t
        self.span = (self.t - 1) * stride + kw
        self.values = kh * self.span * channels
        self.images_at_a_time = max(1, PATCH_VALUES // (self.rows * self.tiles * self.values))
        self.is_large = stride == 1 and self.rows * self.tiles * self.values > PATCH_VALUES

    def windows(self, x: np.ndarray) -> np.ndarray:
        """Return what each tile sees, as a view of shape (N, rows, tiles, kh, span, C) of x, shape (N, H, W, C)."""
        by_image, by_row, by_column, by_channel = x.strides
        return as_strided(
            x,
            (len(x), self.rows, self.tiles, self.kernel[0], self.span, self.channels),
            (by_image, by_row * self.stride, by_column * self.stride * self.t, by_row, by_column, by_channel),
            writeable=False,
        )

    def stripes(self, x: np.ndarray) -> np.ndarray:
        """Return what each tile sees of each row, as a view of shape (N, H, tiles, span, C) of x, at a stride of 1."""
        by_image, by_row, by_column, by_channel = x.strides
        return as_strided(
            x,
            (len(x), x.shape[1], self.tiles, self.span, self.channels),
            (by_image, by_row, by_column * self.t, by_column, by_channel),
            writeable=False,
        )

    def places(self, bands: np.ndarray) -> np.ndarray:
        """Return the t places of the filters in ``bands``, (kh*span*C + 1, t*F), as a view (t, F, C, kh, kw)."""
        by_value, by_output = bands.strides
        by_column = by_value * self.channels
        by_tile = by_column * self.stride + by_output * self.count
        return as_strided(
            bands,
            (self.t, self.count, self.channels, *self.kernel),
            (by_tile, by_output, by_value, by_column * self.span, by_column),
        )


@lru_cache
def _tiling(input_shape: Shape, filters: Shape, stride: int) -> _Tiling:
    """Return the tiling for inputs of ``input_shape`` (H, W, C) and ``filters`` of shape (F, C, kh, kw)."""
    return _Tiling(input_shape, filters, stride)


def correlate(
    x: np.ndarray, filters: np.ndarray, bias: np.ndarray | None, stride: int, workspace: Workspace
) -> np.ndarray:
    """Slide ``filters``, shape (F, C, kh, kw), over x, shape (N, H, W, C); return y, shape (N, Ho, Wo, F)."""
    tiling = _tiling(x.shape[1:], filters.shape, stride)
    bands = _bands(filters, bias, tiling, x.dtype, workspace)
    y = workspace.array("output", (len(x), tiling.rows, tiling.columns, tiling.count), x.dtype)
    products = y.reshape(-1, tiling.t * tiling.count)
    for tiles, values, patches in _unrolled(x, tiling, workspace):
        if values.stop == len(bands):  # the first for these tiles
            multiply(patches, bands[values], products[tiles], workspace)
        else:
            addend = workspace.array("addend", products[tiles].shape, x.dtype)
            multiply(patches, bands[values], addend, workspace)
            workspace.run(np.add, products[tiles], addend, out=products[tiles])
    return y


def filter_gradient(
    dy: np.ndarray,
    x: np.ndarray,
    gradient: np.ndarray,
    bias_gradient: np.ndarray | None,
    stride: int,
    workspace: Workspace,
) -> None:
    """Write the gradient by the filters, (F, C, kh, kw), and by their biases, (F,), given that by the output.

    A weight met one input cell at each position, so its gradient is the sum over all positions of output gradient times
    that cell. One product sums over the tiles; the t places of a filter within the banded matrix remain to be added.
    """
    tiling = _tiling(x.shape[1:], gradient.shape, stride)
    width = tiling.t * tiling.count
    total = workspace.array("band gradient", (tiling.values + 1, width), x.dtype)
    workspace.run(total.fill, 0)
    dproducts = dy.reshape(-1, width)
    for tiles, values, patches in _unrolled(x, tiling, workspace):
        inner = patches.shape[1]
        rows = rows_a_product(len(patches), inner, width)
        parts = workspace.array("parts", (len(patches) // rows, inner, width), x.dtype)
        # (parts, values, rows) @ (parts, rows, t*F)
        stack = patches.reshape(-1, rows, inner).transpose(0, 2, 1)
        workspace.run(np.matmul, stack, dproducts[tiles].reshape(-1, rows, width), out=parts)
        part = workspace.array("part", (inner, width), x.dtype)
        workspace.run(np.add.reduce, parts, axis=0, out=part)
        workspace.run(np.add, total[values], part, out=total[values])
    places = workspace.view("places of gradient", total, tiling.places)
    workspace.run(np.add.reduce, places, axis=0, out=gradient)
    if bias_gradient is not None:
        workspace.run(np.add.reduce, total[-1].reshape(tiling.t, -1), axis=0, out=bias_gradient)


def input_gradient(
    dy: np.ndarray, filters: np.ndarray, input_shape: Shape, stride: int, workspace: Workspace
) -> np.ndarray:
    """Return the gradient by x of shape ``input_shape`` (N, H, W, C), given that by the output, (N, Ho, Wo, F).

    An input cell collects, from each position that saw it, weight times output gradient. That sum is a correlation too:
    of ``dy``, spread out by the stride and bordered by kh - 1 and kw - 1 zeros, with every filter turned by 180 degrees
    and with the parts of F and C exchanged. (The other way, a product with the banded matrix transposed and every row
    added where ``correlate`` copied it from, takes a quarter longer.)
    """
    n, height, width, _ = input_shape
    count, _, kh, kw = filters.shape
    workspace = workspace.part("input gradient")
    spread = workspace.filled("spread", (n, height + kh - 1, width + kw - 1, count), dy.dtype, 0)
    bottom, right = (k + (m - 1) * stride for k, m in zip((kh, kw), dy.shape[1:3], strict=True))
    workspace.run(np.copyto, spread[:, kh - 1 : bottom : stride, kw - 1 : right : stride], dy)
    return correlate(spread, filters[:, :, ::-1, ::-1].swapaxes(0, 1), None, 1, workspace)


def _bands(
    filters: np.ndarray, bias: np.ndarray | None, tiling: _Tiling, dtype: np.dtype, workspace: Workspace
) -> np.ndarray:
    """Return the banded matrix, shape (kh*span*C + 1, t*F), with the biases as its last row, 0 where there are none."""
    bands = workspace.filled("bands", (tiling.values + 1, tiling.t * tiling.count), dtype, 0)
    workspace.run(np.copyto, workspace.view("places", bands, tiling.places), filters)
    if bias is not None:
        workspace.run(np.copyto, bands[-1].reshape(tiling.t, -1), bias)
    return bands


def _unrolled(x: np.ndarray, tiling: _Tiling, workspace: Workspace) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Yield unrolled input, shape (tiles, values), with which tiles it serves and which rows of the banded matrix.

    A last column of ones meets the biases. What was yielded holds until the next.
    """
    return (_row_by_row if tiling.is_large else _whole)(x, tiling, workspace)


def _whole(x: np.ndarray, tiling: _Tiling, workspace: Workspace) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Unroll a few images at a time."""
    per_image = tiling.rows * tiling.tiles
    images = min(tiling.images_at_a_time, len(x))
    unrolled = workspace.filled("unrolled", (images * per_image, tiling.values + 1), x.dtype, 1)
    windows = workspace.view("windows", x, tiling.windows)
    patches = workspace.view("patches", unrolled, lambda a: a[:, :-1].reshape(images, *windows.shape[1:]))
    for few in _slices(len(x), images):
        seen = windows[few]
        workspace.run(np.copyto, patches[: len(seen)], seen)
        tiles = slice(few.start * per_image, (few.start + len(seen)) * per_image)
        yield tiles, slice(0, tiling.values + 1), unrolled[: len(seen) * per_image]


def _row_by_row(x: np.ndarray, tiling: _Tiling, workspace: Workspace) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Unroll an image along its columns only, which copies each of its rows once and not kh times.

    What a row of the filters meets lies in it as it is, from that row of the image on: kh products, to be added up. The
    last row of the filters comes first and takes the biases along.
    """
    height, kh = x.shape[1], tiling.kernel[0]
    per_row = tiling.values // kh
    unrolled = workspace.filled("unrolled", (height * tiling.tiles, per_row + 1), x.dtype, 1)
    stripes = workspace.view("stripes", x, tiling.stripes)
    pieces = workspace.view("pieces", unrolled, lambda a: a[:, :-1].reshape(stripes.shape[1:]))
    per_image = tiling.rows * tiling.tiles
    for image, stripe in enumerate(stripes):
        workspace.run(np.copyto, pieces, stripe)
        for row in reversed(range(kh)):
            patches = unrolled[row * tiling.tiles :][:per_image]
            values = slice(row * per_row, (row + 1) * per_row + (row == kh - 1))
            yield (
                slice(image * per_image, (image + 1) * per_image),
                values,
                patches[:, : values.stop - values.start],
            )


def max_pool_2x2(x: np.ndarray, workspace: Workspace) -> tuple[np.ndarray, np.ndarray]:
    """Return the maxima, (N, H//2, W//2, C), of windows of 2x2 at stride 2, and what ``unpool_2x2`` needs.

    That is the larger one of each two neighbours in a row, shape (N, 2*(H//2), W//2, C): two comparisons of whole
    arrays, then one, are half the work of comparing all four cells of each window with its maximum.
    """
    n, height, width, channels = x.shape
    rows, columns = height // 2, width // 2
    larger = workspace.array("larger", (n, 2 * rows, columns, channels), x.dtype)
    y = workspace.array("output", (n, rows, columns, channels), x.dtype)
    left, right = _neighbours(x, rows, columns)
    for images in _some_at_a_time(x):
        workspace.run(np.maximum, left[images], right[images], out=larger[images])
        workspace.run(np.maximum, larger[images, ::2], larger[images, 1::2], out=y[images])
    return y, larger


def unpool_2x2(dy: np.ndarray, x: np.ndarray, larger: np.ndarray, workspace: Workspace) -> np.ndarray:
    """Return the gradient by x: each window's to the first of its largest cells, row by row.

    Of two rows the lower one wins only if its larger cell is really larger, and so does the right one of two cells; the
    loser keeps what the winner did not take.
    """
    _, rows, columns, _ = dy.shape
    dx = workspace.filled("dx", x.shape, dy.dtype, 0)  # an odd row or column at the end stays 0
    left, right = _neighbours(x, rows, columns)
    dleft, dright = _neighbours(dx, rows, columns)
    for images in _some_at_a_time(x):
        few = dy[images]
        lower_wins = workspace.array("lower wins", few.shape, np.bool_)
        dlarger = workspace.array("dlarger", larger[images].shape, dy.dtype)
        workspace.run(np.greater, larger[images, 1::2], larger[images, ::2], out=lower_wins)
        workspace.run(np.multiply, few, lower_wins, out=dlarger[:, 1::2])
        workspace.run(np.subtract, few, dlarger[:, 1::2], out=dlarger[:, ::2])

        right_wins = workspace.array("right wins", dlarger.shape, np.bool_)
        workspace.run(np.greater, right[images], left[images], out=right_wins)
        workspace.run(np.multiply, dlarger, right_wins, out=dright[images])
        workspace.run(np.subtract, dlarger, dright[images], out=dleft[images])
    return dx


def _some_at_a_time(x: np.ndarray) -> Iterator[slice]:
    """Yield the slices of as many examples of x as a core's own cache holds together with what becomes of them."""
    return _slices(len(x), len(x) * PATCH_VALUES // max(1, x.size))


def _slices(count: int, size: int) -> Iterator[slice]:
    """Yield ``count`` things in slices of ``size``, at least 1; the last one may hold fewer."""
    size = max(1, size)
    return (slice(start, start + size) for start in range(0, count, size))


def _neighbours(x: np.ndarray, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the left and the right cells of all windows, each (N, 2*rows, columns, C), as views."""
    return x[:, : 2 * rows, : 2 * columns : 2], x[:, : 2 * rows, 1 : 2 * columns : 2]
