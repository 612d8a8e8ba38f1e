"""Arrays laid out as tiles: what a canvas shows, and which number of the network each of its cells is."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

import numpy as np

from cnnviz.explain.places import Cell, Place, Probability, Weight
from cnnviz.explain.regions import Region
from cnnviz.gui.tiles import Coloring

Lay = Callable[[np.ndarray], np.ndarray]
NARROW_LEGEND, WIDE_LEGEND = 28, 43  # pixels: of "\u00b17.5"; of "\u00b11.5e\u22125" without what may reach into a gap
LONGEST_STRIP = 32  # units below each other; more stand side by side


class Role(Enum):
    """How a group stands among the others."""

    MAPS = "maps"  # tiles of the size that all such groups share
    BETWEEN = "between"  # small tiles before the maps that they make
    BESIDE = "beside"  # one cell behind each run of tiles of the group before


class Box(NamedTuple):
    """Some cells of a tile: rows ``top`` to below ``bottom``, columns ``left`` to before ``right``."""

    tile: int
    top: int
    bottom: int
    left: int
    right: int


@dataclass
class TileGroup:
    """Tiles that belong together and share one scale: the maps of a layer, or its filters.

    Attributes
    ----------
    key : str
        The array that is shown: a layer, or "layer/name" of a parameter.
    shape : tuple of int
        Of that array.
    lay : callable (array of that shape) -> array, shape (tiles, rows, columns)
        Lays it, or a part of it, out as tiles.
    values : array, shape (tiles, rows, columns)
        What is coloured.
    captions : sequence of sequences of str
        The lines above the tiles, each in words from the most to the least; none: the group shares those of the group
        before it.
    about : str
        What is told where the mouse rests on the captions.
    coloring : Coloring
    scale : float
        Value of the strongest colour.
    run : int
        How many tiles are never parted, or several times as many where the rows would be too many; 1: whatever fits
        best.
    role : Role
    legend_width : int
        Pixels that the figures of the scale need at least.
    """

    key: str
    shape: tuple[int, ...]
    lay: Lay
    values: np.ndarray
    captions: Sequence[Sequence[str]] = ()
    about: str = ""
    coloring: Coloring = Coloring.SIGNED
    scale: float = 1.0
    run: int = 1
    role: Role = Role.MAPS
    legend_width: int = NARROW_LEGEND

    @property
    def is_strip(self) -> bool:
        """Whether this is a vector, which stands upright over the whole height."""
        _, rows, columns = self.values.shape
        return rows >= 4 * columns

    def stands_as(self, other: "TileGroup") -> bool:
        """Return whether the places of the tiles are those of ``other``; longer captions do not move them."""
        return (
            self.values.shape == other.values.shape
            and (self.run, self.role, self.legend_width) == (other.run, other.role, other.legend_width)
            and (self.captions == other.captions or self._shortest == other._shortest)
        )

    def is_measured_as(self, other: "TileGroup") -> bool:
        """Return whether the colour scale is that of ``other``."""
        return self.scale == other.scale and self.coloring is other.coloring

    @property
    def _shortest(self) -> list[str]:
        return [line[-1] for line in self.captions]

    def place_of(self, tile: int, row: int, column: int) -> Place:
        """Return which number a cell is."""
        number = self.lay(np.arange(math.prod(self.shape)).reshape(self.shape))[tile, row, column]
        index = tuple(int(i) for i in np.unravel_index(number, self.shape))
        layer, _, name = self.key.partition("/")
        return Weight(layer, name, index) if name else Cell(layer, index)

    def is_all(self, region: Region) -> bool:
        """Return whether every cell lies in a ``region`` of the array."""
        return bool(self._inside(region).all())

    def boxes(self, region: Region) -> list[Box]:
        """Return the smallest boxes, one a tile, around those cells that lie in a ``region`` of the array."""
        tiles = self._inside(region)
        rows, columns = tiles.any(axis=2), tiles.any(axis=1)
        return [Box(int(tile), *_ends(rows[tile]), *_ends(columns[tile])) for tile in np.flatnonzero(rows.any(axis=1))]

    def _inside(self, region: Region) -> np.ndarray:
        """Return whether each cell lies in a ``region`` of the array."""
        inside = np.zeros(self.shape, np.bool_)
        inside[region] = True
        return self.lay(inside)


def _ends(flags: np.ndarray) -> tuple[int, int]:
    """Return where the set ``flags`` begin and end."""
    (set_,) = np.nonzero(flags)
    return int(set_[0]), int(set_[-1]) + 1


def array_of(place: Place) -> str | None:
    """Return the key of the array in which ``place`` is a number; None for a probability, which no canvas shows."""
    if isinstance(place, Probability):
        return None
    return f"{place.layer}/{place.name}" if isinstance(place, Weight) else place.layer


# Ways to lay an array out; those of another part of it are not equal


@dataclass(frozen=True)
class Maps:
    """Lays maps (H, W, C) out as a tile for each of the ``channels``."""

    channels: slice = field(default_factory=lambda: slice(None))

    def __call__(self, array: np.ndarray) -> np.ndarray:
        """Return the tiles."""
        return np.moveaxis(array, 2, 0)[self.channels]


@dataclass(frozen=True)
class FilterPart:
    """Lays some of the filters (F, C, kh, kw) out as a tile each: of one filter, or those of one channel.

    Attributes
    ----------
    filters, channels : int or slice
        One of the two is an int.
    """

    filters: int | slice
    channels: int | slice

    def __call__(self, array: np.ndarray) -> np.ndarray:
        """Return the tiles."""
        return array[self.filters, self.channels]


def strip(array: np.ndarray) -> np.ndarray:
    """Lay a vector out as one upright tile, row by row."""
    rows = LONGEST_STRIP if array.size % LONGEST_STRIP == 0 else array.size
    return array.reshape(1, rows, -1)


def filter_bank(array: np.ndarray) -> np.ndarray:
    """Lay filters (F, C, kh, kw) out as C tiles a filter."""
    return array.reshape(-1, *array.shape[2:])


def cells_apart(array: np.ndarray) -> np.ndarray:
    """Lay a vector out as one tile a number."""
    return array.reshape(-1, 1, 1)


def parameter_count(shapes: dict[str, tuple[int, ...]]) -> tuple[str, str]:
    """Return how many parameters a layer has, such as "8×8×5×5 + 8 = 1,608", and the sum alone."""
    terms = ["\u00d7".join(f"{n:,}" for n in shape) for shape in shapes.values()]
    total = f"{sum(math.prod(shape) for shape in shapes.values()):,}"
    return f"{' + '.join(terms)} = {total}", total
