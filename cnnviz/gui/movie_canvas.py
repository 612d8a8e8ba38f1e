"""Arrays side by side, with the sign of what is done with them between: the picture of one phase of a step."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.gui.number_cells import LEGIBLE, paint_numbers
from cnnviz.gui.on_paper import draw_part, is_for_screen
from cnnviz.gui.theme import DARK, GRID, SMALL, Theme, signed_colors, small_font
from cnnviz.gui.tile_layout import tile_size
from cnnviz.gui.tiles import Coloring, color_pixels, image_of, number

LINE = SMALL + 4  # pixels; height of a line of a caption
HEADER = 2 * LINE + GRID // 2
LEGEND = 3 * GRID  # the colour scale and its ends
TILE_GAP = 3
SIGN = 3 * GRID  # between two plates
DIGITS = 2 * GRID  # before the first plate, where its rows are digits
NARROWEST = 9 * GRID  # width that a heading needs, where there is so much
WIDEST_BAR = 16 * GRID
SMALLEST, LARGEST = 3, 200  # sides of a tile
_WHOLE_FROM = 0.8  # of a tile's side that whole pixels for each cell have to fill
FIGURE = 7 * GRID  # width of a column in which four figures fit
HIGHEST_CELL = 3 * GRID

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class Plate(NamedTuple):
    """One array.

    Attributes
    ----------
    title, subtitle : str
    values : array, shape (tiles, rows, columns)
    describe : callable (tile, row, column) -> str
        Which number a cell is.
    scale : float
        Value of the strongest colour.
    coloring : Coloring
    sign : str
        What leads from the plate before to this one, such as "→".
    across : int or None
        How many tiles stand side by side; None: whatever fits best.
    has_digits : bool
        Whether its rows stand for the digits from 0 on.
    marked : tuple
        (tile,) or (tile, row, column) of what is framed; empty: nothing.
    """

    title: str
    subtitle: str
    values: np.ndarray
    describe: Callable[[int, int, int], str]
    scale: float
    coloring: Coloring = Coloring.SIGNED
    sign: str = ""
    across: int | None = None
    has_digits: bool = False
    marked: tuple[int, ...] = ()

    @property
    def is_strip(self) -> bool:
        """Whether this is a vector, which stands upright."""
        _, rows, columns = self.values.shape
        return rows >= 4 * columns


class Placed(NamedTuple):
    """Where a plate stands: all of it, and each of its tiles."""

    area: QRect
    tiles: tuple[QRect, ...]


class MovieCanvas(QWidget):
    """Draws plates; tells what is under the mouse, and which tile is clicked."""

    hovered = Signal(str)
    clicked = Signal(int, int)  # plate, tile

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plates: Sequence[Plate] = ()
        self._placed: list[Placed] = []
        self._theme = DARK
        self._drawn: QPixmap | None = None  # all but the frame under the mouse
        self._mouse: QPoint | None = None
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a comfortable size."""
        return QSize(48 * GRID, 30 * GRID)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the size below which nothing can be told apart."""
        return QSize(24 * GRID, 14 * GRID)

    @property
    def plates(self) -> Sequence[Plate]:
        """What is shown."""
        return self._plates

    @property
    def placed(self) -> Sequence[Placed]:
        """Where the plates stand."""
        return self._placed

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        self._redraw()

    def show_plates(self, plates: Sequence[Plate]) -> None:
        """Show ``plates``."""
        self._plates = plates
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Find new places."""
        self._arrange()

    def _arrange(self) -> None:
        self._placed = arrange(self._plates, self.width(), self.height())
        self._redraw()
        self._report()

    def _redraw(self) -> None:
        self._drawn = None
        self.update()

    # The mouse

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

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Tell which tile is clicked."""
        cell = self.cell_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and cell is not None:
            self.clicked.emit(cell[0], cell[1])
        else:
            super().mousePressEvent(event)

    def cell_at(self, position: QPoint) -> tuple[int, int, int, int] | None:
        """Return (plate, tile, row, column) at ``position``, or None."""
        for index, (plate, placed) in enumerate(zip(self._plates, self._placed, strict=True)):
            for tile, rect in enumerate(placed.tiles):
                if rect.contains(position):
                    _, rows, columns = plate.values.shape
                    inside = position - rect.topLeft()
                    return index, tile, inside.y() * rows // rect.height(), inside.x() * columns // rect.width()
        return None

    def _report(self) -> None:
        if self._mouse is not None:
            cell = self.cell_at(self._mouse)
            self.hovered.emit("" if cell is None else reading(self._plates[cell[0]], *cell[1:]))

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw everything."""
        with QPainter(self) as painter:
            if is_for_screen(painter):
                if self._drawn is None or self._drawn.devicePixelRatio() != self.devicePixelRatioF():
                    self._drawn = self._draw()
                painter.drawPixmap(0, 0, self._drawn)
            else:
                self._paint(painter)
            cell = self.cell_at(self._mouse) if self._mouse is not None else None
            if cell is not None:
                painter.setPen(QPen(QColor(self._theme.accent), 1))
                painter.drawRect(self._frame(cell[0], cell[1:]))

    def _draw(self) -> QPixmap:
        pixmap = QPixmap(self.size() * self.devicePixelRatioF())
        pixmap.setDevicePixelRatio(self.devicePixelRatioF())
        with QPainter(pixmap) as painter:
            self._paint(painter)
        return pixmap

    def _paint(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), QColor(self._theme.surface))
        painter.setFont(small_font())
        for index, (plate, placed) in enumerate(zip(self._plates, self._placed, strict=True)):
            following = self._placed[index + 1].area.left() if index + 1 < len(self._placed) else self.width()
            self._paint_captions(painter, plate, placed, following - placed.area.left() - GRID)
            self._paint_signs(painter, plate, placed)
            self._paint_tiles(painter, plate, placed)
            self._paint_legend(painter, plate, placed)
            if plate.marked:
                painter.setPen(QPen(QColor(self._theme.accent), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(self._frame(index, plate.marked))

    def _paint_captions(self, painter: QPainter, plate: Plate, placed: Placed, width: int) -> None:
        area, metrics = placed.area, painter.fontMetrics()
        for line, (text, color) in enumerate(((plate.title, self._theme.text), (plate.subtitle, self._theme.muted))):
            painter.setPen(QColor(color))
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)
            painter.drawText(QRect(area.left(), area.top() + line * LINE, width, LINE), _LEFT, shown)

    def _paint_signs(self, painter: QPainter, plate: Plate, placed: Placed) -> None:
        """Draw what leads to this plate, or the digits before the first one."""
        area, first = placed.area, placed.tiles[0]
        painter.setPen(QColor(self._theme.muted))
        if plate.sign:
            middle = min(first.center().y(), self.height() // 2)
            between = QRect(area.left() - SIGN, middle - LINE, SIGN, 2 * LINE)
            painter.drawText(between, Qt.AlignmentFlag.AlignCenter, plate.sign)
        if plate.has_digits and not plate.sign:  # the first of its kind
            rows = plate.values.shape[1]
            for row in range(rows):
                top, bottom = (first.top() + r * first.height() // rows for r in (row, row + 1))
                beside = QRect(area.left() - DIGITS, top, DIGITS - GRID // 2, bottom - top)
                painter.drawText(beside, _RIGHT, str(row))

    def _paint_tiles(self, painter: QPainter, plate: Plate, placed: Placed) -> None:
        _, rows, columns = plate.values.shape
        first = placed.tiles[0]
        if first.width() // columns >= LEGIBLE[0] and first.height() // rows >= LEGIBLE[1]:
            for values, rect in zip(plate.values, placed.tiles, strict=True):
                paint_numbers(painter, QRectF(rect), values, plate.scale, self._theme, plate.coloring)
            return
        pixels = color_pixels(plate.values.reshape(-1, columns), plate.scale, plate.coloring, self._theme)
        image = image_of(pixels)
        for tile, rect in enumerate(placed.tiles):
            draw_part(painter, rect, image, QRect(0, tile * rows, columns, rows))

    def _paint_legend(self, painter: QPainter, plate: Plate, placed: Placed) -> None:
        """Draw the colour scale: a bar with the strongest values at its ends, or ± the value where there is no room."""
        if plate.coloring is Coloring.GREY:
            return
        area, metrics = placed.area, painter.fontMetrics()
        bar = QRect(area.left(), area.bottom() - LEGEND + 6, min(area.width(), WIDEST_BAR), 4)
        painter.drawImage(bar, image_of(signed_colors(self._theme)[np.newaxis]))
        painter.setPen(QColor(self._theme.muted))
        high, row = number(plate.scale), QRect(bar.left(), bar.bottom() + 2, bar.width(), LINE)
        if metrics.horizontalAdvance(f"−{high}{high}") + GRID > row.width():
            painter.drawText(row, _LEFT | Qt.TextFlag.TextDontClip, f"±{high}")
            return
        painter.drawText(row, _LEFT, f"−{high}")
        painter.drawText(row, _RIGHT, high)

    def _frame(self, plate: int, cell: tuple[int, ...]) -> QRect:
        """Return the frame of a tile, or of a cell in it."""
        tile, *place = cell
        rect = self._placed[plate].tiles[tile]
        if place:
            row, column = place
            _, rows, columns = self._plates[plate].values.shape
            left, right = (rect.left() + rect.width() * c // columns for c in (column, column + 1))
            top, bottom = (rect.top() + rect.height() * r // rows for r in (row, row + 1))
            rect = QRect(left, top, right - left, bottom - top)
        return rect.adjusted(-1, -1, 0, 0)


def reading(plate: Plate, tile: int, row: int, column: int) -> str:
    """Return what the status bar says of a cell."""
    return f"{plate.describe(tile, row, column)}: {number(float(plate.values[tile, row, column]))}"


def arrange(plates: Sequence[Plate], width: int, height: int) -> list[Placed]:
    """Find places for ``plates`` in a canvas of ``width`` x ``height`` pixels, with tiles as large as fit."""
    if not plates:
        return []
    room = max(height - HEADER - LEGEND, SMALLEST)
    first = 1 + (DIGITS if plates[0].has_digits else 0)
    spare = width - GRID - first - SIGN * (len(plates) - 1)
    narrowest = min(NARROWEST, spare // len(plates))
    tries = (_forms(plates, side, room, narrowest) for side in range(LARGEST, SMALLEST, -1))
    fitting = next((forms for forms in tries if sum(wide for wide, _, _ in forms) <= spare), None)
    placed, left = [], first
    for plate, (wide, across, tile) in zip(plates, fitting or _forms(plates, SMALLEST, room, narrowest), strict=True):
        placed.append(_place(len(plate.values), left, wide, across, tile))
        left += wide + SIGN
    return placed


def _forms(plates: Sequence[Plate], side: int, room: int, narrowest: int) -> list[tuple[int, int, QSize]]:
    """Return the width of each plate, how many tiles stand side by side, and the size of one.

    Tiles are some ``side`` pixels large, all of them in a height of ``room``; no plate is narrower than ``narrowest``.
    """
    forms = []
    for plate in plates:
        across, tile = (1, _strip_size(plate, room)) if plate.is_strip else _grid_size(plate, side, room)
        wide = min(across, len(plate.values)) * (tile.width() + TILE_GAP) - TILE_GAP
        forms.append((max(wide, narrowest), across, tile))
    return forms


def _place(count: int, left: int, wide: int, across: int, tile: QSize) -> Placed:
    x_step, y_step = tile.width() + TILE_GAP, tile.height() + TILE_GAP
    tiles = tuple(
        QRect(left + i % across * x_step, HEADER + i // across * y_step, tile.width(), tile.height())
        for i in range(count)
    )
    return Placed(QRect(left, 0, wide, tiles[-1].bottom() + 1 + LEGEND), tiles)


def _strip_size(plate: Plate, room: int) -> QSize:
    """Return the size of an upright tile: wide enough for figures in a single column."""
    _, rows, columns = plate.values.shape
    cell = max(1, min(room // rows, HIGHEST_CELL))
    return QSize(max(FIGURE // columns, cell) * columns, cell * rows)


def _grid_size(plate: Plate, side: int, room: int) -> tuple[int, QSize]:
    """Return how many tiles stand side by side, and the size of one."""
    count, rows, columns = plate.values.shape
    tile = tile_size(rows, columns, min(side * 3 // 2 if count == 1 else side, room), _WHOLE_FROM)
    # Reckoned with ``side``, so that layers of as many maps stand in as many columns whatever their resolution.
    fewest = -(-count // max(1, (room + TILE_GAP) // (side + TILE_GAP)))
    if plate.across is None:
        return fewest, tile
    if fewest > plate.across:
        tile = tile_size(rows, columns, max(SMALLEST, room // -(-count // plate.across) - TILE_GAP), _WHOLE_FROM)
    return plate.across, tile
