"""All tiles of a canvas as one picture, and which cell each of its pixels shows."""

from collections.abc import Sequence
from itertools import accumulate, groupby
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QImage

from cnnviz.gui.theme import Theme
from cnnviz.gui.tile_groups import Box, TileGroup
from cnnviz.gui.tile_layout import Placed, around
from cnnviz.gui.tiles import color_all


class At(NamedTuple):
    """A cell of a canvas: of which group, which tile, where."""

    group: int
    tile: int
    row: int
    column: int

    @property
    def box(self) -> Box:
        """The cell alone."""
        return Box(self.tile, self.row, self.row + 1, self.column, self.column + 1)


class TilePicture:
    """Where each pixel of the tiles comes from: found once an arrangement, looked up for every picture and mouse move.

    One look-up and one picture take a fraction of the time of drawing each tile by itself.

    Attributes
    ----------
    area : QRect
        The part of the canvas that the picture covers: all tiles with their frames.
    parts : list of QRect
        The tiles of each group, with their frames: between and below them something else may stand.
    """

    def __init__(self, groups: Sequence[TileGroup], placed: Sequence[Placed]) -> None:
        self._placed = placed
        self._shapes = [group.values.shape for group in groups]
        self._firsts = list(accumulate((group.values.size for group in groups), initial=0))
        self.parts = [place.around_tiles.adjusted(-1, -1, 1, 1) for place in placed]
        self.area = around(self.parts)
        self._sources = self._find_sources()
        is_new = np.ones(len(self._sources), np.bool_)
        is_new[1:] = np.any(self._sources[1:] != self._sources[:-1], axis=1)
        self._different = self._sources[is_new]  # rows of pixels
        self._rows = is_new.cumsum() - 1  # where each row stands among those
        self._pixels = np.zeros(self._sources.shape, np.uint32)
        height, width = self._pixels.shape
        self._image = QImage(self._pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)

    def _find_sources(self) -> np.ndarray:
        """Return the number of the cell that each pixel shows; behind all cells come frames and what lies between."""
        cells = self._firsts[-1]
        sources = np.full((self.area.height(), self.area.width()), cells + 1, np.intp)
        for first, (_, rows, columns), place in zip(self._firsts[:-1], self._shapes, self._placed, strict=True):
            for index, tile in enumerate(place.tiles):
                at = tile.topLeft() - self.area.topLeft()
                right, bottom = at.x() + tile.width(), at.y() + tile.height()
                sources[at.y() - 1 : bottom + 1, at.x() - 1 : right + 1] = cells
                row = np.arange(tile.height()) * rows // tile.height()
                column = np.arange(tile.width()) * columns // tile.width()
                begin = first + index * rows * columns
                sources[at.y() : bottom, at.x() : right] = begin + np.add.outer(row * columns, column)
        return sources

    def colored(self, groups: Sequence[TileGroup], theme: Theme) -> QImage:
        """Return the picture of ``groups``, which stand as those that this was made of; the next call changes it."""
        pixels = [
            color_all(((group.values, group.scale) for group in alike), coloring, theme)
            for coloring, alike in groupby(groups, attrgetter("coloring"))
        ]
        pixels.append(np.array([QColor(color).rgb() for color in (theme.line, theme.surface)], np.uint32))
        different = np.concatenate(pixels).take(self._different)
        different.take(self._rows, axis=0, out=self._pixels, mode="clip")  # "clip" writes straight into ``out``
        return self._image

    def cell_at(self, position: QPoint) -> At | None:
        """Return the cell at ``position`` of the canvas, or None."""
        if not self.area.contains(position):
            return None
        inside = position - self.area.topLeft()
        return self._cell(int(self._sources[inside.y(), inside.x()]))

    def _cell(self, number: int) -> At | None:
        if number >= self._firsts[-1]:
            return None
        group = int(np.searchsorted(self._firsts, number, side="right")) - 1
        cell = np.unravel_index(number - self._firsts[group], self._shapes[group])
        return At(group, *(int(i) for i in cell))

    def place_of(self, cell: At) -> QRect:
        """Return where ``cell`` lies on the canvas."""
        _, rows, columns = self._shapes[cell.group]
        return self._placed[cell.group].cell(cell.box, rows, columns)

    def neighbour(self, cell: At, key: Qt.Key, by_tile: bool = False) -> At:
        """Return the next cell, or that of the next tile, in the direction of an arrow ``key``; ``cell`` at the end."""
        origin = self._placed[cell.group].tiles[cell.tile] if by_tile else self.place_of(cell)
        origin = origin.translated(-self.area.topLeft())
        middle = self.place_of(cell).center() - self.area.topLeft()
        sources = self._sources
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):  # as to the sides in a picture that lies on its side
            sources, origin, middle = sources.T, _transposed(origin), QPoint(middle.y(), middle.x())
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Up):
            beyond = sources[:, : origin.left()][:, ::-1]
        else:
            beyond = sources[:, origin.right() + 1 :]
        number = self._nearest(beyond, middle.y())
        return cell if number is None else self._cell(number)

    def _nearest(self, sources: np.ndarray, line: int) -> int | None:
        """Return the first cell in ``line``, or else that in the first column that has any which is nearest to it."""
        is_cell = sources < self._firsts[-1]
        (straight,) = np.nonzero(is_cell[line])
        if straight.size:
            return int(sources[line, straight[0]])
        (columns,) = np.nonzero(is_cell.any(axis=0))
        if not columns.size:
            return None
        (rows,) = np.nonzero(is_cell[:, columns[0]])
        return int(sources[rows[np.abs(rows - line).argmin()], columns[0]])


def _transposed(rect: QRect) -> QRect:
    return QRect(rect.top(), rect.left(), rect.height(), rect.width())
