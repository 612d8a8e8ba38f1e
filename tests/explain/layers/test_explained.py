"""What ``Explained`` promises, asked of every member of ``LAYERS``; a new layer needs an example here."""

import numpy as np
import pytest

from cnnviz.explain.layers import EXPLAINED, ExplainedWithParameters, explained
from cnnviz.explain.layers.maxpool2d import TIE_POLICIES
from cnnviz.explain.regions import whole
from cnnviz.explain.spot import Spot
from cnnviz.explain.wording import Explanation
from cnnviz.nn import LAYERS, TIES, Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D, ReLU

EXAMPLES = [
    Conv2D(8, 5),
    Conv2D(4, 3, stride=2, padding="same", bias=False),
    ReLU(),
    *(MaxPool2D(2, 2, ties) for ties in TIES),
    MaxPool2D(3, 2),
    Flatten(),
    Dense(10),
    Dropout(0.25),
]
SHAPE = (11, 12, 3)


def shape_before(layer: Layer) -> tuple[int, ...]:
    return (7,) if isinstance(layer, Dense) else SHAPE


def spot_of(layer: Layer) -> Spot:
    shape = shape_before(layer)
    parameters = layer.initialize(shape, np.random.default_rng(1))
    y, cache = layer.forward(np.random.default_rng(2).standard_normal((1, *shape)), parameters)
    return Spot("this1", "that1", shape, y.shape[1:], cache, (...,))


def is_sound(explanation: Explanation) -> bool:
    """Return whether it has words of its own, a formula, and functions of the engine."""
    parts = (explanation.sentence.endswith("."), explanation.formula, explanation.functions)
    return all(parts) and all(f.__module__.startswith("cnnviz.nn.") for f in explanation.functions)


def assign(lines: list[str], variable: str) -> bool:
    """Return whether these are lines of Python that give ``variable`` its value."""
    code = compile("\n".join(lines), "snippet", "exec")
    return variable in code.co_names and any(line.startswith(f"{variable} = ") for line in lines)


def test_that_every_layer_is_explained_and_has_an_example_here():
    assert set(EXPLAINED) == set(LAYERS) == {type(layer) for layer in EXAMPLES}


def test_that_a_layer_nobody_explains_is_told_where_to_be_explained():
    message = r"nobody explains Stranger: .* in a file of cnnviz/explain/layers, and name it in EXPLAINED there"
    with pytest.raises(NotImplementedError, match=message):
        explained(type("Stranger", (ReLU,), {})())


@pytest.mark.parametrize("layer", EXAMPLES, ids=str)
def test_that_every_layer_is_explained_forwards_and_backwards(layer):
    forward, input_gradient = explained(layer).forward_words(), explained(layer).input_gradient_words()
    assert is_sound(forward)
    assert is_sound(input_gradient)
    assert type(layer).forward in forward.functions
    assert type(layer).input_gradient in input_gradient.functions


@pytest.mark.parametrize("layer", EXAMPLES, ids=str)
def test_that_all_of_the_output_depends_on_cells_of_the_input(layer):
    shape = shape_before(layer)
    region = explained(layer).region_before(whole(layer.output_shape(shape)), shape)
    assert len(region) == len(shape)
    assert all(0 <= part.start < part.stop <= n for part, n in zip(region, shape, strict=True))


@pytest.mark.parametrize("layer", EXAMPLES, ids=str)
def test_that_the_lines_of_numpy_give_what_they_promise_its_value(layer):
    spot = spot_of(layer)
    assert assign(explained(layer).forward_code(spot), "this1")
    assert assign(explained(layer).input_gradient_code(spot), "that1_gradient")


@pytest.mark.parametrize("layer", EXAMPLES, ids=str)
def test_that_whatever_learns_is_explained_by_its_parameters_too(layer):
    said, parameters = explained(layer), layer.parameter_shapes(shape_before(layer))
    assert isinstance(said, ExplainedWithParameters) == bool(parameters)
    if parameters:
        words = said.parameter_gradient_words()
        assert is_sound(words)
        assert type(layer).parameter_gradients in words.functions
    for name in parameters:
        assert assign(said.parameter_gradient_code(spot_of(layer), name), f"this1_{name}_gradient")


def test_that_stride_border_and_bias_show_in_the_formulas_of_a_convolution():
    plain, strided = map(explained, (Conv2D(8, 5), Conv2D(4, 3, 2, "same", bias=False)))
    assert plain.forward_words().formula == "y[i, j, f] = Σ over r, c, k of  x[i + r, j + c, k] · w[f, k, r, c] + b[f]"
    assert strided.forward_words().formula == (
        "y[i, j, f] = Σ over r, c, k of  x[2i + r, 2j + c, k] · w[f, k, r, c]; x lies within a border of zeros"
    )
    assert "w[f, k, i − 2p, j − 2q]" in strided.input_gradient_words().formula
    assert "x[n, 2i + r, 2j + c, k]" in strided.parameter_gradient_words().formula
    assert "∂L/∂b" in plain.parameter_gradient_words().formula
    assert "∂L/∂b" not in strided.parameter_gradient_words().formula


def test_that_every_tie_policy_is_told_of():
    assert tuple(TIE_POLICIES) == TIES
    assert all(all(policy) for policy in TIE_POLICIES.values())


def test_that_the_tie_policy_shows_in_the_words_for_max_pooling():
    words = {ties: explained(MaxPool2D(2, 2, ties)).input_gradient_words() for ties in ("first", "all", "split")}
    assert "the first one of equals" in words["first"].sentence
    assert "in full to every cell" in words["all"].sentence
    assert "in equal parts" in words["split"].sentence
    assert MaxPool2D.shares in words["all"].functions
    assert MaxPool2D.shares not in words["first"].functions
