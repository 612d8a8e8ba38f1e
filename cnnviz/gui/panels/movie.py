"""The movie of one training step: phase by phase, with the numbers, the formula and the code of each."""

from typing import ClassVar

import numpy as np
from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSplitter, QStackedLayout, QVBoxLayout, QWidget

from cnnviz.explain.phases import Kind, StepPhase, phases_of
from cnnviz.gui.movie_canvas import MovieCanvas
from cnnviz.gui.movie_controls import MovieControls
from cnnviz.gui.movie_plates import View, facts_of, plates_of, view_at_first, views_of
from cnnviz.gui.panels.panel import Panel, Row
from cnnviz.gui.phase_strip import PhaseStrip
from cnnviz.gui.phase_text import PhaseText
from cnnviz.gui.player import Player
from cnnviz.gui.readout import Readout
from cnnviz.gui.replay import Replay, Replayer
from cnnviz.gui.theme import GRID, Theme
from cnnviz.gui.workbench import Workbench
from cnnviz.training.movie import Movie
from cnnviz.training.record import StepRecord
from cnnviz.training.session import Phase, Status
from cnnviz.training.snapshot import Snapshot

EMPTY = (
    "Shift+Right goes one training step and shows it phase by phase: every layer forwards, the cost, the gradient back "
    "through every layer, and the update. Training then rests, and goes on from there as if nobody had looked."
)
COMING = "The step is being recorded\u2026"
_SHARES = (376, 282)  # of the width: picture and text
_SENTENCE = 52 * GRID  # pixels; width of the sentence where there is no movie
_WHERE = 21 * GRID  # pixels; room for the numbers of two steps


class MoviePanel(Panel):
    """One recorded step, gone through once more.

    Attributes
    ----------
    movie : Movie or None
    phases : tuple of StepPhase
        Of the movie.
    player : Player
        Which of them is shown.
    """

    name: ClassVar[str] = "movie"
    title: ClassVar[str] = "One step"
    about: ClassVar[str] = (
        "One training step, phase by phase: what goes in on the left, what comes out on the right, orange above zero "
        "and blue below. Beside it the formula, and the lines of the program that reckoned it."
    )

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench, parent)
        self.movie: Movie | None = None
        self.phases: tuple[StepPhase, ...] = ()
        self.player = Player(self)
        self._record: StepRecord | None = None  # the latest that was asked for
        self._is_awaited = False
        self._views: dict[str, int] = {}  # layer -> which part of its parameters was chosen
        self._replayer = Replayer(self)
        self._replayer.arrived.connect(self._show_movie)
        self._replayer.failed.connect(workbench.failed)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._make_invitation())
        self._pages.addWidget(self._make_cinema())
        self.player.moved.connect(self._show_phase)
        workbench.snapshot_arrived.connect(self._look_for_record)
        workbench.run_started.connect(self._forget)
        workbench.status_changed.connect(self._give_up_waiting)

    def _make_invitation(self) -> QWidget:
        self._sentence = QLabel()
        self._sentence.setWordWrap(True)
        self._sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._sentence.setProperty("role", "muted")
        self._begin = QPushButton("Go one step, phase by phase")
        self._begin.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the space bar to training
        self._begin.setAccessibleName("Go one step, phase by phase")
        self._begin.setToolTip("Learn one batch, and go through what happened (Shift+Right)")
        self._begin.clicked.connect(self.record_step)
        self._say(EMPTY)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setSpacing(2 * GRID)
        column.addStretch(1)
        column.addWidget(self._sentence, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._begin, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        return page

    def _make_cinema(self) -> QWidget:
        self.controls = MovieControls(self.player)
        self.controls.record_wanted.connect(self.record_step)
        self.controls.image_chosen.connect(self._choose_image)
        self.controls.view_chosen.connect(self._choose_view)
        self.strip = PhaseStrip()
        self.strip.hovered.connect(self.hovered)
        self.strip.valueChanged.connect(self._choose_phase)
        self.where = Readout(alignment=Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, muted=True)
        self.where.setAccessibleName("Step of the movie")
        self.where.setFixedWidth(_WHERE)
        above = QHBoxLayout()
        above.setSpacing(GRID)
        above.addWidget(self.strip, 1)
        above.addWidget(self.where, 0, Qt.AlignmentFlag.AlignTop)
        self.canvas = MovieCanvas()
        self.canvas.setAccessibleName("Arrays of this phase")
        self.canvas.setAccessibleDescription("A click follows an image of the batch, as its number in Image does")
        self.canvas.hovered.connect(self.hovered)
        self.canvas.clicked.connect(self._choose_in_batch)
        self.text = PhaseText()
        halves = QSplitter(Qt.Orientation.Horizontal)
        halves.setChildrenCollapsible(False)
        halves.setHandleWidth(GRID)
        halves.addWidget(self.canvas)
        halves.addWidget(self.text)
        halves.setSizes(list(_SHARES))
        for index, share in enumerate(_SHARES):
            halves.setStretchFactor(index, share)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(GRID, 0, GRID, GRID // 2)
        column.setSpacing(GRID // 2)
        column.addWidget(self.controls)
        column.addLayout(above)
        column.addWidget(halves, 1)
        return page

    # Which step

    def advance(self) -> None:
        """Show the next phase; behind the last one, or where no movie is shown, that of the next step."""
        if self.movie is None or self.player.position == self.player.last:
            self.record_step()
        elif not self._is_awaited:
            self.player.forward()

    @Slot()
    def record_step(self) -> None:
        """Go one step that is recorded, and show its movie as soon as it is there."""
        if not self._is_awaited and self.workbench.record():
            self.player.pause()
            self._is_awaited = True
            self._show_where()

    @property
    def is_behind(self) -> bool:
        """Whether training has gone on since the step that is shown."""
        newest = self.workbench.snapshot
        return self.movie is not None and newest is not None and newest.step > self.movie.record.step

    @Slot(object)
    def _look_for_record(self, snapshot: Snapshot) -> None:
        if snapshot.record is not None and snapshot.record is not self._record:
            self._record = snapshot.record
            image = min(self.controls.image.value(), len(snapshot.record.batch.labels) - 1)
            self._replayer.ask(Replay(snapshot.record, snapshot.config, snapshot.network, image))

    @Slot(int)
    def _choose_image(self, image: int) -> None:
        if self.movie is not None:
            shown = self.movie
            self._replayer.ask(Replay(shown.record, shown.config, shown.network, image))

    @Slot(int, int)
    def _choose_in_batch(self, plate: int, tile: int) -> None:
        """Follow an image of the batch that is clicked."""
        if plate == 0 and self._phase.kind is Kind.BATCH:
            self.controls.image.setValue(tile)

    @Slot(object)
    def _show_movie(self, movie: Movie) -> None:
        is_other = self.movie is None or self.movie.record is not movie.record
        self.movie = movie
        self._is_awaited = False
        self.controls.show_images(len(movie.record.batch.labels), movie.image)
        self._pages.setCurrentIndex(1)
        self._show_where()
        if is_other:
            self.phases = phases_of(movie.record, movie.config, movie.network)
            self.strip.show_phases(self.phases)
            self.player.load(len(self.phases))
        else:
            self._show_phase()

    @Slot()
    def _forget(self) -> None:
        """Show nothing of a run that was given up."""
        self.player.pause()
        self._replayer.forget()
        self.movie = self._record = None
        self.phases = ()
        self._is_awaited = False
        self._views.clear()
        self.canvas.show_plates(())
        self._pages.setCurrentIndex(0)
        self._show_where()

    @Slot(object)
    def _give_up_waiting(self, status: Status) -> None:
        """Expect no record of a run that has ended."""
        if status.phase is Phase.STOPPED:
            self._is_awaited = False
            self._show_where()

    # Which phase

    @property
    def _phase(self) -> StepPhase:
        return self.phases[self.player.position]

    @property
    def _view(self) -> View | None:
        """Which part of a layer's parameters is shown."""
        views = views_of(self.movie.network, self._phase)
        if not views:
            return None
        chosen = self._views.get(self._phase.layer)
        return views[view_at_first(self.movie, self._phase) if chosen is None else chosen]

    @Slot()
    def _show_phase(self) -> None:
        if self.movie is None:
            return
        if self.player.direction and not self.is_seen:
            self.player.pause()
        phase, view = self._phase, self._view
        views = views_of(self.movie.network, phase)
        self.controls.show_views([each.text for each in views], views.index(view) if views else -1)
        self.strip.setValue(self.player.position)
        self.canvas.show_plates(plates_of(self.movie, phase, view))
        self.canvas.setAccessibleDescription(f"{phase.title}: {', '.join(p.title for p in self.canvas.plates)}")
        self.text.show_phase(phase, facts_of(self.movie, phase, view))

    @Slot(int)
    def _choose_phase(self, position: int) -> None:
        if position != self.player.position:
            self.player.pause()
            self.player.go_to(position)

    @Slot(int)
    def _choose_view(self, index: int) -> None:
        self._views[self._phase.layer] = index
        self._show_phase()

    # The picture

    def _say(self, sentence: str) -> None:
        """Show ``sentence`` where there is no movie yet."""
        if sentence != self._sentence.text():
            self._sentence.setText(sentence)
            self._sentence.setFixedSize(_SENTENCE, self._sentence.heightForWidth(_SENTENCE))

    def _show_where(self) -> None:
        self._say(COMING if self._is_awaited else EMPTY)
        self._begin.setEnabled(not self._is_awaited)
        if self._is_awaited:
            self.where.setText("recording\u2026")
        elif self.movie is not None:
            newest = f" \u00b7 training at {self.workbench.snapshot.step:,}" if self.is_behind else ""
            self.where.setText(f"step {self.movie.record.step:,}{newest}")

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Tell where training is; the movie stays."""
        self._show_where()

    def numbers(self) -> list[Row]:
        """Return the arrays of the phase that is shown, a number a row."""
        if self.movie is None:
            return []
        rows: list[Row] = [("array", "tile", "row", "column", "value")]
        for plate in self.canvas.plates:
            rows += [(plate.title, *index, value) for index, value in np.ndenumerate(plate.values)]
        return rows

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        for part in (self.controls, self.strip, self.canvas, self.text):
            part.apply_theme(theme)

    def finish(self) -> None:
        """Rest, and wait for what is going on."""
        self.player.pause()
        self._replayer.finish()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Leave no thread behind."""
        self.finish()
        super().closeEvent(event)
