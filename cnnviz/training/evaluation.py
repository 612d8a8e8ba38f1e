"""Scoring parameters on a set of images."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from cnnviz import processor
from cnnviz.data.datasets import ImageSet
from cnnviz.data.preprocessing import Normalization
from cnnviz.nn import EXAMPLES_AT_A_TIME, Network, Parameters, Workspace, softmax_cross_entropy

CLASSES = 10

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Evaluation:
    """Scores on a set of images.

    Attributes
    ----------
    samples : int
    loss : float
        Mean cost, in nats.
    confusion : array, shape (10, 10)
        Number of images of each digit (row) taken for each digit (column).
    misread : array of int32, shape (wrong,)
        Which images were taken for another digit: their indices, in order.
    """

    samples: int
    loss: float
    confusion: np.ndarray
    misread: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))

    @property
    def accuracy(self) -> float:
        """Share classified rightly, 0 to 1."""
        return float(np.trace(self.confusion)) / self.samples

    @property
    def recall(self) -> np.ndarray:
        """Share of each digit's images classified rightly, shape (10,); NaN for a digit that does not occur."""
        totals = self.confusion.sum(axis=1)
        return np.divide(np.diag(self.confusion), totals, out=np.full(CLASSES, np.nan), where=totals > 0)


def evaluate(
    network: Network,
    parameters: Parameters,
    images: ImageSet,
    normalization: Normalization,
    progress: Progress | None = None,
) -> Evaluation:
    """Score ``parameters`` on all of ``images``, on all threads.

    ``progress(done, total)`` is called on the caller's thread after every few dozen images; it may raise ``Cancelled``.
    Parameters that have grown beyond all bounds give a loss that is infinite or NaN, without a warning.
    """
    total = len(images)
    parts = -(-total // EXAMPLES_AT_A_TIME)
    losses = np.zeros(parts)
    workspaces = [Workspace(overwrites=True) for _ in range(processor.threads())]
    confusions = np.zeros((len(workspaces), CLASSES, CLASSES), np.int64)
    misread = [np.empty(0, np.int32)] * parts

    def work(part: int, runner: int) -> None:
        start = part * EXAMPLES_AT_A_TIME
        pixels, labels = images.batch(np.arange(start, min(start + EXAMPLES_AT_A_TIME, total)))
        logits = network.logits(normalization.apply(pixels), parameters, workspaces[runner])
        losses[part] = softmax_cross_entropy(logits, labels).per_example.sum(dtype=np.float64)
        digits = logits.argmax(axis=1)
        np.add.at(confusions[runner], (labels, digits), 1)
        misread[part] = (start + np.flatnonzero(digits != labels)).astype(np.int32)
        if progress is not None and runner == 0:
            progress(int(confusions.sum()), total)

    with np.errstate(over="ignore", invalid="ignore"):
        processor.share_out(parts, work)
    if progress is not None:
        progress(total, total)  # the last part may have been another thread's
    confusion, wrong = confusions.sum(axis=0), np.concatenate(misread)
    for array in (confusion, wrong):
        array.flags.writeable = False
    return Evaluation(total, float(losses.sum()) / total, confusion, wrong)
