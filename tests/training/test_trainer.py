import math
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest

from cnnviz.data.augmentation import Augmentation
from cnnviz.data.datasets import ArrayImageSet, DataError, Dataset
from cnnviz.errors import Cancelled, UserError
from cnnviz.training.batches import Ingredient
from cnnviz.training.config import ConfigError, TrainingConfig
from cnnviz.training.control import NewValue
from cnnviz.training.divergence import DivergenceError
from cnnviz.training.history import Edit
from cnnviz.training.presets import PRESETS
from cnnviz.training.trainer import EpochDone, StepDone, Trainer


def trained(trainer: Trainer) -> np.ndarray:
    for _ in trainer.events():
        pass
    return trainer.parameters.vector


# Reproducibility


@pytest.mark.parametrize("preset", PRESETS)
def test_that_the_same_seed_and_settings_end_in_the_same_bits(make_trainer, preset):
    first, second = (trained(make_trainer(preset, batch_size=8)) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_that_another_seed_begins_and_ends_elsewhere(make_trainer):
    first, second = make_trainer(seed=0), make_trainer(seed=1)
    assert not np.array_equal(first.parameters.vector, second.parameters.vector)
    assert not np.array_equal(trained(first), trained(second))


def test_that_another_seed_takes_another_order(make_trainer, make_config):
    start = make_trainer(seed=0)
    other = Trainer(make_config(seed=1), Dataset("same", "Same", start.train, start.test), start.parameters)
    assert not np.array_equal(trained(start), trained(other))


@pytest.mark.parametrize("preset", ["zhou", "escontrela"])
def test_that_the_published_variant_begins_alike_and_ends_otherwise(make_trainer, preset):
    corrected, published = make_trainer(preset, batch_size=8), make_trainer(f"{preset}-published", batch_size=8)
    if preset == "zhou":  # his policy shows only where a maximum is tied: on paper-white images everywhere
        for trainer in (corrected, published):
            trainer.train.whole.images[:] = 255
    assert np.array_equal(corrected.parameters.vector, published.parameters.vector)
    assert not np.array_equal(trained(corrected), trained(published))


def test_that_given_parameters_are_the_start_and_stay_as_they_were(make_trainer, make_config, make_dataset):
    given = make_trainer(seed=5).parameters
    before = given.vector.copy()
    trainer = Trainer(make_config(), make_dataset(), given)
    assert np.array_equal(trainer.parameters.vector, before)
    trained(trainer)
    assert np.array_equal(given.vector, before)


def test_that_parameters_of_another_network_are_refused(make_trainer, make_config, make_dataset):
    with pytest.raises(ConfigError, match=r"^parameters: accepted is those of a network like zhou"):
        Trainer(make_config("zhou"), make_dataset(), make_trainer("escontrela").parameters)


# Order of images and events


def test_that_events_are_the_steps_of_an_epoch_and_its_end_in_turn(make_trainer):
    events = list(make_trainer(batch_size=16).events())  # 40 images: 16, 16, 8
    assert [type(event) for event in events] == 2 * [StepDone, StepDone, StepDone, EpochDone]
    assert [event.step for event in events if isinstance(event, StepDone)] == [1, 2, 3, 4, 5, 6]
    assert [event.epoch for event in events if isinstance(event, EpochDone)] == [1, 2]


def test_that_the_trainer_counts_steps_within_the_epoch(make_trainer):
    trainer = make_trainer(batch_size=16)
    counts = [(trainer.step, trainer.epoch, trainer.step_in_epoch) for _ in trainer.events()]
    assert trainer.steps_per_epoch == 3
    assert counts[:5] == [(1, 0, 1), (2, 0, 2), (3, 0, 3), (3, 1, 0), (4, 1, 1)]


@pytest.mark.parametrize("in_random_order", [False, True])
def test_that_every_image_occurs_exactly_once_an_epoch(make_config, make_dataset, in_random_order):
    dataset = make_dataset(in_random_order=in_random_order)
    trained(Trainer(make_config(batch_size=16, epochs=3), dataset))
    batches = dataset.train.asked
    assert [len(batch) for batch in batches] == 3 * [16, 16, 8]
    for epoch in range(3):
        assert sorted(chain(*batches[3 * epoch : 3 * epoch + 3])) == list(range(40))


def test_that_a_set_in_random_order_is_first_taken_as_it_lies_and_shuffled_later(make_config, make_dataset):
    dataset = make_dataset(in_random_order=True)
    trained(Trainer(make_config(batch_size=40, epochs=3), dataset))
    first, second, third = dataset.train.asked
    assert first == list(range(40))
    assert second != first
    assert third not in (first, second)


def test_that_a_set_in_some_other_order_is_shuffled_from_the_first_epoch_on(make_config, make_dataset):
    dataset = make_dataset(in_random_order=False)
    trained(Trainer(make_config(batch_size=40), dataset))
    first, second = dataset.train.asked
    assert list(range(40)) not in (first, second)
    assert first != second


def test_that_only_the_first_images_are_used_where_so_many_are_asked_for(make_config, make_dataset):
    dataset = make_dataset(train=40)
    trained(Trainer(make_config(train_size=10), dataset))
    assert set(chain(*dataset.train.asked)) == set(range(10))


def test_that_the_last_smaller_batch_is_learnt(make_trainer, take_steps):
    trainer = make_trainer(batch_size=32)
    take_steps(trainer, 1)
    before = trainer.parameters.vector.copy()
    take_steps(trainer, 1)
    assert trainer.step_in_epoch == trainer.steps_per_epoch == 2
    assert not np.array_equal(trainer.parameters.vector, before)


def test_that_a_run_left_in_the_middle_of_an_epoch_goes_on_where_it_was(make_trainer, take_steps):
    broken, whole = make_trainer(batch_size=8), make_trainer(batch_size=8)
    for count in (3, 4, 1):
        take_steps(broken, count)
    assert trained(broken).tobytes() == trained(whole).tobytes()


def test_that_raising_the_number_of_epochs_gives_the_bits_of_the_longer_run(make_trainer):
    raised, longer = make_trainer(epochs=1), make_trainer(epochs=3)
    trained(raised)
    raised.epochs = 3
    assert trained(raised).tobytes() == trained(longer).tobytes()


def test_that_a_finished_run_has_no_more_events(make_trainer):
    trainer = make_trainer()
    trained(trainer)
    assert list(trainer.events()) == []


# What a step does


def test_that_loss_and_accuracy_of_each_step_are_those_of_its_batch_before_the_update(make_config, make_dataset):
    dataset = make_dataset(in_random_order=True)
    trainer = Trainer(make_config("escontrela", batch_size=16, epochs=1), dataset)
    events = trainer.events()
    for start in (0, 16, 32):
        before = trainer.snapshot(trainer.test_probe(0))
        done = next(events)
        images, labels = dataset.train.images[start : start + 16], dataset.train.labels[start : start + 16]
        logits = trainer.network.forward(before.normalization.apply(images), before.parameters).logits.astype(float)
        costs = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels]
        assert done.loss == pytest.approx(costs.mean(), rel=1e-5)
        assert done.accuracy == (logits.argmax(axis=1) == labels).mean()


def test_that_the_history_is_what_the_events_told(make_trainer):
    trainer = make_trainer(batch_size=16)
    events = list(trainer.events())
    steps = [event for event in events if isinstance(event, StepDone)]
    history = trainer.history.view()
    assert history.losses.tolist() == [np.float32(step.loss) for step in steps]
    assert history.accuracies.tolist() == [np.float32(step.accuracy) for step in steps]
    tests = [(point.step, point.epoch, point.evaluation) for point in history.tests]
    assert tests == [(3, 1.0, events[3].evaluation), (6, 2.0, events[7].evaluation)]


def test_that_a_step_of_sgd_is_the_learning_rate_times_the_gradient(make_trainer, take_steps):
    trainer = make_trainer(lr=0.25)
    before = trainer.parameters.vector.copy()
    take_steps(trainer, 1)
    gradients = trainer.snapshot(trainer.test_probe(0)).gradients.vector
    assert np.abs(gradients).max() > 1e-3
    assert trainer.parameters.vector == pytest.approx(before - 0.25 * gradients, rel=1e-6, abs=1e-7)


# Freezing


@pytest.mark.parametrize(
    ("preset", "frozen"),
    [
        ("zhou", ("conv1",)),
        ("zhou", ("dense1",)),
        ("escontrela", ("conv1",)),
        ("escontrela", ("conv2", "dense2")),
        ("escontrela", ("conv1", "conv2", "dense1")),
    ],
)
def test_that_freezing_leaves_exactly_those_layers_bits(make_trainer, preset, frozen):
    trainer = make_trainer(preset, batch_size=8, epochs=1, freeze=frozen)
    before = trainer.parameters.copy()
    trained(trainer)
    for layer, tensors in trainer.parameters.items():
        for name, values in tensors.items():
            assert np.array_equal(values, before[layer][name]) == (layer in frozen), f"{layer}/{name}"


def test_that_freezing_a_layer_leaves_the_first_step_of_the_others_as_it_was(make_trainer, take_steps):
    free, frozen = (make_trainer("escontrela", batch_size=8, freeze=freeze) for freeze in ((), ("conv1", "dense1")))
    take_steps(free, 1)
    take_steps(frozen, 1)
    for layer in ("conv2", "dense2"):
        for name, values in free.parameters[layer].items():
            assert np.array_equal(frozen.parameters[layer][name], values), f"{layer}/{name}"


# What is set by hand


@pytest.mark.parametrize("preset", ["zhou", "escontrela"])
def test_that_a_parameter_set_by_hand_is_that_number_and_no_other_and_training_goes_on_from_it(
    make_trainer, take_steps, preset
):
    edited, plain = make_trainer(preset, batch_size=4), make_trainer(preset, batch_size=4)
    for trainer in (edited, plain):
        take_steps(trainer, 3)
    before = edited.parameters.vector.copy()
    old = float(edited.parameters["conv1"]["weight"][3, 0, 1, 2])
    edited.set_parameter(NewValue("conv1", "weight", (3, 0, 1, 2), 1.1))
    assert edited.parameters["conv1"]["weight"][3, 0, 1, 2] == np.float32(1.1)
    assert np.count_nonzero(edited.parameters.vector != before) == 1
    edit = Edit(3, "conv1/weight[3,0,1,2]", old, float(np.float32(1.1)))
    assert edited.history.view().edits == (edit,)
    plain.parameters["conv1"]["weight"][3, 0, 1, 2] = 1.1
    for trainer in (edited, plain):
        take_steps(trainer, 4)
    assert edited.parameters.vector.tobytes() == plain.parameters.vector.tobytes()
    assert plain.history.view().edits == ()


def test_that_a_number_that_is_none_of_the_parameters_is_not_set(make_trainer):
    trainer = make_trainer("zhou")
    before = trainer.parameters.vector.copy()
    for wrong in (NewValue("conv1", "bias", (0,), 1.0), NewValue("conv1", "weight", (8, 0, 0, 0), 1.0)):
        with pytest.raises(ConfigError, match=r"^parameter: accepted is "):
            trainer.set_parameter(wrong)
    assert trainer.parameters.vector.tobytes() == before.tobytes()
    assert trainer.history.view().edits == ()


# Learning rate


def test_that_a_new_learning_rate_takes_effect_at_the_next_step_and_is_in_the_history(make_trainer, take_steps):
    trainer = make_trainer(lr=0.005)
    take_steps(trainer, 3)
    trainer.learning_rate = 0.5
    before = trainer.parameters.vector.copy()
    take_steps(trainer, 1)
    gradients = trainer.snapshot(trainer.test_probe(0)).gradients.vector
    assert trainer.parameters.vector == pytest.approx(before - 0.5 * gradients, rel=1e-6, abs=1e-7)
    assert trainer.history.view().learning_rates == ((0, 0.005), (3, 0.5))


def test_that_a_learning_rate_set_before_the_first_step_is_the_only_one_in_the_history(make_trainer):
    trainer = make_trainer(lr=0.005)
    trainer.learning_rate = 0.5
    assert trainer.history.view().learning_rates == ((0, 0.5),)


@pytest.mark.parametrize("bad", [0, -1, math.nan, math.inf, 11])
def test_that_a_bad_learning_rate_is_refused_and_the_old_one_kept(make_trainer, bad):
    trainer = make_trainer(lr=0.005)
    with pytest.raises(ConfigError, match=f"^lr: accepted is a number above 0 and up to 10, got {bad}$"):
        trainer.learning_rate = bad
    assert trainer.learning_rate == 0.005
    assert trainer.history.view().learning_rates == ((0, 0.005),)


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("constant", [1, 1, 1, 1, 1, 1]),
        ("linear", [1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]),
        ("cosine", [0.5 + 0.5 * math.cos(math.pi * step / 6) for step in range(6)]),
    ],
)
def test_that_a_schedule_spans_the_whole_run(make_trainer, schedule, factors):
    trainer = make_trainer(lr=0.2, schedule=schedule, batch_size=16)  # 2 epochs of 3 steps
    rates = [trainer.learning_rate]
    updates = []
    before = trainer.parameters.vector.copy()
    for event in trainer.events():
        if isinstance(event, StepDone):
            gradients = trainer.snapshot(trainer.test_probe(0)).gradients.vector
            updates.append(float(gradients @ (before - trainer.parameters.vector)) / float(gradients @ gradients))
            before = trainer.parameters.vector.copy()
            rates.append(trainer.learning_rate)
    assert rates[:-1] == pytest.approx([0.2 * factor for factor in factors])
    assert updates == pytest.approx([0.2 * factor for factor in factors], rel=1e-3)


def test_that_a_schedule_ends_at_0_and_goes_on_from_there_when_epochs_are_added(make_trainer):
    trainer = make_trainer(lr=0.2, schedule="linear", epochs=1)
    trained(trainer)
    assert trainer.learning_rate == 0
    trainer.epochs = 2
    assert trainer.learning_rate == pytest.approx(0.1)


def test_that_a_learning_rate_set_by_hand_goes_through_the_schedule(make_trainer, take_steps):
    trainer = make_trainer(lr=0.2, schedule="linear", epochs=1)
    take_steps(trainer, 20)  # of 40
    trainer.learning_rate = 0.6
    assert trainer.learning_rate == pytest.approx(0.3)


# Divergence


@pytest.mark.parametrize(("preset", "optimizer"), [("zhou", "sgd"), ("escontrela", "sgd"), ("escontrela", "momentum")])
def test_that_a_run_that_diverges_says_so_in_one_line(make_trainer, preset, optimizer):
    trainer = make_trainer(preset, batch_size=4, lr=10, optimizer=optimizer, epochs=20)
    trainer.parameters.vector[...] *= 1000  # from Escontrela's small weights, a rate of 10 only kills all ReLUs
    with pytest.raises(DivergenceError) as caught:
        trained(trainer)
    message = str(caught.value)
    assert message.startswith("training diverged: ")
    assert " at a learning rate of 10; " in message
    assert message.endswith("; reset and take a tenth of that rate")
    assert "\n" not in message
    assert isinstance(caught.value, UserError)


def zhou_in_flames(make_config, train_grey: int) -> Trainer:
    """Return a trainer whose logits fit float32 on the training image, a 3, and do not on the test image."""
    config = make_config(train_size=1, test_size=1, epochs=1)
    train = ArrayImageSet(np.full((1, 28, 28), train_grey, np.uint8), np.array([3]))
    test = ArrayImageSet(np.full((1, 28, 28), 255, np.uint8), np.array([4]))
    parameters = config.recipe.build().initialize(np.random.default_rng(0))
    parameters.vector[...] = 0
    parameters["conv1"]["weight"][0, 0, 1, 1] = 1e19
    parameters["dense1"]["weight"][3, :169] = 1e18  # the 13x13 cells of the first map
    return Trainer(config, Dataset("flames", "Flames", train, test), parameters)


def test_that_a_cost_that_is_no_number_ends_the_run_before_the_update(make_config):
    trainer = zhou_in_flames(make_config, train_grey=255)
    before = trainer.parameters.vector.copy()
    with pytest.raises(
        DivergenceError, match="the cost of a batch is nan, the output of dense1 no longer finite after step 0"
    ) as e:
        trained(trainer)
    assert e.value.divergence[:2] == ("dense1", 0)
    assert "last good" not in str(e.value)
    assert np.array_equal(trainer.parameters.vector, before)


def test_that_a_run_whose_test_cost_is_no_number_does_not_end_as_if_all_were_well(make_config):
    trainer = zhou_in_flames(make_config, train_grey=128)
    with pytest.raises(DivergenceError, match="the cost on the test set is nan after step 1"):
        trained(trainer)
    assert trainer.history.view().tests == ()


def test_that_the_last_step_of_a_run_does_not_leave_infinite_parameters_unnoticed(make_config):
    trainer = zhou_in_flames(make_config, train_grey=255)
    trainer.parameters["dense1"]["weight"][...] = 0  # all logits equal, a finite cost, a gradient beyond bounds
    trainer.learning_rate = 10
    with pytest.raises(DivergenceError, match="the parameters of dense1 are no longer finite after step 1, ") as caught:
        next(trainer.events())
    assert caught.value.divergence.layer == "dense1"
    assert "the last finite cost was 2.303 nats, in step 1; " in str(caught.value)


# Scoring


def test_that_a_score_within_an_epoch_is_recorded_with_its_fraction(make_trainer, take_steps):
    trainer = make_trainer()
    take_steps(trainer, 50)  # 40 an epoch
    evaluation = trainer.score()
    assert evaluation.samples == 20
    assert trainer.history.view().tests[-1] == (50, 1.25, evaluation)


def test_that_a_cancelled_score_is_left_out_and_training_goes_on_to_the_same_bits(make_trainer):
    def cancel(done: int, total: int) -> None:
        raise Cancelled

    cancelled, whole = make_trainer(), make_trainer()
    events = list(cancelled.events(cancel))
    assert [event.evaluation for event in events if isinstance(event, EpochDone)] == [None, None]
    assert cancelled.history.view().tests == ()
    assert cancelled.parameters.vector.tobytes() == trained(whole).tobytes()


def test_that_scores_are_taken_with_the_normalisation_of_the_published_test(make_trainer):
    published, corrected = make_trainer("escontrela-published"), make_trainer("escontrela")
    for trainer in (published, corrected):  # louder, or a fresh network's costs differ in the seventh digit
        trainer.parameters.vector[...] *= 3
    assert np.array_equal(published.parameters.vector, corrected.parameters.vector)
    assert published.score().loss != corrected.score().loss


# Images mixed in

MIX = (("a", 0.3), ("some/b.json", 0.3))


def grey_set(grey: int, label: int) -> ArrayImageSet:
    return ArrayImageSet(np.full((3, 28, 28), grey, np.uint8), np.full(3, label))


@pytest.fixture
def make_mixed(make_config, make_dataset):
    def make(mix=MIX, **changes: object) -> Trainer:
        sets = [grey_set(50 + 100 * place, place) for place in range(len(mix))]
        return Trainer(make_config(batch_size=8, mix=mix, **changes), make_dataset(), mixed_in=sets)

    return make


def test_that_what_is_mixed_in_is_learnt_and_the_same_settings_end_in_the_same_bits(make_mixed):
    first, second = trained(make_mixed()), trained(make_mixed())
    assert first.tobytes() == second.tobytes()
    assert not np.array_equal(first, trained(make_mixed(mix=())))
    assert not np.array_equal(first, trained(make_mixed(mix=MIX[:1])))


def learnt(trainer: Trainer, steps: int) -> list[str]:
    """Return of which kind the first image of each step was."""
    events = trainer.events()
    return [next(events) and trainer.training_probe().title.rstrip(" 0123456789") for _ in range(steps)]


def test_that_each_step_is_mixed_anew_from_the_seed(make_mixed):
    first = learnt(make_mixed(epochs=5), 20)
    assert first == learnt(make_mixed(epochs=5), 20)
    assert set(first) == {"training digit", "a digit", "b.json digit"}
    assert first != learnt(make_mixed(epochs=5, seed=1), 20)


def test_that_a_training_probe_shows_what_was_mixed_in(make_mixed, take_steps):
    trainer = make_mixed(mix=(("a", 0.999),))
    take_steps(trainer, 1)
    probe = trainer.training_probe()
    assert (probe.image == 50).all()
    assert (probe.label, probe.title[:-1]) == (0, "a digit ")


def test_that_own_digits_are_learnt_from_the_next_step_on_and_no_longer_when_taken_away(make_trainer, take_steps):
    trainer, plain = make_trainer(batch_size=8), make_trainer(batch_size=8)
    take_steps(trainer, 1), take_steps(plain, 1)
    assert np.array_equal(trainer.parameters.vector, plain.parameters.vector)
    trainer.own_digits = Ingredient("own digit", grey_set(77, 7), 1.0)
    take_steps(trainer, 1)
    assert (trainer.training_probe().image == 77).all()
    assert trainer.training_probe().title.startswith("own digit ")
    trainer.own_digits = None
    take_steps(trainer, 1)
    assert trainer.training_probe().title.startswith("training digit ")


def test_that_own_digits_leave_the_choice_of_what_else_is_mixed_in_as_it_was(make_mixed):
    before = learnt(make_mixed(epochs=20), 80)
    trainer = make_mixed(epochs=20)
    trainer.own_digits = Ingredient("own digit", grey_set(77, 7), 0.4)
    pairs = list(zip(before, learnt(trainer, 80), strict=True))
    assert {kind for kind, later in pairs if later == "own digit"} == {"training digit", "a digit", "b.json digit"}
    assert all(kind == later for kind, later in pairs if later != "own digit")


# New images each epoch


def first_pixels(trainer: Trainer) -> list[int]:
    return [trainer.training_probe().image[0, 0] for event in trainer.events() if isinstance(event, StepDone)]


def test_that_fresh_images_begin_with_each_epoch_and_are_taken_as_they_lie(make_config, renewable):
    trainer = Trainer(make_config(batch_size=20, epochs=3, fresh=True, train_size=None), renewable)
    assert first_pixels(trainer) == [0, 0, 1, 1, 2, 2]
    assert [index for batch in renewable.train.asked for index in batch] == 3 * list(range(40))


def test_that_images_that_need_not_be_fresh_stay_and_are_shuffled(make_config, renewable):
    renewable.train.begin_epoch(4)  # left by a run before
    trainer = Trainer(make_config(batch_size=40, epochs=3, train_size=None), renewable)
    assert trainer.training_probe().image[0, 0] == 0
    assert first_pixels(trainer) == [0, 0, 0]
    assert renewable.train.asked[-1] != renewable.train.asked[-2] != list(range(40))


def test_that_fresh_images_can_be_those_that_are_mixed_in(make_config, make_dataset, renewable):
    dataset = make_dataset(in_random_order=True)
    config = make_config(batch_size=40, epochs=3, fresh=True, mix=(("strokes", 0.999),))
    assert first_pixels(Trainer(config, dataset, mixed_in=[renewable.train])) == [0, 1, 2]
    assert dataset.train.asked[1] != list(range(40))  # the dataset's own are the same again, so they are shuffled


def test_that_fresh_images_are_refused_where_none_can_be_made(make_config, make_dataset):
    with pytest.raises(ConfigError) as caught:
        Trainer(make_config(fresh=True), make_dataset())
    assert str(caught.value) == "fresh: accepted is a dataset that is generated, such as strokes, got random alone"


# Variations


def test_that_images_are_varied_by_seed_and_step_alone(make_trainer):
    augment = Augmentation(rotation=20, elastic=1)
    first, second = (trained(make_trainer(batch_size=8, augment=augment)) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert not np.array_equal(first, trained(make_trainer(batch_size=8)))


def test_that_each_step_varies_its_images_anew(make_config, make_dataset, take_steps):
    dataset = make_dataset()
    dataset.train.images[:] = dataset.train.images[0]
    trainer = Trainer(make_config(augment=Augmentation(shift=5)), dataset)
    seen = {take_steps(trainer, 1) and trainer.training_probe().image.tobytes() for _ in range(3)}
    assert len(seen) == 3


def test_that_the_training_probe_is_varied_as_it_was_learnt(make_config, make_dataset, take_steps):
    plain, varied = (
        Trainer(make_config(augment=each), make_dataset()) for each in (Augmentation(), Augmentation(shift=5))
    )
    take_steps(plain, 1), take_steps(varied, 1)
    expected = Augmentation(shift=5).apply(np.random.default_rng([0, 5, 0]), plain.training_probe().image[None])
    assert np.array_equal(varied.training_probe().image, expected[0])
    assert varied.training_probe().title == plain.training_probe().title


def test_that_what_is_mixed_in_is_varied_too(make_config, make_dataset, take_steps):
    trainer = Trainer(make_config(augment=Augmentation(shift=5)), make_dataset())
    half = np.tile(np.repeat(np.uint8([0, 255]), 14), (1, 28, 1))
    trainer.own_digits = Ingredient("own digit", ArrayImageSet(half, np.array([3])), 1.0)
    take_steps(trainer, 1)
    assert trainer.training_probe().title == "own digit 0"
    assert not np.array_equal(trainer.training_probe().image, half[0])


# Probes


def test_that_a_test_probe_is_that_image_and_wraps_around(make_config, make_dataset):
    dataset = make_dataset(test=20)
    probe = Trainer(make_config(), dataset).test_probe(43)
    assert np.array_equal(probe.image, dataset.test.images[3])
    assert (probe.label, probe.title, probe.asked_for) == (dataset.test.labels[3], "test digit 3", 43)


def test_that_a_training_probe_is_the_first_image_of_the_latest_batch(make_config, make_dataset, take_steps):
    dataset = make_dataset()
    trainer = Trainer(make_config(batch_size=16), dataset)
    take_steps(trainer, 2)
    first = dataset.train.asked[1][0]
    probe = trainer.training_probe()
    assert np.array_equal(probe.image, dataset.train.images[first])
    assert (probe.label, probe.title) == (dataset.train.labels[first], f"training digit {first}")


def test_that_there_is_a_training_probe_before_the_first_step(make_trainer):
    assert make_trainer().training_probe().title == "training digit 0"


def test_that_settings_are_checked_whoever_made_them(make_config, make_dataset):
    config: TrainingConfig = replace(make_config(), lr=-1.0)
    with pytest.raises(ConfigError, match=r"^lr: "):
        Trainer(config, make_dataset())


def test_that_a_smaller_dataset_than_the_preset_uses_is_taken_whole(make_dataset):
    config = TrainingConfig.from_preset("escontrela", "random", test_size=20)
    trainer = Trainer(config, make_dataset(train=40))
    assert config.train_size == 50_000
    assert len(trainer.train) == 40


def test_that_more_images_than_there_are_cannot_be_asked_for(make_dataset):
    config = TrainingConfig.from_preset("escontrela", "random", train_size=41)
    with pytest.raises(DataError, match="41 images were asked for, but the set has only 40"):
        Trainer(config, make_dataset(train=40))
