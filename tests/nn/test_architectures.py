import numpy as np
import pytest
from checks import assert_directional_derivative

from cnnviz.nn import ARCHITECTURES, MaxPool2D, Network, Parameters, softmax_cross_entropy
from cnnviz.nn.layers.maxpool2d import TIES


@pytest.fixture(params=ARCHITECTURES.values(), ids=ARCHITECTURES)
def network(request) -> Network:
    return request.param()


@pytest.fixture
def parameters(network, rng) -> Parameters:
    """Weights of a size that keeps signals alive, so that slopes stand clear of rounding."""
    parameters = Parameters.zeros(network.parameter_shapes, np.float64)
    for array in parameters.flat().values():
        array[...] = rng.standard_normal(array.shape) * np.sqrt(2 / max(np.prod(array.shape[1:]), 20))
    return parameters


def test_that_gradients_of_the_whole_network_agree_with_slopes_along_random_directions(network, parameters, rng):
    x, labels = rng.standard_normal((2, 28, 28, 1)), np.array([3, 1])

    def cost() -> float:
        return softmax_cross_entropy(network.forward(x, parameters).logits, labels).mean

    forward = network.forward(x, parameters)
    gradients = Parameters.zeros(network.parameter_shapes, np.float64)
    dlogits = softmax_cross_entropy(forward.logits, labels).gradient
    backward = network.backward(dlogits, forward, parameters, gradients)
    for name, array in parameters.flat().items():
        assert_directional_derivative(cost, array, gradients.flat()[name], rng, name)
    assert_directional_derivative(cost, x, backward.inputs, rng, "the input")


def test_that_float32_gradients_follow_float64_ones(network, parameters, rng):
    x, labels = rng.standard_normal((2, 28, 28, 1)), np.array([3, 1])
    results = []
    for dtype in (np.float32, np.float64):
        typed = parameters.copy(dtype)
        forward = network.forward(x.astype(dtype), typed)
        gradients = Parameters.zeros(network.parameter_shapes, dtype)
        network.backward(softmax_cross_entropy(forward.logits, labels).gradient, forward, typed, gradients)
        assert {y.dtype for y in forward.outputs.values()} == {np.dtype(dtype)}
        results.append(gradients.vector)
    single, double = results
    assert np.linalg.norm(single - double) <= 1e-5 * np.linalg.norm(double)


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("build", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_that_the_tie_policy_reaches_the_pooling_layer(build, ties):
    assert build(ties).layers["pool1"] == MaxPool2D(2, 2, ties)


def test_that_an_unknown_tie_policy_is_refused():
    with pytest.raises(ValueError, match="knows the tie policies first, all, split, got 'some'"):
        ARCHITECTURES["zhou"]("some")


@pytest.mark.parametrize(("name", "build"), ARCHITECTURES.items())
def test_that_a_network_bears_the_name_it_is_listed_under(name, build):
    assert build().name == name
