import numpy as np
import pytest

from cnnviz.nn.gradient_check import central_difference, numerical_gradient, relative_error


def test_that_the_numerical_gradient_of_a_cubic_is_three_squares():
    x = np.array([[-2.0, 0.0, 1.0], [0.5, 3.0, -1.0]])
    np.testing.assert_allclose(numerical_gradient(lambda: float(np.sum(x**3)), x), 3 * x**2, atol=1e-7)


def test_that_the_nudged_array_is_restored_to_the_bit():
    x = np.array([0.1, 1 / 3, 1e-9])
    before = x.copy()
    numerical_gradient(lambda: float(x.sum()), x)
    np.testing.assert_array_equal(x, before)


def test_that_the_relative_error_is_the_distance_over_the_sum_of_lengths():
    assert relative_error(np.array([3.0, 4.0]), np.array([3.0, 4.0])) == 0
    assert relative_error(np.array([3.0, 0.0]), np.array([0.0, 4.0])) == pytest.approx(5 / 7)
    assert relative_error(np.array([2.0]), np.array([-2.0])) == 1


def test_that_two_vanishing_gradients_agree():
    assert relative_error(np.zeros(3), np.zeros(3)) == 0


def test_that_a_gradient_of_nan_does_not_pass_for_a_small_error():
    assert not relative_error(np.array([np.nan]), np.array([1.0])) <= 1e-6


def test_that_the_central_difference_of_a_cubic_is_three_squares_and_the_square_of_the_step():
    assert central_difference(lambda x: x**3, 2.0, 0.5) == pytest.approx(12.25)
    assert central_difference(lambda x: x**3, -1.0, 1e-5) == pytest.approx(3)
