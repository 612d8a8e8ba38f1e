"""The course of a run: cost and accuracy of every step, test scores, changes of the learning rate."""

from typing import NamedTuple

import numpy as np

from cnnviz.training.evaluation import Evaluation

WINDOW = 100  # steps of Zhou's "past 100 steps"


class TestPoint(NamedTuple):
    """A score on the test set, and when it was taken."""

    __test__ = False  # not a test case, whatever pytest makes of the name

    step: int
    epoch: float
    evaluation: Evaluation


class HistoryView(NamedTuple):
    """A history up to some step, which no later step changes.

    Attributes
    ----------
    losses : array, shape (steps,)
        Mean cost of each batch before its update, in nats.
    accuracies : array, shape (steps,)
        Share of each batch classified rightly before its update, 0 to 1.
    tests : tuple of TestPoint
    learning_rates : tuple of (step, learning rate)
        The rate at the start, and every change by hand.
    """

    losses: np.ndarray
    accuracies: np.ndarray
    tests: tuple[TestPoint, ...]
    learning_rates: tuple[tuple[int, float], ...]

    def past(self, steps: int = WINDOW) -> tuple[float, float]:
        """Return mean cost and accuracy over the past ``steps`` steps; NaN where there was none."""
        if not len(self.losses):
            return float("nan"), float("nan")
        return float(self.losses[-steps:].mean()), float(self.accuracies[-steps:].mean())


class History:
    """An append-only record. A view shares the filled part of the arrays, which is never written again."""

    def __init__(self) -> None:
        self._values = np.empty((2, 1024), np.float32)  # losses, accuracies
        self._steps = 0
        self._tests: tuple[TestPoint, ...] = ()
        self._learning_rates: tuple[tuple[int, float], ...] = ()

    def append(self, loss: float, accuracy: float) -> None:
        """Record a step."""
        if self._steps == self._values.shape[1]:
            larger = np.empty((2, 2 * self._steps), np.float32)
            larger[:, : self._steps] = self._values
            self._values = larger
        self._values[:, self._steps] = loss, accuracy
        self._steps += 1

    def append_test(self, point: TestPoint) -> None:
        """Record a score on the test set; a second one at the same step takes the place of the first."""
        self._tests = (*(p for p in self._tests if p.step != point.step), point)

    def append_learning_rate(self, step: int, lr: float) -> None:
        """Record the learning rate that holds from ``step`` on."""
        self._learning_rates = (*(c for c in self._learning_rates if c[0] != step), (step, lr))

    def view(self) -> HistoryView:
        """Return the history so far, without copying."""
        values = self._values[:, : self._steps]
        values.flags.writeable = False
        return HistoryView(values[0], values[1], self._tests, self._learning_rates)
