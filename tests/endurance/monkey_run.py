"""The monkey's own process: the program as it is started from a shell, with somebody at mouse and keyboard."""

import ctypes
import faulthandler
import logging
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QObject, QThread, QTimer, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog

from cnnviz import cli
from cnnviz.gui.app import make_application
from cnnviz.gui.main_window import MainWindow
from cnnviz.training.config import TrainingConfig
from cnnviz.training.session import Phase
from tests.endurance import monkey_files
from tests.endurance.measures import Holdings, holdings, slope, table
from tests.endurance.monkey_acts import Hands
from tests.endurance.monkey_sweep import WAIT, Step, Sweep
from tests.endurance.monkey_watch import Watch

PR_SET_PDEATHSIG = 1  # prctl(2)
PAUSE_MS = 1  # between two events, in which Qt does what it has to do
STOPS = 6  # at least, at which is counted what there is
EVENTS_BETWEEN_STOPS = 4000  # at most
SETTLE_SECONDS = 20.0  # within which the window has to come to rest
CALM_SECONDS = 0.5
WARM_UP = 1 / 3  # of the stops, after which nothing may grow any more

# What may be more at the end than at the first stop after the warm-up.
SPARE_QOBJECTS = 150  # Qt makes parts of lists, menus and tool tips when they are first used
SPARE_MB = 200.0  # the ways back through 200 pictures on the pad and 200 labels fill in some 10,000 events, then stay
SPARE_MB_PER_1000_EVENTS = 1.0


class Monkey(QObject):
    """Takes one step of the sweep or one random event after the other, in whichever event loop runs.

    Attributes
    ----------
    watch : Watch
    """

    def __init__(self, folder: Path, count: int, seed: int, seconds: float) -> None:
        super().__init__()
        self._count, self._seed = count, seed
        self._seconds = self._deadline = seconds  # for the random events; later when that will be
        self._done = 0  # of the random events
        self._zoo = monkey_files.build(folder / "zoo", np.random.default_rng(seed))
        self._small = TrainingConfig.from_preset("escontrela", str(self._zoo.datasets[0]))
        self._answers = monkey_files.Answers(self._zoo)
        self._log = (folder / "events.txt").open("w", buffering=1)
        self._last = "the start"
        self._level = 0  # of the event loop in which something is being done
        self.watch = Watch(self._note, lambda: self._last)
        self._samples: list[Holdings] = []
        self._counts: list[int] = []  # of random events, until each of the samples
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._go_on)
        self._closes = False

    @Slot()
    def begin(self) -> None:
        """Take over, now that the window is there."""
        (self._window,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, MainWindow))
        self._workbench = self._window._workbench
        self._workbench.failed.connect(self.watch.hear)
        self._window.installEventFilter(self)
        self._answers.install()
        self.watch.begin()
        self._hands, self._sweep = Hands(self._window, self._zoo), Sweep(self._window, self._small)
        self._steps = self._all_steps()
        self._timer.start(PAUSE_MS)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Leave the window open until all is done."""
        return event.type() == QEvent.Type.Close and not self._closes and self._refuse(event)

    def _refuse(self, event: QEvent) -> bool:
        event.ignore()
        return True

    @Slot()
    def _go_on(self) -> None:
        """Take the next step, unless one is under way in this very loop: a dialog's loop within it needs the next."""
        self._timer.start(PAUSE_MS)
        level = QThread.currentThread().loopLevel()
        if level <= self._level:
            return
        before, self._level = self._level, level
        try:
            self._take(next(self._steps, None))
        except RuntimeError as error:  # what was about to be operated has just gone
            if "already deleted" not in str(error):
                raise
        finally:
            self._level = before

    def _take(self, step: Step | None) -> None:
        if step is None:  # the last one closes the window; without that, what chooses the steps has failed
            self._timer.stop()
            if not self._closes:
                self._close()
        elif step is not WAIT:
            self._last = step[0]
            self._note(step[0])
            step[1]()

    def _note(self, line: str) -> None:
        self._log.write(f"{line}\n")

    # What is done

    def _all_steps(self) -> Iterator[Step]:
        yield from self._wait_for_run()
        yield from self._sweep
        self._deadline += time.monotonic()
        stops = max(STOPS, self._count // EVENTS_BETWEEN_STOPS)
        for stop in range(1, stops + 1):
            while self._done < self._count * stop // stops and not self._is_late(stop / stops):
                yield "event", self._do_random
            yield from self._settle()
            self._counts.append(self._done)
            self._samples.append(holdings())
            yield "train", self._workbench.train
        yield from self._settle()
        yield "close", self._close

    def _is_late(self, share: float) -> bool:
        """Return whether this ``share`` of the time is over."""
        return time.monotonic() > self._deadline - self._seconds * (1 - share)

    def _do_random(self) -> None:
        number, self._done = self._done, self._done + 1
        rng = random.Random(f"{self._seed}:{number}")
        self._answers.rng = rng
        self._last = f"event {number}"
        what = self._hands.do(rng)
        self._last = f"event {number}: {what}"
        self._note(what)

    def _close(self) -> None:
        self.watch.end()
        QGuiApplication.clipboard().clear()  # what is of Python's making there would be destroyed after Python's end
        self._closes = True
        self._window.close()

    def _settle(self) -> Iterator[Step]:
        """Bring the window back to what it was, as far as a person could, and wait until nothing goes on any more."""
        while (other := _front_window(self._window)) is not None:
            yield f"close {type(other).__name__}", other.close
        window, workbench = self._window, self._workbench
        yield "normal", window.showNormal
        yield "size", lambda: window.resize(1366, 768)
        yield "layout", window.reset_layout
        yield "no number", lambda: workbench.choose(None)
        yield "clear", window.drawing.clear
        yield "no digits", workbench.own_digits.clear
        yield "small run", lambda: workbench.start_run(self._small)
        yield "pause", workbench.pause
        yield from self._wait_for_run()
        calm = time.monotonic() + CALM_SECONDS
        while time.monotonic() < calm:
            yield WAIT

    def _wait_for_run(self) -> Iterator[Step]:
        end = time.monotonic() + SETTLE_SECONDS
        while self._workbench.snapshot is None or self._workbench.status.phase is Phase.LOADING:
            if time.monotonic() > end:
                self.watch.report(f"no run after {SETTLE_SECONDS:g} s")
                return
            yield WAIT

    # What is told

    def verdict(self, code: int, seconds: float) -> int:
        """Print what was found, and return 0 where there is nothing to complain of."""
        self.watch.leave()
        faults = [*self.watch.faults, *self._growth()]
        if code:
            faults.append(f"exit code {code}")
        faults += [f"left running: {each.name}" for each in _left_threads()]
        print(f"{len(self._sweep.done)} controls operated, {self._done} random events in {seconds:.0f} s")
        for name, why in sorted(self._sweep.missed.items()):
            print(f"  not reached: {name} ({why})")
        print(table([{"events": n, **asdict(each)} for n, each in zip(self._counts, self._samples, strict=True)]))
        print(f"longest time without an answer: {self.watch.longest:.2f} s")
        for fault in faults:
            print(f"FAULT {fault}")
        return int(bool(faults))

    def _growth(self) -> Iterator[str]:
        """Yield what has grown since the warm-up."""
        warm_up = round(WARM_UP * len(self._samples))
        samples, places = self._samples[warm_up:], self._counts[warm_up:]
        if not samples:
            yield "the window was closed before anything was counted"
            return
        first, last = samples[0], samples[-1]
        for name, spare in (
            *((each, 0) for each in ("timers", "processes", "zombies")),
            *((each, 2) for each in ("threads", "files", "windows", "worker_threads", "worker_files")),
            ("qobjects", SPARE_QOBJECTS),
        ):
            if getattr(last, name) > getattr(first, name) + spare:
                yield f"{name} grew from {getattr(first, name)} to {getattr(last, name)}"
        for name in ("window_mb", "worker_mb"):
            values = [getattr(each, name) for each in samples]
            per_1000 = 1000 * slope(places, values)
            if per_1000 > SPARE_MB_PER_1000_EVENTS and max(values) - values[0] > SPARE_MB:
                yield f"{name} grew by {per_1000:.2f} MB in 1,000 events, from {values[0]:.0f} to {values[-1]:.0f}"


def _front_window(window: MainWindow) -> object | None:
    """Return a popup or dialog that is open, the one on top first."""
    front = QApplication.activePopupWidget() or QApplication.activeModalWidget()
    if front is not None:
        return front
    dialogs = [each for each in QApplication.topLevelWidgets() if isinstance(each, QDialog) and each.isVisible()]
    return dialogs[0] if dialogs else None


def _left_threads() -> list[threading.Thread]:
    return [
        each
        for each in threading.enumerate()
        if each is not threading.main_thread()
        and not isinstance(each, threading._DummyThread)
        and not each.name.startswith("cnnviz-compute")
    ]


def _end_with_parent() -> None:
    """Have the kernel end this process where the one that started it has gone (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main(folder: Path, count: int, seed: int, seconds: float) -> int:
    """Run the program with a monkey, and return the exit code."""
    faulthandler.enable()
    logging.basicConfig()
    _end_with_parent()
    make_application()
    monkey = Monkey(folder, count, seed, seconds)
    QTimer.singleShot(0, monkey.begin)
    began = time.monotonic()
    code = cli.main(["gui", "--preset", "escontrela", "--dataset", "strokes", "--start"])
    return monkey.verdict(code, time.monotonic() - began)


if __name__ == "__main__":
    try:
        result = main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
    except Exception:
        traceback.print_exc()
        result = 1
    sys.stdout.flush()
    sys.exit(result)
