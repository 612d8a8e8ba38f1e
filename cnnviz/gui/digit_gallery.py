"""Many labelled digits as tiles, kind by kind, each with what it is taken for."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QApplication

from cnnviz.data.collection import Ink
from cnnviz.gui.input_view import SIDE
from cnnviz.gui.theme import DARK, GRID, Theme, small_font
from cnnviz.gui.tiles import Coloring, color_pixels, image_of
from cnnviz.gui.words import with_article

SIZES = (3 * SIDE, 2 * SIDE, SIDE)  # of tiles, pixels: the largest at which all are seen at once, if there is one
HEADING = 3 * GRID  # pixels; width of what stands before the first digit of a kind
CAPTION = 14  # pixels below a tile
GAP = GRID
KIND_GAP = 2 * GRID
MARGIN = 4  # pixels around all tiles, for the frame of the selected one

_MOVES = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
_ROWS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}


@dataclass(frozen=True)
class Tile:
    """One digit of the gallery.

    Attributes
    ----------
    key : str
    ink : Ink
    label : int
        What it is.
    taken_for : int or None
        What the network takes it for, if that is known.
    """

    key: str
    ink: Ink
    label: int
    taken_for: int | None

    @property
    def is_wrong(self) -> bool:
        """Whether the network takes it for another digit."""
        return self.taken_for is not None and self.taken_for != self.label


def arrange(labels: Sequence[int], width: int, side: int) -> list[QPoint]:
    """Return where tiles of ``side`` pixels lie that are sorted by label, in rows of ``width`` pixels.

    Before the first of each kind there is room for a heading, which is never left behind at the end of a row.
    """
    places: list[QPoint] = []
    x, y = 0, 0
    for index, label in enumerate(labels):
        is_first = index == 0 or labels[index - 1] != label
        if is_first:
            x += HEADING + (KIND_GAP if x else 0)
        if places and x + side > width:
            x, y = HEADING, y + side + CAPTION + GAP
        places.append(QPoint(x, y))
        x += side + GAP
    return places


class DigitGallery(QAbstractScrollArea):
    """Draws tiles, of which one can be selected, and passes on what is done to it."""

    selected = Signal(str)
    relabelled = Signal(str, int)
    removed = Signal(str)
    opened = Signal(str)  # double click, or Return
    hovered = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._tiles: list[Tile] = []
        self._places: list[QPoint] = []  # none is higher up than the one before
        self._counts: Counter[int] = Counter()  # of tiles, by label
        self._side = SIZES[0]
        self._selection: str | None = None
        self._pointed: str | None = None
        self._images: dict[str, QImage] = {}
        self._theme = DARK
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.setAccessibleName("Gallery of my digits")
        self.setToolTip(
            "Click: show it large. Double click: put it back on the pad.\n"
            "0 to 9: say what it is. Del: take it away. Ctrl+Z: undo."
        )

    @property
    def tiles(self) -> Sequence[Tile]:
        """What is shown."""
        return self._tiles

    def show_tiles(self, tiles: list[Tile]) -> None:
        """Show tiles, which are sorted by label."""
        is_other = [(t.key, t.label) for t in tiles] != [(t.key, t.label) for t in self._tiles]
        self._tiles = tiles
        if is_other:
            keys = {tile.key for tile in tiles}
            self._images = {key: image for key, image in self._images.items() if key in keys}
            self._counts = Counter(tile.label for tile in tiles)
            self._arrange()
        self.viewport().update()

    def select(self, key: str | None) -> None:
        """Mark a tile, and scroll to it."""
        self._selection = key
        self._show_selection()
        self.viewport().update()

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        self.viewport().update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a comfortable size."""
        return QSize(400, 220)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the size in which a row of small tiles is seen."""
        return QSize(HEADING + 4 * (SIDE + GAP), SIDE + CAPTION + GAP)

    # Places

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Find new places."""
        self._arrange()

    def _arrange(self) -> None:
        width, height = self.viewport().width() - MARGIN, self.viewport().height()
        labels = [tile.label for tile in self._tiles]
        for self._side in SIZES:
            self._places = arrange(labels, width, self._side)
            if not self._places or self._bottom() <= height:
                break
        bar = self.verticalScrollBar()
        bar.setPageStep(height)
        bar.setSingleStep(self._row())
        bar.setRange(0, max(self._bottom() - height, 0))
        self._show_selection()

    def _bottom(self) -> int:
        return MARGIN + self._places[-1].y() + self._row() if self._places else 0

    def _row(self) -> int:
        """Return the height of a row."""
        return self._side + CAPTION + GAP

    def _show_selection(self) -> None:
        if (index := self._index_of(self._selection)) is not None:
            bar, top = self.verticalScrollBar(), self._places[index].y()
            bottom = MARGIN + top + self._row()
            bar.setValue(min(max(bar.value(), bottom - self.viewport().height()), top))

    def _index_of(self, key: str | None) -> int | None:
        return next((i for i, tile in enumerate(self._tiles) if tile.key == key), None)

    def tile_rect(self, key: str) -> QRect:
        """Return where the tile of ``key`` is in the viewport."""
        return self._rect(self._index_of(key))

    def _rect(self, index: int) -> QRect:
        place = self._places[index] - QPoint(0, self.verticalScrollBar().value())
        return QRect(place.x(), MARGIN + place.y(), self._side, self._side)

    def tile_at(self, position: QPoint) -> Tile | None:
        """Return the tile at a position in the viewport, or None."""
        shown = (i for i in self._shown() if self._rect(i).adjusted(0, 0, 0, CAPTION).contains(position))
        return next((self._tiles[index] for index in shown), None)

    def _shown(self) -> range:
        """Return which tiles the viewport shows some of."""
        top = self.verticalScrollBar().value() - MARGIN
        first = bisect_left(self._places, top - self._row(), key=QPoint.y)
        return range(first, bisect_left(self._places, top + self.viewport().height(), key=QPoint.y))

    # Mouse and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Select a tile."""
        tile = self.tile_at(event.position().toPoint())
        if tile is not None and event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton):
            self.selected.emit(tile.key)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Open a tile."""
        tile = self.tile_at(event.position().toPoint())
        if tile is not None and event.button() == Qt.MouseButton.LeftButton:
            self.opened.emit(tile.key)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Tell what is under the mouse."""
        tile = self.tile_at(event.position().toPoint())
        self._pointed = tile and tile.key
        self.hovered.emit(_describe(tile) if tile else "")

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Tell that nothing is under the mouse."""
        self._pointed = None
        self.hovered.emit("")

    def event(self, event: QEvent) -> bool:
        """Claim the keys that are meant for the selected tile before the window's actions get them."""
        if event.type() == QEvent.Type.ShortcutOverride and self._is_own(event):
            event.accept()
            return True
        return super().event(event)

    def _is_own(self, event: QKeyEvent) -> bool:
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        keys = (*_MOVES, *_ROWS, Qt.Key.Key_Delete, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        return plain and self._selection is not None and (event.key() in keys or _digit_of(event) is not None)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Move the selection, or do something to it."""
        index, key = self._index_of(self._selection), event.key()
        if index is None or not self._is_own(event):
            super().keyPressEvent(event)
        elif (digit := _digit_of(event)) is not None:
            self.relabelled.emit(self._selection, digit)
        elif key == Qt.Key.Key_Delete:
            self.removed.emit(self._selection)
        elif key in _MOVES:
            self.selected.emit(self._tiles[min(max(index + _MOVES[key], 0), len(self._tiles) - 1)].key)
        elif key in _ROWS:
            self.selected.emit(self._tiles[self._above_or_below(index, _ROWS[key])].key)
        else:
            self.opened.emit(self._selection)

    def _above_or_below(self, index: int, direction: int) -> int:
        """Return the tile of the next row in that direction that is nearest; the same one where there is none."""
        here = self._places[index]
        rows = {place.y() for place in self._places if (place.y() - here.y()) * direction > 0}
        if not rows:
            return index
        row = min(rows, key=lambda y: abs(y - here.y()))
        candidates = [i for i, place in enumerate(self._places) if place.y() == row]
        return min(candidates, key=lambda i: abs(self._places[i].x() - here.x()))

    # The picture

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the tiles that are seen."""
        with QPainter(self.viewport()) as painter:
            painter.fillRect(event.rect(), QColor(self._theme.surface))
            for index in self._shown():
                tile, rect = self._tiles[index], self._rect(index)
                if index == 0 or self._tiles[index - 1].label != tile.label:
                    self._paint_heading(painter, rect, tile.label, self._counts[tile.label])
                self._paint_tile(painter, rect, tile)

    def _paint_heading(self, painter: QPainter, rect: QRect, label: int, count: int) -> None:
        area = QRect(rect.left() - HEADING, rect.top() + rect.height() // 2 - 14, HEADING - 4, 16)
        font = QApplication.font()
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(self._theme.text))
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, str(label))
        painter.setFont(small_font())
        painter.setPen(QColor(self._theme.muted))
        painter.drawText(area.translated(0, 14), Qt.AlignmentFlag.AlignCenter, f"{count:,}")

    def _paint_tile(self, painter: QPainter, rect: QRect, tile: Tile) -> None:
        theme = self._theme
        if tile.ink.is_prepared:
            painter.drawImage(rect, self._image(tile))
        else:
            painter.fillRect(rect, QColor("#000000"))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if tile.is_wrong:
            painter.setPen(QPen(QColor(theme.warning), 2))
            painter.drawRect(rect.adjusted(0, 0, 0, 0))
        if tile.key == self._selection:
            painter.setPen(QPen(QColor(theme.accent), 2))
            painter.drawRect(rect.adjusted(-3, -3, 3, 3) if tile.is_wrong else rect.adjusted(-1, -1, 1, 1))
        if tile.taken_for is not None:
            painter.setFont(small_font())
            painter.setPen(QColor(theme.warning if tile.is_wrong else theme.muted))
            below = QRect(rect.left() - 4, rect.bottom() + 3, rect.width() + 8, CAPTION)
            text = f"read as {tile.taken_for}" if self._side > SIDE else str(tile.taken_for)
            painter.drawText(below, Qt.AlignmentFlag.AlignCenter, text)

    def _image(self, tile: Tile) -> QImage:
        if tile.key not in self._images:
            self._images[tile.key] = image_of(color_pixels(tile.ink.image, 255, Coloring.GREY, DARK))
        return self._images[tile.key]


def _digit_of(event: QKeyEvent) -> int | None:
    digit = event.key() - Qt.Key.Key_0
    return digit if 0 <= digit <= 9 else None


def _describe(tile: Tile) -> str:
    read = "not read yet" if tile.taken_for is None else f"read as {tile.taken_for}"
    return f"my digit, {with_article(tile.label)}: {read}"
