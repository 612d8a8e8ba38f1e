"""What is computed twice, once by PyTorch (make_torch_fixtures.py) and once by the engine (test_against_pytorch.py).

Inputs and parameters are drawn here, from uniform numbers of a seeded generator, so that only results are stored.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

BATCH_SIZE = 4
STEPS = 3
WHOLE = 1000  # arrays up to this size are stored whole
EVERY = 211  # of larger ones, each so-many-th value, and
PROJECTIONS = 6  # so many random projections of all of it


class Conv(NamedTuple):
    """A convolution of a (2, 9, 8, 3) input to 4 channels."""

    kernel: tuple[int, int]
    stride: int
    padding: str


CONVOLUTIONS = [
    *(Conv((k, k), stride, "valid") for k in (1, 2, 3, 5) for stride in (1, 2, 3)),
    Conv((2, 3), 2, "valid"),
    *(Conv((k, k), 1, "same") for k in (1, 2, 3, 5)),  # torch knows "same" at stride 1 only
    Conv((2, 3), 1, "same"),
]
POOLINGS = [(2, 2), (2, 1), (3, 1), (3, 2), (2, 3)]  # size, stride; of a (2, 9, 8, 3) input
NETWORKS: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "zhou": {"conv1/weight": (8, 1, 3, 3), "dense1/weight": (10, 1352), "dense1/bias": (10,)},
    "escontrela": {
        "conv1/weight": (8, 1, 5, 5),
        "conv1/bias": (8,),
        "conv2/weight": (8, 8, 5, 5),
        "conv2/bias": (8,),
        "dense1/weight": (128, 800),
        "dense1/bias": (128,),
        "dense2/weight": (10, 128),
        "dense2/bias": (10,),
    },
}
OPTIMIZERS = {"sgd": 0.005, "momentum": 0.005, "adam": 1e-3}  # and their learning rates


def uniform(seed: int, shape: tuple[int, ...], width: float = 1.0) -> np.ndarray:
    """Return numbers from -width to width."""
    return width * (2 * np.random.default_rng(seed).random(shape) - 1)


def convolution_arrays(case: Conv) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x (N, C, H, W), weight and bias."""
    return uniform(11, (2, 3, 9, 8)), uniform(12, (4, 3, *case.kernel)), uniform(13, (4,))


def pooling_input() -> np.ndarray:
    """Return x (N, C, H, W) of so few different values that most windows are ties."""
    return np.random.default_rng(14).integers(0, 3, (2, 3, 9, 8)).astype(np.float64)


def output_gradient(shape: tuple[int, ...]) -> np.ndarray:
    """Return the gradient that is sent back into a layer."""
    return uniform(15, shape)


def batches(step: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x (N, 1, 28, 28) and labels for a step counted from 0."""
    labels = np.random.default_rng(200 + step).integers(0, 10, BATCH_SIZE)
    return uniform(100 + step, (BATCH_SIZE, 1, 28, 28)), labels


def initial_parameters(network: str) -> dict[str, np.ndarray]:
    """Return parameters, biases included, of about the size He et al. advise."""
    return {
        name: uniform(300 + i, shape, (6 / max(np.prod(shape[1:]), 20)) ** 0.5)
        for i, (name, shape) in enumerate(NETWORKS[network].items())
    }


def witness(array: np.ndarray) -> np.ndarray:
    """Return the array itself or, of a large one, a sample of its values and sums over all of it."""
    flat = np.ravel(array)
    if flat.size <= WHOLE:
        return np.array(array)
    return np.concatenate([flat[::EVERY], uniform(16, (PROJECTIONS, flat.size)) @ flat])
