import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cnnviz.nn import softmax, softmax_cross_entropy
from cnnviz.nn.gradient_check import numerical_gradient, relative_error
from cnnviz.nn.losses import exponentials


def test_that_the_gradient_agrees_with_finite_differences(rng):
    logits, labels = rng.standard_normal((5, 10)) * 3, rng.integers(0, 10, 5)
    numerical = numerical_gradient(lambda: softmax_cross_entropy(logits, labels).mean, logits)
    assert relative_error(numerical, softmax_cross_entropy(logits, labels).gradient) <= 1e-6


def test_that_the_gradient_is_probability_minus_truth_over_the_number_of_examples(rng):
    logits, labels = rng.standard_normal((4, 3)), np.array([2, 0, 1, 1])
    truth = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 1, 0]])
    cost = softmax_cross_entropy(logits, labels)
    np.testing.assert_allclose(cost.gradient, (cost.probabilities - truth) / 4, rtol=1e-14)


def test_that_the_cost_is_minus_the_log_of_the_right_class_averaged_over_the_batch():
    cost = softmax_cross_entropy(np.log([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]), np.array([1, 2]))
    np.testing.assert_allclose(cost.per_example, [math.log(4), -math.log(0.8)], rtol=1e-14)
    assert cost.mean == pytest.approx((math.log(4) - math.log(0.8)) / 2)
    assert isinstance(cost.mean, float)


@given(
    arrays.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(2, 10)), elements=st.floats(-1e4, 1e4)),
    st.data(),
)
@settings(max_examples=100, deadline=None)
def test_that_probabilities_sum_to_one_gradients_to_zero_and_costs_are_at_least_zero(logits, data):
    n, k = logits.shape
    labels = np.array(data.draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n)))
    cost = softmax_cross_entropy(logits, labels)
    np.testing.assert_allclose(cost.probabilities.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(cost.gradient.sum(axis=1), 0, atol=1e-12)
    assert (cost.per_example >= 0).all()
    np.testing.assert_allclose(softmax(logits), cost.probabilities, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_that_logits_of_ten_thousand_neither_overflow_nor_meet_the_log_of_zero(dtype):
    logits = np.array([[1e4, -1e4, 0], [1e4, -1e4, 0], [-1e4, -1e4, -1e4]], dtype)
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        cost = softmax_cross_entropy(logits, np.array([0, 1, 2]))
        probabilities = softmax(logits)
    np.testing.assert_allclose(cost.per_example, [0, 2e4, math.log(3)], rtol=1e-6)
    np.testing.assert_allclose(probabilities, [[1, 0, 0], [1, 0, 0], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-6)
    assert np.isfinite(cost.gradient).all()


def test_that_the_same_number_added_to_every_logit_changes_nothing(rng):
    logits = rng.standard_normal((3, 10))
    np.testing.assert_allclose(softmax(logits + 500), softmax(logits), rtol=1e-11)


def test_that_a_single_vector_of_logits_is_welcome_to_softmax():
    np.testing.assert_allclose(softmax(np.log([1.0, 2.0, 5.0])), [0.125, 0.25, 0.625], rtol=1e-14)


def test_that_logits_are_not_modified(rng):
    logits = rng.standard_normal((4, 10))
    before = logits.copy()
    softmax_cross_entropy(logits, np.array([1, 2, 3, 4]))
    softmax(logits)
    np.testing.assert_array_equal(logits, before)


def test_that_float32_stays_float32(rng):
    cost = softmax_cross_entropy(rng.standard_normal((4, 10)).astype(np.float32), np.array([1, 2, 3, 4]))
    assert {cost.per_example.dtype, cost.probabilities.dtype, cost.gradient.dtype} == {np.dtype(np.float32)}


def test_that_exponentials_are_those_of_the_distance_to_the_largest_logit():
    np.testing.assert_allclose(exponentials(np.log([[1.0, 2.0, 5.0]]) + 800), [[0.2, 0.4, 1.0]], rtol=1e-12)
