"""Strokes of a pen: what was drawn, the way back through it, and the line that they make."""

from collections.abc import Sequence
from itertools import pairwise

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainterPath

_DOT = 0.01  # pixels; a path without any length is not painted

Stroke = list[tuple[float, float]]


class Drawing:
    """Strokes, and the way back through what was done to them.

    Attributes
    ----------
    strokes : tuple of list of (x, y)
        In the order they were drawn; x to the right, y down, 0 to 1.
    """

    def __init__(self) -> None:
        self.strokes: tuple[Stroke, ...] = ()
        self._past: list[tuple[Stroke, ...]] = []
        self._future: list[tuple[Stroke, ...]] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether something was taken back."""
        return bool(self._future)

    def begin(self, point: tuple[float, float]) -> None:
        """Put the pen down."""
        self._change_to((*self.strokes, [point]))

    def extend(self, point: tuple[float, float]) -> None:
        """Move the pen on, in the latest stroke."""
        self.strokes[-1].append(point)

    def clear(self) -> None:
        """Take all strokes away, if there are any."""
        if self.strokes:
            self._change_to(())

    def undo(self) -> None:
        """Take back the latest stroke or ``clear``, if there is one."""
        if self._past:
            self._future.append(self.strokes)
            self.strokes = self._past.pop()

    def redo(self) -> None:
        """Do again what was taken back, if there is something."""
        if self._future:
            self._past.append(self.strokes)
            self.strokes = self._future.pop()

    def _change_to(self, strokes: tuple[Stroke, ...]) -> None:
        self._past.append(self.strokes)
        self._future.clear()
        self.strokes = strokes


def smooth_path(points: Sequence[QPointF]) -> QPainterPath:
    """Return the line through the middles of neighbouring points, with the points themselves as quadratic controls.

    Few events of a fast stroke make a round curve, and the line begins and ends where the pen did.
    """
    path = QPainterPath(points[0])
    for point, following in pairwise(points):
        path.quadTo(point, (point + following) / 2)
    path.lineTo(points[-1] if len(points) > 1 else points[0] + QPointF(_DOT, 0))
    return path
