"""Softmax with cross-entropy, in one step that neither overflows nor takes the log of zero."""

from typing import NamedTuple

import numpy as np


class CrossEntropy(NamedTuple):
    """Cost of a batch and where it comes from.

    Attributes
    ----------
    mean : float
        Mean cost, in nats.
    per_example : array, shape (N,)
        -log p[label] of each example, in nats.
    probabilities : array, shape (N, K)
        Rows that sum to 1.
    gradient : array, shape (N, K)
        Gradient of the mean cost by the logits.
    """

    mean: float
    per_example: np.ndarray
    probabilities: np.ndarray
    gradient: np.ndarray


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return exp(z) / sum exp(z) along the last axis; the largest logit is taken off first, which changes nothing."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def softmax_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> CrossEntropy:
    """Compare logits, shape (N, K), with integer labels, shape (N,).

    With z shifted by its maximum, -log p[y] = log(sum exp z) - z[y], and the gradient by z is p - onehot(y)
    (Goodfellow, Bengio and Courville, 2016, section 6.2.2.3).
    """
    rows = np.arange(len(labels))
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    sums = exponentials.sum(axis=1)
    per_example = np.log(sums) - shifted[rows, labels]
    probabilities = exponentials / sums[:, np.newaxis]
    gradient = probabilities.copy()
    gradient[rows, labels] -= 1
    gradient /= len(labels)
    return CrossEntropy(float(per_example.mean()), per_example, probabilities, gradient)
