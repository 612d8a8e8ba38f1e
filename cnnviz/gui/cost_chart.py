"""Two curves over the steps of a run: its cost, and below it its accuracy."""

from typing import NamedTuple

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGraphicsItem, QGraphicsSimpleTextItem, QWidget

from cnnviz.gui.chart_parts import Curve, Legend, LinedAxis, StepAxis, translucent
from cnnviz.gui.curves import (
    LEAST_COST,
    LEAST_POINTS,
    MOST_POINTS,
    centred_means,
    cost_range,
    epoch_steps,
    logarithmic_ticks,
    past_means,
    peaks,
    smoothing_window,
    step_range,
)
from cnnviz.gui.theme import GRID, SMALL, Theme, small_font
from cnnviz.training.history import WINDOW, HistoryView

LEFT = 54  # pixels of both vertical axes, so that the plots stand flush
LOG_BUTTON = 48  # pixels left free in the corner
EMPTY = HistoryView(np.empty(0, np.float32), np.empty(0, np.float32), (), ())


class _Frame(NamedTuple):
    """What the axes and the lines at epochs depend on."""

    end: float
    bottom: float
    top: float
    logarithmic: bool
    epochs: int


class CostChart(pg.GraphicsLayoutWidget):
    """Draws a history.

    Attributes
    ----------
    raw, smooth, accuracy : Curve
    tested_cost, tested_accuracy : ScatterPlotItem
    epochs, rates : PlotCurveItem
        Lines at the end of epochs, ticks where the learning rate was changed.
    edits : ScatterPlotItem
        Marks where a parameter was set by hand.
    edit_text : TextItem
        What the newest of them was.
    """

    pointed = Signal(object)  # step under the mouse (int), or None

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewport().setAcceptDrops(False)  # a dropped picture is the window's
        self.setAcceptDrops(False)
        self._history = EMPTY
        self._steps_per_epoch = self._planned = 1
        self._logarithmic = False
        self._frame: _Frame | None = None
        self._marks: tuple[object, ...] = (None, None, None, None)
        self.ci.layout.setContentsMargins(0, GRID // 2, 0, 0)
        self.ci.layout.setSpacing(GRID)
        self._steps_axis = StepAxis("bottom")
        self.cost_plot = self._add_plot(0, {"left": LinedAxis("left")})
        self.accuracy_plot = self._add_plot(1, {"left": LinedAxis("left"), "bottom": self._steps_axis})
        self.cost_plot.hideAxis("bottom")
        self.cost_plot.setXLink(self.accuracy_plot)
        self.accuracy_plot.setYRange(0, 100, padding=0.06)
        self.accuracy_plot.getAxis("left").setTicks([[(share, f"{share} %") for share in (0, 50, 100)]])
        self.ci.layout.setRowStretchFactor(0, 6)
        self.ci.layout.setRowStretchFactor(1, 5)
        self._make_items()
        self._arrange()
        self.scene().sigMouseMoved.connect(self._point)
        self.cost_plot.vb.sigResized.connect(self._place_legend)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a comfortable size."""
        return QSize(360, 180)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the size below which nothing can be read."""
        return QSize(200, 120)

    def show_history(self, history: HistoryView, steps_per_epoch: int, planned: int) -> None:
        """Draw ``history`` of a run that is ``planned`` to take so many steps."""
        self._history, self._steps_per_epoch, self._planned = history, steps_per_epoch, planned
        self._arrange()

    def clear_history(self) -> None:
        """Show empty axes."""
        self._set_cursor(None)
        self.show_history(EMPTY, 1, 100)

    def set_logarithmic(self, logarithmic: bool) -> None:
        """Show the cost on a logarithmic axis, or a linear one."""
        self._logarithmic = logarithmic
        self._arrange()

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self.setBackground(theme.surface)
        for curve in (self.smooth, self.accuracy):
            curve.setPen(pg.mkPen(theme.accent, width=2))
        self.raw.setPen(pg.mkPen(translucent(theme.muted, 64), width=1))
        self.rates.setPen(pg.mkPen(theme.text, width=2))
        for line in self._epoch_lines:
            line.setPen(pg.mkPen(theme.line, width=1))
        for cursor in self._cursors:
            cursor.setPen(pg.mkPen(theme.muted, width=1, style=Qt.PenStyle.DotLine))
        for markers in (self.tested_cost, self.tested_accuracy, self.edits):
            markers.setBrush(theme.text)
            markers.setPen(theme.surface)
        self.edit_text.setColor(theme.text)
        self.test_value.setColor(theme.text)
        self._color_axes(theme)
        self._legend.apply_theme(theme)
        self._place_legend()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Take the cursor away."""
        super().leaveEvent(event)
        self._set_cursor(None)

    # Making

    def _add_plot(self, row: int, axes: dict[str, pg.AxisItem]) -> pg.PlotItem:
        plot = self.addPlot(row=row, col=0, axisItems=axes, enableMenu=False)
        plot.hideButtons()
        plot.setMouseEnabled(x=False, y=False)
        plot.disableAutoRange()
        axis = plot.getAxis("left")
        axis.enableAutoSIPrefix(False)
        axis.setWidth(LEFT)
        axis.setZValue(-1)
        return plot

    def _make_items(self) -> None:
        self.raw = Curve()
        self.smooth = Curve(antialias=True)
        self.accuracy = Curve(antialias=True)
        self.epochs = pg.PlotCurveItem(connect="pairs")
        self.rates = pg.PlotCurveItem(connect="pairs")
        self.tested_cost = pg.ScatterPlotItem(size=8)
        self.tested_accuracy = pg.ScatterPlotItem(size=8)
        self.edits = pg.ScatterPlotItem(size=11, symbol="t1")  # pointing up
        self.test_value, self.edit_text = pg.TextItem(), pg.TextItem()
        for text in (self.test_value, self.edit_text):
            text.setFont(small_font())
        self._epoch_lines = (self.epochs, pg.PlotCurveItem(connect="pairs"))
        self._cursors = (pg.InfiniteLine(), pg.InfiniteLine())
        above = (self.epochs, self.raw, self.smooth, self.rates, self.tested_cost, self.edits, self.edit_text)
        for item in (*above, self._cursors[0]):
            self.cost_plot.addItem(item, ignoreBounds=True)
        below = (self._epoch_lines[1], self.accuracy, self.tested_accuracy, self.test_value, self._cursors[1])
        for item in below:
            self.accuracy_plot.addItem(item, ignoreBounds=True)
        self._legend = Legend(self.cost_plot)
        self._step_caption = QGraphicsSimpleTextItem("step", self._steps_axis)
        self._step_caption.setFont(small_font())
        self._set_cursor(None)

    def _color_axes(self, theme: Theme) -> None:
        for plot, label in ((self.cost_plot, "cost, nats"), (self.accuracy_plot, "accuracy")):
            for side in ("left", "bottom"):
                axis = plot.getAxis(side)
                axis.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)  # lines and figures seldom change
                axis.setPen(theme.line)
                axis.setTextPen(theme.muted)
                axis.setStyle(
                    tickFont=small_font(), tickTextOffset=4, tickLength=-4, maxTickLevel=int(side == "bottom")
                )
            plot.setLabel("left", label, **{"color": theme.muted, "font-size": f"{SMALL}px"})
        self._step_caption.setBrush(QColor(theme.muted))
        self._step_caption.setPos(-LEFT, 5)

    # Drawing

    def _arrange(self) -> None:
        history, steps = self._history, len(self._history.losses)
        points = self._points()
        window = smoothing_window(steps, points)
        raw = peaks(history.losses, MOST_POINTS)
        smooth = centred_means(history.losses, window, points)
        end = step_range(steps, self._planned)
        tests = [point.evaluation.loss for point in history.tests]
        bottom, top = cost_range(smooth[1], float(raw[1].max(initial=0.0)), tests, self._logarithmic)
        self.raw.show_points(raw[0], self._scaled(raw[1]))
        self.smooth.show_points(smooth[0], self._scaled(smooth[1]))
        steps_at, shares = past_means(history.accuracies, WINDOW, points)
        self.accuracy.show_points(steps_at, 100 * shares)
        self._set_frame(_Frame(end, bottom, top, self._logarithmic, steps // self._steps_per_epoch))
        if self._legend.set_window(window):
            self._place_legend()

    def _points(self) -> int:
        """Return how many points a curve has at most: more than pixels would be drawn over each other."""
        return min(max(int(self.accuracy_plot.vb.width()), LEAST_POINTS), MOST_POINTS)

    def _set_frame(self, frame: "_Frame") -> None:
        """Draw axes and marks anew where they change, which is seldom, or the marks come from another history."""
        marks = self._history.tests, self._history.learning_rates, self._history.edits, self._steps_per_epoch
        if frame == self._frame and all(a is b for a, b in zip(marks, self._marks, strict=True)):
            return
        self._frame, self._marks = frame, marks
        self.accuracy_plot.setXRange(0, frame.end, padding=0.01)
        self._set_cost_axis(frame.bottom, frame.top)
        self._mark_tests(frame.end)
        self._mark_steps(len(self._history.losses), frame.bottom, frame.top)
        self._mark_edits(frame.bottom, frame.top, frame.end)

    def _scaled(self, costs: np.ndarray) -> np.ndarray:
        return np.log10(np.maximum(costs, LEAST_COST)) if self._logarithmic else costs

    def _set_cost_axis(self, bottom: float, top: float) -> None:
        ends = self._scaled(np.array([bottom, top]))
        self.cost_plot.setYRange(*ends, padding=0)
        ticks = None
        if self._logarithmic:
            ticks = [[(float(np.log10(tick)), f"{tick:g}") for tick in logarithmic_ticks(bottom, top)]]
        self.cost_plot.getAxis("left").setTicks(ticks)

    def _mark_tests(self, end: float) -> None:
        points = self._history.tests
        at = np.array([point.step for point in points], float)
        costs = np.array([point.evaluation.loss for point in points], float)
        shares = np.array([100 * point.evaluation.accuracy for point in points], float)
        self.tested_cost.setData(at, self._scaled(costs))
        self.tested_accuracy.setData(at, shares)
        for item in (self.tested_cost, self.tested_accuracy, self.test_value):
            item.setVisible(bool(points))
        if points:
            self.test_value.setText(f"{shares[-1]:.1f} %")
            self.test_value.setAnchor((1.0 if at[-1] > 0.8 * end else 0.0, -0.25 if shares[-1] > 50 else 1.25))
            self.test_value.setPos(at[-1], shares[-1])

    def _mark_steps(self, steps: int, bottom: float, top: float) -> None:
        boundaries = epoch_steps(steps, self._steps_per_epoch)
        low, high = self._scaled(np.array([bottom, top]))
        for line, ends in zip(self._epoch_lines, ((low, high), (0.0, 100.0)), strict=True):
            line.setData(np.repeat(boundaries, 2).astype(float), np.tile(ends, len(boundaries)))
            line.setVisible(len(boundaries) > 0)
        changes = np.array([step for step, _ in self._history.learning_rates if step > 0], float)
        self.rates.setData(np.repeat(changes, 2), np.tile((low, low + 0.1 * (high - low)), len(changes)))
        self.rates.setVisible(len(changes) > 0)

    def _mark_edits(self, bottom: float, top: float, end: float) -> None:
        edits = self._history.edits
        low, high = self._scaled(np.array([bottom, top]))
        at = np.array([edit.step for edit in edits], float)
        self.edits.setData(at, np.full(len(at), low + 0.06 * (high - low)))
        for item in (self.edits, self.edit_text):
            item.setVisible(bool(edits))
        if edits:
            self.edit_text.setText(f"{edits[-1].parameter} \u2192 {edits[-1].after:.3g}".replace("-", "\u2212"))
            width, room = self.edit_text.boundingRect().width(), (1 - at[-1] / end) * self.cost_plot.vb.width() - GRID
            self.edit_text.setAnchor((max(0.0, 1 - room / width), 1.0))  # as far to the left as it takes to fit
            self.edit_text.setPos(at[-1], low + 0.1 * (high - low))

    @Slot()
    def _place_legend(self) -> None:
        self._legend.place(self.cost_plot.vb.geometry().right() - LOG_BUTTON)

    # Pointing

    @Slot(object)
    def _point(self, position: QPointF) -> None:
        view = self.accuracy_plot.vb
        x = view.mapSceneToView(position).x()
        steps = len(self._history.losses)
        inside = steps and view.viewRange()[0][0] <= x <= view.viewRange()[0][1]
        self._set_cursor(int(np.clip(round(x), 1, steps)) if inside else None)

    def _set_cursor(self, step: int | None) -> None:
        for cursor in self._cursors:
            cursor.setVisible(step is not None)
            if step is not None:
                cursor.setValue(step)
        self.pointed.emit(step)

    def steps_per_pixel(self) -> float:
        """Return how many steps a pixel spans."""
        return float(self.accuracy_plot.vb.viewPixelSize()[0])
