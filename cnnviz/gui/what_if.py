"""What if this number were another one? It is nudged here, and its gradient checked."""

import math
from functools import partial

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QShowEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QStackedLayout, QToolButton, QVBoxLayout, QWidget

from cnnviz.explain.gradient_check import WIDTHS, Difference, GradientCheck
from cnnviz.explain.places import Weight, exists, value_at
from cnnviz.explain.what_if import NudgePlace, WhatIf, obstacle, predicted_loss, probability_of_target
from cnnviz.gui.error_chart import ErrorChart, error_text, kink_text
from cnnviz.gui.figure_row import Figure, FigureRow
from cnnviz.gui.nudging import DragName, ValueField, wheel_notches
from cnnviz.gui.probabilities import percent
from cnnviz.gui.readout import Pace, Readout
from cnnviz.gui.theme import GRID, Theme
from cnnviz.gui.throttle import Throttle
from cnnviz.gui.tiles import figures, number
from cnnviz.gui.workbench import Workbench, notch_of
from cnnviz.training.control import parameter_text
from cnnviz.training.snapshot import Snapshot

EMPTY = (
    "Click a weight, a bias or a pixel of the input: nudge it here, and see what becomes of the cost.\n"
    "Alt+Up and Alt+Down nudge it from anywhere in the window, Esc restores it."
)
KEEP_TIP = "Make it part of the run, which the history and exported files then tell (Ctrl+K)"
KEEP_NO_PIXEL = "A pixel cannot be kept: it is given, not learnt; only weights and biases are the network's"
_PERCENT = "\u00a0%"
_ROOMY = 80 * GRID  # pixels in which captions can be written out
_USUAL_WIDTH = 1e-5
_CHECK_EVERY = 0.4  # seconds, while training runs
_SLICE_MS = 8  # between one difference and the next, each of which takes up to 3 ms


class WhatIfBar(QWidget):
    """Lets the chosen number be nudged, and says what that does to the cost, beside what was to be expected.

    Below are the gradient by backpropagation and a central difference.

    Attributes
    ----------
    step_width : float
        h of the central difference that stands in figures.
    differences : list of Difference
        Of the latest check, in the order of ``WIDTHS``; what is not there yet is missing.
    """

    hovered = Signal(str)  # what is under the mouse, for the status bar

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.step_width = _USUAL_WIDTH
        self.differences: list[Difference] = []
        self._workbench = workbench
        self._snapshot: Snapshot | None = None
        self._check: GradientCheck | None = None
        self._checked: Snapshot | None = None
        self._found: dict[float, Difference] = {}  # by the check, so far
        self._pace_of_figures = Pace()
        self.setAccessibleName("What if")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._make_parts()
        self._lay_out()
        self._check_soon = Throttle(_CHECK_EVERY, self)
        self._check_soon.timeout.connect(self._begin_check)
        self._more = QTimer(self)
        self._more.setInterval(_SLICE_MS)
        self._more.timeout.connect(self._check_more)
        workbench.subject_changed.connect(self._change_subject)
        workbench.nudge_changed.connect(self._follow_nudge)
        workbench.run_started.connect(self._forget)
        self._refresh()

    @property
    def place(self) -> NudgePlace | None:
        """The number that can be nudged; None where there is none, or the one chosen cannot be."""
        snapshot, subject = self._snapshot, self._workbench.subject
        if snapshot is None or subject is None or not exists(snapshot, subject) or obstacle(subject):
            return None
        return subject

    # Making

    def _make_parts(self) -> None:
        self.sentence = Readout(EMPTY, Qt.AlignmentFlag.AlignCenter, muted=True)
        self._make_number()
        self._make_buttons()
        self._make_figures()
        self._make_widths()
        self.chart = ErrorChart()
        self.chart.chosen.connect(self._choose_clicked_width)
        self.chart.hovered.connect(self.hovered)

    def _make_number(self) -> None:
        workbench = self._workbench
        self.name = DragName()
        self.name.setAccessibleName("Number that is nudged")
        self.name.setToolTip("Pull to the right or the left to try other values; let go to restore")
        self.name.pulled.connect(workbench.nudge_by)
        self.name.released.connect(workbench.restore)
        self.field = ValueField()
        self.field.setAccessibleName("Value of the number")
        self.field.setToolTip(
            "<p>Type a value, or nudge it: with the wheel, with Up and Down in this field, or with Alt+Up "
            "and Alt+Down anywhere. A notch is a tenth of the scale of all numbers beside it; Shift: a tenth of that, "
            "Ctrl: ten times as much.</p>"
        )
        self.field.nudged.connect(workbench.nudge_by)
        self.field.typed.connect(workbench.nudge_to)

    def _make_buttons(self) -> None:
        workbench = self._workbench
        self.down = self._button("\u2212", "Nudge down", "One notch down (Alt+Down)", partial(workbench.nudge_by, -1))
        self.up = self._button("+", "Nudge up", "One notch up (Alt+Up)", partial(workbench.nudge_by, 1))
        self.one = self._button("+1", "Add one", "What if it grew by 1? (V. Zhou)", self._add_one)
        self.restore = self._button("Restore", "Restore", "Back to the value of the run (Esc)", workbench.restore)
        self.keep = self._button("Keep", "Keep", KEEP_TIP, workbench.keep)
        for button in (self.down, self.up):
            button.setAutoRepeat(True)

    def _make_figures(self) -> None:
        self.cost = FigureRow(stacked=False)
        self.cost.setAccessibleName("Cost and probability")
        self.cost.setToolTip(
            "<p>The probe's cost and by how much it changes; by how much the gradient lets expect that it does "
            "(gradient \u00d7 change of the number); and how likely the network takes the probe for the digit that the "
            "cost is reckoned for.</p>"
        )
        self.gradient = FigureRow(stacked=True)
        self.gradient.setAccessibleName("Gradient check")
        self.gradient.setToolTip(
            "<p>The gradient of the probe's cost by this number, as backpropagation has it, beside the central "
            "difference of the cost in double precision; their relative error |a \u2212 b| / (|a| + |b|); and how many "
            "ReLUs change sign, or pooling windows their winner, within \u00b1h: there the cost has a kink.</p>"
        )

    def _make_widths(self) -> None:
        self.widths = QComboBox()
        self.widths.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
        for width in WIDTHS:
            self.widths.addItem(f"h = {number(width)}", width)
        self.widths.setCurrentIndex(WIDTHS.index(self.step_width))
        self.widths.setAccessibleName("Step width of the central difference")
        self.widths.setToolTip("Step width h of the central difference (cost(v + h) \u2212 cost(v \u2212 h)) / 2h")
        self.widths.currentIndexChanged.connect(self._choose_width)

    def _button(self, text: str, name: str, tip: str, slot: object) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setAccessibleName(name)
        button.setToolTip(tip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
        button.setStyleSheet("padding: 3px 4px;")
        button.setMinimumWidth(3 * GRID)
        button.clicked.connect(slot)
        return button

    def _lay_out(self) -> None:
        above = QHBoxLayout()
        above.setSpacing(GRID // 2)
        above.addWidget(self.name, 1)
        self.field.setFixedWidth(10 * GRID)
        for widget in (self.field, self.down, self.up, self.one, self.restore, self.keep):
            above.addWidget(widget)
        below = QHBoxLayout()
        below.setSpacing(GRID)
        below.addWidget(self.widths)
        below.addWidget(self.gradient, 1)
        column = QVBoxLayout()
        column.setSpacing(GRID // 2)
        column.addLayout(above)
        column.addWidget(self.cost)
        column.addLayout(below)
        column.addStretch(1)
        self._tools = QWidget()
        row = QHBoxLayout(self._tools)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * GRID)
        row.addLayout(column, 5)
        row.addWidget(self.chart, 1)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.sentence)
        self._stack.addWidget(self._tools)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the least size in which all is legible."""
        return QSize(75 * GRID, self._tools.minimumSizeHint().height())

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a comfortable size."""
        return QSize(82 * GRID, self._tools.minimumSizeHint().height())

    # Following

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show ``snapshot``, which may be a what-if; called only while the bar is seen."""
        self._snapshot = snapshot
        self._refresh()

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self.chart.apply_theme(theme)

    @property
    def _is_seen(self) -> bool:
        # Not of the bar itself, which its parts hide.
        return self.isVisible() and not self._stack.currentWidget().visibleRegion().isEmpty()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Catch up with what was chosen while the bar was hidden."""
        super().showEvent(event)
        self._change_subject()

    @Slot()
    def _change_subject(self) -> None:
        self._snapshot = self._workbench.snapshot
        self._drop_check()  # seen or not: it is another number's
        if self._is_seen:
            self._refresh(at_once=True)

    @Slot()
    def _follow_nudge(self) -> None:
        self._snapshot = self._workbench.snapshot
        if self._is_seen:
            self._refresh(at_once=True)

    @Slot()
    def _forget(self) -> None:
        self._snapshot = None
        self._drop_check()
        self._refresh()

    def _refresh(self, at_once: bool = False) -> None:
        """Show the number as it is, and have its gradient checked soon."""
        place = self.place
        if place is None:
            self.sentence.setText(self._why_not())
            self._stack.setCurrentWidget(self.sentence)
            return
        self._stack.setCurrentWidget(self._tools)
        nudge = self._workbench.nudge
        self.restore.setEnabled(nudge is not None)
        self.keep.setEnabled(nudge is not None)
        self.keep.setToolTip(KEEP_TIP if isinstance(place, Weight) else KEEP_NO_PIXEL)
        self.name.show_name(str(place), short_name(place))
        if at_once or self._pace_of_figures.is_due(rests=not self._workbench.is_running):
            self.field.show_value(value_at(self._snapshot, place))
            roomy = self.cost.width() >= _ROOMY
            self.cost.show_figures(cost_figures(self._snapshot, place, roomy))
        self._check_soon.request()

    def _why_not(self) -> str:
        subject = self._workbench.subject
        if subject is None or self._snapshot is None or not exists(self._snapshot, subject):
            return EMPTY
        return f"{subject}. {obstacle(subject)}"

    # Nudging

    @Slot()
    def _add_one(self) -> None:
        if self.place is not None:
            self._workbench.nudge_to(value_at(self._snapshot, self.place) + 1)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Nudge, wherever the mouse is over the bar."""
        if self.place is not None:
            self._workbench.nudge_by(wheel_notches(event))
            event.accept()

    # Checking

    @Slot()
    def _begin_check(self) -> None:
        """Begin to check the gradient of what is shown, if that is not done already."""
        place = self.place
        if place is None or not self._is_seen or self._snapshot is self._checked:
            return
        if self._more.isActive():  # a check that is under way is finished first
            self._check_soon.request()
            return
        self._checked = self._snapshot
        self._check = GradientCheck(self._snapshot, place)
        self._found = {}
        self._more.start()

    @Slot()
    def _check_more(self) -> None:
        """Find one more difference, that of the chosen step width first; at the end show them all."""
        missing = [width for width in (self.step_width, *WIDTHS) if width not in self._found]
        if missing and self._is_seen:
            self._found[missing[0]] = difference = self._check.difference(missing[0])
            if difference.width == self.step_width:
                self._show_check(difference)
            return
        self._more.stop()
        if missing:  # hidden in the midst of it: the rest is not there when the bar is seen again
            self._checked = None
        self.differences = [self._found[width] for width in WIDTHS if width in self._found]
        self.chart.show_differences(self.differences, self.step_width)

    def _drop_check(self) -> None:
        self._more.stop()
        self._check, self._checked, self.differences = None, None, []
        self.gradient.show_figures(())
        self.chart.show_differences((), self.step_width)

    def _show_check(self, difference: Difference) -> None:
        self.gradient.show_figures(check_figures(self._check.backprop, difference))

    @Slot(int)
    def _choose_width(self, index: int) -> None:
        self.step_width = WIDTHS[index]
        if self._check is not None:
            self._show_check(self._check.difference(self.step_width))
        self.chart.show_differences(self.chart.differences, self.step_width)

    @Slot(float)
    def _choose_clicked_width(self, width: float) -> None:
        self.widths.setCurrentIndex(WIDTHS.index(width))


def short_name(place: NudgePlace) -> str:
    """Return the name of a parameter as the history and files have it, or that of a pixel."""
    return parameter_text(place.layer, place.name, place.index) if isinstance(place, Weight) else str(place)


def cost_figures(snapshot: Snapshot, place: NudgePlace, roomy: bool = True) -> tuple[Figure, ...]:
    """Return cost and probability, as they are, or before and after, and what the gradient lets expect.

    Changes are told apart from the costs, for most of them are too small to be seen in four figures of a cost.
    """
    trace = snapshot.trace
    target, prediction = ("probability of {}", "gradient predicts") if roomy else ("p({})", "predicted")
    target = target.format(trace.target)
    if isinstance(snapshot, WhatIf) and snapshot.place == place:
        before = snapshot.actual.trace
        first, then = (percent(probability_of_target(each), 2) for each in (before, trace))
        cost = f"{number(trace.loss)} ({change_text(before.loss, trace.loss)})"
        return (
            ("cost, nats", f"{number(before.loss)} \u2192 {cost}" if roomy else cost),
            (prediction, change_text(before.loss, snapshot.predicted_loss)),
            (target, f"{first.rstrip(_PERCENT)} \u2192 {then}"),
        )
    notch = notch_of(snapshot, place)
    expected = predicted_loss(snapshot, place, value_at(snapshot, place) + notch)
    return (
        ("cost, nats", number(trace.loss)),
        (f"{prediction} at +{notch:g}", change_text(trace.loss, expected)),
        (target, percent(probability_of_target(trace), 2)),
    )


def change_text(before: float, after: float) -> str:
    """Return by how much ``after`` is more or less than ``before``, with its sign.

    In two figures: a cost in single precision, of which this is a small part, has not many more to give.
    """
    if not (math.isfinite(before) and math.isfinite(after)):
        return "\u2013"
    change = after - before
    return f"{'+' if change > 0 else ''}{figures(change, 2)}"


def check_figures(backprop: float, difference: Difference) -> tuple[Figure, ...]:
    """Return the two gradients, how far they are apart, and what speaks against the comparison."""
    return (
        ("backprop", number(backprop + 0.0)),  # which turns -0 into 0
        ("central difference", number(difference.slope + 0.0)),
        ("relative error", error_text(difference.error)),
        ("kinks within \u00b1h", kink_text(difference)),
    )
