import numpy as np
import pytest
import reference
from checks import assert_layer_gradients, image
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnviz.nn import MaxPool2D
from cnnviz.nn.layers.maxpool2d import TIES


def routed(layer: MaxPool2D, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Return where the gradient goes, for one example of one channel."""
    _, cache = layer.forward(x, {})
    return layer.backward(dy, cache, {})[0][0, :, :, 0]


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize(("size", "stride"), [(1, 1), (2, 2), (2, 1), (2, 3), (3, 1), (3, 2), (3, 3)])
def test_that_gradients_agree_with_finite_differences(size, stride, ties, rng):
    x = rng.permutation(2 * 7 * 6 * 3).reshape(2, 7, 6, 3) / 10  # no two values closer than 0.1: no ties
    assert_layer_gradients(MaxPool2D(size, stride, ties), x, rng)


@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from(TIES),
    st.tuples(*[st.integers(0, 5)] * 2),
    st.integers(0, 2**32),
)
@settings(max_examples=80, deadline=None)
def test_that_both_directions_agree_with_textbook_loops_on_inputs_full_of_ties(size, stride, ties, excess, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, (2, size + excess[0], size + excess[1], 2)).astype(float)
    y, cache = MaxPool2D(size, stride, ties).forward(x, {})
    np.testing.assert_array_equal(y, reference.max_pool2d(x, size, stride))
    dy = rng.standard_normal(y.shape)
    dx, _ = MaxPool2D(size, stride, ties).backward(dy, cache, {})
    np.testing.assert_allclose(dx, reference.max_pool2d_gradient(dy, x, size, stride, ties), rtol=0, atol=1e-10)


def test_that_a_tied_maximum_sends_its_gradient_to_the_first_cell():
    np.testing.assert_array_equal(
        routed(MaxPool2D(ties="first"), image([[1, 7], [7, 7]]), image([[12]])), [[0, 12], [0, 0]]
    )


def test_that_policy_all_sends_the_full_gradient_to_every_tied_cell():
    np.testing.assert_array_equal(
        routed(MaxPool2D(ties="all"), image([[1, 7], [7, 7]]), image([[12]])), [[0, 12], [12, 12]]
    )


def test_that_policy_split_shares_the_gradient_between_the_tied_cells():
    np.testing.assert_array_equal(
        routed(MaxPool2D(ties="split"), image([[1, 7], [7, 7]]), image([[12]])), [[0, 4], [4, 4]]
    )


@pytest.mark.parametrize(("ties", "handed_out"), [("first", 1), ("split", 1), ("all", 4)])
def test_that_only_policy_all_hands_out_more_gradient_than_came_in(ties, handed_out):
    x = np.zeros((1, 4, 4, 1))  # every window is a tie of four
    assert routed(MaxPool2D(ties=ties), x, image([[1, 2], [3, 4]])).sum() == pytest.approx(handed_out * (1 + 2 + 3 + 4))


def test_that_a_cell_that_wins_in_several_windows_collects_from_each():
    x = image([[0, 0, 0], [0, 9, 0], [0, 0, 0]])
    np.testing.assert_array_equal(
        routed(MaxPool2D(2, stride=1), x, image([[1, 2], [3, 4]])), [[0, 0, 0], [0, 1 + 2 + 3 + 4, 0], [0, 0, 0]]
    )


def test_that_negative_inputs_keep_their_maximum():
    y, _ = MaxPool2D().forward(image([[-5, -3], [-4, -9]]), {})
    assert y.item() == -3


def test_that_cells_outside_the_last_whole_window_are_left_out():
    x = image([[1, 2, 99], [3, 4, 99], [99, 99, 99]])
    y, _ = MaxPool2D().forward(x, {})
    assert y.ravel().tolist() == [4]
    np.testing.assert_array_equal(routed(MaxPool2D(), x, image([[5]])), [[0, 0, 0], [0, 5, 0], [0, 0, 0]])


def test_that_channels_are_pooled_one_by_one():
    x = np.array([[1.0, 40], [2, 30], [3, 20], [4, 10]]).reshape(1, 2, 2, 2)
    y, _ = MaxPool2D().forward(x, {})
    assert y.ravel().tolist() == [4, 40]


def test_that_an_unknown_tie_policy_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="knows the tie policies first, all, split, got 'last'"):
        MaxPool2D(ties="last")


@pytest.mark.parametrize(("size", "stride"), [(0, 2), (2, 0)])
def test_that_options_below_one_are_refused(size, stride):
    with pytest.raises(ValueError, match=f"size and stride of 1 or more, got {size} and {stride}"):
        MaxPool2D(size, stride)


def test_that_a_window_larger_than_the_input_is_refused_with_both_sizes():
    with pytest.raises(ValueError, match="a window of 3 does not fit into an input of 2x5"):
        MaxPool2D(3).output_shape((2, 5, 1))
