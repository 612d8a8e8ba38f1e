"""A run that saves itself while it goes on."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cnnviz.errors import UserError
from cnnviz.training.checkpoint import Checkpoint
from cnnviz.training.mailbox import Mailbox
from cnnviz.training.runs import GENERATIONS, RunFolder
from cnnviz.training.trainer import Trainer

log = logging.getLogger(__name__)

SECONDS = 30.0  # between two checkpoints while training goes on
FIRST_SECONDS = 2.0  # between the first two
SECONDS_AT_REST = 2.0  # the same where training rests, an epoch has ended or something is changed by hand
PART_OF_TIME = 0.02  # that saving may take at most: where it takes long it is done less often


class Saved(NamedTuple):
    """The newest checkpoint of a run.

    Attributes
    ----------
    folder : Path
        Of the run.
    step : int
        Updates made until then.
    """

    folder: Path
    step: int


class Autosave:
    """Writes checkpoints of a trainer, on a thread of its own, so that no step waits for a disk.

    All methods are for the thread that trains.

    Attributes
    ----------
    saved : Saved or None
        The newest checkpoint that is on the disk.
    fault : str or None
        Why the newest one could not be written, in one line; the run goes on, and it is tried again.
    """

    def __init__(self, runs: Path | None, on_written: Callable[[], None] | None = None) -> None:
        """Keep the run in a new folder in ``runs``, made when there is something to be kept; None: nowhere.

        ``on_written`` is called, on the thread that writes, when ``saved`` or ``fault`` may have changed.
        """
        self.saved: Saved | None = None
        self.fault: str | None = None
        self._runs = runs
        self._folder: RunFolder | None = None
        self._on_written = on_written
        self._latest: object = None  # what tells the latest checkpoint from others, written or not
        self._began_at = self._taken_at = float("-inf")
        self._took = 0.0  # seconds that the latest one was at work
        self._next: Mailbox[Checkpoint] = Mailbox()
        self._has_next = threading.Semaphore(0)
        self._is_ending = False
        self._thread: threading.Thread | None = None

    def keep_in(self, folder: RunFolder, resumed: Trainer | None = None) -> None:
        """Keep the run in ``folder``, which is ended with it; ``resumed`` goes on from its newest checkpoint."""
        self._folder = folder
        if resumed is not None:
            self.saved = Saved(folder.path, resumed.step)
            self._latest, self._taken_at = _what_is_new(resumed), time.monotonic()
            self._began_at = self._taken_at

    def before_step(self, trainer: Trainer) -> None:
        """Save what the run begins with, so that there is always something to go back to."""
        if self._latest is None and (self._folder or self._runs) is not None:
            self._began_at = time.monotonic()
            self._save(trainer)

    def after_step(self, trainer: Trainer) -> None:
        """Save where the latest checkpoint is old enough: in the beginning sooner, lest it be lost altogether."""
        age = self._taken_at - self._began_at
        self._save_after(min(SECONDS, max(FIRST_SECONDS, age)), trainer)

    def at_rest(self, trainer: Trainer) -> None:
        """Save where there is something new, unless that was just done.

        To be called where training rests, where an epoch has ended, and before a setting is changed by hand, which is
        what training mostly diverges from.
        """
        self._save_after(SECONDS_AT_REST, trainer)

    def end(self, trainer: Trainer | None, is_orderly: bool = True) -> None:
        """Save what is new, and wait until it is on the disk.

        ``trainer`` None: there is nothing good to be saved. Not ``is_orderly``: nobody has ended the run.
        """
        if self._latest is not None and trainer is not None:
            self._save(trainer)
        if self._thread is not None:
            self._is_ending = True
            self._has_next.release()
            self._thread.join()
        if self._folder is None:
            return
        if is_orderly:
            self._folder.end(keeps=GENERATIONS if trainer is None else 1)
        else:
            self._folder.abandon()

    def _save_after(self, seconds: float, trainer: Trainer) -> None:
        passed = time.monotonic() - self._taken_at
        if self._latest is not None and passed >= max(seconds, self._took / PART_OF_TIME):
            self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        latest = _what_is_new(trainer)
        if latest == self._latest:
            return
        self._latest, self._taken_at = latest, time.monotonic()
        self._next.put(trainer.checkpoint())
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="autosave", daemon=True)
            self._thread.start()
        self._has_next.release()

    def _work(self) -> None:
        while True:
            self._has_next.acquire()
            if (checkpoint := self._next.take()) is not None:
                self._write(checkpoint)
            elif self._is_ending:
                return

    def _write(self, checkpoint: Checkpoint) -> None:
        began = time.monotonic()
        try:
            if self._folder is None:
                self._folder = RunFolder.create(self._runs, checkpoint.config)
            self._folder.write(checkpoint)
        except Exception as fault:  # whatever it is, training is worth more
            log.warning("%s", fault, exc_info=not isinstance(fault, UserError))
            self.fault = f"the run could not be saved, and goes on: {fault}"
            self._latest = ()  # so that it is tried again, although there may be nothing new by then
        else:
            self.fault = None
            self.saved = Saved(self._folder.path, checkpoint.step)
        self._took = time.monotonic() - began
        if self._on_written is not None:
            self._on_written()


def _what_is_new(trainer: Trainer) -> tuple[object, ...]:
    """Return what tells two checkpoints of a run apart."""
    history = trainer.history.view()
    return (
        trainer.step,
        trainer.epoch,
        trainer.own_digits,
        len(history.tests),
        history.learning_rates,
        len(history.edits),
    )
