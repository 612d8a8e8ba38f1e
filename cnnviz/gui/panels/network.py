"""The whole chain of layers for one probe: what each hands on, or the gradient on its way back."""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSpinBox, QVBoxLayout, QWidget

from cnnviz.gui.fields import settle
from cnnviz.gui.panels.panel import Panel
from cnnviz.gui.probabilities import ProbabilityBars
from cnnviz.gui.readout import Pace, Readout
from cnnviz.gui.theme import GRID, Theme
from cnnviz.gui.tile_canvas import TileCanvas, TileGroup
from cnnviz.gui.tiles import Coloring, largest_magnitude, nice_ceiling, number
from cnnviz.gui.workbench import Workbench
from cnnviz.nn import Flatten
from cnnviz.training.control import ProbeChoice
from cnnviz.training.snapshot import Snapshot, Trace

ACTIVATIONS, GRADIENTS = "Activations", "Gradients"
TEST, TRAINING, DRAWING = "Test digit", "Training digit", "Drawing"
_KINDS = {TEST: "test", TRAINING: "training", DRAWING: "drawing"}


class NetworkPanel(Panel):
    """Feature maps of every layer, left to right."""

    name: ClassVar[str] = "network"
    title: ClassVar[str] = "Network"
    about: ClassVar[str] = (
        "The probe on its way through the layers, left to right: one tile a channel, orange above zero and blue below, "
        "one scale a layer. Switched to gradients it shows how much the cost would rise if that cell grew a little."
    )

    drawing_wanted = Signal()

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench, parent)
        self.canvas = TileCanvas(self)
        self.canvas.setAccessibleName("Feature maps")
        self.canvas.hovered.connect(self.hovered)
        self._snapshot: Snapshot | None = None
        self._pace_of_answers = Pace()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, 0, GRID, GRID // 2)
        layout.setSpacing(GRID // 2)
        layout.addLayout(self._make_controls())
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.canvas, 1)
        row.addLayout(self._make_bars())
        layout.addLayout(row, 1)
        workbench.probe_changed.connect(self._follow_probe)

    def _make_controls(self) -> QHBoxLayout:
        self.shown = QComboBox()
        self.shown.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
        self.shown.addItems([ACTIVATIONS, GRADIENTS])
        self.shown.setAccessibleName("What the tiles show")
        self.shown.setToolTip("Activations: what each layer hands on.\nGradients: of the cost, by each layer's output.")
        self.shown.currentTextChanged.connect(self._refresh)
        self.kind = QComboBox()
        self.kind.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
        self.kind.addItems(list(_KINDS))
        self.kind.setAccessibleName("Probe")
        self.kind.setToolTip("The image that is followed: a test digit, the newest training digit, or your drawing")
        self.kind.activated.connect(self._choose_probe)
        self.index = QSpinBox()
        self.index.setRange(0, 99_999)
        self.index.setWrapping(True)
        self.index.setValue(self.workbench.probe.index)
        self.index.setAccessibleName("Number of the test digit")
        self.index.setToolTip("Which test digit is followed")
        settle(self.index)
        self.index.valueChanged.connect(self._choose_probe)
        self.answer = Readout()
        self.answer.setAccessibleName("Answer of the network")
        row = QHBoxLayout()
        row.setSpacing(GRID)
        for widget in (self.shown, self.kind, self.index):
            row.addWidget(widget)
        row.addWidget(self.answer, 1)
        return row

    def _make_bars(self) -> QVBoxLayout:
        self.bars = ProbabilityBars(self)
        self.bars.setFixedWidth(11 * GRID)
        self.bars.setMaximumHeight(220)
        self.bars.hovered.connect(self.hovered)
        caption = QLabel("probabilities")
        caption.setProperty("role", "small")
        column = QVBoxLayout()
        column.setSpacing(GRID // 2)
        column.addWidget(caption)
        column.addWidget(self.bars, 1)
        column.addStretch(0)
        return column

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self.canvas.apply_theme(theme)
        self.bars.apply_theme(theme)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the trace of ``snapshot``."""
        self._snapshot = snapshot
        if self._pace_of_answers.is_due(rests=not self.workbench.is_running):
            self.answer.setText(_answer(snapshot.trace))
        self.bars.show_probabilities(snapshot.trace.probabilities)
        self._refresh()

    @Slot()
    def _refresh(self) -> None:
        if self._snapshot is not None:
            show = activation_groups if self.shown.currentText() == ACTIVATIONS else gradient_groups
            self.canvas.set_groups(show(self._snapshot))

    @Slot()
    def _choose_probe(self) -> None:
        kind = _KINDS[self.kind.currentText()]
        self.index.setVisible(kind == "test")
        if kind == "drawing":
            self.drawing_wanted.emit()
            self._follow_probe()  # an empty pad is followed from its first stroke on
        else:
            self.workbench.set_probe(ProbeChoice(kind, self.index.value()))

    @Slot()
    def _follow_probe(self) -> None:
        """Show which probe was chosen elsewhere."""
        kind = self.workbench.probe.kind
        self.kind.setCurrentText(next(text for text, value in _KINDS.items() if value == kind))
        with QSignalBlocker(self.index):
            self.index.setValue(self.workbench.probe.index)
        self.index.setVisible(kind == "test")


def _answer(trace: Trace) -> str:
    """Return what the probe is and what the network takes it for."""
    best = int(trace.probabilities.argmax())
    taken = f"taken for {best} ({trace.probabilities[best]:.0%})"
    if trace.probe.label is None:
        return f"{taken}; gradients for {best}"
    return f"is {trace.probe.label}, {taken}, cost {trace.loss:.3f} nats"


def activation_groups(snapshot: Snapshot) -> list[TileGroup]:
    """Return the input and what each layer hands on."""
    trace = snapshot.trace
    groups = [_input_group(trace, trace.inputs, Coloring.GREY)]
    return groups + _layer_groups(snapshot, trace.outputs)


def gradient_groups(snapshot: Snapshot) -> list[TileGroup]:
    """Return the gradients of the cost by the input and by each layer's output."""
    trace = snapshot.trace
    groups = [_input_group(trace, trace.input_gradient, Coloring.SIGNED)]
    return groups + _layer_groups(snapshot, trace.output_gradients)


def _input_group(trace: Trace, values: np.ndarray, coloring: Coloring) -> TileGroup:
    image = np.moveaxis(values, 2, 0)
    if coloring is Coloring.GREY:  # shown as drawn; the numbers that the network is given are in the status bar
        image, scale = trace.probe.image[np.newaxis], 255.0
    else:
        scale = nice_ceiling(largest_magnitude(image))
    describe = _cell_description("input", trace.inputs, trace.input_gradient)
    return TileGroup("input", "input", "28\u00d728", image, describe, coloring, scale)


def _layer_groups(snapshot: Snapshot, values: dict[str, np.ndarray]) -> list[TileGroup]:
    """Return one group a layer; Flatten, which only lays cells out anew, is left out."""
    trace = snapshot.trace
    return [
        TileGroup(
            name,
            name,
            shape_text(values[name].shape),
            _as_tiles(values[name]),
            _cell_description(name, trace.outputs[name], trace.output_gradients[name]),
            Coloring.SIGNED,
            nice_ceiling(largest_magnitude(values[name])),
        )
        for name, layer in snapshot.network.layers.items()
        if not isinstance(layer, Flatten)
    ]


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a layer's shape as people write it: "8 @ 24x24", or "128"."""
    if len(shape) == 1:
        return f"{shape[0]}"
    height, width, channels = shape
    return f"{channels} @ {height}\u00d7{width}"


def _as_tiles(values: np.ndarray) -> np.ndarray:
    """Return maps (H, W, C) as (C, H, W), and a vector as one upright strip of up to 32 rows."""
    if values.ndim == 3:
        return np.moveaxis(values, 2, 0)
    return values.reshape(1, _strip_rows(values.size), -1)


def _strip_rows(size: int) -> int:
    return 32 if size % 32 == 0 else size


def _cell_description(name: str, values: np.ndarray, gradients: np.ndarray) -> Callable[[int, int, int], str]:
    return partial(_describe_cell, name, values, gradients)


def _describe_cell(name: str, values: np.ndarray, gradients: np.ndarray, tile: int, row: int, column: int) -> str:
    if values.ndim == 3:
        place, index = f"{name}, channel {tile}, ({row}, {column})", (row, column, tile)
    else:
        unit = row * (values.size // _strip_rows(values.size)) + column
        place, index = f"{name}, unit {unit}", (unit,)
    return f"{place}: {number(values[index])}   gradient {number(gradients[index])}"
