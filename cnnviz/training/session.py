"""A run under the control of somebody who watches: the worker's whole life, without Qt."""

import enum
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnviz.data import Dataset, ImageSet, load_dataset
from cnnviz.data.mixing import load_images
from cnnviz.errors import Cancelled
from cnnviz.nn import Parameters
from cnnviz.training.autosave import Autosave, Saved
from cnnviz.training.config import TrainingConfig
from cnnviz.training.control import Action, Control
from cnnviz.training.mailbox import Mailbox
from cnnviz.training.resumption import resume_run
from cnnviz.training.snapshot import Probe, State
from cnnviz.training.trainer import EpochDone, StepDone, Trainer

SNAPSHOTS_PER_SECOND = 40.0


class Phase(enum.Enum):
    """What the worker is busy with."""

    LOADING = "loading"
    PAUSED = "paused"
    TRAINING = "training"
    TESTING = "testing"
    FINISHED = "finished"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Status:
    """Where the worker is.

    Attributes
    ----------
    phase : Phase
    done, total : int
        Progress of loading or testing; ``total`` is 0 where it is not known.
    samples_per_second : float
        Training throughput of the last half second; 0 while it rests.
    """

    phase: Phase
    done: int = 0
    total: int = 0
    samples_per_second: float = 0.0


class Session:
    """Loads the data, trains as ``control`` says, and puts what is to be seen into ``mailbox``.

    ``run`` is called once, on a thread of its own; ``control``, ``mailbox`` and ``status`` are for all threads.

    Attributes
    ----------
    config : TrainingConfig
    dataset : Dataset or None
        What it trains on, for a later session to take over; None until it is loaded.
    mixed_in : tuple of ImageSet or None
        What ``config.mix`` names, likewise.
    control : Control
    mailbox : Mailbox of State
        Its ``put`` is given the trainer's live arrays, and keeps copies.
    notice : str or None
        What the user should know of how it goes on, in one line.
    """

    def __init__(
        self,
        config: TrainingConfig,
        parameters: Parameters | None = None,
        dataset: Dataset | None = None,
        mailbox: Mailbox[State] | None = None,
        on_status: Callable[[], None] | None = None,
        runs: Path | None = None,
        resume: Path | None = None,
    ) -> None:
        """Prepare a run; ``parameters`` and ``dataset`` None: random ones, and the one that ``config`` names.

        ``on_status`` is called when ``status`` has been set, which it also is after every state put into the mailbox,
        and when ``saved`` or ``save_fault`` may have changed; on the worker's thread, or on one of its own. The run is
        kept in a folder in ``runs`` (None: nowhere), or goes on with the one in the folder ``resume``.
        """
        self.config = config
        self.dataset = dataset
        self.mixed_in: tuple[ImageSet, ...] | None = None
        self.control = Control()
        self.mailbox = mailbox or _Copies()
        self._on_status = on_status
        self._has_news = False  # a state that was put into the mailbox since the status was set
        self._status = Status(Phase.LOADING)
        self._initial = parameters
        self._resume = resume
        self._autosave = Autosave(runs, on_status)
        self.notice: str | None = None
        self._trainer: Trainer | None = None
        self._published_at = 0.0
        self._rate = _Throughput()

    @property
    def status(self) -> Status:
        """Where the worker is; replaced as a whole, so that reading it needs no lock."""
        return self._status

    @status.setter
    def status(self, status: Status) -> None:
        self._status = status
        self._has_news = False
        if self._on_status is not None:
            self._on_status()

    @property
    def saved(self) -> Saved | None:
        """The run's newest checkpoint."""
        return self._autosave.saved

    @property
    def save_fault(self) -> str | None:
        """Why the newest one could not be kept, in one line."""
        return self._autosave.fault

    def run(self) -> None:
        """Work until ``control.stop()``; UserError where data, the run to be gone on with or training fail."""
        is_good = False
        try:
            self._prepare()
            with suppress(_Stopped):
                self._work()
            is_good = True
        except Cancelled:
            pass
        finally:
            self.control.stop()
            self._autosave.end(self._trainer if is_good else None, not self.control.is_abandoned)
            self.status = Status(Phase.STOPPED)

    def _prepare(self) -> None:
        if self._resume is None:
            dataset, mixed_in = self._load(self.config)
            self._trainer = Trainer(self.config, dataset, self._initial, mixed_in)
            return
        self._trainer, folder, self.notice = resume_run(self._resume, self.config.data_dir, self._load)
        self._autosave.keep_in(folder, self._trainer)

    def _load(self, config: TrainingConfig) -> tuple[Dataset, Sequence[ImageSet]]:
        """Return the images that the settings name."""
        if self.dataset is None:
            self.dataset = load_dataset(config.dataset, config.data_dir, self._loading)
        if self.mixed_in is None:
            self.mixed_in = tuple(load_images(source, config.data_dir, self._loading) for source, _ in config.mix)
        return self.dataset, self.mixed_in

    def _work(self) -> None:
        events = self._trainer.events(self._testing)
        self._publish()
        self.status = Status(self._phase_at_rest())
        while (action := self.control.next_action()) is not Action.STOP:
            self._apply_wishes()
            if action in (Action.STEP, Action.RECORD):
                self._trainer.records_next_step = action is Action.RECORD
                self._advance(events)
            else:
                if action is Action.EVALUATE:
                    self._trainer.score(self._testing)
                self._publish()
            self._rest_or_train()
        self._apply_wishes()  # those that came last are kept with the run

    def _advance(self, events: Iterator[StepDone | EpochDone]) -> None:
        """Go one step, and through the test where that ends the epoch."""
        trainer = self._trainer
        if trainer.epoch == trainer.epochs:  # finished, and asked for more
            trainer.epochs += self.config.epochs
        self._autosave.before_step(trainer)
        epochs_before = trainer.epoch
        if trainer.step_in_epoch < trainer.steps_per_epoch:  # else a run is gone on with that was left before a test
            next(events)
            self._rate.count(self.config.batch_size)
            self._autosave.after_step(trainer)
        if trainer.step_in_epoch == trainer.steps_per_epoch:
            self._end_epoch(events)
        if trainer.epoch > epochs_before or not self.control.is_running or self._is_due():
            self._publish()

    def _end_epoch(self, events: Iterator[StepDone | EpochDone]) -> None:
        """Go through the test."""
        self._publish()
        self.control.begin_evaluation()
        next(events)
        self._autosave.at_rest(self._trainer)
        if self._trainer.epoch == self._trainer.epochs:
            self.control.pause()

    def _apply_wishes(self) -> None:
        self._trainer.own_digits = self.control.own_digits_or(self._trainer.own_digits)
        lr, values = self.control.take_learning_rate(), self.control.take_new_values()
        if lr is not None or values:
            self._autosave.at_rest(self._trainer)
        if lr is not None:
            self._trainer.learning_rate = lr
        for new in values:
            self._trainer.set_parameter(new)

    def _rest_or_train(self) -> None:
        """Tell which of both it is; only after the snapshot, so that who reads PAUSED finds where it paused."""
        if self.control.is_running:
            begins = self.status.phase is not Phase.TRAINING
            if begins or self._has_news or self.status.samples_per_second != self._rate.per_second:
                self.status = Status(Phase.TRAINING, samples_per_second=self._rate.per_second)
            return
        self._rate = _Throughput()
        self._autosave.at_rest(self._trainer)
        self.status = Status(self._phase_at_rest())

    def _phase_at_rest(self) -> Phase:
        return Phase.FINISHED if self._trainer.epoch == self._trainer.epochs else Phase.PAUSED

    def _is_due(self) -> bool:
        pace = self.control.steps_per_second
        if pace is not None and pace <= SNAPSHOTS_PER_SECOND:  # each step is to be seen, however soon after a snapshot
            return True
        return self.mailbox.is_empty and time.monotonic() - self._published_at >= 1 / SNAPSHOTS_PER_SECOND

    def _publish(self) -> None:
        self.mailbox.put(self._trainer.state(self._probe()))
        self._published_at = time.monotonic()
        self._has_news = True

    def _probe(self) -> Probe:
        choice = self.control.probe
        if choice.kind == "drawing" and choice.image is not None:
            return Probe(np.asarray(choice.image), None, "drawing")
        if choice.kind == "training":
            return self._trainer.training_probe()
        return self._trainer.test_probe(choice.index)

    def _loading(self, done: int, total: int) -> None:
        if self.control.is_stopped:
            raise Cancelled
        self.status = Status(Phase.LOADING, done, total)

    def _testing(self, done: int, total: int) -> None:
        if self.control.is_stopped:
            raise _Stopped
        if self.control.evaluation_cancelled:
            raise Cancelled
        self._rate.interrupt()
        self.status = Status(Phase.TESTING, done, total)


class _Stopped(Exception):  # noqa: N818, it is no error
    """The session was told to end in the midst of a test, which is still to be made when it is gone on with."""


class _Copies(Mailbox[State]):
    """A mailbox for who reads it in the same process."""

    def put(self, content: State) -> None:
        super().put(content.copy())


class _Throughput:
    """Samples a second, averaged over windows of about half a second in which nothing but training went on."""

    def __init__(self) -> None:
        self.per_second = 0.0
        self._samples = 0
        self._since: float | None = None

    def count(self, samples: int) -> None:
        now = time.monotonic()
        if self._since is None:  # a window begins where a step ends
            self._since = now
            return
        self._samples += samples
        elapsed = now - self._since
        if elapsed >= 0.5:
            self.per_second = self._samples / elapsed
            self._samples, self._since = 0, now

    def interrupt(self) -> None:
        """Leave out the time until the next step ends."""
        self._samples, self._since = 0, None
