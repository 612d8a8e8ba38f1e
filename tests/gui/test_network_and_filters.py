from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip

from cnnviz.explain.places import Cell, Probability, Weight
from cnnviz.gui.cell_text import describe
from cnnviz.gui.network_groups import LEAST_SIDE
from cnnviz.gui.panels.filters import FiltersPanel
from cnnviz.gui.panels.network import NetworkPanel
from cnnviz.gui.probabilities import percent
from cnnviz.gui.theme import DARK
from cnnviz.gui.tile_groups import Box, Role
from cnnviz.gui.tiles import number
from cnnviz.gui.workbench import Workbench
from cnnviz.training.control import ProbeChoice


@pytest.fixture
def network(own, workbench):
    panel = own(NetworkPanel(workbench))
    panel.resize(744, 300)
    panel.apply_theme(DARK)
    return panel


@pytest.fixture
def filters(own, workbench):
    panel = own(FiltersPanel(workbench))
    panel.resize(744, 380)
    panel.apply_theme(DARK)
    return panel


def test_that_every_layer_but_flatten_is_shown_with_its_own_values(network, snapshot):
    network.show_snapshot(snapshot)
    groups = {group.key: group for group in network.canvas.groups}
    maps = [key for key in groups if "/" not in key]
    assert maps == ["input", "conv1", "relu1", "conv2", "relu2", "pool1", "dense1", "relu3", "dense2"]
    np.testing.assert_array_equal(groups["conv2"].values[3], snapshot.trace.outputs["conv2"][:, :, 3])
    np.testing.assert_array_equal(groups["dense1"].values.ravel(), snapshot.trace.outputs["dense1"])
    np.testing.assert_array_equal(groups["input"].values[0], snapshot.trace.probe.image)


def test_that_gradients_are_shown_on_demand(network, snapshot):
    network.show_snapshot(snapshot)
    network.shown.setCurrentText("Gradients")
    groups = {group.key: group for group in network.canvas.groups}
    np.testing.assert_array_equal(groups["conv1"].values[0], snapshot.trace.output_gradients["conv1"][:, :, 0])
    np.testing.assert_array_equal(groups["input"].values[0], snapshot.trace.input_gradient[:, :, 0])


def test_that_a_layer_has_one_scale_that_none_of_its_values_exceeds(network, snapshot):
    network.show_snapshot(snapshot)
    for group in network.canvas.groups[1:]:
        assert np.abs(group.values).max() <= group.scale * (1 + 1e-6)


def test_that_the_probabilities_of_the_probe_are_shown(network, snapshot):
    network.show_snapshot(snapshot)
    np.testing.assert_array_equal(network.bars.probabilities, snapshot.trace.probabilities)


def test_that_the_answer_names_label_and_guess(network, snapshot):
    network.show_snapshot(snapshot)
    best = int(snapshot.trace.probabilities.argmax())
    assert network.answer.text().startswith(f"{snapshot.trace.probe.label}, taken for {best} (")


@pytest.mark.parametrize(("cost", "text"), [(2.2994, "2.299"), (0.0, "0.000"), (4.53e-6, "4.5e\u22126")])
def test_that_a_tiny_cost_is_not_taken_for_none(network, snapshot, cost, text):
    network.show_snapshot(replace(snapshot, trace=replace(snapshot.trace, loss=cost)))
    assert network.answer.text().endswith(f", cost {text}")


def test_that_another_network_takes_the_place_of_the_first(network, snapshot, zhou_snapshot):
    network.show_snapshot(snapshot)
    network.show_snapshot(zhou_snapshot)
    assert [group.key for group in network.canvas.groups] == ["input", "conv1/weight", "conv1", "pool1", "dense1"]
    network.grab()


def test_that_the_probe_can_be_chosen(network, workbench):
    chosen = []
    workbench.probe_changed.connect(lambda: chosen.append(workbench.probe))
    network.index.setValue(18)
    assert chosen[-1] == ProbeChoice("test", 18)
    network.kind.setCurrentText("Training")
    network.kind.activated.emit(network.kind.currentIndex())
    assert chosen[-1].kind == "training"
    assert network.index.isHidden()


def test_that_a_drawing_is_asked_for_not_taken(network):
    wanted = []
    network.drawing_wanted.connect(lambda: wanted.append(True))
    network.kind.setCurrentText("Drawing")
    network.kind.activated.emit(network.kind.currentIndex())
    assert wanted == [True]


def test_that_a_probe_chosen_elsewhere_is_shown(network, workbench):
    workbench.set_probe(ProbeChoice("drawing", image=np.zeros((28, 28), np.uint8)))
    assert network.kind.currentText() == "Drawing"


def test_that_each_convolution_shows_its_weights_a_row_a_filter(filters, snapshot):
    filters.show_snapshot(snapshot)
    conv1, _, conv2, _ = filters.canvas.groups
    assert (conv1.key, conv1.values.shape) == ("conv1/weight", (8, 5, 5))
    assert (conv2.values.shape, conv2.run) == ((64, 5, 5), 8)
    np.testing.assert_array_equal(conv2.values[3 * 8 + 5], snapshot.parameters["conv2"]["weight"][3, 5])
    assert conv2.captions[1][0] == "8\u00d78\u00d75\u00d75 + 8 = 1,608 parameters"


def test_that_each_filter_has_its_bias_behind_it(filters, snapshot):
    filters.show_snapshot(snapshot)
    for weights, biases in zip(filters.canvas.groups[::2], filters.canvas.groups[1::2], strict=True):
        layer = weights.key.partition("/")[0]
        assert biases.key == f"{layer}/bias"
        np.testing.assert_array_equal(biases.values.ravel(), snapshot.parameters[layer]["bias"])
        assert biases.scale == weights.scale
    placed = dict(zip([group.key for group in filters.canvas.groups], filters.canvas.placed, strict=True))
    for filter_ in range(8):
        last, cell = placed["conv2/weight"].tiles[8 * filter_ + 7], placed["conv2/bias"].tiles[filter_]
        assert last.right() < cell.left() < last.right() + 6
        assert last.top() <= cell.top() < cell.bottom() <= last.bottom()


def test_that_where_there_are_no_biases_none_are_shown(filters, zhou_snapshot):
    filters.show_snapshot(zhou_snapshot)
    assert [group.key for group in filters.canvas.groups] == ["conv1/weight"]


def test_that_gradients_of_the_batch_are_shown_on_demand(filters, snapshot):
    filters.show_snapshot(snapshot)
    filters.shown.setCurrentText("Gradients")
    np.testing.assert_array_equal(filters.canvas.groups[0].values[2], snapshot.gradients["conv1"]["weight"][2, 0])


def test_that_before_the_first_step_a_sentence_stands_in_for_gradients(filters, untrained_snapshot):
    filters.shown.setCurrentText("Gradients")
    filters.show_snapshot(untrained_snapshot)
    assert not filters.note.isHidden()
    assert "next training step" in filters.note.text()
    assert list(filters.canvas.groups) == []


def test_that_the_scale_of_filters_only_grows_within_a_run(filters, snapshot, workbench):
    filters.show_snapshot(snapshot)
    first = filters.canvas.groups[0].scale
    weights = snapshot.parameters.copy()
    weights.vector *= 0.01
    smaller = snapshot.__class__(**{**vars(snapshot), "parameters": weights})
    filters.show_snapshot(smaller)
    assert filters.canvas.groups[0].scale == first
    workbench.run_started.emit()
    filters.show_snapshot(smaller)
    assert filters.canvas.groups[0].scale < first


@pytest.mark.parametrize("name", ["weight", "bias"])
def test_that_the_scale_of_a_layer_holds_its_biases_too(filters, snapshot, name):
    parameters = snapshot.parameters.copy()
    parameters["conv2"][name][...] = 0.9
    filters.show_snapshot(replace(snapshot, parameters=parameters))
    assert [group.scale for group in filters.canvas.groups[2:]] == [1.0, 1.0]


def test_that_pointing_at_a_weight_tells_it(filters, snapshot, qapp):
    filters.show()
    filters.show_snapshot(snapshot)
    qapp.processEvents()
    told = []
    filters.hovered.connect(told.append)
    QTest.mouseMove(filters.canvas, filters.canvas.placed[0].tiles[0].center())
    qapp.processEvents()
    weight, gradient = (part["conv1"]["weight"][0, 0, 2, 2] for part in (snapshot.parameters, snapshot.gradients))
    assert told[-1].startswith(
        f"conv1, filter 0, channel 0, (2, 2): {number(weight)}   gradient {number(gradient)} (mean of the batch)"
    )
    QTest.mouseMove(filters.canvas, filters.canvas.placed[3].tiles[6].center())
    qapp.processEvents()
    assert told[-1].startswith(f"conv2, bias 6: {number(snapshot.parameters['conv2']['bias'][6])}   gradient ")


# The whole chain


def groups_of(panel):
    return {group.key: group for group in panel.canvas.groups}


def placed_of(panel):
    return dict(zip(groups_of(panel), panel.canvas.placed, strict=True))


def point(panel, key, tile, row, column):
    """Move the mouse over a cell of the panel."""
    _, rows, columns = groups_of(panel)[key].values.shape
    place = placed_of(panel)[key].cell(Box(tile, row, row + 1, column, column + 1), rows, columns)
    QTest.mouseMove(panel.canvas, place.center())
    QApplication.processEvents()


@pytest.fixture
def shown(network, snapshot, qapp):
    """Return the panel in the size that it has at 1366x768, with a network."""
    network.resize(674, 262)
    network.show()
    network.show_snapshot(snapshot)
    qapp.processEvents()
    return network


@pytest.mark.parametrize("preset", ["zhou", "escontrela", "keras"])
@pytest.mark.parametrize("size", [(674, 262), (950, 420)])
@pytest.mark.parametrize("values", ["Activations", "Gradients"])
def test_that_the_chain_fits_and_its_maps_can_be_made_out(network, make_snapshot, preset, size, values, qapp):
    network.resize(*size)
    network.shown.setCurrentText(values)
    network.show()
    network.show_snapshot(make_snapshot(preset, steps=0))
    qapp.processEvents()
    canvas = network.canvas
    for group, placed in zip(canvas.groups, canvas.placed, strict=True):
        assert canvas.rect().contains(placed.area), group.key
        if group.values.shape[1] >= 10 and not group.is_strip:
            assert placed.tiles[0].width() >= LEAST_SIDE - 2, group.key
        if group.role is Role.BETWEEN:
            assert placed.tiles[0].width() >= 3 * group.values.shape[2], group.key


def test_that_the_filters_stand_between_the_maps_that_they_lead_from_and_to(shown):
    keys = list(groups_of(shown))
    assert keys[keys.index("relu1") :][:3] == ["relu1", "conv2/weight", "conv2"]
    placed = placed_of(shown)
    assert placed["relu1"].area.right() < placed["conv2/weight"].area.left()
    assert placed["conv2/weight"].area.right() < placed["conv2"].area.left()


def test_that_shapes_and_numbers_of_parameters_are_written(shown, snapshot):
    captions = {key: [line[0] for line in group.captions] for key, group in groups_of(shown).items()}
    assert captions["conv2/weight"] == [
        "conv2 filter 0",
        "8 @ 20\u00d720",
        "8\u00d78\u00d75\u00d75 + 8 = 1,608",
    ]
    assert captions["dense1"] == ["dense1", "128", "128\u00d7800 + 128 = 102,528"]
    assert captions["pool1"] == ["pool1", "8 @ 10\u00d710"]
    total = sum(int(line[2].split(" = ")[1].replace(",", "")) for line in captions.values() if len(line) == 3)
    assert total == snapshot.network.parameter_count


def test_that_captions_tell_the_whole_sum_where_the_mouse_rests(shown, monkeypatch):
    told = []
    monkeypatch.setattr(QToolTip, "showText", lambda position, text, widget: told.append(text))
    for key, y in (("conv2/weight", 5), ("conv2", 5), ("dense1", 20)):
        position = QPoint(placed_of(shown)[key].area.left() + 2, y)
        QApplication.sendEvent(shown.canvas, QHelpEvent(QEvent.Type.ToolTip, position, position))
    assert (
        told[0] == told[1] == "conv2 (Conv2D) hands on 8 @ 20\u00d720\nParameters: 8\u00d78\u00d75\u00d75 + 8 = 1,608"
    )
    assert told[2].endswith("128\u00d7800 + 128 = 102,528")


def test_that_dropout_is_left_out_as_it_hands_on_the_same(network, make_snapshot):
    snapshot = make_snapshot("keras", steps=1)
    assert snapshot.trace.outputs["drop1"] is not None
    np.testing.assert_array_equal(snapshot.trace.outputs["drop1"], snapshot.trace.outputs["pool1"])
    network.show_snapshot(snapshot)
    assert "drop1" not in groups_of(network)


def test_that_many_channels_are_shown_page_by_page(network, make_snapshot, workbench, qapp):
    network.resize(674, 262)
    network.show()
    snapshot = make_snapshot("keras", steps=1)
    network.show_snapshot(snapshot)
    qapp.processEvents()
    assert not network.page.isHidden()
    assert [network.page.itemText(i) for i in range(3)] == ["0\u20137", "8\u201315", "16\u201323"]
    network.page.setCurrentIndex(1)
    groups = groups_of(network)
    np.testing.assert_array_equal(groups["conv2"].values, np.moveaxis(snapshot.trace.outputs["conv2"], 2, 0)[8:16])
    np.testing.assert_array_equal(groups["conv1/weight"].values, snapshot.parameters["conv1"]["weight"][8:16, 0])
    np.testing.assert_array_equal(groups["conv2/weight"].values, snapshot.parameters["conv2"]["weight"][8, 8:16])
    assert groups["pool1"].place_of(3, 1, 2) == Cell("pool1", (1, 2, 11))
    network.page.setCurrentIndex(7)  # of 32 channels the last eight
    np.testing.assert_array_equal(groups_of(network)["conv1"].values[0], snapshot.trace.outputs["conv1"][:, :, 24])
    workbench.choose(Cell("conv2", (3, 4, 41)))
    assert network.page.currentText() == "40\u201347"
    network.page.setCurrentIndex(network.page.count() - 1)
    assert len(groups_of(network)["conv2"].values) == 64


def test_that_the_scale_of_a_layer_counts_in_what_is_not_shown(shown, snapshot, workbench):
    parameters = snapshot.parameters.copy()
    parameters["conv2"]["weight"][6, 2, 1, 1] = -0.9
    shown.show_snapshot(replace(snapshot, parameters=parameters))
    assert groups_of(shown)["conv2/weight"].lay.filters == 0
    assert groups_of(shown)["conv2/weight"].scale == 1.0


def test_that_figures_are_written_as_often_as_they_can_be_read(shown, make_snapshot, monkeypatch):
    written = []
    monkeypatch.setattr(shown.canvas, "set_groups", lambda groups, figures: written.append(figures))
    monkeypatch.setattr(Workbench, "is_running", True)
    monkeypatch.setattr("cnnviz.gui.readout.LEGIBLE", 1000.0)
    shown.show_snapshot(make_snapshot("escontrela", steps=6))
    monkeypatch.setattr(Workbench, "is_running", False)
    shown.show_snapshot(make_snapshot("escontrela", steps=7))
    assert written[-2:] == [False, True]


def test_that_few_channels_need_no_pages(shown):
    assert shown.page.isHidden()


def test_that_one_scale_for_all_is_the_largest_of_all(shown, snapshot):
    apart = {key: group.scale for key, group in groups_of(shown).items()}
    shown.one_scale.setChecked(True)
    layers = [key for key in apart if "/" not in key and key != "input"]
    filters = [key for key in apart if "/" in key]
    for keys in (layers, filters):
        assert {groups_of(shown)[key].scale for key in keys} == {max(apart[key] for key in keys)}
    assert groups_of(shown)["input"].scale == 255.0
    shown.one_scale.setChecked(False)
    assert {key: group.scale for key, group in groups_of(shown).items()} == apart


def test_that_the_filters_show_their_gradients_with_the_others(shown, snapshot):
    shown.shown.setCurrentText("Gradients")
    gradient = snapshot.trace.parameter_gradients["conv1"]["weight"]
    np.testing.assert_array_equal(groups_of(shown)["conv1/weight"].values, gradient[:, 0])


# Pointing and choosing


def test_that_a_cell_is_told_with_its_value_its_gradient_and_its_sum(shown, snapshot):
    told = []
    shown.hovered.connect(told.append)
    point(shown, "conv2", 3, 12, 7)
    trace, bias = snapshot.trace, snapshot.parameters["conv2"]["bias"][3]
    value, gradient = trace.outputs["conv2"][12, 7, 3], trace.output_gradients["conv2"][12, 7, 3]
    start = f"conv2, channel 3, (12, 7): {number(value)}   gradient {number(gradient)}   = 200 products "
    assert told[-1].startswith(start)
    products, end = told[-1].removeprefix(start).split(" + ", 1)
    assert float(products.replace("\u2212", "-")) == pytest.approx(value - bias, rel=1e-3, abs=1e-6)
    assert end == f"bias {number(bias)}; click to see it written out"
    QTest.mouseMove(shown.canvas, QPoint(1, shown.canvas.height() - 1))
    QApplication.processEvents()
    assert told[-1] == ""


def test_that_a_cell_without_a_sum_is_told_with_what_it_was_chosen_from(shown, snapshot):
    told = []
    shown.hovered.connect(told.append)
    given = snapshot.trace.outputs["conv1"][3, 4, 2]
    point(shown, "relu1", 2, 3, 4)
    assert told[-1].endswith(f"   = max({number(given)}, 0); click to see it written out")
    point(shown, "pool1", 2, 3, 4)
    assert told[-1].endswith("   = the largest of 4; click to see it written out")


def test_that_a_number_that_was_only_handed_on_is_no_sum(snapshot):
    place = Cell("flatten", (77,))
    gradient = snapshot.trace.output_gradients["flatten"][77]
    text = f"{place}: {number(snapshot.trace.outputs['flatten'][77])}   gradient {number(gradient)}"
    assert describe(snapshot, place) == text


def test_that_the_line_follows_the_newest_numbers(shown, make_snapshot):
    point(shown, "dense1", 0, 5, 2)
    told = []
    shown.hovered.connect(told.append)
    later = make_snapshot("escontrela", steps=5)
    shown.show_snapshot(later)
    assert told[-1].startswith(f"dense1, unit 22: {number(later.trace.outputs['dense1'][22])}")


def test_that_the_number_under_the_mouse_is_told_to_the_workbench(shown, workbench):
    point(shown, "conv2", 3, 12, 7)
    assert workbench.pointed == Cell("conv2", (12, 7, 3))
    point(shown, "conv1/weight", 5, 1, 2)
    assert workbench.pointed == Weight("conv1", "weight", (5, 0, 1, 2))
    QTest.mouseMove(shown.canvas, QPoint(1, shown.canvas.height() - 1))
    QApplication.processEvents()
    assert workbench.pointed is None


def test_that_a_click_chooses_the_cell_and_leaves_the_keys_where_they_are(shown, workbench):
    shown.shown.setFocus()
    placed = placed_of(shown)["pool1"]
    QTest.mouseClick(shown.canvas, Qt.MouseButton.LeftButton, pos=placed.tiles[6].topLeft())
    assert workbench.subject == Cell("pool1", (0, 0, 6))
    assert shown.shown.hasFocus()


def test_that_a_click_on_a_filter_chooses_its_weight_or_bias(filters, snapshot, workbench, qapp):
    filters.show()
    filters.show_snapshot(snapshot)
    qapp.processEvents()
    placed = placed_of(filters)
    QTest.mouseClick(filters.canvas, Qt.MouseButton.LeftButton, pos=placed["conv2/weight"].tiles[29].topLeft())
    assert workbench.subject == Weight("conv2", "weight", (3, 5, 0, 0))
    QTest.mouseClick(filters.canvas, Qt.MouseButton.LeftButton, pos=placed["conv1/bias"].tiles[2].center())
    assert workbench.subject == Weight("conv1", "bias", (2,))


def accent_in(panel, rect):
    """Return whether the frame around ``rect`` is painted in the accent colour."""
    picture = panel.canvas.grab().toImage()
    corners = ((rect.left() - 1, rect.top() - 1), (rect.right() + 1, rect.bottom() + 1))
    return all(picture.pixelColor(x, y).name() == DARK.accent for x, y in corners)


def box_of(panel, key, tile, rows, columns):
    _, height, width = groups_of(panel)[key].values.shape
    return placed_of(panel)[key].cell(Box(tile, *rows, *columns), height, width)


def test_that_what_a_cell_was_made_of_is_lit_back_to_the_image(shown, workbench):
    workbench.point_at(Cell("conv2", (12, 7, 3)))  # in whichever panel
    assert accent_in(shown, box_of(shown, "conv2", 3, (12, 13), (7, 8)))
    for channel in range(8):
        assert accent_in(shown, box_of(shown, "relu1", channel, (12, 17), (7, 12)))
        assert accent_in(shown, box_of(shown, "conv1", channel, (12, 17), (7, 12)))
    assert accent_in(shown, box_of(shown, "input", 0, (12, 21), (7, 16)))
    first, *_, last = placed_of(shown)["conv2/weight"].tiles
    assert accent_in(shown, first | last)
    workbench.point_at(Cell("pool1", (2, 3, 5)))
    assert accent_in(shown, box_of(shown, "conv2", 5, (4, 6), (6, 8)))
    assert not accent_in(shown, box_of(shown, "conv2", 4, (4, 6), (6, 8)))
    workbench.point_at(None)
    assert not accent_in(shown, box_of(shown, "conv2", 5, (4, 6), (6, 8)))


def test_that_a_network_without_that_number_marks_nothing(shown, workbench, zhou_snapshot):
    workbench.point_at(Cell("conv2", (12, 7, 3)))
    workbench.choose(Cell("conv2", (12, 7, 3)))
    shown.show_snapshot(zhou_snapshot)
    assert DARK.accent not in colors_of(shown.canvas)


def colors_of(canvas):
    picture = canvas.grab().toImage()
    return {picture.pixelColor(x, y).name() for x in range(picture.width()) for y in range(35, picture.height())}


def test_that_what_was_chosen_stays_marked_while_something_else_is_pointed_at(shown, workbench):
    workbench.choose(Cell("conv2", (12, 7, 3)))
    place = box_of(shown, "conv2", 3, (12, 13), (7, 8))
    workbench.point_at(Cell("relu2", (1, 1, 0)))
    picture = shown.canvas.grab().toImage()
    assert picture.pixelColor(place.left() - 1, place.top() - 1).name() == DARK.text


def test_that_the_filter_of_the_channel_pointed_at_is_shown_then_of_the_chosen_one(shown, snapshot, workbench):
    weights = snapshot.parameters["conv2"]["weight"]
    np.testing.assert_array_equal(groups_of(shown)["conv2/weight"].values, weights[0])
    workbench.choose(Cell("relu2", (1, 1, 5)))
    np.testing.assert_array_equal(groups_of(shown)["conv2/weight"].values, weights[5])
    workbench.point_at(Weight("conv2", "bias", (2,)))
    np.testing.assert_array_equal(groups_of(shown)["conv2/weight"].values, weights[2])
    assert groups_of(shown)["conv2/weight"].captions[0][0] == "conv2 filter 2"
    workbench.point_at(None)
    np.testing.assert_array_equal(groups_of(shown)["conv2/weight"].values, weights[5])


def test_that_a_probability_is_pointed_at_and_chosen_with_the_rest(shown, workbench, snapshot):
    told = []
    shown.hovered.connect(told.append)
    pitch = shown.bars.height() // 10
    QTest.mouseMove(shown.bars, QPoint(20, 4 * pitch + 3))
    QApplication.processEvents()
    assert workbench.pointed == Probability(4)
    logit = snapshot.trace.outputs["dense2"][4]
    assert told[-1].startswith(
        f"probability of 4: {percent(snapshot.trace.probabilities[4], 2)} = softmax of the logit"
    )
    assert f"logit {number(logit)}" in told[-1]
    frame = QPoint(1, 4 * pitch)
    assert shown.bars.grab().toImage().pixelColor(frame).name() == DARK.accent
    QTest.mouseClick(shown.bars, Qt.MouseButton.LeftButton, pos=QPoint(20, 4 * pitch + 3))
    assert workbench.subject == Probability(4)
    workbench.point_at(None)
    assert shown.bars.grab().toImage().pixelColor(frame).name() == DARK.text


def test_that_a_panel_that_is_not_seen_marks_once_it_is(network, snapshot, workbench, qapp):
    network.resize(674, 262)
    network.show_snapshot(snapshot)
    workbench.choose(Cell("relu2", (1, 1, 5)))
    assert groups_of(network)["conv2/weight"].lay.filters != 5
    network.show()
    qapp.processEvents()
    network.catch_up()
    assert groups_of(network)["conv2/weight"].lay.filters == 5


def test_that_a_screen_reader_hears_what_the_keys_point_at(shown, snapshot, qapp):
    shown.activateWindow()
    shown.canvas.clearFocus()
    shown.canvas.setFocus(Qt.FocusReason.TabFocusReason)
    qapp.processEvents()
    QTest.keyClick(shown.canvas, Qt.Key.Key_Down)
    assert shown.canvas.accessibleDescription().startswith("input, (1, 0): ")


def test_that_numbers_that_are_not_finite_are_told_and_lit(shown, snapshot):
    broken = {name: np.full_like(y, np.nan) for name, y in snapshot.trace.outputs.items()}
    trace = replace(snapshot.trace, outputs=broken, probabilities=np.full(10, np.nan, np.float32))
    parameters = snapshot.parameters.copy()
    parameters.vector[:] = np.inf
    shown.show_snapshot(replace(snapshot, trace=trace, parameters=parameters))
    told = []
    shown.hovered.connect(told.append)
    for key, cell in (("conv2", (3, 12, 7)), ("dense2", (0, 4, 0)), ("pool1", (1, 2, 2)), ("relu1", (0, 0, 0))):
        point(shown, key, *cell)
        assert ": nan   gradient " in told[-1]
    shown.grab()


# The numbers as a table


def test_that_the_table_has_a_row_for_each_number_of_the_chain(shown, snapshot):
    heading, *rows = shown.numbers()
    assert heading == ("layer", "channel or unit", "row", "column", "value", "gradient")
    trace = snapshot.trace
    cells = {(layer, *place): (value, gradient) for layer, *place, value, gradient in rows}
    assert cells["conv2", 3, 12, 7] == (trace.outputs["conv2"][12, 7, 3], trace.output_gradients["conv2"][12, 7, 3])
    assert cells["dense1", 22, "", ""] == (trace.outputs["dense1"][22], trace.output_gradients["dense1"][22])
    assert cells["input", 0, 3, 4] == (trace.inputs[3, 4, 0], trace.input_gradient[3, 4, 0])
    assert cells["probabilities", 4, "", ""] == (trace.probabilities[4], "")
    assert len(cells) == 28 * 28 + sum(y.size for n, y in trace.outputs.items() if n != "flatten") + 10


def test_that_the_table_has_a_row_for_each_weight_and_bias(filters, snapshot, untrained_snapshot):
    assert filters.numbers() == []
    filters.show_snapshot(snapshot)
    heading, *rows = filters.numbers()
    cells = {tuple(place): (value, gradient) for *place, value, gradient in rows}
    assert len(heading) == len(rows[0])
    parts = snapshot.parameters["conv2"], snapshot.gradients["conv2"]
    assert cells["conv2", "weight", 3, 5, 1, 2] == tuple(part["weight"][3, 5, 1, 2] for part in parts)
    assert cells["conv2", "bias", 3, "", "", ""] == tuple(part["bias"][3] for part in parts)
    assert len(cells) == 208 + 1608
    filters.show_snapshot(untrained_snapshot)
    assert {row[-1] for row in filters.numbers()[1:]} == {""}
