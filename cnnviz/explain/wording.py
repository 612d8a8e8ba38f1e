"""What each layer, the cost and each optimiser do: a sentence, a formula, and the functions that do it.

Whoever adds a layer or an optimiser adds a function here and registers it; ``tests/explain/test_wording.py`` tells what
is missing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import NamedTuple

from cnnviz.nn import (
    SGD,
    Adam,
    AmnesicAdam,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool2D,
    Momentum,
    Optimizer,
    ReLU,
    kernels,
    softmax_cross_entropy,
)


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


class LayerExplanation(NamedTuple):
    """What a layer does there and back.

    Attributes
    ----------
    forward, input_gradient : Explanation
    parameter_gradients : Explanation or None
        None in layers that have nothing to learn.
    """

    forward: Explanation
    input_gradient: Explanation
    parameter_gradients: Explanation | None = None


@singledispatch
def explain_layer(layer: Layer) -> LayerExplanation:
    """Return what ``layer`` does, with its own options in the words and formulas."""
    raise NotImplementedError(f"nobody explains {type(layer).__name__}: register a function in cnnviz/explain/wording")


@explain_layer.register
def _(layer: Conv2D) -> LayerExplanation:
    bias, has_bias = (" + b[f]", ", plus the bias of that filter") if layer.bias else ("", "")
    cell = f"x[{_at('i', layer.stride)} + r, {_at('j', layer.stride)} + c, k]"
    border = "; x lies within a border of zeros" if layer.padding == "same" else ""
    bias_gradient = "\n∂L/∂b[f] = Σ over n, i, j of  ∂L/∂y[n, i, j, f]" if layer.bias else ""
    bias_too = " The gradient by a bias is the plain sum of those at the output." if layer.bias else ""
    positions = f"w[f, k, i − {_at('p', layer.stride)}, j − {_at('q', layer.stride)}]"
    return LayerExplanation(
        Explanation(
            f"Each of the {layer.filters} filters slides over its input: wherever it lies, the cells under it are "
            f"multiplied by its weights, and the products are added up{has_bias}.",
            f"y[i, j, f] = Σ over r, c, k of  {cell} · w[f, k, r, c]{bias}{border}",
            (Conv2D.forward, kernels.correlate),
        ),
        Explanation(
            "Each input cell collects what it has to answer for: from every position of every filter that covered it, "
            "the gradient at that output times the weight that lay on the cell.",
            f"∂L/∂x[i, j, k] = Σ over p, q, f of  ∂L/∂y[p, q, f] · {positions}",
            (Conv2D.input_gradient, kernels.input_gradient),
        ),
        Explanation(
            "A weight met one input cell at every position of its filter, so its gradient is the sum, over all "
            f"positions and images, of that cell times the gradient at the output there.{bias_too}",
            f"∂L/∂w[f, k, r, c] = Σ over n, i, j of  ∂L/∂y[n, i, j, f] · {cell.replace('[', '[n, ', 1)}{bias_gradient}",
            (Conv2D.parameter_gradients, kernels.filter_gradient),
        ),
    )


@explain_layer.register
def _(layer: ReLU) -> LayerExplanation:
    return LayerExplanation(
        Explanation("What is negative becomes 0; all else stays as it is.", "y = max(x, 0)", (ReLU.forward,)),
        Explanation(
            "The gradient passes where the output is above 0, and ends where it is not.",
            "∂L/∂x = ∂L/∂y · [y > 0]",
            (ReLU.input_gradient,),
        ),
    )


_TIES = {
    "first": ("to the cell that won, the first one of equals; all others get 0", "1 for the winner, else 0"),
    "all": ("in full to every cell that holds its maximum; all others get 0", "1 for each cell that is the maximum"),
    "split": ("in equal parts to the cells that hold its maximum; all others get 0", "1/m for each of m equal maxima"),
}


@explain_layer.register
def _(layer: MaxPool2D) -> LayerExplanation:
    size, stride = layer.size, layer.stride
    to, share = _TIES[layer.ties]
    cell = f"x[{_at('i', stride)} + r, {_at('j', stride)} + c, k]"
    is_fast = layer.is_repeatable
    return LayerExplanation(
        Explanation(
            f"Of each window of {size}×{size} cells only the largest value is handed on.",
            f"y[i, j, k] = max over r, c < {size} of  {cell}",
            (MaxPool2D.forward, kernels.max_pool_2x2) if is_fast else (MaxPool2D.forward,),
        ),
        Explanation(
            f"Each window hands its gradient {to}.",
            f"∂L/∂{cell} = share[r, c] · ∂L/∂y[i, j, k]\nshare: {share}"
            + ("; a cell of several windows adds up what it gets" if stride < size else ""),
            (MaxPool2D.input_gradient, kernels.unpool_2x2 if is_fast else MaxPool2D.shares),
        ),
    )


@explain_layer.register
def _(layer: Flatten) -> LayerExplanation:
    return LayerExplanation(
        Explanation(
            "The maps are laid out as one vector, channel by channel and row by row; no number changes.",
            "y[(k · H + i) · W + j] = x[i, j, k]",
            (Flatten.forward,),
        ),
        Explanation(
            "The gradient is put together to maps again, each number where it came from.",
            "∂L/∂x[i, j, k] = ∂L/∂y[(k · H + i) · W + j]",
            (Flatten.input_gradient,),
        ),
    )


@explain_layer.register
def _(layer: Dense) -> LayerExplanation:
    bias, has_bias = (" + b[u]", ", and its bias is added") if layer.bias else ("", "")
    bias_gradient = "\n∂L/∂b[u] = Σ over n of  ∂L/∂y[n, u]" if layer.bias else ""
    return LayerExplanation(
        Explanation(
            f"Each of the {layer.units} units weighs all inputs: every input times its weight, all added up{has_bias}.",
            f"y[u] = Σ over d of  w[u, d] · x[d]{bias}",
            (Dense.forward, kernels.multiply),
        ),
        Explanation(
            "Each input collects, from all units, the gradient at the unit times the weight that it had there.",
            "∂L/∂x[d] = Σ over u of  ∂L/∂y[u] · w[u, d]",
            (Dense.input_gradient, kernels.multiply),
        ),
        Explanation(
            "The gradient by a weight is the gradient at its unit times the input that it weighed, added up over the "
            "images of the batch.",
            f"∂L/∂w[u, d] = Σ over n of  ∂L/∂y[n, u] · x[n, d]{bias_gradient}",
            (Dense.parameter_gradients,),
        ),
    )


@explain_layer.register
def _(layer: Dropout) -> LayerExplanation:
    kept = f"{1 - layer.rate:g}"
    return LayerExplanation(
        Explanation(
            f"By chance, drawn anew for each step, {layer.rate:.0%} of the cells become 0; the others are divided by "
            f"{kept}, so that their mean stays what it was. No unit can rely on another one.",
            f"y = x · m,  m = 0 with probability {layer.rate:g}, else 1 / {kept}",
            (Dropout.forward,),
        ),
        Explanation(
            "What was dropped on the way there gets no gradient; the others' is multiplied by the same factor.",
            "∂L/∂x = ∂L/∂y · m",
            (Dropout.input_gradient,),
        ),
    )


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


@singledispatch
def explain_update(optimizer: Optimizer) -> Explanation:
    """Return what ``optimizer`` does with a gradient g = ∂L/∂w, at a learning rate of η."""
    raise NotImplementedError(
        f"nobody explains {type(optimizer).__name__}: register a function in cnnviz/explain/wording"
    )


@explain_update.register
def _(optimizer: SGD) -> Explanation:
    return Explanation(
        "Every parameter goes against its gradient, the further the steeper the cost rises there.",
        "w ← w − η g",
        (SGD.update,),
    )


@explain_update.register
def _(optimizer: Momentum) -> Explanation:
    return Explanation(
        "Every parameter has a velocity that keeps most of what it had and gains the new gradient; it moves against "
        "that, so that steps in one direction add up.",
        f"v ← {optimizer.momentum:g} v + g\nw ← w − η v",
        (Momentum.update,),
    )


@explain_update.register
def _(optimizer: Adam) -> Explanation:
    one, two = (f"{beta:g}" for beta in (optimizer.beta1, optimizer.beta2))
    return Explanation(
        "Every parameter moves against the running mean of its gradients, divided by the root of the running mean of "
        "their squares: by about η where the gradients agree, by less where they contradict each other.",
        f"m ← {one} m + {1 - optimizer.beta1:.3g} g\ns ← {two} s + {1 - optimizer.beta2:.3g} g²\n"
        f"m′ = m / (1 − {one}ᵗ)\ns′ = s / (1 − {two}ᵗ)\n"
        f"w ← w − η m′ / (√s′ + {_tiny(optimizer.epsilon)})",
        (Adam.update,),
    )


@explain_update.register
def _(optimizer: AmnesicAdam) -> Explanation:
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


def _at(index: str, stride: int) -> str:
    """Return where a window begins, such as "2i"."""
    return index if stride == 1 else f"{stride}{index}"
