import numpy as np
import pytest
import reference
from checks import assert_layer_gradients, random_parameters
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnviz.nn import Conv2D


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no-bias"])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5, (2, 3)], ids=str)
def test_that_gradients_agree_with_finite_differences(kernel, stride, padding, bias, rng):
    layer = Conv2D(3, kernel, stride, padding, bias)
    assert_layer_gradients(layer, rng.standard_normal((2, 7, 6, 2)), rng)


@st.composite
def convolutions(draw) -> tuple[Conv2D, np.ndarray]:
    size = st.integers(1, 8)
    padding = draw(st.sampled_from(["valid", "same"]))
    height, width, kh, kw = draw(size), draw(size), draw(size), draw(size)
    if padding == "valid":
        kh, kw = min(kh, height), min(kw, width)
    layer = Conv2D(draw(st.integers(1, 3)), (kh, kw), draw(st.integers(1, 4)), padding, draw(st.booleans()))
    shape = (draw(st.integers(1, 2)), height, width, draw(st.integers(1, 3)))
    return layer, np.random.default_rng(draw(st.integers(0, 2**32))).standard_normal(shape)


@given(convolutions())
@settings(max_examples=80, deadline=None)
def test_that_both_directions_agree_with_textbook_loops(case):
    layer, x = case
    rng = np.random.default_rng(1)
    params = random_parameters(layer, x.shape[1:], rng)
    weight, bias = params["weight"], params.get("bias", np.zeros(layer.filters))
    borders = [
        reference.same_border(n, k, layer.stride) if layer.padding == "same" else (0, 0)
        for n, k in zip(x.shape[1:3], layer.kernel, strict=True)
    ]
    y, cache = layer.forward(x, params)
    np.testing.assert_allclose(y, reference.conv2d(x, weight, bias, layer.stride, *borders), rtol=0, atol=1e-10)

    dy = rng.standard_normal(y.shape)
    dx, grads = layer.backward(dy, cache, params)
    expected_dx, dweight, dbias = reference.conv2d_gradients(dy, x, weight, layer.stride, *borders)
    np.testing.assert_allclose(dx, expected_dx, rtol=0, atol=1e-10)
    np.testing.assert_allclose(grads["weight"], dweight, rtol=0, atol=1e-10)
    if layer.bias:
        np.testing.assert_allclose(grads["bias"], dbias, rtol=0, atol=1e-10)


def test_that_cells_no_patch_covers_get_no_gradient(rng):
    layer = Conv2D(2, 2, stride=3)  # on 7 cells: patches at 0-1 and 3-4
    x = rng.standard_normal((1, 7, 7, 1))
    params = random_parameters(layer, (7, 7, 1), rng)
    y, cache = layer.forward(x, params)
    dx, _ = layer.backward(np.ones_like(y), cache, params)
    covered = np.isin(np.arange(7), [0, 1, 3, 4])
    np.testing.assert_array_equal(dx[0, :, :, 0] != 0, np.outer(covered, covered))


def test_that_same_padding_puts_the_odd_row_and_column_at_the_end():
    layer = Conv2D(1, 2, padding="same", bias=False)
    y, _ = layer.forward(np.array([[1.0, 2], [3, 4]]).reshape(1, 2, 2, 1), {"weight": np.ones((1, 1, 2, 2))})
    np.testing.assert_array_equal(y[0, :, :, 0], [[1 + 2 + 3 + 4, 2 + 4], [3 + 4, 4]])


@pytest.mark.parametrize(
    ("n", "kernel", "stride", "expected"), [(28, 3, 1, 28), (28, 5, 2, 14), (7, 2, 3, 3), (2, 5, 1, 2)]
)
def test_that_same_padding_gives_one_output_for_every_stride_cells_begun(n, kernel, stride, expected):
    assert Conv2D(4, kernel, stride, "same").output_shape((n, n, 1)) == (expected, expected, 4)


def test_that_it_is_a_cross_correlation_the_filter_is_not_turned():
    weight = np.array([[1.0, 2], [3, 4]])
    y, _ = Conv2D(1, 2, bias=False).forward(weight.reshape(1, 2, 2, 1), {"weight": weight.reshape(1, 1, 2, 2)})
    assert y.item() == 1 + 4 + 9 + 16


def test_that_each_filter_adds_up_all_channels_and_its_own_bias():
    x = np.array([2.0, 3, 5]).reshape(1, 1, 1, 3)
    weight = np.array([[1.0, 10, 100], [0, 1, -1]]).reshape(2, 3, 1, 1)
    y, _ = Conv2D(2, 1).forward(x, {"weight": weight, "bias": np.array([0.5, -0.5])})
    np.testing.assert_array_equal(y.ravel(), [532.5, -2.5])


def test_that_biases_start_at_zero(rng):
    fresh = Conv2D(8, 5).initialize((28, 28, 1), rng)
    np.testing.assert_array_equal(fresh["bias"], np.zeros(8))


@pytest.mark.parametrize(
    "options",
    [
        {"filters": 0, "kernel_size": 3},
        {"filters": 8, "kernel_size": (3, 0)},
        {"filters": 8, "kernel_size": 3, "stride": 0},
    ],
)
def test_that_options_below_one_are_refused(options):
    with pytest.raises(ValueError, match="Conv2D needs filters, kernel size and stride of 1 or more, got"):
        Conv2D(**options)


def test_that_an_unknown_padding_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="knows the paddings valid and same, got 'full'"):
        Conv2D(8, 3, padding="full")


def test_that_a_vector_is_refused():
    with pytest.raises(ValueError, match=r"Conv2D needs an input of \(height, width, channels\), got shape \(784,\)"):
        Conv2D(8, 3).output_shape((784,))


@pytest.mark.parametrize(
    ("layer", "input_shape", "expected"),
    [
        (Conv2D(8, 3), (28, 28, 1), 26 * 26 * 8 * 9),
        (Conv2D(8, 5), (24, 24, 8), 20 * 20 * 8 * 25 * 8),
        (Conv2D(3, (2, 3), stride=2, padding="same"), (7, 6, 2), 4 * 3 * 3 * 6 * 2),
    ],
    ids=["zhou", "escontrela", "same"],
)
def test_that_multiply_adds_are_outputs_times_the_cells_of_a_filter(layer, input_shape, expected):
    assert layer.multiply_adds(input_shape) == expected
