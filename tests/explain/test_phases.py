from collections.abc import Callable

import pytest

from cnnviz.explain.phases import Kind, Part, StepPhase, phases_of
from cnnviz.training.config import TrainingConfig
from cnnviz.training.trainer import Trainer


@pytest.fixture
def make_phases(dataset_of_noise) -> Callable[..., tuple[StepPhase, ...]]:
    """Return a function that records a step and returns its phases."""

    def make(preset: str, **changes: object) -> tuple[StepPhase, ...]:
        sizes = {"train_size": 64, "test_size": 40, "batch_size": 32}
        config = TrainingConfig.from_preset(preset, "strokes", **{**sizes, **changes})
        trainer = Trainer(config, dataset_of_noise)
        trainer.records_next_step = True
        next(trainer.events())
        return phases_of(trainer.record, config, trainer.network)

    return make


def test_that_the_phases_go_through_all_layers_there_and_back_to_the_update(make_phases):
    assert [phase.title for phase in make_phases("zhou")] == [
        "The batch",
        "conv1 forward",
        "pool1 forward",
        "flatten forward",
        "dense1 forward",
        "Softmax",
        "Cost",
        "dense1 back: its parameters",
        "dense1 back: its input",
        "flatten back",
        "pool1 back",
        "conv1 back: its parameters",
        "Update of conv1",
        "Update of dense1",
    ]


@pytest.mark.parametrize("preset", ["zhou", "escontrela", "keras"])
def test_that_the_parts_of_a_step_follow_each_other(make_phases, preset):
    parts = [phase.kind.part for phase in make_phases(preset)]
    assert list(dict.fromkeys(parts)) == list(Part)
    assert parts == sorted(parts, key=list(Part).index)


def test_that_the_way_back_ends_with_the_first_layer_that_learns_and_frozen_ones_get_no_update(make_phases):
    phases = make_phases("escontrela", freeze=("conv1", "dense1"))
    back = [phase.title for phase in phases if phase.kind.part is Part.BACKWARD]
    assert back[-1] == "conv2 back: its parameters"
    assert [phase.layer for phase in phases if phase.kind is Kind.UPDATE] == ["conv2", "dense2"]


def test_that_each_phase_has_a_sentence_a_formula_shapes_and_code_with_its_lines(make_phases):
    for preset in ("zhou", "escontrela", "keras"):
        for phase in make_phases(preset):
            assert phase.sentence.endswith(".")
            assert phase.formula
            assert "→" in phase.shapes
            assert all(source.lines for source in phase.sources), phase.title


def test_that_shapes_are_those_of_the_whole_batch(make_phases):
    shapes = {phase.title: phase.shapes for phase in make_phases("escontrela")}
    assert shapes["The batch"] == "grey values (32, 28, 28)  →  x (32, 28, 28, 1)"
    assert shapes["conv2 forward"] == "x (32, 24, 24, 8)  w (8, 8, 5, 5)  b (8,)  →  y (32, 20, 20, 8)"
    assert shapes["relu1 forward"] == "x (32, 24, 24, 8)  →  y (32, 24, 24, 8)"
    assert shapes["Cost"] == "p (32, 10)  labels (32,)  →  L ()  ∂L/∂z (32, 10)"
    assert shapes["conv2 back: its parameters"] == (
        "∂L/∂y (32, 20, 20, 8)  x (32, 24, 24, 8)  →  ∂L/∂w (8, 8, 5, 5)  ∂L/∂b (8,)"
    )
    assert shapes["conv2 back: its input"] == "∂L/∂y (32, 20, 20, 8)  w (8, 8, 5, 5)  →  ∂L/∂x (32, 24, 24, 8)"
    assert shapes["Update of dense2"] == "w (10, 128)  b (10,)  ∂L/∂w (10, 128)  ∂L/∂b (10,)  →  w (10, 128)  b (10,)"


def test_that_the_update_tells_the_rate_and_the_number_of_the_step(make_phases):
    assert make_phases("zhou", lr=0.25)[-1].formula == "w ← w − η g\nη = 0.25, step t = 1"


def test_that_a_batch_that_is_learnt_in_parts_says_so(make_phases):
    assert "cut into 2 parts" in make_phases("escontrela", batch_size=32)[0].sentence
    assert "parts" not in make_phases("escontrela", batch_size=31)[0].sentence
    assert make_phases("zhou", batch_size=1)[0].sentence.startswith("One image goes through")
