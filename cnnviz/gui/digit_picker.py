"""Digits of the test set, which lies in the process that trains: they are asked for, and come with a snapshot."""

from bisect import bisect_right

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from cnnviz.gui.strokes import Picture
from cnnviz.gui.workbench import Workbench
from cnnviz.training.control import ProbeChoice
from cnnviz.training.snapshot import Snapshot

INDICES = 10_000  # to draw from; they wrap around the test set
NO_TEST = "nothing is known to be misread before a test: Ctrl+T tests now, then M shows what was misread"
NONE_MISREAD = "the latest test misread none of its images"


class DigitPicker(QObject):
    """Makes a test digit the probe, and tells what it looks like once it is there."""

    picked = Signal(object)  # a Picture

    def __init__(self, workbench: Workbench, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workbench = workbench
        self._wanted: ProbeChoice | None = None
        self._misread = -1  # index of the misread digit that was asked for last
        workbench.snapshot_arrived.connect(self._look_at)

    @Slot()
    def pick_random(self) -> None:
        """Ask for any test digit."""
        self._ask_for(int(np.random.default_rng().integers(INDICES)))

    @Slot()
    def pick_misread(self) -> None:
        """Ask for the next of those that the latest test misread; say so where there is none."""
        snapshot = self._workbench.snapshot
        if snapshot is None or not snapshot.history.tests:
            self._workbench.message.emit(NO_TEST)
            return
        misread = snapshot.history.tests[-1].evaluation.misread
        if not len(misread):
            self._workbench.message.emit(NONE_MISREAD)
            return
        following = bisect_right(misread, self._misread)
        self._misread = int(misread[following % len(misread)])
        self._ask_for(self._misread)

    def _ask_for(self, index: int) -> None:
        if not self._workbench.is_alive():  # it says so
            return
        self._wanted = ProbeChoice("test", index)
        self._workbench.set_probe(self._wanted)

    @Slot(object)
    def _look_at(self, snapshot: Snapshot) -> None:
        """Hand the digit on if it has come, and if nobody has chosen another probe meanwhile."""
        probe, wanted = snapshot.trace.probe, self._wanted
        if wanted is None or self._workbench.probe is not wanted:
            self._wanted = None
        elif probe.asked_for == wanted.index:
            self._wanted = None
            self.picked.emit(Picture(probe.title, probe.image, probe.image, probe.label))
