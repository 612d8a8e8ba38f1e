import re

import pytest

from cnnviz.explain.wording import COST, SOFTMAX, Explanation, explain_layer, explain_update
from cnnviz.nn import LAYERS, OPTIMIZERS, Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D, ReLU, softmax_cross_entropy

EXAMPLES = [
    Conv2D(8, 5),
    Conv2D(4, 3, stride=2, padding="same", bias=False),
    ReLU(),
    *(MaxPool2D(2, 2, ties) for ties in ("first", "all", "split")),
    MaxPool2D(3, 2),
    Flatten(),
    Dense(10),
    Dropout(0.25),
]


def is_sound(explanation: Explanation) -> bool:
    """Return whether it has words of its own, a formula, and functions of the engine."""
    parts = (explanation.sentence.endswith("."), explanation.formula, explanation.functions)
    return all(parts) and all(f.__module__.startswith("cnnviz.nn.") for f in explanation.functions)


def test_that_every_kind_of_layer_is_among_the_examples():
    assert {type(layer) for layer in EXAMPLES} == set(LAYERS)


@pytest.mark.parametrize("layer", EXAMPLES, ids=str)
def test_that_every_layer_is_explained_forwards_and_backwards(layer):
    forward, input_gradient, _ = explain_layer(layer)
    assert is_sound(forward)
    assert is_sound(input_gradient)
    assert type(layer).forward in forward.functions
    assert type(layer).input_gradient in input_gradient.functions


@pytest.mark.parametrize("layer", EXAMPLES, ids=str)
def test_that_the_gradient_by_parameters_is_explained_where_there_are_some(layer):
    explanation = explain_layer(layer).parameter_gradients
    if type(layer).parameter_gradients is Layer.parameter_gradients:
        assert explanation is None
    else:
        assert is_sound(explanation)
        assert type(layer).parameter_gradients in explanation.functions


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_that_every_optimizer_is_explained(optimizer):
    explanation = explain_update(OPTIMIZERS[optimizer])
    assert is_sound(explanation)
    assert explanation.functions == (type(OPTIMIZERS[optimizer]).update,)


def test_that_the_cost_is_explained_in_two_phases_by_the_function_that_reckons_it():
    for explanation in (SOFTMAX, COST):
        assert is_sound(explanation)
        assert explanation.functions == (softmax_cross_entropy,)


def test_that_a_layer_nobody_explains_is_told_where_to_be_explained():
    with pytest.raises(NotImplementedError, match=r"nobody explains object: .* cnnviz/explain/wording"):
        explain_layer(object())
    with pytest.raises(NotImplementedError, match=r"nobody explains object: .* cnnviz/explain/wording"):
        explain_update(object())


def test_that_stride_border_and_bias_show_in_the_formulas_of_a_convolution():
    plain, strided = (explain_layer(layer) for layer in (Conv2D(8, 5), Conv2D(4, 3, 2, "same", bias=False)))
    assert plain.forward.formula == "y[i, j, f] = Σ over r, c, k of  x[i + r, j + c, k] · w[f, k, r, c] + b[f]"
    assert strided.forward.formula == (
        "y[i, j, f] = Σ over r, c, k of  x[2i + r, 2j + c, k] · w[f, k, r, c]; x lies within a border of zeros"
    )
    assert "w[f, k, i − 2p, j − 2q]" in strided.input_gradient.formula
    assert "x[n, 2i + r, 2j + c, k]" in strided.parameter_gradients.formula
    assert "∂L/∂b" in plain.parameter_gradients.formula
    assert "∂L/∂b" not in strided.parameter_gradients.formula


def test_that_the_tie_policy_shows_in_the_words_for_max_pooling():
    words = {ties: explain_layer(MaxPool2D(2, 2, ties)).input_gradient for ties in ("first", "all", "split")}
    assert "the first one of equals" in words["first"].sentence
    assert "in full to every cell" in words["all"].sentence
    assert "in equal parts" in words["split"].sentence
    assert MaxPool2D.shares in words["all"].functions
    assert MaxPool2D.shares not in words["first"].functions


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("sgd", {"η"}),
        ("momentum", {"0.9"}),
        ("adam", {"0.9", "0.1", "0.999", "0.001", "1e−8"}),
        ("adam-published", {"0.05", "0.01", "1e−7"}),
    ],
)
def test_that_the_constants_of_an_optimizer_show_in_its_formula(name, terms):
    formula = explain_update(OPTIMIZERS[name]).formula
    assert terms <= set(re.findall(r"η|\d[\d.]*(?:e−\d)?", formula))
