"""Scores on the test set: recall of each digit, and which digits are taken for which."""

from typing import ClassVar

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from cnnviz.gui.confusion_matrix import ConfusionMatrix
from cnnviz.gui.panels.panel import Panel, Row
from cnnviz.gui.recall_bars import RecallBars
from cnnviz.gui.theme import GRID, SMALL, Theme
from cnnviz.gui.workbench import Workbench
from cnnviz.training.evaluation import CLASSES, Evaluation
from cnnviz.training.history import TestPoint
from cnnviz.training.session import Phase, Status
from cnnviz.training.snapshot import Snapshot

FIGURE_SPACE = "\u2007"  # as wide as a digit
NO_TEST = "The scores appear after the first epoch, or with Test now"
NO_DIGITS = "Draw one on the pad and press the key of what it is, 0 to 9"
COMPACT = "padding: 0 6px; min-height: 18px;"
SMALLEST = f"padding: 0 4px; min-height: 14px; font-size: {SMALL}px;"


class EvaluationPanel(Panel):
    """The newest scores on the test set, or earlier ones."""

    name: ClassVar[str] = "evaluation"
    title: ClassVar[str] = "Evaluation"
    about: ClassVar[str] = (
        "Left, the share of each digit's test images that the network recognises; right, what it takes the others for: "
        "rows are what an image shows, columns what it was taken for. The test comes after every epoch, and on demand; "
        "a ring marks your own digit and moves with what it is taken for, from a dot where it was when you labelled it."
    )

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench, parent)
        self._tests: tuple[TestPoint, ...] = ()
        self._testing = False
        self._own = workbench.own_digits
        self._snapshot: Snapshot | None = None
        self.accuracy, self.details, self.progress = QLabel(), QLabel(), QLabel()
        self.bars, self.matrix = RecallBars(), ConfusionMatrix()
        self.earlier = QComboBox()
        self.earlier.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
        self.mine = QPushButton("My digits")
        self.test = QPushButton()
        self.test.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._set_up_controls()
        self._lay_out()
        self._forget()
        self._follow(workbench.status)
        workbench.run_started.connect(self._forget)
        workbench.status_changed.connect(self._follow)
        own = self._own
        for signal in (own.changed, own.answered, own.selected_answered, own.selected_changed):
            signal.connect(self._show_own_digits)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the newest scores of ``snapshot``, if they are new, and let its network read the user's digits."""
        self._snapshot = snapshot
        self._set_tests(snapshot.history.tests)
        if self._shows_own_digits:
            self._own.follow(snapshot)
        else:
            self._own.follow_selected(snapshot)

    def numbers(self) -> list[Row]:
        """Return the confusion matrix, a row for each true digit, with the recall of that digit."""
        score = self.matrix.evaluation
        if score is None:
            return []
        heading = ("true digit", *(f"taken for {digit}" for digit in range(CLASSES)), "recall")
        return [
            heading,
            *((n, *row, recall) for n, (row, recall) in enumerate(zip(score.confusion, score.recall, strict=True))),
        ]

    def catch_up(self) -> None:
        """Show the scores as they are now."""
        self._show(self.earlier.currentIndex())

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self.bars.apply_theme(theme)
        self.matrix.apply_theme(theme)

    # Making

    def _set_up_controls(self) -> None:
        self.accuracy.setStyleSheet("font-weight: 600;")
        for label in (self.details, self.progress):
            label.setProperty("role", "small")
        for label in (self.accuracy, self.details):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)  # never widens the panel
        self.earlier.setAccessibleName("Test to look at")
        self.earlier.setToolTip("Look at the scores of an earlier step (arrow keys)")
        self.earlier.currentIndexChanged.connect(self._show)
        self.bars.setAccessibleName("Recall of each digit")
        self.matrix.setAccessibleName("Confusion matrix")
        self.bars.hovered.connect(self.hovered)
        self.matrix.hovered.connect(self.hovered)
        self.test.clicked.connect(self._test_or_cancel)
        self.mine.setCheckable(True)
        self.mine.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.mine.setAccessibleName("My digits")
        self.mine.setToolTip("Show the scores of your own digits, as they are read now, instead of the test images'")
        self.mine.toggled.connect(self._switch)
        for control in (self.mine, self.test):
            control.setStyleSheet(COMPACT)

        self.earlier.setStyleSheet(SMALLEST)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(GRID)
        head.addWidget(self.accuracy, 1)
        head.addWidget(self.mine)
        head.addWidget(self.test)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, 0, GRID, GRID // 2)
        layout.setSpacing(0)
        second = QHBoxLayout()
        second.setSpacing(GRID)
        second.addWidget(self.details, 1)
        second.addWidget(self.progress, 1)
        second.addWidget(self.earlier)
        layout.addLayout(head)
        layout.addLayout(second)
        layout.addWidget(_Pictures(self.bars, self.matrix), 1)

    # Showing

    @Slot()
    def _forget(self) -> None:
        self._tests = ()
        self._list_tests()

    def _set_tests(self, tests: tuple[TestPoint, ...]) -> None:
        if tests is not self._tests:
            self._tests = tests
            self._list_tests()

    def _list_tests(self) -> None:
        """Offer all tests, the newest first, and show that one."""
        with QSignalBlocker(self.earlier):
            self.earlier.clear()
            self.earlier.addItems([f"step {point.step:,}" for point in reversed(self._tests)])
        self._hide_or_show_list()
        self._show(0)

    @Slot()
    def _switch(self) -> None:
        """Show the scores of what was chosen."""
        self._hide_or_show_list()
        self._show(self.earlier.currentIndex())
        if self._snapshot is not None:
            self.show_snapshot(self._snapshot)

    @property
    def _shows_own_digits(self) -> bool:
        return self.mine.isChecked()

    @Slot()
    def _show_own_digits(self) -> None:
        """Show where the selected one of the user's digits is, and their scores where these are chosen."""
        key = self._own.selected
        trail = self._own.trails.get(key)
        self.matrix.show_mark((self._own.digits[key].label, tuple(trail)) if trail else None)
        if self._shows_own_digits and self.is_seen:
            self._show_own_scores()

    def _show_own_scores(self) -> None:
        score = self._own.evaluation()
        self.accuracy.setText(own_accuracy_text(score, len(self._own.digits)))
        self.details.setText(NO_DIGITS if score is None else own_details_text(score, self._snapshot))
        self.bars.show_evaluation(score, "digits of yours")
        self.matrix.show_evaluation(score, "digits of yours")

    @Slot(int)
    def _show(self, index: int) -> None:
        if self._shows_own_digits:
            self._show_own_scores()
            return
        point = self._tests[-1 - max(index, 0)] if self._tests else None
        self.accuracy.setText("Not tested yet" if point is None else accuracy_text(point))
        self.details.setText(NO_TEST if point is None else details_text(point))
        self.bars.show_evaluation(point and point.evaluation)
        self.matrix.show_evaluation(point and point.evaluation)

    @Slot(object)
    def _follow(self, status: Status) -> None:
        """Make the button fit what the worker does."""
        self._testing = testing = status.phase is Phase.TESTING
        self.test.setText("Cancel" if testing else "Test now")
        self.test.setToolTip(
            "Leave out the test that is under way (Ctrl+T)"
            if testing
            else "Score the network on all test images now (Ctrl+T)"
        )
        self.test.setAccessibleName("Cancel the test" if testing else "Test now")
        self.test.setEnabled(status.phase not in (Phase.LOADING, Phase.STOPPED))
        self.progress.setText(progress_text(status) if testing else "")
        self.progress.setVisible(testing)
        self.details.setVisible(not testing)
        self._hide_or_show_list()

    def _hide_or_show_list(self) -> None:
        self.earlier.setVisible(len(self._tests) > 1 and not self._testing and not self._shows_own_digits)

    @Slot()
    def _test_or_cancel(self) -> None:
        if self._testing:
            self.workbench.cancel_evaluation()
        else:
            self.workbench.evaluate()


class _Pictures(QWidget):
    """Gives the matrix the width that the height asks for, and the bars the rest."""

    def __init__(self, bars: RecallBars, matrix: ConfusionMatrix) -> None:
        super().__init__()
        self._bars, self._matrix = bars, matrix
        for picture in (bars, matrix):
            picture.setParent(self)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        bars, matrix = self._bars.minimumSizeHint(), self._matrix.minimumSizeHint()
        return QSize(bars.width() + GRID + matrix.width(), max(bars.height(), matrix.height()))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        width, height = self.width(), self.height()
        square = min(self._matrix.width_for(height), width - GRID - self._bars.minimumSizeHint().width())
        self._bars.setGeometry(0, 0, width - GRID - square, height)
        self._matrix.setGeometry(width - square, 0, square, height)


def accuracy_text(point: TestPoint) -> str:
    """Return the accuracy of a test, in words."""
    return f"test accuracy {100 * point.evaluation.accuracy:.1f} %"


def details_text(point: TestPoint) -> str:
    """Return what else is to be said of a test."""
    score = point.evaluation
    return f"cost {score.loss:.3f} nats · {score.samples:,} digits · epoch {point.epoch:.1f}"


def own_accuracy_text(score: Evaluation | None, count: int) -> str:
    """Return how many of the user's ``count`` digits are read as what they are."""
    if score is None:
        return f"{count:,} of mine, not read yet" if count else "No digits of yours yet"
    right = round(score.accuracy * score.samples)
    return f"{right:,} of {score.samples:,} of mine read right"


def own_details_text(score: Evaluation, snapshot: Snapshot | None) -> str:
    """Return what else is to be said of the scores of the user's digits."""
    step = "" if snapshot is None else f" · at step {snapshot.step:,}"
    return f"{100 * score.accuracy:.1f} % · cost {score.loss:.3f} nats{step}"


def progress_text(status: Status) -> str:
    """Return how far a test is, in words that keep their width."""
    total = f"{status.total:,}"
    return f"testing {f'{status.done:,}'.rjust(len(total), FIGURE_SPACE)} / {total}"
