import numpy as np
import pytest

from cnnviz.nn import Parameters

SHAPES = {"conv1": {"weight": (2, 1, 3, 3), "bias": (2,)}, "dense1": {"weight": (3, 8)}}


@pytest.fixture
def parameters(rng) -> Parameters:
    return Parameters(SHAPES, rng.standard_normal(18 + 2 + 24))


def test_that_the_vector_holds_the_arrays_one_after_another(parameters):
    arrays = [parameters["conv1"]["weight"], parameters["conv1"]["bias"], parameters["dense1"]["weight"]]
    assert [array.shape for array in arrays] == [(2, 1, 3, 3), (2,), (3, 8)]
    np.testing.assert_array_equal(np.concatenate([array.ravel() for array in arrays]), parameters.vector)


def test_that_a_change_of_the_vector_shows_in_the_arrays_and_the_other_way_round(parameters):
    parameters.vector[:] = 1
    assert parameters["conv1"]["weight"].min() == 1
    parameters["dense1"]["weight"][2, 7] = 5
    assert parameters.vector[-1] == 5


def test_that_spans_say_where_each_layer_lies(parameters):
    assert parameters.spans == {"conv1": slice(0, 20), "dense1": slice(20, 44)}


def test_that_it_is_a_mapping_of_the_layers_that_have_parameters(parameters):
    assert list(parameters) == ["conv1", "dense1"]
    assert len(parameters) == 2
    assert "relu1" not in parameters


def test_that_zeros_are_zeros_of_the_type_asked_for():
    zeros = Parameters.zeros(SHAPES, np.float64)
    np.testing.assert_array_equal(zeros.vector, np.zeros(44), strict=True)
    assert Parameters.zeros(SHAPES).vector.dtype == np.float32


def test_that_a_vector_of_the_wrong_size_is_refused_with_both_sizes():
    with pytest.raises(ValueError, match=r"a vector of shape \(43,\) does not fill parameters of 44 values"):
        Parameters(SHAPES, np.zeros(43))


def test_that_a_matrix_is_refused_for_its_rows_would_not_be_shared():
    with pytest.raises(ValueError, match=r"a vector of shape \(4, 11\) does not fill parameters of 44 values"):
        Parameters(SHAPES, np.zeros((4, 11)))


def test_that_flat_gives_views_under_layer_slash_parameter(parameters):
    flat = parameters.flat()
    assert list(flat) == ["conv1/weight", "conv1/bias", "dense1/weight"]
    assert np.shares_memory(flat["conv1/bias"], parameters.vector)


def test_that_from_flat_takes_back_what_flat_gave(parameters):
    again = Parameters.from_flat(SHAPES, parameters.flat(), np.float64)
    np.testing.assert_array_equal(again.vector, parameters.vector, strict=True)
    assert not np.shares_memory(again.vector, parameters.vector)


def test_that_from_flat_puts_arrays_in_any_order_into_place(parameters):
    backwards = dict(reversed(parameters.flat().items()))
    np.testing.assert_array_equal(Parameters.from_flat(SHAPES, backwards, np.float64).vector, parameters.vector)


def test_that_from_flat_names_the_parameters_where_one_is_missing(parameters):
    arrays = parameters.flat()
    del arrays["conv1/bias"]
    with pytest.raises(
        ValueError, match="expected the parameters conv1/weight, conv1/bias, dense1/weight, got conv1/weight, dense1/"
    ):
        Parameters.from_flat(SHAPES, arrays)


def test_that_from_flat_names_a_parameter_that_does_not_belong(parameters):
    with pytest.raises(ValueError, match="got conv1/weight, conv1/bias, dense1/weight, dense9/bias"):
        Parameters.from_flat(SHAPES, {**parameters.flat(), "dense9/bias": np.zeros(1)})


def test_that_from_flat_names_the_parameter_of_another_shape_and_both_shapes(parameters):
    with pytest.raises(ValueError, match=r"dense1/weight: expected shape \(3, 8\), got \(8, 3\)"):
        Parameters.from_flat(SHAPES, {**parameters.flat(), "dense1/weight": np.zeros((8, 3))})


def test_that_from_flat_does_not_spread_a_smaller_array_over_a_parameter(parameters):
    with pytest.raises(ValueError, match=r"conv1/bias: expected shape \(2,\), got \(1,\)"):
        Parameters.from_flat(SHAPES, {**parameters.flat(), "conv1/bias": np.zeros(1)})


def test_that_a_copy_is_independent(parameters):
    copy = parameters.copy()
    copy.vector[:] = 0
    assert parameters.vector.all()
    assert copy.vector.dtype == np.float64


def test_that_a_copy_can_change_the_type(parameters):
    single = parameters.copy(np.float32)
    np.testing.assert_array_equal(
        single["dense1"]["weight"], parameters["dense1"]["weight"].astype(np.float32), strict=True
    )


def test_that_a_frozen_copy_refuses_writing_by_vector_and_by_array(parameters):
    frozen = parameters.frozen_copy()
    for array in (frozen.vector, frozen["conv1"]["weight"], frozen["dense1"]["weight"]):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_that_a_frozen_copy_keeps_its_values_while_the_original_learns(parameters):
    frozen, before = parameters.frozen_copy(), parameters.vector.copy()
    parameters.vector += 1
    np.testing.assert_array_equal(frozen.vector, before)


def test_that_a_copy_of_a_frozen_copy_can_be_written_to(parameters):
    thawed = parameters.frozen_copy().copy()
    thawed["conv1"]["bias"][0] = 9
    assert thawed.vector[18] == 9
