"""What a live window and its training process hold at a moment: memory, threads, files, windows, timers, objects."""

import gc
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication

from cnnviz.gui.live_benchmark import resident_memory


@dataclass(frozen=True)
class Holdings:
    """What there is.

    Attributes
    ----------
    window_mb, worker_mb : float
        Resident memory.
    threads, worker_threads : int
        Of the kernel, so that those of Qt and NumPy count.
    files, worker_files : int
        Open descriptors.
    processes, zombies : int
        That were started from here: those that run, and those that ended and that nobody has asked about.
    windows : int
        Widgets that have no parent, shown or not.
    qobjects, timers : int
        All below the application and its windows, and the timers that run.
    objects : int
        That Python's garbage collector looks after.
    """

    window_mb: float
    worker_mb: float
    threads: int
    worker_threads: int
    files: int
    worker_files: int
    processes: int
    zombies: int
    windows: int
    qobjects: int
    timers: int
    objects: int


def holdings() -> Holdings:
    """Return what there is, once what nobody needs is gone."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    memory = resident_memory()
    children = list(_children(os.getpid()))
    running = [pid for pid in children if _state(pid) != "Z"]
    roots = [widget for widget in QApplication.topLevelWidgets() if widget.parent() is None]
    below = [child for root in (QApplication.instance(), *roots) for child in root.findChildren(QObject)]
    return Holdings(
        window_mb=memory["window"],
        worker_mb=memory["workers"],
        threads=_entries(os.getpid(), "task"),
        worker_threads=sum(_entries(pid, "task") for pid in running),
        files=_entries(os.getpid(), "fd"),
        worker_files=sum(_entries(pid, "fd") for pid in running),
        processes=len(running),
        zombies=len(children) - len(running),
        windows=len(roots),
        qobjects=len(roots) + len(below),
        timers=sum(isinstance(each, QTimer) and each.isActive() for each in below),
        objects=len(gc.get_objects()),
    )


def table(rows: Sequence[Mapping[str, float]]) -> str:
    """Return rows with the same names, one a line, under these names."""
    if not rows:
        return ""
    cells = [list(rows[0])]
    cells += [[f"{value:.1f}" if isinstance(value, float) else f"{value}" for value in row.values()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)


def slope(places: Sequence[float], values: Sequence[float]) -> float:
    """Return the median of the slopes between all pairs of points (Theil 1950, Sen 1968), which outliers do not move.

    ``places`` ascend; fewer than two points have no slope, 0.
    """
    x, y = np.asarray(places, float), np.asarray(values, float)
    first, second = np.triu_indices(len(x), k=1)
    return float(np.median((y[second] - y[first]) / (x[second] - x[first]))) if len(first) else 0.0


def _entries(pid: int, kind: str) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/{kind}"))
    except OSError:  # it has just ended
        return 0


def _children(pid: int) -> Iterator[int]:
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        yield from map(int, children.read_text().split())


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
