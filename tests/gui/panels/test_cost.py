from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF
from PySide6.QtGui import QImage, QPainter, QPen
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from cnnviz.gui.chart_parts import Curve
from cnnviz.gui.panels.cost import NO_STEPS, CostPanel, past_text, step_text
from cnnviz.gui.theme import DARK, LIGHT, Theme
from cnnviz.gui.workbench import Workbench
from cnnviz.training.evaluation import Evaluation
from cnnviz.training.history import Edit, HistoryView, TestPoint
from cnnviz.training.snapshot import Snapshot

LONG = 200_000


@pytest.fixture
def panel(own: Callable[[QWidget], QWidget], workbench: Workbench) -> CostPanel:
    panel = own(CostPanel(workbench))
    panel.apply_theme(DARK)
    panel.resize(380, 210)
    panel.show()
    return panel


def score_at(step: int, right: int = 978, cost: float = 0.071) -> TestPoint:
    """Return a test of 1000 images of which ``right`` were recognised."""
    confusion = np.zeros((10, 10), int)
    confusion[0, :2] = right, 1000 - right
    return TestPoint(step, step / 1000, Evaluation(1000, cost, confusion))


def run_of(
    steps: int, tests: tuple[TestPoint, ...] = (), rates: tuple[tuple[int, float], ...] = ((0, 0.01),)
) -> HistoryView:
    """Return a falling cost and a rising accuracy, with noise."""
    rng, at = np.random.default_rng(0), np.arange(steps)
    losses = (2.3 * np.exp(-3 * at / max(steps, 1)) + rng.exponential(0.1, steps)).astype(np.float32)
    return HistoryView(losses, (rng.random(steps) < at / max(steps, 1)).astype(np.float32), tests, rates)


def with_history(snapshot: Snapshot, history: HistoryView, steps_per_epoch: int = 1000) -> Snapshot:
    return replace(snapshot, history=history, steps_per_epoch=steps_per_epoch, epochs=3)


def spoken(panel: CostPanel) -> list[str]:
    """Return a list of what the panel says from now on."""
    said: list[str] = []
    panel.hovered.connect(said.append)
    return said


def over(panel: CostPanel, step: float) -> QPoint:
    """Return the pixel of the chart at ``step``, half way up the lower plot."""
    view = panel.chart.accuracy_plot.vb
    return panel.chart.mapFromScene(view.mapViewToScene(QPointF(step, 50)))


def test_that_a_real_run_is_drawn_step_by_step(panel: CostPanel, snapshot: Snapshot) -> None:
    panel.show_snapshot(snapshot)
    steps, costs = panel.chart.raw.getData()
    np.testing.assert_array_equal(steps, [1, 2, 3])
    np.testing.assert_array_equal(costs, snapshot.history.losses)
    assert panel.chart.accuracy.getData()[1][-1] == pytest.approx(100 * snapshot.history.accuracies.mean())
    point = snapshot.history.tests[0]
    np.testing.assert_allclose(panel.chart.tested_cost.getData(), [[3], [point.evaluation.loss]])
    np.testing.assert_allclose(panel.chart.tested_accuracy.getData(), [[3], [100 * point.evaluation.accuracy]])


def test_that_curves_end_at_the_newest_step_with_its_values(panel: CostPanel, snapshot: Snapshot) -> None:
    history = run_of(LONG)
    panel.show_snapshot(with_history(snapshot, history))
    for curve in (panel.chart.smooth, panel.chart.accuracy):
        assert curve.getData()[0][[0, -1]] == pytest.approx([1, LONG])
    assert panel.chart.smooth.getData()[1][0] == history.losses[0]
    assert panel.chart.accuracy.getData()[1][-1] == pytest.approx(100 * history.accuracies[-100:].mean())
    assert panel.chart.raw.getData()[1].max() == history.losses.max()
    assert panel.chart.raw.getData()[1].min() == history.losses.min()


def test_that_a_long_run_is_drawn_with_few_points(panel: CostPanel, snapshot: Snapshot) -> None:
    panel.show_snapshot(with_history(snapshot, run_of(LONG)))
    for curve in (panel.chart.raw, panel.chart.smooth, panel.chart.accuracy, panel.chart.epochs):
        assert len(curve.getData()[0]) <= 2000


def test_that_the_line_on_top_says_what_zhou_prints(panel: CostPanel, snapshot: Snapshot) -> None:
    losses, accuracies = np.full(250, 0.312, np.float32), np.tile([1.0, 0.82], 125).astype(np.float32)
    panel.show_snapshot(with_history(snapshot, HistoryView(losses, accuracies, (score_at(200),), ())))
    assert panel.past.text() == "past 100 steps: cost 0.312 · accuracy 91 %"
    assert panel.tested.text() == "test 97.8 %"


def test_that_a_young_run_does_not_claim_a_hundred_steps() -> None:
    assert past_text(run_of(1)).startswith("past 1 step: cost 2.")
    assert past_text(run_of(37)).startswith("past 37 steps: cost ")


def test_that_a_large_cost_is_as_wide_as_a_small_one() -> None:
    costly = HistoryView(np.full(100, 12.3456, np.float32), np.zeros(100, np.float32), (), ())
    assert past_text(costly) == "past 100 steps: cost 12.35 · accuracy 0 %"


def test_that_before_the_first_step_there_are_axes_and_a_sentence(panel: CostPanel, snapshot: Snapshot) -> None:
    panel.show_snapshot(with_history(snapshot, run_of(0)))
    assert panel.past.text() == NO_STEPS
    assert panel.tested.text() == ""
    assert len(panel.chart.raw.getData()[0] if panel.chart.raw.getData()[0] is not None else ()) == 0
    assert panel.chart.cost_plot.getAxis("left").labelText == "cost, nats"
    assert panel.chart.accuracy_plot.getAxis("left").labelText == "accuracy"
    assert [text for _, text in panel.chart.accuracy_plot.getAxis("left")._tickLevels[0]] == ["0 %", "50 %", "100 %"]


def test_that_a_new_run_starts_afresh(panel: CostPanel, workbench: Workbench, snapshot: Snapshot) -> None:
    panel.show_snapshot(with_history(snapshot, run_of(900, (score_at(500),))))
    workbench.run_started.emit()
    assert panel.past.text() == NO_STEPS
    assert len(panel.chart.smooth.getData()[0] if panel.chart.smooth.getData()[0] is not None else ()) == 0
    panel.show_snapshot(with_history(snapshot, run_of(4)))
    np.testing.assert_array_equal(panel.chart.raw.getData()[0], [1, 2, 3, 4])
    assert panel.tested.text() == ""
    assert panel.chart.accuracy_plot.vb.viewRange()[0][1] < 20


def test_that_fewer_steps_than_before_are_drawn_as_they_are(panel: CostPanel, snapshot: Snapshot) -> None:
    panel.show_snapshot(with_history(snapshot, run_of(900)))
    panel.show_snapshot(with_history(snapshot, run_of(5)))
    assert len(panel.chart.raw.getData()[0]) == 5


def test_that_the_log_button_draws_logarithms_on_an_axis_of_costs(panel: CostPanel, snapshot: Snapshot) -> None:
    history = run_of(400, (score_at(300),))
    panel.show_snapshot(with_history(snapshot, history))
    panel.logarithmic.click()
    np.testing.assert_allclose(panel.chart.raw.getData()[1], np.log10(history.losses), rtol=1e-6)
    np.testing.assert_allclose(panel.chart.tested_cost.getData()[1], [np.log10(0.071)])
    ticks = dict(panel.chart.cost_plot.getAxis("left")._tickLevels[0])
    assert ticks[-1.0] == "0.1"
    panel.logarithmic.click()
    np.testing.assert_allclose(panel.chart.raw.getData()[1], history.losses)


def test_that_a_cost_of_zero_does_not_break_the_logarithmic_axis(panel: CostPanel, snapshot: Snapshot) -> None:
    panel.logarithmic.click()
    zeros = np.zeros(50, np.float32)
    panel.show_snapshot(with_history(snapshot, HistoryView(zeros, zeros, (), ())))
    assert np.isfinite(panel.chart.raw.getData()[1]).all()
    panel.grab()


def test_that_epochs_and_new_learning_rates_are_marked(panel: CostPanel, snapshot: Snapshot) -> None:
    history = run_of(2500, rates=((0, 0.01), (1200, 0.005)))
    panel.show_snapshot(with_history(snapshot, history, steps_per_epoch=1000))
    np.testing.assert_array_equal(panel.chart.epochs.getData()[0], [1000, 1000, 2000, 2000])
    np.testing.assert_array_equal(panel.chart.rates.getData()[0], [1200, 1200])


def test_that_parameters_set_by_hand_are_marked_and_the_newest_is_named(panel: CostPanel, snapshot: Snapshot) -> None:
    history = run_of(2500)
    panel.show_snapshot(with_history(snapshot, history))
    assert not panel.chart.edits.isVisible()
    edits = (Edit(0, "conv1/bias[3]", 0.0, 0.5), Edit(2000, "conv1/weight[3,0,1,2]", 0.25, -1.25))
    panel.show_snapshot(with_history(snapshot, history._replace(edits=edits)))
    np.testing.assert_array_equal(panel.chart.edits.getData()[0], [0, 2000])
    assert panel.chart.edits.isVisible()
    assert panel.chart.edit_text.toPlainText() == "conv1/weight[3,0,1,2] \u2192 \u22121.25"
    assert panel.chart.edit_text.pos().x() == 2000
    bottom, top = panel.chart.cost_plot.viewRange()[1]
    assert all(bottom < y < bottom + 0.2 * (top - bottom) for y in panel.chart.edits.getData()[1])


@pytest.mark.parametrize("step", [0, 1000, 1700, 2500])
def test_that_what_was_set_by_hand_is_named_within_the_plot(panel: CostPanel, snapshot: Snapshot, step: int) -> None:
    edit = Edit(step, "dense1/weight[103,640]", 0.25, -1.25)
    panel.show_snapshot(with_history(snapshot, run_of(2500)._replace(edits=(edit,))))
    panel.grab()
    text, plot = panel.chart.edit_text.sceneBoundingRect(), panel.chart.cost_plot.vb.sceneBoundingRect()
    assert plot.left() <= text.left()
    assert text.right() <= plot.right()


def test_that_near_an_edit_the_readout_names_parameter_and_values() -> None:
    history = run_of(2500)._replace(edits=(Edit(1000, "conv1/weight[3,0,1,2]", 0.25, -1.25),))
    said = "conv1/weight[3,0,1,2] set by hand after step 1,000: 0.25 \u2192 \u22121.25"
    assert said in step_text(history, 1004, 5)
    assert said not in step_text(history, 1006, 5)


def test_that_the_newest_test_accuracy_stands_beside_its_marker(panel: CostPanel, snapshot: Snapshot) -> None:
    panel.show_snapshot(with_history(snapshot, run_of(2500, (score_at(1000, 950), score_at(2000, 978)))))
    assert panel.chart.test_value.toPlainText() == "97.8 %"
    assert panel.chart.test_value.pos() == QPointF(2000, 97.8)


def test_that_the_mouse_reads_out_the_nearest_step(panel: CostPanel, snapshot: Snapshot) -> None:
    history = run_of(50)
    panel.show_snapshot(with_history(snapshot, history))
    said = spoken(panel)
    QTest.mouseMove(panel.chart.viewport(), over(panel, 20.2))
    text = said[-1]
    assert text.startswith(
        f"step 20: cost {history.losses[19]:.3f} nats, accuracy {100 * history.accuracies[19]:.0f} %"
    )
    assert text.endswith(
        f"past 20 steps: cost {history.losses[:20].mean():.3f} · accuracy {100 * history.accuracies[:20].mean():.0f} %"
    )


def test_that_beyond_the_last_step_the_mouse_reads_out_the_last(panel: CostPanel, snapshot: Snapshot) -> None:
    panel.show_snapshot(with_history(snapshot, run_of(52)))
    said = spoken(panel)
    QTest.mouseMove(panel.chart.viewport(), over(panel, 70))
    assert said[-1].startswith("step 52: ")


def test_that_the_mouse_says_nothing_of_an_empty_chart(panel: CostPanel, snapshot: Snapshot) -> None:
    panel.show_snapshot(with_history(snapshot, run_of(0)))
    said = spoken(panel)
    QTest.mouseMove(panel.chart.viewport(), over(panel, 20))
    assert set(said) <= {""}


def test_that_near_markers_the_readout_names_tests_and_learning_rates() -> None:
    history = run_of(2500, (score_at(1000),), ((0, 0.01), (1000, 0.005)))
    near = step_text(history, 1004, 5)
    assert "test after step 1,000: cost 0.071 nats, 97.8 %" in near
    assert "learning rate 0.005 from step 1,001 on" in near
    assert "test" not in step_text(history, 1006, 5)
    assert "learning rate" not in step_text(history, 3, 5)


def test_that_the_wheel_and_the_right_button_leave_the_axes_alone(panel: CostPanel, snapshot: Snapshot) -> None:
    panel.show_snapshot(with_history(snapshot, run_of(50)))
    for plot in (panel.chart.cost_plot, panel.chart.accuracy_plot):
        assert plot.vb.state["mouseEnabled"] == [False, False]
        assert not plot.vb.menuEnabled()


@pytest.mark.parametrize("theme", [DARK, LIGHT])
@pytest.mark.parametrize("size", [(300, 180), (380, 210), (640, 400)])
def test_that_it_is_painted_in_both_themes(
    panel: CostPanel, snapshot: Snapshot, theme: Theme, size: tuple[int, int]
) -> None:
    panel.apply_theme(theme)
    panel.resize(*size)
    panel.show_snapshot(with_history(snapshot, run_of(1500, (score_at(1000),))))
    image = panel.grab().toImage()
    colors = {
        image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height() // 4, image.height())
    }
    assert {theme.accent, theme.surface} <= colors


def test_that_the_first_step_is_drawn_though_it_makes_no_line(qapp):
    curve = Curve()
    curve.setPen(QPen("white"))
    curve.show_points(np.array([5.0]), np.array([5.0]))
    picture = QImage(10, 10, QImage.Format.Format_RGB32)
    picture.fill(0)
    with QPainter(picture) as painter:
        curve.paint(painter, None)
    assert picture.pixelColor(5, 5).lightness() == 255
