import numpy as np
import pytest

from cnnviz import processor
from cnnviz.nn import OPTIMIZERS, Parameters, softmax_cross_entropy
from cnnviz.training.learner import BLOCK, MOST_SHARDS, SMALLEST_SHARD, SWEEP_EVERY, Learner, shard_count
from cnnviz.training.presets import PRESETS


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(4)


def batch(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.integers(0, 256, (size, 28, 28), np.uint8), rng.integers(0, 10, size)


def make(preset: str = "escontrela", frozen: tuple[str, ...] = (), optimizer: str | None = None) -> Learner:
    recipe = PRESETS[preset]
    network = recipe.build()
    start = network.initialize(np.random.default_rng(0))
    rule = OPTIMIZERS[optimizer or recipe.optimizer]
    return Learner(network, start, recipe.normalization, rule, frozen, (0, 2))


@pytest.mark.parametrize(
    ("batch_size", "shards"),
    [(1, 1), (SMALLEST_SHARD, 1), (2 * SMALLEST_SHARD, 2), (47, 2), (1000, MOST_SHARDS)],
)
def test_that_a_batch_has_as_many_shards_as_are_worth_a_thread(batch_size, shards):
    assert shard_count(batch_size) == shards


@pytest.mark.parametrize("size", [1, 16, 33, 70])
def test_that_the_shards_add_up_to_cost_and_gradient_of_the_whole_batch(rng, size):
    learner, recipe = make(), PRESETS["escontrela"]
    images, labels = batch(rng, size)
    network = recipe.build()
    double = learner.parameters.copy(np.float64)
    forward = network.forward(recipe.normalization.apply(images, np.float64), double)
    cost = softmax_cross_entropy(forward.logits, labels)
    expected = Parameters.zeros(network.parameter_shapes, np.float64)
    network.backward(cost.gradient, forward, double, expected)

    loss, accuracy = learner.differentiate(images, labels)
    learner.update(lr=0.0)
    assert loss == pytest.approx(cost.mean, rel=1e-5)
    assert accuracy == pytest.approx((forward.logits.argmax(axis=1) == labels).mean())
    np.testing.assert_allclose(
        learner.gradients.vector, expected.vector, rtol=0, atol=1e-5 * abs(expected.vector).max()
    )


def test_that_a_small_batch_after_a_large_one_adds_nothing_of_the_large_one(rng):
    alone, after = make(), make()
    after.differentiate(*batch(rng, 64))
    images, labels = batch(rng, 5)
    for learner in (alone, after):
        learner.differentiate(images, labels)
        learner.update(lr=0.0)
    np.testing.assert_array_equal(after.gradients.vector, alone.gradients.vector)


@pytest.mark.parametrize("preset", ["zhou", "escontrela", "keras"])
def test_that_the_number_of_threads_changes_no_bit(preset, monkeypatch):
    ends = set()
    for threads in ("1", "2", "4"):
        monkeypatch.setenv(processor.THREADS, threads)
        rng, learner = np.random.default_rng(9), make(preset)
        for size in (64, 64, 20):
            learner.differentiate(*batch(rng, size))
            learner.update(lr=0.001)
        ends.add(learner.parameters.vector.tobytes())
    assert len(ends) == 1


def test_that_dropout_draws_anew_in_every_step_and_alike_from_the_same_seed(rng):
    one, two = make("keras"), make("keras")
    images, labels = batch(rng, 8)
    first, second = (one.differentiate(images, labels).loss for _ in range(2))
    assert first != second
    assert [two.differentiate(images, labels).loss for _ in range(2)] == [first, second]


def test_that_the_generators_are_all_that_dropout_depends_on(rng):
    learner = make("keras")
    images, labels = batch(rng, 32)
    states = [generator.bit_generator.state for generator in learner.generators]
    before = learner.differentiate(images, labels).loss
    assert learner.differentiate(images, labels).loss != before
    for generator, state in zip(learner.generators, states, strict=True):
        generator.bit_generator.state = state
    assert learner.differentiate(images, labels).loss == before


@pytest.mark.parametrize("frozen", [("conv1",), ("conv2", "dense1"), ("dense2",)])
def test_that_frozen_layers_stay_and_all_others_move(rng, frozen):
    learner = make(frozen=frozen)
    before = learner.parameters.copy()
    learner.differentiate(*batch(rng, 32))
    learner.update(lr=0.001)
    moved = {
        name for name, tensors in learner.parameters.items() if (tensors["weight"] != before[name]["weight"]).any()
    }
    assert moved == set(before) - set(frozen)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_that_blocks_are_updated_as_one_vector_would_be(rng, optimizer):
    learner = make(optimizer=optimizer)
    assert len(learner.parameters.vector) > 2 * BLOCK
    whole = learner.parameters.copy()
    moments = {name: moment.copy() for name, moment in learner.moments.items()}
    for step in (1, 2):
        learner.differentiate(*batch(rng, 32))
        learner.update(lr=0.01)
        OPTIMIZERS[optimizer].update(whole.vector, learner.gradients.vector, moments, 0.01, step)
    np.testing.assert_array_equal(learner.parameters.vector, whole.vector)


def test_that_moments_that_have_faded_are_swept_out_from_time_to_time(rng):
    learner = make()
    unseen = learner.parameters.spans["conv1"].start  # of a filter that meets nothing but black
    images, labels = np.full((16, 28, 28), 33, np.uint8), np.zeros(16, int)  # 33 is what normalisation makes 0
    for step in range(SWEEP_EVERY):
        learner.moments["mean"][unseen] = 1e-40
        learner.moments["mean"][unseen + 1] = 1e-20
        learner.differentiate(images, labels)
        learner.update(lr=0.001)
        assert (learner.moments["mean"][unseen] == 0) == (step == SWEEP_EVERY - 1)
    assert learner.moments["mean"][unseen + 1] > 0


@pytest.mark.parametrize("preset", ["zhou", "escontrela", "keras"])
def test_that_a_step_in_the_steady_state_asks_for_no_memory(rng, preset, monkeypatch, peak_of):
    """What remains are Python's objects and NumPy's buffers of 8,192 numbers, however large the batch is."""
    monkeypatch.setenv(processor.THREADS, "1")
    learner = make(preset)
    for size in (32, 128):
        images, labels = batch(rng, size)

        def step(images: np.ndarray = images, labels: np.ndarray = labels) -> None:
            learner.differentiate(images, labels)
            learner.update(lr=0.001)

        step()
        assert peak_of(step) < 100_000  # less than 32 normalised images
