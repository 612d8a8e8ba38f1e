import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.gui.curves import (
    centred_means,
    cost_range,
    epoch_steps,
    logarithmic_ticks,
    past_means,
    peaks,
    smoothing_window,
    step_range,
)


def record(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(count).astype(np.float32)


def test_that_a_short_record_is_drawn_as_it_is() -> None:
    values = record(1000)
    steps, drawn = peaks(values, 1000)
    np.testing.assert_array_equal(steps, np.arange(1, 1001))
    np.testing.assert_array_equal(drawn, values)


@given(count=st.integers(1, 5000), limit=st.integers(1, 60), seed=st.integers(0, 99))
def test_that_decimation_keeps_the_extremes_of_every_block_and_its_limit(count: int, limit: int, seed: int) -> None:
    values = record(count, seed)
    steps, drawn = peaks(values, limit)
    assert len(steps) == len(drawn) <= 2 * limit
    assert drawn.min() == values.min()
    assert drawn.max() == values.max()
    assert steps[0] >= 1
    assert steps[-1] <= count
    assert np.all(np.diff(steps) >= 0)


def test_that_a_single_spike_among_many_steps_is_drawn_where_it_is() -> None:
    values = np.zeros(100_000, np.float32)
    values[70_000] = 9
    steps, drawn = peaks(values, 1000)
    assert drawn.max() == 9
    assert abs(steps[drawn.argmax()] - 70_001) <= 64


def test_that_blocks_stay_as_they_are_while_the_record_grows() -> None:
    values = record(3000)
    before, after = peaks(values[:2500], 1000), peaks(values, 1000)
    whole = 2 * (2500 // 4)
    np.testing.assert_array_equal(before[0][:whole], after[0][:whole])
    np.testing.assert_array_equal(before[1][:whole], after[1][:whole])


def test_that_a_centred_mean_is_over_the_steps_around_and_begins_with_the_first_value() -> None:
    values = record(300)
    steps, means = centred_means(values, 20, 1000)
    np.testing.assert_array_equal(steps, np.arange(1, 301))
    assert means[0] == values[0]
    assert means[4] == pytest.approx(values[:8].mean())
    assert means[100] == pytest.approx(values[90:110].mean())
    assert means[-1] == pytest.approx(values[-11:].mean())


def test_that_a_mean_of_the_past_is_over_the_steps_up_to_each() -> None:
    values = record(300)
    steps, means = past_means(values, 100, 1000)
    assert steps[-1] == 300
    assert means[0] == values[0]
    assert means[49] == pytest.approx(values[:50].mean())
    assert means[199] == pytest.approx(values[100:200].mean())
    assert means[-1] == pytest.approx(values[-100:].mean())


@given(count=st.integers(1, 5000), limit=st.integers(1, 60))
def test_that_a_decimated_mean_ends_at_the_last_step_and_keeps_its_limit(count: int, limit: int) -> None:
    values = record(count)
    steps, means = past_means(values, 100, limit)
    assert len(steps) == len(means) <= limit + 1
    assert steps[-1] == count
    assert means[-1] == pytest.approx(values[-100:].mean())


def test_that_nothing_makes_an_empty_curve() -> None:
    for steps, values in (peaks(record(0), 10), centred_means(record(0), 10, 10), past_means(record(0), 10, 10)):
        assert len(steps) == len(values) == 0


@pytest.mark.parametrize(("steps", "window"), [(0, 1), (1, 1), (10, 2), (250, 50), (500, 100), (200_000, 512)])
def test_that_a_young_run_is_smoothed_less_and_a_very_long_one_more(steps: int, window: int) -> None:
    assert smoothing_window(steps) == window


@pytest.mark.parametrize(
    ("steps", "planned", "end"), [(0, 3000, 100), (120, 3000, 150), (2900, 3000, 3000), (3100, 3000, 5000)]
)
def test_that_the_step_axis_grows_in_strides_up_to_the_planned_end(steps: int, planned: int, end: float) -> None:
    assert step_range(steps, planned) == end


def test_that_the_cost_axis_holds_the_smooth_curve_and_the_tests() -> None:
    assert cost_range(np.array([2.3, 0.1]), 2.4, [], logarithmic=False) == (0, 3)
    assert cost_range(np.array([2.3, 0.1]), 2.4, [7.0], logarithmic=False) == (0, 10)


def test_that_a_single_costly_step_does_not_press_the_curve_flat() -> None:
    assert cost_range(np.array([2.3, 0.1]), 500.0, [], logarithmic=False) == (0, 5)


def test_that_the_logarithmic_cost_axis_begins_below_the_least_smooth_cost() -> None:
    bottom, top = cost_range(np.array([2.3, 0.09]), 2.4, [], logarithmic=True)
    assert bottom == pytest.approx(0.02)
    assert top == 3


def test_that_a_cost_of_zero_has_a_logarithmic_axis() -> None:
    bottom, top = cost_range(np.array([0.0]), 0.0, [], logarithmic=True)
    assert 0 < bottom < top


def test_that_logarithmic_ticks_are_the_usual_ones() -> None:
    assert logarithmic_ticks(0.05, 3) == pytest.approx([0.05, 0.1, 0.2, 0.5, 1, 2])
    assert logarithmic_ticks(1e-5, 3) == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1])


def test_that_epochs_end_at_multiples_and_very_many_are_thinned() -> None:
    np.testing.assert_array_equal(epoch_steps(10, 4), [4, 8])
    assert len(epoch_steps(3, 4)) == 0
    many = epoch_steps(100_000, 100)
    assert 12 <= len(many) <= 24
    assert np.all(many % 100 == 0)
