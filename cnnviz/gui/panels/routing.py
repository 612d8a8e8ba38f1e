"""Max pooling and the gradient's way back through it."""

import math
from dataclasses import replace
from typing import ClassVar

import numpy as np
from PySide6.QtCore import QRect, QSize, Qt, Slot
from PySide6.QtGui import QHideEvent, QResizeEvent
from PySide6.QtWidgets import QPushButton, QWidget

from cnnviz.explain.places import INPUT, Cell
from cnnviz.explain.routing import Passage, Routing, passage_in_batch, pooled_of_image
from cnnviz.gui.batch_routing import BatchRouting
from cnnviz.gui.panels.panel import Panel, Row
from cnnviz.gui.pooling import (
    PooledChannel,
    changed_text,
    pooling_layers,
    strongest_channel,
    sums_text,
    tied_text,
    window_text,
)
from cnnviz.gui.readout import Readout
from cnnviz.gui.routing_canvas import RoutingCanvas
from cnnviz.gui.routing_controls import RoutingControls
from cnnviz.gui.routing_layout import ARRIVING, CAPTION, MAXIMA, MapShapes, RoutingLayout, arrange_maps
from cnnviz.gui.routing_meter import LEAST_ROW as LEAST_METER_ROW
from cnnviz.gui.routing_meter import RoutingMeter
from cnnviz.gui.theme import GRID, SMALL, Theme, small_font
from cnnviz.gui.window_strip import LEAST_ROW, WindowStrip
from cnnviz.gui.workbench import Workbench
from cnnviz.nn import TIES, MaxPool2D
from cnnviz.training.snapshot import Snapshot

NOTHING_YET = "The gradient's way back through max pooling appears here as soon as the data are loaded"
NO_POOLING = "This network has no max pooling layer, so there is no routing to show"
NO_BATCH = "No batch at hand: Space trains, Right learns one"
_LARGE_CELL = 6  # pixels; maps of such cells leave what room there is to the texts
_METER_ROW = 16  # pixels of the meter's rows where there is room
_SMALL_BUTTON = f"font-size: {SMALL}px; padding: 0 6px; min-height: 12px;"
_GAP = GRID // 4
_LINE, _OVERLAP = 13, 1  # pixels of a line of the facts; that the last one may reach further down


class RoutingPanel(Panel):
    """Which cell of each window won, and that the gradient goes to the winners.

    Attributes
    ----------
    controls : RoutingControls
        Which image, layer and channel are shown.
    canvas : RoutingCanvas
    meter : RoutingMeter
        How much gradient comes in and goes out, under each tie policy; which of them is shown.
    facts : Readout
        Ties, winners that changed, and the sums.
    adopt : QPushButton
        Begins a run with the policy that is shown, if that is another one.
    strip : WindowStrip
        The window under the mouse.
    """

    name: ClassVar[str] = "routing"
    title: ClassVar[str] = "Max-pool routing"
    about: ClassVar[str] = (
        "Max pooling keeps the largest value of each window (dot), and hands the gradient of the cost that arrives "
        "there back to the cell that won; in hatched windows all is zero, so that nobody won by merit. Orange is above "
        "zero and blue below; the bars compare what arrives (pale) with what is handed out, by who gets it when cells "
        "tie: the first of them, all in full, or all in equal parts."
    )

    interval: ClassVar[float] = 0.09

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench, parent)
        self._snapshot: Snapshot | None = None
        self._previous: Snapshot | None = None  # of another step, or other parameters
        self._pooled: PooledChannel | None = None
        self._passage: Passage | None = None  # of the image that is shown, all channels
        self._ties: str | None = None  # what if; None: the network's own
        self._layout: RoutingLayout | None = None
        self._offered: tuple[str, str] | None = None  # network and layer that the channels are offered of
        self._batch = BatchRouting(self)
        self._batch.ready.connect(self._show_figures)
        self.controls = RoutingControls(self)
        self.controls.changed.connect(self._refresh)
        self.controls.source_changed.connect(self._change_source)
        self.controls.strongest_wanted.connect(self._choose_strongest)
        self._make_picture()
        self._make_figures()
        self._show_sentence(NOTHING_YET)
        workbench.run_started.connect(self._take_own_ties)

    def _make_picture(self) -> None:
        self.canvas = RoutingCanvas(self)
        self.canvas.setAccessibleName("Maps of max pooling")
        self.canvas.setAccessibleDescription(
            "Left and Right show another channel, Up and Down another image of a batch"
        )
        self.canvas.pointed.connect(self._on_pointed)
        self.canvas.clicked.connect(self._choose_cell)
        self.canvas.channel_stepped.connect(self._step_channel)
        self.canvas.image_stepped.connect(self._step_image)
        self.strip = WindowStrip(self)

    def _make_figures(self) -> None:
        self.meter = RoutingMeter(self)
        self.meter.chosen.connect(self._try_ties)
        self.meter.hovered.connect(self.hovered)
        top = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
        self.facts = Readout(alignment=top, muted=True, parent=self)
        self.facts.setFont(small_font())
        self.facts.setAccessibleName("Ties, changes and sums")
        self.facts.setToolTip(
            "Tied: several cells of a window hold the maximum. All zero: hatched windows; where a ReLU comes before,\n"
            "it lets nothing through of what these are handed.\n"
            "New winners: windows in which other cells win than before the latest change of the parameters.\n"
            "Of the probe, the windows of this channel are counted; of a batch, those of all its images and channels,\n"
            "which may come a moment later."
        )
        self.adopt = QPushButton("Train with it", self)
        self.adopt.setStyleSheet(_SMALL_BUTTON)
        self.adopt.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.adopt.setAccessibleName("Train with this tie policy")
        self.adopt.setToolTip("Begin anew with this tie policy, all other settings as they are")
        self.adopt.clicked.connect(self._train_with_ties)
        self.adopt.hide()

    # What is shown

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the routing in the trace of ``snapshot``, or in its batch."""
        if snapshot is not self._snapshot:
            if self._snapshot is None or not _is_same_moment(snapshot, self._snapshot):
                self._previous = self._snapshot
            self._snapshot = snapshot
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
        with np.errstate(over="ignore", invalid="ignore"):  # a network that is about to diverge
            self.controls.offer_layers(layers)
            self._offer_channels(self._snapshot)
            batch = self._snapshot.batch
            self.controls.offer_images(0 if batch is None else len(batch.labels))
            if self.controls.is_batch and batch is None:
                self._show_sentence(NO_BATCH)
                self.controls.show()
                return
            self._passage = self._chosen_passage()
            channel = self.controls.channel.value()
            self._pooled = PooledChannel.of(self._passage, self._pool, self._layer, channel, self._ties)
            self._show_pooled()

    @property
    def _layer(self) -> str:
        """The layer that is shown."""
        return self.controls.layer.currentText()

    @property
    def _pool(self) -> MaxPool2D:
        return self._snapshot.network.layers[self._layer]

    @property
    def shown_ties(self) -> str:
        """The tie policy that is shown."""
        return self._ties or self._pool.ties

    def _offer_channels(self, snapshot: Snapshot) -> None:
        """Offer the channels of the chosen layer, the strongest first where the layer was not shown before."""
        layer = self._layer
        if (snapshot.network.name, layer) != self._offered:
            self._offered = (snapshot.network.name, layer)
            count = snapshot.network.output_shapes[layer][2]
            chosen = strongest_channel(snapshot.trace.output_gradients[layer])
            self.controls.offer_channels(count, chosen, snapshot.network.layers[layer])

    def _chosen_passage(self) -> Passage:
        """Return what becomes of the probe, or of the chosen image of the batch."""
        if self.controls.is_batch:
            return passage_in_batch(self._snapshot, self._layer, self.controls.image.value())
        return Passage.of(self._snapshot.trace, self._layer)

    def _show_pooled(self) -> None:
        """Show the maps, the figures, and the window under the mouse."""
        self.controls.show()
        self._arrange()
        self._show_figures()
        self.canvas.show_channel(self._pooled, self._layout)
        self._show_window()

    @Slot()
    def _show_figures(self) -> None:
        """Show how much gradient comes and goes, and put the rest into words."""
        if self._pooled is None:
            return
        routing, ties = self._routing(), self.shown_ties
        self.meter.show_routing(routing, self._pool.ties, ties)
        self._write_facts()
        self.adopt.setText(f"Train with \u201c{ties}\u201d")

    def _routing(self) -> Routing | None:
        """Return the figures of the channel, or of the whole batch; None while those are not known."""
        earlier = self._earlier()
        if not self.controls.is_batch:
            channel = self._pooled.channel
            probe = self._snapshot.trace.probe.image
            before = None if earlier is None else pooled_of_image(earlier, self._layer, probe)[..., channel]
            return self._pooled.routing(before)
        if self.isVisible():
            self._batch.ask(self._snapshot, self._layer, earlier)
        return self._batch.routing

    def _earlier(self) -> Snapshot | None:
        """Return the moment that new winners are counted from; None where that was another run's."""
        previous = self._previous
        return None if previous is None or previous.network is not self._snapshot.network else previous

    def _write_facts(self) -> None:
        """Write what is said beside the meter, the most important first, as much as there is room for."""
        routing, ties = self.meter.routing, self.shown_ties
        if routing is None:
            self.facts.setText("Counting the whole batch\u2026")
            return
        lines = [tied_text(routing), changed_text(routing, ties), sums_text(routing, ties)]
        room = self.facts.height()
        if ties != self._pool.ties:
            lines[1:] = reversed(lines[1:])
            room -= self.adopt.height()
        if self.controls.is_batch:
            lines.insert(0, f"all {routing.images} images, {routing.channels} channels")
        self.facts.setText("\n".join([line for line in lines if line][: (room + _OVERLAP) // _LINE]))

    def _show_sentence(self, sentence: str) -> None:
        self._pooled = self._passage = self._layout = None
        for widget in (self.controls, self.meter, self.facts, self.adopt, self.strip):
            widget.hide()
        self._arrange()
        self.canvas.show_sentence(sentence)

    def _show_window(self) -> None:
        """Show the window under the mouse in numbers."""
        window = self.canvas.window
        self.strip.show_window(self._pooled, self._layout, window)
        if window is not None:
            self.hovered.emit(window_text(self._pooled, window))

    def numbers(self) -> list[Row]:
        """Return the cells of all windows of the channel."""
        return [] if self._pooled is None else self._pooled.rows()

    # What the user does

    @Slot()
    def _change_source(self) -> None:
        """Show the probe, or the batch, and let go of what is no longer asked for."""
        if not self.controls.is_batch:
            self._batch.forget()
        self._refresh()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Reckon nothing that nobody sees."""
        self._batch.forget()
        super().hideEvent(event)

    def finish(self) -> None:
        """Reckon nothing more; a panel that floats stays when the window closes."""
        self._batch.forget()

    @Slot()
    def _choose_strongest(self) -> None:
        if self._passage is not None:
            self.controls.channel.setValue(strongest_channel(self._passage.arriving))

    @Slot(int)
    def _step_channel(self, steps: int) -> None:
        if self._pooled is not None:
            self.controls.channel.stepBy(steps)

    @Slot(int)
    def _step_image(self, steps: int) -> None:
        if self._pooled is not None and self.controls.is_batch:
            self.controls.image.stepBy(steps)

    @Slot(str)
    def _try_ties(self, ties: str) -> None:
        """Show what the layer would do with another tie policy."""
        self._ties = ties
        self._refresh()

    @Slot()
    def _take_own_ties(self) -> None:
        """Show the next run with its own policy."""
        self._ties = None

    @Slot()
    def _train_with_ties(self) -> None:
        self.workbench.try_run(replace(self.workbench.config, ties=self.shown_ties))

    @Slot()
    def _on_pointed(self) -> None:
        self.workbench.point_at(self._cell())
        if self.canvas.window is None:
            self.hovered.emit("")
        if self._pooled is not None and self.canvas.pooled is not None:
            self._arrange()
            self._show_window()

    @Slot()
    def _choose_cell(self) -> None:
        if (cell := self._cell()) is not None:
            self.workbench.choose(cell)

    def _cell(self) -> Cell | None:
        """Return the number of the probe's trace that is under the mouse; None for images of a batch."""
        if self._pooled is None or self.canvas.cell is None or self.controls.is_batch:
            return None
        map_, row, column = self.canvas.cell
        names = list(self._snapshot.network.layers)
        index = names.index(self._layer)
        before = names[index - 1] if index else INPUT
        return Cell(self._layer if map_ in (MAXIMA, ARRIVING) else before, (row, column, self._pooled.channel))

    # The picture

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        for part in (self.canvas, self.meter, self.strip):
            part.apply_theme(theme)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size at which published networks are pleasant to look at."""
        return QSize(380, 290)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the least size in which all is legible."""
        return QSize(344, 232)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Find new places."""
        self.controls.fit(self.width() - 2 * GRID)
        self._arrange()
        if self._pooled is not None:
            self._write_facts()
            self.canvas.show_channel(self._pooled, self._layout)
            self._show_window()

    def _arrange(self) -> None:
        """Put the controls on top, the maps as large as fits, and figures and texts under them."""
        area = self.rect().adjusted(0, 0, 0, -_GAP)
        height = self.controls.sizeHint().height()
        self.controls.setGeometry(GRID, 0, area.width() - 2 * GRID, height)
        if self._pooled is None:
            self.canvas.setGeometry(area.adjusted(0, height + _GAP, 0, 0))
            return
        area.setTop(height + _GAP)
        self._layout = self._maps_in(area)
        height = math.ceil(self._layout.height)
        self.canvas.setGeometry(area.x(), area.y(), area.width(), height)
        area.setTop(area.top() + height + _GAP)
        self._arrange_texts(area.adjusted(GRID, 0, -GRID, 0))

    def _maps_in(self, area: QRect) -> RoutingLayout:
        """Return the maps as large as fits above the meter; above the table of a window too if they stay large."""
        shapes, ratio = MapShapes.of(self._pooled), self.devicePixelRatioF()
        room = area.height() - _GAP
        layout = arrange_maps(shapes, area.width(), room - _METER_ROW * len(TIES) - CAPTION - self._table(), ratio)
        if layout.cell >= _LARGE_CELL:
            return layout
        return arrange_maps(shapes, area.width(), room - LEAST_METER_ROW * len(TIES), ratio)

    def _table(self) -> int:
        """Return how high the table of a window is at the least."""
        return LEAST_ROW * self._pooled.pool.size

    def _arrange_texts(self, area: QRect) -> None:
        """Put figures and texts into ``area``; where there is little room, a window takes their place."""
        least = LEAST_METER_ROW * len(TIES)
        crowded = area.height() < least + GRID // 2 + self._table()
        figures = QRect(area)
        if not crowded:
            most = area.height() - GRID // 2 - self._table()
            figures.setHeight(min(most, _METER_ROW * len(TIES)))
        shown = not crowded or self.canvas.window is None
        self._arrange_figures(figures, shown)
        self.strip.setVisible(not (crowded and shown))
        strip = area if crowded else area.adjusted(0, figures.height() + GRID // 2, 0, 0)
        self.strip.setGeometry(strip.adjusted(-GRID, 0, GRID, 0))

    def _arrange_figures(self, area: QRect, shown: bool) -> None:
        """Put the meter to the left and the words to the right, the button in the lower right corner."""
        meter = area.width() // 2
        self.meter.setGeometry(area.x(), area.y(), meter, area.height())
        words = area.adjusted(meter + GRID, 0, 0, 0)
        self.facts.setGeometry(words)
        button = self.adopt.sizeHint()
        self.adopt.setGeometry(
            words.right() + 1 - button.width(), words.bottom() + 1 - button.height(), button.width(), button.height()
        )
        for widget in (self.meter, self.facts):
            widget.setVisible(shown)
        self.adopt.setVisible(shown and self.shown_ties != self._pool.ties)
        self.adopt.raise_()


def _is_same_moment(snapshot: Snapshot, other: Snapshot) -> bool:
    """Return whether both show the same parameters, as when only another probe was chosen."""
    if snapshot.step != other.step or snapshot.network is not other.network:
        return False
    is_other_image = not np.array_equal(snapshot.trace.probe.image, other.trace.probe.image)
    return is_other_image and np.array_equal(snapshot.parameters.vector, other.parameters.vector)
