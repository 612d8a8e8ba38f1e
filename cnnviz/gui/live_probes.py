"""Measuring instruments for a live window: how late events come, what is painted, and how soon a stroke is answered."""

import math
import time
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPointF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QMouseEvent

from cnnviz.gui.pad import Pad
from cnnviz.gui.panels.drawing import DrawingPanel
from cnnviz.gui.tile_canvas import TileCanvas

LOOP_MS = 10  # how often the event loop is asked for a sign of life
PEN_MS = 8  # from one event of the pen to the next, as of a mouse that reports 125 times a second
STROKE_EVENTS = 90  # until the pad is cleared for the next stroke


def spread(milliseconds: Sequence[float]) -> dict[str, float]:
    """Return ``median``, ``p99`` and ``longest`` of some delays; NaN where there are none."""
    if not milliseconds:
        return dict.fromkeys(("median", "p99", "longest"), math.nan)
    median, p99, longest = np.quantile(milliseconds, (0.5, 0.99, 1.0))
    return {"median": float(median), "p99": float(p99), "longest": float(longest)}


class Metronome(QTimer):
    """A precise timer that knows when it should have fired.

    It is set anew each time, so that it does not catch up after a stall, which then counts once.

    Attributes
    ----------
    due : float
        When it should have fired the last time, in seconds of ``time.perf_counter``.
    """

    def __init__(self, milliseconds: int, parent: QObject) -> None:
        super().__init__(parent)
        self.due = self._next = 0.0
        self._milliseconds = milliseconds
        self.setSingleShot(True)
        self.setTimerType(Qt.TimerType.PreciseTimer)
        self.timeout.connect(self._go_on)

    def go(self) -> None:
        """Begin."""
        self._next = time.perf_counter() + self._milliseconds / 1000
        self.start(self._milliseconds)

    @Slot()
    def _go_on(self) -> None:
        self.due = self._next
        self.go()


class LoopProbe(QObject):
    """Finds how long events wait: the lateness of a precise timer that is due every ``LOOP_MS``.

    Attributes
    ----------
    delays : list of float
        In milliseconds.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.delays: list[float] = []
        self._metronome = Metronome(LOOP_MS, self)
        self._metronome.timeout.connect(self._note)
        self._metronome.go()

    def stop(self) -> None:
        """Measure no longer."""
        self._metronome.stop()

    @Slot()
    def _note(self) -> None:
        self.delays.append(max(1000 * (time.perf_counter() - self._metronome.due), 0.0))


class FrameCounter(QObject):
    """Counts the paintings of a canvas that showed something new.

    Attributes
    ----------
    frames : int
    """

    def __init__(self, canvas: TileCanvas, parent: QObject) -> None:
        super().__init__(parent)
        self.frames = 0
        self._canvas = canvas
        self._painted: object = canvas.groups  # a list of its own for each snapshot
        canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Look at what is about to be painted."""
        if event.type() == QEvent.Type.Paint and self._canvas.groups is not self._painted:
            self._painted = self._canvas.groups
            self.frames += 1
        return False


class PenProbe(QObject):
    """Draws on the pad, and finds how soon the bars tell what the network makes of it.

    The time runs from when a mouse event was due. It ends when the panel, painted with an answer that counts this event
    in, was handed to the window system: what is queued from within the painting comes next. Of the panel the image that
    enters the network is watched; it changes with every answer and is painted in one go with the bars, of which only
    those rows are that look another way than before.

    Attributes
    ----------
    delays : list of float
        In milliseconds, one for each event of the mouse.
    """

    _painting = Signal()

    def __init__(self, panel: DrawingPanel, parent: QObject) -> None:
        super().__init__(parent)
        self.delays: list[float] = []
        self._panel = panel
        self._sent = 0
        self._unread: list[float] = []  # when events were due whose point is not in the prepared drawing yet
        self._read: list[float] = []
        panel.drawing_read.connect(self._note_reading)
        panel.view.installEventFilter(self)
        self._painting.connect(self._note_painting, Qt.ConnectionType.QueuedConnection)
        self._metronome = Metronome(PEN_MS, self)
        self._metronome.timeout.connect(self._move)
        self._metronome.go()

    def stop(self) -> None:
        """Lift the pen, and measure no longer."""
        self._metronome.stop()
        self._send(QEvent.Type.MouseButtonRelease)

    @Slot()
    def _move(self) -> None:
        """Go on with the stroke: a line with curves and crossings, as long as those of people."""
        first = self._sent % STROKE_EVENTS == 0
        if first and self._sent:
            self._send(QEvent.Type.MouseButtonRelease)
            self._panel.clear()
            self._unread.clear()
        self._unread.append(self._metronome.due)
        self._send(QEvent.Type.MouseButtonPress if first else QEvent.Type.MouseMove)
        self._sent += 1

    def _send(self, kind: QEvent.Type) -> None:
        pad = self._panel.pad
        position = _place(pad, self._sent % STROKE_EVENTS / STROKE_EVENTS)
        button = Qt.MouseButton.LeftButton
        moves, lifts = kind == QEvent.Type.MouseMove, kind == QEvent.Type.MouseButtonRelease
        event = QMouseEvent(
            kind,
            position,
            QPointF(pad.mapToGlobal(position)),
            Qt.MouseButton.NoButton if moves else button,
            Qt.MouseButton.NoButton if lifts else button,
            Qt.KeyboardModifier.NoModifier,
        )
        QCoreApplication.sendEvent(pad, event)

    @Slot()
    def _note_reading(self) -> None:
        self._read += self._unread
        self._unread.clear()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Ask to be called right after this painting."""
        if event.type() == QEvent.Type.Paint and self._read:
            self._painting.emit()
        return False

    @Slot()
    def _note_painting(self) -> None:
        now = time.perf_counter()
        self.delays += [1000 * (now - due) for due in self._read]
        self._read.clear()


def _place(pad: Pad, share: float) -> QPointF:
    """Return the point of an upright figure eight that a ``share`` of its length leads to."""
    angle = 2 * math.pi * share
    side = min(pad.width(), pad.height())
    x, y = 0.5 + 0.2 * math.sin(2 * angle), 0.5 - 0.35 * math.cos(angle)
    return QPointF(pad.width() / 2 + (x - 0.5) * side, pad.height() / 2 + (y - 0.5) * side)
