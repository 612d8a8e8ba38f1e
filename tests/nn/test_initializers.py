import numpy as np
import pytest

from cnnviz.nn.initializers import INITIALIZERS

CONV, DENSE = (64, 16, 5, 5), (128, 800)  # (F, C, kh, kw) and (out, in)

DEVIATIONS = [
    ("he", CONV, np.sqrt(2 / (16 * 25))),
    ("he", DENSE, np.sqrt(2 / 800)),
    ("glorot", CONV, np.sqrt(2 / (16 * 25 + 64 * 25))),
    ("glorot", DENSE, np.sqrt(2 / (800 + 128))),
    ("zhou-conv", (800, 1, 3, 3), 1 / 9),
    ("zhou-dense", (10, 1352), 1 / 1352),
    ("escontrela-conv", CONV, 1 / np.sqrt(64 * 16 * 25)),
    ("escontrela-dense", DENSE, 0.01),
]


@pytest.mark.parametrize(("name", "shape", "deviation"), DEVIATIONS)
def test_that_the_mean_is_zero_and_the_standard_deviation_that_of_the_source(name, shape, deviation, rng):
    weights = INITIALIZERS[name](shape, rng)
    assert weights.shape == shape
    assert weights.std() == pytest.approx(deviation, rel=0.03)
    assert abs(weights.mean()) < 5 * deviation / np.sqrt(weights.size)


def test_that_every_initializer_is_measured_here():
    assert {name for name, _, _ in DEVIATIONS} == set(INITIALIZERS)


def test_that_glorot_fills_its_interval_and_keeps_inside(rng):
    limit = np.sqrt(6 / (800 + 128))
    assert 0.999 * limit < np.abs(INITIALIZERS["glorot"](DENSE, rng)).max() <= limit


def test_that_he_keeps_the_size_of_a_signal_through_relu(rng):
    x = rng.standard_normal((200, 800))
    for _ in range(5):
        x = np.maximum(x @ INITIALIZERS["he"]((800, 800), rng).T, 0)
    assert np.mean(x**2) == pytest.approx(1, abs=0.2)
