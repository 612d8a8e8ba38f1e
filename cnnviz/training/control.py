"""From the window to the worker: what it shall do next."""

import enum
import math
import threading
import time
from dataclasses import dataclass, replace
from numbers import Real
from typing import NamedTuple

import numpy as np

from cnnviz.data.datasets import ArrayImageSet
from cnnviz.nn.parameters import Shapes
from cnnviz.training.batches import Ingredient
from cnnviz.training.config import ConfigError, check_lr

LARGEST_VALUE = float(np.finfo(np.float32).max)


class Action(enum.Enum):
    """The worker's next task."""

    STEP = enum.auto()
    RECORD = enum.auto()
    SNAPSHOT = enum.auto()
    EVALUATE = enum.auto()
    STOP = enum.auto()


@dataclass(frozen=True)
class ProbeChoice:
    """Which image is to be followed.

    Attributes
    ----------
    kind : {"test", "training", "drawing"}
    index : int
        Of the test image.
    image : array, shape (28, 28), or None
        The drawing, grey levels.
    """

    kind: str = "test"
    index: int = 0
    image: np.ndarray | None = None

    def fixed(self) -> "ProbeChoice":
        """Return the same choice with an image of its own, which nobody goes on drawing on."""
        return self if self.image is None else replace(self, image=self.image.copy())


def parameter_text(layer: str, name: str, index: tuple[int, ...]) -> str:
    """Return how files and histories name one parameter, such as "conv1/weight[3,0,1,2]"."""
    return f"{layer}/{name}[{','.join(map(str, index))}]"


class NewValue(NamedTuple):
    """A parameter to be given a value: ``parameters[layer][name][index] = value``."""

    layer: str
    name: str
    index: tuple[int, ...]
    value: float


def check_new_value(new: NewValue, shapes: Shapes) -> None:
    """Raise ConfigError where parameters of ``shapes`` have no such number, or it cannot have that value."""
    check_value(new.value)
    known = [f"{layer}/{name}" for layer, tensors in shapes.items() for name in tensors]
    if f"{new.layer}/{new.name}" not in known:
        raise ConfigError("parameter", f"one of {', '.join(known)}", f"{new.layer}/{new.name}")
    shape = shapes[new.layer][new.name]
    within = len(new.index) == len(shape) and all(0 <= i < n for i, n in zip(new.index, shape, strict=True))
    if not within:
        raise ConfigError("parameter", f"an index into {new.layer}/{new.name} of shape {shape}", new.index)


def check_value(value: float) -> None:
    """Raise ConfigError where no parameter can have ``value``: they are finite numbers of single precision."""
    if not (isinstance(value, Real) and abs(value) <= LARGEST_VALUE):
        raise ConfigError("parameter", f"a finite number of size {LARGEST_VALUE:.1e} at most", value)


def check_speed(steps_per_second: float | None) -> None:
    """Raise ConfigError where ``steps_per_second`` cannot be a pace."""
    if steps_per_second is not None and not (math.isfinite(steps_per_second) and steps_per_second > 0):
        raise ConfigError("speed", "a number of steps a second above 0", steps_per_second)


def own_digits(images: np.ndarray, labels: np.ndarray, share: float) -> Ingredient | None:
    """Return a person's digits as they are mixed into training, copied; None where there are none or their share is 0.

    Parameters
    ----------
    images : array, uint8, shape (n, 28, 28)
    labels : array of integers from 0 to 9, shape (n,)
    share : float
        Which share of each batch they make up on average, from 0 to 1.

    Raises
    ------
    ConfigError
        They are not like that.
    """
    if not (images.dtype == np.uint8 and images.ndim == 3 and images.shape[1:] == (28, 28)):
        raise ConfigError("own_digits", "images of 28x28 bytes", f"{images.dtype} of shape {images.shape}")
    if labels.shape != images.shape[:1]:
        raise ConfigError("own_digits", f"a label for each of the {len(images)} images", f"shape {labels.shape}")
    if (wrong := ~np.isin(labels, range(10))).any():
        raise ConfigError("own_digits", "labels from 0 to 9", labels[wrong][0])
    if not 0 <= share <= 1:
        raise ConfigError("own_digits", "a share from 0 to 1", share)
    if not len(images) or not share:
        return None
    return Ingredient("own digit", ArrayImageSet(images.copy(), labels), share)


class Control:
    """Wishes of the window, read by the worker between two steps.

    Every method may be called from any thread.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = False
        self._stopped = False
        self._abandoned = False
        self._single_steps = 0
        self._record = False
        self._refresh = False
        self._evaluate = False
        self._evaluation_cancelled = False
        self._steps_per_second: float | None = None
        self._next_step_at = 0.0
        self._learning_rate: float | None = None
        self._new_values: list[NewValue] = []
        self._own_digits: tuple[Ingredient | None] | None = None
        self._probe = ProbeChoice()

    @property
    def is_running(self) -> bool:
        """Whether steps follow each other by themselves."""
        return self._running

    @property
    def is_stopped(self) -> bool:
        """Whether the worker was told to end."""
        return self._stopped

    @property
    def is_abandoned(self) -> bool:
        """Whether the worker was told to end by nobody who knows of it."""
        return self._abandoned

    @property
    def steps_per_second(self) -> float | None:
        """The pace; None: as fast as possible."""
        return self._steps_per_second

    @property
    def probe(self) -> ProbeChoice:
        """The image to follow."""
        return self._probe

    def own_digits_or(self, others: Ingredient | None) -> Ingredient | None:
        """Return a person's digits, to be mixed into training (None: none), or ``others`` before any were set."""
        return others if self._own_digits is None else self._own_digits[0]

    @property
    def evaluation_cancelled(self) -> bool:
        """Whether the evaluation under way is no longer wanted."""
        return self._evaluation_cancelled or self._stopped

    def run(self) -> None:
        """Train, until told otherwise."""
        self._set(_running=True, _single_steps=0)

    def pause(self) -> None:
        """Rest after the current step, and show where that led."""
        self._set(_running=False, _single_steps=0, _refresh=True)

    def step(self) -> None:
        """Rest, but for one step."""
        with self._changed:
            self._running = False
            self._single_steps += 1
            self._changed.notify()

    def record(self) -> None:
        """Rest, but for one step that is recorded; whatever is wished for until then comes after it."""
        self._set(_running=False, _record=True)

    def stop(self) -> None:
        """End the run for good."""
        self._set(_stopped=True, _running=False)

    def abandon(self) -> None:
        """End the run as one that was interrupted."""
        self._set(_abandoned=True)
        self.stop()

    def set_speed(self, steps_per_second: float | None) -> None:
        """Set the pace; None: as fast as possible. ConfigError where it is not above 0."""
        check_speed(steps_per_second)
        with self._changed:
            self._steps_per_second = steps_per_second
            self._refresh = True
            if steps_per_second is not None:
                # A slower pace keeps the next step's time, or every move of a slider would bring a step of its own.
                self._next_step_at = min(self._next_step_at, time.monotonic() + 1 / steps_per_second)
            self._changed.notify()

    def set_learning_rate(self, lr: float) -> None:
        """Set the learning rate from the next step on. ConfigError where it is none."""
        check_lr(lr)
        self._set(_learning_rate=lr, _refresh=True)

    def set_parameter(self, layer: str, name: str, index: tuple[int, ...], value: float) -> None:
        """Give one parameter another value before the next step. ConfigError where it cannot have it."""
        check_value(value)
        with self._changed:
            self._new_values.append(NewValue(layer, name, index, value))
            self._refresh = True
            self._changed.notify()

    def set_own_digits(self, images: np.ndarray, labels: np.ndarray, share: float) -> None:
        """Mix these into training from the next step on, instead of those before; as `own_digits` takes them."""
        self._set(_own_digits=(own_digits(images, labels, share),))

    def set_probe(self, probe: ProbeChoice) -> None:
        """Follow another image; of a drawing, as it is now."""
        self._set(_probe=probe.fixed(), _refresh=True)

    def evaluate(self) -> None:
        """Score on the test set, now."""
        self._set(_evaluate=True)

    def cancel_evaluation(self) -> None:
        """Leave out the evaluation that is under way or asked for."""
        self._set(_evaluate=False, _evaluation_cancelled=True)

    def begin_evaluation(self) -> None:
        """Forget a wish to cancel that came before the evaluation that now begins, unasked."""
        self._set(_evaluation_cancelled=False)

    def take_learning_rate(self) -> float | None:
        """Return a learning rate set since the last call; None where there was none."""
        with self._changed:
            lr, self._learning_rate = self._learning_rate, None
            return lr

    def take_new_values(self) -> list[NewValue]:
        """Return the parameters set since the last call, in the order of the calls."""
        with self._changed:
            values, self._new_values = self._new_values, []
            return values

    def next_action(self) -> Action:
        """Wait until there is something to do, and return it."""
        with self._changed:
            while (action := self._due()) is None:
                delay = self._next_step_at - time.monotonic() if self._running else None
                self._changed.wait(delay)
            return action

    def _due(self) -> Action | None:
        if self._stopped:
            return Action.STOP
        if self._refresh:
            self._refresh = False
            return Action.SNAPSHOT
        if self._evaluate:
            self._evaluate = False
            self._evaluation_cancelled = False
            return Action.EVALUATE
        if self._record:
            self._record = False
            return Action.RECORD
        if self._single_steps:
            self._single_steps -= 1
            return Action.STEP
        return self._due_in_time() if self._running else None

    def _due_in_time(self) -> Action | None:
        if self._steps_per_second is not None:
            now = time.monotonic()
            if now < self._next_step_at:
                return None
            period = 1 / self._steps_per_second
            # A little late, the next step makes up for it; after a rest or a long step the beat starts anew.
            self._next_step_at = (self._next_step_at if now - self._next_step_at < period else now) + period
        return Action.STEP

    def _set(self, **values: object) -> None:
        with self._changed:
            for name, value in values.items():
                setattr(self, name, value)
            self._changed.notify()
