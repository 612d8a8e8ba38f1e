"""What a picture of terms consists of: blocks of numbers, words and bars, each at its place."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt

from cnnviz.explain.places import Place
from cnnviz.gui.number_cells import LEGIBLE, part
from cnnviz.gui.tiles import largest_magnitude, nice_ceiling

Index = tuple[int, int, int]  # tile, row, column in a block
Spot = tuple[int, Index]  # one number of a figure: which block, and where in it

NO_TERM = -1
_MOST_FIGURES = 400  # of a tile: more are a picture, not a table


class Role(Enum):
    """How words are written."""

    CAPTION = "caption"  # small and muted
    SIGN = "sign"  # between blocks
    SCALE = "scale"  # behind a bar of the colours, whose ends it names
    TEXT = "text"


@dataclass(frozen=True, eq=False)
class Block:
    """Numbers of one kind and one scale: a table, or several tiles of them.

    Attributes
    ----------
    name : str
        What the numbers are, for those that have no place.
    areas : tuple of QRectF
        One a tile.
    values : array, shape (tiles, rows, columns)
    place : callable
        Index -> the place of that number, or None.
    terms : array of int, shape of ``values``
        Which term each number belongs to; ``NO_TERM`` where to none.
    scale : float
        Value of the strongest colour.
    power : int
        The numbers are written in units of this power of ten.
    marked : tuple of Index
        Numbers that are framed: the winner, or the number itself.
    is_strip : bool
        Whether pointing at a tile opens its channel.
    """

    name: str
    areas: tuple[QRectF, ...]
    values: np.ndarray
    place: Callable[[Index], Place | None]
    terms: np.ndarray
    scale: float
    power: int = 0
    marked: tuple[Index, ...] = ()
    is_strip: bool = False

    @property
    def cell(self) -> tuple[float, float]:
        """Width and height of a cell in pixels."""
        _, rows, columns = self.values.shape
        return self.areas[0].width() / columns, self.areas[0].height() / rows

    def area_of(self, index: Index) -> QRectF:
        """Return where one of the numbers stands."""
        tile, row, column = index
        return part(self.areas[tile], row, column, *self.values.shape[1:])

    def index_at(self, position: QPointF) -> Index | None:
        """Return which number is at ``position``."""
        for tile, area in enumerate(self.areas):
            if area.contains(position):
                return self.nearest(tile, position)
        return None

    def nearest(self, tile: int, position: QPointF) -> Index:
        """Return the number of ``tile`` that is nearest to ``position``."""
        area, (_, rows, columns) = self.areas[tile], self.values.shape
        row = int((position.y() - area.top()) * rows / area.height())
        column = int((position.x() - area.left()) * columns / area.width())
        return tile, min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)

    def cells_of(self, term: int) -> Iterator[Index]:
        """Yield the numbers that belong to ``term``."""
        if term != NO_TERM:
            for tile, row, column in np.argwhere(self.terms == term):
                yield int(tile), int(row), int(column)


def block(
    name: str,
    areas: tuple[QRectF, ...],
    values: np.ndarray,
    place: Callable[[Index], Place | None],
    first_term: int = NO_TERM,
    scale: float | None = None,
    **options: object,
) -> Block:
    """Return a block whose terms count on from ``first_term``, or are none; with its own scale if none is given."""
    terms = np.full(values.shape, NO_TERM)
    if first_term != NO_TERM:
        terms = np.arange(first_term, first_term + values.size).reshape(values.shape)
    return Block(name, areas, values, place, terms, scale_of(values) if scale is None else scale, **options)


def is_legible(width: float, height: float, count: int) -> bool:
    """Return whether there is room for figures in ``count`` cells of ``width`` x ``height`` pixels."""
    return width >= LEGIBLE[0] and height >= LEGIBLE[1] and count <= _MOST_FIGURES


def scale_of(values: np.ndarray) -> float:
    """Return the value of the strongest colour for ``values``."""
    return nice_ceiling(largest_magnitude(values))


@dataclass(frozen=True)
class Label:
    """A word or a few, in one line; cut off where there is no room."""

    area: QRectF
    text: str
    role: Role = Role.CAPTION
    alignment: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft


@dataclass(frozen=True)
class Bar:
    """A signed bar.

    Attributes
    ----------
    area : QRectF
        Of the longest bars to either side.
    zero : float
        Where in ``area`` the bar begins, from 0 to 1.
    share : float
        Its signed length, in widths of ``area``.
    """

    area: QRectF
    zero: float
    share: float


@dataclass(eq=False)
class Figure:
    """A picture.

    Attributes
    ----------
    blocks : list of Block
    labels : list of Label
    bars : list of Bar
    """

    blocks: list[Block] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)

    def add(self, other: "Figure") -> None:
        """Take in all parts of another figure."""
        self.blocks += other.blocks
        self.labels += other.labels
        self.bars += other.bars

    def spot_at(self, position: QPointF) -> Spot | None:
        """Return which number is at ``position``."""
        for number, each in enumerate(self.blocks):
            if (index := each.index_at(position)) is not None:
                return number, index
        return None

    def has(self, spot: Spot) -> bool:
        """Return whether there is such a number."""
        number, index = spot
        return number < len(self.blocks) and all(
            i < n for i, n in zip(index, self.blocks[number].values.shape, strict=True)
        )

    def value(self, spot: Spot) -> float:
        """Return a number."""
        return float(self.blocks[spot[0]].values[spot[1]])

    def place(self, spot: Spot) -> Place | None:
        """Return the place of a number, None where it has none."""
        return self.blocks[spot[0]].place(spot[1])

    def term(self, spot: Spot) -> int:
        """Return the term that a number belongs to."""
        return int(self.blocks[spot[0]].terms[spot[1]])

    def area_of(self, spot: Spot) -> QRectF:
        """Return where a number stands."""
        return self.blocks[spot[0]].area_of(spot[1])

    def beside(self, spot: Spot, right: int, down: int) -> Spot:
        """Return the next number in one of four directions, in this tile or the next one there; else the same."""
        number, (tile, row, column) = spot
        _, rows, columns = self.blocks[number].values.shape
        if 0 <= row + down < rows and 0 <= column + right < columns:
            return number, (tile, row + down, column + right)
        here, cell = self.blocks[number].areas[tile], self.area_of(spot).center()
        best, nearest = spot, np.inf
        for other, each in enumerate(self.blocks):
            for t, area in enumerate(each.areas):
                index = each.nearest(t, cell)
                ahead, there = _gap(here, area, right, down), each.area_of(index).center()
                aside = abs(there.y() - cell.y()) if right else abs(there.x() - cell.x())
                if ahead > -1 and ahead + 2 * aside < nearest:
                    best, nearest = (other, index), ahead + 2 * aside
        return best


def _gap(here: QRectF, there: QRectF, right: int, down: int) -> float:
    """Return how far ``there`` begins behind the end of ``here`` in one of four directions; below 0 where before it."""
    if right:
        return there.left() - here.right() if right > 0 else here.left() - there.right()
    return there.top() - here.bottom() if down > 0 else here.top() - there.bottom()
