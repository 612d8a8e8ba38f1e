"""How a drawing comes to be read: each stage of its preparation, and the answer along the pen's path."""

import time
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from PySide6.QtCore import QSize, QTimer, Slot
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QWidget

from cnnviz.data.stages import STAGES, stages_of_drawing, stages_of_picture
from cnnviz.gui.course import Moment
from cnnviz.gui.course_strip import CourseStrip
from cnnviz.gui.pad import PEN_WIDTH
from cnnviz.gui.panels.drawing import DrawingPanel
from cnnviz.gui.panels.panel import Panel, Row
from cnnviz.gui.stage_view import StageView
from cnnviz.gui.theme import GRID, Theme
from cnnviz.gui.throttle import Throttle
from cnnviz.gui.workbench import Workbench
from cnnviz.training.evaluation import CLASSES
from cnnviz.training.snapshot import Snapshot

EMPTY = "Draw a digit: the answer is shown here along the path of the pen"
NO_PATH = "A picture has no path; draw a digit to see how its answer comes about"
NO_NETWORK = "The answer appears as soon as the network is there"

_STAGES_EVERY = 0.1  # seconds; the pen comes first
_COURSE_EVERY = 0.25  # seconds
_SLICE = 0.003  # seconds of work on the course at a time
_REST = 3  # times as long as a slice is rested before the next
_AT_A_TIME = 10  # images that are classified before the clock is looked at
_HEADING = 2 * GRID  # pixels; height of a heading


@dataclass
class _Job:
    """The course of a drawing, being classified by one network."""

    moments: list[Moment]
    snapshot: Snapshot
    parts: list[np.ndarray] = field(default_factory=list)  # of the probabilities

    @property
    def done(self) -> int:
        """How many moments have been classified."""
        return sum(map(len, self.parts))


class ReadingPanel(Panel):
    """What preparation does to the drawing, and what the network took it for while it came about.

    Attributes
    ----------
    stages : list of StageView
    strip : CourseStrip
    """

    name: ClassVar[str] = "reading"
    title: ClassVar[str] = "Reading"
    about: ClassVar[str] = (
        "Above, the drawing after each stage of its preparation, and what the network takes it for if nothing more is "
        "done: framed, where that is another digit than in the end. Below, the ten probabilities while the pen moved; "
        "drag along them to go back."
    )
    interval: ClassVar[float] = 0.1

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench, parent)
        self._drawing: DrawingPanel | None = None
        self._job: _Job | None = None
        self._answers: np.ndarray | None = None  # to the stages, shape (4, 10)
        self._look_soon = Throttle(_STAGES_EVERY, self)
        self._look_soon.timeout.connect(self._look)
        self._course_soon = Throttle(_COURSE_EVERY, self)
        self._course_soon.timeout.connect(self._begin_course)
        self._work_on = QTimer(self)
        self._work_on.setSingleShot(True)
        self._work_on.timeout.connect(self._work)
        self._headings = [self._heading(text) for text in ("Preparation, stage by stage", "Answer along the path")]
        self.stages = [StageView(stage, self) for stage in STAGES]
        self.strip = CourseStrip(self)
        self.strip.show_sentence(EMPTY)
        self.strip.hovered.connect(self.hovered)
        workbench.run_started.connect(self._look_soon.request)

    def _heading(self, text: str) -> QLabel:
        label = QLabel(text, self)
        label.setProperty("role", "small")
        return label

    def watch(self, drawing: DrawingPanel) -> None:
        """Follow what is on the pad of ``drawing``, and let it show the moment that is looked at here."""
        self._drawing = drawing
        drawing.drawing_read.connect(self._on_drawing_read)
        self.strip.chosen.connect(drawing.show_moment)

    def numbers(self) -> list[Row]:
        """Return the ten probabilities for each stage of preparation, and along the path of the pen."""
        if self._answers is None:
            return []
        heading = ("stage", "part of the path", *(f"probability of {digit}" for digit in range(CLASSES)))
        stages = ((stage.title, None, *row) for stage, row in zip(STAGES, self._answers, strict=True))
        course = zip(self.strip.moments, self.strip.probabilities, strict=True)
        return [heading, *stages, *((None, moment.share, *row) for moment, row in course)]

    # When to look

    @Slot()
    def _on_drawing_read(self) -> None:
        self.strip.forget_cursor()
        self._look_soon.request()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Look anew: the network has learnt."""
        self._look_soon.request()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Catch up with what happened while the panel was hidden."""
        super().showEvent(event)
        self.catch_up()

    def catch_up(self) -> None:
        """Look anew: the drawing may be another one."""
        self._look_soon.request()

    @Slot()
    def _look(self) -> None:
        """Show the stages of what is on the pad, and have its course shown soon, if anybody sees it."""
        if self._drawing is None or not self.is_seen:
            return
        self._show_stages()
        if not self._drawing.sheet.strokes:
            self._job = None
            self.strip.show_sentence(EMPTY if self._drawing.sheet.is_empty else NO_PATH)
        elif self.workbench.snapshot is None:
            self._job = None
            self.strip.show_sentence(NO_NETWORK)
        else:
            self._course_soon.request()

    # The stages

    def _show_stages(self) -> None:
        images, answers = self._staged(), [None] * len(STAGES)
        snapshot = self.workbench.snapshot
        self._answers = None
        if images is None:
            images = answers
        elif snapshot is not None:
            self._answers = self.workbench.classify_all(images, snapshot)
            answers = [(int(row.argmax()), float(row.max())) for row in self._answers]
        for view, image, answer in zip(self.stages, images, answers, strict=True):
            view.show_stage(image, answer, answer is not None and answer[0] != answers[-1][0])

    def _staged(self) -> np.ndarray | None:
        """Return what is on the pad after each stage, shape (4, 28, 28); None for an empty pad."""
        sheet, prepared = self._drawing.sheet, self._drawing.image
        if prepared is None or sheet.is_empty:
            return None
        if sheet.picture is not None:
            return stages_of_picture(sheet.picture.pixels, prepared)
        return stages_of_drawing(self._drawing.strokes, PEN_WIDTH, prepared)

    # The course

    @Slot()
    def _begin_course(self) -> None:
        """Begin with the course as it is now; one that is under way is finished first."""
        if self._work_on.isActive():
            self._course_soon.request()
        else:
            self._work()

    @Slot()
    def _work(self) -> None:
        """Work on the course for a moment, then rest for a longer one, so that the pen never waits."""
        began = time.perf_counter()
        while self._do_a_little():
            if time.perf_counter() - began > _SLICE:
                self._work_on.start(round(1000 * _REST * (time.perf_counter() - began)))
                return

    def _do_a_little(self) -> bool:
        """Prepare a missing image, or classify some, or show the whole; return whether there is more to be done."""
        drawing, snapshot = self._drawing, self.workbench.snapshot
        if drawing.image is None or not drawing.sheet.strokes or snapshot is None or not self.is_seen:
            self._job = None
            return False
        if self._job is None:
            if (points := drawing.course.missing()) is not None:
                drawing.course.record(points, drawing.prepare_first(points))
                return True
            self._job = _Job(drawing.course.moments(drawing.image), snapshot)
        job = self._job
        if (done := job.done) < len(job.moments):
            images = np.stack([moment.image for moment in job.moments[done : done + _AT_A_TIME]])
            job.parts.append(self.workbench.classify_all(images, job.snapshot))
            return True
        self._job = None
        self.strip.show_course(job.moments, np.concatenate(job.parts))
        return False

    # The picture

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        for part in (*self.stages, self.strip):
            part.apply_theme(theme)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a comfortable size."""
        return QSize(720, 320)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the least size in which all is legible."""
        stage, strip = self.stages[0].minimumSizeHint(), self.strip.minimumSizeHint()
        width = max(len(STAGES) * (stage.width() + GRID) + GRID, strip.width() + 2 * GRID)
        return QSize(width, 2 * _HEADING + stage.height() + strip.height() + 2 * GRID)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Put the stages side by side, and the course below them."""
        area = self.rect().adjusted(GRID, 0, -GRID, -GRID // 2)
        width = (area.width() - (len(STAGES) - 1) * GRID) // len(STAGES)
        room = area.height() - 2 * _HEADING - GRID - self.strip.minimumSizeHint().height()
        height = self.stages[0].height_for(width, room)
        above, below = self._headings
        above.setGeometry(area.x(), area.y(), area.width(), _HEADING)
        for index, view in enumerate(self.stages):
            view.setGeometry(area.x() + index * (width + GRID), area.y() + _HEADING, width, height)
        top = area.y() + _HEADING + height + GRID
        below.setGeometry(area.x(), top, area.width(), _HEADING)
        top += _HEADING
        self.strip.setGeometry(area.x(), top, area.width(), area.bottom() + 1 - top)
