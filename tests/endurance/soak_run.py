"""The process of a soak: the program as it is started from a shell, a person who uses it, and who takes its measure."""

import faulthandler
import logging
import math
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, QTimer, Slot
from PySide6.QtWidgets import QApplication

from cnnviz import cli
from cnnviz.gui.app import make_application
from cnnviz.gui.live_probes import LoopProbe, spread
from cnnviz.gui.main_window import MainWindow
from cnnviz.gui.panels.network import NetworkPanel
from tests.endurance.measures import holdings, slope, table
from tests.endurance.monkey_events import drag, point_at

SAMPLES = 24
WARM_UP = 1 / 3  # of the samples, on which there is no verdict
DEED_MS = 500  # from one deed of the person to the next
ENDLESS = 10**6  # epochs
STROKE_POINTS = 12

# What may come about in the last two thirds: Python and Qt keep some memory for later, in pieces of some megabytes.
SPARE_MB = 12.0
SPARE = {"threads": 1, "worker_threads": 1, "files": 2, "worker_files": 2, "windows": 1, "timers": 0, "processes": 0}
SPARE_QOBJECTS = 20
SPARE_OBJECTS = 2000
LONGEST_DELAY = 2000.0  # milliseconds
SLOWER = 2.0  # times, that events may be late at the end
SPARE_DELAY = 10.0  # milliseconds

# Of each step both processes keep cost and accuracy, float32, in arrays that are up to twice as long, and once more
# while they grow; the window keeps up to four smoothed curves of the same length.
BYTES_PER_STEP = {"window_mb": 3 * 8 + 4 * 8, "worker_mb": 3 * 8}
IMAGE_BYTES = 28 * 28  # of each digit, which is generated when it is first learnt


class Soak(QObject):
    """Takes samples, and plays the person."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._interval = seconds / SAMPLES
        self._rows: list[dict[str, float]] = []
        self._failures: list[str] = []
        self._deeds = 0
        self._sampling, self._person = QTimer(self), QTimer(self)
        self._sampling.timeout.connect(self._sample)
        self._person.timeout.connect(self._act)

    @Slot()
    def begin(self) -> None:
        """Train without an end, and look on."""
        (self._window,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, MainWindow))
        self._workbench = self._window._workbench
        self._workbench.failed.connect(self._failures.append)
        self._workbench.start_run(replace(self._workbench.config, epochs=ENDLESS))
        self._workbench.train()
        self._began = self._since = time.perf_counter()
        self._step = 0
        self._probe = LoopProbe(self)
        self._person.start(DEED_MS)
        self._sampling.start(round(1000 * self._interval))

    @Slot()
    def _sample(self) -> None:
        """Add a line to the table; how late events are while this goes on does not count."""
        now, delays = time.perf_counter(), spread(self._probe.delays)
        self._probe.stop()
        self._probe.deleteLater()
        step = self._workbench.snapshot.step if self._workbench.snapshot else 0
        row = {
            "seconds": round(now - self._began),
            "steps": step,
            "digits": self._digits(step),
            "steps/s": (step - self._step) / (now - self._since),
            **{f"delay_{name}": delay for name, delay in delays.items()},
            **asdict(holdings()),
        }
        self._rows.append(row)
        print(table([row]).splitlines()[-1] if len(self._rows) > 1 else table([row]), flush=True)
        if len(self._rows) == SAMPLES:
            self._sampling.stop()
            self._person.stop()
            self._window.close()
            return
        self._step, self._since = step, time.perf_counter()
        self._probe = LoopProbe(self)

    def _digits(self, step: int) -> int:
        """Return how many digits have been learnt after ``step`` steps."""
        config = self._workbench.config
        return min(step * config.batch_size, config.train_size)

    @Slot()
    def _act(self) -> None:
        """Do the next of the things that a person does."""
        deeds = (self._draw, self._look_elsewhere, self._point, self._draw, self._point)
        deeds[self._deeds % len(deeds)](self._deeds)
        self._deeds += 1

    def _draw(self, number: int) -> None:
        drawing = self._window.drawing
        if number % 15 == 0:
            drawing.clear()
        center, size = drawing.pad.rect().center(), 0.3 * min(drawing.pad.width(), drawing.pad.height())
        angles = (number + 2 * math.pi * each / STROKE_POINTS for each in range(STROKE_POINTS))
        way = [center + QPoint(int(size * math.cos(angle)), int(size * math.sin(2 * angle))) for angle in angles]
        drag(self._window.windowHandle(), [drawing.pad.mapTo(self._window, place) for place in way])

    def _look_elsewhere(self, number: int) -> None:
        docks = list(self._window.docks.values())
        docks[number // 5 % len(docks)].raise_()

    def _point(self, number: int) -> None:
        canvas = self._window.panels[NetworkPanel.name].canvas
        place = QPoint(37 * number % max(canvas.width(), 1), 23 * number % max(canvas.height(), 1))
        if canvas.isVisible():
            point_at(self._window.windowHandle(), canvas.mapTo(self._window, place))

    def verdict(self, code: int) -> int:
        """Print what was found, and return 0 where there is nothing to complain of."""
        faults = [*self._failures, *_faults_in(self._rows[round(WARM_UP * SAMPLES) :])]
        if code:
            faults.append(f"exit code {code}")
        if len(self._rows) < SAMPLES:
            faults.append(f"only {len(self._rows)} of {SAMPLES} samples were taken")
        print(_peak())
        for fault in faults:
            print(f"FAULT {fault}")
        return int(bool(faults))


def _faults_in(rows: list[dict[str, float]]) -> Iterator[str]:
    """Yield what grew, or became slower, from the first half of ``rows`` to the second."""
    if len(rows) < 4:
        return
    half = len(rows) // 2
    seconds = [row["seconds"] for row in rows]

    def middles(name: str) -> tuple[float, float]:
        return statistics.median(row[name] for row in rows[:half]), statistics.median(row[name] for row in rows[half:])

    for name, per_step in BYTES_PER_STEP.items():
        grown = slope(seconds, [row[name] for row in rows]) * (seconds[-1] - seconds[0])
        allowed = SPARE_MB + per_step * rows[-1]["steps"] / 1e6
        if name == "worker_mb":
            allowed += IMAGE_BYTES * (rows[-1]["digits"] - rows[0]["digits"]) / 1e6
        print(f"{name}: {grown:+.1f} MB over the last {seconds[-1] - seconds[0]:.0f} s, allowed are {allowed:.1f}")
        if grown > allowed:
            yield f"{name} grew by {grown:.1f} MB, allowed are {allowed:.1f}"
    for name, spare in {**SPARE, "zombies": 0, "qobjects": SPARE_QOBJECTS, "objects": SPARE_OBJECTS}.items():
        before, after = middles(name)
        if after > before + spare:
            yield f"{name} grew from {before:g} to {after:g}"
    before, after = middles("delay_p99")
    if after > SLOWER * before + SPARE_DELAY:
        yield f"events became late: p99 from {before:.1f} to {after:.1f} ms"
    if (longest := max(row["delay_longest"] for row in rows)) > LONGEST_DELAY:
        yield f"an event was {longest:.0f} ms late"
    if min(row["steps/s"] for row in rows) <= 0:
        yield "training stood still"


def _peak() -> str:
    """Return the most memory that the window's process has had, as the system tells it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(f"peak of the window: {int(line.split()[1]) / 1024:.0f} MB" for line in lines if "VmHWM" in line)


def main(seconds: float) -> int:
    """Run the program for so long, and return the exit code."""
    faulthandler.enable()
    logging.basicConfig(level=logging.WARNING)
    make_application()
    soak = Soak(seconds)
    QTimer.singleShot(0, soak.begin)
    return soak.verdict(cli.main(["gui", "--preset", "escontrela", "--dataset", "strokes"]))


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
