"""Softmax with cross-entropy, in one step that neither overflows nor takes the log of zero."""

from typing import NamedTuple

import numpy as np

from cnnviz.nn.workspace import FRESH, Workspace


class CrossEntropy(NamedTuple):
    """Cost of a batch and where it comes from.

    Attributes
    ----------
    per_example : array, shape (N,)
        -log p[label] of each example, in nats.
    probabilities : array, shape (N, K)
        Rows that sum to 1.
    gradient : array, shape (N, K)
        Gradient of the mean cost by the logits.
    examples : int
        Size of the batch that the mean is taken over; more than N where these examples are a part of it.
    """

    per_example: np.ndarray
    probabilities: np.ndarray
    gradient: np.ndarray
    examples: int

    @property
    def mean(self) -> float:
        """Mean cost, in nats."""
        return float(np.add.reduce(self.per_example) / self.examples)


def exponentials(logits: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Return exp(z - max z) along the last axis, from 0 to 1: the shares of which ``softmax`` makes probabilities."""
    y = np.subtract(logits, np.maximum.reduce(logits, axis=-1, keepdims=True), out=out)
    return np.exp(y, out=y)


def softmax(logits: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Return exp(z) / sum exp(z) along the last axis; the largest logit is taken off first, which changes nothing."""
    y = exponentials(logits, out)
    return np.divide(y, np.add.reduce(y, axis=-1, keepdims=True), out=y)


def softmax_cross_entropy(
    logits: np.ndarray, labels: np.ndarray, examples: int | None = None, workspace: Workspace = FRESH
) -> CrossEntropy:
    """Compare logits, shape (N, K), with integer labels, shape (N,).

    With z shifted by its maximum, -log p[y] = log(sum exp z) - z[y], and the gradient by z is p - onehot(y)
    (Goodfellow, Bengio and Courville, 2016, section 6.2.2.3). Where the N examples are a part of a batch, ``examples``
    is the size of the whole: then mean and gradient are shares of its, and add up over the parts.
    """
    n, classes = logits.shape
    shifted, probabilities, gradient = (
        workspace.array(name, logits.shape, logits.dtype) for name in ("shifted", "probabilities", "gradient")
    )
    column = workspace.array("column", (n, 1), logits.dtype)
    per_example = workspace.array("per example", (n,), logits.dtype)
    picked = workspace.array("picked", (n,), np.intp)  # places of the labels in the flattened array
    run = workspace.run
    run(np.add, workspace.view(f"rows of {classes}", picked, lambda _: classes * np.arange(n)), labels, out=picked)

    run(np.maximum.reduce, logits, axis=1, keepdims=True, out=column)
    run(np.subtract, logits, column, out=shifted)
    run(np.exp, shifted, out=probabilities)
    run(np.add.reduce, probabilities, axis=1, keepdims=True, out=column)
    run(np.divide, probabilities, column, out=probabilities)
    run(np.log, column, out=column)
    run(np.take, shifted.reshape(-1), picked, out=per_example, mode="clip")  # the other modes would copy
    run(np.subtract, column[:, 0], per_example, out=per_example)

    run(np.copyto, gradient, probabilities)
    run(np.subtract.at, gradient.reshape(-1), picked, 1)
    run(np.divide, gradient, examples or n, out=gradient)
    return CrossEntropy(per_example, probabilities, gradient, examples or n)
