import numpy as np
from checks import assert_layer_gradients

from cnnviz.nn import ReLU


def test_that_gradients_agree_with_finite_differences_away_from_the_kink(rng):
    x = rng.standard_normal((3, 4, 5, 2))
    x += np.copysign(0.1, x)
    assert_layer_gradients(ReLU(), x, rng)


def test_that_values_up_to_zero_become_zero_and_positive_ones_remain():
    y, _ = ReLU().forward(np.array([[-3.0, -0.0, 0.0, 2.5]]), {})
    np.testing.assert_array_equal(y, [[0, 0, 0, 2.5]])


def test_that_the_gradient_stops_at_and_below_zero():
    _, cache = ReLU().forward(np.array([[-3.0, 0.0, 2.5]]), {})
    dx, _ = ReLU().backward(np.array([[7.0, 7.0, 7.0]]), cache, {})
    np.testing.assert_array_equal(dx, [[0, 0, 7]])
