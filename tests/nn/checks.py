"""Comparisons that several tests share."""

from collections.abc import Callable

import numpy as np

from cnnviz.nn import Conv2D, Layer
from cnnviz.nn.gradient_check import numerical_gradient, relative_error

TOLERANCE = 1e-6


def image(rows: list[list[float]] | np.ndarray) -> np.ndarray:
    """Return one example of one channel, shape (1, H, W, 1)."""
    return np.array(rows, float)[np.newaxis, :, :, np.newaxis]


def convolve(x: list[list[float]] | np.ndarray, filter_: np.ndarray, padding: str = "valid") -> np.ndarray:
    """Return the map, shape (Ho, Wo), of a single 3x3 filter on a single channel."""
    y, _ = Conv2D(1, 3, padding=padding, bias=False).forward(image(x), {"weight": filter_[np.newaxis, np.newaxis]})
    return y[0, :, :, 0]


def random_parameters(layer: Layer, input_shape: tuple[int, ...], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return float64 parameters of which none, biases included, is 0."""
    return {name: rng.standard_normal(shape) for name, shape in layer.parameter_shapes(input_shape).items()}


def assert_layer_gradients(layer: Layer, x: np.ndarray, rng: np.random.Generator) -> None:
    """Compare the layer's backward pass with finite differences, cell by cell: by the input and by each parameter.

    The cost is a random weighting of the outputs, so that no two of them can be mistaken for each other.
    """
    params = random_parameters(layer, x.shape[1:], rng)
    y, cache = layer.forward(x, params)
    weighting = rng.standard_normal(y.shape)
    dx, grads = layer.backward(weighting, cache, params)
    assert set(grads) == set(params)

    def cost() -> float:
        return float(np.sum(weighting * layer.forward(x, params)[0]))

    for name, array, gradient in [("the input", x, dx), *((key, params[key], grads[key]) for key in params)]:
        error = relative_error(numerical_gradient(cost, array), gradient)
        assert error <= TOLERANCE, f"{layer}: gradient by {name} has a relative error of {error:.1e}"


def assert_directional_derivative(
    cost: Callable[[], float],
    array: np.ndarray,
    gradient: np.ndarray,
    rng: np.random.Generator,
    what: str,
    moving: np.ndarray | bool = True,
) -> None:
    """Compare the slope of ``cost`` along one random direction through ``array`` with ``gradient`` times it.

    Only the ``moving`` cells take part. The direction leans towards the gradient, so that the slope stands clear of
    rounding even at steps so short that hardly any unit crosses the kink of its ReLU.
    """
    direction = rng.standard_normal(array.shape) * moving
    direction = direction / np.linalg.norm(direction) + moving * gradient / np.linalg.norm(gradient)
    start, step = array.copy(), 1e-6
    array[...] = start + step * direction
    above = cost()
    array[...] = start - step * direction
    below = cost()
    array[...] = start
    slope, projected = (above - below) / (2 * step), float(np.sum(gradient * direction))
    error = abs(slope - projected) / (abs(slope) + abs(projected))
    assert error <= TOLERANCE, f"{what}: slope {slope:.12g}, gradient times direction {projected:.12g}"
