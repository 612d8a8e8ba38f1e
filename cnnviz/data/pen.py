"""A pen: smooth paths through a few points, and round ink along them.

The generator of handwriting draws thousands of digits at once with it, the drawing pad one at a time; both get the
same line.
"""

from itertools import pairwise

import numpy as np

SIDE = 28
"""Height and width of an image, in pixels."""

WIDEST_PEN = 5.0
"""The greatest pen width, in pixels, for which `render` is exact."""

_SOFTNESS = 0.35  # pixels; spread of the Gaussian at each pen point, small enough to leave the eye of a loop open
_LEAST_EXPONENT = -40.0  # keeps products of two Gaussians above the smallest normal float32
_FARTHEST = 3.0  # pixels; greater distances from the path are not told apart


def smooth_path_matrix(points: np.ndarray, corners: np.ndarray, spacing: float) -> np.ndarray:
    """Return the matrix that turns control points into closely spaced points of a smooth path.

    The path is a centripetal Catmull-Rom spline (Yuksel, Schaefer, Keyser, 2011): it passes through every control point
    and has no loops or cusps of its own. It is linear in the control points, so the matrix made for one set of them
    also serves slightly moved ones.

    Parameters
    ----------
    points : np.ndarray, shape (n, 2)
        Control points; neighbours differ.
    corners : np.ndarray of bool, shape (n,)
        Where the path turns sharply.
    spacing : float
        Greatest distance of neighbouring path points, about, in the units of ``points``.

    Returns
    -------
    np.ndarray, shape (k, n)
        ``matrix @ points`` is the path.
    """
    count = len(points)
    breaks = [0, *(np.flatnonzero(corners[1:-1]) + 1), count - 1]
    rows = [np.eye(count)[:1]]
    for first, last in pairwise(breaks):
        piece = np.zeros((0, count)) if first == last else _piece_rows(points, first, last, spacing)
        rows.append(piece)
    return np.concatenate(rows)


def _piece_rows(points: np.ndarray, first: int, last: int, spacing: float) -> np.ndarray:
    """Return the rows of `smooth_path_matrix` between two corners, without the row of the first one."""
    chords = np.linalg.norm(np.diff(points[first : last + 1], axis=0), axis=1)
    knots = np.sqrt(chords)
    samples = np.maximum(np.ceil(chords / spacing), 1).astype(int)
    segment = np.repeat(np.arange(last - first), samples)
    step = np.arange(len(segment)) - np.repeat(np.cumsum(samples) - samples, samples) + 1
    t = (step / samples[segment])[:, None]
    position = np.eye(last - first + 1)
    tangent = _tangents(knots)
    width = knots[segment][:, None]
    rows = np.zeros((len(segment), len(points)))
    # Cubic Hermite basis.
    rows[:, first : last + 1] = (
        (1 + 2 * t) * (1 - t) ** 2 * position[segment]
        + t**2 * (3 - 2 * t) * position[segment + 1]
        + t * (1 - t) ** 2 * width * tangent[segment]
        - t**2 * (1 - t) * width * tangent[segment + 1]
    )
    return rows


def _tangents(knots: np.ndarray) -> np.ndarray:
    """Return the matrix (n, n) from control points to tangents, for n - 1 knot intervals.

    Inside, the slope of the parabola through three neighbours; at either end, the slope that leaves no curvature there.
    """
    slopes = np.diff(np.eye(len(knots) + 1), axis=0) / knots[:, None]
    if len(knots) == 1:
        return np.repeat(slopes, 2, axis=0)
    before, after = knots[:-1, None], knots[1:, None]
    inner = (after * slopes[:-1] + before * slopes[1:]) / (before + after)
    start = 1.5 * slopes[:1] - 0.5 * inner[:1]
    end = 1.5 * slopes[-1:] - 0.5 * inner[-1:]
    return np.concatenate([start, inner, end])


def render(
    points: np.ndarray, joined: np.ndarray, pen_width: np.ndarray, bleeding: np.ndarray | None = None
) -> np.ndarray:
    """Draw ``N`` paths with a round pen, anti-aliased over one pixel.

    The sum of Gaussians at closely spaced pen points, each weighted with its share of the path, is
    ``exp(-d^2 / 2 s^2)`` beside a straight line, d being the distance to it; so ``-2 s^2 log(sum)`` is a smooth squared
    distance to any path. As Gaussians are separable the sum is one small matrix product an image.

    Parameters
    ----------
    points : np.ndarray, shape (N, K, 2)
        Pen points (x right, y down) in pixels; (0, 0) is the middle of the first pixel. Neighbours of a stroke lie
        within 0.8 pixels or so of each other.
    joined : np.ndarray of bool, shape (N, K - 1)
        Whether the pen stays down between a point and the next.
    pen_width : np.ndarray, shape (N,)
        In pixels, up to `WIDEST_PEN`.
    bleeding : np.ndarray, shape (N, 28, 28), optional
        How far, in pixels, ink reaches beyond the pen's edge at each pixel; negative where it falls short of it.

    Returns
    -------
    np.ndarray of float32, shape (N, 28, 28)
        The inked part of each pixel, 0 to 1.
    """
    points = points.astype(np.float32)
    pixels = np.arange(SIDE, dtype=np.float32)
    across, down = (_bell(pixels[:, None] - points[:, None, :, axis]) for axis in (0, 1))
    down *= _ink_share(points, joined)[:, None, :]
    total = np.matmul(down, across.transpose(0, 2, 1))
    distance = np.sqrt(np.maximum(-2 * _SOFTNESS**2 * np.log(total), 0))
    reach = (pen_width / 2).astype(np.float32)[:, None, None]
    if bleeding is not None:
        reach = np.minimum(reach + bleeding, _FARTHEST - 0.5)
    return np.clip(0.5 + reach - distance, 0, 1)


def _bell(offset: np.ndarray) -> np.ndarray:
    """Return exp(-offset^2 / 2 s^2), kept above zero; overwrites ``offset``."""
    offset *= offset
    offset *= np.float32(-0.5 / _SOFTNESS**2)
    return np.exp(np.maximum(offset, np.float32(_LEAST_EXPONENT), out=offset), out=offset)


def _ink_share(points: np.ndarray, joined: np.ndarray) -> np.ndarray:
    """Return the weight (N, K) of each pen point: its share of the path's length, and half a point at each end.

    The latter makes ends round, and a stroke of a single point a dot.
    """
    length = np.linalg.norm(np.diff(points, axis=1), axis=2) / (np.sqrt(2 * np.pi) * _SOFTNESS)
    link = np.where(joined, length / 2, 0.5).astype(np.float32)
    share = np.full(points.shape[:2], 0.5, np.float32)
    share[:, 1:] = link
    share[:, :1] = 0.5
    share[:, :-1] += link
    share[:, -1] += 0.5
    return share
