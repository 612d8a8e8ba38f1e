"""Finite differences: the independent witness of every gradient."""

from collections.abc import Callable

import numpy as np


def numerical_gradient(f: Callable[[], float], array: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Return the gradient of ``f()`` by each element of ``array`` by central differences.

    ``f`` reads ``array``, which is nudged in place by +-``step`` and restored. Use float64.
    """
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        value = array[index]
        array[index] = value + step
        above = f()
        array[index] = value - step
        below = f()
        array[index] = value
        gradient[index] = (above - below) / (2 * step)
    return gradient


def central_difference(f: Callable[[np.ndarray], np.ndarray], at: float, step: float) -> float:
    """Return (f(at + step) - f(at - step)) / (2 step); ``f`` takes both at once, as an array of shape (2,)."""
    above, below = f(np.array([at + step, at - step]))
    return float((above - below) / (2 * step))


def relative_error(a: np.ndarray, b: np.ndarray) -> float:
    """Return |a - b| / (|a| + |b|) in the Euclidean norm; 0 where both vanish."""
    scale = np.linalg.norm(a) + np.linalg.norm(b)
    return float(np.linalg.norm(a - b) / scale) if scale else 0.0
