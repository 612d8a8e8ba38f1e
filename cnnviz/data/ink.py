"""What in a picture of a digit is ink: background removed, cut out, hair lines widened."""

import numpy as np

from cnnviz.data.framing import BOX, area_matrix
from cnnviz.errors import UserError

_LARGE = 500  # pixels; the side up to which a picture is worked on as it is
_FITS = 4  # rounds of fitting the background, in each of which ink at the border is told better
_FAINTEST_CONTRAST = 0.03  # of the brightest level; less is not ink
_CROP_LEVEL = 0.06  # of full ink; fainter pixels do not count when the digit is cut out
_THINNEST_LINE = 1.7  # pixels of the result; MNIST's thinnest


class PreparationError(UserError):
    """A drawing or a picture from which no digit can be prepared."""


def cut_out_ink(grey: np.ndarray) -> np.ndarray:
    """Return the ink of a picture.

    Parameters
    ----------
    grey : np.ndarray, shape (height, width)
        Grey levels at any scale, dark on light or light on dark.

    Returns
    -------
    np.ndarray of float32, shape (h, w)
        The part of the picture that holds ink, 0 (none) to 1; large pictures are reduced.

    Raises
    ------
    PreparationError
        Nothing stands out from the background, or a value is not finite.
    """
    return _thicken(_crop(_find_ink(_shrink_large(grey.astype(np.float32)))))


def _shrink_large(grey: np.ndarray) -> np.ndarray:
    """Average squares of pixels until no side is longer than `_LARGE`."""
    factor = -(-max(grey.shape) // _LARGE)
    if factor <= 1:
        return grey
    height, width = (max(side // factor, 1) for side in grey.shape)
    cut = grey[: height * factor, : width * factor]
    return area_matrix(cut.shape[0], height) @ cut @ area_matrix(cut.shape[1], width).T


def _find_ink(grey: np.ndarray) -> np.ndarray:
    """Return how strongly each pixel is inked, 0 to 1."""
    if grey.size == 0 or not np.isfinite(grey).all():
        raise PreparationError("expected a picture with finite grey levels, found none: choose another picture")
    background, noise = _background(grey)
    ink = background - grey
    if -ink.min() > ink.max():
        ink = -ink
    least = max(8 * noise, _FAINTEST_CONTRAST * float(np.abs(grey).max()))
    if ink.max() <= least:
        raise PreparationError(
            "expected a digit that stands out from its background, found no ink: choose another picture"
        )
    ink[ink < 6 * noise] = 0
    full = np.quantile(ink[ink > ink.max() / 2], 0.9)
    return np.clip(ink / full, 0, 1)


def _background(grey: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the plane (height, width) through the picture's border, ink there left out, and the noise about it."""
    rows, columns = np.indices(grey.shape, dtype=np.float32)
    edge = np.ones(grey.shape, bool)
    edge[1:-1, 1:-1] = False
    terms = np.stack([np.ones(edge.sum(), np.float32), rows[edge], columns[edge]], axis=1)
    levels = grey[edge]
    plane = np.array([np.median(levels), 0, 0], np.float32)
    for _ in range(_FITS):
        deviation = np.abs(levels - terms @ plane)
        near = deviation <= 3 * np.median(deviation)
        plane = np.linalg.lstsq(terms[near], levels[near], rcond=None)[0]
    noise = 1.48 * float(np.median(np.abs(levels - terms @ plane)))
    return plane[0] + plane[1] * rows + plane[2] * columns, noise


def _crop(ink: np.ndarray) -> np.ndarray:
    """Return the part of a picture that holds ink."""
    inked = ink > _CROP_LEVEL
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _thicken(ink: np.ndarray) -> np.ndarray:
    """Widen lines that would come out thinner than `_THINNEST_LINE`.

    Width is estimated as twice the area over the length of the outline (Crofton's formula for the latter).
    """
    outline = np.pi / 4 * sum(np.abs(np.diff(np.pad(ink, 1), axis=axis)).sum() for axis in (0, 1))
    lacking = _THINNEST_LINE * max(ink.shape) / BOX - 2 * ink.sum() / outline
    reach = round(lacking / 2)
    if reach < 1:
        return ink
    ink = np.pad(ink, 2 * reach)  # room for the window, and for what it adds
    for axis in (0, 1):
        ink = np.lib.stride_tricks.sliding_window_view(ink, 2 * reach + 1, axis=axis).max(axis=-1)
    return ink
