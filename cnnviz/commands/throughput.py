"""What ``benchmark`` measures: steps of training, predictions, and the matrix product that both are judged by."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from cnnviz.data import ArrayImageSet, Dataset
from cnnviz.nn import Workspace
from cnnviz.training.config import TrainingConfig
from cnnviz.training.presets import PRESETS
from cnnviz.training.trainer import StepDone, Trainer

IMAGES = 4096
INK = 0.15  # share of pixels that are light, about as in MNIST
SIDE = 1024  # of the matrices of the yardstick: large enough for BLAS to reach its best rate
PRODUCTS_PER_SAMPLE = 2


class Yardstick:
    """The rate of this machine's own matrix product, float32 (BLAS calls it sgemm).

    Square matrices of 1024x1024 are multiplied on as many Python threads at once as training uses, each with as many
    BLAS threads as training leaves it. The rate is the best of all samples: what the machine can do where nothing
    disturbs it. Take samples between those of the work to be judged, so that both see the same machine.

    Attributes
    ----------
    gflops : float
        Best rate so far of all threads together, in 10^9 floating-point operations a second; 0 before a sample.
    """

    def __init__(self, threads: int) -> None:
        self.gflops = 0.0
        rng = np.random.default_rng(0)
        self._matrices = rng.standard_normal((threads, 3, SIDE, SIDE), dtype=np.float32)  # left, right, product

    def sample(self) -> None:
        """Multiply for some hundredths of a second."""
        with ThreadPoolExecutor(len(self._matrices)) as pool:
            began = time.perf_counter()
            list(pool.map(_multiply, self._matrices))
            seconds = time.perf_counter() - began
        operations = 2 * SIDE**3 * PRODUCTS_PER_SAMPLE * len(self._matrices)
        self.gflops = max(self.gflops, operations / seconds / 1e9)


def _multiply(matrices: np.ndarray) -> None:
    left, right, product = matrices
    for _ in range(PRODUCTS_PER_SAMPLE):
        np.matmul(left, right, out=product)


def seconds_per_call(call: Callable[[], object], seconds: float) -> float:
    """Call again and again for about so many seconds, at least once, and return the time that one call took."""
    began, count = time.perf_counter(), 0
    while not count or time.perf_counter() - began < seconds:
        call()
        count += 1
    return (time.perf_counter() - began) / count


def training(preset: str, batch_size: int | None = None) -> Callable[[], StepDone]:
    """Return a function that takes the next training step of ``preset``, on noise, each time that it is called.

    A step is the trainer's own: batch, normalisation, both passes, update, records. None: the preset's batch size.
    """
    config = TrainingConfig.from_preset(
        preset, "noise", train_size=IMAGES, test_size=1, epochs=10**6, batch_size=batch_size
    )
    events = Trainer(config, _noise()).events()
    return (event for event in events if isinstance(event, StepDone)).__next__


def prediction(preset: str, images: int) -> Callable[[], np.ndarray]:
    """Return a function that classifies so many normalised images of noise with the network of ``preset``."""
    rng = np.random.default_rng(0)
    recipe = PRESETS[preset]
    network = recipe.build()
    parameters = network.initialize(rng)
    x = recipe.normalization.apply(_noise_images(rng, images))
    workspace = Workspace()
    return lambda: network.predict(x, parameters, workspace)


def _noise() -> Dataset:
    """Return digits without a meaning."""
    rng = np.random.default_rng(0)
    image_set = ArrayImageSet(_noise_images(rng, IMAGES), rng.integers(0, 10, IMAGES), in_random_order=True)
    return Dataset("noise", "Noise", image_set, image_set)


def _noise_images(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return images, shape (count, 28, 28), light and dark as in MNIST, at random places."""
    return np.where(rng.random((count, 28, 28)) < INK, 255, 0).astype(np.uint8)
