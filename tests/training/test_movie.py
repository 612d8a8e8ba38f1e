from collections.abc import Callable

import numpy as np
import pytest

from cnnviz import processor
from cnnviz.nn import Parameters, Workspace, softmax_cross_entropy
from cnnviz.training.learner import shard_count
from cnnviz.training.movie import Movie
from cnnviz.training.record import StepRecord
from cnnviz.training.trainer import Trainer

RUNS = [
    ("zhou", {"batch_size": 1}),
    ("escontrela", {"batch_size": 40, "epochs": 9}),
    ("escontrela", {"batch_size": 7, "freeze": ("conv1",), "optimizer": "momentum"}),
    ("keras", {"batch_size": 36, "optimizer": "adam", "epochs": 9}),
    ("keras", {"batch_size": 36, "ties": "split", "epochs": 9}),
]
IDS = ["zhou", "escontrela", "frozen", "keras", "keras, split"]


def recorded(trainer: Trainer, take_steps: Callable) -> StepRecord:
    """Return the record of the trainer's next step, which it has gone."""
    trainer.records_next_step = True
    take_steps(trainer, 1)
    return trainer.record


def film(trainer: Trainer, record: StepRecord, image: int = 0) -> Movie:
    return Movie.of(record, trainer.config, trainer.network, image)


def run_shard(movie: Movie, shard: int) -> tuple[object, object, object, slice]:
    """Return the passes of a shard by the network's own functions, nothing of the learner's, and its images."""
    record, network = movie.record, movie.network
    total = len(record.batch.labels)
    count = shard_count(total)
    span = slice(shard * total // count, (shard + 1) * total // count)
    rng = np.random.Generator(np.random.SFC64())
    rng.bit_generator.state = record.generators[shard]
    x = movie.config.recipe.normalization.apply(record.batch.images[span])
    forward = network.forward(x, record.parameters, Workspace(rng))
    cost = softmax_cross_entropy(forward.logits, record.batch.labels[span], total)
    gradients = Parameters.zeros(network.parameter_shapes)
    return forward, cost, network.backward(cost.gradient, forward, record.parameters, gradients), span


@pytest.mark.parametrize(("preset", "changes"), RUNS, ids=IDS)
def test_that_a_recorded_step_gone_through_again_ends_in_the_same_bits(make_trainer, take_steps, preset, changes):
    trainer = make_trainer(preset, **changes)
    for _ in range(3):
        record = recorded(trainer, take_steps)
        movie = film(trainer, record)
        assert record.step == trainer.step
        assert movie.after.vector.tobytes() == trainer.parameters.vector.tobytes()
        np.testing.assert_array_equal(movie.gradients.vector, trainer.state(trainer.test_probe(0)).gradients.vector)
        assert movie.mean_cost == pytest.approx(trainer.history.view().losses[-1], rel=1e-6)
        np.testing.assert_array_equal(movie.changes.vector, movie.after.vector - record.parameters.vector)


@pytest.mark.parametrize(("preset", "changes"), RUNS, ids=IDS)
def test_that_steps_are_the_same_whether_recorded_or_not(make_trainer, take_steps, preset, changes):
    plain, filmed = make_trainer(preset, **changes), make_trainer(preset, **changes)
    take_steps(plain, 5)
    for step in range(5):
        filmed.records_next_step = step in (1, 2, 4)
        take_steps(filmed, 1)
        if filmed.record is not None:
            film(filmed, filmed.record)
    assert filmed.parameters.vector.tobytes() == plain.parameters.vector.tobytes()
    assert filmed.record.step == 5


@pytest.mark.parametrize(("preset", "changes"), RUNS, ids=IDS)
def test_that_every_array_of_each_image_is_the_one_that_the_network_reckons(make_trainer, take_steps, preset, changes):
    trainer = make_trainer(preset, **changes)
    take_steps(trainer, 1)
    record = recorded(trainer, take_steps)
    size = len(record.batch.labels)
    for image in {0, size // 2, size - 1}:
        movie = film(trainer, record, image)
        shard = next(s for s in range(shard_count(size)) if image < (s + 1) * size // shard_count(size))
        forward, cost, backward, span = run_shard(movie, shard)
        place = image - span.start
        np.testing.assert_array_equal(movie.inputs, forward.inputs[place])
        assert list(movie.outputs) == list(movie.network.layers)
        for name, values in movie.outputs.items():
            np.testing.assert_array_equal(values, forward.outputs[name][place])
        for name, values in movie.output_gradients.items():
            np.testing.assert_array_equal(values, backward.outputs[name][place])
        np.testing.assert_array_equal(movie.probabilities, cost.probabilities[place])
        assert movie.cost == cost.per_example[place]
        assert movie.label == record.batch.labels[image]


def test_that_the_exponentials_divided_by_their_sum_are_the_probabilities(make_trainer, take_steps):
    trainer = make_trainer("escontrela", batch_size=33)
    movie = film(trainer, recorded(trainer, take_steps), 20)
    assert movie.exponentials.max() == 1
    np.testing.assert_array_equal(movie.exponentials / movie.exponentials.sum(), movie.probabilities)


def test_that_what_dropout_multiplied_by_is_kept(make_trainer, take_steps):
    trainer = make_trainer("keras", batch_size=8)
    movie = film(trainer, recorded(trainer, take_steps), 5)
    assert set(movie.factors) == {"drop1", "drop2"}
    assert set(np.unique(movie.factors["drop2"])) == {0, 2}
    for name, factors in movie.factors.items():
        np.testing.assert_array_equal(movie.input_of(name) * factors, movie.outputs[name])


def test_that_the_way_back_ends_with_the_first_layer_that_is_trained(make_trainer, take_steps):
    trainer = make_trainer("escontrela", batch_size=4, freeze=("conv1",))
    movie = film(trainer, recorded(trainer, take_steps))
    assert list(movie.output_gradients)[-1] == "conv2"
    assert movie.gradient_into("conv2") is None
    np.testing.assert_array_equal(movie.gradient_into("relu2"), movie.output_gradients["conv2"])
    np.testing.assert_array_equal(movie.after["conv1"]["weight"], movie.record.parameters["conv1"]["weight"])


def test_that_a_record_and_a_movie_refuse_writing_and_outlive_later_steps(make_trainer, take_steps):
    trainer = make_trainer("escontrela", batch_size=4)
    record = recorded(trainer, take_steps)
    movie, before = film(trainer, record), record.parameters.vector.copy()
    moments = {name: moment.copy() for name, moment in record.moments.items()}
    take_steps(trainer, 2)
    np.testing.assert_array_equal(record.parameters.vector, before)
    arrays = [movie.inputs, movie.probabilities, movie.after.vector, movie.changes.vector, movie.gradients.vector]
    arrays += [record.parameters.vector, *record.moments.values(), *movie.outputs.values()]
    assert not any(array.flags.writeable for array in [*arrays, *movie.output_gradients.values()])
    for name, moment in moments.items():
        np.testing.assert_array_equal(record.moments[name], moment)


def test_that_the_threads_of_training_and_window_are_left_alone(make_trainer, take_steps, monkeypatch):
    trainer = make_trainer("escontrela", batch_size=33)
    record = recorded(trainer, take_steps)

    def fail(*_: object) -> None:
        raise AssertionError("work was shared out")

    monkeypatch.setattr(processor, "share_out", fail)
    assert film(trainer, record).after.vector.tobytes() == trainer.parameters.vector.tobytes()


def test_that_an_image_beyond_the_batch_is_refused(make_trainer, take_steps):
    trainer = make_trainer("zhou")
    record = recorded(trainer, take_steps)
    with pytest.raises(ValueError, match="an image of the batch, got 1, 1 too many"):
        film(trainer, record, 1)


def test_that_a_step_about_to_diverge_is_gone_through_without_a_warning(make_trainer, take_steps):
    trainer = make_trainer("escontrela", batch_size=4)
    record = recorded(trainer, take_steps)
    record.parameters.vector.flags.writeable = True
    record.parameters.vector[:] *= 1e12
    movie = film(trainer, record)
    assert not np.isfinite(movie.gradients.vector).all()
