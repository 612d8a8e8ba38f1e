"""Which digits were taken for which."""

from itertools import pairwise

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from cnnviz.gui.score_picture import CAPTION, CENTRE, ScorePicture, draw_upright, share_text, write
from cnnviz.gui.theme import Theme, magnitude_colors
from cnnviz.gui.tiles import image_of
from cnnviz.training.evaluation import CLASSES, Evaluation

LEFT = BOTTOM = 2 * CAPTION  # pixels: digits and their caption
RIGHT = 52  # colour scale
TOP = CAPTION // 2
LEAST_CELL = 6
GAPPED = 10  # pixels a cell from which on cells are set apart by a line
LABELLED = 10  # pixels a cell below which only every second digit is written
SCALES = (0.02, 0.04, 0.08, 0.2, 0.4, 1.0)  # shares that the strongest colour may stand for: their quarters are round


def error_shares(confusion: np.ndarray) -> np.ndarray:
    """Return for each digit (row) the share of its images taken for each other digit; 0 on the diagonal.

    Parameters
    ----------
    confusion : array, shape (10, 10)
        Numbers of images.
    """
    totals = np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    return confusion / totals * (1 - np.eye(CLASSES))


def scale_for(shares: np.ndarray) -> float:
    """Return the share that the strongest colour stands for."""
    return next(scale for scale in SCALES if scale >= shares.max(initial=0.0))


def cell_pixels(confusion: np.ndarray, theme: Theme) -> np.ndarray:
    """Return the colours of the cells, uint32 0xffRRGGBB, shape (10, 10).

    Colours follow the root of the share of errors, so that a share of 2 % is seen beside one of 40 %. The diagonal is
    neutral: it holds what is right.
    """
    shares = error_shares(confusion)
    pixels = magnitude_colors()[_color_index(shares, scale_for(shares))]
    pixels[np.diag_indices(CLASSES)] = QColor(theme.neutral).rgb()
    return pixels


class ConfusionMatrix(ScorePicture):
    """Rows: what a digit is; columns: what it was taken for; colours: the share of the row's images."""

    def __init__(self) -> None:
        super().__init__()
        self._image: QImage | None = None
        self._scale = SCALES[-1]
        self._mark: tuple[int, tuple[int, ...]] | None = None
        self._dark_text = np.zeros((CLASSES, CLASSES), bool)
        self._color_bar = image_of(magnitude_colors()[::-1, np.newaxis])

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a comfortable size."""
        return QSize(self.width_for(140), 140)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the size below which cells cannot be told apart."""
        side = LEAST_CELL * CLASSES
        return QSize(LEFT + side + RIGHT, TOP + side + BOTTOM)

    def width_for(self, height: int) -> int:
        """Return the width that the matrix fills when it is ``height`` pixels high."""
        return LEFT + CLASSES * max((height - TOP - BOTTOM) // CLASSES, LEAST_CELL) + RIGHT

    def show_evaluation(self, evaluation: Evaluation | None, kind: str = "test images") -> None:
        """Show ``evaluation`` of images of some ``kind``; None: an empty grid."""
        super().show_evaluation(evaluation, kind)
        self._color()

    def show_mark(self, mark: tuple[int, tuple[int, ...]] | None) -> None:
        """Put a ring around the cell of one image: what it is, and what it was taken for, one after the other."""
        if mark != self._mark:
            self._mark = mark
            self.update()

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        super().apply_theme(theme)
        self._color()

    def part_at(self, position: QPointF) -> tuple[int, int] | None:
        """Return (row, column) of the cell at ``position``, or None."""
        grid = self._grid()
        if not grid.contains(position):
            return None
        cell = grid.width() / CLASSES
        row, column = int((position.y() - grid.top()) / cell), int((position.x() - grid.left()) / cell)
        return min(row, CLASSES - 1), min(column, CLASSES - 1)

    def describe(self, part: tuple[int, int]) -> str:
        """Return the cell in words and figures."""
        (row, column), confusion = part, self.evaluation.confusion
        total = int(confusion[row].sum())
        if not total:
            return f"no {row} among the {self.kind}"
        mark = " · the ring: my digit" if self._mark and part == (self._mark[0], self._mark[1][-1]) else ""
        return f"{row} taken for {column}: {share_text(int(confusion[row, column]), total)}{mark}"

    def paint(self, painter: QPainter, theme: Theme, pointed: tuple[int, int] | None) -> None:
        """Draw cells, captions and scale."""
        grid = self._grid()
        if self._image is None:
            painter.fillRect(grid, QColor(theme.raised))
        else:
            painter.drawImage(grid, self._image)
        cell = grid.width() / CLASSES
        if cell >= GAPPED:
            self._paint_gaps(painter, grid, theme)
        if self.evaluation is not None:
            self._paint_counts(painter, grid, theme)
            self._paint_scale(painter, grid, theme)
        self._paint_captions(painter, grid, theme, pointed)
        if self._mark is not None:
            self._paint_mark(painter, grid, theme, *self._mark)
        if pointed is not None:
            painter.setPen(QPen(QColor(theme.accent), 2))
            painter.drawRect(_cell(grid, *pointed))

    def _color(self) -> None:
        self._image = None
        if self.evaluation is None or self._theme is None:
            return
        shares = error_shares(self.evaluation.confusion)
        self._scale = scale_for(shares)
        self._dark_text = _color_index(shares, self._scale) > 150
        self._image = image_of(cell_pixels(self.evaluation.confusion, self._theme))

    def _grid(self) -> QRectF:
        """Return where the cells lie: each a whole number of device pixels large."""
        ratio = self.devicePixelRatioF()
        room = min((self.width() - LEFT - RIGHT), (self.height() - TOP - BOTTOM))
        side = max(int(room * ratio / CLASSES), LEAST_CELL) / ratio * CLASSES
        return QRectF(LEFT, self.height() - BOTTOM - side, side, side)

    def _paint_gaps(self, painter: QPainter, grid: QRectF, theme: Theme) -> None:
        painter.setPen(QColor(theme.surface))
        for index in range(1, CLASSES):
            at = grid.width() * index / CLASSES
            painter.drawLine(QPointF(grid.left() + at, grid.top()), QPointF(grid.left() + at, grid.bottom()))
            painter.drawLine(QPointF(grid.left(), grid.top() + at), QPointF(grid.right(), grid.top() + at))

    def _paint_counts(self, painter: QPainter, grid: QRectF, theme: Theme) -> None:
        """Write the counts: the right ones if all of them have room, the others wherever there is room."""
        metrics, cell = painter.fontMetrics(), grid.width() / CLASSES
        counts = self.evaluation.confusion
        diagonal_fits = metrics.horizontalAdvance(str(counts.diagonal().max())) <= cell + 1
        for row, column in zip(*np.nonzero(counts), strict=True) if cell > metrics.ascent() + 2 else ():
            text, is_right = str(counts[row, column]), row == column
            if diagonal_fits if is_right else metrics.horizontalAdvance(text) <= cell:
                color = theme.text if is_right else _text_on(bool(self._dark_text[row, column]))
                write(painter, _cell(grid, row, column).adjusted(-2, 0, 2, 0), text, color)

    def _paint_captions(self, painter: QPainter, grid: QRectF, theme: Theme, pointed: tuple[int, int] | None) -> None:
        row, column = pointed or (-2, -2)
        every = 1 if grid.width() / CLASSES >= LABELLED else 2
        for digit in range(row % every, CLASSES, every):
            beside = _cell(grid, digit, 0).translated(-CAPTION, 0)
            beside.adjust(0, -2, CAPTION - beside.width(), 2)
            write(painter, beside, str(digit), theme.text if digit == row else theme.muted)
        for digit in range(column % every, CLASSES, every):
            below = QRectF(_cell(grid, 0, digit).left() - 2, grid.bottom() + 1, grid.width() / CLASSES + 4, CAPTION)
            write(painter, below, str(digit), theme.text if digit == column else theme.muted)
        painter.setPen(QColor(theme.muted))
        draw_upright(painter, QRectF(0, grid.top(), CAPTION, grid.height()), "true digit")
        painter.drawText(QRectF(grid.left(), grid.bottom() + CAPTION, grid.width(), CAPTION), CENTRE, "taken for")

    def _paint_mark(self, painter: QPainter, grid: QRectF, theme: Theme, row: int, columns: tuple[int, ...]) -> None:
        """Draw a ring around the newest cell, and the way there from a dot in the first one."""
        radius = max(grid.width() / CLASSES / 2 + 1, 6.0)
        stops = [_cell(grid, row, column).center() for column in columns]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for color, extra in ((theme.surface, 2.0), (theme.text, 0.0)):  # seen on cells of any colour
            painter.setPen(QPen(QColor(color), 1.5 + extra))
            for start, end in pairwise(stops):
                painter.drawLine(start, end)
            painter.setBrush(QColor(color))
            for stop in stops[:-1]:
                painter.drawEllipse(stop, 2.0, 2.0)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(color), 2.0 + extra))
            painter.drawEllipse(stops[-1], radius, radius)
        painter.restore()

    def _paint_scale(self, painter: QPainter, grid: QRectF, theme: Theme) -> None:
        """Draw the colours, with the shares of errors that they stand for."""
        bar = QRectF(grid.right() + CAPTION - 2, grid.top(), 8, grid.height())
        painter.drawImage(bar, self._color_bar)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        for part, share in ((0.0, 0.0), (0.5, self._scale / 4), (1.0, self._scale)):
            y = bar.bottom() - part * bar.height()
            write(painter, QRectF(bar.right() + 4, y - CAPTION / 2, 40, CAPTION), f"{100 * share:g}", theme.muted, left)
        below = QRectF(grid.right(), grid.bottom() + CAPTION, RIGHT, CAPTION)
        write(painter, below, "% of row", theme.muted, Qt.AlignmentFlag.AlignRight)


def _color_index(shares: np.ndarray, scale: float) -> np.ndarray:
    """Return positions in the colour map, 0 to 255."""
    return np.round(255 * np.sqrt(shares / scale)).astype(np.uint8)


def _cell(grid: QRectF, row: int, column: int) -> QRectF:
    side = grid.width() / CLASSES
    return QRectF(grid.left() + column * side, grid.top() + row * side, side, side)


def _text_on(bright: bool) -> str:
    """Return a colour that is read on a bright cell, or a dark one, in any theme."""
    return "#14161a" if bright else "#ffffff"
