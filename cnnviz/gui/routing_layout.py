"""Where the four maps of max pooling stand, all at the same number of pixels a cell."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF

from cnnviz.gui.pooling import PooledChannel, Window
from cnnviz.gui.theme import GRID
from cnnviz.nn.shapes import Shape

CAPTION = 14  # pixels of a line of caption
LEGEND = 16  # pixels of a colour scale; as high is the gap between the two small maps
BEFORE, MAXIMA, ARRIVING, HANDED_BACK = range(4)  # the maps in their order
_LEAST_GAP, _WIDEST_GAP = 14, 64  # between maps side by side

MapCell = tuple[int, int, int]  # number of a map, row and column in it


@dataclass(frozen=True)
class MapShapes:
    """What the places of the maps depend on.

    Attributes
    ----------
    before, windows : tuple of int
        (H, W) of what is pooled, (Ho, Wo) of the maxima.
    size, stride : int
        Of a window.
    """

    before: Shape
    windows: Shape
    size: int
    stride: int

    @classmethod
    def of(cls, pooled: PooledChannel) -> "MapShapes":
        """Return the shapes of ``pooled``."""
        return cls(pooled.before.shape, pooled.maxima.shape, pooled.pool.size, pooled.pool.stride)


@dataclass(frozen=True)
class RoutingLayout:
    """The four maps: two large ones at the sides, two small ones between them.

    Attributes
    ----------
    shapes : MapShapes
    cell : float
        Side of a cell in pixels; a whole number of device pixels.
    before, maxima, arriving, handed_back : QRectF
    height : float
        Of everything, from the captions down to the colour scales.
    """

    shapes: MapShapes
    cell: float
    before: QRectF
    maxima: QRectF
    arriving: QRectF
    handed_back: QRectF
    height: float

    def places_of(self, window: Window) -> tuple[QRectF, ...]:
        """Return where ``window`` lies in each of the four maps."""
        row, column = (index * self.cell for index in window)
        return tuple(
            QRectF(map_.left() + step * column, map_.top() + step * row, size * self.cell, size * self.cell)
            for map_, size, step in self.maps()
        )

    def maps(self) -> tuple[tuple[QRectF, int, int], ...]:
        """Return the four maps, each with the cells that a window is wide there and that it moves by."""
        size, stride = self.shapes.size, self.shapes.stride
        return (self.before, size, stride), (self.maxima, 1, 1), (self.arriving, 1, 1), (self.handed_back, size, stride)

    def corners(
        self, map_: QRectF, rows: np.ndarray, columns: np.ndarray, chosen: np.ndarray
    ) -> Iterator[tuple[float, float]]:
        """Return x and y of the corners of the ``chosen`` (a mask) among many cells of ``map_``."""
        x = map_.left() + columns[chosen] * self.cell
        y = map_.top() + rows[chosen] * self.cell
        return zip(x.tolist(), y.tolist(), strict=True)

    def window_at(self, position: QPointF) -> Window | None:
        """Return the window at ``position`` in any map; where several overlap, the one with the nearest centre."""
        for map_, size, stride in self.maps():
            if map_.contains(position):
                inside = (position - map_.topLeft()) / self.cell
                row = _nearest(inside.y(), size, stride, self.shapes.windows[0])
                column = _nearest(inside.x(), size, stride, self.shapes.windows[1])
                return None if row is None or column is None else (row, column)
        return None

    def cell_at(self, position: QPointF) -> MapCell | None:
        """Return the cell at ``position`` in any map."""
        for number, (map_, _, _) in enumerate(self.maps()):
            if map_.contains(position):
                inside = (position - map_.topLeft()) / self.cell
                shape = self.shapes.windows if number in (MAXIMA, ARRIVING) else self.shapes.before
                return number, *(min(int(at), n - 1) for at, n in zip((inside.y(), inside.x()), shape, strict=True))
        return None


def arrange_maps(shapes: MapShapes, width: int, height: int, ratio: float = 1.0) -> RoutingLayout:
    """Find places in ``width`` x ``height`` pixels, of ``ratio`` device pixels each, with cells as large as fit.

    At both sides ``GRID`` pixels stay free.
    """
    room = width - 2 * GRID
    (rows, columns), (few_rows, few_columns) = shapes.before, shapes.windows
    across, down = 2 * columns + few_columns, max(rows, 2 * few_rows)
    fitting = min((room - 2 * _LEAST_GAP) / across, (height - CAPTION - LEGEND) / down)
    cell = max(int(fitting * ratio), 1) / ratio
    gap = min(max((room - across * cell) / 2, _LEAST_GAP), _WIDEST_GAP)
    left = GRID + max((room - across * cell) / 2 - gap, 0.0)
    middle, right = left + columns * cell + gap, left + (columns + few_columns) * cell + 2 * gap
    bottom = CAPTION + down * cell + LEGEND

    def map_at(x: float, y: float, shape: Shape) -> QRectF:
        return QRectF(_snapped(x, ratio), _snapped(y, ratio), shape[1] * cell, shape[0] * cell)

    return RoutingLayout(
        shapes,
        cell,
        before=map_at(left, CAPTION, shapes.before),
        maxima=map_at(middle, CAPTION, shapes.windows),
        arriving=map_at(middle, bottom - few_rows * cell, shapes.windows),
        handed_back=map_at(right, CAPTION, shapes.before),
        height=bottom,
    )


def _snapped(position: float, ratio: float) -> float:
    """Return the nearest position at which a device pixel begins."""
    return round(position * ratio) / ratio


def _nearest(position: float, size: int, stride: int, count: int) -> int | None:
    """Return the window, of ``count`` along one axis, that covers ``position`` with the nearest centre, if any does."""
    index = min(max(round((position - size / 2) / stride), 0), count - 1)
    return index if index * stride <= position < index * stride + size else None
