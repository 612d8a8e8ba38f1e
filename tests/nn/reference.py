"""The layers as a textbook defines them: one loop for each index, no trick.

Arrays are channels-last, as in the engine: x (N, H, W, C), y and dy (N, Ho, Wo, F or C), weight (F, C, kh, kw).
"""

from collections.abc import Iterator

import numpy as np

Border = tuple[int, int]


def same_border(n: int, k: int, stride: int) -> Border:
    """Add zeros, first at the end, then at the start, and so on, until there are ceil(n / stride) positions."""
    before = after = 0
    while (before + n + after - k) // stride + 1 < np.ceil(n / stride):
        if after > before:
            before += 1
        else:
            after += 1
    return before, after


def pad(x: np.ndarray, rows: Border, columns: Border) -> np.ndarray:
    """Lay x into the middle of a field of zeros."""
    n, height, width, channels = x.shape
    field = np.zeros((n, sum(rows) + height, sum(columns) + width, channels))
    field[:, rows[0] : rows[0] + height, columns[0] : columns[0] + width] = x
    return field


def starts(n: int, f: int, stride: int) -> list[int]:
    """Slide a window of f cells over n cells; list the first cell of each whole position."""
    result, start = [], 0
    while start + f <= n:
        result.append(start)
        start += stride
    return result


def conv2d(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int, rows: Border, columns: Border
) -> np.ndarray:
    """At each position, multiply each filter with the patch below it and add up."""
    _, _, kh, kw = weight.shape
    x = pad(x, rows, columns)
    tops, lefts = starts(x.shape[1], kh, stride), starts(x.shape[2], kw, stride)
    y = np.zeros((len(x), len(tops), len(lefts), len(weight)))
    for n in range(len(x)):
        for i, top in enumerate(tops):
            for j, left in enumerate(lefts):
                for f in range(len(weight)):
                    patch = x[n, top : top + kh, left : left + kw].transpose(2, 0, 1)
                    y[n, i, j, f] = np.sum(patch * weight[f]) + bias[f]
    return y


def conv2d_gradients(
    dy: np.ndarray, x: np.ndarray, weight: np.ndarray, stride: int, rows: Border, columns: Border
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Go over the same positions; each hands dy * weight to the patch and dy * patch to the filter."""
    _, _, kh, kw = weight.shape
    padded = pad(x, rows, columns)
    dpadded, dweight, dbias = np.zeros_like(padded), np.zeros_like(weight), np.zeros(len(weight))
    for n in range(len(x)):
        for i, top in enumerate(starts(padded.shape[1], kh, stride)):
            for j, left in enumerate(starts(padded.shape[2], kw, stride)):
                for f in range(len(weight)):
                    patch = (n, slice(top, top + kh), slice(left, left + kw))
                    dpadded[patch] += dy[n, i, j, f] * weight[f].transpose(1, 2, 0)
                    dweight[f] += dy[n, i, j, f] * padded[patch].transpose(2, 0, 1)
                    dbias[f] += dy[n, i, j, f]
    height, width = x.shape[1:3]
    return dpadded[:, rows[0] : rows[0] + height, columns[0] : columns[0] + width], dweight, dbias


def _windows(
    x: np.ndarray, size: int, stride: int
) -> Iterator[tuple[tuple[int, int, int, int], list[tuple[int, ...]]]]:
    """Yield the index of each output with the indices of the input cells in its window, row by row."""
    for n in range(len(x)):
        for i, top in enumerate(starts(x.shape[1], size, stride)):
            for j, left in enumerate(starts(x.shape[2], size, stride)):
                for c in range(x.shape[3]):
                    yield (n, i, j, c), [(n, top + r, left + q, c) for r in range(size) for q in range(size)]


def max_pool2d(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    """Take the largest value of each window."""
    y = np.zeros((len(x), len(starts(x.shape[1], size, stride)), len(starts(x.shape[2], size, stride)), x.shape[3]))
    for output, cells in _windows(x, size, stride):
        y[output] = max(x[cell] for cell in cells)
    return y


def max_pool2d_gradient(dy: np.ndarray, x: np.ndarray, size: int, stride: int, ties: str) -> np.ndarray:
    """Hand each window's gradient to its first maximum, to all of them, or to all of them in equal parts."""
    dx = np.zeros_like(x)
    for output, cells in _windows(x, size, stride):
        largest = max(x[cell] for cell in cells)
        winners = [cell for cell in cells if x[cell] == largest]
        if ties == "first":
            winners = winners[:1]
        for cell in winners:
            dx[cell] += dy[output] / len(winners) if ties == "split" else dy[output]
    return dx
