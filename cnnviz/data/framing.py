"""MNIST's frame: ink in a box of 20 x 20, its centre of mass in the middle of 28 x 28.

What is drawn, what is read from a file and what is generated all pass through here, so that a network meets the same
kind of image wherever it comes from.
"""

import numpy as np

from cnnviz.data.pen import SIDE, render

BOX = 20
"""The longer side of the ink, in pixels."""

CENTRE = 14.0
"""Where the centre of mass goes, in index coordinates, to within half a pixel."""

_ROUNDING = 1e-6  # pixels; a symmetrical digit lies between two shifts, and rounding is not to choose
_FUZZ = 0.1  # pixels; the pen's edge reaches a little further at tips and crossings


def draw_digits(
    points: np.ndarray, joined: np.ndarray, pen_width: np.ndarray, bleeding: np.ndarray | None = None
) -> np.ndarray:
    """Draw pen paths as MNIST images.

    Parameters
    ----------
    points : np.ndarray, shape (N, K, 2)
        Points (x right, y down) of each path, at any scale; at 20 pixels' height neighbours lie within 0.8 pixels.
    joined : np.ndarray of bool, shape (N, K - 1)
        Whether the pen stays down between a point and the next.
    pen_width : np.ndarray, shape (N,)
        In pixels of the result.
    bleeding : np.ndarray, shape (N, 28, 28), optional
        As `render` takes it, before the digit is centred.

    Returns
    -------
    np.ndarray of uint8, shape (N, 28, 28)
        Light ink on black.
    """
    return centre_by_mass(to_grey(render(fit_into_box(points, pen_width), joined, pen_width, bleeding)))


def fit_into_box(points: np.ndarray, pen_width: np.ndarray) -> np.ndarray:
    """Scale and move paths (N, K, 2) so that ink of ``pen_width`` (N,) fills the middle 20 x 20 pixels, aspect kept.

    A path without extent becomes a dot in the middle.
    """
    low, high = points.min(axis=1, keepdims=True), points.max(axis=1, keepdims=True)
    extent = (high - low).max(axis=2, keepdims=True)
    room = (BOX - _FUZZ - pen_width)[:, None, None]
    scale = np.divide(room, extent, out=np.ones_like(extent), where=extent > 0)
    return (points - (low + high) / 2) * scale + (SIDE - 1) / 2


def to_grey(coverage: np.ndarray) -> np.ndarray:
    """Return ink (N, 28, 28) as uint8 grey levels with a peak of 255 in each image."""
    peak = coverage.max(axis=(1, 2), keepdims=True)
    return np.rint(coverage * (255 / peak)).astype(np.uint8)


def centre_by_mass(images: np.ndarray) -> np.ndarray:
    """Shift images (N, 28, 28) by whole pixels so that each centre of mass comes to lie in [13.5, 14.5).

    Ink is never pushed over the edge: such an image stays off centre.
    """
    down, across = (_centring_shift(images.sum(axis=axis, dtype=np.float64)) for axis in (2, 1))
    index = np.arange(SIDE)
    rows = (index - down[:, None]) % SIDE
    columns = (index - across[:, None]) % SIDE
    return images[np.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]]


def _centring_shift(profile: np.ndarray) -> np.ndarray:
    """Return the shift (N,) that centres each ink profile (N, 28)."""
    index = np.arange(SIDE)
    mass = profile @ index / profile.sum(axis=1)
    wish = np.ceil(CENTRE - 0.5 - mass - _ROUNDING).astype(int)
    inked = profile > 0
    room_before = inked.argmax(axis=1)
    room_after = inked[:, ::-1].argmax(axis=1)
    return np.clip(wish, -room_before, room_after)


def area_matrix(size: int, new_size: int) -> np.ndarray:
    """Return the matrix (new_size, size) that resizes by averaging over area."""
    edges = np.linspace(0, size, new_size + 1)
    pixels = np.arange(size)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (np.maximum(overlap, 0) * (new_size / size)).astype(np.float32)
