"""The course of a run: cost and accuracy of every step, test scores, what was changed by hand."""

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


class Edit(NamedTuple):
    """A parameter that was set by hand.

    Attributes
    ----------
    step : int
        Updates made until then.
    parameter : str
        Such as "conv1/weight[3,0,1,2]".
    before, after : float
    """

    step: int
    parameter: str
    before: float
    after: float


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
    edits : tuple of Edit
        In the order in which they were made.
    """

    losses: np.ndarray
    accuracies: np.ndarray
    tests: tuple[TestPoint, ...]
    learning_rates: tuple[tuple[int, float], ...]
    edits: tuple[Edit, ...] = ()

    def past(self, steps: int = WINDOW) -> tuple[float, float]:
        """Return mean cost and accuracy over the past ``steps`` steps; NaN where there was none."""
        if not len(self.losses):
            return float("nan"), float("nan")
        return float(self.losses[-steps:].mean()), float(self.accuracies[-steps:].mean())

    def since(self, seen: "HistoryView") -> "HistoryNews":
        """Return what is new to somebody who has ``seen`` an earlier view of the same history."""
        start = len(seen.losses)
        tests = _common(seen.tests, self.tests)
        rates = _common(seen.learning_rates, self.learning_rates)
        return HistoryNews(
            self.losses[start:],
            self.accuracies[start:],
            tests,
            self.tests[tests:],
            rates,
            self.learning_rates[rates:],
            self.edits[len(seen.edits) :],
        )


class HistoryNews(NamedTuple):
    """What a history has more than an earlier view of it; however long the run, as short as the time between both.

    Attributes
    ----------
    losses, accuracies : array, shape (new steps,)
    kept_tests : int
        So many of the tests seen before still hold; the last one may have been repeated at the same step.
    tests : tuple of TestPoint
        Those that follow.
    kept_learning_rates : int
    learning_rates : tuple of (step, learning rate)
        The same of the learning rates.
    edits : tuple of Edit
        Those that follow; none is ever taken back.
    """

    losses: np.ndarray
    accuracies: np.ndarray
    kept_tests: int
    tests: tuple[TestPoint, ...]
    kept_learning_rates: int
    learning_rates: tuple[tuple[int, float], ...]
    edits: tuple[Edit, ...] = ()


class History:
    """An append-only record. A view shares the filled part of the arrays, which is never written again."""

    def __init__(self) -> None:
        self._values = np.empty((2, 1024), np.float32)  # losses, accuracies
        self._steps = 0
        self._tests: tuple[TestPoint, ...] = ()
        self._learning_rates: tuple[tuple[int, float], ...] = ()
        self._edits: tuple[Edit, ...] = ()

    @classmethod
    def of(cls, view: HistoryView) -> "History":
        """Return a history that goes on from ``view``."""
        history = cls()
        history.extend(view.since(history.view()))
        return history

    def append(self, loss: float, accuracy: float) -> None:
        """Record a step."""
        self._make_room(1)
        self._values[:, self._steps] = loss, accuracy
        self._steps += 1

    def extend(self, news: HistoryNews) -> None:
        """Take on what another history has recorded since this one was like it."""
        end = self._steps + len(news.losses)
        self._make_room(len(news.losses))
        self._values[0, self._steps : end] = news.losses
        self._values[1, self._steps : end] = news.accuracies
        self._steps = end
        self._tests = self._tests[: news.kept_tests] + news.tests
        self._learning_rates = self._learning_rates[: news.kept_learning_rates] + news.learning_rates
        self._edits += news.edits

    def append_test(self, point: TestPoint) -> None:
        """Record a score on the test set; a second one at the same step takes the place of the first."""
        self._tests = (*(p for p in self._tests if p.step != point.step), point)

    def append_learning_rate(self, step: int, lr: float) -> None:
        """Record the learning rate that holds from ``step`` on."""
        self._learning_rates = (*(c for c in self._learning_rates if c[0] != step), (step, lr))

    def append_edit(self, edit: Edit) -> None:
        """Record a parameter that was set by hand."""
        self._edits = (*self._edits, edit)

    def view(self) -> HistoryView:
        """Return the history so far, without copying."""
        values = self._values[:, : self._steps]
        values.flags.writeable = False
        return HistoryView(values[0], values[1], self._tests, self._learning_rates, self._edits)

    def _make_room(self, steps: int) -> None:
        if self._steps + steps > self._values.shape[1]:
            larger = np.empty((2, 2 * (self._steps + steps)), np.float32)
            larger[:, : self._steps] = self._values[:, : self._steps]
            self._values = larger


def _common(before: tuple[object, ...], now: tuple[object, ...]) -> int:
    """Return how many entries both have in common: all of ``before``, or all but its last, which was replaced."""
    return len(before) - bool(before and now[len(before) - 1] is not before[-1])
