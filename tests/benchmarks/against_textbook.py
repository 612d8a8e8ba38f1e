"""Our layers against textbook loops, and our training against loops in the style of the two articles.

Run it in the repository as ``python -m tests.benchmarks.against_textbook``. Loops and layers take turns in one run; all
figures are for one image. The loops take as long for each image of a batch as for a single one.
"""

import statistics
import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cnnviz import processor
from cnnviz.commands.throughput import seconds_per_call, training
from cnnviz.nn import Conv2D, Layer, MaxPool2D, Workspace
from cnnviz.training.presets import PRESETS
from tests.benchmarks import published
from tests.nn import reference

ROUNDS = 7
BLOCK_SECONDS = 0.05
BATCH = 32
NO_BORDER = (0, 0)

Call = Callable[[], object]


class Case(NamedTuple):
    """Loops for one image, and the same work done by us, for so many images at once."""

    name: str
    loops: Call
    ours: dict[int, Call]


def main() -> int:
    """Measure and print a table."""
    print(f"NumPy {np.__version__}, {processor.blas_library()}; medians of {ROUNDS} rounds, ms an image\n")
    print(f"{'':<44}{'loops':>9}{'ours, alone':>13}{'factor':>9}{'ours, in batch':>16}{'factor':>9}")
    for case in [*layer_cases(), *training_cases()]:
        print(_row(case), flush=True)
    return 0


def layer_cases() -> list[Case]:
    """Return both directions of the layers of both networks, on random maps."""
    return [
        *_convolution_cases("conv 8@3x3 on 28x28x1", Conv2D(8, 3), (28, 28, 1)),
        *_convolution_cases("conv 8@5x5 on 24x24x8", Conv2D(8, 5), (24, 24, 8)),
        *_pooling_cases("max pooling 2 on 20x20x8", MaxPool2D(2), (20, 20, 8)),
    ]


def training_cases() -> list[Case]:
    """Return training by the loops of the articles, update left out, and by the trainer, update included."""
    return [
        Case(
            f"training {preset}, loops as published",
            published_loops(preset),
            {batch: training(preset, batch) for batch in (1, BATCH)},
        )
        for preset in ("zhou", "escontrela")
    ]


def published_loops(preset: str) -> Call:
    """Return a function that computes the gradients of one image of noise by the loops of the article."""
    gradients = {"zhou": published.zhou_gradients, "escontrela": published.escontrela_gradients}[preset]
    rng = np.random.default_rng(0)
    parameters = PRESETS[preset].build().initialize(rng, np.float64)
    image = rng.standard_normal((28, 28))
    return lambda: gradients(image, 3, parameters)


def _convolution_cases(name: str, layer: Conv2D, shape: tuple[int, ...]) -> list[Case]:
    x, params, dy = _arrays(layer, shape)
    weight, bias = params["weight"], params["bias"]

    def forward() -> object:
        return reference.conv2d(x, weight, bias, layer.stride, NO_BORDER, NO_BORDER)

    def backward() -> object:
        return reference.conv2d_gradients(dy, x, weight, layer.stride, NO_BORDER, NO_BORDER)

    return _both_directions(name, layer, shape, forward, backward)


def _pooling_cases(name: str, layer: MaxPool2D, shape: tuple[int, ...]) -> list[Case]:
    x, _, dy = _arrays(layer, shape)

    def forward() -> object:
        return reference.max_pool2d(x, layer.size, layer.stride)

    def backward() -> object:
        return reference.max_pool2d_gradient(dy, x, layer.size, layer.stride, layer.ties)

    return _both_directions(name, layer, shape, forward, backward)


def _both_directions(name: str, layer: Layer, shape: tuple[int, ...], forward: Call, backward: Call) -> list[Case]:
    ours = {batch: _our_directions(layer, shape, batch) for batch in (1, BATCH)}
    return [
        Case(f"{name}, forward", forward, {batch: calls[0] for batch, calls in ours.items()}),
        Case(f"{name}, backward", backward, {batch: calls[1] for batch, calls in ours.items()}),
    ]


def _our_directions(layer: Layer, shape: tuple[int, ...], batch: int) -> tuple[Call, Call]:
    """Return the layer's forward and backward pass, in float32, as training runs them."""
    x, params, dy = _arrays(layer, shape, batch, np.float32)
    workspace = Workspace()
    _, cache = layer.forward(x, params, workspace)
    gradients = {name: np.empty_like(parameter) for name, parameter in params.items()}

    def backward() -> np.ndarray:
        layer.parameter_gradients(dy, cache, gradients, workspace)
        return layer.input_gradient(dy, cache, params, workspace)

    return lambda: layer.forward(x, params, workspace), backward


def _arrays(
    layer: Layer, shape: tuple[int, ...], batch: int = 1, dtype: type = np.float64
) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Return random input, parameters and output gradient."""
    rng = np.random.default_rng(0)
    x, dy = (rng.standard_normal((batch, *each)).astype(dtype) for each in (shape, layer.output_shape(shape)))
    return x, {name: array.astype(dtype) for name, array in layer.initialize(shape, rng).items()}, dy


def _row(case: Case) -> str:
    sides = [(1, case.loops), *case.ours.items()]
    blocks = [[seconds_per_call(call, BLOCK_SECONDS) for _, call in sides] for _ in range(1 + ROUNDS)]
    medians = [statistics.median(seconds) for seconds in zip(*blocks[1:], strict=True)]  # the first warms up
    loops, alone, batch = (1000 * median / images for median, (images, _) in zip(medians, sides, strict=True))
    return f"{case.name:<44}{loops:>9.3f}{alone:>13.4f}{loops / alone:>9,.0f}{batch:>16.4f}{loops / batch:>9,.0f}"


if __name__ == "__main__":
    sys.exit(main())
