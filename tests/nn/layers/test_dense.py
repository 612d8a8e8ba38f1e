import numpy as np
import pytest
from checks import assert_layer_gradients

from cnnviz.nn import Dense


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no-bias"])
@pytest.mark.parametrize("n", [1, 4])
def test_that_gradients_agree_with_finite_differences(n, bias, rng):
    assert_layer_gradients(Dense(6, bias), rng.standard_normal((n, 5)), rng)


def test_that_a_unit_weighs_its_inputs_and_adds_its_bias():
    params = {"weight": np.array([[1.0, 10, 100], [0, -1, 0]]), "bias": np.array([0.5, 4])}
    y, _ = Dense(2).forward(np.array([[2.0, 3, 5], [0, 1, 0]]), params)
    np.testing.assert_array_equal(y, [[532.5, 1], [10.5, 3]])


def test_that_biases_start_at_zero(rng):
    np.testing.assert_array_equal(Dense(10).initialize((800,), rng)["bias"], np.zeros(10))


def test_that_multiply_adds_are_units_times_inputs():
    assert Dense(128).multiply_adds((800,)) == 102_400
