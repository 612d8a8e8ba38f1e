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


def means(values: np.ndarray, window: int, limit: int, *, centred: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return a moving mean as a curve of at most ``limit + 1`` points, the last of them at the last step.

    Parameters
    ----------
    values : array, shape (steps,)
        Of step 1, step 2, ...
    window : int
        Number of steps that a mean is taken over; fewer at the ends, and see ``window_for``.
    limit : int
    centred : bool
        Whether the window lies around its step; otherwise it ends there.

    Returns
    -------
    steps, means : arrays of equal length
    """
    count = len(values)
    at = np.arange(0, count, stride_for(count, limit))
    if count and at[-1] != count - 1:
        at = np.append(at, count - 1)
    window = window_for(count, window, limit)
    after = window - window // 2 if centred else 1
    first = np.maximum(at + after - window, 0)
    end = np.minimum(at + after, count)
    return at + 1.0, _sums(values, first, end) / (end - first)


def window_for(count: int, window: int, limit: int) -> int:
    """Return the window that ``means`` takes: at least the distance of its points, so that no step is left out."""
    return max(window, stride_for(count, limit))


def _sums(values: np.ndarray, first: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the sum of ``values[first:end]`` for each of many spans, none of them empty."""
    padded = np.append(values, values[:0].dtype.type(0))  # reduceat takes no index beyond the last
    bounds = np.stack([first, end], axis=1).ravel()
    return np.add.reduceat(padded, bounds, dtype=np.float64)[::2] if len(bounds) else np.empty(0)
