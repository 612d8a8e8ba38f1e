"""What a network was given while a drawing came about: images along the pen's way, from the first point on."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cnnviz.gui.strokes import Stroke

MOST_MOMENTS = 150


@dataclass(frozen=True, eq=False)
class Moment:
    """A drawing as it once was.

    Attributes
    ----------
    points : int
        How many points its strokes had, in all.
    share : float
        Which part of the whole way the pen had gone, 0 to 1.
    image : array of uint8, shape (28, 28)
        What it was prepared to.
    """

    points: int
    share: float
    image: np.ndarray


class Course:
    """Images of a drawing from its first point to its last, thinned out evenly where there are many.

    They are recorded as they come up. Where some are missing, as when a clearing was undone, ``missing`` says which.
    """

    def __init__(self) -> None:
        self._strokes: tuple[Stroke, ...] = ()
        self._images: dict[int, np.ndarray] = {}  # number of points -> image, in that order
        self._spacing = 1  # points from one image to the next, at least

    def follow(self, strokes: tuple[Stroke, ...]) -> None:
        """Take on the strokes as they are now, and forget images of others."""
        kept = 0
        for before, now in zip(self._strokes, strokes, strict=False):
            if before is not now:
                break
            kept += len(now)
        self._strokes = strokes
        self._images = {points: image for points, image in self._images.items() if points <= kept}
        if not self._images:
            self._spacing = 1

    @property
    def total(self) -> int:
        """How many points the drawing has."""
        return sum(map(len, self._strokes))

    def record(self, points: int, image: np.ndarray) -> None:
        """Keep what the first ``points`` points were prepared to, if that is not too close to what is kept already."""
        if any(abs(points - other) < self._spacing for other in self._images):
            return
        self._images[points] = image
        self._images = dict(sorted(self._images.items()))
        if len(self._images) > MOST_MOMENTS:
            self._images = dict(list(self._images.items())[::2])
            self._spacing *= 2

    def missing(self) -> int | None:
        """Return a number of points of which an image should be recorded; None where there is no large gap."""
        step = max(self._spacing, -(-self.total // MOST_MOMENTS))
        for before, after in pairwise((0, *self._images, self.total)):
            if after - before > 2 * step:
                return before + step
        return None

    def moments(self, whole: np.ndarray) -> list[Moment]:
        """Return what is kept, in order; the last one is the ``whole`` drawing, shape (28, 28)."""
        total = self.total
        if not total:
            return []
        images = {points: image for points, image in self._images.items() if points < total} | {total: whole}
        way = way_to(self._strokes)
        return [Moment(points, float(way[points - 1]), image) for points, image in images.items()]


def way_to(strokes: Sequence[Stroke]) -> np.ndarray:
    """Return which part of the pen's whole way leads to each point, shape (points,); where it rests, even steps."""
    legs = [np.linalg.norm(np.diff(np.array(stroke), axis=0, prepend=stroke[:1]), axis=1) for stroke in strokes]
    way = np.cumsum(np.concatenate(legs))
    return way / way[-1] if way[-1] > 0 else np.arange(1, len(way) + 1) / len(way)
