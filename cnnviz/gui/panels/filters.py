"""The weights of every convolution, or how the cost changes with them."""

from functools import partial
from typing import ClassVar

import numpy as np
from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from cnnviz.gui.panels.panel import Panel
from cnnviz.gui.theme import GRID, Theme
from cnnviz.gui.tile_canvas import TileCanvas, TileGroup
from cnnviz.gui.tiles import Coloring, largest_magnitude, nice_ceiling, number
from cnnviz.gui.workbench import Workbench
from cnnviz.nn import Conv2D
from cnnviz.training.snapshot import Snapshot

WEIGHTS, GRADIENTS = "Weights", "Gradients"


class FiltersPanel(Panel):
    """Every filter of every convolution layer: a row a filter, a column an input channel."""

    name: ClassVar[str] = "filters"
    title: ClassVar[str] = "Filters"
    about: ClassVar[str] = (
        "The weights that slide over the image: a row is one filter, its columns the channels that it looks at. The "
        "scale is fixed and centred on zero, so that growing weights are seen to grow."
    )

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench, parent)
        self.canvas = TileCanvas(self)
        self.canvas.setAccessibleName("Filters")
        self.canvas.hovered.connect(self.hovered)
        self.shown = QComboBox()
        self.shown.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
        self.shown.addItems([WEIGHTS, GRADIENTS])
        self.shown.setAccessibleName("What the filters show")
        self.shown.setToolTip("Weights: what is learnt.\nGradients: of the mean cost of the latest training batch.")
        self.shown.currentTextChanged.connect(self._switch)
        self.note = QLabel("No gradient yet: it comes with the first training step")
        self.note.setProperty("role", "muted")
        self._snapshot: Snapshot | None = None
        self._scales: dict[tuple[str, str], float] = {}
        row = QHBoxLayout()
        row.addWidget(self.shown)
        row.addWidget(self.note)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, 0, GRID, GRID // 2)
        layout.setSpacing(GRID // 2)
        layout.addLayout(row)
        layout.addWidget(self.canvas, 1)
        workbench.run_started.connect(self._forget_scales)

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self.canvas.apply_theme(theme)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the filters of ``snapshot``."""
        self._snapshot = snapshot
        shown = self.shown.currentText()
        values = snapshot.parameters if shown == WEIGHTS else snapshot.gradients
        self.note.setVisible(values is None)
        self.canvas.set_groups(
            []
            if values is None
            else [
                self._group(snapshot, name, values[name]["weight"])
                for name, layer in snapshot.network.layers.items()
                if isinstance(layer, Conv2D)
            ]
        )

    def _group(self, snapshot: Snapshot, name: str, values: np.ndarray) -> TileGroup:
        filters, channels, height, width = values.shape
        bias = snapshot.parameters[name].get("bias")
        count = int(values.size) + (0 if bias is None else bias.size)
        gradients = None if snapshot.gradients is None else snapshot.gradients[name]["weight"]
        return TileGroup(
            name,
            f"{name}: {filters} filters of {channels}\u00d7{height}\u00d7{width}",
            f"{count:,} parameters",
            values.reshape(-1, height, width),
            partial(_describe_weight, name, snapshot.parameters[name]["weight"], gradients),
            Coloring.SIGNED,
            self._scale(name, values),
            columns=channels if channels > 1 else None,
        )

    def _scale(self, name: str, values: np.ndarray) -> float:
        """Return the scale of a layer: it only ever grows within a run, so that colours can be compared over time."""
        key = (self.shown.currentText(), name)
        self._scales[key] = max(self._scales.get(key, 0.0), nice_ceiling(largest_magnitude(values)))
        return self._scales[key]

    @Slot()
    def _forget_scales(self) -> None:
        self._scales.clear()

    @Slot()
    def _switch(self) -> None:
        if self._snapshot is not None:
            self.show_snapshot(self._snapshot)


def _describe_weight(
    name: str, weights: np.ndarray, gradients: np.ndarray | None, tile: int, row: int, column: int
) -> str:
    filter_, channel = divmod(tile, weights.shape[1])
    index = (filter_, channel, row, column)
    gradient = "" if gradients is None else f"   gradient {number(gradients[index])}"
    return f"{name}, filter {filter_}, channel {channel}, ({row}, {column}): {number(weights[index])}{gradient}"
