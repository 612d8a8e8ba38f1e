"""A row of tile groups: feature maps layer by layer, or filters."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.gui.on_paper import draw_part, is_for_screen
from cnnviz.gui.theme import GRID, Theme, signed_colors, small_font
from cnnviz.gui.tiles import Coloring, color_pixels, image_of, number

TILE_GAP = 3
GROUP_GAP = 10
HEADER = 34  # two lines of caption
LEGEND = 24  # the colour bar and its ends
WIDEST_BAR = 160  # pixels
SMALLEST, LARGEST = 6, 160  # sides of a tile, pixels
NARROWEST = 38  # width that the heading of a group needs


@dataclass
class TileGroup:
    """Tiles that belong together and share one scale: the maps of a layer, or its filters.

    Attributes
    ----------
    key : str
        Name of the layer.
    title, subtitle : str
        Heading, such as "conv1" and "8 @ 24x24".
    values : array, shape (tiles, rows, columns)
    describe : callable (tile, row, column) -> str
        What the status bar says of a cell.
    coloring : Coloring
    scale : float
        Value of the strongest colour.
    columns : int or None
        How many tiles stand side by side, or several times as many where the rows would be too many; None: whatever
        fits best.
    """

    key: str
    title: str
    subtitle: str
    values: np.ndarray
    describe: Callable[[int, int, int], str]
    coloring: Coloring = Coloring.SIGNED
    scale: float = 1.0
    columns: int | None = None

    @property
    def is_strip(self) -> bool:
        """Whether this is a vector, which stands upright over the whole height."""
        _, rows, columns = self.values.shape
        return rows >= 4 * columns


@dataclass(frozen=True)
class Placed:
    """Where a group stands: all of it, and each of its tiles."""

    area: QRect
    tiles: tuple[QRect, ...]


class TileCanvas(QWidget):
    """Draws groups of tiles side by side, each under its heading and over its colour scale."""

    hovered = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._groups: list[TileGroup] = []
        self._images: list[QImage] = []  # one a group, its tiles below each other
        self._placed: list[Placed] = []
        self._theme: Theme | None = None
        self._tiles = QRect()  # all that changes from picture to picture
        self._mouse: QPoint | None = None
        self._captions: QPixmap | None = None  # headings, frames and scales: drawn anew only when they change
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # what lies behind need not be painted
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size at which a published network is pleasant to look at."""
        return QSize(640, 280)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the size below which nothing can be told apart."""
        return QSize(240, 120)

    @property
    def groups(self) -> Sequence[TileGroup]:
        """What is shown."""
        return self._groups

    @property
    def placed(self) -> Sequence[Placed]:
        """Where the groups stand."""
        return self._placed

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        self._captions = None
        self._color()
        self.update()

    def set_groups(self, groups: list[TileGroup]) -> None:
        """Show ``groups``."""
        before, self._groups, captions = self._groups, groups, self._captions
        if [_form(group) for group in groups] != [_form(group) for group in before]:
            self._arrange()
        elif [_caption(group) for group in groups] != [_caption(group) for group in before]:
            self._captions = None
        self._color()
        self.update(self.rect() if captions is None or self._captions is None else self._tiles)
        self._report()

    def _color(self) -> None:
        if self._theme is not None:
            self._images = [self._draw_tiles(group) for group in self._groups]

    def _draw_tiles(self, group: TileGroup) -> QImage:
        stacked = group.values.reshape(-1, group.values.shape[2])
        return image_of(color_pixels(stacked, group.scale, group.coloring, self._theme))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Find new places."""
        self._arrange()

    def _arrange(self) -> None:
        self._placed = arrange(self._groups, self.width(), self.height())
        self._tiles = _around(tile for placed in self._placed for tile in placed.tiles)
        self._captions = None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Tell what is under the mouse."""
        self._mouse = event.position().toPoint()
        self._report()
        self.update()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Tell that nothing is under the mouse."""
        self._mouse = None
        self.hovered.emit("")
        self.update()

    def cell_at(self, position: QPoint) -> tuple[int, int, int, int] | None:
        """Return (group, tile, row, column) at ``position``, or None."""
        for index, placed in enumerate(self._placed):
            for tile, rect in enumerate(placed.tiles):
                if rect.contains(position):
                    _, rows, columns = self._groups[index].values.shape
                    inside = position - rect.topLeft()
                    return index, tile, inside.y() * rows // rect.height(), inside.x() * columns // rect.width()
        return None

    def _report(self) -> None:
        """Say what is under the mouse, with the newest numbers."""
        if self._mouse is not None:
            cell = self.cell_at(self._mouse)
            self.hovered.emit(self._groups[cell[0]].describe(*cell[1:]) if cell else "")

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw everything."""
        if self._theme is None:
            return
        if self._captions is None or self._captions.devicePixelRatio() != self.devicePixelRatioF():
            self._captions = self._draw_captions()
        painter = QPainter(self)
        if is_for_screen(painter):
            painter.drawPixmap(0, 0, self._captions)
        else:
            self._paint_captions(painter)
        for group, placed, image in zip(self._groups, self._placed, self._images, strict=True):
            _, rows, columns = group.values.shape
            for tile, rect in enumerate(placed.tiles):
                draw_part(painter, rect, image, QRect(0, tile * rows, columns, rows))
        self._paint_highlight(painter)
        painter.end()

    def _draw_captions(self) -> QPixmap:
        pixmap = QPixmap(self.size() * self.devicePixelRatioF())
        pixmap.setDevicePixelRatio(self.devicePixelRatioF())
        with QPainter(pixmap) as painter:
            self._paint_captions(painter)
        return pixmap

    def _paint_captions(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), QColor(self._theme.surface))
        painter.setFont(small_font())
        for group, placed in zip(self._groups, self._placed, strict=True):
            self._paint_heading(painter, group, placed)
            self._paint_frames(painter, placed)
            self._paint_legend(painter, group, placed)

    def _paint_heading(self, painter: QPainter, group: TileGroup, placed: Placed) -> None:
        area, metrics = placed.area, painter.fontMetrics()
        width = max(area.width() + GROUP_GAP - 4, 24)
        for line, (text, color) in enumerate(((group.title, self._theme.text), (group.subtitle, self._theme.muted))):
            painter.setPen(QColor(color))
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)
            rect = QRect(area.left(), area.top() + line * 15, width, 15)
            painter.drawText(rect, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)

    def _paint_frames(self, painter: QPainter, placed: Placed) -> None:
        painter.setPen(QPen(QColor(self._theme.line), 1))
        for rect in placed.tiles:
            painter.drawRect(rect.adjusted(-1, -1, 0, 0))

    def _paint_legend(self, painter: QPainter, group: TileGroup, placed: Placed) -> None:
        """Draw the colour scale: a bar with the strongest values at its ends, or ± the value where there is no room."""
        if group.coloring is Coloring.GREY:
            return
        area = placed.area
        width = min(max(tile.right() for tile in placed.tiles) + 1 - area.left(), WIDEST_BAR)
        bar = QRect(area.left(), area.bottom() - LEGEND + 6, width, 4)
        painter.drawImage(bar, image_of(signed_colors(self._theme)[np.newaxis]))
        painter.setPen(QColor(self._theme.muted))
        high, row = number(group.scale), QRect(bar.left(), bar.bottom() + 2, bar.width(), LEGEND - 10)
        low = f"\u2212{high}"
        align = Qt.AlignmentFlag.AlignVCenter
        metrics = painter.fontMetrics()
        if metrics.horizontalAdvance(low + high) + GRID > row.width():
            both = f"\u00b1{high}"
            row.setWidth(metrics.horizontalAdvance(both))
            row.moveLeft(min(row.left(), self.width() - row.width()))  # that of the last group stays whole
            painter.drawText(row, align | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextDontClip, both)
            return
        painter.drawText(row, align | Qt.AlignmentFlag.AlignLeft, low)
        painter.drawText(row, align | Qt.AlignmentFlag.AlignRight, high)

    def _paint_highlight(self, painter: QPainter) -> None:
        cell = self.cell_at(self._mouse) if self._mouse is not None else None
        if cell is None:
            return
        index, tile, row, column = cell
        rect = self._placed[index].tiles[tile]
        _, rows, columns = self._groups[index].values.shape
        left, right = (rect.left() + rect.width() * c // columns for c in (column, column + 1))
        top, bottom = (rect.top() + rect.height() * r // rows for r in (row, row + 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(self._theme.accent), 1))
        painter.drawRect(rect.adjusted(-1, -1, 0, 0))
        painter.drawRect(left - 1, top - 1, right - left + 1, bottom - top + 1)


def _around(tiles: Iterable[QRect]) -> QRect:
    """Return the rectangle around ``tiles`` and the frame of the cell that is pointed at."""
    area = QRect()
    for tile in tiles:
        area |= tile
    return area.adjusted(-2, -2, 2, 2)


def _form(group: TileGroup) -> tuple[object, ...]:
    """Return what the place of a group depends on."""
    return group.values.shape, group.columns


def _caption(group: TileGroup) -> tuple[object, ...]:
    """Return what is written around a group."""
    return group.title, group.subtitle, group.scale, group.coloring


def arrange(groups: Sequence[TileGroup], width: int, height: int) -> list[Placed]:
    """Find places for ``groups`` in a canvas of ``width`` x ``height`` pixels, with tiles as large as fit."""
    if not groups:
        return []
    room = max(height - HEADER - LEGEND, SMALLEST)
    side = next((s for s in range(LARGEST, SMALLEST, -1) if _total_width(groups, s, room) <= width), SMALLEST)
    spare = width - _total_width(groups, side, room)
    gap = GROUP_GAP + max(0, min(spare // max(len(groups) - 1, 1), 3 * GRID))
    placed, left = [], 1
    for group in groups:
        one = _place(group, side, room, left)
        placed.append(one)
        left = one.area.right() + 1 + gap
    return placed


def _total_width(groups: Sequence[TileGroup], side: int, room: int) -> int:
    return sum(_place(group, side, room, 0).area.width() for group in groups) + GROUP_GAP * (len(groups) - 1) + 2


def _place(group: TileGroup, side: int, room: int, left: int) -> Placed:
    """Place one group at ``left``, its tiles some ``side`` pixels large in a height of ``room``."""
    count, rows, columns = group.values.shape
    if group.is_strip:
        cell = max(1, min(room // rows, 14))
        tile = QSize(cell * columns, cell * rows)
    else:
        wanted = min(3 * side // 2, room) if count == 1 else min(side, room)
        tile = _tile_size(rows, columns, wanted)
    # Reckoned with ``side``, so that layers of as many maps stand in as many columns whatever their resolution.
    fitting = max(1, (room + TILE_GAP) // (side + TILE_GAP))
    across = _given_columns(group, room) if group.columns else _across(count, fitting)
    if group.columns and -(-count // across) > fitting:  # a given number of columns is too high: it does not fit
        tile = _tile_size(rows, columns, max(SMALLEST - 2, room // -(-count // across) - TILE_GAP))
    x_step, y_step = tile.width() + TILE_GAP, tile.height() + TILE_GAP
    tiles = tuple(
        QRect(left + i % across * x_step, HEADER + i // across * y_step, tile.width(), tile.height())
        for i in range(count)
    )
    right, bottom = max(tiles[min(across, count) - 1].right(), left + NARROWEST), tiles[-1].bottom()
    return Placed(QRect(QPoint(left, 0), QPoint(right, bottom + LEGEND)), tiles)


def _given_columns(group: TileGroup, room: int) -> int:
    """Return ``group.columns``, or as many times that many as it takes for the rows to fit at all."""
    across = group.columns
    while -(-len(group.values) // across) * (SMALLEST - 2 + TILE_GAP) > room and across < len(group.values):
        across += group.columns
    return across


def _across(count: int, fitting: int) -> int:
    """Return how many tiles stand side by side when ``fitting`` fit below each other, leaving no gap at the end."""
    return next(n for n in range(-(-count // fitting), count + 1) if count % n == 0)


def _tile_size(rows: int, columns: int, side: int) -> QSize:
    """Return a size of at most ``side``, with whole pixels for each cell where that costs little."""
    longest = max(rows, columns)
    cell = side // longest
    if cell * longest >= 0.9 * side:
        return QSize(cell * columns, cell * rows)
    return QSize(max(1, side * columns // longest), max(1, side * rows // longest))
