"""The phases of a step in a row, each a mark that shows which way it goes."""

from collections.abc import Sequence
from itertools import pairwise

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QSlider, QWidget

from cnnviz.explain.phases import Part, StepPhase
from cnnviz.gui.theme import DARK, GRID, SMALL, Theme, small_font

_MARK = 12  # pixels; height of a mark
_TIP = 4  # pixels that a mark which goes somewhere is longer in the middle
_GAP = 2 * GRID  # between two parts of the step
_LEAST = GRID  # pixels of a mark with its share of the gaps


class PhaseStrip(QSlider):
    """A slider whose places are the phases of a step: forwards, cost, backwards, update."""

    hovered = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._phases: Sequence[StepPhase] = ()
        self._theme = DARK
        self._under_mouse: int | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
        self.setAccessibleName("Phase")
        self.setToolTip("The phases of the step: click one, or go through them with the arrow keys")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.valueChanged.connect(self._describe)

    def show_phases(self, phases: Sequence[StepPhase]) -> None:
        """Show ``phases``."""
        self._phases = phases
        self.setRange(0, max(len(phases) - 1, 0))
        self._describe()
        self.update()

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        self.update()

    def _describe(self) -> None:
        if self._phases:
            self.setAccessibleDescription(self._phases[self.value()].title)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a comfortable size."""
        return QSize(40 * GRID, _MARK + SMALL + 6)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the least size in which the marks can be told apart."""
        return QSize(max(len(self._phases), 1) * _LEAST + 3 * _GAP, self.sizeHint().height())

    # The mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go to the phase that is clicked."""
        phase = self.phase_at(event.position().x())
        if event.button() == Qt.MouseButton.LeftButton and phase is not None:
            self.setValue(phase)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Follow the mouse, or only tell which phase is under it."""
        phase = self.phase_at(event.position().x())
        if phase is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self.setValue(phase)
        self._point_at(phase)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Stay where it is."""

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Tell that nothing is under the mouse."""
        self._point_at(None)

    def _point_at(self, phase: int | None) -> None:
        if phase != self._under_mouse:
            self._under_mouse = phase
            self.hovered.emit("" if phase is None else self._phases[phase].title)
            self.update()

    def phase_at(self, x: float) -> int | None:
        """Return the phase whose mark is nearest to ``x``; None where there are none."""
        places = self.places()
        return min(range(len(places)), key=lambda i: abs(places[i].center().x() - x), default=None)

    # Painting

    def places(self) -> list[QRectF]:
        """Return where the marks are."""
        if not self._phases:
            return []
        parts = [phase.kind.part for phase in self._phases]
        gaps = sum(a is not b for a, b in pairwise(parts))
        step = min((self.width() - gaps * _GAP) / len(parts), 4 * GRID)
        places, left = [], 0.0
        for index, part in enumerate(parts):
            left += _GAP if index and part is not parts[index - 1] else 0
            places.append(QRectF(left, 1, step - 3, _MARK))
            left += step
        return places

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the marks, and under the first of each part its name."""
        theme, places = self._theme, self.places()
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setFont(small_font())
            named: set[Part] = set()
            for index, (phase, place) in enumerate(zip(self._phases, places, strict=True)):
                part = phase.kind.part
                is_here = index == self.value()
                fill = theme.accent if is_here else theme.muted if index < self.value() else theme.raised
                is_pointed_at = index == self._under_mouse or (is_here and self.hasFocus())
                painter.setPen(QPen(QColor(theme.text if is_pointed_at else theme.line), 1))
                painter.setBrush(QColor(fill))
                painter.drawPolygon(_mark(place, part))
                if part not in named:
                    named.add(part)
                    painter.setPen(QColor(theme.text if self._part is part else theme.muted))
                    below = QRectF(place.left(), place.bottom() + 1, 8 * GRID, SMALL + 4)
                    painter.drawText(below, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, part.value)

    @property
    def _part(self) -> Part:
        return self._phases[self.value()].kind.part


def _mark(place: QRectF, part: Part) -> QPolygonF:
    """Return a mark: an arrow to the right on the way there, to the left on the way back, else a block."""
    left, right, top, bottom = place.left(), place.right(), place.top(), place.bottom()
    middle = place.center().y()
    if part is Part.FORWARD:
        corners = [(left, top), (right - _TIP, top), (right, middle), (right - _TIP, bottom), (left, bottom)]
    elif part is Part.BACKWARD:
        corners = [(right, top), (left + _TIP, top), (left, middle), (left + _TIP, bottom), (right, bottom)]
    else:
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return QPolygonF([QPointF(x, y) for x, y in corners])
