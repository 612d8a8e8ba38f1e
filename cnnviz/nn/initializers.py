"""Where training starts from: random weights of a well-chosen size."""

from collections.abc import Callable

import numpy as np

Initializer = Callable[[tuple[int, ...], np.random.Generator], np.ndarray]


def _fan_in_out(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return how many inputs feed one output, and how many outputs one input feeds."""
    area = int(np.prod(shape[2:]))  # 1 for a dense layer
    return shape[1] * area, shape[0] * area


def he(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """N(0, 2 / fan_in): keeps the variance through ReLU layers (He et al., 2015, eq. 10)."""
    return rng.normal(0.0, np.sqrt(2.0 / _fan_in_out(shape)[0]), shape)


def glorot(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """U(-a, a) with a = sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010, eq. 16)."""
    limit = np.sqrt(6.0 / sum(_fan_in_out(shape)))
    return rng.uniform(-limit, limit, shape)


def zhou_conv(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """N(0, 1) / 9, nine being the cells of a 3x3 filter (Zhou, part 1, section 3.4)."""
    return rng.standard_normal(shape) / 9


def zhou_dense(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """N(0, 1) / number of inputs (Zhou, part 1, section 5.3)."""
    return rng.standard_normal(shape) / shape[1]


def escontrela_conv(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """N(0, 1 / cells of all filters), as ``initializeFilter`` (Escontrela, step 2)."""
    return rng.normal(0.0, 1.0 / np.sqrt(np.prod(shape)), shape)


def escontrela_dense(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """0.01 N(0, 1), as ``initializeWeight`` (Escontrela, step 2)."""
    return rng.standard_normal(shape) * 0.01


INITIALIZERS: dict[str, Initializer] = {
    "he": he,
    "glorot": glorot,
    "zhou-conv": zhou_conv,
    "zhou-dense": zhou_dense,
    "escontrela-conv": escontrela_conv,
    "escontrela-dense": escontrela_dense,
}
