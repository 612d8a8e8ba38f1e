import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from cnnviz.data.augmentation import LEVELS, Augmentation
from cnnviz.data.datasets import DataError
from cnnviz.errors import UserError
from cnnviz.nn import OPTIMIZERS, SCHEDULES, TIES, MaxPool2D
from cnnviz.training.config import ConfigError, TrainingConfig
from cnnviz.training.history import Edit
from cnnviz.training.presets import PRESETS
from cnnviz.training.trainer import Trainer

LEARNING_RATES = "a number above 0 and up to 10"
COUNTS = "a whole number of 1 or more"
VARIED = Augmentation(shift=1, elastic=0.8)
MIX = (("strokes", 0.3), ("mine.json", 0.1))
SEEDS = "a whole number from 0 to 4294967295"


@pytest.mark.parametrize(
    ("field", "bad", "accepted"),
    [
        *(("lr", bad, LEARNING_RATES) for bad in (0, -0.1, math.nan, math.inf, -math.inf, 10.001, "fast")),
        *(("epochs", bad, COUNTS) for bad in (0, -1, 1.5, math.nan, "2")),
        *(("batch_size", bad, COUNTS) for bad in (0, -32, 1.5)),
        *(("train_size", bad, COUNTS) for bad in (0, -1, 0.5)),
        *(("test_size", bad, COUNTS) for bad in (0, -1, 0.5)),
        *(("seed", bad, SEEDS) for bad in (-1, 2**32, 0.5)),
        ("preset", "lenet", "one of " + ", ".join(PRESETS)),
        ("optimizer", "lbfgs", "one of " + ", ".join(OPTIMIZERS)),
        ("schedule", "steps", "one of " + ", ".join(SCHEDULES)),
        ("ties", "last", "one of " + ", ".join(TIES)),
    ],
)
def test_that_a_bad_setting_is_refused_with_its_name_the_accepted_range_and_the_value(field, bad, accepted):
    config = replace(TrainingConfig.from_preset("zhou", "strokes"), **{field: bad})
    with pytest.raises(ConfigError) as caught:
        config.check()
    assert caught.value.field == field
    assert str(caught.value) == f"{field}: accepted is {accepted}, got {bad}"


@pytest.mark.parametrize(("field", "bad"), [("lr", 0), ("epochs", 0), ("seed", -1), ("optimizer", "lbfgs")])
def test_that_a_bad_change_of_a_preset_is_refused_too(field, bad):
    with pytest.raises(ConfigError, match=f"^{field}: accepted is "):
        TrainingConfig.from_preset("zhou", "strokes", **{field: bad})


def test_that_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"^preset: accepted is one of escontrela, zhou, .*, got lenet$"):
        TrainingConfig.from_preset("lenet", "strokes")


def test_that_config_errors_are_for_the_user():
    assert issubclass(ConfigError, UserError)


@pytest.mark.parametrize(
    ("field", "value"),
    [("lr", 10), ("lr", 1e-12), ("epochs", 1), ("seed", 0), ("seed", 2**32 - 1), ("batch_size", 1), ("train_size", 1)],
)
def test_that_the_ends_of_each_range_are_accepted(field, value):
    assert getattr(TrainingConfig.from_preset("zhou", "strokes", **{field: value}), field) == value


@pytest.mark.parametrize("share", [0, -0.1, 1, math.nan, math.inf, "much"])
def test_that_a_share_outside_its_range_is_refused(share):
    with pytest.raises(ConfigError, match=f"^mix: accepted is a share above 0 and below 1, got {share}$"):
        TrainingConfig.from_preset("zhou", "strokes", mix=(("mnist", share),))


def test_that_shares_that_leave_nothing_for_the_dataset_are_refused():
    with pytest.raises(ConfigError, match=r"^mix: accepted is shares that add up to less than 1, got 1$"):
        TrainingConfig.from_preset("zhou", "strokes", mix=(("mnist", 0.5), ("own.json", 0.5)))


def test_that_a_batch_larger_than_the_chosen_images_is_refused():
    with pytest.raises(ConfigError, match=r"^batch_size: accepted is 1 to the 31 training images, got 32$"):
        TrainingConfig.from_preset("escontrela", "strokes", train_size=31)


def test_that_a_batch_as_large_as_the_set_is_accepted():
    assert TrainingConfig.from_preset("escontrela", "strokes", train_size=32).train_size == 32


def test_that_a_batch_larger_than_the_dataset_turns_out_to_be_is_refused(make_dataset):
    config = TrainingConfig.from_preset("zhou", "random", batch_size=41)
    with pytest.raises(ConfigError, match=r"^batch_size: accepted is 1 to the 40 training images, got 41$"):
        Trainer(config, make_dataset(train=40))


@pytest.mark.parametrize("field", ["train_size", "test_size"])
def test_that_more_images_than_the_dataset_has_are_refused_with_both_numbers(make_dataset, field):
    config = TrainingConfig.from_preset("zhou", "random", **{field: 50})
    with pytest.raises(DataError, match=r"\b50\b.*\b40\b"):
        Trainer(config, make_dataset(train=40, test=40))


def test_that_freezing_an_unknown_layer_is_refused_with_the_trainable_ones():
    with pytest.raises(ConfigError, match=r"^freeze: accepted is layers among conv1, dense1, got pool1$"):
        TrainingConfig.from_preset("zhou", "strokes", freeze=("conv1", "pool1"))


@pytest.mark.parametrize("freeze", [("conv1", "dense1"), ("dense1", "conv1", "dense1")])
def test_that_freezing_all_layers_is_refused(freeze):
    with pytest.raises(ConfigError, match=r"^freeze: accepted is all layers but at least one, got "):
        TrainingConfig.from_preset("zhou", "strokes", freeze=freeze)


def test_that_settings_not_given_are_those_of_the_preset():
    config = TrainingConfig.from_preset("escontrela", "mnist", lr=None, epochs=5, seed=7)
    assert (config.optimizer, config.lr, config.epochs, config.batch_size) == ("adam", 0.001, 5, 32)
    assert (config.train_size, config.test_size, config.seed, config.freeze) == (50_000, None, 7, ())


@pytest.mark.parametrize(("preset", "usual"), [("zhou", "first"), ("zhou-published", "all")])
def test_that_max_pooling_is_that_of_the_preset_unless_another_tie_policy_is_given(preset, usual):
    assert policies(TrainingConfig.from_preset(preset, "strokes")) == [usual]
    for ties in TIES:
        assert policies(TrainingConfig.from_preset(preset, "strokes", ties=ties)) == [ties]


def policies(config):
    return [layer.ties for layer in config.build().layers.values() if isinstance(layer, MaxPool2D)]


def test_that_generated_digits_are_learnt_with_the_settings_that_a_preset_has_for_them():
    config = TrainingConfig.from_preset("escontrela", "strokes")
    assert (config.lr, config.schedule, config.augment) == (0.003, "cosine", LEVELS["gentle"])
    given = {"lr": 0.001, "schedule": "constant", "augment": LEVELS["none"]}
    assert replace(config, **given) == TrainingConfig.from_preset("escontrela", "strokes", **given)
    for preset in ("zhou", "escontrela-published"):
        assert not TrainingConfig.from_preset(preset, "strokes").augment


def test_that_a_file_tells_what_was_set_by_hand_and_says_nothing_where_nothing_was():
    config = TrainingConfig.from_preset("zhou", "strokes")
    edits = (Edit(7, "conv1/weight[3,0,1,2]", 0.25, 1.25),)
    facts = json.loads(json.dumps(config.for_file(9, ((0, 0.005),), edits)["training"]))
    assert facts["edits"] == [{"step": 7, "parameter": "conv1/weight[3,0,1,2]", "before": 0.25, "after": 1.25}]
    assert "edits" not in config.for_file(9, ((0, 0.005),))["training"]


def test_that_the_facts_are_json_without_the_folder_of_this_machine():
    config = TrainingConfig.from_preset(
        "zhou", "mnist", data_dir=Path("somewhere"), freeze=("conv1",), mix=MIX, augment=VARIED
    )
    mine = replace(config, dataset="/home/me/digits", mix=(("/home/me/drawings.json", 0.1),)).for_file(7, ())[
        "training"
    ]
    assert (mine["dataset"], mine["mix"]) == ("digits", [("drawings.json", 0.1)])
    here = replace(config, dataset=".", mix=(("..", 0.1),)).for_file(7, ())["training"]
    assert (here["dataset"], here["mix"]) == (Path.cwd().name, [(Path.cwd().parent.name, 0.1)])
    facts = json.loads(json.dumps(config.for_file(7, ((0, 0.005),))["training"]))
    assert facts.pop("steps") == 7
    assert facts.pop("learning_rates") == [[0, 0.005]]
    assert "data_dir" not in facts
    assert facts["freeze"] == ["conv1"]
    assert facts["lr"] == 0.005
    revived = {**facts, "freeze": tuple(facts["freeze"]), "mix": tuple(map(tuple, facts["mix"]))}
    assert facts["ties"] == "first"
    revived["augment"] = Augmentation(**facts["augment"])
    assert TrainingConfig(**revived) == replace(config, data_dir=None)


def test_that_a_value_without_an_end_is_not_quoted_to_its_end():
    assert str(ConfigError("seed", "a number", "a" * 10_000)) == f"seed: accepted is a number, got {'a' * 100}..."
