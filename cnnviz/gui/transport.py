"""The bar on top: train, pause, step, reset, pace, and how far it is."""

from typing import ClassVar

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QSlider, QToolBar, QWidget

from cnnviz.gui import icons
from cnnviz.gui.offer_bar import OfferBar
from cnnviz.gui.readout import Pace, Readout
from cnnviz.gui.theme import GRID, Theme
from cnnviz.gui.workbench import Workbench
from cnnviz.training.session import Phase, Status
from cnnviz.training.snapshot import Snapshot

SLOWEST, FASTEST = 1.0, 1000.0  # steps a second; beyond the right end: as fast as the machine allows
SPEED_POSITIONS = 40


def steps_per_second(position: int) -> float | None:
    """Return the pace at a slider position: even ratios from one step a second up; None (no limit) at the end."""
    if position >= SPEED_POSITIONS:
        return None
    return SLOWEST * (FASTEST / SLOWEST) ** (position / (SPEED_POSITIONS - 1))


class Transport(QToolBar):
    """Buttons and progress.

    Attributes
    ----------
    train, step, reset, new_seed : QAction
    offers : OfferBar
        Takes the place of the progress while there is something to be answered: then nothing goes on.
    """

    _HINT: ClassVar[str] = "Press Space: the network, still untrained, starts to learn."
    _HINT_AFTER_OPENING: ClassVar[str] = "Press Space: the network goes on learning from the parameters just opened."

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__("Transport", parent)
        self.setObjectName("transport")
        self.setMovable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.toggleViewAction().setVisible(False)  # in the window's own context menu: no other one would bring it back
        self.setIconSize(QSize(16, 16))
        self._workbench = workbench
        self._snapshot: Snapshot | None = None
        self._pace_of_figures = Pace()
        self._theme: Theme | None = None
        self.train = self._action("Train", "Space", "Train or pause", workbench.toggle)
        self.step = self._action("Step", "Right", "Learn one batch, then rest", workbench.step)
        self.reset = self._action("Reset", "R", "Begin anew with the same seed", workbench.reset)
        self.new_seed = self._action(
            "New seed", "Shift+R", "Begin anew from other random weights", workbench.reset_with_new_seed
        )
        button = self.widgetForAction(self.train)
        button.setProperty("role", "primary")
        button.setFixedWidth(12 * GRID)  # the same for both words, so that nothing moves
        self.addWidget(self._make_speed())
        self.addWidget(self._make_rest())
        workbench.status_changed.connect(self.show_status)
        workbench.snapshot_arrived.connect(self.show_snapshot)
        workbench.run_started.connect(self._forget)
        workbench.saved_changed.connect(self._tell_what_is_saved)

    def _action(self, text: str, key: str, tip: str, slot: object) -> QAction:
        action = QAction(text, self)
        action.setShortcut(key)
        action.setToolTip(f"{tip} ({key})")
        action.triggered.connect(slot)
        self.addAction(action)
        button = self.widgetForAction(action)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setAccessibleName(text)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the space bar to training
        return action

    def _make_speed(self) -> QWidget:
        self.speed = QSlider(Qt.Orientation.Horizontal)
        self.speed.setRange(0, SPEED_POSITIONS)
        self.speed.setFixedWidth(96)
        self.speed.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.speed.setAccessibleName("Speed")
        self.speed.setToolTip("Pace: from one step a second, each of which is seen, to as fast as this machine allows")
        self._pace = QLabel()
        self._pace.setMinimumWidth(72)
        self.speed.valueChanged.connect(self._set_speed)
        self.speed.setValue(SPEED_POSITIONS)
        box = QWidget()
        box.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(box)
        row.setContentsMargins(GRID, 0, GRID, 0)
        caption = QLabel("Speed")
        caption.setProperty("role", "muted")
        for widget in (caption, self.speed, self._pace):
            row.addWidget(widget)
        return box

    def _make_rest(self) -> QWidget:
        progress, self.offers = self._make_progress(), OfferBar()
        self.offers.asks.connect(progress.setHidden)
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        for part in (progress, self.offers):
            row.addWidget(part)
        return box

    def _make_progress(self) -> QWidget:
        self.where = Readout(self._HINT)
        self.where.setAccessibleName("Progress")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the run")
        self.bar.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.bar.setMinimumWidth(64)
        self.rate = Readout(alignment=Qt.AlignmentFlag.AlignRight)
        self.rate.setFixedWidth(192)
        self.rate.setAccessibleName("Throughput")
        box = QWidget()
        box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(box)
        row.setContentsMargins(GRID, 0, GRID, 0)
        row.setSpacing(GRID)
        row.addWidget(self.where, 3)
        row.addWidget(self.bar, 2)
        row.addWidget(self.rate)
        return box

    def apply_theme(self, theme: Theme) -> None:
        """Draw the icons in the colours of ``theme``."""
        self._theme = theme
        self.step.setIcon(icons.icon(icons.step, theme.text))
        self.reset.setIcon(icons.icon(icons.reset, theme.text))
        self.new_seed.setIcon(icons.icon(icons.dice, theme.text))
        self._show_state(self._workbench.is_running)

    @Slot(int)
    def _set_speed(self, position: int) -> None:
        pace = steps_per_second(position)
        self._pace.setText("full" if pace is None else f"{pace:,.0f} steps/s" if pace > 1.5 else "1 step/s")
        self._workbench.set_speed(pace)

    @Slot()
    def _forget(self) -> None:
        self._snapshot = None
        self.where.setText("")
        self.bar.setRange(0, 0)

    @Slot(object)
    def show_status(self, status: Status) -> None:
        """Show what the worker is busy with."""
        self._show_state(self._workbench.is_running)
        if status.phase in (Phase.LOADING, Phase.TESTING):
            self.bar.show()
            self.bar.setRange(0, status.total)
            self.bar.setValue(status.done)
            text = "loading data" if status.phase is Phase.LOADING else "testing"
            count = f" {status.done:,} / {status.total:,}" if status.total and status.phase is Phase.TESTING else ""
            self.where.setText(f"{text}{count}")
        elif status.phase is Phase.STOPPED:
            self.bar.hide()
            self.rate.hide()
            back = "" if self._workbench.saved is None else "; Ctrl+Shift+R goes back to what is saved"
            self.where.setText(f"This run has ended: R begins anew{back}.")
        elif self._snapshot is not None:
            self._show_place(status)

    @Slot(object)
    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show how far training is."""
        self._snapshot = snapshot
        resting = self._workbench.status.phase in (Phase.TESTING, Phase.STOPPED)
        if not resting and self._pace_of_figures.is_due(rests=not self._workbench.is_running):
            self._show_place(self._workbench.status)

    @Slot()
    def _tell_what_is_saved(self) -> None:
        saved = self._workbench.saved
        tip = "" if saved is None else f"Saved at step {saved.step:,}; File > Runs (Ctrl+Shift+R) lists what is kept"
        for widget in (self.where, self.bar):
            widget.setToolTip(tip)

    def _show_place(self, status: Status) -> None:
        snapshot = self._snapshot
        self.bar.setRange(0, snapshot.epochs * snapshot.steps_per_epoch)
        self.bar.setValue(snapshot.epoch * snapshot.steps_per_epoch + snapshot.step_in_epoch)
        untouched = snapshot.step == 0 and status.phase is Phase.PAUSED
        self.bar.setVisible(not untouched)  # the hint needs the room
        self.rate.setVisible(not untouched)
        if untouched:
            self.where.setText(self._HINT_AFTER_OPENING if self._workbench.began_from_file else self._HINT)
        elif status.phase is Phase.FINISHED:
            more = "1 more epoch" if snapshot.config.epochs == 1 else f"{snapshot.config.epochs} more epochs"
            self.where.setText(f"{snapshot.epochs} epochs done \u00b7 Space trains {more}")
        else:
            epoch = min(snapshot.epoch + 1, snapshot.epochs)
            step = f"{snapshot.step_in_epoch:,} / {snapshot.steps_per_epoch:,}"
            paused = "paused \u00b7 " if status.phase is Phase.PAUSED else ""
            self.where.setText(f"{paused}epoch {epoch} / {snapshot.epochs} \u00b7 step {step}")
        self.rate.setText(_rate_text(snapshot, status.samples_per_second))

    def _show_state(self, running: bool) -> None:
        self.train.setText("Pause" if running else "Train")
        if self._theme is not None:
            self.train.setIcon(icons.icon(icons.pause if running else icons.play, self._theme.on_accent))


def _rate_text(snapshot: Snapshot, samples_per_second: float) -> str:
    """Return throughput and time left, such as "10,400 images/s \u00b7 0:07 left"."""
    if samples_per_second <= 0:
        return ""
    steps_left = (snapshot.epochs - snapshot.epoch) * snapshot.steps_per_epoch - snapshot.step_in_epoch
    seconds = round(steps_left * snapshot.config.batch_size / samples_per_second)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    left = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return f"{samples_per_second:,.0f} images/s \u00b7 {left} left"
