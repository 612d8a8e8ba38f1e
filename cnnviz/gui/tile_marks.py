"""Frames on the tiles of a canvas: what is pointed at, what it was made of, and what was chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QRegion

from cnnviz.explain.places import Place, Probability
from cnnviz.explain.regions import Region
from cnnviz.gui.theme import Theme
from cnnviz.gui.tile_groups import Role, TileGroup, array_of
from cnnviz.gui.tile_layout import Placed

_REACH = 3  # pixels that a frame sticks out


@dataclass(frozen=True)
class Marks:
    """What is to be marked.

    Attributes
    ----------
    pointed, subject : Place or None
        The number under the mouse, in whichever panel, and the one that was chosen.
    lit : mapping of str to Region
        Array -> the part of it that has to do with the number that is pointed at.
    """

    pointed: Place | None = None
    subject: Place | None = None
    lit: Mapping[str, Region] = field(default_factory=dict)


class Frames:
    """Where the frames of some marks stand.

    Attributes
    ----------
    lit : list of QRect
        Those around what has to do with the number that is pointed at.
    region : QRegion
        All that they touch.
    """

    def __init__(self, marks: Marks, groups: Sequence[TileGroup], placed: Sequence[Placed]) -> None:
        shown = list(zip(groups, placed, strict=True))
        self.lit = [frame.adjusted(-1, -1, 0, 0) for frame in _lit(marks.lit, shown)]
        self._pointed = [frame.adjusted(-1, -1, 0, 0) for frame in _cells(marks.pointed, shown)]
        self._subject = [frame.adjusted(-1, -1, 0, 0) for frame in _cells(marks.subject, shown)]
        self.region = QRegion()
        for frame in (*self.lit, *self._pointed, *self._subject):
            self.region |= frame.adjusted(-_REACH, -_REACH, _REACH, _REACH)

    def paint(self, painter: QPainter, theme: Theme) -> None:
        """Paint what was chosen, what is lit, and on top of all what is pointed at."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for frames, width, color in (
            (self._subject, 3, theme.surface),
            (self._subject, 1, theme.text),
            (self.lit, 1, theme.accent),
            (self._pointed, 3, theme.surface),
            (self._pointed, 1, theme.accent),
        ):
            if frames:
                pen = QPen(QColor(color), width)
                pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
                painter.setPen(pen)
                painter.drawRects(frames)


def _lit(regions: Mapping[str, Region], shown: Sequence[tuple[TileGroup, Placed]]) -> list[QRect]:
    """Return the frames around ``regions``; of filters with their biases a single one where all are lit."""
    frames: list[QRect] = []
    for group, placed in shown:
        own = _frames(group, placed, regions[group.key]) if group.key in regions else []
        if group.role is Role.BESIDE and own == [placed.around_tiles] != [placed.tiles[0]]:
            frames[-1] |= own[0]
        else:
            frames += own
    return frames


def _frames(group: TileGroup, placed: Placed, region: Region) -> list[QRect]:
    """Return a frame a tile around what lies in ``region``; a single one where that is all there is."""
    if group.is_all(region):
        return [placed.around_tiles]
    _, rows, columns = group.values.shape
    return [placed.cell(box, rows, columns) for box in group.boxes(region)]


def _cells(place: Place | None, shown: Sequence[tuple[TileGroup, Placed]]) -> list[QRect]:
    """Return where the cell of ``place`` is; none where it is not shown."""
    if place is None or isinstance(place, Probability):
        return []
    only = tuple(slice(i, i + 1) for i in place.index)
    return [
        frame
        for group, placed in shown
        if group.key == array_of(place) and len(group.shape) == len(only)
        for frame in _frames(group, placed, only)
    ]
