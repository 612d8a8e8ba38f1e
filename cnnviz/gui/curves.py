"""Long records as short curves: what a plot is given of many thousand steps."""

import numpy as np


def stride_for(count: int, limit: int) -> int:
    """Return the smallest power of two by which ``count`` values make no more than ``limit`` blocks.

    A growing record keeps its blocks until their number has reached the limit, so that a curve does not flicker.
    """
    stride = 1
    while count > limit * stride:
        stride *= 2
    return stride


def peaks(values: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a curve of at most ``2 * limit`` points that keeps every extreme value.

    Parameters
    ----------
    values : array, shape (steps,)
        Of step 1, step 2, ...
    limit : int
        Number of blocks; each is drawn as the line from its least to its greatest value.

    Returns
    -------
    steps, values : arrays of equal length
    """
    count = len(values)
    stride = stride_for(count, limit)
    if stride == 1:
        return np.arange(1.0, count + 1), values.astype(np.float64)
    starts = np.arange(0, count, stride)
    middles = (starts + np.minimum(starts + stride, count) + 1) / 2
    extremes = np.stack([np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)], axis=1)
    return np.repeat(middles, 2), extremes.ravel().astype(np.float64)


def centred_means(values: np.ndarray, window: int, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over the ``window`` steps around each step, as a curve of at most ``limit + 1`` points.

    Near the first step the window shrinks on both sides, so that the curve begins where the values do; near the last step
    it ends there. The last point is at the last step.

    Parameters
    ----------
    values : array, shape (steps,)
        Of step 1, step 2, ...
    window, limit : int

    Returns
    -------
    steps, means : arrays of equal length
    """
    at = _sampled(len(values), limit)
    half = np.minimum(window // 2, at)
    return at + 1.0, _means(values, at - half, np.minimum(at + np.maximum(half, 1), len(values)))


def past_means(values: np.ndarray, window: int, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over the ``window`` steps up to each step; otherwise like ``centred_means``."""
    at = _sampled(len(values), limit)
    return at + 1.0, _means(values, np.maximum(at + 1 - window, 0), at + 1)


def _sampled(count: int, limit: int) -> np.ndarray:
    """Return the indices of the values that a curve has points at."""
    at = np.arange(0, count, stride_for(count, limit))
    return np.append(at, count - 1) if count and at[-1] != count - 1 else at


def _means(values: np.ndarray, first: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the mean of ``values[first:end]`` for each of many spans, none of them empty."""
    if not len(first):
        return np.empty(0)
    padded = np.append(values, values[:1])  # reduceat takes no index beyond the last
    bounds = np.stack([first, end], axis=1).ravel()
    return np.add.reduceat(padded, bounds, dtype=np.float64)[::2] / (end - first)
