"""The worked examples of Zhou, "CNNs, part 1: an introduction" and "part 2: training", recomputed.

Where the articles show numbers in a picture only, the example here is our own, made to give the same results.
"""

import math

import numpy as np
import pytest
from checks import convolve, image

from cnnviz.nn import ARCHITECTURES, Conv2D, MaxPool2D, softmax, softmax_cross_entropy

VERTICAL_SOBEL = np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
HORIZONTAL_SOBEL = VERTICAL_SOBEL.T
UNTRAINED_COST = 2.302  # -ln(0.1), as the article cuts it off
TINY = [[0, 60, 0, 10], [0, 80, 31, 2], [33, 9, 0, 70], [5, 0, 40, 9]]


def test_that_the_top_left_corner_of_the_4x4_example_is_62_minus_33():
    products = np.array(TINY)[:3, :3] * VERTICAL_SOBEL
    assert sorted(products[products != 0]) == [-33, 62]
    assert convolve(TINY, VERTICAL_SOBEL)[0, 0] == 62 - 33 == 29


def test_that_a_4x4_image_and_a_3x3_filter_give_a_2x2_output_computed_patch_by_patch():
    by_hand = [
        [2 * 31 - 33, (10 - 60) + 2 * (2 - 80) + (70 - 9)],
        [(31 - 0) + 2 * (0 - 33) + (40 - 5), (2 - 80) + 2 * (70 - 9) + (9 - 0)],
    ]
    np.testing.assert_array_equal(convolve(TINY, VERTICAL_SOBEL), by_hand)


def test_that_same_padding_keeps_4x4_and_its_middle_is_the_unpadded_output():
    padded = convolve(TINY, VERTICAL_SOBEL, "same")
    assert padded.shape == (4, 4)
    np.testing.assert_array_equal(padded[1:3, 1:3], convolve(TINY, VERTICAL_SOBEL))
    assert padded[0, 0] == 2 * 60 + 80  # beyond the border there are zeros


@pytest.fixture
def square() -> np.ndarray:
    """A white square, rows and columns 3 to 6, on black, 10x10."""
    field = np.zeros((10, 10))
    field[3:7, 3:7] = 255
    return field


def test_that_the_vertical_sobel_filter_sees_vertical_edges_only(square):
    response = convolve(square, VERTICAL_SOBEL)  # output cell (i, j) is centred on image cell (i + 1, j + 1)
    np.testing.assert_array_equal(response[3:5], [[0, 1020, 1020, 0, 0, -1020, -1020, 0]] * 2)
    np.testing.assert_array_equal(response[:, 3:5], 0)  # in the middle of the upper and lower edge


def test_that_the_horizontal_sobel_filter_sees_horizontal_edges_only(square):
    response = convolve(square, HORIZONTAL_SOBEL)
    np.testing.assert_array_equal(response[:, 3:5].T, [[0, 1020, 1020, 0, 0, -1020, -1020, 0]] * 2)
    np.testing.assert_array_equal(response[3:5], 0)


def test_that_eight_3x3_filters_have_72_weights_and_turn_28x28_into_26x26x8():
    layer = Conv2D(8, 3, bias=False)
    assert {name: math.prod(shape) for name, shape in layer.parameter_shapes((28, 28, 1)).items()} == {"weight": 72}
    assert layer.output_shape((28, 28, 1)) == (26, 26, 8)


POOLED = [[1, 4, 8, 2], [3, 2, 6, 7], [0, 9, 5, 5], [7, 8, 4, 1]]


def test_that_max_pooling_of_the_4x4_example_keeps_the_largest_of_each_2x2_block():
    y, _ = MaxPool2D().forward(image(POOLED), {})
    np.testing.assert_array_equal(y[0, :, :, 0], [[4, 8], [9, 5]])


def test_that_softmax_of_minus_1_0_3_and_5_is_that_of_the_article():
    np.testing.assert_allclose(softmax(np.array([-1.0, 0, 3, 5])), [0.002, 0.006, 0.118, 0.874], atol=5e-4)


def test_that_ten_equal_logits_cost_minus_ln_of_a_tenth():
    cost = softmax_cross_entropy(np.zeros((1, 10)), np.array([7]))
    assert cost.mean == pytest.approx(-math.log(0.1))
    assert cost.mean == pytest.approx(UNTRAINED_COST, abs=1e-3)


def test_that_a_certain_and_right_answer_costs_nothing():
    assert softmax_cross_entropy(np.array([[0.0, 1000, 0]]), np.array([1])).mean == 0


def test_that_a_fresh_network_of_zhou_guesses_one_digit_in_ten_at_a_cost_of_2_302(rng):
    network = ARCHITECTURES["zhou"]()
    labels = np.arange(1000) % 10
    x = rng.integers(0, 256, (1000, 28, 28, 1)).astype(np.float32) / 255 - 0.5
    probabilities = network.predict(x, network.initialize(rng))
    cost = -np.log(probabilities[np.arange(1000), labels]).mean()
    assert cost == pytest.approx(UNTRAINED_COST, abs=2e-3)
    assert np.mean(probabilities.argmax(axis=1) == labels) == pytest.approx(0.1, abs=0.05)


def test_that_the_gradient_by_the_totals_is_what_the_chain_rule_gives_step_by_step(rng):
    totals, label = rng.standard_normal(10), 3
    exponentials = np.exp(totals)
    total = exponentials.sum()
    by_probability = -total / exponentials[label]  # of -ln(p)
    probability_by_totals = -exponentials[label] * exponentials / total**2
    probability_by_totals[label] = exponentials[label] * (total - exponentials[label]) / total**2
    cost = softmax_cross_entropy(totals[np.newaxis], np.array([label]))
    np.testing.assert_allclose(cost.gradient[0], by_probability * probability_by_totals, rtol=1e-12)


def test_that_each_gradient_goes_to_where_the_maximum_was_and_zero_elsewhere():
    x = image([[1, 4, 8, 2], [3, 2, 6, 7], [0, 9, 5, 3], [7, 8, 4, 1]])
    _, cache = MaxPool2D().forward(x, {})
    dx, _ = MaxPool2D().backward(image([[10, 20], [30, 40]]), cache, {})
    np.testing.assert_array_equal(dx[0, :, :, 0], [[0, 10, 20, 0], [0, 0, 0, 0], [0, 30, 40, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize(
    ("author", "ties", "lower_right"), [("Zhou", "all", [[40, 40], [0, 0]]), ("Escontrela", "first", [[40, 0], [0, 0]])]
)
def test_that_zhou_pays_every_tied_maximum_and_escontrela_the_first(author, ties, lower_right):
    layer = MaxPool2D(ties=ties)
    _, cache = layer.forward(image(POOLED), {})  # 5 and 5 tie in the lower right block
    dx, _ = layer.backward(image([[10, 20], [30, 40]]), cache, {})
    np.testing.assert_array_equal(dx[0, 2:, 2:, 0], lower_right)
    assert dx[0, :, :2].sum() + dx[0, :2, 2:].sum() == 10 + 20 + 30


CENTRE_80 = np.array([[20.0, 31, 12], [14, 80, 5], [7, 0, 61]])


def test_that_a_filter_of_zeros_gives_zero_and_one_more_in_its_centre_gives_80():
    centre = np.zeros((3, 3))
    assert convolve(CENTRE_80, centre).item() == 0
    centre[1, 1] = 1
    assert convolve(CENTRE_80, centre).item() == 80


def test_that_the_derivative_of_an_output_by_a_weight_is_the_pixel_below_it():
    layer, params = Conv2D(1, 3, bias=False), {"weight": np.zeros((1, 1, 3, 3))}
    _, cache = layer.forward(image(CENTRE_80), params)
    _, grads = layer.backward(np.ones((1, 1, 1, 1)), cache, params)
    np.testing.assert_array_equal(grads["weight"][0, 0], CENTRE_80)


def test_that_a_filters_gradient_adds_output_gradient_times_region_over_all_regions(rng):
    digit, dy = rng.standard_normal((28, 28)), rng.standard_normal((1, 26, 26, 8))
    layer, params = Conv2D(8, 3, bias=False), {"weight": rng.standard_normal((8, 1, 3, 3))}
    _, cache = layer.forward(image(digit), params)
    _, grads = layer.backward(dy, cache, params)
    expected = np.zeros((8, 3, 3))
    for i in range(26):
        for j in range(26):
            for f in range(8):
                expected[f] += dy[0, i, j, f] * digit[i : i + 3, j : j + 3]
    np.testing.assert_allclose(grads["weight"][:, 0], expected, atol=1e-12)


def test_that_zhous_network_has_the_shapes_and_13602_parameters_of_the_article():
    network = ARCHITECTURES["zhou"]()
    assert network.output_shapes == {"conv1": (26, 26, 8), "pool1": (13, 13, 8), "flatten": (1352,), "dense1": (10,)}
    assert network.parameter_shapes == {
        "conv1": {"weight": (8, 1, 3, 3)},
        "dense1": {"weight": (10, 1352), "bias": (10,)},
    }
    assert network.parameter_count == 72 + 13520 + 10 == 13602


def test_that_training_starts_from_n_0_1_over_nine_and_over_the_number_of_inputs(rng):
    fresh = ARCHITECTURES["zhou"]().initialize(rng)
    assert fresh["conv1"]["weight"].std() == pytest.approx(1 / 9, rel=0.3)
    assert fresh["dense1"]["weight"].std() == pytest.approx(1 / 1352, rel=0.03)
    assert not fresh["dense1"]["bias"].any()
