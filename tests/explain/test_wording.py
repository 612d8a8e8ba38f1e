import re

import pytest

from cnnviz.explain.wording import COST, SOFTMAX, UPDATES, Explanation, explain_update
from cnnviz.nn import OPTIMIZERS, softmax_cross_entropy


def is_sound(explanation: Explanation) -> bool:
    """Return whether it has words of its own, a formula, and functions of the engine."""
    parts = (explanation.sentence.endswith("."), explanation.formula, explanation.functions)
    return all(parts) and all(f.__module__.startswith("cnnviz.nn.") for f in explanation.functions)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_that_every_optimizer_is_explained(optimizer):
    explanation = explain_update(OPTIMIZERS[optimizer])
    assert is_sound(explanation)
    assert explanation.functions == (type(OPTIMIZERS[optimizer]).update,)


def test_that_the_cost_is_explained_in_two_phases_by_the_function_that_reckons_it():
    for explanation in (SOFTMAX, COST):
        assert is_sound(explanation)
        assert explanation.functions == (softmax_cross_entropy,)


def test_that_all_optimizers_that_there_are_have_a_line():
    assert set(UPDATES) == set(map(type, OPTIMIZERS.values()))


def test_that_an_optimizer_nobody_explains_is_told_where_to_be_explained():
    with pytest.raises(
        NotImplementedError, match=r"nobody explains object: .* cnnviz/explain/wording, and name it in UPDATES"
    ):
        explain_update(object())


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
