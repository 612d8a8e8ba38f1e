from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from cnnviz.explain.places import INPUT, Cell
from cnnviz.explain.routing import Passage, passage_in_batch, route, route_batch
from cnnviz.gui.panels.routing import NO_BATCH, NO_POOLING, NOTHING_YET, RoutingPanel
from cnnviz.gui.pooling import PooledChannel, strongest_channel, window_text
from cnnviz.gui.theme import DARK, LIGHT, Theme, signed_colors
from cnnviz.gui.tiles import Coloring, color_pixels
from cnnviz.gui.workbench import Workbench
from cnnviz.nn import Conv2D, Dense, Flatten, MaxPool2D, Network, ReLU
from cnnviz.training.batches import Batch
from cnnviz.training.snapshot import Snapshot, trace

BEFORE, MAXIMA, ARRIVING, HANDED_BACK = range(4)


@pytest.fixture
def panel(own: Callable[[QWidget], QWidget], workbench: Workbench) -> RoutingPanel:
    panel = own(RoutingPanel(workbench))
    panel.apply_theme(DARK)
    panel.resize(380, 290)
    panel.show()
    return panel


def through(snapshot: Snapshot, network: Network) -> Snapshot:
    """Return ``snapshot`` as if it were one of ``network``, untrained."""
    parameters = network.initialize(np.random.default_rng(3))
    traced = trace(network, parameters, snapshot.trace.probe, snapshot.normalization)
    return replace(snapshot, network=network, parameters=parameters, trace=traced)


def on_a_plain_ground(snapshot: Snapshot, ties: str = "first") -> Snapshot:
    """Return ``snapshot`` with a bar on black as its probe, and another tie policy."""
    image = np.zeros((28, 28), np.uint8)
    image[6:20, 10:14] = 255
    network = Network(snapshot.network.name, {**snapshot.network.layers, "pool1": MaxPool2D(2, 2, ties)})
    probe = replace(snapshot.trace.probe, image=image)
    traced = trace(network, snapshot.parameters, probe, snapshot.normalization)
    return replace(snapshot, network=network, trace=traced)


def point_at(panel: RoutingPanel, window: tuple[int, int], map_: int = BEFORE) -> None:
    QTest.mouseMove(panel.canvas, QPoint(1, 1))
    QTest.mouseMove(panel.canvas, panel._layout.places_of(window)[map_].center().toPoint())


def heard(panel: RoutingPanel) -> list[str]:
    """Return what the panel tells the status bar from now on."""
    readings: list[str] = []
    panel.hovered.connect(readings.append)
    return readings


def turn_wheel(widget: QWidget, angle: int, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    middle = QPointF(widget.rect().center())
    position = QPointF(widget.mapToGlobal(middle.toPoint()))
    phase = Qt.ScrollPhase.NoScrollPhase
    QApplication.sendEvent(
        widget,
        QWheelEvent(middle, position, QPoint(), QPoint(0, angle), Qt.MouseButton.NoButton, keys, phase, False),
    )


def color_at(panel: RoutingPanel, position: QPointF) -> QColor:
    return panel.canvas.grab().toImage().pixelColor(position.toPoint())


# What is shown


def test_that_without_a_snapshot_a_sentence_says_what_will_appear(panel):
    assert panel.canvas._sentence == NOTHING_YET
    assert panel.canvas.pooled is None
    assert not panel.strip.isVisible()


@pytest.mark.parametrize("map_", [BEFORE, MAXIMA, ARRIVING, HANDED_BACK])
@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_that_the_colours_on_the_screen_are_those_of_the_traces_numbers(
    panel: RoutingPanel, zhou_snapshot: Snapshot, map_: int, theme: Theme
):
    panel.apply_theme(theme)
    panel.show_snapshot(zhou_snapshot)
    traced, layout, channel = zhou_snapshot.trace, panel._layout, panel.controls.channel.value()
    values = (
        traced.outputs["conv1"],
        traced.outputs["pool1"],
        traced.output_gradients["pool1"],
        traced.output_gradients["conv1"],
    )[map_][:, :, channel]
    scale = panel._pooled.activation_scale if map_ in (BEFORE, MAXIMA) else panel._pooled.gradient_scale
    expected = color_pixels(values, scale, Coloring.SIGNED, theme)
    picture, place = panel.canvas.grab().toImage(), layout.maps()[map_][0]
    marked = {cell for window in np.ndindex(13, 13) for cell in panel._pooled.winning_cells(window)}
    for row, column in {(0, 0), (0, 1), (3, 5), (4, 5), (12, 12), (11, 12), (values.shape[0] - 1, 2)} - marked:
        corner = place.topLeft() + QPointF(column, row) * layout.cell
        found = picture.pixelColor((corner + QPointF(layout.cell - 1, layout.cell - 1)).toPoint())
        assert found.name() == QColor(int(expected[row, column])).name()


def test_that_the_channel_with_the_largest_gradient_is_shown_first_and_then_stays(panel, snapshot):
    panel.show_snapshot(snapshot)
    strongest = strongest_channel(snapshot.trace.output_gradients["pool1"])
    assert panel.controls.channel.value() == strongest
    other = (strongest + 1) % 8
    panel.controls.channel.setValue(other)
    panel.show_snapshot(replace(snapshot, step=snapshot.step + 1))
    assert panel.controls.channel.value() == other
    QTest.mouseClick(panel.controls.strongest, Qt.MouseButton.LeftButton)
    assert panel.controls.channel.value() == strongest
    assert panel.canvas.pooled.channel == strongest


def test_that_the_only_pooling_layer_needs_no_choice(panel, snapshot):
    panel.show_snapshot(snapshot)
    assert not panel.controls.layer.isVisible()
    assert panel.controls.kind.text() == "pool1, 2×2"
    panel.resize(640, 500)
    assert panel.controls.kind.isVisible()
    assert panel.controls.channel.text() == f"channel {panel.controls.channel.value()}  (0\u20137)"


def test_that_one_of_several_pooling_layers_can_be_chosen(panel, snapshot):
    layers = {
        "conv1": Conv2D(4, 5),
        "pool1": MaxPool2D(2, 2),
        "conv2": Conv2D(16, 3),
        "pool2": MaxPool2D(3, 2, "split"),
        "flatten": Flatten(),
        "dense1": Dense(10),
    }
    both = through(snapshot, Network("deep", layers))
    panel.show_snapshot(both)
    assert panel.controls.layer.isVisible()
    assert [panel.controls.layer.itemText(i) for i in range(2)] == ["pool1", "pool2"]
    assert panel.controls.channel.maximum() == 3
    panel.controls.layer.setCurrentText("pool2")
    assert panel.controls.channel.maximum() == 15
    assert panel.controls.kind.text() == "pool2, 3×3"
    np.testing.assert_array_equal(
        panel.canvas.pooled.before, both.trace.outputs["conv2"][:, :, panel.controls.channel.value()]
    )
    panel.grab()


def test_that_a_network_without_pooling_is_told_so_and_the_next_one_is_shown_again(panel, snapshot):
    panel.show_snapshot(
        through(snapshot, Network("flat", {"relu1": ReLU(), "flatten": Flatten(), "dense1": Dense(10)}))
    )
    assert panel.canvas._sentence == NO_POOLING
    assert not panel.controls.channel.isVisible()
    panel.grab()
    panel.show_snapshot(snapshot)
    assert panel.controls.channel.isVisible()
    assert panel.canvas.pooled.maxima.shape == (10, 10)


def test_that_another_network_in_the_next_snapshot_is_taken_on(panel, snapshot, zhou_snapshot):
    panel.show_snapshot(snapshot)
    point_at(panel, (9, 9))
    panel.show_snapshot(zhou_snapshot)
    panel.grab()
    assert panel.canvas.pooled.before.shape == (26, 26)
    assert panel.controls.channel.value() == strongest_channel(zhou_snapshot.trace.output_gradients["pool1"])
    assert "new winner" not in panel.facts.text()
    panel.show_snapshot(snapshot)
    panel.grab()
    assert panel.canvas.pooled.before.shape == (20, 20)


# What is said


def test_that_the_sums_of_both_gradients_are_told_and_ticked_off(panel, snapshot):
    panel.show_snapshot(snapshot)
    gradients = snapshot.trace.output_gradients["pool1"][:, :, panel.controls.channel.value()]
    shown = f"{gradients.sum(dtype=float):#.3g}".replace("-", "\u2212")
    assert f"in {shown}, out {shown}" in panel.facts.text()
    assert panel.meter.routing.is_conserved("first")


def test_that_new_winners_are_counted_from_snapshot_to_snapshot_of_a_run(panel, zhou_snapshot):
    panel.show_snapshot(zhou_snapshot)
    assert "new winner" not in panel.facts.text()
    before = zhou_snapshot.trace.outputs["conv1"].copy()
    before[4:6, 6:8] = before[5:3:-1, 7:5:-1]  # the window in row 2, column 3, turned by half a circle
    following = replace(
        zhou_snapshot, trace=replace(zhou_snapshot.trace, outputs={**zhou_snapshot.trace.outputs, "conv1": before})
    )
    panel.show_snapshot(following)
    assert "1 new winner\n" in panel.facts.text()
    panel.show_snapshot(following)  # the same once more, as when another panel was opened
    assert "1 new winner\n" in panel.facts.text()
    panel.show_snapshot(replace(following))
    assert "0 new winners" in panel.facts.text()


def retraced(snapshot: Snapshot, image: np.ndarray) -> Snapshot:
    """Return ``snapshot`` with ``image`` as its probe."""
    probe = replace(snapshot.trace.probe, image=image)
    return replace(snapshot, trace=trace(snapshot.network, snapshot.parameters, probe, snapshot.normalization))


def test_that_another_probe_has_new_winners_only_where_the_parameters_changed_them(panel, make_snapshot):
    earlier, now = make_snapshot("escontrela", 2), make_snapshot("escontrela", 3)
    now = replace(now, network=earlier.network)
    panel.show_snapshot(earlier)
    panel.show_snapshot(now)
    only = slice(panel.controls.channel.value(), panel.controls.channel.value() + 1)
    nothing = np.zeros((1, 10, 10, 1), np.float32)
    image = now.trace.probe.image
    for shown, before in (
        (retraced(now, 255 - image), earlier),  # the parameters are the same, so it is still seen what changed them
        (replace(retraced(earlier, image), step=4), now),
    ):
        panel.show_snapshot(shown)
        after = shown.trace.outputs["relu2"][np.newaxis, ..., only]
        ahead = retraced(before, shown.trace.probe.image).trace.outputs["relu2"][np.newaxis, ..., only]
        expected = route(now.network.layers["pool1"], after, nothing, ahead).changed
        assert panel.meter.routing.changed == expected
        assert 0 < expected["first"] < 60


# What if


@pytest.mark.parametrize("usual", ["first", "all"])
def test_that_the_networks_own_tie_policy_is_shown_at_first(panel, zhou_snapshot, usual):
    panel.show_snapshot(on_a_plain_ground(zhou_snapshot, usual))
    assert panel.shown_ties == usual
    assert [ties for ties, button in panel.meter.buttons.items() if button.isChecked()] == [usual]
    assert panel.adopt.isHidden()
    assert not panel.canvas.pooled.is_supposed


def test_that_another_tie_policy_is_shown_at_once_on_the_same_gradients(panel, zhou_snapshot):
    plain = on_a_plain_ground(zhou_snapshot)
    panel.show_snapshot(plain)
    QTest.mouseClick(panel.meter.buttons["all"], Qt.MouseButton.LeftButton)
    pooled, pool = panel.canvas.pooled, MaxPool2D(2, 2, "all")
    _, cache = pool.forward(plain.trace.outputs["conv1"][np.newaxis], {})
    expected = pool.input_gradient(plain.trace.output_gradients["pool1"][np.newaxis], cache, {})[0]
    np.testing.assert_array_equal(pooled.handed_back, expected[..., pooled.channel])
    np.testing.assert_array_equal(pooled.arriving, plain.trace.output_gradients["pool1"][..., pooled.channel])
    assert panel.facts.text().startswith(f"{100 * pooled.tied.sum() / 169:.0f}\u00a0% tied")
    back = f"{pooled.handed_back.sum(dtype=float):#.3g}".replace("-", "\u2212")
    assert panel.facts.text().endswith(f", out {back}")
    panel.show_snapshot(replace(plain, step=plain.step + 1))
    assert panel.shown_ties == "all"


def test_that_a_run_begins_anew_with_the_policy_that_is_shown(panel, workbench, snapshot, monkeypatch):
    started = []
    monkeypatch.setattr(workbench, "try_run", started.append)
    panel.resize(640, 500)
    panel.show_snapshot(snapshot)
    QTest.mouseClick(panel.meter.buttons["split"], Qt.MouseButton.LeftButton)
    assert panel.adopt.text() == "Train with \u201csplit\u201d"
    QTest.mouseClick(panel.adopt, Qt.MouseButton.LeftButton)
    assert started == [replace(workbench.config, ties="split")]
    workbench.run_started.emit()
    panel.show_snapshot(on_a_plain_ground(snapshot, "split"))
    assert panel.shown_ties == "split"
    assert panel.adopt.isHidden()
    panel.show_snapshot(snapshot)
    assert panel.shown_ties == "first"


# The batch


def choose_batch(panel: RoutingPanel, wait_until: Callable[..., None]) -> None:
    panel.controls.source.setCurrentText("Batch")
    wait_until(lambda: panel.meter.routing is not None)


def test_that_before_the_first_step_there_is_no_batch_and_a_sentence_says_so(panel, untrained_snapshot):
    panel.show_snapshot(untrained_snapshot)
    panel.controls.source.setCurrentText("Batch")
    assert panel.canvas._sentence == NO_BATCH
    assert panel.controls.isVisible()
    assert not panel.controls.image.isVisible()
    assert panel.numbers() == []
    panel.grab()
    panel.controls.source.setCurrentText("Probe")
    assert panel.canvas.pooled is not None


def test_that_one_image_of_the_batch_is_drawn_and_all_are_counted(panel, snapshot, wait_until):
    panel.resize(480, 290)
    panel.show_snapshot(snapshot)
    choose_batch(panel, wait_until)
    assert panel.controls.image.text() == "image 0  (0\u20137)"
    panel.controls.image.setValue(3)
    channel = panel.controls.channel.value()
    np.testing.assert_array_equal(
        panel.canvas.pooled.before, passage_in_batch(snapshot, "pool1", 3).before[:, :, channel]
    )
    *_, expected = route_batch(snapshot, "pool1")
    assert panel.meter.routing == expected
    assert panel.facts.text().startswith("all 8 images, 8 channels\n")
    panel.controls.source.setCurrentText("Probe")
    assert panel.meter.routing.images == 1
    np.testing.assert_array_equal(panel.canvas.pooled.before, snapshot.trace.outputs["relu2"][:, :, channel])


def test_that_the_strongest_channel_is_that_of_the_image_of_the_batch(panel, snapshot, wait_until):
    panel.show_snapshot(snapshot)
    choose_batch(panel, wait_until)
    for image in range(8):
        panel.controls.image.setValue(image)
        QTest.mouseClick(panel.controls.strongest, Qt.MouseButton.LeftButton)
        gradients = passage_in_batch(snapshot, "pool1", image).arriving
        assert panel.controls.channel.value() == strongest_channel(gradients)


def test_that_new_winners_of_the_batch_are_counted_in_its_own_images(panel, make_snapshot, wait_until):
    earlier, now = make_snapshot("escontrela", 2), make_snapshot("escontrela", 3)
    now = replace(now, network=earlier.network)
    panel.show_snapshot(earlier)
    panel.show_snapshot(now)
    choose_batch(panel, wait_until)
    *_, expected = route_batch(now, "pool1", earlier)
    assert panel.meter.routing.changed == expected.changed


def test_that_the_figures_follow_the_newest_batch(panel, make_snapshot, wait_until):
    earlier, now = make_snapshot("zhou", 2), make_snapshot("zhou", 3)
    panel.show_snapshot(earlier)
    choose_batch(panel, wait_until)
    panel.show_snapshot(replace(now, network=earlier.network))
    *_, expected = route_batch(now, "pool1", earlier)
    wait_until(lambda: panel.meter.routing == expected)


@pytest.mark.parametrize(("key", "steps"), [(Qt.Key.Key_Down, 1), (Qt.Key.Key_Up, -1)])
def test_that_upright_arrow_keys_and_the_shifted_wheel_go_to_the_next_image(panel, snapshot, wait_until, key, steps):
    panel.show_snapshot(snapshot)
    QTest.keyClick(panel.canvas, key)  # of the probe there is only one
    choose_batch(panel, wait_until)
    assert panel.controls.image.value() == 0
    panel.controls.image.setValue(4)
    QTest.keyClick(panel.canvas, key)
    assert panel.controls.image.value() == 4 + steps
    turn_wheel(panel.canvas, 120, Qt.KeyboardModifier.ShiftModifier)
    assert panel.controls.image.value() == 5 + steps


def test_that_a_hidden_panel_counts_nothing(panel, snapshot, wait_until):
    panel.show_snapshot(snapshot)
    choose_batch(panel, wait_until)
    panel.hide()
    assert panel._batch.routing is None
    assert not panel._batch._rest.isActive()
    panel.show_snapshot(replace(snapshot))
    assert not panel._batch._thread.isRunning()


# Places for other panels


@pytest.mark.parametrize(
    ("map_", "layer", "index"),
    [
        (BEFORE, "relu2", (9, 14)),
        (MAXIMA, "pool1", (4, 7)),
        (ARRIVING, "pool1", (4, 7)),
        (HANDED_BACK, "relu2", (9, 14)),
    ],
)
def test_that_a_cell_under_the_mouse_is_pointed_at_and_chosen_by_a_click(
    panel, workbench, snapshot, map_, layer, index
):
    panel.show_snapshot(snapshot)
    cell = Cell(layer, (*index, panel.controls.channel.value()))
    corner = panel._layout.maps()[map_][0].topLeft()
    place = (corner + QPointF(index[1] + 0.5, index[0] + 0.5) * panel._layout.cell).toPoint()
    QTest.mouseMove(panel.canvas, place)
    assert workbench.pointed == cell
    assert workbench.subject is None
    QTest.mouseClick(panel.canvas, Qt.MouseButton.LeftButton, pos=place)
    assert workbench.subject == cell
    QTest.mouseMove(panel.canvas, QPoint(1, 1))
    assert workbench.pointed is None


def test_that_where_pooling_comes_first_a_cell_is_a_pixel(panel, workbench, snapshot):
    layers = {"pool1": MaxPool2D(2, 2), "flatten": Flatten(), "dense1": Dense(10)}
    panel.show_snapshot(through(snapshot, Network("pooling alone", layers)))
    QTest.mouseMove(panel.canvas, panel._layout.before.center().toPoint())
    assert workbench.pointed.layer == INPUT


def test_that_cells_of_a_batch_are_none_of_the_probes(panel, workbench, snapshot, wait_until):
    panel.show_snapshot(snapshot)
    choose_batch(panel, wait_until)
    place = panel._layout.before.center().toPoint()
    QTest.mouseMove(panel.canvas, place)
    QTest.mouseClick(panel.canvas, Qt.MouseButton.LeftButton, pos=place)
    assert (workbench.pointed, workbench.subject) == (None, None)


def test_that_the_numbers_are_those_of_the_channel_that_is_shown(panel, snapshot):
    assert panel.numbers() == []
    panel.show_snapshot(snapshot)
    panel.controls.channel.setValue(5)
    heading, *rows = panel.numbers()
    assert "gradient arriving" in heading
    assert len(rows) == 400
    values = {(row[4], row[5]): row[6] for row in rows}
    assert values[7, 11] == snapshot.trace.outputs["relu2"][7, 11, 5]


# Marks


def test_that_several_winners_are_marked_where_every_tied_maximum_wins(panel, zhou_snapshot):
    panel.show_snapshot(on_a_plain_ground(zhou_snapshot, "all"))
    pooled, layout = panel.canvas.pooled, panel._layout
    window = next(tuple(w) for w in np.argwhere(pooled.tied & ~pooled.silent))
    assert pooled.winners[window].sum() > 1
    _, equals, _ = panel.canvas._marks
    place = layout.places_of(window)[BEFORE]
    assert sum(place.contains(mark + QPointF(0.1, 0.1)) for mark in equals) == pooled.winners[window].sum()
    dot = color_at(panel, place.topLeft() + QPointF(layout.cell, layout.cell) / 2)
    assert dot.name() != QColor(int(signed_colors(DARK)[127])).name()


def test_that_a_clear_winner_is_marked_in_the_accent_colour_at_its_cell(panel, snapshot):
    panel.resize(640, 500)
    panel.show_snapshot(snapshot)
    pooled, layout = panel.canvas.pooled, panel._layout
    window = next(tuple(w) for w in np.argwhere(~pooled.tied))
    ((row, column),) = pooled.winning_cells(window)
    centre = layout.before.topLeft() + QPointF(column + 0.5, row + 0.5) * layout.cell
    assert color_at(panel, centre).name() == DARK.accent
    assert len(panel.canvas._marks[0]) == (~pooled.tied).sum()


def test_that_silent_windows_are_hatched_in_all_maps_and_others_are_not(panel, snapshot):
    shown = on_a_plain_ground(snapshot)
    panel.show_snapshot(shown)
    loud = (shown.trace.outputs["pool1"] > 0).mean(axis=(0, 1))
    panel.controls.channel.setValue(int(np.abs(loud - 0.5).argmin()))
    pooled, layout = panel.canvas.pooled, panel._layout
    silent = np.argwhere(pooled.silent)
    assert 0 < len(silent) < 100
    assert all(place in panel.canvas._hatched for window in silent for place in layout.places_of(tuple(window)))
    assert len(panel.canvas._hatched) == 4 * len(silent)
    picture, place = panel.canvas.grab().toImage(), layout.places_of(tuple(silent[0]))[MAXIMA].toRect()
    colors = {picture.pixelColor(x, y).name() for x in range(place.left(), place.right() + 1) for y in (place.top(),)}
    assert len(colors) > 1


# Pointing


@pytest.mark.parametrize("map_", [BEFORE, MAXIMA, ARRIVING, HANDED_BACK])
def test_that_a_window_under_the_mouse_is_read_out(panel, snapshot, map_):
    panel.show_snapshot(snapshot)
    readings = heard(panel)
    point_at(panel, (4, 7), map_)
    assert panel.canvas.window == (4, 7)
    text = readings[-1]
    assert text == window_text(panel.canvas.pooled, (4, 7))
    assert text.startswith(f"pool1, channel {panel.controls.channel.value()}, window (4, 7): ")
    QTest.mouseMove(panel.canvas, QPoint(1, 1))
    assert readings[-1] == ""


def test_that_the_reading_follows_the_network_while_the_mouse_rests(panel, snapshot, zhou_snapshot):
    panel.show_snapshot(snapshot)
    point_at(panel, (4, 7))
    readings = heard(panel)
    louder = replace(snapshot.trace, output_gradients={k: 2 * g for k, g in snapshot.trace.output_gradients.items()})
    panel.show_snapshot(replace(snapshot, trace=louder))
    gradient = 2 * snapshot.trace.output_gradients["pool1"][4, 7, panel.controls.channel.value()]
    assert readings[-1].endswith(f"gradient {gradient:.4g}".replace("-", "\u2212"))


@pytest.mark.parametrize("map_", [BEFORE, MAXIMA, ARRIVING, HANDED_BACK])
def test_that_the_window_is_framed_in_all_four_maps(panel, snapshot, map_):
    panel.show_snapshot(snapshot)
    point_at(panel, (4, 7), HANDED_BACK)
    place = panel._layout.places_of((4, 7))[map_]
    assert color_at(panel, QPointF(place.left() - 1, place.center().y())).name() == DARK.accent


def test_that_the_strip_shows_the_values_the_gradient_and_where_it_goes(panel, snapshot):
    panel.show_snapshot(snapshot)
    window = next(tuple(w) for w in np.argwhere(~panel.canvas.pooled.tied))
    point_at(panel, window)
    cells, channel, traced = list(panel.strip.cells()), panel.controls.channel.value(), snapshot.trace
    rows, columns = (slice(2 * i, 2 * i + 2) for i in window)
    values = traced.outputs["relu2"][rows, columns, channel]
    handed = traced.output_gradients["relu2"][rows, columns, channel]
    np.testing.assert_array_equal([value for _, value, _, _ in cells[:4]], values.ravel())
    np.testing.assert_array_equal([value for _, value, _, _ in cells[4:8]], handed.ravel())
    assert [won for _, _, _, won in cells[:4]] == [won for _, _, _, won in cells[4:8]]
    assert [value for _, value, _, won in cells[:4] if won] == [values.max()]
    assert cells[8][1] == traced.outputs["pool1"][*window, channel]
    assert cells[9][1] == traced.output_gradients["pool1"][*window, channel]
    assert all(panel.strip.rect().toRectF().contains(place) for place, _, _, _ in cells)


def test_that_without_the_mouse_the_strip_says_what_to_do(panel, snapshot):
    panel.show_snapshot(snapshot)
    before = panel.strip.grab().toImage()
    point_at(panel, (4, 7))
    assert panel.strip.grab().toImage() != before
    QTest.mouseMove(panel.canvas, QPoint(1, 1))
    assert panel.strip.grab().toImage() == before


# Choosing the channel


@pytest.mark.parametrize(("key", "steps"), [(Qt.Key.Key_Right, 1), (Qt.Key.Key_Left, -1)])
def test_that_arrow_keys_go_to_the_next_channel(panel, snapshot, key, steps):
    panel.show_snapshot(snapshot)
    panel.controls.channel.setValue(0)
    QTest.keyClick(panel.canvas, key)
    assert panel.controls.channel.value() == steps % 8
    assert panel.canvas.pooled.channel == steps % 8


@pytest.mark.parametrize(("angle", "steps"), [(120, 1), (-120, -1), (240, 2), (40, 0)])
def test_that_the_wheel_goes_to_the_next_channel(panel, snapshot, angle, steps):
    panel.show_snapshot(snapshot)
    panel.controls.channel.setValue(4)
    turn_wheel(panel.canvas, angle)
    assert panel.controls.channel.value() == 4 + steps


@pytest.mark.parametrize(
    ("key", "claimed"), [(Qt.Key.Key_Right, True), (Qt.Key.Key_Left, True), (Qt.Key.Key_Space, False)]
)
def test_that_arrow_keys_are_claimed_before_the_windows_actions_get_them(panel, key, claimed):
    event = QKeyEvent(QEvent.Type.ShortcutOverride, key, Qt.KeyboardModifier.NoModifier)
    event.ignore()
    QApplication.sendEvent(panel.canvas, event)
    assert event.isAccepted() is claimed


def test_that_small_turns_of_the_wheel_add_up(panel, snapshot):
    panel.show_snapshot(snapshot)
    panel.controls.channel.setValue(4)
    for _ in range(3):
        turn_wheel(panel.canvas, 40)
    assert panel.controls.channel.value() == 5


def test_that_keys_and_wheel_before_the_first_snapshot_do_nothing(panel):
    QTest.keyClick(panel.canvas, Qt.Key.Key_Right)
    turn_wheel(panel.canvas, 120)
    QTest.mouseMove(panel.canvas, QPoint(100, 100))
    assert panel.canvas.pooled is None


# Sizes, themes, speed


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("size", [(344, 232), (379, 244), (380, 290), (640, 500)])
def test_that_everything_is_painted_within_the_panel(panel, snapshot, zhou_snapshot, theme, size):
    panel.resize(*size)
    panel.apply_theme(theme)
    for each in (snapshot, zhou_snapshot, on_a_plain_ground(zhou_snapshot, "all")):
        panel.show_snapshot(each)
        point_at(panel, (4, 7))
        panel.grab()
        parts = [part.geometry() for part in (panel.controls, panel.canvas, panel.strip)]
        if panel.meter.isVisible():
            parts.insert(2, panel.meter.geometry())
        assert all(panel.rect().contains(part) for part in parts)
        assert all(above.bottom() < below.top() for above, below in pairwise(parts))
        assert all(panel.strip.rect().toRectF().contains(place) for place, _, _, _ in panel.strip.cells())
    assert panel.size().toTuple() == size


def test_that_where_room_is_scarce_the_window_takes_the_place_of_the_figures(panel, zhou_snapshot):
    panel.resize(379, 244)
    panel.show_snapshot(zhou_snapshot)
    figures = [panel.meter, panel.facts]
    assert all(part.isVisible() for part in figures)
    assert not panel.strip.isVisible()
    point_at(panel, (4, 7))
    assert not any(part.isVisible() for part in figures)
    assert panel.strip.isVisible()
    QTest.mouseMove(panel.canvas, QPoint(1, 1))
    assert all(part.isVisible() for part in figures)


def test_that_where_there_is_room_figures_and_window_stand_together(panel, zhou_snapshot):
    panel.resize(480, 400)
    panel.show_snapshot(zhou_snapshot)
    point_at(panel, (4, 7))
    assert all(part.isVisible() for part in (panel.meter, panel.facts, panel.strip))


@pytest.mark.parametrize("width", [344, 372, 480])
@pytest.mark.parametrize("preset", ["zhou", "escontrela", "keras"])
def test_that_all_fields_fit_side_by_side(panel, make_snapshot, width, preset):
    panel.resize(width, 260)
    snapshot = make_snapshot(preset)
    images = np.zeros((128, 28, 28), np.uint8)
    panel.show_snapshot(replace(snapshot, batch=Batch(images, np.zeros(128, int), "training digit 0")))
    panel.controls.source.setCurrentText("Batch")
    QApplication.sendPostedEvents()
    row = panel.controls
    fields = [field.geometry() for field in (row.source, row.image, row.channel, row.strongest)]
    assert all(left.right() < right.left() for left, right in pairwise(fields))
    assert fields[-1].right() <= row.width()
    for field in (row.image, row.channel):
        assert field.fontMetrics().horizontalAdvance(field.text()) < field.lineEdit().width()


def test_that_a_network_about_to_diverge_is_still_shown(panel, snapshot):
    traced = snapshot.trace
    wild = np.array([np.nan, np.inf, -np.inf, 1.0], np.float32)
    gradients = {k: np.resize(wild, g.shape) for k, g in traced.output_gradients.items()}
    outputs = {k: np.full_like(y, np.inf) for k, y in traced.outputs.items()}
    diverging = replace(snapshot, trace=replace(traced, output_gradients=gradients, outputs=outputs))
    panel.show_snapshot(snapshot)
    for channel in range(8):
        panel.controls.channel.setValue(channel)
        panel.show_snapshot(diverging)
        point_at(panel, (4, 7))
        panel.grab()
        is_finite = bool(np.isfinite(panel.canvas.pooled.arriving).all())
        assert panel.meter.routing.is_conserved("first") is is_finite


def test_that_the_pictures_are_of_the_chosen_channel(panel, snapshot):
    panel.show_snapshot(snapshot)
    for channel in range(8):
        panel.controls.channel.setValue(channel)
        passage = Passage.of(snapshot.trace, "pool1")
        expected = PooledChannel.of(passage, snapshot.network.layers["pool1"], "pool1", channel)
        np.testing.assert_array_equal(panel.canvas.pooled.arriving, expected.arriving)
