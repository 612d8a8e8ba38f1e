from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from cnnviz.gui.panels.routing import NO_POOLING, NOTHING_YET, RoutingPanel
from cnnviz.gui.pooling import PooledChannel, strongest_channel, window_text
from cnnviz.gui.theme import DARK, LIGHT, Theme, signed_colors
from cnnviz.gui.tiles import Coloring, color_pixels
from cnnviz.gui.workbench import Workbench
from cnnviz.nn import Conv2D, Dense, Flatten, MaxPool2D, Network, ReLU
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


def turn_wheel(widget: QWidget, angle: int) -> None:
    middle = QPointF(widget.rect().center())
    none, no_button = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.NoButton
    position = QPointF(widget.mapToGlobal(middle.toPoint()))
    phase = Qt.ScrollPhase.NoScrollPhase
    QApplication.sendEvent(
        widget, QWheelEvent(middle, position, QPoint(), QPoint(0, angle), no_button, none, phase, False)
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
    traced, layout, channel = zhou_snapshot.trace, panel._layout, panel.channel.value()
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
    assert panel.channel.value() == strongest
    other = (strongest + 1) % 8
    panel.channel.setValue(other)
    panel.show_snapshot(replace(snapshot, step=snapshot.step + 1))
    assert panel.channel.value() == other
    QTest.mouseClick(panel.strongest, Qt.MouseButton.LeftButton)
    assert panel.channel.value() == strongest
    assert panel.canvas.pooled.channel == strongest


def test_that_the_only_pooling_layer_needs_no_choice(panel, snapshot):
    panel.show_snapshot(snapshot)
    assert not panel.layer.isVisible()
    assert panel.kind.text() == "pool1, 2×2"
    assert panel.channel.text() == f"channel {panel.channel.value()}  (0\u20137)"


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
    assert panel.layer.isVisible()
    assert [panel.layer.itemText(i) for i in range(2)] == ["pool1", "pool2"]
    assert panel.channel.maximum() == 3
    panel.layer.setCurrentText("pool2")
    assert panel.channel.maximum() == 15
    assert panel.kind.text() == "pool2, 3×3"
    np.testing.assert_array_equal(panel.canvas.pooled.before, both.trace.outputs["conv2"][:, :, panel.channel.value()])
    panel.grab()


def test_that_a_network_without_pooling_is_told_so_and_the_next_one_is_shown_again(panel, snapshot):
    panel.show_snapshot(
        through(snapshot, Network("flat", {"relu1": ReLU(), "flatten": Flatten(), "dense1": Dense(10)}))
    )
    assert panel.canvas._sentence == NO_POOLING
    assert not panel.channel.isVisible()
    panel.grab()
    panel.show_snapshot(snapshot)
    assert panel.channel.isVisible()
    assert panel.canvas.pooled.maxima.shape == (10, 10)


def test_that_another_network_in_the_next_snapshot_is_taken_on(panel, snapshot, zhou_snapshot):
    panel.show_snapshot(snapshot)
    point_at(panel, (9, 9))
    panel.show_snapshot(zhou_snapshot)
    panel.grab()
    assert panel.canvas.pooled.before.shape == (26, 26)
    assert panel.channel.value() == strongest_channel(zhou_snapshot.trace.output_gradients["pool1"])
    assert "new winner" not in panel.facts.text()
    panel.show_snapshot(snapshot)
    panel.grab()
    assert panel.canvas.pooled.before.shape == (20, 20)


# What is said


def test_that_the_sums_of_both_gradients_are_shown_and_ticked_off(panel, snapshot):
    panel.show_snapshot(snapshot)
    gradients = snapshot.trace.output_gradients["pool1"][:, :, panel.channel.value()]
    shown = f"{gradients.sum(dtype=float):#.3g}".replace("-", "\u2212")
    assert panel.sums.text().replace("\u2007", "") == f"sum arriving {shown} · sum handed back {shown} \u2713"


def test_that_the_surplus_of_tied_maxima_is_told(panel, zhou_snapshot):
    panel.show_snapshot(on_a_plain_ground(zhou_snapshot, "all"))
    surplus, facts = panel.facts.text().split("\n")
    assert surplus.startswith("magnitude × ")
    assert float(surplus.split()[2].rstrip(":")) > 1.5
    assert facts.startswith(f"{panel.canvas.pooled.tied.sum()} of 169 windows tied")


def test_that_new_winners_are_counted_from_snapshot_to_snapshot_of_a_run(panel, zhou_snapshot):
    panel.show_snapshot(zhou_snapshot)
    assert "new winner" not in panel.facts.text()
    before = zhou_snapshot.trace.outputs["conv1"].copy()
    before[4:6, 6:8] = before[5:3:-1, 7:5:-1]  # the window in row 2, column 3, turned by half a circle
    following = replace(
        zhou_snapshot, trace=replace(zhou_snapshot.trace, outputs={**zhou_snapshot.trace.outputs, "conv1": before})
    )
    panel.show_snapshot(following)
    assert panel.facts.text().endswith(" · 1 new winner")
    panel.show_snapshot(following)  # the same once more, as when another panel was opened
    assert panel.facts.text().endswith(" · 1 new winner")
    panel.show_snapshot(replace(following))
    assert panel.facts.text().endswith(" · 0 new winners")


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
    panel.channel.setValue(int(np.abs(loud - 0.5).argmin()))
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
    assert text.startswith(f"pool1, channel {panel.channel.value()}, window (4, 7): ")
    QTest.mouseMove(panel.canvas, QPoint(1, 1))
    assert readings[-1] == ""


def test_that_the_reading_follows_the_network_while_the_mouse_rests(panel, snapshot, zhou_snapshot):
    panel.show_snapshot(snapshot)
    point_at(panel, (4, 7))
    readings = heard(panel)
    louder = replace(snapshot.trace, output_gradients={k: 2 * g for k, g in snapshot.trace.output_gradients.items()})
    panel.show_snapshot(replace(snapshot, trace=louder))
    gradient = 2 * snapshot.trace.output_gradients["pool1"][4, 7, panel.channel.value()]
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
    cells, channel, traced = list(panel.strip.cells()), panel.channel.value(), snapshot.trace
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
    panel.channel.setValue(0)
    QTest.keyClick(panel.canvas, key)
    assert panel.channel.value() == steps % 8
    assert panel.canvas.pooled.channel == steps % 8


@pytest.mark.parametrize(("angle", "steps"), [(120, 1), (-120, -1), (240, 2), (40, 0)])
def test_that_the_wheel_goes_to_the_next_channel(panel, snapshot, angle, steps):
    panel.show_snapshot(snapshot)
    panel.channel.setValue(4)
    turn_wheel(panel.canvas, angle)
    assert panel.channel.value() == 4 + steps


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
    panel.channel.setValue(4)
    for _ in range(3):
        turn_wheel(panel.canvas, 40)
    assert panel.channel.value() == 5


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
        parts = [part.geometry() for part in (panel._controls, panel.canvas, panel.sums, panel.strip)]
        assert all(panel.rect().contains(part) for part in parts)
        assert all(above.bottom() < below.top() for above, below in pairwise(parts))
        assert all(panel.strip.rect().toRectF().contains(place) for place, _, _, _ in panel.strip.cells())
    assert panel.size().toTuple() == size


def test_that_where_room_is_scarce_the_window_takes_the_place_of_the_facts(panel, zhou_snapshot):
    panel.resize(379, 244)
    panel.show_snapshot(zhou_snapshot)
    assert panel.facts.isVisible()
    point_at(panel, (4, 7))
    assert not panel.facts.isVisible()
    QTest.mouseMove(panel.canvas, QPoint(1, 1))
    assert panel.facts.isVisible()


def test_that_a_network_about_to_diverge_is_still_shown(panel, snapshot):
    traced = snapshot.trace
    wild = np.array([np.nan, np.inf, -np.inf, 1.0], np.float32)
    gradients = {k: np.resize(wild, g.shape) for k, g in traced.output_gradients.items()}
    outputs = {k: np.full_like(y, np.inf) for k, y in traced.outputs.items()}
    diverging = replace(snapshot, trace=replace(traced, output_gradients=gradients, outputs=outputs))
    panel.show_snapshot(snapshot)
    for channel in range(8):
        panel.channel.setValue(channel)
        panel.show_snapshot(diverging)
        point_at(panel, (4, 7))
        panel.grab()
        assert "\u2713" not in panel.sums.text()


def test_that_the_pictures_are_of_the_chosen_channel(panel, snapshot):
    panel.show_snapshot(snapshot)
    for channel in range(8):
        panel.channel.setValue(channel)
        expected = PooledChannel.of(snapshot.trace, snapshot.network.layers["pool1"], "pool1", channel)
        np.testing.assert_array_equal(panel.canvas.pooled.arriving, expected.arriving)
