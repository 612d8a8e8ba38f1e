"""Arrays as pixels: the tiles that filters, feature maps and gradients are shown as."""

from collections.abc import Iterable
from enum import Enum

import numpy as np
from PySide6.QtGui import QImage

from cnnviz.gui.theme import Theme, grey_colors, signed_colors


class Coloring(Enum):
    """What the colours of a tile mean."""

    SIGNED = "signed"  # diverging, zero pinned to the neutral colour
    GREY = "grey"  # an image, 0 to scale


def color_pixels(values: np.ndarray, scale: float, coloring: Coloring, theme: Theme) -> np.ndarray:
    """Return the pixels, uint32 0xffRRGGBB in the shape of ``values``.

    ``scale`` is the value of the strongest colour (signed: and its negative); what lies beyond is clipped.
    """
    return color_all([(values, scale)], coloring, theme).reshape(values.shape)


def color_all(parts: Iterable[tuple[np.ndarray, float]], coloring: Coloring, theme: Theme) -> np.ndarray:
    """Return the pixels of several arrays, each with its scale, one array after the other: shape (n,)."""
    is_signed = coloring is Coloring.SIGNED
    steps, zero = (127.0, 127.5) if is_signed else (255.0, 0.5)
    # The last trace before a divergence is noticed may not be finite: infinity is shown as the strongest, NaN as zero.
    with np.errstate(over="ignore", invalid="ignore"):
        index = np.concatenate(
            [np.multiply(v, steps / scale if scale > 0 else 0.0, dtype=np.float32).ravel() for v, scale in parts]
        )
    np.clip(index, -steps if is_signed else 0.0, steps, out=index)
    index += zero
    if np.isnan(index.sum()):
        np.nan_to_num(index, copy=False, nan=zero)
    return (signed_colors(theme) if is_signed else grey_colors()).take(index.astype(np.uint8))


def image_of(pixels: np.ndarray) -> QImage:
    """Return an image that owns its pixels, for uint32 ``pixels`` of shape (height, width)."""
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()


def largest_magnitude(values: np.ndarray) -> float:
    """Return max |values|, the natural scale of signed values."""
    return float(np.abs(values).max(initial=0.0))


def nice_ceiling(value: float) -> float:
    """Return the smallest of 1, 1.5, 2, 3, 5, 7.5 times a power of ten that is not below ``value``; 0 for 0.

    A scale of such steps is read at a glance and does not flicker with every snapshot.
    """
    if not (np.isfinite(value) and value > 0):
        return 0.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(m for m in (1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0) if m * power * (1 + 1e-9) >= value) * power)


def number(value: float) -> str:
    """Return ``value`` with four significant digits and true minus signs, such as 1.5e\u22127."""
    return figures(value, 4)


def figures(value: float, digits: int) -> str:
    """Return ``value`` with ``digits`` significant digits and true minus signs, such as 1.5e\u22127."""
    return _typeset(f"{value + 0.0:.{digits}g}")  # adding 0 turns -0 into 0


def power_of_ten(value: float) -> str:
    """Return ``value`` with one significant digit and an exponent, such as 2e\u22124."""
    return _typeset(f"{value + 0.0:.0e}")


def shortest(value: float) -> str:
    """Return a ``value`` of few digits, such as that of a scale, in as few characters as can be, such as 1e\u22124."""
    plain = number(value)
    return min(plain, plain.replace("0.", ".", 1), _typeset(f"{value:.1e}".replace(".0e", "e")), key=len)


def _typeset(text: str) -> str:
    mantissa, exponent, power = text.partition("e")
    return f"{mantissa}{exponent}{int(power) if power else ''}".replace("-", "\u2212")
