"""What is on the pad: strokes of a pen or a picture, the way back through what was done, and the line of a stroke."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainterPath

_DOT = 0.01  # pixels; a path without any length is not painted

MOST_STEPS = 200  # back; a picture in each of them takes some 70 MB

Stroke = list[tuple[float, float]]
_Points = TypeVar("_Points", Stroke, np.ndarray)


@dataclass(frozen=True, eq=False)
class Picture:
    """A digit that was not drawn on the pad.

    Attributes
    ----------
    title : str
        Where it comes from, in a few words.
    pixels : array, shape (height, width) or (height, width, 3)
        As it is shown: grey levels, uint8 or of any scale, or colours, uint8.
    prepared : array of uint8, shape (28, 28)
        What a network is given.
    label : int or None
        What it shows, where that is known.
    """

    title: str
    pixels: np.ndarray
    prepared: np.ndarray
    label: int | None = None


@dataclass(frozen=True, eq=False)
class Sheet:
    """What is on the pad at one time: strokes, in the order they were drawn, or a picture, or nothing.

    Attributes
    ----------
    strokes : tuple of list of (x, y)
        x to the right, y down, 0 to 1. The latest list grows while the pen is down.
    picture : Picture or None
    """

    strokes: tuple[Stroke, ...] = ()
    picture: Picture | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing."""
        return not self.strokes and self.picture is None


class Drawing:
    """A sheet, and the way back through what was done to it.

    Attributes
    ----------
    sheet : Sheet
    """

    def __init__(self) -> None:
        self.sheet = Sheet()
        self._past: list[Sheet] = []
        self._future: list[Sheet] = []

    @property
    def strokes(self) -> tuple[Stroke, ...]:
        """The strokes of the sheet."""
        return self.sheet.strokes

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether something was taken back."""
        return bool(self._future)

    def begin(self, point: tuple[float, float]) -> None:
        """Put the pen down; a picture makes room for the new drawing."""
        self._change_to(Sheet((*self.strokes, [point])))

    def extend(self, point: tuple[float, float]) -> None:
        """Move the pen on, in the latest stroke."""
        self.strokes[-1].append(point)

    def lay(self, picture: Picture) -> None:
        """Show a picture instead of what was there."""
        self._change_to(Sheet(picture=picture))

    def lay_strokes(self, strokes: Sequence[np.ndarray]) -> None:
        """Show strokes, each of shape (n, 2), instead of what was there."""
        self._change_to(Sheet(tuple([(x, y) for x, y in stroke.tolist()] for stroke in strokes)))

    def clear(self) -> None:
        """Take all away, if there is anything."""
        if not self.sheet.is_empty:
            self._change_to(Sheet())

    def undo(self) -> None:
        """Take back the latest stroke, picture or ``clear``, if there is one."""
        if self._past:
            self._future.append(self.sheet)
            self.sheet = self._past.pop()

    def redo(self) -> None:
        """Do again what was taken back, if there is something."""
        if self._future:
            self._past.append(self.sheet)
            self.sheet = self._future.pop()

    def _change_to(self, sheet: Sheet) -> None:
        self._past.append(self.sheet)
        del self._past[:-MOST_STEPS]
        self._future.clear()
        self.sheet = sheet


def first_points(strokes: Sequence[_Points], count: int) -> list[_Points]:
    """Return the strokes, lists or arrays of points, as they were when there were ``count`` points in all."""
    begun = []
    for stroke in strokes:
        if count <= 0:
            break
        begun.append(stroke[:count])
        count -= len(stroke)
    return begun


def smooth_path(points: Sequence[QPointF]) -> QPainterPath:
    """Return the line through the middles of neighbouring points, with the points themselves as quadratic controls.

    Few events of a fast stroke make a round curve, and the line begins and ends where the pen did.
    """
    path = QPainterPath(points[0])
    for point, following in pairwise(points):
        path.quadTo(point, (point + following) / 2)
    path.lineTo(points[-1] if len(points) > 1 else points[0] + QPointF(_DOT, 0))
    return path
