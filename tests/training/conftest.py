"""Small datasets in memory, and trainers and settings made of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnnviz.data.datasets import ArrayImageSet, Dataset
from cnnviz.training.config import TrainingConfig
from cnnviz.training.trainer import EpochDone, StepDone, Trainer


def random_images(count: int, seed: int, *, in_random_order: bool = False) -> ArrayImageSet:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (count, 28, 28)).astype(np.uint8)
    return ArrayImageSet(pixels, rng.integers(0, 10, count), in_random_order=in_random_order)


class RecordingImageSet(ArrayImageSet):
    """Notes which images were asked for."""

    def __init__(self, whole: ArrayImageSet) -> None:
        super().__init__(whole.images, whole.labels, in_random_order=whole.in_random_order)
        self.asked: list[list[int]] = []

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.asked.append(indices.tolist())
        return super().batch(indices)


class RenewableImageSet(RecordingImageSet):
    """Has the number of the epoch in the first pixel of its images."""

    def begin_epoch(self, epoch: int) -> None:
        self.images[:, 0, 0] = epoch


@pytest.fixture
def renewable() -> Dataset:
    """Return a dataset whose training images can be made anew."""
    return Dataset("new", "New", RenewableImageSet(random_images(40, 1, in_random_order=True)), random_images(20, 2))


@pytest.fixture
def make_dataset() -> Callable[..., Dataset]:
    """Return a maker of datasets of random images; its training set notes what it is asked for."""

    def make(train: int = 40, test: int = 20, *, in_random_order: bool = False) -> Dataset:
        images = RecordingImageSet(random_images(train, 1, in_random_order=in_random_order))
        return Dataset("random", "Random", images, random_images(test, 2))

    return make


@pytest.fixture
def make_config() -> Callable[..., TrainingConfig]:
    """Return a maker of settings for datasets that small: presets without their numbers of images."""

    def make(preset: str = "zhou", **changes: object) -> TrainingConfig:
        small = {"train_size": 40, "test_size": 20, "epochs": 2}
        return TrainingConfig.from_preset(preset, "random", **{**small, **changes})

    return make


@pytest.fixture
def make_trainer(make_config: Callable, make_dataset: Callable) -> Callable[..., Trainer]:
    def make(preset: str = "zhou", **changes: object) -> Trainer:
        return Trainer(make_config(preset, **changes), make_dataset())

    return make


@pytest.fixture
def take_steps() -> Callable[[Trainer, int], list[StepDone]]:
    """Return a function that lets a trainer go ``count`` steps, through the tests between them."""

    def take(trainer: Trainer, count: int) -> list[StepDone]:
        steps: list[StepDone] = []
        events = trainer.events()
        while len(steps) < count:
            event = next(events)
            if not isinstance(event, EpochDone):
                steps.append(event)
        return steps

    return take


@pytest.fixture
def bits_of() -> Callable[[Trainer], dict[str, Any]]:
    """Return a function that returns all that a run consists of, to the bit."""

    def bits(trainer: Trainer) -> dict[str, Any]:
        learner, history, own = trainer._learner, trainer.history.view(), trainer.own_digits
        return {
            "counts": (trainer.step, trainer.epoch, trainer.step_in_epoch, trainer.epochs),
            "learning rate": (trainer._learning_rate, trainer.learning_rate),
            "parameters": trainer.parameters.vector.tobytes(),
            "moments": {name: moment.tobytes() for name, moment in learner.moments.items()},
            "generators": [each.bit_generator.state["state"]["state"].tolist() for each in learner.generators],
            "losses": history.losses.tobytes(),
            "accuracies": history.accuracies.tobytes(),
            "tests": [
                (point.step, point.epoch, score.samples, score.loss, score.confusion.tobytes(), score.misread.tobytes())
                for point in history.tests
                for score in [point.evaluation]
            ],
            "learning rates": history.learning_rates,
            "edits": history.edits,
            "own digits": own and (own.share, own.images.images.tobytes(), own.images.labels.tobytes()),
        }

    return bits
