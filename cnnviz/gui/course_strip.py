"""Ten probabilities along the pen's path, and a line to go back along it."""

from itertools import groupby, pairwise

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from cnnviz.gui.course import Moment
from cnnviz.gui.probabilities import percent
from cnnviz.gui.theme import DARK, GRID, Theme, magnitude_colors, small_font
from cnnviz.gui.tiles import image_of

_DIGITS = 10
_LEFT = 2 * GRID  # pixels, for the digits
_RIGHT = 7 * GRID  # for the scale of colours
_LEADERS = 2 * GRID  # for the digit that leads
_AXIS = 2 * GRID
_CAPTION = 14  # a line of small text
_LEAST_ROW, _HIGHEST_ROW = 8, 3 * GRID
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_CENTRE = Qt.AlignmentFlag.AlignCenter
_KEYS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Escape)


class CourseStrip(QWidget):
    """A row a digit, a column a moment of the drawing: the brighter, the likelier.

    Attributes
    ----------
    moments : list of Moment
    probabilities : array, shape (moments, 10)
    """

    chosen = Signal(object)  # the Moment that is looked at; None: the whole drawing again
    hovered = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.moments: list[Moment] = []
        self.probabilities = np.empty((0, _DIGITS), np.float32)
        self._sentence = ""
        self._cursor: int | None = None  # index of the moment that is looked at
        self._last = -1  # where the cursor was, for the arrow keys
        self._image = QImage()
        self._scale = image_of(magnitude_colors()[::-1, np.newaxis])
        self._theme = DARK
        self.setAccessibleName("Course of the answer along the pen's path")
        self.setToolTip("Drag, or use Left and Right, to go back along the pen's path; the pad shows that moment")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_course(self, moments: list[Moment], probabilities: np.ndarray) -> None:
        """Show ``probabilities``, shape (n, 10), at ``n`` moments of a drawing."""
        if self._cursor is not None:  # other moments of the same drawing: the nearest to where it was
            points = [moment.points for moment in moments]
            self._cursor = int(np.abs(np.array(points) - self.moments[self._cursor].points).argmin())
        self.moments, self.probabilities, self._sentence = moments, probabilities, ""
        self._color()
        self.setAccessibleDescription(in_words(moments, probabilities))
        self.update()

    def show_sentence(self, sentence: str) -> None:
        """Show no course, but why there is none."""
        if sentence != self._sentence or self.moments:
            self.moments, self.probabilities, self._sentence = [], np.empty((0, _DIGITS), np.float32), sentence
            self._cursor = None
            self._color()
            self.setAccessibleDescription(sentence)
            self.update()

    def forget_cursor(self) -> None:
        """Look at the whole drawing again."""
        self._last = -1
        self._look_at(None)

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a comfortable size."""
        return QSize(60 * GRID, self._height_of(2 * GRID))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the least size in which the rows can be told apart."""
        return QSize(24 * GRID, self._height_of(_LEAST_ROW))

    def _height_of(self, row: int) -> int:
        return _LEADERS + _DIGITS * row + _AXIS + _CAPTION

    # The line to go back along

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Look at the moment under the mouse."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._look_at(self._moment_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Follow the mouse, or only tell what is under it."""
        index = self._moment_at(event.position().x())
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._look_at(index)
        self.hovered.emit("" if index is None else self._reading(index))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Look at the whole drawing again."""
        self._look_at(None)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Tell that nothing is under the mouse."""
        self.hovered.emit("")

    def event(self, event: QEvent) -> bool:
        """Claim the arrow keys, which would otherwise be the window's."""
        if event.type() == QEvent.Type.ShortcutOverride and event.key() in _KEYS and self.moments:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Go from moment to moment; Escape looks at the whole again."""
        last = len(self.moments) - 1
        if event.key() not in _KEYS or last < 0:
            super().keyPressEvent(event)
            return
        here = self._last if 0 <= self._last <= last else last
        place = {
            Qt.Key.Key_Left: max(here - 1, 0),
            Qt.Key.Key_Right: min(here + 1, last),
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }.get(Qt.Key(event.key()))
        self._look_at(place)
        self.hovered.emit("" if place is None else self._reading(place))

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show where the keyboard is."""
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Look at the whole drawing again."""
        self.forget_cursor()
        self.update()

    def _look_at(self, index: int | None) -> None:
        if index == self._cursor:
            return
        self._cursor = index
        if index is not None:
            self._last = index
        self.chosen.emit(None if index is None else self.moments[index])
        self.update()

    def _moment_at(self, x: float) -> int | None:
        """Return the moment nearest to ``x``; None where there is no course."""
        if not self.moments:
            return None
        area = self._area()
        return int(self._nearest(np.array([(x - area.left()) / area.width()]))[0])

    def _nearest(self, shares: np.ndarray) -> np.ndarray:
        """Return the indices of the moments nearest to ``shares`` of the path."""
        at = np.array([moment.share for moment in self.moments])
        return np.searchsorted((at[1:] + at[:-1]) / 2, shares)

    def _reading(self, index: int) -> str:
        best = np.argsort(-self.probabilities[index], kind="stable")[:3]
        answers = ", ".join(f"{digit}: {percent(self.probabilities[index, digit], 1)}" for digit in best)
        return f"after {percent(self.moments[index].share)} of the path   {answers}"

    # The picture

    def _color(self) -> None:
        """Make the picture of the probabilities, one pixel a moment and a pixel of the screen wide."""
        if not self.moments:
            self._image = QImage()
            return
        width = max(round(self._area().width() * self.devicePixelRatioF()), 1)
        columns = self._nearest((np.arange(width) + 0.5) / width)
        levels = np.nan_to_num(self.probabilities.T[:, columns] * 255).astype(np.uint8)
        self._image = image_of(magnitude_colors()[levels])

    def _area(self) -> QRectF:
        """Return where the ten rows lie."""
        row = (self.height() - self._height_of(0)) / _DIGITS
        height = _DIGITS * max(min(int(row), _HIGHEST_ROW), 1)
        return QRectF(_LEFT, _LEADERS, max(self.width() - _LEFT - _RIGHT, 1), height)

    def resizeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Make the picture anew."""
        self._color()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw rows, leaders, axis, scale and the line."""
        area = self._area()
        with QPainter(self) as painter:
            painter.fillRect(event.rect(), QColor(self._theme.surface))
            painter.setFont(small_font())
            self._paint_digits(painter, area)
            if not self.moments:
                painter.fillRect(area, QColor(self._theme.raised))
                painter.setPen(QColor(self._theme.muted))
                painter.drawText(area, _CENTRE | Qt.TextFlag.TextWordWrap, self._sentence)
            else:
                painter.drawImage(area, self._image)
                self._paint_gaps(painter, area)
                self._paint_leaders(painter, area)
                self._paint_scale(painter, area)
            self._paint_axis(painter, area)
            if self._cursor is not None:
                self._paint_cursor(painter, area)
            if self.hasFocus():
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(QColor(self._theme.accent), 1))
                painter.drawRect(area.adjusted(-1, -1, 0, 0))

    def _paint_digits(self, painter: QPainter, area: QRectF) -> None:
        pitch = area.height() / _DIGITS
        every = 1 if pitch >= 10 else 2
        final = int(self.probabilities[-1].argmax()) if self.moments else None
        for digit in range(0, _DIGITS, every):
            painter.setPen(QColor(self._theme.text if digit == final else self._theme.muted))
            row = QRectF(0, area.top() + digit * pitch - 2, _LEFT - GRID // 2, pitch + 4)
            painter.drawText(row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, str(digit))

    def _paint_gaps(self, painter: QPainter, area: QRectF) -> None:
        """Set the rows apart."""
        painter.setPen(QColor(self._theme.surface))
        for digit in range(1, _DIGITS):
            y = area.top() + digit * area.height() / _DIGITS - 1
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right() - 1, y))

    def _paint_leaders(self, painter: QPainter, area: QRectF) -> None:
        """Write above the rows which digit leads, from where to where."""
        edges = [0.0, *((a.share + b.share) / 2 for a, b in pairwise(self.moments)), 1.0]
        for digit, first, last in leaders(self.probabilities):
            left, right = (area.left() + edges[index] * area.width() for index in (first, last + 1))
            segment = QRectF(left, 0, right - left, _LEADERS - 2)
            painter.fillRect(segment.adjusted(0, 0, -1, 0), QColor(self._theme.raised))
            if segment.width() >= 10:
                painter.setPen(QColor(self._theme.text))
                painter.drawText(segment, _CENTRE, str(digit))

    def _paint_scale(self, painter: QPainter, area: QRectF) -> None:
        bar = QRectF(area.right() + GRID, area.top(), GRID, area.height())
        painter.drawImage(bar, self._scale)
        painter.setPen(QColor(self._theme.muted))
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        for part, text in ((0.0, "0"), (0.5, "50"), (1.0, percent(1.0))):
            y = min(max(bar.bottom() - part * bar.height(), bar.top() + 5), bar.bottom() - 5)
            painter.drawText(QRectF(bar.right() + 4, y - _CAPTION / 2, 40, _CAPTION), left, text)

    def _paint_axis(self, painter: QPainter, area: QRectF) -> None:
        painter.setPen(QColor(self._theme.muted))
        for share in _TICKS:
            x = area.left() + share * area.width()
            painter.drawLine(QPointF(x, area.bottom() + 1), QPointF(x, area.bottom() + 4))
            painter.drawText(QRectF(x - 30, area.bottom() + 3, 60, _AXIS - 3), _CENTRE, percent(share))
        below = QRectF(area.left(), area.bottom() + _AXIS, area.width(), _CAPTION)
        painter.drawText(below, _CENTRE, "of the pen's path")

    def _paint_cursor(self, painter: QPainter, area: QRectF) -> None:
        x = area.left() + self.moments[self._cursor].share * area.width()
        for color, width in (("#000000", 3), ("#ffffff", 1)):  # seen on dark and on bright cells
            painter.setPen(QPen(QColor(color), width))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.accent))
        tip = QPointF(x, area.top())
        painter.drawPolygon(QPolygonF([tip, tip + QPointF(-5, -7), tip + QPointF(5, -7)]))


def leaders(probabilities: np.ndarray) -> list[tuple[int, int, int]]:
    """Return which digit is the likeliest from which moment to which: (digit, first, last), in order."""
    runs = groupby(enumerate(probabilities.argmax(axis=1).tolist()), key=lambda item: item[1])
    spans = [(digit, [index for index, _ in items]) for digit, items in runs]
    return [(digit, indices[0], indices[-1]) for digit, indices in spans]


def in_words(moments: list[Moment], probabilities: np.ndarray) -> str:
    """Return which digit leads from where on, for who cannot see it."""
    parts = [f"{digit} from {percent(moments[first].share)}" for digit, first, _ in leaders(probabilities)]
    return f"likeliest along the path: {', '.join(parts)}"
