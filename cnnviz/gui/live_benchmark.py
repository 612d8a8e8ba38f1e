"""What a live window costs training, how smoothly it runs meanwhile, and how soon a pen stroke is answered."""

import gc
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from cnnviz import interrupts
from cnnviz.data import default_dataset
from cnnviz.errors import UserError
from cnnviz.gui.app import SWITCH_INTERVAL, make_application, show_window
from cnnviz.gui.interrupt_listener import InterruptListener
from cnnviz.gui.live_probes import FrameCounter, LoopProbe, PenProbe, spread
from cnnviz.gui.main_window import MainWindow
from cnnviz.gui.panels.network import NetworkPanel
from cnnviz.gui.settings import Settings
from cnnviz.gui.workbench import Workbench
from cnnviz.training.config import TrainingConfig
from cnnviz.training.snapshot import Snapshot

ROUNDS = 3  # of training without and with the window, in turn
PARTS = 2 * ROUNDS + 1  # the last one are strokes on the pad
WARM_UP = 1.0  # seconds of training before anything is counted
PATIENCE = 30.0  # seconds to wait for what is bound to come
LOOK_MS = 2  # how often is looked whether it came
DISTURBED = "training was ended or paused while it was measured; start again, and leave the window alone"
TEST_IMAGES = 100  # scored between epochs; the probe, number 17, is among them


def measure(preset: str, seconds: float, progress: Callable[[], None] = lambda: None) -> dict[str, object]:
    """Train ``preset`` on the default dataset with the window and without it, and return how both fare.

    Both are of one making, a workbench with the worker that it starts; without the window nobody takes snapshots from
    it. They train in turn, ``ROUNDS`` times, for ``seconds`` altogether each; then, for half as long, with strokes on
    the pad.

    Parameters
    ----------
    preset : str
    seconds : float
    progress : callable
        Called when one of ``PARTS`` parts is done.

    Returns
    -------
    dict
        ``steps_per_second_with_window``, ``steps_per_second_without``: medians of the rounds; ``ratio`` of both.
        ``frames_per_second``: how often the network panel painted a snapshot that it had not painted before.
        ``loop_delay_ms``: ``median``, ``p99`` and ``longest``, see ``LoopProbe``; while nobody draws.
        ``pen_to_bars_ms``: the same, see ``PenProbe``.
        ``memory_mb``: resident, of the ``window`` and of its ``workers``; None where the system does not tell.

    Raises
    ------
    UserError
        The window was closed, training was paused, or it failed.
    KeyboardInterrupt
        An interrupt, which the caller puts off, was heard.
    """
    app = make_application()
    config = TrainingConfig.from_preset(preset, default_dataset(None), epochs=10**6, test_size=TEST_IMAGES)
    alone: list[float] = []
    watched: list[float] = []
    frames: list[float] = []
    delays: list[float] = []
    with _as_in_the_program(app):
        for index in range(2 * ROUNDS):
            if index % 4 in (0, 3):  # without, with, with, without, ...: a slow drift is shared out evenly
                alone.append(_train_alone(config, seconds / ROUNDS))
            else:
                round_ = _train_watched(config, seconds / ROUNDS)
                watched.append(round_[0])
                frames.append(round_[1])
                delays += round_[2]
            progress()
        pen_delays, memory = _train_and_draw(config, seconds / 2)
        progress()
    with_window, without = statistics.median(watched), statistics.median(alone)
    return {
        "steps_per_second_with_window": with_window,
        "steps_per_second_without": without,
        "ratio": with_window / without,
        "frames_per_second": statistics.median(frames),
        "loop_delay_ms": spread(delays),
        "pen_to_bars_ms": spread(pen_delays),
        "memory_mb": memory,
    }


def summary(preset: str, figures: dict[str, object]) -> str:
    """Return the ``figures`` of ``measure`` in lines for people."""
    memory, parts = figures["memory_mb"], ("window", "workers")
    lines = [
        f"{preset} with a live window: {figures['steps_per_second_with_window']:,.0f} steps/s, without "
        f"{figures['steps_per_second_without']:,.0f}, ratio {figures['ratio']:.2f}",
        f"  frames shown    {figures['frames_per_second']:.1f} /s",
        f"  event loop      {_spread_text(figures['loop_delay_ms'])}",
        f"  pen to bars     {_spread_text(figures['pen_to_bars_ms'])}",
    ]
    if memory is not None:
        lines.append(f"  memory          {' + '.join(f'{memory[part]:.0f} MB ({part})' for part in parts)}")
    return "\n".join(lines)


def _spread_text(delays: dict[str, float]) -> str:
    return f"median {delays['median']:.1f} ms, p99 {delays['p99']:.1f} ms, longest {delays['longest']:.1f} ms"


# The three kinds of parts


def _train_alone(config: TrainingConfig, seconds: float) -> float:
    """Return steps a second without a window."""
    with _training(config) as workbench:
        return _steps_per_second(workbench, seconds)


def _train_watched(config: TrainingConfig, seconds: float) -> tuple[float, float, list[float]]:
    """Return steps a second, frames a second, and the delays of the event loop in milliseconds."""
    with _training(config) as workbench, _window(workbench) as window:
        counter = FrameCounter(window.panels[NetworkPanel.name].canvas, window)
        probe, began = LoopProbe(window), time.perf_counter()
        steps_per_second = _steps_per_second(workbench, seconds)
        frames_per_second = counter.frames / (time.perf_counter() - began)
        probe.stop()
        return steps_per_second, frames_per_second, probe.delays


def _train_and_draw(config: TrainingConfig, seconds: float) -> tuple[list[float], dict[str, float] | None]:
    """Return the times from pen to bars in milliseconds, and the memory at the end."""
    with _training(config) as workbench, _window(workbench) as window:
        probe = PenProbe(window.drawing, window)
        _wait(seconds)
        probe.stop()
        return probe.delays, resident_memory()


@contextmanager
def _training(config: TrainingConfig) -> Iterator[Workbench]:
    """Train, past the first steps."""
    workbench = Workbench(config)
    failures: list[str] = []
    workbench.failed.connect(failures.append)
    try:
        workbench.start_run()
        _wait(PATIENCE, lambda: workbench.poll() or workbench.snapshot or failures)
        if failures:
            raise UserError(failures[0])
        workbench.train()
        _wait(WARM_UP)
        yield workbench
    except UserError as error:
        raise UserError(failures[0] if failures else str(error)) from None
    finally:
        workbench.close()
        workbench.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@contextmanager
def _window(workbench: Workbench) -> Iterator[MainWindow]:
    """Show ``workbench`` in its default layout, past the first pictures."""
    window = MainWindow(workbench, Settings(), None)
    try:
        show_window(window, restore=False)
        _wait(WARM_UP)
        yield window
        if not window.isVisible():
            raise UserError(DISTURBED)
    finally:
        window.close()
        window.deleteLater()


@contextmanager
def _as_in_the_program(app: QApplication) -> Iterator[None]:
    """Set what the program sets at its start, and what lets windows come and go; put it back in the end."""
    interval, quits = sys.getswitchinterval(), app.quitOnLastWindowClosed()
    sys.setswitchinterval(SWITCH_INTERVAL)
    app.setQuitOnLastWindowClosed(False)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(interval)
        app.setQuitOnLastWindowClosed(quits)


# Counting and waiting


def _steps_per_second(workbench: Workbench, seconds: float) -> float:
    """Let it train for ``seconds`` and return the steps a second."""
    first, began = _fresh_snapshot(workbench)
    _wait(seconds)
    last, ended = _fresh_snapshot(workbench)
    return (last.step - first.step) / (ended - began)


def _fresh_snapshot(workbench: Workbench) -> tuple[Snapshot, float]:
    """Return a snapshot that was made just now, and when it came."""
    workbench.poll()  # what lay ready may be old
    old = workbench.snapshot
    _wait(PATIENCE, lambda: workbench.poll() or workbench.snapshot is not old or not workbench.is_running)
    if not workbench.is_running:
        raise UserError(DISTURBED)
    return workbench.snapshot, time.perf_counter()


def _wait(seconds: float, until: Callable[[], object] | None = None) -> None:
    """Let Qt work for ``seconds``, or until ``until()`` is true; UserError where that never comes."""
    loop, listener = QEventLoop(), InterruptListener()
    listener.heard.connect(loop.quit)
    end, look = QTimer(), QTimer()
    end.timeout.connect(loop.quit)
    end.start(round(1000 * seconds))
    look.timeout.connect(lambda: until() and loop.exit(1))
    if until is not None:
        look.start(LOOK_MS)
    try:
        came = loop.exec()
    finally:
        end.stop()
        look.stop()
        listener.close()
    interrupts.check()
    if until is not None and not came:
        raise UserError(f"nothing came from training for {seconds:g} seconds; look at what else this machine does")


# Memory


def resident_memory() -> dict[str, float] | None:
    """Return the resident memory of this process (``window``) and of those that it started (``workers``), in MB.

    None where there is no ``/proc``.
    """
    try:
        return {"window": _resident(os.getpid()), "workers": sum(map(_resident, _descendants(os.getpid())))}
    except OSError:
        return None


def _resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _descendants(pid: int) -> Iterator[int]:
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            yield child
            yield from _descendants(child)
