"""The process that trains: it begins runs and grants wishes as messages come, and reports where they are.

It is a process of its own, not a thread beside the window: both would wait for the same interpreter lock, and training
would lose a third of its speed.
"""

import faulthandler
import logging
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO

import numpy as np

from cnnviz.errors import UserError
from cnnviz.training.history import HistoryView
from cnnviz.training.mailbox import Mailbox
from cnnviz.training.messages import Begin, Message, Ready, Report, Wish, receive, send
from cnnviz.training.session import SNAPSHOTS_PER_SECOND, Session, Status
from cnnviz.training.snapshot import State

log = logging.getLogger(__name__)

_PERIOD = 1 / SNAPSHOTS_PER_SECOND
_NOTHING = HistoryView(np.empty(0, np.float32), np.empty(0, np.float32), (), ())


def main() -> None:
    """Serve the process that started this one, through standard input and output, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches all processes of a terminal; the window decides
    if sys.stderr is not None:
        faulthandler.enable()
    threading.excepthook = _end_on_fault
    reports = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anybody prints does not get in between
    serve(sys.stdin.buffer, reports)
    os._exit(0)  # at once, whatever step or test is under way: nothing here is worth keeping


def _end_on_fault(fault: threading.ExceptHookArgs) -> None:
    """End the process when one of its threads does: the window tells, where it would otherwise wait for ever."""
    threading.__excepthook__(fault)
    os._exit(1)


def serve(requests: BinaryIO, reports: BinaryIO) -> None:
    """Obey ``requests`` and report, until their stream ends; threads still at work end soon after."""
    worker = _Worker(reports)
    threading.Thread(target=worker.report, name="reports", daemon=True).start()
    try:
        while True:
            worker.obey(receive(requests))
    except EOFError:
        worker.end()


class _Outbox(Mailbox[State]):
    """A mailbox that wants nothing until the window is ready for it, and wakes who sends it on."""

    def __init__(self, changed: threading.Condition) -> None:
        super().__init__()
        self._changed = changed
        self.is_wanted = True

    def put(self, content: State) -> None:
        super().put(content)
        with self._changed:
            self._changed.notify()

    @property
    def is_empty(self) -> bool:
        return self.is_wanted and super().is_empty


class _Run:
    """One run: its session, on a thread of its own, and what the window knows of it."""

    def __init__(self, request: Begin, changed: threading.Condition) -> None:
        self.number = request.run
        self.outbox = _Outbox(changed)
        self.session = Session(request.config, request.parameters, mailbox=self.outbox)
        self.session.control.set_speed(request.steps_per_second)
        self.session.control.set_probe(request.probe)
        self.wishes = 0
        self._failure: str | None = None
        self._told: tuple[bool, Status, str | None, int] | None = None
        self._history_told = _NOTHING
        self._previous: _Run | None = None
        self._thread = threading.Thread(target=self._work, name=f"run {self.number}", daemon=True)

    def start(self, previous: "_Run | None") -> None:
        """Work, once ``previous`` is through with its last step."""
        self._previous = previous
        self._thread.start()

    def end(self) -> None:
        """Have the session end, without waiting for it."""
        self.session.control.stop()

    def _work(self) -> None:
        self._take_over()
        try:
            self.session.run()
        except UserError as error:
            self._failure = str(error)
        except Exception as error:
            log.exception("training failed")
            self._failure = f"training stopped by an unexpected fault: {type(error).__name__}: {error}"

    def _take_over(self) -> None:
        """Let the previous run end, and go on with its dataset if this one wants the same; the rest of it is freed."""
        previous, self._previous = self._previous, None
        if previous is None:
            return
        previous._thread.join()
        before, config = previous.session.config, self.session.config
        if (before.dataset, before.data_dir) == (config.dataset, config.data_dir):
            self.session.dataset = previous.session.dataset

    def next_report(self, with_status: bool) -> Report | None:
        """Return what the window does not know yet; None where there is nothing, or only a status without need."""
        # In this order, for the session puts the state of where it rests into the outbox before it says that it does,
        # and what runs by now may already know of later wishes than those counted here.
        wishes, is_running = self.wishes, self.session.control.is_running
        status, failure = self.session.status, self._failure
        told = (is_running, status, failure, wishes)
        state = self.outbox.take()
        if state is None and (told == self._told or not with_status):
            return None
        self._told = told
        self.outbox.is_wanted = False
        report = Report(self.number, wishes, is_running, status, failure)
        return report if state is None else self._with_state(report, state)

    def _with_state(self, report: Report, state: State) -> Report:
        news, self._history_told = state.history.since(self._history_told), state.history
        return replace(report, state=replace(state, history=_NOTHING), news=news)


class _Worker:
    """Takes requests on one thread and reports on another, while the current run works on a third."""

    def __init__(self, reports: BinaryIO) -> None:
        self._reports = reports
        self._changed = threading.Condition()
        self._run: _Run | None = None
        self._ended = False
        self._reported_at = 0.0

    def obey(self, request: Message) -> None:
        """Do what the window asks for; what concerns an earlier run is left alone."""
        run = self._run
        if isinstance(request, Begin):
            self._begin(request)
        elif run is None or request.run != run.number:
            return
        elif isinstance(request, Wish):
            getattr(run.session.control, request.name)(*request.arguments)
            run.wishes += 1
        elif isinstance(request, Ready):
            run.outbox.is_wanted = True
            with self._changed:
                self._changed.notify()

    def end(self) -> None:
        """Have both other threads end, without waiting for them."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        if self._run is not None:
            self._run.end()

    def report(self) -> None:
        """Tell the window what is new whenever it is ready for it, until the end."""
        with suppress(OSError), self._reports:  # where the window is gone, the requests will end as well
            while (report := self._wait_for_report()) is not None:
                send(self._reports, report)
                self._reported_at = time.monotonic()

    def _begin(self, request: Begin) -> None:
        previous = self._run
        if previous is not None:
            previous.end()
        run = _Run(request, self._changed)
        with self._changed:
            self._run = run
        run.start(previous)

    def _wait_for_report(self) -> Report | None:
        """Return the next report; None at the end.

        A state goes out as soon as it is there. A status alone is looked for some 40 times a second, which is often
        enough for the eye, so that the trainer need not stop to announce every one.
        """
        with self._changed:
            while not self._ended:
                run = self._run
                if run is not None and run.outbox.is_wanted:
                    with_status = time.monotonic() - self._reported_at >= _PERIOD
                    if (report := run.next_report(with_status)) is not None:
                        return report
                self._changed.wait(_PERIOD)
        return None
