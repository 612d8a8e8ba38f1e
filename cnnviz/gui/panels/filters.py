"""The weights and biases of every convolution, or how the cost changes with them."""

from typing import ClassVar

import numpy as np
from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from cnnviz.explain.places import Place
from cnnviz.gui.cell_text import describe_with_batch
from cnnviz.gui.panels.canvas_panel import CanvasPanel, table
from cnnviz.gui.panels.panel import Row
from cnnviz.gui.theme import GRID, Theme
from cnnviz.gui.tile_groups import Role, TileGroup, cells_apart, filter_bank, parameter_count
from cnnviz.gui.tiles import largest_magnitude, nice_ceiling
from cnnviz.gui.workbench import Workbench
from cnnviz.nn import Conv2D, Parameters
from cnnviz.training.snapshot import Snapshot

WEIGHTS, GRADIENTS = "Weights", "Gradients"
_HEADING = ("layer", "parameter", "filter", "channel", "row", "column", "value", "gradient of the batch")


class FiltersPanel(CanvasPanel):
    """Every filter of every convolution layer: a row a filter, a column an input channel, its bias behind it."""

    name: ClassVar[str] = "filters"
    title: ClassVar[str] = "Filters"
    canvas_name: ClassVar[str] = "Filters and biases"
    about: ClassVar[str] = (
        "The weights that slide over the image: a row is one filter, its columns the channels that it looks at, the "
        "single cell behind them its bias. The scale is fixed and centred on zero, so that growing weights are seen to "
        "grow."
    )

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench, parent)
        self.shown = QComboBox()
        self.shown.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
        self.shown.addItems([WEIGHTS, GRADIENTS])
        self.shown.setAccessibleName("What the filters show")
        self.shown.setToolTip("Weights: what is learnt.\nGradients: of the mean cost of the latest training batch.")
        self.shown.currentTextChanged.connect(self._refresh)
        self.note = QLabel("No gradient yet: it comes with the next training step")
        self.note.setProperty("role", "muted")
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
        self.setTabOrder(self.shown, self.canvas)
        workbench.run_started.connect(self._forget_scales)

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self.canvas.apply_theme(theme)

    def numbers(self) -> list[Row]:
        """Return a row for each weight and bias, with the gradient of the latest batch's cost by it."""
        if self._snapshot is None:
            return []
        gradients, rows = self._snapshot.gradients, [_HEADING]
        for layer in _convolutions(self._snapshot):
            for name, values in self._snapshot.parameters[layer].items():
                for index, value, gradient in table(values, None if gradients is None else gradients[layer][name]):
                    filter_, *rest = index
                    rows.append((layer, name, filter_, *(rest or ("", "", "")), value, gradient))
        return rows

    def _groups(self, snapshot: Snapshot) -> list[TileGroup]:
        values = snapshot.parameters if self.shown.currentText() == WEIGHTS else snapshot.gradients
        self.note.setVisible(values is None)
        if values is None:
            return []
        return [group for layer in _convolutions(snapshot) for group in self._groups_of(snapshot, layer, values)]

    def _groups_of(self, snapshot: Snapshot, layer: str, parameters: Parameters) -> list[TileGroup]:
        """Return the filters of a ``layer``, and its biases if it has any."""
        weights, bias = parameters[layer]["weight"], parameters[layer].get("bias")
        filters, channels, height, width = weights.shape
        formula, total = parameter_count(snapshot.network.parameter_shapes[layer])
        scale = self._scale(layer, *parameters[layer].values())
        title = f"{layer}: {filters} filters of {channels}\u00d7{height}\u00d7{width}"
        count = f"{formula} parameters"
        groups = [
            TileGroup(
                f"{layer}/weight",
                weights.shape,
                filter_bank,
                filter_bank(weights),
                ((title, layer), (count, f"{total} parameters", total)),
                title if bias is None else f"{title} and {bias.size} biases\nParameters: {formula}",
                scale=scale,
                run=channels,
            )
        ]
        if bias is not None:
            lay = cells_apart
            groups.append(TileGroup(f"{layer}/bias", bias.shape, lay, lay(bias), scale=scale, role=Role.BESIDE))
        return groups

    def _scale(self, layer: str, *arrays: np.ndarray) -> float:
        """Return the scale of a layer: it only ever grows within a run, so that colours can be compared over time."""
        key = (self.shown.currentText(), layer)
        largest = max(largest_magnitude(array) for array in arrays)
        self._scales[key] = max(self._scales.get(key, 0.0), nice_ceiling(largest))
        return self._scales[key]

    def _describe(self, snapshot: Snapshot, place: Place) -> str:
        return describe_with_batch(snapshot, place)

    @Slot()
    def _forget_scales(self) -> None:
        self._scales.clear()


def _convolutions(snapshot: Snapshot) -> list[str]:
    return [name for name, layer in snapshot.network.layers.items() if isinstance(layer, Conv2D)]
