"""Max pooling and the gradient's way back through it."""

import math
from typing import ClassVar

import numpy as np
from PySide6.QtCore import QRect, QSignalBlocker, QSize, Qt, Slot
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QApplication, QComboBox, QHBoxLayout, QLabel, QPushButton, QSpinBox, QWidget

from cnnviz.gui.fields import settle
from cnnviz.gui.panels.panel import Panel
from cnnviz.gui.pooling import (
    WIDEST_SUMS,
    PooledChannel,
    conservation_text,
    facts_text,
    pooling_layers,
    strongest_channel,
    surplus_text,
    window_text,
)
from cnnviz.gui.readout import Readout
from cnnviz.gui.routing_canvas import RoutingCanvas
from cnnviz.gui.routing_layout import CAPTION, MapShapes, RoutingLayout, arrange_maps
from cnnviz.gui.theme import GRID, TEXT, Theme, small_font
from cnnviz.gui.window_strip import LEAST_ROW, WindowStrip
from cnnviz.gui.workbench import Workbench
from cnnviz.training.snapshot import Snapshot

NOTHING_YET = "The gradient's way back through max pooling appears here as soon as the data are loaded"
NO_POOLING = "This network has no max pooling layer, so there is no routing to show"
_SUMS = TEXT + 5  # pixels of the line of sums
_GAP = GRID // 4


class RoutingPanel(Panel):
    """Which cell of each window won, and that the gradient goes to the winners.

    Attributes
    ----------
    layer : QComboBox
        The pooling layer; shown only where there are several.
    channel : QSpinBox
    canvas : RoutingCanvas
    sums, facts : Readout
        That the gradient is conserved; ties, and winners that changed.
    strip : WindowStrip
        The window under the mouse.
    """

    name: ClassVar[str] = "routing"
    title: ClassVar[str] = "Max-pool routing"
    about: ClassVar[str] = (
        "Max pooling keeps the largest value of each window (dot), and hands the gradient of the cost that arrives "
        "there back to the cell that won; the others get nothing. Orange is above zero and blue below; in hatched "
        "windows all is zero, so that nobody won by merit."
    )

    interval: ClassVar[float] = 0.09

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench, parent)
        self._snapshot: Snapshot | None = None
        self._previous: Snapshot | None = None
        self._pooled: PooledChannel | None = None
        self._layout: RoutingLayout | None = None
        self._offered: tuple[str, str] | None = None  # network and layer that the channels are offered of
        self._make_controls()
        self._make_picture()
        self._show_sentence(NOTHING_YET)

    def _make_controls(self) -> None:
        self.layer = QComboBox()
        self.layer.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
        self.layer.setAccessibleName("Pooling layer")
        self.layer.setToolTip("Which max pooling layer is shown")
        self.layer.currentTextChanged.connect(self._refresh)
        self.kind = QLabel()
        self.kind.setProperty("role", "muted")
        self.channel = QSpinBox()
        self.channel.setPrefix("channel ")
        self.channel.setWrapping(True)
        self.channel.setAccessibleName("Channel")
        self.channel.setToolTip("Which channel is shown, counted from 0 (wheel over the maps; \u2190 \u2192 in them)")
        settle(self.channel)
        self.channel.valueChanged.connect(self._refresh)
        self.strongest = QPushButton("Strongest")
        self.strongest.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.strongest.setAccessibleName("Strongest channel")
        self.strongest.setToolTip("Show the channel at which the largest gradient arrives now")
        self.strongest.clicked.connect(self._choose_strongest)
        self._controls = QWidget(self)
        row = QHBoxLayout(self._controls)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        for widget in (self.layer, self.channel, self.strongest, self.kind):
            row.addWidget(widget)
        row.addStretch(1)

    def _make_picture(self) -> None:
        self.canvas = RoutingCanvas(self)
        self.canvas.setAccessibleName("Maps of max pooling")
        self.canvas.pointed.connect(self._on_pointed)
        self.canvas.channel_stepped.connect(self._step_channel)
        self.sums = Readout(parent=self)
        self.sums.setAccessibleName("Sums of the gradients")
        self.sums.setToolTip(
            "Routing neither makes nor loses gradient: what arrives at the maxima is what their cells are handed"
        )
        top = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
        self.facts = Readout(alignment=top, muted=True, parent=self)
        self.facts.setFont(small_font())
        self.facts.setAccessibleName("Ties and changes")
        self.facts.setToolTip(
            "Tied: several cells hold the maximum. Silent: all cells are zero.\n"
            "New winners: windows in which another cell won than in the previous picture."
        )
        self.strip = WindowStrip(self)

    # What is shown

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the routing in the trace of ``snapshot``."""
        if snapshot is not self._snapshot:
            self._previous, self._snapshot = self._snapshot, snapshot
        self._refresh()

    @Slot()
    def _refresh(self) -> None:
        """Show what is chosen of the newest snapshot."""
        if self._snapshot is None:
            return
        layers = pooling_layers(self._snapshot.network)
        if not layers:
            self._show_sentence(NO_POOLING)
            return
        self._offer_layers(layers)
        with np.errstate(over="ignore", invalid="ignore"):  # a network that is about to diverge
            self._offer_channels(self._snapshot, self.layer.currentText())
            self._pooled = self._chosen_of(self._snapshot)
            self._show_pooled()

    def _offer_layers(self, layers: list[str]) -> None:
        if [self.layer.itemText(i) for i in range(self.layer.count())] != layers:
            with QSignalBlocker(self.layer):
                self.layer.clear()
                self.layer.addItems(layers)
            self.layer.setVisible(len(layers) > 1)

    def _offer_channels(self, snapshot: Snapshot, layer: str) -> None:
        """Offer the channels of ``layer``, the strongest first where the layer was not shown before."""
        if (snapshot.network.name, layer) == self._offered:
            return
        self._offered = (snapshot.network.name, layer)
        channels = snapshot.network.output_shapes[layer][2]
        pool = snapshot.network.layers[layer]
        with QSignalBlocker(self.channel):
            self.channel.setSuffix(f"  (0\u2013{channels - 1})")
            self.channel.setRange(0, channels - 1)
            self.channel.setValue(strongest_channel(snapshot.trace.output_gradients[layer]))
        self.kind.setText(f"{layer}, {pool.size}\u00d7{pool.size}")

    def _chosen_of(self, snapshot: Snapshot) -> PooledChannel:
        layer = self.layer.currentText()
        return PooledChannel.of(snapshot.trace, snapshot.network.layers[layer], layer, self.channel.value())

    def _show_pooled(self) -> None:
        """Show the maps, the sentences on them and the window under the mouse."""
        pooled = self._pooled
        self._tell(pooled)
        for widget in (self._controls, self.sums, self.strip):
            widget.show()
        self._arrange()
        self.canvas.show_channel(pooled, self._layout)
        self._show_window()

    def _tell(self, pooled: PooledChannel) -> None:
        """Put into words what the maps show."""
        lines = [surplus_text(pooled), facts_text(pooled, self._changed_winners(pooled))]
        self.sums.setText(conservation_text(pooled))
        self.facts.setText("\n".join(line for line in lines if line))

    def _changed_winners(self, pooled: PooledChannel) -> int | None:
        """Return in how many windows others won in the snapshot before; None where that was another run's."""
        previous = self._previous
        if previous is None or previous.network is not self._snapshot.network:
            return None
        return pooled.changed_since(self._chosen_of(previous))

    def _show_sentence(self, sentence: str) -> None:
        self._pooled = self._layout = None
        for widget in (self._controls, self.sums, self.facts, self.strip):
            widget.hide()
        self._arrange()
        self.canvas.show_sentence(sentence)

    def _show_window(self) -> None:
        """Show the window under the mouse in numbers."""
        window = self.canvas.window
        self.strip.show_window(self._pooled, self._layout, window)
        if window is not None:
            self.hovered.emit(window_text(self._pooled, window))

    # What the user does

    @Slot()
    def _choose_strongest(self) -> None:
        if self._pooled is not None:
            gradients = self._snapshot.trace.output_gradients[self._pooled.layer]
            self.channel.setValue(strongest_channel(gradients))

    @Slot(int)
    def _step_channel(self, steps: int) -> None:
        if self._pooled is not None:
            self.channel.stepBy(steps)

    @Slot()
    def _on_pointed(self) -> None:
        if self.canvas.window is None:
            self.hovered.emit("")
        if self._pooled is not None and self.canvas.pooled is not None:
            self._arrange()
            self._show_window()

    # The picture

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self.canvas.apply_theme(theme)
        self.strip.apply_theme(theme)
        self._fit_sums()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size at which published networks are pleasant to look at."""
        return QSize(380, 290)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the least size in which all is legible."""
        return QSize(344, 232)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Find new places."""
        self._fit_sums()
        self._arrange()
        if self._pooled is not None:
            self.canvas.show_channel(self._pooled, self._layout)
            self._show_window()

    def _fit_sums(self) -> None:
        """Write the sums in the size of text where sums of any magnitude fit, else in that of captions."""
        text = QApplication.font()
        fits = QFontMetrics(text).horizontalAdvance(WIDEST_SUMS) <= self.width() - 2 * GRID
        self.sums.setFont(text if fits else small_font())

    def _arrange(self) -> None:
        """Put the controls on top, the maps as large as fits, and the texts under them."""
        area = self.rect().adjusted(0, 0, 0, -_GAP)
        if self._pooled is None:
            self.canvas.setGeometry(area)
            return
        controls = self._controls.sizeHint().height()
        self._controls.setGeometry(GRID, 0, area.width() - 2 * GRID, controls)
        area.setTop(controls + _GAP)
        table, facts = self._text_heights()
        room = area.height() - _GAP - _SUMS - max(table, facts + CAPTION)
        self._layout = arrange_maps(MapShapes.of(self._pooled), area.width(), room, self.devicePixelRatioF())
        height = math.ceil(self._layout.height)
        self.canvas.setGeometry(area.x(), area.y(), area.width(), height)
        area.setTop(area.top() + height + _GAP)
        self._arrange_texts(area, table, facts)

    def _text_heights(self) -> tuple[int, int]:
        """Return how high the table of a window is at the least, and the facts."""
        return LEAST_ROW * self._pooled.pool.size, CAPTION * (self.facts.text().count("\n") + 1)

    def _arrange_texts(self, area: QRect, table: int, facts: int) -> None:
        """Put the texts into ``area``; where there is little room, a window takes the place of the facts."""
        width = area.width() - 2 * GRID
        self.sums.setGeometry(GRID, area.y(), width, _SUMS)
        area.setTop(area.top() + _SUMS)
        self.facts.setGeometry(GRID, area.y(), width, facts)
        crowded = area.height() < facts + table
        self.facts.setVisible(not crowded or self.canvas.window is None)
        if not self.facts.isHidden():
            area.setTop(area.top() + facts)
        self.strip.setGeometry(area)
