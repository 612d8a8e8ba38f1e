"""What in a picture of a digit is ink: colours mixed, paper removed, specks left out, cut out, hair lines widened."""

import numpy as np

from cnnviz.data.filters import fill_valleys, greatest_around, label_components, mean_around
from cnnviz.data.framing import BOX
from cnnviz.errors import UserError

LARGE = 800
"""Pixels; the side up to which a picture is worked on as it is."""

_FITS = 4  # rounds of fitting the paper at the border, in each of which ink there is told better
_FAINTEST_CONTRAST = 0.03  # of the brightest level; less is not ink
_CROP_LEVEL = 0.06  # of full ink; fainter pixels do not count when the digit is cut out
_THINNEST_LINE = 1.7  # pixels of the result; MNIST's thinnest

# Paper counts as even where, in parts of full ink, half of the picture deviates from a plane by no more than the one,
# and all but a hundredth by no more than the other to the side that cannot be ink.
_EVEN, _EVEN_OUTLIERS = 0.02, 0.08
_EVEN_BORDER = 0.1  # of the border is inked at most; more is shade

# On uneven paper, in parts of full ink:
_SAME = 1e-4  # strengths that differ by less, of themselves, do so by rounding
_FOOT, _HEAD = 0.2, 0.85  # what is fainter is paper, what is stronger is full
_CONNECTED = 0.35  # what hangs together with ink at least that strong is ink

# Of a picture that is transparent in places:
_ONE_COLOUR = 48  # levels; a smaller difference is the same colour
_STRAY = 0.01  # of the opaque pixels may have another one
_CARD = 0.7  # of the box around what is opaque is opaque where there is paper

_CALM, _CALM_FROM = 300, 100  # pixels of the longer side; to one of reach when noise is smoothed, and where that begins

_INNER_PART = 0.2  # of the area of the largest part, if that touches the border
_SMALLEST_PART = 0.03  # of the area of the largest part; smaller ones are specks
_FARTHEST_PART = 0.5  # of the extent of the largest part


class PreparationError(UserError):
    """A drawing or a picture from which no digit can be prepared."""


def cut_out_ink(picture: np.ndarray) -> np.ndarray:
    """Return the ink of a picture.

    Parameters
    ----------
    picture : np.ndarray, shape (height, width) or (height, width, 3)
        Grey levels or colours at any scale, dark on light or light on dark.

    Returns
    -------
    np.ndarray of float32, shape (h, w)
        The part of the picture that holds ink, 0 (none) to 1; large pictures are reduced.

    Raises
    ------
    PreparationError
        Nothing stands out from the background, or a value is not finite.
    """
    if picture.size == 0 or not np.isfinite(picture).all():
        raise PreparationError("expected a picture with finite grey levels, found none: choose another picture")
    planes = np.atleast_3d(picture).transpose(2, 0, 1)
    planes = np.stack([_shrink_large(plane.astype(np.float32)) for plane in planes])
    planes /= max(float(np.abs(planes).max()), np.finfo(np.float32).tiny)
    return _thicken(_crop(_find_ink(_mix(planes))))


def _shrink_large(grey: np.ndarray) -> np.ndarray:
    """Average squares of pixels, so that no side is longer than `LARGE`."""
    factor = reduction(grey.shape)
    if factor <= 1:
        return grey
    height, width = (max(side // factor, 1) for side in grey.shape)
    down, across = min(factor, grey.shape[0]), min(factor, grey.shape[1])
    return grey[: height * down, : width * across].reshape(height, down, width, across).mean(axis=(1, 3))


def reduction(shape: tuple[int, ...]) -> int:
    """Return the side of the squares that become one pixel each in a picture of ``shape``."""
    return -(-max(shape) // LARGE)


def without_transparency(picture: np.ndarray) -> np.ndarray:
    """Return a picture without its opacity, the fourth of its planes (height, width, 4), if it has one.

    Ink of one colour, or few inked pixels, on nothing: then the opacity itself is the ink, (height, width), whatever
    its colour. Otherwise the paper is there, and goes on in its own colour, (height, width, 3).
    """
    if picture.ndim < 3 or picture.shape[2] < 4:
        return picture
    colours, opacity = picture[..., :3].astype(np.float32), picture[..., 3].astype(np.float32) / 255
    if opacity.min(initial=1) == 1:
        return picture[..., :3]
    opaque = opacity > 0.5
    if not opaque.any():
        return opacity
    usual = np.median(colours[opaque], axis=0)
    differs = np.abs(colours[opaque] - usual).max(axis=1) > _ONE_COLOUR
    rows, columns = np.flatnonzero(opaque.any(axis=1)), np.flatnonzero(opaque.any(axis=0))
    area = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
    if differs.mean() < _STRAY or opaque.sum() < _CARD * area:
        return opacity
    return usual + (colours - usual) * opacity[..., None]


def _mix(planes: np.ndarray) -> np.ndarray:
    """Return the mixture (height, width) of colour planes (3, height, width) in which details differ most.

    The weights are the first principal component of what is left when each plane's slow changes, which are mostly
    light and shade, are taken away: for black on white all equal, for yellow on white mostly blue, for red on green
    their difference. They add up to 1 without their signs.
    """
    if len(planes) == 1 or (planes == planes[:1]).all():
        return planes[0]
    reach = max(planes.shape[1:]) // 8 + 1
    details = np.stack([plane - mean_around(plane, reach) for plane in planes]).reshape(len(planes), -1)
    weights = np.linalg.eigh(details @ details.T)[1][:, -1]
    weights *= (1 if weights.sum() >= 0 else -1) / np.abs(weights).sum()
    return np.tensordot(weights.astype(np.float32), planes, 1)


def _find_ink(grey: np.ndarray) -> np.ndarray:
    """Return how strongly each pixel is inked, 0 to 1, specks left out."""
    ink = _on_even_paper(grey)
    if ink is None:
        ink = _on_uneven_paper(grey if _is_ink_dark(grey) else -grey)
    return ink


def _on_even_paper(grey: np.ndarray) -> np.ndarray | None:
    """Return the ink where the paper is a plane of grey levels, None where it is not."""
    paper, noise = _paper_through_border(grey)
    ink = paper - grey
    ink *= _sign_of_ink(ink)
    peak = ink.max()
    if peak <= max(8 * noise, _FAINTEST_CONTRAST):
        return None
    full = np.quantile(ink[ink > peak / 2], 0.9)
    is_even = np.median(np.abs(ink)) <= _EVEN * full and np.quantile(-ink, 0.99) <= _EVEN_OUTLIERS * full
    if not is_even or (ink[_border(ink.shape)] > _CONNECTED * full).mean() > _EVEN_BORDER:
        return None
    ink[ink < 6 * noise] = 0
    ink = np.clip(ink / full, 0, 1)
    inked = ink > _CROP_LEVEL
    ink[inked & ~_without_specks(inked)] = 0
    return ink


def _sign_of_ink(deviation: np.ndarray) -> int:
    """Return 1 where what deviates most from the paper is positive, else -1."""
    return 1 if np.power(deviation, 3).sum() >= 0 else -1


def _is_ink_dark(grey: np.ndarray) -> bool:
    """Return whether narrow things are darker than what is around them; the edge of a shadow is darker and lighter.

    The nearer to the border, the less they count: there may be the edges of the paper, on a table that is dark.
    """
    down, across = (np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 0.25 for side in grey.shape)
    return _sign_of_ink((mean_around(grey, max(grey.shape) // 6 + 1) - grey) * np.outer(down, across)) > 0


def _border(shape: tuple[int, ...]) -> np.ndarray:
    """Return a mask of the outermost pixels."""
    border = np.ones(shape, bool)
    border[1:-1, 1:-1] = False
    return border


def _paper_through_border(grey: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the plane (height, width) through the picture's border, ink there left out, and the noise about it."""
    rows, columns = np.indices(grey.shape, dtype=np.float32)
    border = _border(grey.shape)
    levels = grey[border]
    terms = np.stack([np.ones_like(levels), rows[border], columns[border]], axis=1)
    plane = np.array([np.median(levels), 0, 0], np.float32)
    for _ in range(_FITS):
        deviation = np.abs(levels - terms @ plane)
        near = deviation <= 3 * np.median(deviation)
        plane = np.linalg.lstsq(terms[near], levels[near], rcond=None)[0]
    noise = 1.48 * float(np.median(np.abs(levels - terms @ plane)))
    return plane[0] + plane[1] * rows + plane[2] * columns, noise


def _on_uneven_paper(grey: np.ndarray) -> np.ndarray:
    """Return the dark ink on paper that light and shade, noise and lines make uneven.

    The paper is what remains when dark valleys are filled that are narrower than a few strokes. Ink takes away a part
    of the light that falls there, so it is measured as a part of the paper's level.
    """
    side = max(grey.shape)
    calm = mean_around(grey, side // _CALM) if side >= _CALM_FROM else grey
    reach = side // 6 + 1
    for _ in range(2):
        paper = fill_valleys(calm, reach)
        paper -= np.median(paper - calm)  # the valleys of noise are filled too
        scale = np.maximum(paper, 0.1) if grey.min() >= 0 else np.ones_like(paper)
        strength = (paper - calm) / scale
        least, full = _levels(strength)
        mask = _without_specks(strength > _CONNECTED * full, strength > least)
        width = _stroke_width(mask.astype(np.float32))
        reach = min(reach, round(2 * width) + 1)
    ink = np.clip(((paper - grey) / scale / full - _FOOT) / (_HEAD - _FOOT), 0, 1)
    return ink * greatest_around(mask.astype(np.float32), max(round(width / 2), 1))


def _levels(strength: np.ndarray) -> tuple[float, float]:
    """Return the strength above which there is ink for sure, and that of full ink."""
    noise = 1.48 * float(np.median(np.abs(strength)))
    candidates = strength[strength > max(6 * noise, _FAINTEST_CONTRAST)]
    if not candidates.size or np.quantile(candidates, 0.9) <= max(8 * noise, _FAINTEST_CONTRAST):
        raise PreparationError(
            "expected a digit that stands out from its background, found no ink: choose another picture"
        )
    least = _two_classes(candidates)
    return least, float(np.quantile(candidates[candidates > least], 0.75))


def _two_classes(values: np.ndarray) -> float:
    """Return the level that divides ``values`` so that the classes differ most (N. Otsu, 1979).

    Where all are the same, but for rounding, it lies below them.
    """
    if values.max() - values.min() <= _SAME * values.max():
        return float(values.min()) / 2
    counts, edges = np.histogram(values, bins=128)
    middles = (edges[:-1] + edges[1:]) / 2
    below, total = np.cumsum(counts), np.cumsum(counts * middles)
    above = below[-1] - below
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = total / below - (total[-1] - total) / above
    return float(edges[1:][np.nanargmax(np.where(above > 0, below * above * gap**2, np.nan))])


def _without_specks(mask: np.ndarray, strong: np.ndarray | None = None) -> np.ndarray:
    """Return those parts of ``mask`` that make up the digit: large enough, and near enough to the largest.

    A part at the picture's border, such as the edge of the paper, is not the largest where there is another of a
    fifth of its size. Parts without ``strong`` pixels are left out.
    """
    labels, count = label_components(mask)
    areas = np.bincount(labels.ravel(), weights=None if strong is None else strong.ravel(), minlength=count + 1)
    areas[0] = 0
    inner = areas.copy()
    inner[labels[_border(mask.shape)]] = 0
    main = int(inner.argmax() if inner.max() >= _INNER_PART * areas.max() else areas.argmax())
    boxes = _boxes(labels, count)
    low, high = boxes[:, :2], boxes[:, 2:]
    gap = np.maximum(low - high[main], low[main] - high).max(axis=1)
    kept = (areas >= _SMALLEST_PART * areas[main]) & (gap <= _FARTHEST_PART * (high[main] - low[main]).max())
    if inner[main] > 0:
        kept &= inner > 0
    return kept[labels]


def _boxes(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the first row and column of each label, and those after the last (count + 1, 4)."""
    boxes = np.zeros((count + 1, 4), int)
    boxes[:, :2] = max(labels.shape)
    for axis, index in enumerate(np.nonzero(labels)):
        which = labels[labels > 0]
        np.minimum.at(boxes[:, axis], which, index)
        np.maximum.at(boxes[:, 2 + axis], which, index + 1)
    return boxes


def _crop(ink: np.ndarray) -> np.ndarray:
    """Return the part of a picture that holds ink."""
    inked = ink > _CROP_LEVEL
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _stroke_width(ink: np.ndarray) -> float:
    """Return the mean width of the strokes: twice the area over the length of the outline (Crofton's formula)."""
    outline = np.pi / 4 * sum(np.abs(np.diff(np.pad(ink, 1), axis=axis)).sum() for axis in (0, 1))
    return float(2 * ink.sum() / outline)


def _thicken(ink: np.ndarray) -> np.ndarray:
    """Widen lines that would come out thinner than `_THINNEST_LINE`."""
    reach = round((_THINNEST_LINE * max(ink.shape) / BOX - _stroke_width(ink)) / 2)
    return greatest_around(np.pad(ink, 2 * reach), reach) if reach >= 1 else ink
