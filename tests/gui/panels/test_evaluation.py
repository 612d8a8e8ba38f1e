from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from cnnviz.data.drawing import Drawing
from cnnviz.gui.confusion_matrix import cell_pixels, error_shares, scale_for
from cnnviz.gui.panels.evaluation import NO_TEST, EvaluationPanel
from cnnviz.gui.theme import DARK, LIGHT, Theme, magnitude_colors
from cnnviz.gui.workbench import Workbench
from cnnviz.training.evaluation import Evaluation
from cnnviz.training.history import TestPoint
from cnnviz.training.session import Phase, Status
from cnnviz.training.snapshot import Snapshot

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def panel(own: Callable[[QWidget], QWidget], workbench: Workbench) -> EvaluationPanel:
    workbench.status_changed.emit(Status(Phase.PAUSED))
    panel = own(EvaluationPanel(workbench))
    panel.apply_theme(DARK)
    panel.resize(380, 190)
    panel.show()
    workbench.status_changed.emit(Status(Phase.PAUSED))
    return panel


def confusion() -> np.ndarray:
    """Return 982 images of a 4, eleven of them taken for a 9, and 900 of each other digit, recognised."""
    counts = np.diag(np.full(10, 900))
    counts[4, 4], counts[4, 9] = 971, 11
    return counts


def point(step: int = 3126, epoch: float = 2.0, counts: np.ndarray | None = None) -> TestPoint:
    counts = confusion() if counts is None else counts
    return TestPoint(step, epoch, Evaluation(int(counts.sum()), 0.0712, counts))


def with_tests(snapshot: Snapshot, *points: TestPoint) -> Snapshot:
    return replace(snapshot, history=snapshot.history._replace(tests=points))


def cell(panel: EvaluationPanel, row: int, column: int) -> QPoint:
    grid = panel.matrix._grid()
    side = grid.width() / 10
    return QPoint(round(grid.left() + (column + 0.5) * side), round(grid.top() + (row + 0.5) * side))


def spoken(panel: EvaluationPanel) -> list[str]:
    """Return a list of what the panel says from now on."""
    said: list[str] = []
    panel.hovered.connect(said.append)
    return said


def test_that_the_newest_test_is_shown_in_figures(panel: EvaluationPanel, snapshot: Snapshot) -> None:
    panel.show_snapshot(with_tests(snapshot, point(1000, 0.6, np.eye(10, dtype=int)), point()))
    assert panel.accuracy.text() == "test accuracy 99.9 %"
    assert panel.details.text() == "cost 0.071 nats · 9,082 digits · epoch 2.0"


def test_that_a_real_evaluation_is_shown(panel: EvaluationPanel, snapshot: Snapshot) -> None:
    panel.show_snapshot(snapshot)
    score = snapshot.history.tests[0].evaluation
    assert panel.accuracy.text() == f"test accuracy {100 * score.accuracy:.1f} %"
    np.testing.assert_array_equal(panel.bars.evaluation.recall, score.recall)
    np.testing.assert_array_equal(panel.matrix.evaluation.confusion, score.confusion)


def test_that_bars_are_as_high_as_the_recall(panel: EvaluationPanel, snapshot: Snapshot) -> None:
    counts = np.diag(np.full(10, 100))
    counts[3, 3], counts[3, 5] = 50, 50
    counts[7] = 0  # no such image
    panel.show_snapshot(with_tests(snapshot, point(counts=counts)))
    full = panel.bars.bar(0)
    assert panel.bars.bar(3).height() == pytest.approx(full.height() / 2)
    assert panel.bars.bar(3).bottom() == full.bottom()
    assert panel.bars.bar(7).height() == 0


def test_that_the_mouse_on_a_cell_says_what_was_taken_for_what(panel: EvaluationPanel, snapshot: Snapshot) -> None:
    panel.show_snapshot(with_tests(snapshot, point()))
    said = spoken(panel)
    QTest.mouseMove(panel.matrix, cell(panel, 4, 9))
    assert said[-1] == "4 taken for 9: 11 of 982 (1.1 %)"
    QTest.mouseMove(panel.matrix, cell(panel, 0, 0))
    assert said[-1] == "0 taken for 0: 900 of 900 (100.0 %)"
    QTest.mouseMove(panel.matrix, QPoint(1, 1))
    assert said[-1] == ""


def test_that_the_readout_follows_a_new_test_under_a_resting_mouse(panel: EvaluationPanel, snapshot: Snapshot) -> None:
    panel.show_snapshot(with_tests(snapshot, point()))
    QTest.mouseMove(panel.matrix, cell(panel, 4, 9))
    said = spoken(panel)
    better = confusion()
    better[4, 4], better[4, 9] = 980, 2
    panel.show_snapshot(with_tests(snapshot, point(), point(4000, 2.5, better)))
    assert said[-1] == "4 taken for 9: 2 of 982 (0.2 %)"


def test_that_the_mouse_on_a_bar_says_the_recall(panel: EvaluationPanel, snapshot: Snapshot) -> None:
    counts = confusion()
    counts[7] = 0
    panel.show_snapshot(with_tests(snapshot, point(counts=counts)))
    said = spoken(panel)
    QTest.mouseMove(panel.bars, panel.bars.bar(4).center().toPoint())
    assert said[-1] == "recall of 4: 971 of 982 (98.9 %)"
    QTest.mouseMove(panel.bars, panel.bars.bar(7).center().toPoint() - QPoint(0, 20))
    assert said[-1] == "no 7 among the test images"


def test_that_colours_are_shares_of_the_row_with_a_neutral_diagonal() -> None:
    counts = np.diag([500, 50, *[100] * 8])
    counts[0, 1] = counts[1, 0] = 10
    shares = error_shares(counts)
    assert shares[0, 1] == pytest.approx(10 / 510)
    assert shares[1, 0] == pytest.approx(10 / 60)
    assert np.all(np.diag(shares) == 0)
    assert scale_for(shares) == 0.2
    pixels, colors = cell_pixels(counts, DARK), magnitude_colors()
    assert pixels[1, 0] == colors[round(255 * np.sqrt(10 / 60 / 0.2))]
    assert pixels[2, 3] == colors[0]
    assert all(pixels[digit, digit] == QColor(DARK.neutral).rgb() for digit in range(10))


def test_that_a_confusion_of_two_per_cent_is_seen_beside_one_of_all() -> None:
    counts = np.diag(np.full(10, 100))
    counts[1] = 0
    counts[1, 2] = 100
    counts[5, 5], counts[5, 6] = 98, 2
    seen, nothing = (int(cell_pixels(counts, LIGHT)[5, column]) for column in (6, 7))
    channels = [(seen >> shift & 255) - (nothing >> shift & 255) for shift in (0, 8, 16)]
    assert max(abs(difference) for difference in channels) > 25


def test_that_without_a_test_there_is_a_sentence_and_the_button(panel: EvaluationPanel, snapshot: Snapshot) -> None:
    panel.show_snapshot(with_tests(snapshot))
    assert panel.details.text() == NO_TEST
    assert panel.test.isEnabled()
    assert not panel.earlier.isVisible()
    said = spoken(panel)
    QTest.mouseMove(panel.matrix, cell(panel, 4, 9))
    assert said == []


def test_that_a_new_run_clears_the_scores(panel: EvaluationPanel, workbench: Workbench, snapshot: Snapshot) -> None:
    panel.show_snapshot(with_tests(snapshot, point(1000), point(2000)))
    workbench.run_started.emit()
    assert panel.details.text() == NO_TEST
    assert panel.bars.evaluation is panel.matrix.evaluation is None
    assert panel.earlier.count() == 0


def test_that_earlier_tests_can_be_looked_at(panel: EvaluationPanel, snapshot: Snapshot) -> None:
    first, second = point(1000, 0.6, np.eye(10, dtype=int)), point()
    panel.show_snapshot(with_tests(snapshot, first, second))
    assert [panel.earlier.itemText(index) for index in range(2)] == ["step 3,126", "step 1,000"]
    panel.earlier.setCurrentIndex(1)
    assert panel.details.text() == "cost 0.071 nats · 10 digits · epoch 0.6"
    assert panel.matrix.evaluation is first.evaluation


def test_that_the_same_tests_again_leave_the_choice_and_a_new_one_is_shown(
    panel: EvaluationPanel, snapshot: Snapshot
) -> None:
    shown = with_tests(snapshot, point(1000, 0.6), point())
    panel.show_snapshot(shown)
    panel.earlier.setCurrentIndex(1)
    panel.show_snapshot(replace(shown, step=4000))
    assert panel.earlier.currentText() == "step 1,000"
    panel.show_snapshot(with_tests(snapshot, *shown.history.tests, point(5000, 3.0)))
    assert panel.earlier.currentText() == "step 5,000"
    assert panel.details.text().endswith(" epoch 3.0")


def test_that_test_now_asks_the_workbench(
    panel: EvaluationPanel, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(workbench, "evaluate", lambda: asked.append("evaluate"))
    monkeypatch.setattr(workbench, "cancel_evaluation", lambda: asked.append("cancel"))
    QTest.mouseClick(panel.test, LEFT)
    assert asked == ["evaluate"]


def test_that_while_testing_the_button_cancels_and_progress_is_shown(
    panel: EvaluationPanel, workbench: Workbench, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(workbench, "evaluate", lambda: asked.append("evaluate"))
    monkeypatch.setattr(workbench, "cancel_evaluation", lambda: asked.append("cancel"))
    panel.show_snapshot(with_tests(snapshot, point(1000), point()))
    workbench.status_changed.emit(Status(Phase.TESTING, 3000, 10_000))
    assert panel.test.text() == "Cancel"
    assert panel.progress.text() == "testing \u20073,000 / 10,000"
    assert not panel.earlier.isVisible()
    QTest.mouseClick(panel.test, LEFT)
    assert asked == ["cancel"]
    workbench.status_changed.emit(Status(Phase.TRAINING))
    assert panel.test.text() == "Test now"
    assert panel.progress.text() == ""
    assert panel.earlier.isVisible()


def test_that_while_data_are_loaded_there_is_nothing_to_test(panel: EvaluationPanel, workbench: Workbench) -> None:
    workbench.status_changed.emit(Status(Phase.LOADING))
    assert not panel.test.isEnabled()


@pytest.mark.parametrize("size", [(380, 190), (380, 290), (640, 360), (900, 200)])
def test_that_the_matrix_is_square_and_all_of_it_is_within(
    panel: EvaluationPanel, snapshot: Snapshot, size: tuple[int, int]
) -> None:
    panel.resize(*size)
    panel.show_snapshot(with_tests(snapshot, point(1000), point()))
    panel.grab()
    assert (panel.width(), panel.height()) == size
    grid = panel.matrix._grid()
    assert grid.width() == grid.height() >= 100
    assert panel.matrix.rect().contains(grid.toRect())
    assert panel.bars.geometry().right() < panel.matrix.geometry().left()
    assert panel.rect().contains(panel.test.geometry())


@pytest.mark.parametrize("theme", [DARK, LIGHT])
def test_that_it_is_painted_in_both_themes(panel: EvaluationPanel, snapshot: Snapshot, theme: Theme) -> None:
    panel.apply_theme(theme)
    panel.resize(640, 360)
    panel.show_snapshot(with_tests(snapshot, point(1000), point()))
    bars, matrix = panel.bars.grab().toImage(), panel.matrix.grab().toImage()
    assert bars.pixelColor(panel.bars.bar(4).center().toPoint()).name() == theme.accent
    spot = cell(panel, 4, 9) - QPoint(9, 9)  # beside the figure
    assert matrix.pixelColor(spot).rgb() == int(cell_pixels(confusion(), theme)[4, 9])


# The user's own digits


class Reader:
    """Stands in for a network: takes every image for the same digit."""

    def __init__(self, digit: int) -> None:
        self.digit = digit

    def predict(self, x: np.ndarray, parameters: object, workspace: object) -> np.ndarray:
        return np.tile(np.where(np.arange(10) == self.digit, 0.91, 0.01), (len(x), 1)).astype(np.float32)


def one_stroke(seed: int) -> Drawing:
    return Drawing([np.random.default_rng(seed).uniform(0.1, 0.9, (5, 2))], None)


@pytest.fixture
def own_panel(panel: EvaluationPanel, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> EvaluationPanel:
    """Return the panel with a 7 of the user's, labelled when it was taken for a 2."""
    monkeypatch.setattr("cnnviz.gui.own_digits._ANSWER_EVERY", 0.0)
    own = panel.workbench.own_digits
    own.take(replace(snapshot, network=Reader(2)))
    own.keep(one_stroke(1), 7)
    work(panel)
    yield panel
    own._work.stop()


def work(panel: EvaluationPanel) -> None:
    while panel.workbench.own_digits._work.isActive():
        panel.workbench.own_digits._do_some()


def takes_for(panel: EvaluationPanel, snapshot: Snapshot, digit: int) -> None:
    """Let a network that takes everything for ``digit`` be shown."""
    panel.show_snapshot(replace(snapshot, network=Reader(digit)))
    work(panel)


def has_ring(panel: EvaluationPanel, row: int, column: int) -> bool:
    """Return whether there is something bright above and below a cell, where a ring around it is."""
    place, image = cell(panel, row, column), panel.matrix.grab().toImage()
    radius = round(max(panel.matrix._grid().width() / 20 + 1, 6.0))
    bright = [
        max(image.pixelColor(place.x(), place.y() + side * radius + off).lightnessF() for off in (-1, 0, 1))
        for side in (-1, 1)
    ]
    return min(bright) > 0.8


@pytest.mark.parametrize("mine", [False, True], ids=["test digits", "my digits"])
def test_that_a_ring_moves_from_cell_to_cell_as_the_network_learns(
    own_panel: EvaluationPanel, snapshot: Snapshot, mine: bool
) -> None:
    panel = own_panel
    panel.mine.setChecked(mine)
    assert panel.matrix._mark == (7, (2,))
    assert has_ring(panel, 7, 2)
    assert not has_ring(panel, 7, 7)
    takes_for(panel, snapshot, 7)
    assert panel.matrix._mark == (7, (2, 7))
    assert has_ring(panel, 7, 7)
    assert not has_ring(panel, 7, 2)
    between, image = cell(panel, 7, 4), panel.matrix.grab().toImage()
    assert max(image.pixelColor(between + QPoint(0, off)).lightnessF() for off in (-1, 0, 1)) > 0.6


def test_that_the_ring_is_around_the_selected_digit_and_goes_with_the_last_one(
    own_panel: EvaluationPanel, snapshot: Snapshot
) -> None:
    own = own_panel.workbench.own_digits
    seven = own.selected
    own.keep(one_stroke(2), 4)
    assert own_panel.matrix._mark == (4, (2,))
    own.select(seven)
    assert own_panel.matrix._mark == (7, (2,))
    own.clear()
    assert own_panel.matrix._mark is None


def test_that_the_scores_of_own_digits_follow_every_snapshot(own_panel: EvaluationPanel, snapshot: Snapshot) -> None:
    panel = own_panel
    panel.workbench.own_digits.keep(one_stroke(2), 4)
    takes_for(panel, snapshot, 7)
    assert panel.accuracy.text().startswith("test accuracy")
    QTest.mouseClick(panel.mine, LEFT)
    work(panel)
    assert panel.accuracy.text() == "1 of 2 of mine read right"
    assert panel.details.text() == f"50.0 % · cost 2.350 nats · at step {snapshot.step}"
    takes_for(panel, snapshot, 4)
    assert (panel.matrix.evaluation.confusion[7, 4], panel.matrix.evaluation.confusion[4, 4]) == (1, 1)
    assert panel.bars.evaluation.recall[4] == 1.0
    QTest.mouseClick(panel.mine, LEFT)
    assert panel.accuracy.text().startswith("test accuracy")


def test_that_without_own_digits_the_panel_says_how_to_begin(panel: EvaluationPanel, snapshot: Snapshot) -> None:
    panel.show_snapshot(snapshot)
    QTest.mouseClick(panel.mine, LEFT)
    assert panel.accuracy.text() == "No digits of yours yet"
    assert "0 to 9" in panel.details.text()
    assert panel.matrix.evaluation is None


def test_that_cells_of_own_digits_are_told_as_such(own_panel: EvaluationPanel, snapshot: Snapshot) -> None:
    panel = own_panel
    takes_for(panel, snapshot, 2)
    QTest.mouseClick(panel.mine, LEFT)
    said = spoken(panel)
    QTest.mouseMove(panel.matrix, cell(panel, 7, 2))
    QTest.mouseMove(panel.matrix, cell(panel, 3, 3))
    assert said == ["7 taken for 2: 1 of 1 (100.0 %) · the ring: my digit", "no 3 among the digits of yours"]


def test_that_earlier_tests_are_offered_for_test_digits_only(panel: EvaluationPanel, snapshot: Snapshot) -> None:
    panel.show_snapshot(with_tests(snapshot, point(1000, 0.6), point()))
    assert panel.earlier.isVisible()
    QTest.mouseClick(panel.mine, LEFT)
    assert not panel.earlier.isVisible()
    QTest.mouseClick(panel.mine, LEFT)
    assert panel.earlier.isVisible()
