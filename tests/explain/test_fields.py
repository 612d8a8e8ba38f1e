import numpy as np
import pytest

from cnnviz.explain.fields import field_of, parameters_at_work, receptive_field
from cnnviz.explain.layers import explained
from cnnviz.explain.places import INPUT, Cell, Probability, Weight
from cnnviz.nn import ARCHITECTURES, Conv2D, Dense, Dropout, Flatten, MaxPool2D, Network, ReLU
from cnnviz.nn.losses import softmax

NETWORKS = {
    "same-padding": {"conv1": Conv2D(2, 3, padding="same"), "relu1": ReLU(), "pool1": MaxPool2D(2, 2)},
    "even-kernel-strided": {"conv1": Conv2D(2, (4, 3), stride=2, padding="same"), "conv2": Conv2D(3, 3)},
    "overlapping-pools": {"pool1": MaxPool2D(3, 2), "conv1": Conv2D(2, (2, 3), stride=2), "drop1": Dropout(0.5)},
    "down-to-a-digit": {
        "conv1": Conv2D(2, 3),
        "pool1": MaxPool2D(2, 2),
        "drop1": Dropout(0.25),
        "flatten": Flatten(),
        "dense1": Dense(4),
        "relu1": ReLU(),
        "dense2": Dense(3),
    },
}
INPUT_SHAPE = (9, 10, 2)


def outputs(network, x, parameters):
    forward = network.forward(x[np.newaxis], parameters)
    return {name: y[0] for name, y in forward.outputs.items()} | {"softmax": softmax(forward.logits.copy())[0]}


def positive_parameters(network):
    """Draw parameters with which a cell that grows makes all that depends on it grow, also behind ReLU and maxima."""
    parameters = network.initialize(np.random.default_rng(3), np.float64)
    parameters.vector[:] = np.abs(parameters.vector) + 0.01
    return parameters


@pytest.mark.parametrize("name", NETWORKS)
def test_that_exactly_the_cells_whose_field_holds_a_pixel_change_with_it(name):
    network = Network(name, NETWORKS[name], INPUT_SHAPE)
    parameters = positive_parameters(network)
    x = np.random.default_rng(4).random(INPUT_SHAPE)
    before = outputs(network, x, parameters)
    fields = {
        Cell(layer, index): receptive_field(network, Cell(layer, index))[INPUT]
        for layer, shape in network.output_shapes.items()
        for index in np.ndindex(shape)
    }
    for pixel in np.ndindex(INPUT_SHAPE):
        other = x.copy()
        other[pixel] += 1000.0
        after = outputs(network, other, parameters)
        for cell, field in fields.items():
            holds = all(part.start <= i < part.stop for i, part in zip(pixel, field, strict=True))
            assert (after[cell.layer][cell.index] != before[cell.layer][cell.index]) == holds, (cell, pixel)


def test_that_the_field_reaches_through_every_layer_before():
    network = ARCHITECTURES["escontrela"]()
    assert receptive_field(network, Cell("conv2", (12, 7, 3))) == {
        "relu1": (slice(12, 17), slice(7, 12), slice(0, 8)),
        "conv1": (slice(12, 17), slice(7, 12), slice(0, 8)),
        INPUT: (slice(12, 21), slice(7, 16), slice(0, 1)),
    }
    pooled = receptive_field(network, Cell("pool1", (2, 3, 5)))
    assert pooled["relu2"] == pooled["conv2"] == (slice(4, 6), slice(6, 8), slice(5, 6))
    assert receptive_field(network, Cell(INPUT, (3, 4, 0))) == {}


def test_that_a_unit_of_flatten_is_one_cell_of_the_maps():
    network = ARCHITECTURES["escontrela"]()
    assert receptive_field(network, Cell("flatten", (3 * 100 + 4 * 10 + 7,)))["pool1"] == (
        slice(4, 5),
        slice(7, 8),
        slice(3, 4),
    )


def test_that_a_probability_depends_on_all_logits_and_the_whole_image():
    network = ARCHITECTURES["zhou"]()
    field = receptive_field(network, Probability(4))
    assert field["dense1"] == (slice(0, 10),)
    assert field[INPUT] == (slice(0, 28), slice(0, 28), slice(0, 1))
    x, parameters = np.zeros((28, 28, 1)), network.initialize(np.random.default_rng(0), np.float64)
    raised = parameters.copy()
    raised["dense1"]["bias"][9] += 1  # another digit's logit
    assert outputs(network, x, raised)["softmax"][4] < outputs(network, x, parameters)["softmax"][4]


def test_that_the_filter_at_work_is_that_of_the_channel():
    network = ARCHITECTURES["escontrela"]()
    at_work = field_of(network, Cell("relu2", (0, 0, 6)))
    assert at_work["conv2/weight"] == (slice(6, 7), slice(0, 8), slice(0, 5), slice(0, 5))
    assert at_work["conv2/bias"] == (slice(6, 7),)
    assert at_work["conv1/weight"][0] == slice(0, 8)
    assert "relu2" not in at_work  # a cell is no part of its own field
    assert "dense1/weight" not in at_work
    assert field_of(network, Cell("dense2", (4,)))["dense2/weight"] == (slice(4, 5), slice(0, 128))
    assert "conv1/bias" not in parameters_at_work(ARCHITECTURES["zhou"](), {"conv1": (slice(0, 1),) * 3})


@pytest.mark.parametrize("name", NETWORKS)
def test_that_exactly_the_cells_of_its_field_change_with_a_parameter(name):
    network = Network(name, NETWORKS[name], INPUT_SHAPE)
    parameters = positive_parameters(network)
    x = np.random.default_rng(4).random(INPUT_SHAPE)
    before = outputs(network, x, parameters)
    for layer, tensors in network.parameter_shapes.items():
        for key, shape in tensors.items():
            for index in np.ndindex(shape):
                other = parameters.copy()
                other[layer][key][index] += 1.0
                changed = outputs(network, x, other)[layer] != before[layer]
                expected = np.zeros_like(changed)
                expected[field_of(network, Weight(layer, key, index))[layer]] = True
                assert not (changed & ~expected).any()
                if not (key == "weight" and getattr(network.layers[layer], "padding", "valid") == "same"):
                    np.testing.assert_array_equal(changed, expected)  # else some positions only meet the border


@pytest.mark.parametrize("name", ["same-padding", "even-kernel-strided"])
def test_that_a_weight_is_multiplied_with_the_cells_that_change_its_gradient(name):
    network = Network(name, NETWORKS[name], INPUT_SHAPE)
    layer = network.layers["conv1"]
    for _, channel, i, j in np.ndindex(network.parameter_shapes["conv1"]["weight"]):
        region = explained(layer).cells_multiplied((1, channel, i, j), INPUT_SHAPE)
        weight = np.zeros(network.parameter_shapes["conv1"]["weight"])
        weight[1, channel, i, j] = 1.0
        for pixel in np.ndindex(INPUT_SHAPE):
            x = np.zeros((1, *INPUT_SHAPE))
            x[(0, *pixel)] = 1.0
            y, _ = layer.forward(x, {"weight": weight, "bias": np.zeros(2)})
            if y.any():
                assert all(part.start <= k < part.stop for k, part in zip(pixel, region, strict=True))
        corners = [[part.start, part.stop - 1] for part in region]
        for pixel in np.array(np.meshgrid(*corners)).reshape(3, -1).T:
            x = np.zeros((1, *INPUT_SHAPE))
            x[(0, *pixel)] = 1.0
            assert layer.forward(x, {"weight": weight, "bias": np.zeros(2)})[0].any()


def test_that_a_weight_behind_flatten_is_found_in_the_maps():
    network = ARCHITECTURES["keras"]()
    field = field_of(network, Weight("dense1", "weight", (5, 2 * 144 + 3 * 12 + 4)))
    assert field["dense1"] == (slice(5, 6),)
    assert field["pool1"] == field["drop1"] == (slice(3, 4), slice(4, 5), slice(2, 3))
    assert "relu2" not in field
    assert field_of(network, Weight("dense1", "bias", (5,))) == {"dense1": (slice(5, 6),)}
