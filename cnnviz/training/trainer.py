"""The training loop, as a generator of steps."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from cnnviz.data.datasets import Dataset, ImageSet, Renewable, head
from cnnviz.errors import Cancelled
from cnnviz.nn import OPTIMIZERS, SCHEDULES, Parameters
from cnnviz.training.batches import Batch, Ingredient, mix_in, take_batch
from cnnviz.training.checkpoint import Checkpoint, CheckpointError, fingerprint
from cnnviz.training.config import ConfigError, TrainingConfig, check_lr
from cnnviz.training.control import NewValue, check_new_value, parameter_text
from cnnviz.training.divergence import DivergenceError, layer_of_outputs, layer_of_parameters
from cnnviz.training.evaluation import Evaluation, Progress, evaluate
from cnnviz.training.history import Edit, History, TestPoint
from cnnviz.training.learner import Learner
from cnnviz.training.record import StepRecord
from cnnviz.training.snapshot import Probe, Snapshot, State

# Independent streams of random numbers from one seed.
_INITIALIZATION, _ORDER, _DROPOUT, _MIX, _OWN, _AUGMENT = range(6)

_LARGEST = float(np.finfo(np.float32).max)  # that the history can hold


@dataclass(frozen=True)
class StepDone:
    """A batch was learnt: its mean cost in nats and share of right answers, both before the update."""

    step: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class EpochDone:
    """All training images were seen once more; ``evaluation`` is None where scoring was cancelled."""

    epoch: int
    evaluation: Evaluation | None


class Trainer:
    """Trains a network on a dataset.

    The trainer owns the live arrays; others see copies (``snapshot``).

    Attributes
    ----------
    config : TrainingConfig
    network : Network
    epoch, step_in_epoch : int
        Whole epochs done, updates made in the current epoch.
    epochs : int
        How many there will be; may be raised while training.
    seconds : float
        Spent on steps, also before the run was resumed.
    history : History
    own_digits : Ingredient or None
        A person's digits, which take the place of some of all other images; may be set while training.
    record : StepRecord or None
        Of the latest step that was recorded.
    records_next_step : bool
        Whether the next step is to be recorded, which changes nothing about it; may be set while training.

    Parameters
    ----------
    config : TrainingConfig
    dataset : Dataset
    parameters : Parameters, optional
        To begin with, copied; by default random ones.
    mixed_in : sequence of ImageSet
        The images that ``config.mix`` names, in its order.

    Raises
    ------
    ConfigError
        From the constructor: the settings do not fit the dataset, or ``parameters`` not the network.
    """

    def __init__(
        self,
        config: TrainingConfig,
        dataset: Dataset,
        parameters: Parameters | None = None,
        mixed_in: Sequence[ImageSet] = (),
    ) -> None:
        config.check()
        self.config = config
        self.train = _head(dataset.train, config.train_size, config.recipe.train_size)
        self.test = _head(dataset.test, config.test_size, config.recipe.test_size)
        config.check_batch(len(self.train))
        self.network = config.build()
        self._learner = Learner(
            self.network,
            self._initialize(parameters),
            config.recipe.normalization,
            OPTIMIZERS[config.optimizer],
            config.freeze,
            (config.seed, _DROPOUT),
        )
        self.epoch = self.step_in_epoch = 0
        self.epochs = config.epochs
        self.seconds = 0.0
        self.history = History()
        self._learning_rate = config.lr
        self.history.append_learning_rate(0, config.lr)
        self._mixed_in = [
            Ingredient(f"{Path(source).name} digit", images, share)
            for (source, share), images in zip(config.mix, mixed_in, strict=True)
        ]
        self.own_digits: Ingredient | None = None
        self.record: StepRecord | None = None
        self.records_next_step = False
        self._check_fresh()
        self._begin_epoch()
        self._batch: Batch | None = None  # the latest

    @classmethod
    def resumed(cls, checkpoint: Checkpoint, dataset: Dataset, mixed_in: Sequence[ImageSet] = ()) -> "Trainer":
        """Return a trainer that goes on from ``checkpoint``, bit for bit as the one that made it.

        Its first state has neither batch nor gradients nor record: these are of a step before.

        Raises
        ------
        CheckpointError
            The images are not those that the run had.
        """
        trainer = cls(checkpoint.config, dataset, checkpoint.parameters, mixed_in)
        trainer._resume(checkpoint)
        return trainer

    def checkpoint(self) -> Checkpoint:
        """Return all that the next step depends on, which no later step changes."""
        return Checkpoint(
            config=self.config,
            data=self._data,
            step=self.step,
            epoch=self.epoch,
            step_in_epoch=self.step_in_epoch,
            epochs=self.epochs,
            seconds=self.seconds,
            learning_rate=self._learning_rate,
            parameters=self.parameters.frozen_copy(),
            moments={name: moment.copy() for name, moment in self._learner.moments.items()},
            generators=tuple(generator.bit_generator.state for generator in self._learner.generators),
            history=self.history.view(),
            own_digits=self.own_digits,
        )

    @property
    def parameters(self) -> Parameters:
        """The live parameters, changed in place by every step."""
        return self._learner.parameters

    @property
    def step(self) -> int:
        """Updates made in all."""
        return self._learner.step

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches; the last may be smaller."""
        return -(-len(self.train) // self.config.batch_size)

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next step, schedule included. Setting it changes the rate before the schedule."""
        progress = min(self.step / (self.epochs * self.steps_per_epoch), 1.0)
        return self._learning_rate * SCHEDULES[self.config.schedule](progress)

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        check_lr(value)
        self._learning_rate = value
        self.history.append_learning_rate(self.step, value)

    def set_parameter(self, new: NewValue) -> None:
        """Give one parameter another value, as if it had always been so; ConfigError where it cannot have it.

        The optimiser's moments stay as they are.
        """
        check_new_value(new, self.network.parameter_shapes)
        array = self.parameters[new.layer][new.name]
        before = float(array[new.index])
        array[new.index] = new.value
        parameter = parameter_text(new.layer, new.name, new.index)
        self.history.append_edit(Edit(self.step, parameter, before, float(array[new.index])))

    def events(self, progress: Progress | None = None) -> Iterator[StepDone | EpochDone]:
        """Yield after every step, and after the test that ends an epoch, until ``epochs`` are done.

        ``progress(done, total)`` follows the test; where it raises ``Cancelled`` that test is left out, and after any
        other exception it is still to be made.

        Raises
        ------
        DivergenceError
            The cost or a parameter became NaN or infinite.
        """
        while self.epoch < self.epochs:
            self._begin_epoch()
            order = self._order()
            while self.step_in_epoch < self.steps_per_epoch:
                start = self.step_in_epoch * self.config.batch_size
                yield self._learn(order[start : start + self.config.batch_size])
            evaluation = self.score(progress)
            self.epoch += 1
            self.step_in_epoch = 0
            yield EpochDone(self.epoch, evaluation)

    def score(self, progress: Progress | None = None) -> Evaluation | None:
        """Score the parameters on the test set and record it; None where ``progress`` cancelled it.

        Raises
        ------
        DivergenceError
            The cost is NaN or infinite.
        """
        recipe = self.config.recipe
        normalization = recipe.test_normalization or recipe.normalization
        try:
            evaluation = evaluate(self.network, self.parameters, self.test, normalization, progress)
        except Cancelled:
            return None
        if not math.isfinite(evaluation.loss):
            raise self._divergence(f"the cost on the test set is {evaluation.loss}")
        epoch = self.epoch + self.step_in_epoch / self.steps_per_epoch
        self.history.append_test(TestPoint(self.step, epoch, evaluation))
        return evaluation

    def test_probe(self, index: int) -> Probe:
        """Return a test image (``index`` wraps around) as a probe."""
        within = index % len(self.test)
        images, labels = self.test.batch(np.array([within]))
        return Probe(images[0], int(labels[0]), f"test digit {within}", index)

    def training_probe(self) -> Probe:
        """Return the first image of the latest training batch, as it was learnt; before the first step, the first."""
        batch = self._batch or take_batch(self.train, np.arange(1))
        return Probe(batch.images[0], int(batch.labels[0]), batch.title)

    def snapshot(self, probe: Probe) -> Snapshot:
        """Return the state after the latest step, with ``probe`` traced through it."""
        return Snapshot.of(self.state(probe).copy(), self.config, self.network)

    def state(self, probe: Probe) -> State:
        """Return the state after the latest step, uncopied, with ``probe`` still to be traced through it."""
        return State(
            parameters=self.parameters,
            gradients=self._learner.gradients if self._batch else None,
            batch=self._batch,
            step=self.step,
            epoch=self.epoch,
            step_in_epoch=self.step_in_epoch,
            steps_per_epoch=self.steps_per_epoch,
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            history=self.history.view(),
            record=self.record,
            probe=probe,
        )

    def _initialize(self, parameters: Parameters | None) -> Parameters:
        """Return a copy of ``parameters``, or fresh ones."""
        if parameters is None:
            return self.network.initialize(np.random.default_rng([self.config.seed, _INITIALIZATION]))
        if parameters.shapes != self.network.parameter_shapes:
            raise ConfigError("parameters", f"those of a network like {self.config.preset}", "those of another network")
        return parameters.copy()

    def _resume(self, checkpoint: Checkpoint) -> None:
        if checkpoint.data != self._data:
            raise CheckpointError(
                f"the images of {self.config.dataset} are no longer those that the run began with, so it cannot go on; "
                "bring them back, or begin anew"
            )
        made = checkpoint.epoch * self.steps_per_epoch + checkpoint.step_in_epoch
        if checkpoint.step != made or checkpoint.step_in_epoch > self.steps_per_epoch:
            raise CheckpointError("the checkpoint's steps do not add up to its epochs; choose another one")
        self.epoch, self.step_in_epoch = checkpoint.epoch, checkpoint.step_in_epoch
        self.epochs = checkpoint.epochs
        self.seconds = checkpoint.seconds
        self._learning_rate = checkpoint.learning_rate
        self.history = History.of(checkpoint.history)
        self.own_digits = checkpoint.own_digits
        self._learner.resume(checkpoint.step, checkpoint.moments, checkpoint.generators)
        self._begin_epoch()

    @cached_property
    def _data(self) -> tuple[int, ...]:
        """What the images are recognised by; of those that are new each epoch, only how many there are."""
        return tuple(
            len(images) if self.config.fresh and isinstance(images, Renewable) else fingerprint(images)
            for images in (*self._sources(), self.test)
        )

    def _check_fresh(self) -> None:
        if self.config.fresh and not any(isinstance(images, Renewable) for images in self._sources()):
            raise ConfigError("fresh", "a dataset that is generated, such as strokes", f"{self.config.dataset} alone")

    def _begin_epoch(self) -> None:
        """Have new images made for this epoch where that is wished for, else the usual ones."""
        for images in self._sources():
            if isinstance(images, Renewable):
                images.begin_epoch(self.epoch if self.config.fresh else 0)

    def _sources(self) -> list[ImageSet]:
        return [self.train, *(ingredient.images for ingredient in self._mixed_in)]

    def _order(self) -> np.ndarray:
        """Return the order of the images in the current epoch.

        Images that already lie in random order, such as generated ones, are taken as they lie when they are new, so
        that they can be made while training goes on.
        """
        is_new = self.epoch == 0 or (self.config.fresh and isinstance(self.train, Renewable))
        if is_new and self.train.in_random_order:
            return np.arange(len(self.train))
        return np.random.default_rng([self.config.seed, _ORDER, self.epoch]).permutation(len(self.train))

    def _learn(self, indices: np.ndarray) -> StepDone:
        """Go one step: forwards, backwards, update."""
        began = time.perf_counter()
        batch = self._make_batch(indices)
        record = StepRecord.of(self._learner, batch, self.learning_rate) if self.records_next_step else self.record
        with np.errstate(over="ignore", invalid="ignore"):  # told by the checks, in words
            loss, accuracy = self._learner.differentiate(batch.images, batch.labels)
            if not abs(loss) <= _LARGEST:
                raise self._divergence(f"the cost of a batch is {loss}", batch)
            self._learner.update(self.learning_rate)
            self.step_in_epoch += 1
            self.history.append(loss, accuracy)
            if not math.isfinite(self.parameters.vector @ self.parameters.vector):
                raise self._divergence("the parameters are too large")
        self._batch, self.record, self.records_next_step = batch, record, False
        self.seconds += time.perf_counter() - began
        return StepDone(self.step, loss, accuracy)

    def _make_batch(self, indices: np.ndarray) -> Batch:
        """Return what the next step learns from: the training images at ``indices``, or what becomes of them."""
        batch = take_batch(self.train, indices)
        if self._mixed_in:
            batch = mix_in(batch, self._mixed_in, self._rng(_MIX))
        if self.own_digits is not None:
            batch = mix_in(batch, [self.own_digits], self._rng(_OWN))
        if self.config.augment:
            batch = batch._replace(images=self.config.augment.apply(self._rng(_AUGMENT), batch.images))
        return batch

    def _rng(self, stream: int) -> np.random.Generator:
        """Return the random numbers of a stream for the next step."""
        return np.random.default_rng([self.config.seed, stream, self.step])

    def _divergence(self, finding: str, batch: Batch | None = None) -> DivergenceError:
        """Return what tells where it began: in a layer's parameters, or in what it makes of ``batch``."""
        if layer := layer_of_parameters(self.parameters):
            finding = f"the parameters of {layer} are no longer finite"
        elif batch is not None:
            inputs = self.config.recipe.normalization.apply(batch.images)
            if layer := layer_of_outputs(self.network, self.parameters, inputs):
                finding = f"{finding}, the output of {layer} no longer finite"
        losses = self.history.view().losses
        last_good = (len(losses), float(losses[-1])) if len(losses) else None
        return DivergenceError(finding, layer, self.step, self._learning_rate, last_good)


def _head(images: ImageSet, size: int | None, usual: int | None) -> ImageSet:
    """Return the first ``size`` images: the preset's ``usual`` number if there are so many, any other one strictly."""
    return head(images, min(size, len(images)) if size is not None and size == usual else size)
