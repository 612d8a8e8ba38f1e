from types import SimpleNamespace

import numpy as np
import pytest

from cnnviz.commands import benchmark, throughput
from cnnviz.commands.throughput import PRODUCTS_PER_SAMPLE, Yardstick, prediction, seconds_per_call, training
from cnnviz.training.presets import PRESETS


@pytest.fixture
def clock(monkeypatch) -> SimpleNamespace:
    """A clock that goes on by ``tick`` seconds whenever it is read."""
    state = SimpleNamespace(now=0.0, tick=0.5)

    def read() -> float:
        state.now += state.tick
        return state.now

    monkeypatch.setattr(throughput, "time", SimpleNamespace(perf_counter=read))
    return state


def test_that_the_yardstick_counts_what_all_threads_multiply_and_keeps_the_best(clock):
    yardstick = Yardstick(3)
    yardstick.sample()
    best = 3 * PRODUCTS_PER_SAMPLE * 2 * 1024**3 / 0.5 / 1e9
    assert yardstick.gflops == pytest.approx(best)
    clock.tick = 1.0
    yardstick.sample()
    assert yardstick.gflops == pytest.approx(best)


def test_that_the_yardstick_multiplies_float32_matrices_on_every_thread():
    yardstick = Yardstick(2)
    yardstick.sample()
    for left, right, product in yardstick._matrices:
        assert product.dtype == np.float32
        np.testing.assert_array_equal(product, left @ right)
    assert not np.array_equal(*yardstick._matrices[:, 2])


def test_that_calls_go_on_for_the_time_given_and_share_it(clock):
    calls = []
    # The clock is read at the start, after every call, and once more at the end, each time 0.5 s later.
    assert seconds_per_call(lambda: calls.append(1), 2.0) == pytest.approx(2.5 / 4)
    assert len(calls) == 4


def test_that_a_call_is_made_even_where_no_time_is_given():
    calls = []
    assert seconds_per_call(lambda: calls.append(1), 0.0) > 0
    assert len(calls) == 1


def test_that_training_goes_on_beyond_the_end_of_an_epoch(monkeypatch):
    monkeypatch.setattr(throughput, "IMAGES", 2)
    step = training("zhou", 2)
    assert [step().step for _ in range(3)] == [1, 2, 3]


def test_that_training_takes_the_batch_size_of_its_preset_unless_told_another(monkeypatch):
    sizes = []

    def trainer(config, _dataset) -> SimpleNamespace:
        sizes.append(config.batch_size)
        return SimpleNamespace(events=lambda: iter(()))

    monkeypatch.setattr(throughput, "Trainer", trainer)
    training("escontrela")
    training("escontrela", 128)
    assert sizes == [32, 128]


@pytest.mark.parametrize("preset", [name for name in PRESETS if "published" not in name])
def test_that_a_prediction_gives_probabilities_for_so_many_images(preset):
    probabilities = prediction(preset, 3)()
    assert probabilities.shape == (3, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_that_the_yardstick_is_sampled_before_every_block_and_the_median_is_taken(monkeypatch):
    log, durations = [], iter([9.0, 3.0, 1.0, 2.0])  # the first is the warm-up

    def one_block(_: object, seconds: float) -> float:
        log.append(seconds)
        return next(durations)

    monkeypatch.setattr(benchmark, "seconds_per_call", one_block)
    assert benchmark._median_seconds(print, 3, lambda: log.append("sample")) == 2.0
    assert log[0] == benchmark.WARM_UP_SECONDS
    assert log[1:] == ["sample", benchmark.BLOCK_SECONDS] * 3
