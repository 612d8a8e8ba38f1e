"""What ``Layer`` promises, asked of every member of ``LAYERS``; a new layer needs an example here."""

import copy

import numpy as np
import pytest
from checks import random_parameters

from cnnviz.nn import LAYERS, Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D, ReLU, Workspace
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
    Dropout: [(Dropout(0.25), (5, 4, 3)), (Dropout(0.0), (6,))],
}
N = 3
NUMPYS_OWN = 2**18  # bytes: a few of its buffers of 8,192 numbers, which no size of batch makes larger


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


def test_that_a_kept_workspace_gives_the_same_bits_as_fresh_memory_whatever_the_sizes_of_the_batches(
    layer, x, params, rng
):
    workspace = Workspace()
    for n in (N, 1, N, 2):
        batch = rng.standard_normal((n, *x.shape[1:]))
        y, cache = layer.forward(batch, params)
        dy = rng.standard_normal(y.shape)
        expected_dx, expected_grads = layer.backward(dy, cache, params)

        kept_y, cache = layer.forward(batch, params, workspace)
        np.testing.assert_array_equal(kept_y, y)
        gradients = {name: np.full_like(parameter, np.nan) for name, parameter in params.items()}
        layer.parameter_gradients(dy, cache, gradients, workspace)
        np.testing.assert_array_equal(layer.input_gradient(dy, cache, params, workspace), expected_dx)
        for name, gradient in gradients.items():
            np.testing.assert_array_equal(gradient, expected_grads[name])


def test_that_what_a_repeatable_layer_did_can_be_repeated_from_the_list_for_other_values(layer, x, params, rng):
    if not layer.is_repeatable:
        pytest.skip("it says that it cannot be repeated")
    workspace, dy = Workspace(), rng.standard_normal((N, *layer.output_shape(x.shape[1:])))
    gradients = {name: np.empty_like(parameter) for name, parameter in params.items()}

    def there_and_back() -> tuple[np.ndarray, np.ndarray]:
        y, cache = layer.forward(x, params, workspace)
        layer.parameter_gradients(dy, cache, gradients, workspace)
        return y, layer.input_gradient(dy, cache, params, workspace)

    for _ in range(3):
        for array in (x, dy, *params.values()):
            array[...] = rng.standard_normal(array.shape)
        y, dx = workspace.repeat((), (), there_and_back)
        expected, cache = layer.forward(x, params)
        expected_dx, expected_gradients = layer.backward(dy, cache, params)
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(dx, expected_dx)
        for name, gradient in gradients.items():
            np.testing.assert_array_equal(gradient, expected_gradients[name])


def test_that_two_callers_with_workspaces_of_their_own_do_not_disturb_each_other(layer, x, params, rng):
    mine, other = Workspace(), Workspace()
    y, cache = layer.forward(x, params, mine)
    y_before = y.copy()
    dy = rng.standard_normal(y.shape)
    expected = layer.input_gradient(dy, cache, params, Workspace()).copy()
    other_y, other_cache = layer.forward(rng.standard_normal(x.shape), params, other)
    layer.input_gradient(np.ones_like(other_y), other_cache, params, other)
    np.testing.assert_array_equal(y, y_before)
    np.testing.assert_array_equal(layer.input_gradient(dy, cache, params, mine), expected)


def test_that_a_pass_through_a_kept_workspace_asks_for_no_memory(layer, x, params, peak_of):
    if isinstance(layer, MaxPool2D) and (layer.size, layer.stride, layer.ties) != (2, 2, "first"):
        pytest.skip("only windows of 2x2 at stride 2 with the policy first have a fast path")
    batch = np.resize(x, (4 * NUMPYS_OWN // x[0].nbytes, *x.shape[1:]))
    workspace = Workspace()
    dy = np.ones_like(layer.forward(batch, params, workspace)[0])
    gradients = {name: np.empty_like(parameter) for name, parameter in params.items()}

    def there_and_back() -> None:
        _, cache = layer.forward(batch, params, workspace)
        layer.parameter_gradients(dy, cache, gradients, workspace)
        layer.input_gradient(dy, cache, params, workspace)

    there_and_back()
    assert peak_of(there_and_back) < NUMPYS_OWN


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
