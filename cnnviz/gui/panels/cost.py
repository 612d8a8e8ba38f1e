"""Cost and accuracy over the steps of the run."""

from typing import ClassVar

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from cnnviz.gui.cost_chart import CostChart
from cnnviz.gui.panels.panel import Panel, Row
from cnnviz.gui.readout import Pace, Readout
from cnnviz.gui.theme import GRID, SMALL, Theme, small_font
from cnnviz.gui.tiles import number
from cnnviz.gui.workbench import Workbench
from cnnviz.training.history import WINDOW, HistoryView
from cnnviz.training.snapshot import Snapshot

NO_STEPS = "The cost appears with the first step"
NEAR = 6  # pixels within which the mouse is on a marker


class CostPanel(Panel):
    """The cost that training brings down, and the accuracy that follows."""

    name: ClassVar[str] = "cost"
    title: ClassVar[str] = "Cost and accuracy"
    about: ClassVar[str] = (
        "Above, the cost of every training batch and its mean over the steps around; below, the share of training "
        "images classified rightly in the past 100 steps. Dots are scores on the test set, faint lines the ends of "
        "epochs, short ticks changes of the learning rate, triangles parameters that were set by hand."
    )

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench, parent)
        self._history: HistoryView | None = None
        self._pace_of_figures = Pace()
        self.past, self.tested = Readout(), Readout(alignment=Qt.AlignmentFlag.AlignRight)
        self.chart = CostChart(self)
        self.chart.setAccessibleName("Curves of cost and accuracy")
        self.chart.pointed.connect(self._point)
        self.chart.cost_plot.vb.sigResized.connect(self._place_button)
        self.logarithmic = self._log_button()
        self._lay_out()
        self._forget()
        workbench.run_started.connect(self._forget)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the history of ``snapshot``."""
        history = snapshot.history
        if self._history is not None and _same(history, self._history):
            return
        self._history = history
        if self._pace_of_figures.is_due(rests=not self.workbench.is_running):
            self.past.setText(past_text(history))
        self.tested.setText(tested_text(history))
        self.tested.setVisible(bool(history.tests))
        self.chart.show_history(history, snapshot.steps_per_epoch, snapshot.epochs * snapshot.steps_per_epoch)

    def numbers(self) -> list[Row]:
        """Return cost and accuracy of every step, the test scores after it, and a learning rate that was set there."""
        if self._history is None:
            return []
        history = self._history
        tests = {point.step: (point.evaluation.loss, point.evaluation.accuracy) for point in history.tests}
        rates = {step: rate for step, rate in history.learning_rates if step > 0}  # that of the start is a setting
        heading = (
            "step",
            "cost in nats",
            "accuracy",
            "test cost in nats",
            "test accuracy",
            "learning rate from here on",
        )
        before = [(0, None, None, *tests[0], None)] if 0 in tests else []
        steps = enumerate(zip(history.losses, history.accuracies, strict=True), 1)
        return [heading, *before, *((n, *of, *tests.get(n, (None, None)), rates.get(n)) for n, of in steps)]

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self.chart.apply_theme(theme)

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(0)
        line.addWidget(self.past, 1)
        self.tested.setFont(small_font())  # both lines have room side by side in the default layout
        self.tested.setFixedWidth(9 * GRID)
        line.addWidget(self.tested)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, 0, GRID, GRID // 2)
        layout.setSpacing(GRID // 2)
        layout.addLayout(line)
        layout.addWidget(self.chart, 1)

    def _log_button(self) -> QToolButton:
        button = QToolButton(self.chart)
        button.setText("log")
        button.setCheckable(True)
        button.setAccessibleName("Logarithmic cost axis")
        button.setToolTip("Show the cost on a logarithmic axis (Ctrl+L)")
        button.setStyleSheet(f"padding: 0 4px; min-height: 14px; font-size: {SMALL}px;")
        button.toggled.connect(self.chart.set_logarithmic)
        button.adjustSize()
        return button

    @Slot()
    def _place_button(self) -> None:
        self.logarithmic.move(self.chart.width() - self.logarithmic.width(), 0)

    @Slot()
    def _forget(self) -> None:
        self._history = None
        self.past.setText(NO_STEPS)
        self.tested.hide()
        self.chart.clear_history()

    @Slot(object)
    def _point(self, step: int | None) -> None:
        if step is None or self._history is None:
            self.hovered.emit("")
        else:
            self.hovered.emit(step_text(self._history, step, NEAR * self.chart.steps_per_pixel()))


def past_text(history: HistoryView) -> str:
    """Return cost and accuracy over the past steps, in words."""
    steps = min(len(history.losses), WINDOW)
    if not steps:
        return NO_STEPS
    cost, accuracy = history.past()
    return f"past {_steps(steps)}: cost {_cost(cost)} · accuracy {100 * accuracy:.0f} %"


def tested_text(history: HistoryView) -> str:
    """Return the newest accuracy on the test set, in words; empty before the first test."""
    return f"test {100 * history.tests[-1].evaluation.accuracy:.1f} %" if history.tests else ""


def step_text(history: HistoryView, step: int, near: float) -> str:
    """Return what is to be said of ``step``, and of tests, new learning rates and edits up to ``near`` steps away."""
    cost, accuracy = history.losses[step - 1], history.accuracies[step - 1]
    before = HistoryView(history.losses[:step], history.accuracies[:step], (), ())
    parts = [f"step {step:,}: cost {_cost(cost)} nats, accuracy {100 * accuracy:.0f} %", past_text(before)]
    for point in history.tests:
        if abs(point.step - step) <= near:
            score = point.evaluation
            parts.append(f"test after step {point.step:,}: cost {_cost(score.loss)} nats, {100 * score.accuracy:.1f} %")
    parts += [
        f"learning rate {lr:g} from step {at + 1:,} on"
        for at, lr in history.learning_rates
        if at > 0 and abs(at - step) <= near
    ]
    parts += [
        f"{edit.parameter} set by hand after step {edit.step:,}: {number(edit.before)} \u2192 {number(edit.after)}"
        for edit in history.edits
        if abs(edit.step - step) <= near
    ]
    return " · ".join(parts)


def _steps(steps: int) -> str:
    return "1 step" if steps == 1 else f"{steps} steps"


def _cost(cost: float) -> str:
    """Return ``cost`` with four digits, so that the text keeps its width while it changes."""
    return f"{cost:.3f}" if cost < 9.9995 else f"{cost:.2f}"


def _same(a: HistoryView, b: HistoryView) -> bool:
    """Whether two views of one run show the same."""
    kept = (a.tests is b.tests, a.learning_rates is b.learning_rates, a.edits is b.edits)
    return len(a.losses) == len(b.losses) and all(kept)
