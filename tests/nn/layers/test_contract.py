"""What ``Layer`` promises, asked of every member of ``LAYERS``; a new layer needs an example here."""

import copy

import numpy as np
import pytest
from checks import random_parameters

from cnnviz.nn import LAYERS, Conv2D, Dense, Flatten, Layer, MaxPool2D, ReLU
from cnnviz.nn.layers.maxpool2d import TIES

EXAMPLES: dict[type, list[tuple[Layer, tuple[int, ...]]]] = {
    Conv2D: [
        (Conv2D(4, 3), (7, 6, 2)),
        (Conv2D(3, (2, 3), stride=2, padding="same", bias=False), (7, 6, 1)),
        (Conv2D(2, 5, stride=3), (28, 28, 1)),
    ],
    ReLU: [(ReLU(), (5, 4, 3)), (ReLU(), (6,))],
    MaxPool2D: [*((MaxPool2D(2, 2, ties), (7, 6, 3)) for ties in TIES), (MaxPool2D(3, 1), (5, 5, 2))],
    Flatten: [(Flatten(), (3, 4, 5)), (Flatten(), (3, 4, 1))],
    Dense: [(Dense(7), (5,)), (Dense(1, bias=False), (5,))],
}
N = 3


def test_that_every_layer_is_listed_and_has_an_example_here():
    assert {kind.__name__ for kind in LAYERS} == {kind.__name__ for kind, examples in EXAMPLES.items() if examples}


@pytest.fixture(
    params=[example for kind in LAYERS for example in EXAMPLES.get(kind, [])],
    ids=lambda example: f"{example[0]}-{'x'.join(map(str, example[1]))}",
)
def example(request) -> tuple[Layer, tuple[int, ...]]:
    return request.param


@pytest.fixture
def layer(example) -> Layer:
    return example[0]


@pytest.fixture
def input_shape(example) -> tuple[int, ...]:
    return example[1]


@pytest.fixture
def params(layer, input_shape, rng) -> dict[str, np.ndarray]:
    return random_parameters(layer, input_shape, rng)


@pytest.fixture
def x(input_shape, rng) -> np.ndarray:
    return rng.standard_normal((N, *input_shape))


def test_that_output_shape_is_the_shape_of_what_forward_returns(layer, input_shape, x, params):
    y, _ = layer.forward(x, params)
    assert y.shape == (N, *layer.output_shape(input_shape))


def test_that_there_are_products_to_add_up_exactly_where_there_are_weights(layer, input_shape):
    count = layer.multiply_adds(input_shape)
    assert isinstance(count, int)
    assert (count > 0) == ("weight" in layer.parameter_shapes(input_shape))


def test_that_initialize_gives_every_parameter_its_shape_in_order(layer, input_shape, rng):
    fresh = layer.initialize(input_shape, rng)
    shapes = {name: array.shape for name, array in fresh.items()}
    assert list(shapes.items()) == list(layer.parameter_shapes(input_shape).items())
    assert all(array.dtype == np.float64 for array in fresh.values())


def test_that_the_same_seed_initializes_the_same_parameters(layer, input_shape):
    one, two = (layer.initialize(input_shape, np.random.default_rng(5)) for _ in range(2))
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_that_backward_returns_the_shapes_of_input_and_parameters(layer, input_shape, x, params):
    y, cache = layer.forward(x, params)
    dx, grads = layer.backward(np.ones_like(y), cache, params)
    assert dx.shape == x.shape
    assert {name: g.shape for name, g in grads.items()} == layer.parameter_shapes(input_shape)


def test_that_neither_direction_modifies_what_it_is_given(layer, x, params, rng):
    y, cache = layer.forward(x, params)
    dy = rng.standard_normal(y.shape)
    before = copy.deepcopy((x, params, dy, y))
    layer.backward(dy, cache, params)
    layer.forward(x, params)
    for now, then in zip((x, *params.values(), dy, y), (before[0], *before[1].values(), *before[2:]), strict=True):
        np.testing.assert_array_equal(now, then)


def test_that_read_only_arrays_are_welcome(layer, x, params):
    for array in (x, *params.values()):
        array.flags.writeable = False
    y, cache = layer.forward(x, params)
    dy = np.ones_like(y)
    dy.flags.writeable = False
    assert layer.backward(dy, cache, params)[0].shape == x.shape


def test_that_a_second_forward_pass_does_not_disturb_the_backward_pass_of_the_first(layer, x, params, rng):
    y, cache = layer.forward(x, params)
    y = y.copy()
    dy = rng.standard_normal(y.shape)
    expected_dx, expected_grads = copy.deepcopy(layer.backward(dy, cache, params))
    first, cache = layer.forward(x, params)
    layer.forward(rng.standard_normal(x.shape), params)
    layer.forward(rng.standard_normal((1, *x.shape[1:])), params)
    dx, grads = layer.backward(dy, cache, params)
    np.testing.assert_array_equal(first, y)
    np.testing.assert_array_equal(dx, expected_dx)
    for name, gradient in grads.items():
        np.testing.assert_array_equal(gradient, expected_grads[name])


def test_that_parameter_gradients_are_summed_and_input_gradients_kept_apart_over_examples(layer, x, params, rng):
    y, cache = layer.forward(x, params)
    dy = rng.standard_normal(y.shape)
    dx, grads = layer.backward(dy, cache, params)
    singly = [layer.backward(dy[i : i + 1], layer.forward(x[i : i + 1], params)[1], params) for i in range(N)]
    np.testing.assert_allclose(dx, np.concatenate([one for one, _ in singly]), rtol=1e-12, atol=1e-12)
    for name, gradient in grads.items():
        np.testing.assert_allclose(gradient, sum(one[name] for _, one in singly), rtol=1e-12, atol=1e-12)


def test_that_float32_stays_float32(layer, x, params):
    single = {name: array.astype(np.float32) for name, array in params.items()}
    y, cache = layer.forward(x.astype(np.float32), single)
    dx, grads = layer.backward(np.ones_like(y), cache, single)
    assert {y.dtype, dx.dtype, *(g.dtype for g in grads.values())} == {np.dtype(np.float32)}


def test_that_no_examples_in_are_no_examples_out(layer, input_shape, x, params):
    y, cache = layer.forward(x[:0], params)
    dx, grads = layer.backward(np.ones_like(y), cache, params)
    assert y.shape == (0, *layer.output_shape(input_shape))
    assert dx.shape == (0, *input_shape)
    assert all(not gradient.any() for gradient in grads.values())
