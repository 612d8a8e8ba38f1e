"""Where the tiles of a canvas stand."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import NamedTuple

from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QFontMetrics

from cnnviz.gui.theme import GRID, small_font
from cnnviz.gui.tile_groups import Box, Role, TileGroup

TILE_GAP = 3
GROUP_GAP = 10
CAPTION_REACH = GROUP_GAP - 4  # pixels that captions reach into the gap behind their group
FILTER_GAP = 6  # pixels from filters to the maps that they make
LINE = 15  # pixels; height of a line of captions
LEGEND = 24  # the colour bar and its ends
SMALLEST, LARGEST = 6, 160  # sides of a tile, pixels
LEAST_CELL = 3  # pixels of a cell of a small tile
LARGEST_CELL = 14  # pixels of a cell of a strip
FIGURE_CELL = 43, 20  # pixels of a cell that stands alone in its row, so that a figure fits in
LEAST_BESIDE, LARGEST_BESIDE = 8, 32  # pixels of a cell behind a run of tiles


@dataclass(frozen=True)
class Placed:
    """Where a group stands: all of it with captions and legend, and each of its tiles."""

    area: QRect
    tiles: tuple[QRect, ...]

    @cached_property
    def around_tiles(self) -> QRect:
        """The smallest rectangle around all tiles."""
        return around(self.tiles)

    def cell(self, box: Box, rows: int, columns: int) -> QRect:
        """Return where ``box`` lies, in a tile of ``rows`` x ``columns`` cells."""
        tile = self.tiles[box.tile]
        left, right = (tile.left() + -(-tile.width() * c // columns) for c in (box.left, box.right))
        top, bottom = (tile.top() + -(-tile.height() * r // rows) for r in (box.top, box.bottom))
        return QRect(left, top, right - left, bottom - top)


class _Grid(NamedTuple):
    """How the tiles of a group stand, wherever that is."""

    count: int
    across: int
    tile: QSize
    run: int = 1
    after_run: int = 0  # pixels left free behind each run of tiles

    @property
    def size(self) -> QSize:
        """Size of all tiles."""
        across, down = min(self.across, self.count), -(-self.count // self.across)
        width = across * (self.tile.width() + TILE_GAP) - TILE_GAP + -(-across // self.run) * self.after_run
        return QSize(width, down * (self.tile.height() + TILE_GAP) - TILE_GAP)

    def tiles(self, corner: QPoint) -> tuple[QRect, ...]:
        """Return the places of all tiles, the first of them at ``corner``."""
        x_step, y_step = self.tile.width() + TILE_GAP, self.tile.height() + TILE_GAP
        return tuple(
            QRect(
                corner + QPoint(column * x_step + column // self.run * self.after_run, row * y_step),
                self.tile,
            )
            for row, column in (divmod(index, self.across) for index in range(self.count))
        )


def arrange(groups: Sequence[TileGroup], width: int, height: int) -> list[Placed]:
    """Find places for ``groups`` in a canvas of ``width`` x ``height`` pixels, with tiles as large as fit."""
    if not groups:
        return []
    room = max(height - header_height(groups) - LEGEND, SMALLEST)
    side = side_in(groups, width, height)
    spare = width - _total_width(groups, side, room)
    headed = sum(bool(group.captions) for group in groups)
    gap = max(0, min(spare // max(headed - 1, 1), 3 * GRID))
    placed: list[Placed] = []
    left = 1
    for group, (grid, own_width), space in zip(groups, _sizes(groups, side, room), [0, *_gaps(groups)], strict=True):
        if group.role is Role.BESIDE:
            placed.append(_beside(group, groups[len(placed) - 1], placed[-1]))
            continue
        left += space + (gap if space == GROUP_GAP else 0)
        tiles = grid.tiles(QPoint(left, header_height(groups)))
        placed.append(Placed(QRect(left, 0, own_width, tiles[-1].bottom() + LEGEND + 1), tiles))
        left += own_width
    return placed


def side_in(groups: Sequence[TileGroup], width: int, height: int) -> int:
    """Return the side of the tiles, in pixels, at which ``groups`` fit; ``SMALLEST`` where they fit at none."""
    room = max(height - header_height(groups) - LEGEND, SMALLEST)
    return next((s for s in range(LARGEST, SMALLEST, -1) if _total_width(groups, s, room) <= width), SMALLEST)


def around(rects: Iterable[QRect]) -> QRect:
    """Return the smallest rectangle around all ``rects``."""
    area = QRect()
    for rect in rects:
        area |= rect
    return area


def header_height(groups: Sequence[TileGroup]) -> int:
    """Return the height of the captions above the tiles, in pixels."""
    return LINE * max((len(group.captions) for group in groups), default=0) + 4


def caption_areas(groups: Sequence[TileGroup], placed: Sequence[Placed], width: int) -> list[QRect | None]:
    """Return where the captions of each group stand: up to those of the next; None for groups without."""
    lefts = [place.area.left() for group, place in zip(groups, placed, strict=True) if group.captions]
    ends = iter([*(later - 4 for _, later in pairwise(lefts)), width])
    height = header_height(groups) - 4
    return [
        QRect(place.area.left(), 0, max(next(ends) - place.area.left(), 0), height) if group.captions else None
        for group, place in zip(groups, placed, strict=True)
    ]


def _total_width(groups: Sequence[TileGroup], side: int, room: int) -> int:
    return sum(width for _, width in _sizes(groups, side, room)) + sum(_gaps(groups)) + 2


def _gaps(groups: Sequence[TileGroup]) -> list[int]:
    """Return how many pixels lie between each two neighbours."""
    return [
        0 if later.role is Role.BESIDE else FILTER_GAP if former.role is Role.BETWEEN else GROUP_GAP
        for former, later in pairwise(groups)
    ]


def _sizes(groups: Sequence[TileGroup], side: int, room: int) -> list[tuple[_Grid, int]]:
    """Return how the tiles of each group stand, some ``side`` pixels large, and how wide each group is."""
    grids = [_grid(groups, index, side, room) for index in range(len(groups))]
    widths = [0 if group.role is Role.BESIDE else grid.size.width() for group, grid in zip(groups, grids, strict=True)]
    last = max((index for index, group in enumerate(groups) if group.captions), default=0)
    for index, group in enumerate(groups):
        if group.role is Role.BESIDE:
            continue
        needed = _caption_width(group) - (0 if index == last else CAPTION_REACH)
        if group.role is Role.BETWEEN and index + 1 < len(groups):
            needed -= widths[index + 1] + FILTER_GAP  # above which the captions go on
        if not _has_free_legend(grids, index, group):
            needed = max(needed, group.legend_width)
        widths[index] = max(widths[index], needed)
    return list(zip(grids, widths, strict=True))


def _has_free_legend(grids: Sequence[_Grid], index: int, group: TileGroup) -> bool:
    """Return whether the figures below small tiles may reach under the maps behind them, which end higher up."""
    if group.role is not Role.BETWEEN or index + 1 == len(grids):
        return False
    return grids[index].size.height() >= grids[index + 1].size.height() + LEGEND


def _caption_width(group: TileGroup) -> int:
    """Return the width of the captions in their fewest words, pixels."""
    return max((_text_width(line[-1]) for line in group.captions), default=0)


@lru_cache(maxsize=256)
def _text_width(text: str) -> int:
    return QFontMetrics(small_font()).horizontalAdvance(text) + 1  # parts of a pixel


def _grid(groups: Sequence[TileGroup], index: int, side: int, room: int) -> _Grid:
    group = groups[index]
    count, rows, columns = group.values.shape
    if group.role is Role.BETWEEN:
        return _small_grid(count, rows, columns, side, room)
    if group.is_strip:
        return _Grid(1, 1, _strip_size(rows, columns, room))
    if count == 1:
        return _Grid(1, 1, tile_size(rows, columns, min(3 * side // 2, room)))
    followed = index + 1 < len(groups) and groups[index + 1].role is Role.BESIDE
    return _maps_grid(group, side, room, followed)


def _strip_size(rows: int, columns: int, room: int) -> QSize:
    width, height = FIGURE_CELL
    if columns == 1:
        return QSize(width, rows * max(1, min(room // rows, height)))
    cell = max(1, min(room // rows, LARGEST_CELL))
    return QSize(cell * columns, cell * rows)


def _small_grid(count: int, rows: int, columns: int, side: int, room: int) -> _Grid:
    """Return as few columns of small tiles as there can be with cells that are seen at all."""
    least = LEAST_CELL * max(rows, columns)
    for across in range(1, count + 1):
        tile = (room + TILE_GAP) // -(-count // across) - TILE_GAP
        if tile >= least:
            break
    return _Grid(count, across, tile_size(rows, columns, min(max(tile, least), side)))


def _maps_grid(group: TileGroup, side: int, room: int, is_followed: bool) -> _Grid:
    count, rows, columns = group.values.shape
    # Reckoned with ``side``, so that layers of as many maps stand in as many columns whatever their resolution.
    fitting = max(1, (room + TILE_GAP) // (side + TILE_GAP))
    across = _columns_of_runs(group, room) if group.run > 1 else _across(count, fitting)
    tile = tile_size(rows, columns, min(side, room))
    if -(-count // across) > fitting:  # a given number of columns is too high: it does not fit
        tile = tile_size(rows, columns, max(SMALLEST - 2, room // -(-count // across) - TILE_GAP))
    return _Grid(count, across, tile, group.run, beside_size(tile).width() + TILE_GAP if is_followed else 0)


def _columns_of_runs(group: TileGroup, room: int) -> int:
    """Return ``group.run``, or as many times that many as it takes for the rows to fit at all."""
    across = group.run
    while -(-len(group.values) // across) * (SMALLEST - 2 + TILE_GAP) > room and across < len(group.values):
        across += group.run
    return across


def _across(count: int, fitting: int) -> int:
    """Return how many tiles stand side by side when ``fitting`` fit below each other, leaving no gap at the end."""
    return next(n for n in range(-(-count // fitting), count + 1) if count % n == 0)


def tile_size(rows: int, columns: int, side: int, whole_from: float = 0.9) -> QSize:
    """Return a size of at most ``side``, with whole pixels for each cell where they fill ``whole_from`` of it."""
    longest = max(rows, columns)
    cell = side // longest
    if cell * longest >= whole_from * side:
        return QSize(cell * columns, cell * rows)
    return QSize(max(1, side * columns // longest), max(1, side * rows // longest))


def beside_size(tile: QSize) -> QSize:
    """Return the size of the cell behind a run of tiles."""
    width = max(LEAST_BESIDE, min(tile.width() // 5, LARGEST_BESIDE))
    return QSize(width, min(tile.height(), max(width, FIGURE_CELL[1])))


def _beside(group: TileGroup, former: TileGroup, placed: Placed) -> Placed:
    """Place a cell behind each run of the tiles of the group before, half way up."""
    tiles = []
    for last in placed.tiles[former.run - 1 :: former.run]:
        size = beside_size(last.size())
        corner = QPoint(last.right() + 1 + TILE_GAP, last.center().y() + 1 - (size.height() + 1) // 2)
        tiles.append(QRect(corner, size))
    assert len(tiles) == len(group.values)
    return Placed(placed.area, tuple(tiles))
