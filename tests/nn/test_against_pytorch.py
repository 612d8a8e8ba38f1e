"""The engine against PyTorch 2.13, float64; fixtures/*.npz were written by make_torch_fixtures.py."""

from pathlib import Path

import numpy as np
import pytest
import torch_cases as cases

from cnnviz.nn import (
    ARCHITECTURES,
    OPTIMIZERS,
    Conv2D,
    ForwardPass,
    MaxPool2D,
    Network,
    Parameters,
    initial_state,
    softmax_cross_entropy,
)

TOLERANCE = 1e-11  # of the largest value of the same array
FIXTURES = Path(__file__).with_name("fixtures")


@pytest.fixture(scope="module")
def layers() -> dict[str, np.ndarray]:
    with np.load(FIXTURES / "layers.npz", allow_pickle=False) as file:
        return dict(file)


@pytest.fixture(scope="module")
def networks() -> dict[str, np.ndarray]:
    with np.load(FIXTURES / "networks.npz", allow_pickle=False) as file:
        return dict(file)


def channels_last(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def channels_first(x: np.ndarray) -> np.ndarray:
    return x.transpose(0, 3, 1, 2)


def assert_agrees(ours: np.ndarray, theirs: np.ndarray, what: str) -> None:
    assert np.shape(ours) == theirs.shape, what
    error = np.abs(ours - theirs).max() / np.abs(theirs).max()
    assert error <= TOLERANCE, f"{what} differs by {error:.1e} of its largest value"


@pytest.mark.parametrize("case", range(len(cases.CONVOLUTIONS)), ids=lambda i: str(tuple(cases.CONVOLUTIONS[i])))
def test_that_a_convolution_and_its_gradients_are_those_of_conv2d(case, layers):
    kernel, stride, padding = cases.CONVOLUTIONS[case]
    x, weight, bias = cases.convolution_arrays(cases.CONVOLUTIONS[case])
    layer, params = Conv2D(4, kernel, stride, padding), {"weight": weight, "bias": bias}
    y, cache = layer.forward(channels_last(x), params)
    y = channels_first(y)
    dx, grads = layer.backward(channels_last(cases.output_gradient(y.shape)), cache, params)
    results = {"y": y, "dx": channels_first(dx), "dweight": grads["weight"], "dbias": grads["bias"]}
    for name, array in results.items():
        assert_agrees(array, layers[f"conv{case}.{name}"], name)


@pytest.mark.parametrize("case", range(len(cases.POOLINGS)), ids=lambda i: "size{}-stride{}".format(*cases.POOLINGS[i]))
def test_that_a_tied_maximum_goes_to_the_cell_that_max_pool2d_picks(case, layers):
    layer = MaxPool2D(*cases.POOLINGS[case], ties="first")
    y, cache = layer.forward(channels_last(cases.pooling_input()), {})
    y = channels_first(y)
    dx, _ = layer.backward(channels_last(cases.output_gradient(y.shape)), cache, {})
    np.testing.assert_array_equal(y, layers[f"pool{case}.y"])
    assert_agrees(channels_first(dx), layers[f"pool{case}.dx"], "dx")


@pytest.fixture(params=cases.NETWORKS)
def network(request) -> Network:
    return ARCHITECTURES[request.param]()


@pytest.fixture
def parameters(network) -> Parameters:
    return Parameters.from_flat(network.parameter_shapes, cases.initial_parameters(network.name), np.float64)


def run(network: Network, parameters: Parameters, step: int) -> tuple[ForwardPass, float, Parameters, np.ndarray]:
    """Return the forward pass, the cost and the gradients by parameters and input for one batch."""
    images, labels = cases.batches(step)
    forward = network.forward(channels_last(images), parameters)
    cost = softmax_cross_entropy(forward.logits, labels)
    gradients = Parameters.zeros(network.parameter_shapes, np.float64)
    backward = network.backward(cost.gradient, forward, parameters, gradients)
    return forward, cost.mean, gradients, channels_first(backward.inputs)


def test_that_logits_cost_and_every_gradient_of_a_network_are_those_of_autograd(network, parameters, networks):
    forward, cost, gradients, by_input = run(network, parameters, 0)
    assert_agrees(forward.logits, networks[f"{network.name}.logits"], "logits")
    assert_agrees(cost, networks[f"{network.name}.cost"], "cost")
    assert_agrees(cases.witness(by_input), networks[f"{network.name}.gradient.input"], "gradient by the input")
    for name, array in gradients.flat().items():
        theirs = networks[f"{network.name}.gradient.{name.replace('/', '.')}"]
        assert_agrees(cases.witness(array), theirs, f"gradient by {name}")


@pytest.mark.parametrize("optimizer", cases.OPTIMIZERS)
def test_that_three_steps_lead_to_the_same_costs_and_parameters(optimizer, network, parameters, networks):
    rule, state, costs = OPTIMIZERS[optimizer], initial_state(OPTIMIZERS[optimizer], parameters.vector), []
    for step in range(cases.STEPS):
        _, cost, gradients, _ = run(network, parameters, step)
        rule.update(parameters.vector, gradients.vector, state, cases.OPTIMIZERS[optimizer], step + 1)
        costs.append(cost)
    assert_agrees(np.array(costs), networks[f"{network.name}.{optimizer}.costs"], "costs")
    for name, array in parameters.flat().items():
        theirs = networks[f"{network.name}.{optimizer}.{name.replace('/', '.')}"]
        assert_agrees(cases.witness(array), theirs, name)


def test_that_training_moved_every_parameter_that_was_compared(networks):
    for name in cases.NETWORKS:
        for key, start in cases.initial_parameters(name).items():
            for optimizer in cases.OPTIMIZERS:
                end = networks[f"{name}.{optimizer}.{key.replace('/', '.')}"]
                assert np.abs(end - cases.witness(start)).max() > 1e-4, f"{name}, {optimizer}: {key} stood still"
