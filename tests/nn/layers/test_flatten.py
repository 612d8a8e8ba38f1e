import numpy as np
import pytest
from checks import assert_layer_gradients

from cnnviz.nn import Flatten


def test_that_gradients_agree_with_finite_differences(rng):
    assert_layer_gradients(Flatten(), rng.standard_normal((2, 3, 4, 5)), rng)


def test_that_maps_are_laid_out_channel_by_channel_then_row_by_row():
    x = np.array([[[[1, 100], [2, 200], [3, 300]], [[4, 400], [5, 500], [6, 600]]]])  # (1, 2, 3, 2)
    y, _ = Flatten().forward(x, {})
    np.testing.assert_array_equal(y, [[1, 2, 3, 4, 5, 6, 100, 200, 300, 400, 500, 600]])


def test_that_backward_undoes_forward(rng):
    x = rng.standard_normal((2, 3, 4, 5))
    y, cache = Flatten().forward(x, {})
    np.testing.assert_array_equal(Flatten().backward(y, cache, {})[0], x)


def test_that_a_vector_is_refused():
    with pytest.raises(ValueError, match=r"Flatten needs an input of \(height, width, channels\), got shape \(5,\)"):
        Flatten().output_shape((5,))
