"""Handwritten digits from nothing: the forms of `templates`, varied as hands vary them.

One function a stage. Each works on ``N`` digits at once; shapes are given in the docstrings.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from cnnviz.data.framing import BOX, draw_digits
from cnnviz.data.pen import SIDE, WIDEST_PEN, smooth_path_matrix
from cnnviz.data.strokes.templates import FORMS

DIGITS = 10

# Standard deviations of the variations; none goes further than twice as far.
WOBBLE = 0.028
"""Of single control points, as a part of the digit's height."""
WARP = 0.048
"""Of the smooth displacement of the whole, as a part of the digit's height."""
SLANT_MEAN, SLANT_SPREAD = 0.16, 0.26
"""Tangent of the angle; people lean to the right."""
TURN = 0.09
"""In radians."""
ASPECT = 0.2
"""Of the logarithm of width to height."""
PEN_MEDIAN, PEN_SPREAD, PEN_RANGE = 2.6, 0.32, (1.6, 5.0)
"""In pixels; the spread is that of the logarithm."""
PEN_ROOM = 0.42
"""Greatest part of the digit's room that a pen may fill."""
BLEEDING, FINE_PEN = 0.28, 1.0
"""How far ink strays from the pen's edge: up to this part of what the pen is wider than a fine one, in pixels."""
MOST_BLEEDING = 0.52
"""In pixels."""

_UNIT = 100  # height of a template
_SPACING = 0.65 / BOX  # of path points, as a part of the height


@dataclass(frozen=True)
class _Forms:
    """All templates, padded to a common size; T forms, n control points, K path points.

    Attributes
    ----------
    controls : np.ndarray, shape (T, n, 2)
        Control points in units of the digit's height, the origin in the middle.
    matrices : np.ndarray, shape (T, K, n)
        From control points to path points.
    joined : np.ndarray of bool, shape (T, K - 1)
        Whether the pen stays down between a path point and the next.
    limits : np.ndarray, shape (11,)
        The forms of digit d are ``limits[d]`` up to ``limits[d + 1]``.
    frequencies : np.ndarray, shape (T,)
        Adding up to 1 within each digit.
    """

    controls: np.ndarray
    matrices: np.ndarray
    joined: np.ndarray
    limits: np.ndarray
    frequencies: np.ndarray


def parse_path(path: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the control points (n, 2) and corner flags (n,) of each stroke of a path of `templates`."""
    strokes = []
    for stroke in path.split("|"):
        words = stroke.split()
        points = np.array([[float(number) for number in word.rstrip("!").split(",")] for word in words])
        strokes.append((points / _UNIT - 0.5, np.array([word.endswith("!") for word in words])))
    return strokes


def _compile_path(path: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return control points (n, 2), matrix (k, n) and joined (k - 1,) of one path."""
    strokes = parse_path(path)
    controls = np.concatenate([points for points, _ in strokes])
    blocks = [smooth_path_matrix(points, corners, _SPACING) for points, corners in strokes]
    matrix = np.zeros((sum(len(block) for block in blocks), len(controls)))
    joined = np.ones(len(matrix) - 1, bool)
    row = column = 0
    for block in blocks:
        matrix[row : row + len(block), column : column + block.shape[1]] = block
        row, column = row + len(block), column + block.shape[1]
        joined[row - 1 : row] = False
    return controls, matrix, joined


@cache
def _forms() -> _Forms:
    """Return the tables of all `templates.FORMS`; they are built when digits are first wanted, not at the start."""
    paths = [_compile_path(path) for forms in FORMS for _, path in forms]
    n = max(len(controls) for controls, _, _ in paths)
    k = max(len(matrix) for _, matrix, _ in paths)
    controls = np.zeros((len(paths), n, 2), np.float32)
    matrices = np.zeros((len(paths), k, n), np.float32)
    joined = np.ones((len(paths), k - 1), bool)
    for index, (points, matrix, links) in enumerate(paths):
        controls[index, : len(points)] = points
        matrices[index, : len(matrix), : len(points)] = matrix
        matrices[index, len(matrix) :, : len(points)] = matrix[-1]  # the pen rests at the end
        joined[index, : len(links)] = links
    weights = [np.array([weight for weight, _ in forms]) for forms in FORMS]
    frequencies = np.concatenate([weight / weight.sum() for weight in weights])
    return _Forms(controls, matrices, joined, np.cumsum([0, *map(len, FORMS)]), frequencies)


def generate_digits(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Write ``count`` digits in random order.

    Returns
    -------
    images : np.ndarray of uint8, shape (count, 28, 28)
        Light ink on black, prepared as MNIST is.
    labels : np.ndarray of int64, shape (count,)
        Each digit a tenth of them, as far as ``count`` allows.
    """
    labels = choose_labels(rng, count)
    forms = choose_forms(rng, labels)
    tables = _forms()
    controls = wobble(rng, tables.controls[forms])
    points = np.matmul(tables.matrices[forms], controls)
    points = lean(rng, warp(rng, points))
    joined = tables.joined[forms]
    pens = choose_pens(rng, points, joined)
    return draw_digits(points, joined, pens, bleed(rng, pens)), labels


def choose_labels(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return digits (count,) in random order, evenly shared out."""
    return rng.permutation(np.arange(count) % DIGITS)


def choose_forms(rng: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    """Return the index (N,) of a form of each digit, as often as it is written."""
    tables = _forms()
    ends = np.cumsum(tables.frequencies)
    forms = np.searchsorted(ends, labels + rng.random(len(labels)), side="right")
    return np.clip(forms, tables.limits[labels], tables.limits[labels + 1] - 1)


def wobble(rng: np.random.Generator, controls: np.ndarray) -> np.ndarray:
    """Move each control point (N, n, 2) a little, half of it together with the next one."""
    count, n, _ = controls.shape
    steps = _normal(rng, WOBBLE, (count, n + 1, 2))
    return controls + (steps[:, :-1] + steps[:, 1:]) / np.float32(np.sqrt(2))


def warp(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """Bend the plane under the path points (N, K, 2) by sine waves of two lengths, random in direction and size."""
    for waves in (0.5, 0.9):  # a height
        shape = (len(points), 1, 2)
        angle = rng.uniform(0, 2 * np.pi, shape).astype(np.float32)
        phase = rng.uniform(0, 2 * np.pi, shape).astype(np.float32)
        size = _normal(rng, WARP / waves, shape)
        along = np.cos(angle) * points[:, :, :1] + np.sin(angle) * points[:, :, 1:]
        points = points + size * np.sin(2 * np.pi * waves * along + phase)
    return points


def lean(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """Stretch, slant and turn the path points (N, K, 2)."""
    count = len(points)
    aspect = np.exp(_normal(rng, ASPECT, count))
    slant = SLANT_MEAN + _normal(rng, SLANT_SPREAD, count)
    turn = _normal(rng, TURN, count)
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = np.array([[aspect * cos, aspect * sin], [-slant * cos - sin, cos - slant * sin]])
    return np.matmul(points, matrix.transpose(2, 0, 1))


def choose_pens(rng: np.random.Generator, points: np.ndarray, joined: np.ndarray) -> np.ndarray:
    """Return pen widths (N,) in pixels for path points (N, K, 2): no wider than leaves the eyes of loops open.

    What of a path is longer than a straight line has to find room beside the rest; a straight line takes any pen.
    """
    length = np.linalg.norm(np.diff(points, axis=1), axis=2) * joined
    size = np.ptp(points, axis=1).max(axis=1)
    straight, area = _extent((points[:, 1:] + points[:, :-1]) / 2, length)
    widest = PEN_ROOM * BOX * area / size / np.maximum(length.sum(axis=1) - straight, 0.001 * size)
    pens = PEN_MEDIAN * np.exp(_normal(rng, PEN_SPREAD, len(points)))
    return np.clip(np.minimum(pens, widest), *PEN_RANGE)


def _extent(points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return lengths (N,) and areas (N,) that, evenly covered, have the covariance of the points (N, K, 2).

    The length is that of a straight line, of whatever direction; the area that of a parallelogram.
    """
    weights = weights / weights.sum(axis=1, keepdims=True)
    offset = points - np.matmul(weights[:, None, :], points)
    covariance = np.matmul((offset * weights[:, :, None]).transpose(0, 2, 1), offset)
    least, greatest = np.maximum(np.linalg.eigvalsh(covariance), 0).T
    return np.sqrt(12 * greatest), 12 * np.sqrt(least * greatest)


def bleed(rng: np.random.Generator, pens: np.ndarray) -> np.ndarray:
    """Return how far the ink of pens of these widths (N,) strays from their edge, (N, 28, 28) pixels.

    Scanned ink has ragged edges, in each digit to another degree, the more the wider the pen. None leaves the box.
    """
    most = np.minimum(BLEEDING * (pens - FINE_PEN), MOST_BLEEDING)
    degree = (most * rng.random(len(pens))).astype(np.float32)
    stray = np.full((len(pens), SIDE, SIDE), -WIDEST_PEN, np.float32)
    box = slice((SIDE - BOX) // 2, (SIDE + BOX) // 2)
    stray[:, box, box] = degree[:, None, None] * _normal(rng, 1, (len(pens), BOX, BOX))
    return stray


def _normal(rng: np.random.Generator, spread: float, shape: int | tuple[int, ...]) -> np.ndarray:
    """Return float32 normal deviates, those beyond twice the standard deviation cut back to it."""
    return np.float32(spread) * np.clip(rng.standard_normal(shape, dtype=np.float32), -2, 2)
