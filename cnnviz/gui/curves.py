"""Long records as short curves: what a plot is given of many thousand steps, and the axes that suit it."""

import numpy as np

from cnnviz.gui.tiles import nice_ceiling
from cnnviz.training.history import WINDOW

LEAST_POINTS, MOST_POINTS = 100, 500  # of a curve; a thick smooth line takes five times as long to draw as a thin one
HEADROOM = 1.2  # of the cost axis, for the legend
LEAST_COST = 1e-7  # what a logarithm is taken of where the cost is 0
MOST_EPOCHS = 24  # lines at epochs: beyond, only every so many are drawn


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

    Near the first step the window shrinks on both sides, so that the curve begins where the values do; near the last
    step it ends there. The last point is at the last step.

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


def step_range(steps: int, planned: int) -> float:
    """Return the end of the step axis: it grows in strides, up to the ``planned`` end of training."""
    end = nice_ceiling(max(1.02 * steps, 10)) if steps else 100.0
    return min(end, planned) if steps <= planned else end


def smoothing_window(steps: int, limit: int = MOST_POINTS) -> int:
    """Return how many steps the smoothed cost is a mean of, in a curve of up to ``limit`` points or so.

    They are fewer than ``WINDOW`` in a young run, whose course would be lost, and more in a very long one, so that none
    is left out between two points of the curve.
    """
    fitting = [window for window in (1, 2, 5, 10, 20, 50, WINDOW) if 5 * window <= max(steps, 5)]
    return max(fitting[-1], stride_for(steps, limit))


def cost_range(smooth: np.ndarray, highest: float, tests: list[float], logarithmic: bool) -> tuple[float, float]:
    """Return the ends of the cost axis, in nats.

    All of the ``smooth`` curve and of the ``tests`` is within; single steps with a far greater cost (``highest`` is the
    greatest) leave the picture, for they would press the rest flat.
    """
    shown = np.array([*smooth, *tests] or [2.3])
    top = nice_ceiling(HEADROOM * max(min(highest, 1.5 * shown.max()), shown.max(), LEAST_COST))
    return (_nice_floor(max(shown.min() / 2, LEAST_COST)) if logarithmic else 0.0), top


def logarithmic_ticks(bottom: float, top: float) -> list[float]:
    """Return the 1, 2, 5 times powers of ten from ``bottom`` to ``top``, or only the powers where these are enough."""
    decades = 10.0 ** np.arange(np.floor(np.log10(bottom)), np.ceil(np.log10(top)) + 1)
    multiples = (1.0,) if len(decades) > 4 else (1.0, 2.0, 5.0)
    ticks = np.multiply.outer(decades, multiples).ravel()
    return [float(tick) for tick in ticks if bottom * 0.999 <= tick <= top * 1.001]


def epoch_steps(steps: int, steps_per_epoch: int) -> np.ndarray:
    """Return the steps at which an epoch ended; only every second, fourth, ... where there are very many."""
    every = steps_per_epoch
    while steps > MOST_EPOCHS * every:
        every *= 2
    return np.arange(every, steps + 1, every)


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


def _nice_floor(value: float) -> float:
    """Return the greatest of 1, 2, 5 times a power of ten that is not above ``value``."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(m * power for m in (1.0, 2.0, 5.0) if m * power <= value * (1 + 1e-9)))
