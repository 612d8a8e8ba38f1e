import numpy as np
import pytest

from cnnviz.data.preprocessing import Normalization
from cnnviz.formats import FormatError, SavedParameters
from cnnviz.formats.saved_parameters import as_float32, expected_shapes

GREY = Normalization(33, 78)


@pytest.mark.parametrize("architecture", ["zhou", "escontrela"])
def test_that_files_keep_the_published_shapes(architecture, shapes):
    assert expected_shapes(architecture) == shapes[architecture]


def test_that_an_unknown_architecture_is_refused_with_the_known_ones():
    with pytest.raises(FormatError, match=r"unknown architecture 'lenet'; known are zhou, escontrela"):
        SavedParameters("lenet", {}, GREY)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_that_parameters_of_a_diverged_network_are_refused(zhou, value):
    bias = np.zeros(10, np.float32)
    bias[7] = value
    with pytest.raises(FormatError, match=r"dense1/bias holds values that are not finite"):
        SavedParameters("zhou", zhou.parameters | {"dense1/bias": bias}, GREY)


@pytest.mark.parametrize(
    ("bias", "message"),
    [
        (np.zeros(11, np.float32), r"dense1/bias has shape \(11,\), expected \(10,\)"),
        (np.zeros((10, 1), np.float32), r"dense1/bias has shape \(10, 1\), expected \(10,\)"),
        (np.zeros(10), r"dense1/bias is float64"),
        (np.zeros(20, np.float32)[::2], r"strides \(8,\), expected C-contiguous"),
    ],
)
def test_that_an_array_of_another_kind_is_refused(zhou, bias, message):
    with pytest.raises(FormatError, match=message):
        SavedParameters("zhou", zhou.parameters | {"dense1/bias": bias}, GREY)


def test_that_a_missing_and_a_surplus_parameter_are_named(zhou):
    without_bias = {name: values for name, values in zhou.parameters.items() if name != "dense1/bias"}
    with pytest.raises(FormatError, match=r"'dense1/bias' is missing"):
        SavedParameters("zhou", without_bias, GREY)
    with pytest.raises(FormatError, match=r"'conv1/bias', which is not expected"):
        SavedParameters("zhou", zhou.parameters | {"conv1/bias": np.zeros(8, np.float32)}, GREY)


@pytest.mark.parametrize("fact", [np.float32(1), float("nan"), {1, 2}])
def test_that_a_fact_that_json_cannot_hold_is_refused(zhou, fact):
    with pytest.raises(FormatError, match="cannot be written as JSON"):
        SavedParameters("zhou", zhou.parameters, GREY, training={"loss": fact})


def test_that_a_number_too_large_for_float32_becomes_infinite_without_a_warning():
    assert as_float32(np.array([1e300, -1e300, 0.5])).tolist() == [np.inf, -np.inf, 0.5]
