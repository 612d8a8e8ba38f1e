"""What the panels have in common that show the network's numbers as tiles."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from cnnviz.explain.fields import field_of
from cnnviz.explain.places import Place, exists
from cnnviz.gui.panels.panel import Panel
from cnnviz.gui.readout import Pace
from cnnviz.gui.tile_canvas import TileCanvas
from cnnviz.gui.tile_groups import TileGroup
from cnnviz.gui.tile_marks import Marks
from cnnviz.gui.workbench import Workbench
from cnnviz.training.snapshot import Snapshot


class CanvasPanel(Panel):
    """Passes on what is pointed at and chosen among its tiles, and marks there what is so in whichever panel.

    Attributes
    ----------
    canvas : TileCanvas
    """

    canvas_name: ClassVar[str]

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench, parent)
        self.canvas = TileCanvas(self)
        self.canvas.setAccessibleName(self.canvas_name)
        self.canvas.pointed.connect(self._point_at)
        self.canvas.chosen.connect(workbench.choose)
        self.canvas.turned.connect(workbench.nudge_by)
        self._snapshot: Snapshot | None = None
        self._pace_of_figures = Pace()
        self._own: Place | None = None  # what is pointed at in this panel
        workbench.pointed_changed.connect(self._mark)
        workbench.subject_changed.connect(self._mark)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the numbers of ``snapshot``."""
        is_other = self._snapshot is None or self._snapshot.network is not snapshot.network
        self._snapshot = snapshot
        if is_other:
            self._mark()
        self._show_groups(self._pace_of_figures.is_due(rests=not self.workbench.is_running))
        self._tell()

    def catch_up(self) -> None:
        """Mark what has been pointed at or chosen while the panel was not seen."""
        self._mark()

    def _groups(self, snapshot: Snapshot) -> list[TileGroup]:
        """Return what is shown of ``snapshot``."""
        raise NotImplementedError

    def _describe(self, snapshot: Snapshot, place: Place) -> str:
        """Return what the status bar tells of ``place``."""
        raise NotImplementedError

    @Slot()
    def _refresh(self) -> None:
        if self._snapshot is not None:
            self._show_groups(figures=True)

    def _show_groups(self, figures: bool) -> None:
        self.canvas.set_groups(self._groups(self._snapshot), figures)

    @Slot()
    def _mark(self) -> None:
        """Mark what is pointed at and what was chosen, as far as the network has it."""
        if self._snapshot is None or not self.is_seen:
            return
        pointed, subject = (self._known(place) for place in (self.workbench.pointed, self.workbench.subject))
        lit = {} if pointed is None else field_of(self._snapshot.network, pointed)
        self._show_marks(Marks(pointed, subject, lit))

    def _show_marks(self, marks: Marks) -> None:
        self.canvas.set_marks(marks)

    def _known(self, place: Place | None) -> Place | None:
        """Return ``place``, or None where the network that is shown has no such number."""
        return place if place is not None and exists(self._snapshot, place) else None

    @Slot(object)
    def _point_at(self, place: Place | None) -> None:
        self._own = place
        self.workbench.point_at(place)
        self._tell()
        if place is None:
            self.hovered.emit("")
        if self.canvas.hasFocus():  # a screen reader tells it
            self.canvas.setAccessibleDescription("" if place is None else self._describe(self._snapshot, place))

    def _tell(self) -> None:
        """Tell what is pointed at, with the newest numbers."""
        if self._own is not None and self._known(self._own) is not None:
            self.hovered.emit(self._describe(self._snapshot, self._own))


def table(array: np.ndarray, gradients: np.ndarray | None) -> Iterator[tuple[tuple[int, ...], float, float | str]]:
    """Return index, value and gradient of each number of an ``array``; no gradient where there is none."""
    for index, value in np.ndenumerate(array):
        yield index, float(value), "" if gradients is None else float(gradients[index])
