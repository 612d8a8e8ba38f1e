"""The window's end of the process that trains: start it, begin runs in it, hear what it reports."""

import logging
import queue
import subprocess
import sys
import threading
import traceback
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cnnviz import interrupts
from cnnviz.errors import UserError
from cnnviz.logs import discreet, take_crash_of
from cnnviz.nn import Parameters
from cnnviz.nn.parameters import Shapes
from cnnviz.training.autosave import Saved
from cnnviz.training.config import TrainingConfig, check_lr
from cnnviz.training.control import NewValue, ProbeChoice, check_new_value, check_speed, own_digits
from cnnviz.training.divergence import Divergence
from cnnviz.training.history import History
from cnnviz.training.mailbox import Mailbox
from cnnviz.training.messages import Begin, Goodbye, Message, Ready, Report, Wish, receive, send
from cnnviz.training.record import StepRecord
from cnnviz.training.session import Phase, Status
from cnnviz.training.shared_memory import SharedMemory
from cnnviz.training.snapshot import Snapshot, State

log = logging.getLogger(__name__)

GRACE_SECONDS = 5.0  # for the process to end by itself, which takes it some milliseconds, and the disk its time

# The process finds its modules where this one does, however this one was started.
_CODE = "import sys; _, memory, *sys.path = sys.argv; from cnnviz.training.worker import main; main(memory)"


class Run:
    """A run in the process that trains, as seen from here.

    Attributes
    ----------
    config : TrainingConfig
    status : Status
    failure : str or None
        What ended the run, in one line for the user; None while nothing went wrong.
    trace : str or None
        Where in the program that was, if it was an unexpected fault.
    divergence : Divergence or None
        Where training diverged, if that ended it.
    saved : Saved or None
        The run's newest checkpoint.
    save_fault : str or None
        Why the newest one could not be kept, in one line; the run goes on.
    notice : str or None
        What the user should know of how a run is gone on with, in one line.
    control : RemoteControl
    """

    def __init__(self, engine: "Engine", number: int, config: TrainingConfig) -> None:
        self.config = config
        self.status = Status(Phase.LOADING)
        self.failure: str | None = None
        self.trace: str | None = None
        self.divergence: Divergence | None = None
        self.saved: Saved | None = None
        self.save_fault: str | None = None
        self.notice: str | None = None
        self._engine = engine
        self._number = number
        self._network = config.build()
        self.control = RemoteControl(engine, number, self._network.parameter_shapes)
        self._history = History()
        self._record: StepRecord | None = None
        self._slots = engine.memory.arrays(2, 2, self._network.parameter_count)
        self._mailbox: Mailbox[Snapshot] = Mailbox()

    def take(self) -> Snapshot | None:
        """Return the newest snapshot if there is a new one, and let the next one come."""
        snapshot = self._mailbox.take()
        if snapshot is not None:
            self._engine.send(Ready(self._number))
        return snapshot

    def hear(self, report: Report) -> None:
        """Take on what the process reports; one of an earlier run is left unread."""
        if report.run != self._number:
            return
        if report.state is None:
            self._engine.send(Ready(self._number))
        else:
            self._history.extend(report.news)
            self._mailbox.put(Snapshot.of(self._complete(report), self.config, self._network))
        self.saved, self.save_fault, self.notice = report.saved, report.save_fault, report.notice
        self.trace, self.divergence = report.trace, report.divergence
        self.failure = report.failure  # after all else, for who waits for one
        self.control.hear(report.wishes, report.is_running)
        self.status = report.status  # last: who reads that the run rests finds the snapshot of where

    def _complete(self, report: Report) -> State:
        """Return the state that came with ``report``, with all that was not sent, or lies in shared memory."""
        parameters, gradients = (Parameters(self._network.parameter_shapes, v) for v in self._slots[report.slot])
        state = report.state
        gradients = gradients if state.batch is not None else None
        self._record = state.record or self._record
        return replace(
            state, parameters=parameters, gradients=gradients, history=self._history.view(), record=self._record
        ).copy()

    def fail(self, failure: str, trace: str | None = None) -> None:
        """End here what has ended there without a word; ``trace`` is all that is known of where."""
        if self.failure is None:
            self.trace, self.failure = trace, failure
        self.control.lose()
        self.status = Status(Phase.STOPPED)


class RemoteControl:
    """The wishes of a `Control`, sent to the one in the other process.

    What is no possible wish is refused here and at once, with the ConfigError that it would be refused with there.
    ``shapes`` are those of the run's parameters.
    """

    def __init__(self, engine: "Engine", number: int, shapes: Shapes) -> None:
        self._engine = engine
        self._number = number
        self._shapes = shapes
        self._lock = threading.Lock()
        self._wishes = 0
        self._is_running = False

    @property
    def is_running(self) -> bool:
        """Whether steps follow each other by themselves, all wishes granted."""
        return self._is_running

    def run(self) -> None:
        """Train, until told otherwise."""
        self._wish("run", is_running=True)

    def pause(self) -> None:
        """Rest after the current step, and show where that led."""
        self._wish("pause", is_running=False)

    def step(self) -> None:
        """Rest, but for one step."""
        self._wish("step", is_running=False)

    def record(self) -> None:
        """Rest, but for one step that is recorded; whatever is wished for until then comes after it."""
        self._wish("record", is_running=False)

    def set_speed(self, steps_per_second: float | None) -> None:
        """Set the pace; None: as fast as possible. ConfigError where it is not above 0."""
        check_speed(steps_per_second)
        self._wish("set_speed", steps_per_second)

    def set_learning_rate(self, lr: float) -> None:
        """Set the learning rate from the next step on. ConfigError where it is none."""
        check_lr(lr)
        self._wish("set_learning_rate", lr)

    def set_parameter(self, layer: str, name: str, index: tuple[int, ...], value: float) -> None:
        """Give one parameter another value before the next step. ConfigError where there is none, or not with that."""
        check_new_value(NewValue(layer, name, index, value), self._shapes)
        self._wish("set_parameter", layer, name, index, value)

    def set_own_digits(self, images: np.ndarray, labels: np.ndarray, share: float) -> None:
        """Mix these into training from the next step on, instead of those before; as `own_digits` takes them."""
        own_digits(images, labels, share)
        self._wish("set_own_digits", images.copy(), labels.copy(), share)

    def set_probe(self, probe: ProbeChoice) -> None:
        """Follow another image; of a drawing, as it is now."""
        self._wish("set_probe", probe.fixed())

    def evaluate(self) -> None:
        """Score on the test set, now."""
        self._wish("evaluate")

    def cancel_evaluation(self) -> None:
        """Leave out the evaluation that is under way or asked for."""
        self._wish("cancel_evaluation")

    def hear(self, wishes: int, is_running: bool) -> None:
        """Believe a report of whether the run goes on, unless it does not know of all wishes yet."""
        with self._lock:
            if wishes == self._wishes:
                self._is_running = is_running

    def lose(self) -> None:
        """Have no run any more."""
        with self._lock:
            self._is_running = False

    def _wish(self, name: str, *arguments: Any, is_running: bool | None = None) -> None:
        with self._lock:
            self._wishes += 1
            if is_running is not None:
                self._is_running = is_running
            self._engine.send(Wish(self._number, name, arguments))


class Engine:
    """The process that trains, one run after another; a context manager.

    No method waits for it but ``listen`` and ``close``. Where it ends unasked the current run fails, and a new engine
    is needed.

    Raises
    ------
    UserError
        From the constructor: the process could not be started.
    """

    def __init__(self) -> None:
        self._requests: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._changing = threading.Lock()  # of the run, which must not come between a last word and its being passed on
        self._run: Run | None = None
        self._runs = 0
        self._end: tuple[str, str] | None = None  # in one line, and the trace
        self._is_closing = False
        self._writer = threading.Thread(target=self._write, name="requests", daemon=True)
        try:
            self._start()
        except (OSError, RuntimeError) as fault:  # the second where there is no room for a thread
            reason = getattr(fault, "strerror", None) or fault
            raise UserError(
                f"the training process could not be started ({reason}); close other programs and try again"
            ) from fault

    def _start(self) -> None:
        """Start process and thread, both or none."""
        with ExitStack() as undo:
            self.memory = SharedMemory()
            undo.callback(self.memory.close)
            self._process = start_process(self.memory)
            undo.callback(self._process.wait)  # it ends where its requests do
            undo.callback(self._process.stdout.close)
            undo.callback(self._process.stdin.close)
            self._writer.start()
            undo.pop_all()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_alive(self) -> bool:
        """Whether runs can be begun."""
        return not self._is_closing and self._end is None and self._process.poll() is None

    def begin(
        self,
        config: TrainingConfig,
        parameters: Parameters | None = None,
        steps_per_second: float | None = None,
        probe: ProbeChoice | None = None,
        runs: Path | None = None,
        resume: Path | None = None,
    ) -> Run:
        """Begin a run with these settings, at rest, and give up the one so far.

        ``parameters`` are those to begin with (None: random ones), ``steps_per_second`` and ``probe`` the first wishes.
        The run is kept in a folder in ``runs`` (None: nowhere), or goes on with the one in the folder ``resume``, whose
        settings ``config`` then is.
        """
        with self._changing:
            self._runs += 1
            self._run = Run(self, self._runs, config)
            if self._end is not None:
                self._run.fail(*self._end)
        probe = (probe or ProbeChoice()).fixed()
        self.send(Begin(self._runs, config, parameters, steps_per_second, probe, runs, resume))
        return self._run

    def send(self, message: Message) -> None:
        """Have ``message`` written; who calls this does not wait for a process that is busy."""
        self._requests.put(message)

    def listen(self) -> None:
        """Pass reports on to the current run until the process ends; to be called on a thread of its own."""
        try:
            while True:
                report = receive(self._process.stdout)
                if self._run is not None:
                    self._run.hear(report)
        except Exception as error:
            if not self._is_closing:
                self._lose(error)

    def close(self) -> None:
        """End run and process, and wait for that; when it has been done before, do nothing."""
        self._is_closing = True
        self._requests.put(Goodbye())
        self._requests.put(None)
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._writer.join()
        self._process.stdout.close()
        self.memory.close()

    def _lose(self, error: Exception) -> None:
        """Tell the current run that nothing will come any more, and why."""
        if isinstance(error, EOFError):
            code = self._process.wait()
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            end = f"the training process ended unexpectedly ({how}); R (Reset) begins anew"
            crash = take_crash_of(self._process.pid)
            trace = crash.report if crash else f"the training process {self._process.pid} left no trace"
        else:
            log.exception("what the training process reported could not be taken on")
            self._process.kill()
            end = f"training stopped by an unexpected fault: {type(error).__name__}: {error}"
            trace = discreet("".join(traceback.format_exception(error)))
        with self._changing:
            self._end = end, trace
            if self._run is not None:
                self._run.fail(*self._end)

    def _write(self) -> None:
        stream = self._process.stdin
        with suppress(OSError):  # the process is gone, which who listens will find
            while (message := self._requests.get()) is not None:
                send(stream, message)
        with suppress(OSError):
            stream.close()


def start_process(memory: SharedMemory) -> subprocess.Popen[bytes]:
    """Start the process that trains, its standard input and output open to this one; OSError where that fails."""
    with interrupts.held_back():
        return subprocess.Popen(
            [sys.executable, "-c", _CODE, memory.handle, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=memory.descriptors,
        )
