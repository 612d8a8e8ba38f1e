"""What the cost and each optimiser do: a sentence, a formula, and the functions that do it.

Whoever adds an optimiser adds a function here and a line in ``UPDATES``. What layers do is told in
``cnnviz.explain.layers``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cnnviz.nn import SGD, Adam, AmnesicAdam, Momentum, Optimizer, softmax_cross_entropy


@dataclass(frozen=True)
class Explanation:
    """What is reckoned, and where.

    Attributes
    ----------
    sentence : str
        In plain words.
    formula : str
        One line or some. L is the mean cost of the batch; brackets around a condition stand for 1 where it holds, else
        0.
    functions : tuple of function
        Of ``cnnviz.nn``, the outermost first.
    """

    sentence: str
    formula: str
    functions: tuple[Callable[..., object], ...]


SOFTMAX = Explanation(
    "The ten logits become probabilities: e to the power of each, divided by the sum of all ten. The largest logit is "
    "taken off first, which changes no share and keeps the powers small.",
    "p[k] = exp(z[k] − max z) / Σ over m of  exp(z[m] − max z)",
    (softmax_cross_entropy,),
)
COST = Explanation(
    "The cost of an image is how surprised the network is at the right digit, and that of the batch is their mean. Its "
    "gradient by a logit is the probability, less 1 for the right digit, shared among the images.",
    "L = 1/N Σ over n of  −log p[n, right digit]\n∂L/∂z[n, k] = (p[n, k] − [k is the right digit]) / N",
    (softmax_cross_entropy,),
)


def _sgd(optimizer: SGD) -> Explanation:
    return Explanation(
        "Every parameter goes against its gradient, the further the steeper the cost rises there.",
        "w ← w − η g",
        (SGD.update,),
    )


def _momentum(optimizer: Momentum) -> Explanation:
    return Explanation(
        "Every parameter has a velocity that keeps most of what it had and gains the new gradient; it moves against "
        "that, so that steps in one direction add up.",
        f"v ← {optimizer.momentum:g} v + g\nw ← w − η v",
        (Momentum.update,),
    )


def _adam(optimizer: Adam) -> Explanation:
    one, two = (f"{beta:g}" for beta in (optimizer.beta1, optimizer.beta2))
    return Explanation(
        "Every parameter moves against the running mean of its gradients, divided by the root of the running mean of "
        "their squares: by about η where the gradients agree, by less where they contradict each other.",
        f"m ← {one} m + {1 - optimizer.beta1:.3g} g\ns ← {two} s + {1 - optimizer.beta2:.3g} g²\n"
        f"m′ = m / (1 − {one}ᵗ)\ns′ = s / (1 − {two}ᵗ)\n"
        f"w ← w − η m′ / (√s′ + {_tiny(optimizer.epsilon)})",
        (Adam.update,),
    )


def _amnesic_adam(optimizer: AmnesicAdam) -> Explanation:
    one, two = 1 - optimizer.beta1, 1 - optimizer.beta2
    return Explanation(
        "Adam, but with both running means begun anew at every batch: every parameter with a clear gradient goes the "
        "same distance, however steep the cost is.",
        f"w ← w − η · {one:.3g} g / √({two:.3g} g² + {_tiny(optimizer.epsilon)})",
        (AmnesicAdam.update,),
    )


def _tiny(value: float) -> str:
    """Return a power of ten such as 1e−8."""
    return f"{value:g}".replace("e-0", "e−")


UPDATES: dict[type[Optimizer], Callable[[Any], Explanation]] = {
    SGD: _sgd,
    Momentum: _momentum,
    Adam: _adam,
    AmnesicAdam: _amnesic_adam,
}


def explain_update(optimizer: Optimizer) -> Explanation:
    """Return what ``optimizer`` does with a gradient g = ∂L/∂w, at a learning rate of η.

    Raises
    ------
    NotImplementedError
        Nobody has explained this kind of optimiser yet.
    """
    kind = type(optimizer)
    if kind not in UPDATES:
        raise NotImplementedError(
            f"nobody explains {kind.__name__}: add a function to cnnviz/explain/wording, and name it in UPDATES there"
        )
    return UPDATES[kind](optimizer)
