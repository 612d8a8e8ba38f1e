"""The routing of whole batches, reckoned where it keeps nobody waiting."""

import time
from typing import NamedTuple

from PySide6.QtCore import QObject, QThread, QTimer, Signal, Slot

from cnnviz.explain.routing import Routing, route_batch
from cnnviz.training.snapshot import Snapshot

REST = 4  # times as long as the work took: it gets a fifth of a core at the most
LEAST_REST = 0.1  # seconds


class _Question(NamedTuple):
    """Of which batch, in which layer, and since when new winners are counted."""

    snapshot: Snapshot
    layer: str
    earlier: Snapshot | None

    def is_same_as(self, other: "_Question | None") -> bool:
        """Return whether the answer would be the same."""
        return other is not None and all(mine is theirs for mine, theirs in zip(self, other, strict=True))


class _Reckoning(QThread):
    """Answers one question at a time; an interruption ends it within some milliseconds, without an answer."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.question: _Question | None = None
        self.answer: Routing | None = None
        self.seconds = 0.0

    def run(self) -> None:
        """Look at a few images after the other."""
        start, self.answer = time.monotonic(), None
        found: Routing | None = None
        for routing in route_batch(*self.question):
            if self.isInterruptionRequested():
                return
            found = routing
        self.answer, self.seconds = found, time.monotonic() - start


class BatchRouting(QObject):
    """Reckons the routing of the newest batch on a thread of its own, at a pace that leaves time for everything else.

    What is asked for while it works waits, and is forgotten when something newer is asked for.

    Attributes
    ----------
    routing : Routing or None
        The latest answer.
    snapshot : Snapshot or None
        What it was found of.
    """

    ready = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.routing: Routing | None = None
        self.snapshot: Snapshot | None = None
        self._asked: _Question | None = None
        self._thread = _Reckoning(self)
        self._thread.finished.connect(self._take)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._begin)

    def ask(self, snapshot: Snapshot, layer: str, earlier: Snapshot | None) -> None:
        """Want to know what ``layer`` does in the batch of ``snapshot``, as `route_batch` finds it; ``ready`` follows.

        An answer of another network or layer than the one before is dropped at once.
        """
        asked = self._asked
        if asked is not None and (asked.layer != layer or asked.snapshot.network is not snapshot.network):
            self.forget()
        self._asked = _Question(snapshot, layer, earlier)
        if not self._thread.isRunning() and not self._rest.isActive():
            self._begin()

    def forget(self) -> None:
        """Want to know nothing any more, and have no answer."""
        self._rest.stop()
        self._thread.requestInterruption()
        self._thread.wait()
        self._thread.answer = None
        self.routing = self.snapshot = self._asked = None

    @Slot()
    def _begin(self) -> None:
        if self._asked is not None and not self._asked.is_same_as(self._thread.question if self.routing else None):
            self._thread.question = self._asked
            self._thread.start(QThread.Priority.LowPriority)

    @Slot()
    def _take(self) -> None:
        if self._thread.answer is None:  # forgotten
            return
        self.routing, self.snapshot = self._thread.answer, self._thread.question.snapshot
        self._rest.start(round(1000 * max(REST * self._thread.seconds, LEAST_REST)))
        self.ready.emit()
