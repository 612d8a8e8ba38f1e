"""Scoring parameters on a set of images."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cnnviz.data.datasets import ImageSet
from cnnviz.data.preprocessing import Normalization
from cnnviz.nn import Network, Parameters, softmax_cross_entropy

CLASSES = 10
CHUNK = 50  # images at a time; the patches of many more would not fit into the processor's cache, which costs time

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
    """

    samples: int
    loss: float
    confusion: np.ndarray

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
    """Score ``parameters`` on all of ``images``.

    ``progress(done, total)`` is called after every few dozen images and may raise ``Cancelled``. Parameters that have
    grown beyond all bounds give a loss that is infinite or NaN, without a warning.
    """
    confusion = np.zeros((CLASSES, CLASSES), np.int64)
    loss, total = 0.0, len(images)
    for start in range(0, total, CHUNK):
        pixels, labels = images.batch(np.arange(start, min(start + CHUNK, total)))
        with np.errstate(over="ignore", invalid="ignore"):
            forward = network.forward(normalization.apply(pixels), parameters)
            scores = softmax_cross_entropy(forward.logits, labels)
        loss += float(scores.per_example.sum(dtype=np.float64))
        np.add.at(confusion, (labels, forward.logits.argmax(axis=1)), 1)
        if progress is not None:
            progress(start + len(labels), total)
    confusion.flags.writeable = False
    return Evaluation(total, loss / total, confusion)
