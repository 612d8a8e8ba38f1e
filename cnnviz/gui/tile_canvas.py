"""A row of tile groups: feature maps layer by layer, or filters."""

from collections.abc import Iterator, Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from cnnviz.explain.places import Place
from cnnviz.gui.number_cells import LEGIBLE, write_number
from cnnviz.gui.on_paper import draw_part, is_for_screen
from cnnviz.gui.theme import Theme, small_font
from cnnviz.gui.tile_captions import paint_captions, paint_legends
from cnnviz.gui.tile_groups import TileGroup, array_of
from cnnviz.gui.tile_layout import Placed, around, arrange, caption_areas, header_height
from cnnviz.gui.tile_marks import Frames, Marks
from cnnviz.gui.tile_picture import At, TilePicture
from cnnviz.gui.wheel import Wheel

_ARROWS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down)
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_BY_TAB = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
_KEYPAD = Qt.KeyboardModifier.KeypadModifier


class TileCanvas(QWidget):
    """Draws groups of tiles side by side, each under its captions and over its colour scale.

    The mouse points at cells; so do the arrow keys while the canvas has the focus, with Ctrl tile by tile. A click or
    Enter chooses the cell that is pointed at.
    """

    pointed = Signal(object)  # the number under the mouse or the keys: a Place, or None
    chosen = Signal(object)  # the number that was clicked: a Place
    turned = Signal(int)  # notches of the wheel, up counting positive, over the number that was chosen before
    resized = Signal()  # there is more or less room than before

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._groups: list[TileGroup] = []
        self._placed: list[Placed] = []
        self._tiles = TilePicture([], [])
        self._picture: QImage | None = None
        self._figures: QPixmap | None = None  # what is written in those: drawn anew when it is to be read
        self._words: QPixmap | None = None  # captions and scales: drawn anew only when they change
        self._captions_hold = self._legends_hold = False
        self._marks = Marks()
        self._frames = Frames(self._marks, [], [])
        self._written: list[tuple[At, QRect]] = []  # cells with room for their figures, and where they are
        self._theme: Theme | None = None
        self._mouse: QPoint | None = None
        self._at: At | None = None  # the cell that is pointed at
        self._place: Place | None = None
        self._wheel = Wheel()
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # what lies behind need not be painted
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setToolTip("Click a cell to look into it. Keys: arrows, with Ctrl tile by tile, Enter")

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

    @property
    def place(self) -> Place | None:
        """The number that is pointed at."""
        return self._place

    # What is shown

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        self._words = self._figures = None
        self._color()
        self.update()

    def set_groups(self, groups: list[TileGroup], figures: bool = True) -> None:
        """Show ``groups``; with the ``figures`` of those before where others could not be read so soon."""
        before, self._groups = self._groups, groups
        pairs = list(zip(groups, before, strict=False))
        if len(groups) != len(before) or not all(group.stands_as(other) for group, other in pairs):
            self._arrange()
            self.update()
        elif not all(group.lay == other.lay for group, other in pairs):
            self._place_frames()
        if not all(group.captions == other.captions for group, other in pairs):
            self._captions_hold = False
            self.update(0, 0, self.width(), header_height(groups))
        if not all(group.is_measured_as(other) for group, other in pairs):
            self._legends_hold = False
            self.update()
        if figures:
            self._figures = None
        self._color()
        self.update(self._tiles.area)
        self._point()

    def set_marks(self, marks: Marks) -> None:
        """Mark what is pointed at, what that was made of, and what was chosen."""
        if marks != self._marks:
            self._marks = marks
            self._place_frames()

    def _color(self) -> None:
        if self._theme is not None:
            self._picture = self._tiles.colored(self._groups, self._theme) if self._groups else None

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Find new places."""
        self._arrange()
        self._color()
        self.resized.emit()

    def _arrange(self) -> None:
        self._placed = arrange(self._groups, self.width(), self.height())
        self._tiles = TilePicture(self._groups, self._placed)
        self._words = None
        self._at = self._tiles.cell_at(self._mouse) if self._mouse is not None else None
        self._written = list(self._cells_for_figures())
        self._figures = None
        self._place_frames()

    def _cells_for_figures(self) -> Iterator[tuple[At, QRect]]:
        width, height = LEGIBLE
        for index, (group, placed) in enumerate(zip(self._groups, self._placed, strict=True)):
            (_, rows, columns), tile = group.values.shape, placed.tiles[0]
            if tile.width() >= width * columns and tile.height() >= height * rows:
                for cell in np.ndindex(group.values.shape):
                    yield At(index, *cell), self._tiles.place_of(At(index, *cell))

    def _place_frames(self) -> None:
        before, self._frames = self._frames, Frames(self._marks, self._groups, self._placed)
        self.update(before.region.united(self._frames.region))

    # Pointing and choosing

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Point at what is under the mouse."""
        self._mouse = event.position().toPoint()
        self._at = self._tiles.cell_at(self._mouse)
        self._point()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Point at nothing."""
        self._mouse = self._at = None
        self._wheel.forget()
        self._point()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose what is clicked."""
        cell = self._tiles.cell_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and cell is not None:
            self.chosen.emit(self._place_of(cell))
        else:
            super().mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Tell notches over what was chosen; elsewhere the wheel does nothing here."""
        cell = self._tiles.cell_at(event.position().toPoint())
        if cell is None or self._place_of(cell) != self._marks.subject:
            event.ignore()
            return
        if notches := self._wheel.notches(event):
            self.turned.emit(notches)
        event.accept()

    def _point(self) -> None:
        """Tell what is pointed at, if it is another number than before."""
        place = self._place_of(self._at) if self._at is not None else None
        if place != self._place:
            self._place = place
            self.pointed.emit(place)

    def _place_of(self, cell: At) -> Place:
        return self._groups[cell.group].place_of(cell.tile, cell.row, cell.column)

    # Keys

    def event(self, event: QEvent) -> bool:
        """Claim arrows and Enter before the window's actions get them; explain captions where the mouse rests."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._wants(event):
            event.accept()
            return True
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            self._explain(event)
            return True
        return super().event(event)

    def _wants(self, event: QKeyEvent) -> bool:
        modifiers = event.modifiers() & ~_KEYPAD
        plain = modifiers == Qt.KeyboardModifier.NoModifier
        by_tile = modifiers == Qt.KeyboardModifier.ControlModifier
        return bool(self._groups) and (
            (event.key() in _ARROWS and (plain or by_tile)) or (event.key() in _ENTER and plain)
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Point at the next cell, or choose the one that is pointed at."""
        if not self._wants(event):
            super().keyPressEvent(event)
        elif self._at is None:
            self._point_somewhere()
        elif event.key() in _ENTER:
            self.chosen.emit(self._place_of(self._at))
        else:
            by_tile = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            self._at = self._tiles.neighbour(self._at, Qt.Key(event.key()), by_tile)
            self._point()

    def _point_somewhere(self) -> None:
        """Point at what was chosen, or at the first cell where that is not here."""
        subject, self._at = self._marks.subject, At(0, 0, 0, 0)
        for index, group in enumerate(self._groups):
            if subject is not None and array_of(subject) == group.key:
                for box in group.boxes(tuple(slice(i, i + 1) for i in subject.index)):
                    self._at = At(index, box.tile, box.top, box.left)
        self._point()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Point at a cell, so that it is seen where the keys go."""
        super().focusInEvent(event)
        if self._groups and self._at is None and event.reason() in _BY_TAB:
            self._point_somewhere()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Point at what is under the mouse again, if anything is."""
        super().focusOutEvent(event)
        self._at = self._tiles.cell_at(self._mouse) if self._mouse is not None else None
        self._point()

    def _explain(self, event: QHelpEvent) -> None:
        areas = caption_areas(self._groups, self._placed, self.width())
        texts = [
            group.about
            for group, area in zip(self._groups, areas, strict=True)
            if area is not None and area.contains(event.pos())
        ]
        among_tiles = self._tiles.area.contains(event.pos())  # the status bar tells of those, and no box may hide them
        QToolTip.showText(event.globalPos(), "" if among_tiles else next(iter(texts), self.toolTip()), self)

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw what has changed."""
        if self._theme is None:
            return
        with QPainter(self) as painter:
            on_screen = is_for_screen(painter)
            if on_screen:
                painter.drawPixmap(0, 0, self._drawn_words())
            else:
                self._write_words(painter)
            if self._picture is not None:
                corner = self._tiles.area.topLeft()
                for part in self._tiles.parts:
                    draw_part(painter, part, self._picture, part.translated(-corner))
                if on_screen:
                    self._paint_figures(painter)
                else:
                    self._write_figures(painter)
                self._frames.paint(painter, self._theme)

    def _drawn_words(self) -> QPixmap:
        """Return captions and scales; those are drawn anew that have changed."""
        if self._words is None or self._words.devicePixelRatio() != self.devicePixelRatioF():
            self._words = QPixmap(self.size() * self.devicePixelRatioF())
            self._words.setDevicePixelRatio(self.devicePixelRatioF())
            self._captions_hold = self._legends_hold = False
        if not (self._captions_hold and self._legends_hold):
            with QPainter(self._words) as painter:
                self._write_words(painter, not self._captions_hold, not self._legends_hold)
            self._captions_hold = self._legends_hold = True
        return self._words

    def _write_words(self, painter: QPainter, captions: bool = True, legends: bool = True) -> None:
        above, below = self.rect(), self.rect()
        above.setBottom(header_height(self._groups) - 1)
        below.setTop(above.bottom() + 1)
        painter.setFont(small_font())
        for area, wanted, paint in ((above, captions, paint_captions), (below, legends, paint_legends)):
            if wanted:
                painter.fillRect(area, QColor(self._theme.surface))
                paint(painter, self._groups, self._placed, self._theme, self.width())

    def _paint_figures(self, painter: QPainter) -> None:
        """Write into each cell that is large enough what it holds."""
        if not self._written:
            return
        area = around(place for _, place in self._written)
        if self._figures is None or self._figures.devicePixelRatio() != self.devicePixelRatioF():
            self._figures = QPixmap(area.size() * self.devicePixelRatioF())
            self._figures.setDevicePixelRatio(self.devicePixelRatioF())
            self._figures.fill(Qt.GlobalColor.transparent)
            with QPainter(self._figures) as writer:
                writer.translate(-area.topLeft())
                self._write_figures(writer)
        painter.drawPixmap(area.topLeft(), self._figures)

    def _write_figures(self, painter: QPainter) -> None:
        painter.setFont(small_font())
        corner = self._tiles.area.topLeft()
        for cell, place in self._written:
            color = QColor(self._picture.pixel(place.center() - corner))
            value = self._groups[cell.group].values[cell.tile, cell.row, cell.column]
            write_number(painter, QRectF(place).adjusted(-1, 0, 1, 0), float(value), color)
