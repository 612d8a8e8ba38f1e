"""The lessons' numbers: all of them from the layers that train, on examples of one image and one channel."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from cnnviz.gui.tiles import number
from cnnviz.nn import Conv2D

TINY = np.array([[0, 60, 0, 10], [0, 80, 31, 2], [33, 9, 0, 70], [5, 0, 40, 9]], float)
"""An image of 4x4 grey levels whose upper left patch, under the vertical Sobel filter, gives Zhou's 62 - 33 = 29."""

VERTICAL_SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], float)
HORIZONTAL_SOBEL = np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]], float)

_TIMES = "\u00a0×\u00a0"  # no line ends within a product


class Convolved(NamedTuple):
    """One convolution with a single filter.

    Attributes
    ----------
    padded : array, shape (H, W)
        What the filter was laid on.
    is_border : array of bool, shape (H, W)
        Which of these cells are padding.
    output : array, shape (Ho, Wo)
    """

    padded: np.ndarray
    is_border: np.ndarray
    output: np.ndarray


def as_example(values: np.ndarray) -> np.ndarray:
    """Return ``values``, shape (H, W), as a batch of one image of one channel, shape (1, H, W, 1)."""
    return np.asarray(values, float)[np.newaxis, :, :, np.newaxis]


def as_weight(filter_: np.ndarray) -> np.ndarray:
    """Return ``filter_``, shape (kh, kw), as the weight of a convolution, shape (1, 1, kh, kw)."""
    return np.asarray(filter_, float)[np.newaxis, np.newaxis]


def convolve(
    image: np.ndarray, filter_: np.ndarray, padding: str = "valid", stride: int = 1, bias: float = 0.0
) -> Convolved:
    """Slide ``filter_``, shape (kh, kw), over ``image``, shape (H, W)."""
    layer = Conv2D(1, filter_.shape, stride=stride, padding=padding)
    y, cache = layer.forward(as_example(image), {"weight": as_weight(filter_), "bias": np.array([bias])})
    inside = np.zeros(cache.padded.shape[1:3], bool)
    (top, _), (left, _) = cache.padding
    inside[top : top + image.shape[0], left : left + image.shape[1]] = True
    return Convolved(cache.padded[0, :, :, 0], ~inside, y[0, :, :, 0])


def patch_cells(position: tuple[int, int], size: tuple[int, int], stride: int = 1) -> list[tuple[int, int]]:
    """Return the cells, row by row, that a window of ``size`` covers at an output's ``position``."""
    top, left = (index * stride for index in position)
    return [(top + row, left + column) for row, column in np.ndindex(*size)]


def written_sum(pairs: Iterable[tuple[float, float]]) -> str:
    """Return the products of ``pairs`` as they are added up, such as "60 × 0 + 33 × (−1)"."""
    return " + ".join(f"{number(a)}{_TIMES}{in_brackets(b)}" for a, b in pairs) or "0"


def in_brackets(value: float) -> str:
    """Return ``value``, in brackets where it is negative."""
    return f"({number(value)})" if value < 0 else number(value + 0.0)
