"""Recorded steps gone through once more, on a thread of its own: a large one takes a good part of a second."""

import logging
from dataclasses import dataclass

from PySide6.QtCore import QObject, QThread, Signal, Slot

from cnnviz.nn import Network
from cnnviz.training.config import TrainingConfig
from cnnviz.training.movie import Movie
from cnnviz.training.record import StepRecord

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Replay:
    """What is to be gone through: the arguments of ``Movie.of``."""

    record: StepRecord
    config: TrainingConfig
    network: Network
    image: int


class ReplayThread(QThread):
    """Goes through one step."""

    done = Signal(object)  # a Movie

    def __init__(self, replay: Replay, parent: QObject) -> None:
        super().__init__(parent)
        self.replay = replay
        self.fault: str | None = None

    def run(self) -> None:
        """Work; Qt calls this on the new thread."""
        wanted = self.replay
        try:
            self.done.emit(Movie.of(wanted.record, wanted.config, wanted.network, wanted.image))
        except Exception as error:
            log.exception("a recorded step could not be gone through")
            self.fault = f"step {wanted.record.step} could not be gone through: {type(error).__name__}: {error}"


class Replayer(QObject):
    """Has one replay made after the other; of those asked for meanwhile only the latest."""

    arrived = Signal(object)  # a Movie
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread: ReplayThread | None = None
        self._wanted: Replay | None = None

    def ask(self, replay: Replay) -> None:
        """Have ``replay`` made, instead of all others that are not through."""
        self._wanted = replay
        if self._thread is None:
            self._begin()

    def forget(self) -> None:
        """Want nothing any more."""
        self._wanted = None

    def finish(self) -> None:
        """Want nothing any more, and wait for the thread."""
        self.forget()
        if self._thread is not None:
            self._thread.wait()

    def _begin(self) -> None:
        self._thread = ReplayThread(self._wanted, self)
        self._thread.done.connect(self._hand_on)
        self._thread.finished.connect(self._end)
        self._thread.start(QThread.Priority.LowPriority)

    @Slot(object)
    def _hand_on(self, movie: Movie) -> None:
        if self._is_wanted():
            self.arrived.emit(movie)

    def _is_wanted(self) -> bool:
        return self._thread is not None and self._thread.replay is self._wanted

    @Slot()
    def _end(self) -> None:
        thread, was_wanted = self._thread, self._is_wanted()
        thread.wait()  # it has told its end, but is not quite through
        thread.deleteLater()
        self._thread = None
        if was_wanted:
            self._wanted = None
            if thread.fault is not None:
                self.failed.emit(thread.fault)
        elif self._wanted is not None:
            self._begin()
