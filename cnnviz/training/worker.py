"""The process that trains: it begins runs and grants wishes as messages come, and reports where they are.

It is a process of its own, not a thread beside the window: both would wait for the same interpreter lock, and training
would lose a third of its speed. For the same reason the trainer's thread sends the reports by itself, whenever it has
something to say: a third thread would cost it more in waiting for that lock than the sending does.
"""

import gc
import logging
import os
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO

import numpy as np

from cnnviz import interrupts
from cnnviz.errors import UserError
from cnnviz.logs import Logbook, discreet
from cnnviz.training.config import TrainingConfig
from cnnviz.training.divergence import DivergenceError
from cnnviz.training.history import HistoryView
from cnnviz.training.mailbox import Mailbox
from cnnviz.training.messages import Begin, Goodbye, Ready, Report, Wish, receive, send
from cnnviz.training.record import StepRecord
from cnnviz.training.session import SNAPSHOTS_PER_SECOND, Session
from cnnviz.training.shared_memory import attach
from cnnviz.training.snapshot import State

log = logging.getLogger(__name__)

END_SECONDS = 10.0  # for the last checkpoint, however slow the disk

_NO_HISTORY = HistoryView(np.empty(0, np.float32), np.empty(0, np.float32), (), ())


def main(memory: str) -> None:
    """Serve the process that started this one, through standard input and output, and end with it."""
    interrupts.ignore()  # the window decides, and this process ends with it
    with Logbook("training"):  # whatever is wrong with that, the window has it too, and tells it
        reports = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)  # what anybody prints does not get in between
        serve(sys.stdin.buffer, reports, memory)
    os._exit(0)  # at once: what is worth keeping has been kept


def serve(requests: BinaryIO, reports: BinaryIO, memory: str) -> None:
    """Obey ``requests`` and report until their stream ends; a run still at work ends after its step, and is kept.

    ``memory`` is the handle of the `SharedMemory` for parameters and gradients.
    """
    reporter = _Reporter(reports)
    run: _Run | None = None
    try:
        while True:
            request = receive(requests)
            if isinstance(request, Goodbye):
                break
            if isinstance(request, Begin):
                run = _Run(request, reporter, memory, previous=run)
            elif run is not None and request.run == run.number:
                run.obey(request)
        end = _Run.end
    except EOFError:
        end = _Run.abandon
    reporter.close()
    if run is not None:
        end(run)
        run.join(END_SECONDS)


class _Reporter:
    """The way to the window, for one thread at a time.

    Attributes
    ----------
    lock : RLock
        Held by who makes up a report and sends it.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.lock = threading.RLock()
        self._stream = stream

    def send(self, report: Report) -> None:
        """Send ``report``; where the window is gone, the requests will end as well."""
        with suppress(OSError):
            if not self._stream.closed:
                send(self._stream, report)

    def close(self) -> None:
        """Send no more."""
        with self.lock, suppress(OSError):
            self._stream.close()


class _Outbox(Mailbox[State]):
    """Takes states into shared memory, and wants none while the window has still to look at the latest report.

    Attributes
    ----------
    slot : int
        Where the content lies. The other slot is the one that the window may be reading.
    """

    def __init__(self, run: "_Run", memory: str) -> None:
        super().__init__()
        self.slot = 0
        self._run = run
        self._memory = memory
        self._slots: np.ndarray | None = None

    def put(self, content: State) -> None:
        with self._run.reporter.lock:
            if self._slots is None:
                self._slots = attach(self._memory, 2, 2, content.parameters.vector.size)
            self._slots[self.slot, 0] = content.parameters.vector
            if content.gradients is not None:
                self._slots[self.slot, 1] = content.gradients.vector
            super().put(replace(content, parameters=None, gradients=None))

    @property
    def is_empty(self) -> bool:
        return self._run.is_awaited and super().is_empty


class _Run:
    """A run: its session, on a thread of its own, and what the window knows of it.

    Attributes
    ----------
    number : int
    reporter : _Reporter
    is_awaited : bool
        Whether the window is ready for the next report.
    """

    def __init__(self, request: Begin, reporter: _Reporter, memory: str, previous: "_Run | None") -> None:
        """Begin what ``request`` asks for, as soon as ``previous`` is through with its last step."""
        log.info("run %d: %s", request.run, request.config)
        self.number = request.run
        self.reporter = reporter
        self.is_awaited = True
        self._outbox = _Outbox(self, memory)
        self._session = Session(
            request.config,
            request.parameters,
            mailbox=self._outbox,
            on_status=lambda: self.tell(in_time=True),
            runs=request.runs,
            resume=request.resume,
        )
        self._session.control.set_speed(request.steps_per_second)
        self._session.control.set_probe(request.probe)
        self._wishes = 0
        self._failure: UserError | None = None
        self._trace: str | None = None
        self._told: Report | None = None
        self._told_at = 0.0
        self._history_told = _NO_HISTORY
        self._record_told: StepRecord | None = None
        self._previous = previous
        if previous is not None:
            previous.end()
        self._thread = threading.Thread(target=self._work, name=f"run {self.number}", daemon=True)
        self._thread.start()

    def obey(self, request: Wish | Ready) -> None:
        """Grant a wish, or go on reporting."""
        with self.reporter.lock:
            if isinstance(request, Ready):
                self.is_awaited = True
            else:
                getattr(self._session.control, request.name)(*request.arguments)
                self._wishes += 1
            self.tell()

    def end(self) -> None:
        """Have the session end, without waiting for it."""
        self._session.control.stop()

    def abandon(self) -> None:
        """Have the session end as one that was interrupted."""
        self._session.control.abandon()

    def join(self, timeout: float) -> None:
        """Wait until it has ended, and what it learnt is on the disk, for at most ``timeout`` seconds."""
        self._thread.join(timeout)

    def tell(self, in_time: bool = False) -> None:
        """Report what the window does not know yet, if it is ready for it; ``in_time``: mere progress not too often."""
        with self.reporter.lock:
            if not self.is_awaited:
                return
            # In this order, for the session puts the state of where it rests into the outbox before it says that it
            # does.
            report = Report(
                self.number,
                self._wishes,
                self._session.control.is_running,
                self._session.status,
                self._failure and str(self._failure),
                self._trace,
                self._failure.divergence if isinstance(self._failure, DivergenceError) else None,
                self._session.saved,
                self._session.save_fault,
                self._session.notice,
            )
            state = self._outbox.take()
            if state is not None:
                self.reporter.send(self._with_state(report, state))
            elif report == self._told or (in_time and self._is_mere_progress(report)):
                return
            else:
                self.reporter.send(report)
            self.is_awaited = False
            self._told, self._told_at = report, time.monotonic()

    def _with_state(self, report: Report, state: State) -> Report:
        news, self._history_told = state.history.since(self._history_told), state.history
        record = None if state.record is self._record_told else state.record
        self._record_told = state.record
        slot, self._outbox.slot = self._outbox.slot, 1 - self._outbox.slot
        return replace(report, state=replace(state, history=_NO_HISTORY, record=record), news=news, slot=slot)

    def _is_mere_progress(self, report: Report) -> bool:
        """Return whether ``report`` comes soon after another one that said nearly the same."""
        if self._told is None or time.monotonic() - self._told_at >= 1 / SNAPSHOTS_PER_SECOND:
            return False
        return (
            replace(report, status=self._told.status) == self._told and report.status.phase is self._told.status.phase
        )

    def _work(self) -> None:
        self._take_over()
        try:
            self._session.run()
        except UserError as error:
            self._failure = error
        except Exception as error:
            log.exception("training failed")
            self._failure = UserError(f"training stopped by an unexpected fault: {type(error).__name__}: {error}")
            self._trace = discreet(traceback.format_exc())
        self.tell()

    def _take_over(self) -> None:
        """Let the previous run end, and go on with its images if this one wants the same; the rest of it is freed."""
        previous, self._previous = self._previous, None
        if previous is None:
            return
        previous._thread.join()
        before, config = previous._session.config, self._session.config
        if (before.dataset, before.data_dir) == (config.dataset, config.data_dir):
            self._session.dataset = previous._session.dataset
        if _mixed_sources(before) == _mixed_sources(config):
            self._session.mixed_in = previous._session.mixed_in
        del previous
        gc.collect()  # a run and its session refer to each other: left to itself, dozens of them would fill the memory


def _mixed_sources(config: TrainingConfig) -> tuple[object, ...]:
    """Return what tells whether the images that are mixed in are the same, in whatever shares."""
    return config.data_dir, *(source for source, _ in config.mix)
