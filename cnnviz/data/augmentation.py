"""Random variations of the images that are learnt, so that a network meets each digit in many shapes.

Every image is mapped by an affine map of its own, bent by a smooth random field and read off by bilinear interpolation
(P. Simard, D. Steinkraus, J. Platt, "Best Practices for Convolutional Neural Networks Applied to Visual Document
Analysis", ICDAR 2003, section 2). The field is a sum of Gaussian bumps on a coarse grid, so that it and the affine map
together are one matrix product.
"""

import math
from dataclasses import dataclass, fields
from functools import cache
from numbers import Real

import numpy as np

from cnnviz.data.framing import CENTRE
from cnnviz.data.pen import SIDE
from cnnviz.errors import UserError

LIMITS = {"shift": 8, "rotation": 180, "scale": 0.5, "slant": 1, "thickness": 1, "elastic": 5}
"""The greatest value of each field of an `Augmentation`; the least is 0."""

_BUMPS = 7  # along each side of the grid
_BUMP_SIZE = 4.0  # pixels, standard deviation: Simard's choice for handwriting
_AFFINE = 3  # columns of a map that stand for 1, row and column
_PADDED = SIDE + 3  # a pixel of background before each line, two after it: bilinear interpolation looks one further
_PART = 16  # images varied at a time: their arrays stay in a core's own cache
_MOST_BRIGHTENING = 2.0  # of what interpolation has dimmed


class AugmentationError(UserError):
    """Variations that there are not, or that go too far."""


@dataclass(frozen=True)
class Augmentation:
    """How far images are varied at random; where all is 0 they stay as they are.

    The first five are the ends of a range in which every value is as likely, ``elastic`` is a standard deviation.

    Attributes
    ----------
    shift : float
        Pixels, to each side, up and down.
    rotation : float
        Degrees, to the left and to the right.
    scale : float
        Part by which height and width, each for itself, grow or shrink.
    slant : float
        Tangent of the angle to either side.
    thickness : float
        Pixels by which the pen becomes wider or narrower.
    elastic : float
        Pixels by which a point is moved along each axis, neighbours together.

    Raises
    ------
    AugmentationError
        A value is below 0 or above its limit, or no number.
    """

    shift: float = 0.0
    rotation: float = 0.0
    scale: float = 0.0
    slant: float = 0.0
    thickness: float = 0.0
    elastic: float = 0.0

    def __str__(self) -> str:
        """Return it as `parse_augmentation` reads it."""
        return ",".join(f"{name}={value:g}" for name, value in vars(self).items())

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        for name, most in LIMITS.items():
            value = getattr(self, name)
            if not (isinstance(value, Real) and 0 <= value <= most):
                raise AugmentationError(f"accepted is {name} from 0 to {most:g}, got {value}")

    def apply(self, rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
        """Return a variation of each image, uint8 of shape (n, 28, 28), about as light as it is."""
        maps, pens = self._draw(rng, len(images))
        varied = np.empty_like(images)
        for start in range(0, len(images), _PART):
            span = slice(start, start + _PART)
            varied[span] = _vary(images[span], maps[:, span], pens[span])
        return varied

    def _draw(self, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return maps (2, count, 3 + bumps), see `_basis`, and how much wider each pen gets, in pixels (count,)."""
        ranges = [self.shift, self.shift, math.radians(self.rotation), self.scale, self.scale, self.slant]
        chances = rng.uniform(-1, 1, (count, len(ranges) + 1)).T
        down, across, angle, higher, wider, slant, pens = chances * np.array([*ranges, self.thickness])[:, None]
        cos, sin = np.cos(angle), np.sin(angle)
        maps = np.empty((2, count, _AFFINE + _BUMPS**2), np.float32)
        # From a place in the new image back to where it comes from: turned, then slanted, then stretched.
        maps[0, :, :_AFFINE] = np.stack([down, cos / (1 + higher), sin / (1 + higher)], axis=1)
        maps[1, :, :_AFFINE] = np.stack(
            [across, (slant * cos - sin) / (1 + wider), (cos + slant * sin) / (1 + wider)], axis=1
        )
        maps[:, :, 0] += CENTRE + 1  # that of the padded image
        maps[:, :, _AFFINE:] = self.elastic * rng.standard_normal((2, count, _BUMPS**2), np.float32)
        return maps, pens.astype(np.float32)


LEVELS = {
    "gentle": Augmentation(shift=1, rotation=8, scale=0.1, slant=0.1, thickness=0.3, elastic=0.8),
    "strong": Augmentation(shift=2, rotation=12, scale=0.15, slant=0.2, thickness=0.6, elastic=1.2),
}
"""Augmentations that have a name."""


def parse_augmentation(text: str) -> Augmentation:
    """Return what ``text`` says, a name in `LEVELS` or fields as in "shift=1,rotation=8", those left out being 0.

    Raises
    ------
    AugmentationError
        It says something else, or a value is outside its range.
    """
    if text in LEVELS:
        return LEVELS[text]
    values = {}
    for word in text.split(","):
        name, _, number = word.partition("=")
        try:
            values[name.strip()] = float(number)
        except ValueError:
            raise AugmentationError(_accepted(word)) from None
    if unknown := values.keys() - {field.name for field in fields(Augmentation)}:
        raise AugmentationError(_accepted(min(unknown)))
    return Augmentation(**values)


def _accepted(word: str) -> str:
    return f"accepted is {', '.join(LEVELS)}, or {', '.join(LIMITS)} with numbers, as in shift=1,rotation=8, got {word}"


def _vary(images: np.ndarray, maps: np.ndarray, pens: np.ndarray) -> np.ndarray:
    """Return images (n, 28, 28), float32, seen through ``maps`` and drawn with pens that much wider (n,)."""
    peak = images.max(axis=(1, 2), keepdims=True)
    padded = np.zeros((len(images), _PADDED, _PADDED), np.float32)
    padded[:, 1 : 1 + SIDE, 1 : 1 + SIDE] = _widen(images, pens) if pens.any() else images
    varied = _interpolate(padded, maps @ _basis()).reshape(images.shape)
    now = varied.max(axis=(1, 2), keepdims=True)
    varied *= np.minimum(peak / np.maximum(now, 1), _MOST_BRIGHTENING, dtype=np.float32)
    return np.rint(varied, out=varied)


def _widen(images: np.ndarray, pens: np.ndarray) -> np.ndarray:
    """Return images (n, 28, 28), float32, in which pens are ``pens`` (n,) pixels wider, or narrower where negative.

    A pixel on each side of a line is taken from its neighbours' greatest grey, or given up to their least.
    """
    framed = np.zeros((len(images), SIDE + 2, SIDE + 2), np.uint8)
    framed[:, 1:-1, 1:-1] = images
    extreme = images.copy()
    for chosen, choose in ((pens > 0, np.maximum), (pens < 0, np.minimum)):
        if not chosen.any():
            continue
        source = framed[chosen]
        reached = source[:, 1:-1, 1:-1].copy()
        for row, column in ((0, 1), (2, 1), (1, 0), (1, 2)):
            choose(reached, source[:, row : row + SIDE, column : column + SIDE], out=reached)
        extreme[chosen] = reached
    return images + (np.abs(pens) / 2)[:, None, None] * (extreme.astype(np.float32) - images)


def _interpolate(padded: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the grey (n, k) of images (n, 31, 31) at ``places`` (2, n, k), rows and columns, which are changed."""
    np.clip(places, 0, _PADDED - 2, out=places)
    whole = np.floor(places)
    places -= whole
    first = np.arange(len(padded), dtype=np.float32)[:, None] * _PADDED**2
    corner = (first + whole[0] * _PADDED + whole[1]).astype(np.intp)
    grey = padded.ravel()
    above, below = (
        _between(grey[line:].take(corner), grey[line + 1 :].take(corner), places[1]) for line in (0, _PADDED)
    )
    return _between(above, below, places[0])


def _between(start: np.ndarray, end: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Return what lies at ``part`` of the way from ``start`` to ``end``, in the memory of ``end``."""
    end -= start
    end *= part
    end += start
    return end


@cache
def _basis() -> np.ndarray:
    """Return what the columns of a map are multiplied with, (3 + bumps, 784), to give places in a padded image.

    These are 1, the row and the column, from the centre, and the bumps of the field, which add up so that everywhere
    its standard deviation is that of one bump's height.
    """
    pixels = np.arange(SIDE)
    bumps = np.exp(-((pixels - np.linspace(0, SIDE - 1, _BUMPS)[:, None]) ** 2) / (2 * _BUMP_SIZE**2))
    field = np.einsum("ay,bx->abyx", bumps, bumps).reshape(_BUMPS**2, SIDE**2)
    field /= np.linalg.norm(field, axis=0)
    rows, columns = np.divmod(np.arange(SIDE**2), SIDE)
    return np.vstack([np.ones(SIDE**2), rows - CENTRE, columns - CENTRE, field]).astype(np.float32)
