"""The whole chain of layers for one probe: what each hands on, or the gradient on its way back."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import ClassVar

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QSpinBox, QVBoxLayout, QWidget

from cnnviz.explain.fields import field_of
from cnnviz.explain.places import INPUT, Cell, Place, Probability, Weight
from cnnviz.explain.regions import Region
from cnnviz.gui.cell_text import describe
from cnnviz.gui.fields import settle
from cnnviz.gui.network_groups import LEFT_OUT, View, chain, channels_at_once, most_channels
from cnnviz.gui.panels.canvas_panel import CanvasPanel, table
from cnnviz.gui.panels.panel import Row
from cnnviz.gui.probabilities import ProbabilityBars, percent
from cnnviz.gui.readout import Pace, Readout
from cnnviz.gui.theme import GRID, Theme
from cnnviz.gui.tile_groups import TileGroup
from cnnviz.gui.tile_marks import Marks
from cnnviz.gui.tiles import figures
from cnnviz.gui.workbench import Workbench
from cnnviz.training.control import ProbeChoice
from cnnviz.training.snapshot import Snapshot, Trace

ACTIVATIONS, GRADIENTS = "Activations", "Gradients"
TEST, TRAINING, DRAWING = "Test digit", "Training", "Drawing"
_KINDS = {TEST: "test", TRAINING: "training", DRAWING: "drawing"}
_HEADING = ("layer", "channel or unit", "row", "column", "value", "gradient")


class NetworkPanel(CanvasPanel):
    """Filters and feature maps of every layer, left to right."""

    name: ClassVar[str] = "network"
    title: ClassVar[str] = "Network"
    canvas_name: ClassVar[str] = "Feature maps and filters"
    about: ClassVar[str] = (
        "The probe on its way through the layers, left to right, one tile a channel: orange above zero, blue below. "
        "The small tiles before a convolution are its filters, of later ones the filter of the channel under the mouse "
        "or chosen; point at a cell to see what it was made of."
    )

    drawing_wanted = Signal()

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench, parent)
        self._pace_of_answers = Pace()
        self._view = View()
        self._fitted: tuple[object, QSize] | None = None  # shapes of the network and size for which the pages are
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, 0, GRID, GRID // 2)
        layout.setSpacing(GRID // 2)
        layout.addLayout(self._make_controls())
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.canvas, 1)
        row.addLayout(self._make_bars())
        layout.addLayout(row, 1)
        for before, after in pairwise((self.one_scale, self.canvas, self.bars)):
            self.setTabOrder(before, after)
        self.canvas.resized.connect(self._refresh)
        workbench.probe_changed.connect(self._follow_probe)
        workbench.subject_changed.connect(self._turn_to_subject)

    def _make_controls(self) -> QHBoxLayout:
        self.shown = self._combo([ACTIVATIONS, GRADIENTS], "What the tiles show")
        self.shown.setToolTip(
            "Activations: what each layer hands on, and its filters.\n"
            "Gradients: of the probe's cost, by each layer's output and by the filters."
        )
        self.shown.currentTextChanged.connect(self._refresh)
        self.kind = self._combo(list(_KINDS), "Probe")
        self.kind.setToolTip("The image that is followed: a test digit, the newest training digit, or your drawing")
        self.kind.activated.connect(self._choose_probe)
        self.index = QSpinBox()
        self.index.setRange(0, 99_999)
        self.index.setWrapping(True)
        self.index.setValue(self.workbench.probe.index)
        self.index.setMaximumWidth(10 * GRID)
        self.index.setAccessibleName("Number of the test digit")
        self.index.setToolTip("Which test digit is followed")
        settle(self.index)
        self.index.valueChanged.connect(self._choose_probe)
        self.page = self._combo([], "Channels")
        self.page.setToolTip("Which channels of the maps are shown: all of them would be too small to be made out")
        self.page.currentIndexChanged.connect(self._refresh)
        self.page.hide()
        self.answer = Readout()
        self.answer.setAccessibleName("Answer of the network")
        self.answer.setToolTip("What the probe is, what the network takes it for, and its cost in nats")
        self.one_scale = QCheckBox("One scale")
        self.one_scale.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.one_scale.setAccessibleName("One scale for all layers")
        self.one_scale.setToolTip(
            "On: all layers share one colour scale, and all filters another, so that layers can be compared.\n"
            "Off: each layer has a scale of its own, so that its maps can be compared."
        )
        self.one_scale.toggled.connect(self._refresh)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        for widget in (self.shown, self.kind, self.index, self.page):
            row.addWidget(widget)
        row.addWidget(self.answer, 1)
        row.addWidget(self.one_scale)
        return row

    def _combo(self, items: list[str], name: str) -> QComboBox:
        combo = QComboBox()
        combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
        combo.addItems(items)
        combo.setAccessibleName(name)
        return combo

    def _make_bars(self) -> QVBoxLayout:
        self.bars = ProbabilityBars(self)
        self.bars.setFixedWidth(11 * GRID)
        self.bars.setMaximumHeight(220)
        self.bars.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.bars.setToolTip("How likely the network takes the probe for each digit; click one to look into it")
        self.bars.pointed.connect(self._point_at_digit)
        self.bars.chosen.connect(self._choose_digit)
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

    # Showing

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the trace of ``snapshot``."""
        if self._pace_of_answers.is_due(rests=not self.workbench.is_running):
            self.answer.setText(_answer(snapshot.trace))
        self.bars.show_probabilities(snapshot.trace.probabilities)
        super().show_snapshot(snapshot)

    def numbers(self) -> list[Row]:
        """Return a row for each number that a layer handed on, with the gradient of the probe's cost by it."""
        if self._snapshot is None:
            return []
        trace, rows = self._snapshot.trace, [_HEADING]
        left_out = {name for name, layer in self._snapshot.network.layers.items() if isinstance(layer, LEFT_OUT)}
        layers = {INPUT: (trace.inputs, trace.input_gradient)}
        layers |= {n: (y, trace.output_gradients[n]) for n, y in trace.outputs.items() if n not in left_out}
        for name, (values, gradients) in layers.items():
            for index, value, gradient in table(values, gradients):
                row, column = index[:2] if len(index) == 3 else ("", "")
                rows.append((name, index[-1], row, column, value, gradient))
        return rows + [("probabilities", digit, "", "", float(p), "") for digit, p in enumerate(trace.probabilities)]

    def _groups(self, snapshot: Snapshot) -> list[TileGroup]:
        self._fit(snapshot)
        self._view = replace(
            self._view,
            gradients=self.shown.currentText() == GRADIENTS,
            one_scale=self.one_scale.isChecked(),
            channels=self.page.currentData() or slice(None),
        )
        return chain(snapshot, self._view)

    def _fit(self, snapshot: Snapshot) -> None:
        """Offer as many pages of channels as it takes for tiles in which something can be made out."""
        fitted = snapshot.network.output_shapes, self.canvas.size()
        if fitted == self._fitted:
            return
        self._fitted = fitted
        count, most = channels_at_once(snapshot, self.canvas.width(), self.canvas.height()), most_channels(snapshot)
        pages = [slice(first, min(first + count, most)) for first in range(0, most, count)]
        if pages != [self.page.itemData(index) for index in range(self.page.count() - 1)]:
            with QSignalBlocker(self.page):
                self.page.clear()
                for part in pages:
                    self.page.addItem(f"{part.start}\u2013{part.stop - 1}", part)
                self.page.addItem(f"all {most}", slice(None))
            self.page.setVisible(len(pages) > 1)

    def _describe(self, snapshot: Snapshot, place: Place) -> str:
        return describe(snapshot, place)

    # Pointing and choosing

    def _show_marks(self, marks: Marks) -> None:
        subject = {} if marks.subject is None else field_of(self._snapshot.network, marks.subject)
        filters = _filters_of(marks.subject, subject) | _filters_of(marks.pointed, marks.lit)
        if filters != self._view.filters:
            self._view = replace(self._view, filters=filters)
            self._refresh()
        super()._show_marks(marks)
        self.bars.mark(_digit_of(marks.pointed), _digit_of(marks.subject))

    @Slot(object)
    def _point_at_digit(self, digit: int | None) -> None:
        self._point_at(None if digit is None else Probability(digit))

    @Slot(int)
    def _choose_digit(self, digit: int) -> None:
        self.workbench.choose(Probability(digit))

    @Slot()
    def _turn_to_subject(self) -> None:
        """Show the channels among which the one is that was chosen."""
        subject = self.workbench.subject
        parts = [self.page.itemData(index) for index in range(self.page.count() - 1)]
        if (
            len(parts) > 1
            and isinstance(subject, Cell)
            and len(subject.index) == 3
            and self.page.currentIndex() < len(parts)
        ):
            self.page.setCurrentIndex(subject.index[2] // parts[0].stop)

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


def _filters_of(place: Place | None, field: Mapping[str, Region]) -> dict[str, int]:
    """Return convolution -> its only filter that has to do with ``place``, whose field is given."""
    if isinstance(place, Weight):
        return {place.layer: place.index[0]}
    parts = {key.partition("/")[0]: region[0] for key, region in field.items() if key.endswith("/weight")}
    return {layer: part.start for layer, part in parts.items() if part.stop - part.start == 1}


def _digit_of(place: Place | None) -> int | None:
    return place.digit if isinstance(place, Probability) else None


def _answer(trace: Trace) -> str:
    """Return what the probe is and what the network takes it for."""
    best = int(trace.probabilities.argmax())
    taken = f"taken for {best} ({percent(trace.probabilities[best])})"
    if trace.probe.label is None:
        return f"{taken}; gradients as if {trace.target} were right"
    return f"{trace.probe.label}, {taken}, cost {_cost_text(trace.loss)}"


def _cost_text(cost: float) -> str:
    """Return ``cost`` in nats with three decimals, which seldom change their width; a tiny one with two figures."""
    return figures(cost, 2) if 0 < cost < 0.0005 else f"{cost:.3f}"
