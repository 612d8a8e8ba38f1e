"""A run gone on with from a checkpoint, at every place where one can be made, against the run that was never left."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnviz import processor
from cnnviz.data.augmentation import Augmentation
from cnnviz.data.datasets import ArrayImageSet, Dataset
from cnnviz.training.checkpoint import SAMPLE, Checkpoint, CheckpointError, fingerprint
from cnnviz.training.checkpoint_file import read_checkpoint, write_checkpoint
from cnnviz.training.control import NewValue, own_digits
from cnnviz.training.presets import PRESETS
from cnnviz.training.trainer import StepDone, Trainer

VARIED = Augmentation(shift=2, rotation=10, elastic=0.5)
SMALL = {"train_size": 40, "batch_size": 8}
SHARDED = {"train_size": 64, "batch_size": 32}  # learnt in two parts, on two threads where there are so many


def change_rate(trainer: Trainer) -> None:
    trainer.learning_rate = 0.002


def set_by_hand(trainer: Trainer) -> None:
    trainer.set_parameter(NewValue("conv1", "weight", (3, 0, 1, 2), 0.7))


def learn_own(trainer: Trainer) -> None:
    images = np.random.default_rng(5).integers(0, 256, (7, 28, 28)).astype(np.uint8)
    trainer.own_digits = own_digits(images, np.arange(7), 0.4)


def add_epoch(trainer: Trainer) -> None:
    trainer.epochs += 1


Acts = dict[int, Callable[[Trainer], None]]  # what is done by hand after which step

RUNS: dict[str, tuple[str, dict[str, Any], Acts]] = {
    **{preset: (preset, SHARDED if "keras" in preset else SMALL, {}) for preset in PRESETS},
    **{name: ("escontrela", {**SMALL, "optimizer": name, "lr": 0.01}, {}) for name in ("sgd", "momentum")},
    **{name: ("escontrela", {**SMALL, "schedule": name}, {3: change_rate}) for name in ("linear", "cosine")},
    "one image a step": ("zhou", {"train_size": 12, "batch_size": 1}, {}),
    "split ties": ("zhou", {**SMALL, "ties": "split"}, {}),
    "frozen": ("escontrela", {**SMALL, "freeze": ("conv1", "dense1")}, {}),
    "two parts, varied": ("escontrela", {**SHARDED, "augment": VARIED}, {2: change_rate, 4: change_rate}),
    "mixed": ("escontrela", {**SMALL, "mix": (("a", 0.3), ("b", 0.2)), "augment": VARIED}, {}),
    "fresh": ("escontrela", {**SMALL, "train_size": None, "fresh": True}, {}),
    "not fresh": ("zhou", {**SMALL, "train_size": None}, {}),
    "all by hand": (
        "escontrela",
        SMALL,
        {2: change_rate, 3: learn_own, 5: add_epoch, 6: set_by_hand, 7: set_by_hand, 8: change_rate},
    ),
}
SLOW = ("keras",)  # left at fewer places


@pytest.fixture
def build(make_config, make_dataset, renewable) -> Callable[..., tuple]:
    """Return a maker of what a trainer is made of; the images are others of the same content each time."""

    def make(preset: str, **changes: Any) -> tuple:
        config = make_config(preset, **changes)
        dataset = renewable if changes["train_size"] is None else make_dataset(train=config.train_size)
        return config, dataset, [make_dataset(train=10 + place).train for place in range(len(config.mix))]

    return make


def go_on(trainer: Trainer, acts: Acts, leave: Callable[[Checkpoint], None] = lambda _: None) -> None:
    """Go to the end; ``leave`` is called wherever the run could be left."""
    for event in trainer.events():
        if isinstance(event, StepDone) and event.step in acts:
            acts[event.step](trainer)
        leave(trainer.checkpoint())


def through_a_file(checkpoint: Checkpoint, folder: Path) -> Checkpoint:
    write_checkpoint(folder / "c.checkpoint", checkpoint)
    return read_checkpoint(folder / "c.checkpoint")


@pytest.mark.parametrize("name", RUNS)
def test_that_a_run_gone_on_with_from_anywhere_ends_in_the_bits_of_one_never_left(build, bits_of, tmp_path, name):
    preset, changes, acts = RUNS[name]
    config, dataset, mixed_in = build(preset, **changes)
    whole = Trainer(config, dataset, mixed_in=mixed_in)
    places = [whole.checkpoint()]
    go_on(whole, acts, places.append)
    expected = bits_of(whole)
    assert whole.step == whole.epochs * whole.steps_per_epoch
    ends_of_epochs = [(place.step, place.epoch) for place in places if place.step == whole.steps_per_epoch]
    assert ends_of_epochs == [(whole.steps_per_epoch, 0), (whole.steps_per_epoch, 1)]  # before its test, and after it
    for place in places[1 :: 3 if name in SLOW else 1]:
        _, dataset, mixed_in = build(preset, **changes)
        resumed = Trainer.resumed(through_a_file(place, tmp_path), dataset, mixed_in)
        go_on(resumed, acts)
        assert bits_of(resumed) == expected, f"left at step {place.step}, epoch {place.epoch}"


@pytest.mark.parametrize(("name", "before", "after"), [("two parts, varied", 1, 2), ("keras", 2, 1)])
def test_that_another_number_of_threads_changes_no_bit_of_what_follows(
    build, bits_of, tmp_path, monkeypatch, name, before, after
):
    preset, changes, acts = RUNS[name]
    config, dataset, _ = build(preset, **changes)
    monkeypatch.setenv(processor.THREADS, str(before))
    whole, places = Trainer(config, dataset), []
    go_on(whole, acts, places.append)
    monkeypatch.setenv(processor.THREADS, str(after))
    resumed = Trainer.resumed(through_a_file(places[0], tmp_path), dataset)
    go_on(resumed, acts)
    assert bits_of(resumed) == bits_of(whole)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_that_a_run_whose_epochs_are_raised_after_its_end_goes_on_as_if_it_had_never_been_left(
    build, bits_of, tmp_path, schedule
):
    config, dataset, _ = build("escontrela", **SMALL, schedule=schedule)
    whole = Trainer(config, dataset)
    go_on(whole, {})
    resumed = Trainer.resumed(through_a_file(whole.checkpoint(), tmp_path), dataset)
    for trainer in (whole, resumed):
        assert list(trainer.events()) == []
        trainer.epochs = 3
        go_on(trainer, {})
    assert bits_of(resumed) == bits_of(whole)
    assert resumed.step == 15


def test_that_moments_faded_to_nothing_are_swept_in_the_same_step_as_without_a_break(build, bits_of, tmp_path):
    config, dataset, _ = build("zhou", train_size=40, batch_size=1, optimizer="adam", epochs=4)
    whole, places = Trainer(config, dataset), []
    go_on(whole, {}, places.append)
    resumed = Trainer.resumed(through_a_file(places[126], tmp_path), dataset)
    go_on(resumed, {})
    assert bits_of(resumed) == bits_of(whole)


def test_that_the_time_spent_on_steps_counts_on(make_trainer, make_dataset, take_steps):
    trainer = make_trainer(batch_size=8)
    take_steps(trainer, 3)
    resumed = Trainer.resumed(replace(trainer.checkpoint(), seconds=100.0), make_dataset())
    assert 0 < trainer.seconds < 50
    take_steps(resumed, 1)
    assert 100 < resumed.seconds < 150


def test_that_a_run_gone_on_with_has_neither_batch_nor_gradients_until_its_next_step(
    make_trainer, make_dataset, take_steps
):
    trainer = make_trainer()
    take_steps(trainer, 3)
    resumed = Trainer.resumed(trainer.checkpoint(), make_dataset())
    state = resumed.state(resumed.test_probe(0))
    assert (state.step, state.batch, state.gradients, state.record) == (3, None, None, None)
    assert resumed.snapshot(resumed.test_probe(0)).gradients is None
    take_steps(resumed, 1)
    assert resumed.state(resumed.test_probe(0)).batch is not None


# What is refused


def changed(whole: ArrayImageSet, **parts: np.ndarray) -> ArrayImageSet:
    return ArrayImageSet(parts.get("images", whole.images), parts.get("labels", whole.labels))


@pytest.mark.parametrize("which", ["train", "test"])
@pytest.mark.parametrize("part", ["images", "labels", "count"])
def test_that_other_images_than_the_runs_are_refused(make_config, make_dataset, which, part):
    config, dataset = make_config(train_size=None, test_size=None), make_dataset()
    checkpoint = Trainer(config, dataset).checkpoint()
    images: ArrayImageSet = getattr(dataset, which)
    if part == "images":
        other = changed(images, images=images.images ^ np.uint8(1))
    elif part == "labels":
        other = changed(images, labels=9 - images.labels)
    else:
        other = ArrayImageSet(images.images[:-1], images.labels[:-1])
    with pytest.raises(CheckpointError, match="the images of random are no longer those that the run began with"):
        Trainer.resumed(checkpoint, replace(dataset, **{which: other}))
    Trainer.resumed(checkpoint, dataset)


def test_that_other_images_mixed_in_are_refused(make_config, make_dataset):
    config = make_config(mix=(("a", 0.3),))
    checkpoint = Trainer(config, make_dataset(), mixed_in=[make_dataset(train=5).train]).checkpoint()
    with pytest.raises(CheckpointError, match="no longer those"):
        Trainer.resumed(checkpoint, make_dataset(), [make_dataset(train=6).train])


def test_that_images_made_anew_are_recognised_by_their_number_alone(make_config, renewable):
    trainer = Trainer(make_config(train_size=None, fresh=True), renewable)
    go_on(trainer, {})
    renewable.train.begin_epoch(9)
    Trainer.resumed(trainer.checkpoint(), renewable)
    fewer = Dataset("new", "New", type(renewable.train)(changed(renewable.train)), renewable.test)
    fewer.train.images, fewer.train.labels = fewer.train.images[:30], fewer.train.labels[:30]
    with pytest.raises(CheckpointError, match="no longer those"):
        Trainer.resumed(trainer.checkpoint(), fewer)


@pytest.mark.parametrize("wrong", [{"step": 4}, {"epoch": 1}, {"step_in_epoch": 6, "step": 6}])
def test_that_steps_that_do_not_add_up_to_the_epochs_are_refused(make_trainer, make_dataset, take_steps, wrong):
    trainer = make_trainer(batch_size=8)
    take_steps(trainer, 3)
    with pytest.raises(CheckpointError, match="steps do not add up to its epochs"):
        Trainer.resumed(replace(trainer.checkpoint(), **wrong), make_dataset())


def test_that_a_set_of_images_is_recognised_by_its_first_ones_without_reading_all_of_it(make_dataset):
    images = make_dataset(train=SAMPLE + 20).train
    images.asked.clear()
    assert fingerprint(images) == fingerprint(make_dataset(train=SAMPLE + 20).train)
    assert images.asked == [list(range(SAMPLE))]
