import numpy as np
import pytest
from PySide6.QtTest import QTest

from cnnviz.gui.panels.filters import FiltersPanel
from cnnviz.gui.panels.network import NetworkPanel
from cnnviz.gui.theme import DARK
from cnnviz.gui.tiles import number
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
    assert list(groups) == ["input", "conv1", "relu1", "conv2", "relu2", "pool1", "dense1", "relu3", "dense2"]
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


def test_that_a_cell_is_told_with_layer_place_value_and_gradient(network, snapshot):
    network.show_snapshot(snapshot)
    group = next(group for group in network.canvas.groups if group.key == "conv2")
    value, gradient = snapshot.trace.outputs["conv2"][12, 7, 3], snapshot.trace.output_gradients["conv2"][12, 7, 3]
    assert group.describe(3, 12, 7) == f"conv2, channel 3, (12, 7): {number(value)}   gradient {number(gradient)}"


def test_that_a_unit_of_a_dense_layer_is_told_by_its_number(network, snapshot):
    network.show_snapshot(snapshot)
    group = next(group for group in network.canvas.groups if group.key == "dense1")
    assert group.describe(0, 5, 2).startswith(f"dense1, unit 22: {number(snapshot.trace.outputs['dense1'][22])}")


def test_that_the_probabilities_of_the_probe_are_shown(network, snapshot):
    network.show_snapshot(snapshot)
    np.testing.assert_array_equal(network.bars.probabilities, snapshot.trace.probabilities)


def test_that_the_answer_names_label_and_guess(network, snapshot):
    network.show_snapshot(snapshot)
    best = int(snapshot.trace.probabilities.argmax())
    assert network.answer.text().startswith(f"is {snapshot.trace.probe.label}, taken for {best} (")


def test_that_another_network_takes_the_place_of_the_first(network, snapshot, zhou_snapshot):
    network.show_snapshot(snapshot)
    network.show_snapshot(zhou_snapshot)
    assert [group.key for group in network.canvas.groups] == ["input", "conv1", "pool1", "dense1"]
    network.grab()


def test_that_the_probe_can_be_chosen(network, workbench):
    chosen = []
    workbench.probe_changed.connect(lambda: chosen.append(workbench.probe))
    network.index.setValue(18)
    assert chosen[-1] == ProbeChoice("test", 18)
    network.kind.setCurrentText("Training digit")
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
    conv1, conv2 = filters.canvas.groups
    assert (conv1.key, conv1.values.shape) == ("conv1", (8, 5, 5))
    assert (conv2.values.shape, conv2.columns) == ((64, 5, 5), 8)
    np.testing.assert_array_equal(conv2.values[3 * 8 + 5], snapshot.parameters["conv2"]["weight"][3, 5])
    assert conv2.subtitle == "1,608 parameters"


def test_that_a_weight_is_told_with_its_gradient(filters, snapshot):
    filters.show_snapshot(snapshot)
    weight, gradient = (part["conv2"]["weight"][3, 5, 1, 2] for part in (snapshot.parameters, snapshot.gradients))
    told = filters.canvas.groups[1].describe(3 * 8 + 5, 1, 2)
    assert told == f"conv2, filter 3, channel 5, (1, 2): {number(weight)}   gradient {number(gradient)}"


def test_that_gradients_of_the_batch_are_shown_on_demand(filters, snapshot):
    filters.show_snapshot(snapshot)
    filters.shown.setCurrentText("Gradients")
    np.testing.assert_array_equal(filters.canvas.groups[0].values[2], snapshot.gradients["conv1"]["weight"][2, 0])


def test_that_before_the_first_step_a_sentence_stands_in_for_gradients(filters, untrained_snapshot):
    filters.shown.setCurrentText("Gradients")
    filters.show_snapshot(untrained_snapshot)
    assert not filters.note.isHidden()
    assert "first training step" in filters.note.text()
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


def test_that_pointing_at_a_weight_tells_it(filters, snapshot, qapp):
    filters.show()
    filters.show_snapshot(snapshot)
    qapp.processEvents()
    told = []
    filters.hovered.connect(told.append)
    QTest.mouseMove(filters.canvas, filters.canvas.placed[0].tiles[0].center())
    qapp.processEvents()
    assert told[-1].startswith("conv1, filter 0, channel 0, (2, 2): ")
