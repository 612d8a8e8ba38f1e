import numpy as np
import pytest

from cnnviz.nn import Parameters
from cnnviz.training.divergence import DivergenceError, layer_of_outputs, layer_of_parameters
from cnnviz.training.presets import PRESETS


@pytest.fixture
def network():
    return PRESETS["escontrela"].build()


def test_that_the_account_names_finding_step_rate_and_the_last_good_cost():
    error = DivergenceError("the cost is nan", "conv1", 813, 0.5, (812, 2.30259))
    account = "training diverged: the cost is nan after step 813, at a learning rate of 0.5"
    assert error.account == f"{account}; the last finite cost was 2.303 nats, in step 812"
    assert str(error) == f"{error.account}; reset and take a tenth of that rate"
    assert error.divergence == ("conv1", 813, 0.5, (812, 2.30259))
    assert DivergenceError("the cost is nan", None, 0, 0.5, None).account.endswith("learning rate of 0.5")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("layer", ["conv2", "dense2"])
def test_that_the_first_layer_with_parameters_beyond_bounds_is_named(network, layer, value):
    parameters = network.initialize(np.random.default_rng(0))
    assert layer_of_parameters(parameters) is None
    parameters["dense2"]["bias"][0] = value
    parameters[layer]["bias"][0] = value
    assert layer_of_parameters(parameters) == layer


def test_that_the_first_layer_that_makes_something_infinite_of_an_image_is_named(network):
    parameters: Parameters = network.initialize(np.random.default_rng(0))
    images = np.ones((2, 28, 28, 1), np.float32)
    assert layer_of_outputs(network, parameters, images) is None
    parameters["conv2"]["weight"][...] = 3e38
    assert layer_of_outputs(network, parameters, images) == "conv2"
