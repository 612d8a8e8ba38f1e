import numpy as np
import pytest
from checks import TOLERANCE, assert_directional_derivative

from cnnviz import processor
from cnnviz.nn import (
    EXAMPLES_AT_A_TIME,
    FRESH,
    TIES,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    Network,
    Parameters,
    ReLU,
    Workspace,
    softmax,
    softmax_cross_entropy,
)
from cnnviz.nn.gradient_check import numerical_gradient, relative_error
from cnnviz.nn.layers import Layer

LAYERS: dict[str, Layer] = {
    "conv1": Conv2D(3, 3, padding="same"),
    "relu1": ReLU(),
    "pool1": MaxPool2D(2, 2),
    "conv2": Conv2D(4, 2, bias=False),
    "flatten": Flatten(),
    "dense1": Dense(5),
}
LABELS = np.array([4, 0])


@pytest.fixture
def network() -> Network:
    return Network("small", LAYERS, (6, 8, 2))


@pytest.fixture
def parameters(network, rng) -> Parameters:
    return Parameters(network.parameter_shapes, 0.5 * rng.standard_normal(network.parameter_count))


@pytest.fixture
def x(rng) -> np.ndarray:
    return rng.standard_normal((2, 6, 8, 2))


def gradients_of(network, x, parameters, down_to=None):
    """Return gradients (NaN where nothing was written) and the backward pass for the cost of LABELS."""
    forward = network.forward(x, parameters)
    gradients = Parameters(network.parameter_shapes, np.full(parameters.vector.size, np.nan))
    dlogits = softmax_cross_entropy(forward.logits, LABELS).gradient
    return gradients, network.backward(dlogits, forward, parameters, gradients, down_to)


def test_that_shapes_are_followed_from_layer_to_layer(network):
    assert network.output_shapes == {
        "conv1": (6, 8, 3),
        "relu1": (6, 8, 3),
        "pool1": (3, 4, 3),
        "conv2": (2, 3, 4),
        "flatten": (24,),
        "dense1": (5,),
    }
    assert network.parameter_shapes == {
        "conv1": {"weight": (3, 2, 3, 3), "bias": (3,)},
        "conv2": {"weight": (4, 3, 2, 2)},
        "dense1": {"weight": (5, 24), "bias": (5,)},
    }
    assert network.parameter_count == 54 + 3 + 48 + 120 + 5


def test_that_a_training_step_takes_three_times_the_products_of_forward_less_those_by_the_image(network):
    conv1 = 6 * 8 * 3 * (2 * 3 * 3)
    conv2 = 2 * 3 * 4 * (3 * 2 * 2)
    dense1 = 5 * 24
    assert network.training_multiply_adds == 2 * conv1 + 3 * conv2 + 3 * dense1 == 6408


def test_that_a_network_without_weights_takes_no_products():
    assert Network("bare", {"flatten": Flatten()}).training_multiply_adds == 0


def test_that_a_layers_input_is_the_output_of_the_one_before(network):
    assert network.input_shape_of("conv1") == (6, 8, 2)
    assert network.input_shape_of("relu1") == (6, 8, 3)
    assert network.input_shape_of("conv2") == (3, 4, 3)


def test_that_fresh_parameters_are_float32_and_follow_the_seed(network):
    one, two, other = (network.initialize(np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.vector, two.vector)
    assert not np.array_equal(one.vector, other.vector)
    assert one.vector.dtype == np.float32
    assert one["conv1"]["weight"].all()
    assert not one["conv1"]["bias"].any()
    np.testing.assert_array_equal(
        network.initialize(np.random.default_rng(1), np.float64).copy(np.float32).vector, one.vector
    )


def test_that_forward_keeps_the_output_of_every_layer_in_order(network, x, parameters):
    forward = network.forward(x, parameters)
    assert {name: y.shape[1:] for name, y in forward.outputs.items()} == network.output_shapes
    assert list(forward.outputs) == list(LAYERS)
    assert forward.inputs is x
    assert forward.logits is forward.outputs["dense1"]


def test_that_predict_gives_the_softmax_of_the_logits(network, x, parameters):
    np.testing.assert_array_equal(network.predict(x, parameters), softmax(network.forward(x, parameters).logits))


@pytest.mark.parametrize("threads", [1, 2])
def test_that_predictions_for_many_are_those_for_each(network, parameters, rng, threads, monkeypatch):
    monkeypatch.setenv(processor.THREADS, str(threads))
    many = rng.standard_normal((2 * EXAMPLES_AT_A_TIME + 3, 6, 8, 2))
    singly = np.concatenate([network.predict(one[np.newaxis], parameters) for one in many])
    np.testing.assert_allclose(network.predict(many, parameters), singly, rtol=1e-12)
    assert network.predict(many[:0], parameters).shape == (0, singly.shape[1])


def test_that_a_kept_workspace_follows_other_parameters_and_changes_of_the_same_ones(network, parameters, rng):
    x = rng.standard_normal((3, 6, 8, 2))
    workspace, other = Workspace(), parameters.copy()
    other.vector[:] = rng.standard_normal(other.vector.shape)
    for used in (parameters, other, parameters):
        np.testing.assert_array_equal(network.predict(x, used, workspace), network.predict(x, used))
    parameters.vector *= 2
    np.testing.assert_array_equal(network.predict(x, parameters, workspace), network.predict(x, parameters))


def test_that_several_networks_can_take_turns_in_one_workspace(rng):
    """The two convolutions unroll the same input into matrices of one shape, but of another pattern."""
    networks = [
        Network(f"{kernel}", {"conv1": layer, "flatten": Flatten(), "dense1": Dense(3)}, (9, 9, 1))
        for kernel in ((1, 3), (3, 1), (3, 3))
        for layer in (Conv2D(2, kernel), Conv2D(2, kernel, padding="same"), Conv2D(2, kernel, stride=2, padding="same"))
    ]
    parameters = [network.initialize(rng, np.float64) for network in networks]
    workspace, x = Workspace(), rng.standard_normal((2, 9, 9, 1))
    for index in [*range(len(networks)), *reversed(range(len(networks)))]:
        network, own = networks[index], parameters[index]
        np.testing.assert_array_equal(network.predict(x, own, workspace), network.predict(x, own))
        gradients, expected = (Parameters.zeros(network.parameter_shapes, np.float64) for _ in range(2))
        for where, into in ((workspace, gradients), (FRESH, expected)):
            forward = network.forward(x, own, where)
            network.backward(np.ones_like(forward.logits), forward, own, into)
        np.testing.assert_array_equal(gradients.vector, expected.vector)


def test_that_a_network_with_a_layer_that_cannot_be_repeated_predicts_with_a_kept_workspace(rng):
    network = Network("ties", {"pool1": MaxPool2D(2, 2, "all"), "flatten": Flatten(), "dense1": Dense(5)}, (4, 4, 2))
    assert not network.is_repeatable
    parameters, workspace = network.initialize(rng, np.float64), Workspace()
    for _ in range(3):
        x = rng.standard_normal((2, 4, 4, 2))
        np.testing.assert_array_equal(network.predict(x, parameters, workspace), network.predict(x, parameters))


def test_that_a_kept_workspace_predicts_the_same_and_its_results_stay(network, parameters, rng):
    one, other = rng.standard_normal((2, 3, 6, 8, 2))
    workspace = Workspace()
    first = network.predict(one, parameters, workspace)
    network.predict(other, parameters, workspace)
    np.testing.assert_array_equal(first, network.predict(one, parameters))


def test_that_overwriting_on_the_way_changes_no_gradient_and_no_input(network, x, parameters):
    expected, _ = gradients_of(network, x, parameters)
    before = x.copy()
    forward = network.forward(x, parameters, Workspace(overwrites=True))
    gradients = Parameters.zeros(network.parameter_shapes, np.float64)
    network.backward(softmax_cross_entropy(forward.logits, LABELS).gradient, forward, parameters, gradients)
    np.testing.assert_array_equal(gradients.vector, expected.vector)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("ties", TIES)
def test_that_what_is_dropped_behind_pooling_leaves_the_maxima_to_the_way_back(rng, ties):
    layers = {"relu1": ReLU(), "pool1": MaxPool2D(2, 2, ties), "drop1": Dropout(0.5), "flatten": Flatten()}
    network = Network("drops", {"conv1": Conv2D(3, 3), **layers, "dense1": Dense(5)}, (6, 6, 1))
    parameters, x = network.initialize(rng), rng.standard_normal((2, 6, 6, 1), np.float32)
    found = []
    for overwrites in (False, True):
        forward = network.forward(x, parameters, Workspace(np.random.default_rng(0), overwrites=overwrites))
        gradients = Parameters.zeros(network.parameter_shapes)
        network.backward(softmax_cross_entropy(forward.logits, LABELS).gradient, forward, parameters, gradients)
        found.append(gradients.vector)
    assert found[0].any()
    np.testing.assert_array_equal(*found)


def test_that_a_layer_that_overwrites_spares_the_input_of_the_network(rng):
    network = Network("relu first", {"relu1": ReLU(), "flatten": Flatten(), "dense1": Dense(5)}, (3, 3, 2))
    x = rng.standard_normal((4, 3, 3, 2))
    before = x.copy()
    network.forward(x, network.initialize(rng, np.float64), Workspace(overwrites=True))
    np.testing.assert_array_equal(x, before)


def test_that_a_prediction_between_forward_and_backward_changes_nothing(network, x, parameters, rng):
    expected, _ = gradients_of(network, x, parameters)
    forward = network.forward(x, parameters)
    network.predict(rng.standard_normal((7, 6, 8, 2)), parameters)
    gradients = Parameters.zeros(network.parameter_shapes, np.float64)
    network.backward(softmax_cross_entropy(forward.logits, LABELS).gradient, forward, parameters, gradients)
    np.testing.assert_array_equal(gradients.vector, expected.vector)


def test_that_gradients_by_every_parameter_and_by_the_input_agree_with_finite_differences(network, x, parameters):
    gradients, backward = gradients_of(network, x, parameters)

    def cost() -> float:
        return softmax_cross_entropy(network.forward(x, parameters).logits, LABELS).mean

    assert relative_error(numerical_gradient(cost, parameters.vector), gradients.vector) <= TOLERANCE
    assert relative_error(numerical_gradient(cost, x), backward.inputs) <= TOLERANCE


@pytest.mark.parametrize("name", LAYERS)
def test_that_the_gradient_shown_for_a_layer_is_that_of_the_cost_by_its_output(name, network, x, parameters, rng):
    _, backward = gradients_of(network, x, parameters)
    output = network.forward(x, parameters).outputs[name].copy()
    rest = list(LAYERS)[list(LAYERS).index(name) + 1 :]

    def cost() -> float:
        y = output
        for later in rest:
            y, _ = LAYERS[later].forward(y, parameters.get(later, {}))
        return softmax_cross_entropy(y, LABELS).mean

    # Cells that a ReLU has set to 0 stay there: windows full of them are ties, where the cost has no slope.
    assert_directional_derivative(cost, output, backward.outputs[name], rng, name, moving=output != 0)


@pytest.mark.parametrize(
    ("down_to", "untouched"), [("dense1", {"conv1", "conv2"}), ("conv2", {"conv1"}), ("relu1", {"conv1"})]
)
def test_that_the_way_back_ends_behind_the_layer_asked_for(down_to, untouched, network, x, parameters):
    full, whole_way = gradients_of(network, x, parameters)
    gradients, backward = gradients_of(network, x, parameters, down_to)
    assert backward.inputs is None
    assert list(backward.outputs) == list(reversed(LAYERS))[: len(LAYERS) - list(LAYERS).index(down_to)]
    for name, span in gradients.spans.items():
        if name in untouched:
            assert np.isnan(gradients.vector[span]).all()
        else:
            np.testing.assert_array_equal(gradients.vector[span], full.vector[span])
    np.testing.assert_array_equal(backward.outputs[down_to], whole_way.outputs[down_to])


def test_that_a_frozen_copy_of_the_parameters_serves_both_directions(network, x, parameters):
    expected, _ = gradients_of(network, x, parameters)
    gradients, _ = gradients_of(network, x, parameters.frozen_copy())
    np.testing.assert_array_equal(gradients.vector, expected.vector)


def test_that_a_kernel_larger_than_its_input_names_the_layer_and_both_sizes():
    with pytest.raises(ValueError, match="layer conv2: Conv2D: a kernel of 5x5 does not fit into an input of 4x3"):
        Network("broken", {"conv1": Conv2D(8, 3), "conv2": Conv2D(8, 5)}, (6, 5, 1))


def test_that_a_pooling_window_larger_than_its_input_names_the_layer_and_both_sizes():
    with pytest.raises(ValueError, match="layer pool1: MaxPool2D: a window of 4 does not fit into an input of 3x2"):
        Network("broken", {"pool1": MaxPool2D(4)}, (3, 2, 1))


def test_that_dense_without_flatten_names_the_layer_the_shape_and_the_cure():
    message = r"layer dense1: Dense needs a vector, got shape \(26, 26, 8\); put Flatten before it"
    with pytest.raises(ValueError, match=message):
        Network("broken", {"conv1": Conv2D(8, 3), "dense1": Dense(10)})


def test_that_a_convolution_behind_flatten_names_the_layer_and_the_shape():
    with pytest.raises(
        ValueError, match=r"layer conv1: Conv2D needs an input of \(height, width, channels\), got shape \(784,\)"
    ):
        Network("broken", {"flatten": Flatten(), "conv1": Conv2D(8, 3)})
