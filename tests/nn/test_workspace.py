import numpy as np
import pytest

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


def test_that_results_go_over_what_was_given_only_where_that_is_allowed():
    given = np.zeros((2, 3), np.float32)
    assert Workspace(overwrites=True).over(given, "y") is given
    assert Workspace(overwrites=True).part("relu1").over(given, "y") is given
    for workspace in (Workspace(), FRESH):
        result = workspace.over(given, "y")
        assert not np.shares_memory(result, given)
        assert (result.shape, result.dtype) == (given.shape, given.dtype)


def test_that_what_was_run_is_repeated_and_nothing_else():
    workspace, x, done = Workspace(), np.array([1.0, 2.0]), []

    def work() -> np.ndarray:
        done.append("once")
        y = workspace.part("inner").run(np.add, x, 1, out=workspace.array("y", (2,), float))
        return workspace.run(np.multiply, y, 10, out=y)

    first = workspace.repeat(("a",), (x,), work)
    np.testing.assert_array_equal(first, [20, 30])
    x[:] = 4, 5
    assert workspace.repeat(("a",), (x,), work) is first
    np.testing.assert_array_equal(first, [50, 60])
    assert done == ["once"]


def test_that_another_key_or_another_subject_is_done_anew():
    workspace, one, two, done = Workspace(), object(), object(), []

    def work() -> None:
        done.append(len(done))

    for key, subjects in [(("a",), (one,)), (("a",), (one,)), (("b",), (one,)), (("a",), (two,)), (("a",), (one,))]:
        workspace.repeat(key, subjects, work)
    assert len(done) == 4  # only the second was a repetition; the fourth took the place of the first


def test_that_work_that_failed_is_not_repeated():
    workspace = Workspace()

    def fail() -> None:
        workspace.run(done.append, 1)
        raise ZeroDivisionError

    done: list[int] = []
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            workspace.repeat((), (), fail)
    assert done == [1, 1]
    workspace.run(done.append, 2)
    workspace.repeat((), (), lambda: None)
    workspace.repeat((), (), lambda: None)
    assert done == [1, 1, 2]


def test_that_fresh_memory_is_never_handed_out_twice():
    assert FRESH.part("conv1") is FRESH
    for ask in (
        lambda: FRESH.array("y", (2,), np.float32),
        lambda: FRESH.filled("y", (2,), np.float32, 1),
        lambda: FRESH.view("y", np.arange(2), np.copy),
    ):
        assert not np.shares_memory(ask(), ask())
    np.testing.assert_array_equal(FRESH.filled("y", (2,), np.float32, 1), [1, 1])


def test_that_with_fresh_memory_all_is_done_anew_each_time():
    done = []
    for _ in range(2):
        FRESH.repeat((), (), lambda: done.append(1))
    assert done == [1, 1]
