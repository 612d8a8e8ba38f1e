"""From what a person draws, or has in a file, to an image like MNIST's."""

import ctypes
import logging
import math
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, _imaging

from cnnviz.data.framing import BOX, area_matrix, centre_by_mass, draw_digits, to_grey
from cnnviz.data.ink import PreparationError, cut_out_ink, reduction, without_transparency
from cnnviz.data.pen import SIDE, smooth_path_matrix
from cnnviz.foreign import open_foreign

__all__ = [
    "PreparationError",
    "check_picture_size",
    "picture_from_rgba",
    "prepare_picture",
    "prepare_strokes",
    "prepare_with_pens",
    "read_picture",
]

_EVENT_SPACING = 0.75  # pixels; closer events only carry the jitter of hand and screen
_PATH_SPACING = 0.5  # pixels
_SHARP_TURN = np.radians(80)
_AT_ONCE = 128  # events; the matrix of a path grows with their square
_MOST_POINTS = 5000  # of a drawing; of more, what a person scribbles for minutes, some are passed over
_MOST_STROKES = 1000
_ROUNDING = 1e-9  # extent, as a part of the coordinates' size, below which there is only rounding

MAX_FILE_BYTES = 256 * 2**20
"""Of a picture: 40 megapixels in 16-bit colours, unpacked."""

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_MOST_PIXELS = 40_000_000
_NO_PICTURE = "{path}: expected a PNG, JPEG, BMP, GIF, WebP, TIFF or PNM picture, found none or damage: save it anew"
_TOO_LARGE = "{path}: expected a picture of at most 40 megapixels, found {size}: make it smaller"


def prepare_strokes(strokes: Sequence[np.ndarray], pen_width: float = 2.5, *, dot_extent: float = 0.0) -> np.ndarray:
    """Prepare a drawing.

    Few events of a fast stroke are joined by a smooth curve, which keeps turns of more than 80 degrees sharp.

    Parameters
    ----------
    strokes : sequence of np.ndarray, each of shape (n, 2)
        Pen positions in order (x right, y down), at any scale and place.
    pen_width : float
        In pixels of the result.
    dot_extent : float
        In units of ``strokes``: a drawing no higher and no wider than this is a dot in the middle, not a digit to be
        enlarged.

    Returns
    -------
    np.ndarray of uint8, shape (28, 28)
        Light ink on black.

    Raises
    ------
    ValueError
        There is no point at all.
    PreparationError
        A coordinate is not a finite number, or there are more than 1,000 strokes.
    """
    return prepare_with_pens(strokes, [pen_width], dot_extent=dot_extent)[0]


def prepare_with_pens(
    strokes: Sequence[np.ndarray], pen_widths: Sequence[float], *, dot_extent: float = 0.0
) -> np.ndarray:
    """Prepare a drawing with several pens at once; as `prepare_strokes`, but of shape (pens, 28, 28)."""
    pieces = [np.asarray(stroke, dtype=np.float64).reshape(-1, 2) for stroke in strokes if len(stroke)]
    if not pieces:
        raise ValueError("an empty drawing has nothing to prepare")
    if len(pieces) > _MOST_STROKES:
        raise PreparationError(
            f"expected a digit of at most {_MOST_STROKES:,} strokes, found {len(pieces):,}: draw fewer"
        )
    _require_finite(pieces)
    pieces = _scale_to_box(_pass_over_some(pieces), dot_extent)
    paths = [_smooth(piece) for piece in pieces]
    points = np.concatenate(paths)
    joined = np.ones(len(points) - 1, bool)
    joined[np.cumsum([len(path) for path in paths[:-1]], dtype=int) - 1] = False
    pens = np.array(pen_widths)
    return draw_digits(np.tile(points, (len(pens), 1, 1)), np.tile(joined, (len(pens), 1)), pens)


def _require_finite(strokes: list[np.ndarray]) -> None:
    for number, stroke in enumerate(strokes, start=1):
        if not np.isfinite(stroke).all():
            raise PreparationError(
                f"stroke {number}: expected finite coordinates, found NaN or infinity: draw it again"
            )


def _pass_over_some(strokes: list[np.ndarray]) -> list[np.ndarray]:
    """Return the strokes with about `_MOST_POINTS` points, evenly chosen, where they have more."""
    share = _MOST_POINTS / sum(map(len, strokes))
    if share >= 1:
        return strokes
    counts = [min(len(stroke), 2 + int(share * len(stroke))) for stroke in strokes]
    return [
        stroke[np.linspace(0, len(stroke) - 1, count).astype(int)]
        for stroke, count in zip(strokes, counts, strict=True)
    ]


def _scale_to_box(strokes: list[np.ndarray], dot_extent: float) -> list[np.ndarray]:
    """Return the strokes moved to the origin, the longer side of the drawing 20; a dot shrinks to the origin."""
    points = np.concatenate(strokes)
    unit = max(np.abs(points).max(), np.finfo(float).tiny)  # differences of huge coordinates would overflow
    low = points.min(axis=0) / unit
    extent = (points.max(axis=0) / unit - low).max()
    scale = BOX / extent if extent > max(dot_extent / unit, _ROUNDING) else 0.0
    return [(stroke / unit - low) * scale for stroke in strokes]


def _smooth(stroke: np.ndarray) -> np.ndarray:
    """Return the closely spaced points of a smooth path through a stroke (n, 2) in pixels."""
    stroke = _thin_out(stroke)
    corners = _corners(stroke)
    starts = range(0, max(len(stroke) - 1, 1), _AT_ONCE)
    return np.concatenate([_smooth_part(stroke, corners, start) for start in starts])


def _smooth_part(stroke: np.ndarray, corners: np.ndarray, start: int) -> np.ndarray:
    """Return the path between `_AT_ONCE` points from ``start`` on, with the first of all, without that of other parts.

    The curve between two points depends on one neighbour more on either side.
    """
    first, last = max(start - 1, 0), min(start + _AT_ONCE + 2, len(stroke))
    near = stroke[first:last]
    path = smooth_path_matrix(near, corners[first:last], _PATH_SPACING) @ near
    steps = np.maximum(np.ceil(np.linalg.norm(np.diff(near, axis=0), axis=1) / _PATH_SPACING), 1).astype(int)
    ends = np.concatenate([[0], np.cumsum(steps)])  # the row of each point
    upto = ends[min(start + _AT_ONCE, len(stroke) - 1) - first]
    return path[ends[start - first] + (start > 0) : upto + 1]


def _thin_out(stroke: np.ndarray) -> np.ndarray:
    """Leave out events that lie within `_EVENT_SPACING` of the last one kept, but for the very last event."""
    kept = [0]
    for index in range(1, len(stroke)):
        if np.hypot(*(stroke[index] - stroke[kept[-1]])) >= _EVENT_SPACING:
            kept.append(index)
    if np.hypot(*(stroke[-1] - stroke[kept[-1]])) > _ROUNDING:
        kept.append(len(stroke) - 1)
    return stroke[kept]


def _corners(stroke: np.ndarray) -> np.ndarray:
    """Return which points (n,) of a stroke turn it by more than `_SHARP_TURN`."""
    corners = np.zeros(len(stroke), bool)
    legs = np.diff(stroke, axis=0)
    legs /= np.linalg.norm(legs, axis=1, keepdims=True)
    corners[1:-1] = (legs[:-1] * legs[1:]).sum(axis=1) < np.cos(_SHARP_TURN)
    return corners


def prepare_picture(picture: np.ndarray) -> np.ndarray:
    """Prepare a picture of one digit, dark on light or light on dark, of any size.

    Parameters
    ----------
    picture : np.ndarray, shape (height, width), (height, width, 3) or (height, width, 4)
        Grey levels or colours at any scale, or uint8 colours with opacity. The paper may be shaded and noisy.

    Returns
    -------
    np.ndarray of uint8, shape (28, 28)
        Light ink on black.

    Raises
    ------
    PreparationError
        Nothing stands out from the background, or a value is not finite.
    """
    ink = _reduce_to_box(cut_out_ink(without_transparency(np.asarray(picture))))
    image = np.zeros((1, SIDE, SIDE), np.float32)
    top, left = ((SIDE - side) // 2 for side in ink.shape)
    image[0, top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return centre_by_mass(to_grey(image))[0]


def _reduce_to_box(ink: np.ndarray) -> np.ndarray:
    """Return ``ink`` resized by area to a longer side of 20; where the other is no whole number, margins fill it up."""
    scale = BOX / max(ink.shape)
    sides = [math.ceil(side * scale - _ROUNDING) for side in ink.shape]
    margins = [max(round(new / scale) - old, 0) for new, old in zip(sides, ink.shape, strict=True)]
    ink = np.pad(ink, [(margin // 2, margin - margin // 2) for margin in margins])
    return area_matrix(ink.shape[0], sides[0]) @ ink @ area_matrix(ink.shape[1], sides[1]).T


def read_picture(path: str | Path) -> np.ndarray:
    """Read a picture file, turned as its camera says; a large one is reduced as `prepare_picture` would.

    Parameters
    ----------
    path : str or Path
        A PNG, JPEG, BMP, GIF, WebP, TIFF or PNM file; of several frames the first is read.

    Returns
    -------
    np.ndarray, shape (height, width), (height, width, 3) or (height, width, 4)
        Grey levels, colours or colours with opacity, as `prepare_picture` takes them: uint8, or float32 where the file
        has more than 8 bits a pixel.

    Raises
    ------
    PreparationError
        The file is missing, not a picture, damaged, or has more than 40 megapixels.
    """
    with open_foreign(path, "a picture", MAX_FILE_BYTES, PreparationError) as stream:
        return _decode(path, stream)


def _decode(path: str | Path, stream: BinaryIO) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is odd about a file, but does not keep it from being read
            with Image.open(stream, formats=_FORMATS) as picture:
                check_picture_size(path, picture.width * picture.height)
                return _as_array(picture)
    except PreparationError:
        raise
    except Image.DecompressionBombError as fault:
        raise PreparationError(_TOO_LARGE.format(path=path, size="far more")) from fault
    except Exception as fault:  # decoders meet damaged files with errors of every kind
        raise PreparationError(_NO_PICTURE.format(path=path)) from fault


def picture_from_rgba(pixels: np.ndarray) -> np.ndarray:
    """Return a picture that is no file as ``read_picture`` would.

    Parameters
    ----------
    pixels : np.ndarray of uint8, shape (height, width, 4)
        Red, green, blue, opacity.

    Returns
    -------
    np.ndarray of uint8, shape (height, width, 4)
    """
    return _as_array(Image.fromarray(pixels))


def _be_silent() -> None:
    """Keep Pillow, and the TIFF library within it, from speaking of damaged files on the terminal."""
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    with suppress(OSError, AttributeError):  # it may lie elsewhere; then it speaks
        library = ctypes.CDLL(_imaging.__file__)
        for speaker in (library.TIFFSetErrorHandler, library.TIFFSetWarningHandler):
            speaker.argtypes, speaker.restype = (ctypes.c_void_p,), ctypes.c_void_p
            speaker(None)


_be_silent()


def check_picture_size(path: str | Path, pixels: int) -> None:
    """Raise PreparationError where a picture, by this name, has more than 40 megapixels."""
    if pixels > _MOST_PIXELS:
        raise PreparationError(_TOO_LARGE.format(path=path, size=f"{pixels / 1e6:.0f}"))


def _as_array(picture: Image.Image) -> np.ndarray:
    """Return the pixels of an opened picture."""
    if picture.mode[0] in "IF":  # 16 or 32 bits, which Pillow would cut off at 255
        return np.asarray(ImageOps.exif_transpose(picture), dtype=np.float32)
    factor = reduction(picture.size)
    picture.draft("RGB", (picture.width // factor, picture.height // factor))  # a JPEG is decoded no larger
    has_colours = picture.mode not in ("1", "L")
    picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB" if has_colours else "L")
    if (factor := reduction(picture.size)) > 1:
        picture = picture.reduce(factor)
    return np.asarray(ImageOps.exif_transpose(picture))
