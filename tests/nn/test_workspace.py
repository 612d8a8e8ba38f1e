import numpy as np

from cnnviz.nn import FRESH, Workspace


def test_that_the_same_name_and_shape_are_the_same_memory():
    workspace = Workspace()
    first = workspace.array("y", (2, 3), np.float32)
    assert workspace.array("y", (2, 3), np.float32) is first
    assert workspace.array("dx", (2, 3), np.float32) is not first


def test_that_a_smaller_shape_takes_no_memory_of_its_own():
    workspace = Workspace()
    large = workspace.array("y", (4, 3), np.float32)
    assert np.shares_memory(workspace.array("y", (2, 3), np.float32), large)
    assert workspace.array("y", (4, 3), np.float32) is large


def test_that_a_larger_shape_gets_room_and_the_smaller_array_moves_there():
    workspace = Workspace()
    small = workspace.array("y", (2, 3), np.float32)
    large = workspace.array("y", (4, 3), np.float32)
    assert not np.shares_memory(small, large)
    assert np.shares_memory(workspace.array("y", (2, 3), np.float32), large)


def test_that_another_type_is_another_array():
    workspace = Workspace()
    single = workspace.array("y", (2,), np.float32)
    double = workspace.array("y", (2,), np.float64)
    assert (single.dtype, double.dtype) == (np.float32, np.float64)


def test_that_a_border_keeps_its_value_whatever_shape_was_asked_for_in_between():
    workspace = Workspace()
    padded = workspace.filled("padded", (3, 3), np.float32, 0)
    padded[1, 1] = 7
    workspace.filled("padded", (2, 2), np.float32, 0)[...] = 9
    np.testing.assert_array_equal(workspace.filled("padded", (3, 3), np.float32, 0), [[0, 0, 0], [0, 7, 0], [0, 0, 0]])


def test_that_parts_are_apart_and_share_the_source_of_random_numbers():
    rng = np.random.default_rng(0)
    workspace = Workspace(rng)
    conv1, conv2 = workspace.part("conv1"), workspace.part("conv2")
    assert conv1 is workspace.part("conv1")
    assert conv1.rng is rng
    assert not np.shares_memory(conv1.array("y", (2,), np.float32), conv2.array("y", (2,), np.float32))


def test_that_a_view_is_made_once_for_an_array_and_anew_for_another():
    workspace = Workspace()
    made = []
    one, two = np.arange(3), np.arange(4)
    for source in (one, one, two, one):
        view = workspace.view("reversed", source, lambda array: made.append(array) or array[::-1])
        np.testing.assert_array_equal(view, source[::-1])
    assert [len(array) for array in made] == [3, 4, 3]


def test_that_fresh_memory_is_never_handed_out_twice():
    assert FRESH.part("conv1") is FRESH
    for ask in (
        lambda: FRESH.array("y", (2,), np.float32),
        lambda: FRESH.filled("y", (2,), np.float32, 1),
        lambda: FRESH.view("y", np.arange(2), np.copy),
    ):
        assert not np.shares_memory(ask(), ask())
    np.testing.assert_array_equal(FRESH.filled("y", (2,), np.float32, 1), [1, 1])
