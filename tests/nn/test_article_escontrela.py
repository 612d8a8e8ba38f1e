"""The worked examples of Escontrela, "Convolutional neural networks from the ground up", recomputed.

Where the article shows numbers in a picture only, the example here is our own, made to give the same results.
"""

import math

import numpy as np
import pytest
from checks import convolve

from cnnviz.nn import ARCHITECTURES, AmnesicAdam, Conv2D, MaxPool2D, softmax_cross_entropy
from cnnviz.nn.shapes import window_positions


@pytest.mark.parametrize(("n", "f", "s", "expected"), [(28, 3, 1, 26), (28, 5, 1, 24), (24, 5, 1, 20), (20, 2, 2, 10)])
def test_that_the_output_size_is_n_minus_f_over_s_plus_1(n, f, s, expected):
    assert window_positions(n, f, s) == expected == (n - f) / s + 1
    assert Conv2D(8, f, s).output_shape((n, n, 1)) == (expected, expected, 8)
    assert MaxPool2D(f, s).output_shape((n, n, 8)) == (expected, expected, 8)


def test_that_a_filter_for_a_curve_answers_that_curve_with_6600_and_another_one_with_nothing():
    curve_filter = np.array([[0.0, 30, 30], [30, 30, 0], [30, 0, 0]])
    assert convolve([[0, 50, 50], [20, 50, 0], [50, 0, 0]], curve_filter).item() == 4 * 50 * 30 + 20 * 30 == 6600
    assert convolve([[0, 0, 0], [0, 0, 50], [0, 50, 20]], curve_filter).item() == 0


def test_that_adam_with_moments_zeroed_each_batch_is_the_published_update(rng):
    lr, beta1, beta2 = 0.01, 0.95, 0.99
    weights = rng.standard_normal(500)
    ours = weights.copy()
    for step in range(1, 4):
        gradient = rng.standard_normal(500) * 10.0 ** rng.uniform(-6, 1, 500)
        v = beta1 * np.zeros(500) + (1 - beta1) * gradient
        s = beta2 * np.zeros(500) + (1 - beta2) * gradient**2
        weights -= lr * v / np.sqrt(s + 1e-7)
        AmnesicAdam().update(ours, gradient, {}, lr, step)
    np.testing.assert_allclose(ours, weights, rtol=1e-12)


@pytest.mark.parametrize(("gradient", "share"), [(1e3, 1), (0.1, 0.9995), (0.03, 0.995), (-0.03, -0.995)])
def test_that_this_is_half_the_learning_rate_times_the_sign_of_the_gradient(gradient, share):
    weight = np.zeros(1)
    AmnesicAdam().update(weight, np.array([gradient]), {}, 0.01, 1)
    assert weight[0] == pytest.approx(-share * 0.01 / 2, rel=1e-3)


def test_that_gradients_below_a_few_thousandths_still_count_by_their_size():
    weights = np.zeros(2)
    AmnesicAdam().update(weights, np.array([1e-4, 2e-4]), {}, 0.01, 1)
    assert weights[1] / weights[0] == pytest.approx(2, rel=0.01)


def test_that_escontrelas_network_has_the_shapes_and_105634_parameters_of_the_article():
    network = ARCHITECTURES["escontrela"]()
    assert network.output_shapes == {
        "conv1": (24, 24, 8),
        "relu1": (24, 24, 8),
        "conv2": (20, 20, 8),
        "relu2": (20, 20, 8),
        "pool1": (10, 10, 8),
        "flatten": (800,),
        "dense1": (128,),
        "relu3": (128,),
        "dense2": (10,),
    }
    assert network.parameter_shapes == {
        "conv1": {"weight": (8, 1, 5, 5), "bias": (8,)},
        "conv2": {"weight": (8, 8, 5, 5), "bias": (8,)},
        "dense1": {"weight": (128, 800), "bias": (128,)},
        "dense2": {"weight": (10, 128), "bias": (10,)},
    }
    assert network.parameter_count == 208 + 1608 + 102528 + 1290 == 105634


def test_that_a_training_step_of_escontrelas_network_takes_2_461_440_products_an_image():
    conv1, conv2, dense1, dense2 = 24 * 24 * 8 * 25, 20 * 20 * 8 * 200, 800 * 128, 128 * 10
    expected = 2 * conv1 + 3 * (conv2 + dense1 + dense2)
    assert ARCHITECTURES["escontrela"]().training_multiply_adds == expected == 2_461_440


def test_that_a_fresh_network_of_escontrela_costs_2_30_too(rng):
    network = ARCHITECTURES["escontrela"]()
    x = rng.standard_normal((200, 28, 28, 1)).astype(np.float32)
    logits = network.forward(x, network.initialize(rng)).logits
    assert softmax_cross_entropy(logits, np.arange(200) % 10).mean == pytest.approx(-math.log(0.1), abs=0.01)


def test_that_training_starts_from_weights_of_the_published_size_and_biases_of_zero(rng):
    deviations = {
        "conv1/weight": 1 / math.sqrt(8 * 1 * 5 * 5),
        "conv2/weight": 1 / math.sqrt(8 * 8 * 5 * 5),
        "dense1/weight": 0.01,
        "dense2/weight": 0.01,
    }
    for name, array in ARCHITECTURES["escontrela"]().initialize(rng).flat().items():
        assert array.std() == pytest.approx(deviations.get(name, 0), rel=0.1), name
