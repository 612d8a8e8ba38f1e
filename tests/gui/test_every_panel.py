"""Walks through every panel, and compares what it shows with what the run has.

A panel whose ``numbers`` are not empty needs a comparison here, under its name in ``COMPARISONS``.
"""

from dataclasses import asdict

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from cnnviz.explain.places import INPUT, Cell, Weight, gradient_at, value_at
from cnnviz.gui.confusion_matrix import cell_pixels
from cnnviz.gui.main_window import MainWindow
from cnnviz.gui.panels import PANELS
from cnnviz.gui.settings import Settings
from cnnviz.gui.theme import DARK
from cnnviz.gui.tiles import Coloring, color_pixels, number
from cnnviz.training.session import Phase

STROKES = [np.array([[0.2, 0.2], [0.8, 0.25], [0.5, 0.9]])]
ROUNDING = 1e-5


@pytest.fixture
def shown(own, live, wait_until):
    """Return a window in which a run has gone a few steps, been tested, and read a drawing that was labelled."""
    window = own(MainWindow(live, Settings(theme="dark"), None))
    window.resize(1920, 1080)
    window.show()
    for step in (1, 2, 3):
        live.step()
        wait_until(lambda step=step: live.poll() or live.snapshot.step >= step)
    live.evaluate()
    wait_until(lambda: live.poll() or (live.snapshot.history.tests and live.status.phase is Phase.PAUSED))
    window.drawing.pad.lay_strokes(STROKES)
    window.drawing.label_drawing(3)
    return window


def bring_to_front(window, panel, wait_until):
    window.docks[panel.name].raise_()
    wait_until(lambda: panel.is_seen)
    window.refresh()
    QTest.qWait(20)


def image_of(widget):
    """Return the pixels of ``widget``, uint32 0xffRRGGBB."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), -1)[:, : image.width()].copy()


def assert_painted(canvas, tiles, values, scale, coloring=Coloring.SIGNED):
    """Compare the colour of the cells of tiles, in a canvas, with that of ``values`` (tiles, rows, columns)."""
    image, (_, rows, columns) = image_of(canvas), values.shape
    expected = color_pixels(values, scale, coloring, DARK)
    for rect, colors in zip(tiles, expected, strict=True):
        (ys, i), (xs, j) = _samples(rows, int(rect.height())), _samples(columns, int(rect.width()))
        found = image[np.ix_(int(rect.top()) + ys, int(rect.left()) + xs)]
        assert (found == colors[np.ix_(i, j)]).mean() > 0.99, (rows, columns, rect)  # a frame may lie on some


def _samples(cells, pixels):
    """Return pixels of a row of cells, and which cell each of them shows.

    They are away from the middle of a cell, where figures are written, and from edges between pixels.
    """
    at = np.unique(((np.arange(cells) + 0.2) * pixels / cells).astype(int))
    first, middle = (((at + part) * cells / pixels).astype(int) for part in (0, 0.5))
    return at[first == middle], first[first == middle]


def assert_part_of(values, arrays):
    """Compare ``values`` with those that the run has, in whatever order they lie."""
    known = np.unique(np.concatenate([np.asarray(array, np.float32).ravel() for array in arrays]))
    assert np.isin(np.asarray(values, np.float32).ravel(), known).all()


# One function a panel


def compare_drawing(panel, snapshot, wait_until):
    _, *rows = panel.numbers()
    assert [row[1:3] for row in rows[:784]] == [(i, j) for i in range(28) for j in range(28)]
    grey = np.array([row[3] for row in rows[:784]]).reshape(28, 28)
    np.testing.assert_array_equal(grey, panel.image)
    probabilities = panel.workbench.classify_all(grey[np.newaxis], snapshot)[0]
    assert [row[3] for row in rows[784:]] == list(probabilities)
    square = panel.view._square().toRect()
    assert_painted(panel.view, [square], grey[np.newaxis], 255.0, Coloring.GREY)
    assert_bars(panel.bars, probabilities)


def assert_bars(bars, probabilities):
    """Compare how long the bar of each digit is painted."""
    image, accent = image_of(bars), int(DARK.accent.removeprefix("#"), 16) | 0xFF000000
    assert [f"{p}" for p in bars.probabilities] == [f"{p}" for p in probabilities]
    track = bars._track(bars.rect().toRectF().adjusted(0, 0, 0, bars._pitch() - bars.height()), bars.fontMetrics())
    row = image[int((probabilities.argmax() + 0.5) * bars._pitch())]
    assert (row == accent).sum() == pytest.approx(probabilities.max() * track.width(), abs=3)


def compare_experiment(panel, snapshot, wait_until):
    rows = dict(panel.numbers()[1:])
    facts = asdict(snapshot.config)
    assert rows.keys() == facts.keys()
    for name in ("preset", "dataset", "optimizer", "schedule", "lr", "epochs", "batch_size", "seed", "train_size"):
        assert rows[name] == facts[name], name
    for name in ("lr", "epochs", "batch_size", "seed", "train_size"):
        assert getattr(panel, name).value() == facts[name], name
    assert [panel.preset.currentData(), panel.optimizer.currentText()] == [facts["preset"], facts["optimizer"]]


def compare_cost(panel, snapshot, wait_until):
    history, (_, *rows) = snapshot.history, panel.numbers()
    assert [row[0] for row in rows] == [1, 2, 3]
    np.testing.assert_array_equal([row[1] for row in rows], history.losses)
    np.testing.assert_array_equal([row[2] for row in rows], history.accuracies)
    score = history.tests[-1].evaluation
    assert rows[2][3:5] == (score.loss, score.accuracy)
    np.testing.assert_allclose(panel.chart.raw.getData()[1], history.losses, rtol=1e-6)
    assert f"cost {history.losses.mean():.3f}" in panel.past.text()
    assert panel.tested.text() == f"test {100 * score.accuracy:.1f} %"


def compare_evaluation(panel, snapshot, wait_until):
    score, (_, *rows) = snapshot.history.tests[-1].evaluation, panel.numbers()
    np.testing.assert_array_equal([row[0] for row in rows], range(10))
    np.testing.assert_array_equal([row[1:11] for row in rows], score.confusion)
    np.testing.assert_array_equal([row[11] for row in rows], score.recall)
    assert panel.accuracy.text() == f"test accuracy {100 * score.accuracy:.1f} %"
    assert f"cost {score.loss:.3f} nats" in panel.details.text()
    grid, image = panel.matrix._grid(), image_of(panel.matrix)
    at = ((np.arange(10) + 0.2) * grid.width() / 10).astype(int) + 1
    found = image[np.ix_(int(grid.top()) + at, int(grid.left()) + at)]
    off = ~np.eye(10, dtype=bool)  # where the ring of the own digit lies is no colour of a cell
    assert (found == cell_pixels(score.confusion, DARK))[off].mean() > 0.95


def compare_reading(panel, snapshot, wait_until):
    wait_until(lambda: panel.strip.moments)
    _, *rows = panel.numbers()
    stages = np.stack([view.image for view in panel.stages])
    classify = panel.workbench.classify_all
    np.testing.assert_allclose([row[2:] for row in rows[: len(stages)]], classify(stages, snapshot), rtol=ROUNDING)
    course = np.stack([moment.image for moment in panel.strip.moments])
    assert len(rows) == len(stages) + len(course)
    np.testing.assert_allclose(
        np.array([row[2:] for row in rows[len(stages) :]]), classify(course, snapshot), rtol=1e-4, atol=1e-6
    )
    for view, row in zip(panel.stages, rows, strict=False):
        assert view.answer == (int(np.argmax(row[2:])), pytest.approx(max(row[2:])))
        side = view.height_for(view.width(), view.height())
        frame = view.rect().adjusted(0, 0, side - view.width(), side - view.height())
        assert_painted(view, [frame], view.image[np.newaxis], 255.0, Coloring.GREY)


def compare_collection(panel, snapshot, wait_until):
    (digit,), (_, *rows) = panel.workbench.own_digits.digits.values(), panel.numbers()
    answer = panel.workbench.classify_all(digit.ink.image[np.newaxis], snapshot)[0]
    assert len(rows) == 1
    assert rows[0][:2] == (1, 3)
    np.testing.assert_allclose(rows[0][2:], answer, rtol=ROUNDING)
    assert f"read as {answer.argmax()}" in panel.verdict.text()
    assert_painted(panel.view, [panel.view._square().toRect()], digit.ink.image[np.newaxis], 255.0, Coloring.GREY)


def source_of(snapshot, key, gradients=False):
    """Return the array that a group of tiles says it shows."""
    trace = snapshot.trace
    layer, _, name = key.partition("/")
    if name:
        return (trace.parameter_gradients if gradients else snapshot.parameters)[layer][name]
    if layer == INPUT:
        return trace.input_gradient if gradients else trace.probe.image[..., np.newaxis]
    return (trace.output_gradients if gradients else trace.outputs)[layer]


def assert_groups(canvas, source):
    """Compare the tiles of a canvas with the arrays of the run."""
    assert canvas.groups
    for group, placed in zip(canvas.groups, canvas.placed, strict=True):
        array = source(group.key)
        if array.ndim == 3:
            np.testing.assert_array_equal(group.values, np.moveaxis(array, 2, 0), err_msg=group.key)
        else:
            assert_part_of(group.values, [array])
        assert_painted(canvas, placed.tiles, group.values, group.scale, group.coloring)


def compare_network(panel, snapshot, wait_until):
    trace = snapshot.trace
    for row in panel.numbers()[1:]:
        layer, channel, i, j, value, gradient = row
        if layer == "probabilities":
            assert value == trace.probabilities[channel]
        else:
            place = Cell(layer, (channel,) if i == "" else (i, j, channel))
            assert (value, gradient) == (value_at(snapshot, place), gradient_at(snapshot, place)), place
    assert_groups(panel.canvas, lambda key: source_of(snapshot, key))
    panel.shown.setCurrentIndex(1)
    assert_groups(panel.canvas, lambda key: source_of(snapshot, key, gradients=True))
    assert_bars(panel.bars, trace.probabilities)
    assert f"cost {trace.loss:.3f}" in panel.answer.text()


def compare_filters(panel, snapshot, wait_until):
    for layer, name, *index, value, gradient in panel.numbers()[1:]:
        place = tuple(part for part in index if part != "")
        assert value == snapshot.parameters[layer][name][place]
        assert gradient == snapshot.gradients[layer][name][place]

    def array_of(parameters, key):
        layer, _, name = key.partition("/")
        return parameters[layer][name or "weight"]

    assert_groups(panel.canvas, lambda key: array_of(snapshot.parameters, key))
    panel.shown.setCurrentIndex(1)
    assert_groups(panel.canvas, lambda key: array_of(snapshot.gradients, key))


def compare_routing(panel, snapshot, wait_until):
    trace, pooled, layout = snapshot.trace, panel.canvas.pooled, panel.canvas._layout
    layer, channel = pooled.layer, pooled.channel
    for found, expected in (
        (pooled.before, trace.input_of(layer)),
        (pooled.maxima, trace.outputs[layer]),
        (pooled.arriving, trace.output_gradients[layer]),
        (pooled.handed_back, trace.gradient_into(layer)),
    ):
        np.testing.assert_array_equal(found, expected[..., channel])
    handed_back = np.zeros(pooled.handed_back.shape)
    for i, j, maximum, arriving, row, column, before, share, handed in panel.numbers()[1:]:
        assert maximum == trace.outputs[layer][i, j, channel]
        assert arriving == trace.output_gradients[layer][i, j, channel]
        assert before == trace.input_of(layer)[row, column, channel]
        assert handed == share * arriving
        handed_back[row, column] += handed
    np.testing.assert_allclose(handed_back, trace.gradient_into(layer)[..., channel], rtol=ROUNDING)
    assert_painted(panel.canvas, [layout.arriving], pooled.arriving[np.newaxis], pooled.gradient_scale)


def compare_inspector(panel, snapshot, wait_until):
    for place in (Cell("conv2", (4, 5, 6)), Weight("conv1", "weight", (3, 0, 1, 2)), Cell("dense2", (7,))):
        panel.workbench.choose(place)
        for back, value in ((False, value_at), (True, gradient_at)):
            panel.set_back(back)
            expected = value(snapshot, place)
            assert panel.numbers()[-1][-1] == expected
            assert panel.terms.total == pytest.approx(expected, rel=1e-3, abs=1e-5)
            assert number(value_at(snapshot, place)) in panel.heading.text()
            assert number(gradient_at(snapshot, place)) in panel.heading.text()
            assert_part_of(
                np.concatenate([factor.values.ravel() for factor in panel.terms.factors]),
                [*_all_arrays(snapshot), [0]],
            )


def _all_arrays(snapshot):
    trace = snapshot.trace
    return [
        trace.inputs,
        trace.input_gradient,
        *trace.outputs.values(),
        *trace.output_gradients.values(),
        snapshot.parameters.vector,
        trace.parameter_gradients.vector,
    ]


def compare_movie(panel, snapshot, wait_until):
    panel.record_step()
    wait_until(lambda: panel.workbench.poll() or panel.movie is not None)
    movie = panel.movie
    np.testing.assert_array_equal(movie.after.vector, panel.workbench.snapshot.parameters.vector)
    arrays = [
        movie.inputs,
        movie.record.batch.images,
        *movie.outputs.values(),
        *movie.output_gradients.values(),
        movie.exponentials,
        movie.probabilities,
        movie.gradients.vector,
        movie.after.vector,
        movie.changes.vector,
        movie.record.parameters.vector,
        *movie.factors.values(),
    ]
    for phase in range(len(panel.phases)):
        panel.player.go_to(phase)
        QCoreApplication.processEvents()
        assert_part_of([row[-1] for row in panel.numbers()[1:]], [*arrays, np.arange(11), [movie.cost]])
        for plate, placed in zip(panel.canvas.plates, panel.canvas.placed, strict=True):
            assert_painted(panel.canvas, placed.tiles, plate.values, plate.scale, plate.coloring)


COMPARISONS = {
    "collection": compare_collection,
    "cost": compare_cost,
    "drawing": compare_drawing,
    "evaluation": compare_evaluation,
    "experiment": compare_experiment,
    "filters": compare_filters,
    "inspector": compare_inspector,
    "movie": compare_movie,
    "network": compare_network,
    "reading": compare_reading,
    "routing": compare_routing,
}


@pytest.mark.parametrize("name", [panel.name for panel in PANELS])
def test_that_what_a_panel_shows_is_what_the_run_has(shown, live, wait_until, name):
    panel = shown.panels[name]
    bring_to_front(shown, panel, wait_until)
    if name not in COMPARISONS:
        assert panel.numbers() == [], f"compare the numbers of {name} with the run's: add compare_{name} in this file"
        return
    COMPARISONS[name](panel, live.snapshot, wait_until)
