import numpy as np
import pytest
from checks import assert_layer_gradients

from cnnviz.nn import Dropout, Workspace


def test_that_gradients_agree_with_finite_differences_where_nothing_is_dropped(rng):
    assert_layer_gradients(Dropout(0.5), rng.standard_normal((2, 5, 4, 3)), rng)


def test_that_what_is_kept_is_scaled_and_what_is_dropped_is_0(rng):
    x = np.ones((1, 1000), np.float32)
    y, _ = Dropout(0.2).forward(x, {}, Workspace(rng))
    assert set(np.unique(y)) == {np.float32(0), np.float32(1.25)}


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.5, 0.9])
def test_that_a_share_of_rate_is_dropped_and_the_mean_stays(rate, rng):
    y, _ = Dropout(rate).forward(np.ones((1, 200_000), np.float32), {}, Workspace(rng))
    assert np.mean(y == 0) == pytest.approx(rate, abs=0.005)
    assert y.mean(dtype=float) == pytest.approx(1, abs=0.02)


def test_that_the_gradient_is_stopped_where_the_cell_was_dropped_and_scaled_elsewhere(rng):
    x = rng.uniform(1, 2, (3, 50))
    layer, workspace = Dropout(0.5), Workspace(rng)
    y, cache = layer.forward(x, {}, workspace)
    dy = rng.standard_normal(x.shape)
    np.testing.assert_allclose(layer.input_gradient(dy, cache, {}, workspace), dy * y / x, rtol=1e-15)


def test_that_every_pass_draws_anew_and_the_same_seed_draws_the_same():
    x = np.ones((2, 40))
    one, two = (Workspace(np.random.default_rng(7)) for _ in range(2))
    first, second = (Dropout(0.5).forward(x, {}, one)[0].copy() for _ in range(2))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(Dropout(0.5).forward(x, {}, two)[0], first)


def test_that_nothing_is_dropped_outside_training(rng):
    x = rng.standard_normal((2, 40))
    np.testing.assert_array_equal(Dropout(0.5).forward(x, {}, Workspace())[0], x)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_that_a_rate_outside_its_range_is_refused(rate):
    with pytest.raises(ValueError, match="Dropout needs a rate from 0 to below 1, got"):
        Dropout(rate)
