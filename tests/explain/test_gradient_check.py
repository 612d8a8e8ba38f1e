from dataclasses import replace

import numpy as np
import pytest

from cnnviz.explain.gradient_check import WIDTHS, GradientCheck
from cnnviz.explain.places import INPUT, Cell, Weight, gradient_at, value_at
from cnnviz.explain.what_if import what_if
from cnnviz.nn import Parameters
from cnnviz.training.snapshot import Probe, trace


def places_of(snapshot, count=4):
    """Return some places in every array of parameters, and some pixels."""
    rng = np.random.default_rng(1)
    places = [Cell(INPUT, (int(row), int(column), 0)) for row, column in rng.integers(4, 24, (count, 2))]
    for layer, tensors in snapshot.parameters.items():
        for name, array in tensors.items():
            indices = zip(*(rng.integers(0, n, count) for n in array.shape), strict=True)
            places += [Weight(layer, name, tuple(map(int, index))) for index in indices]
    return places


@pytest.mark.parametrize("preset", ["zhou", "escontrela", "keras"])
def test_that_where_the_cost_is_smooth_the_central_difference_is_the_engine_s_gradient(make_snapshot, preset):
    snapshot = make_snapshot(preset)
    compared = set()
    for place in places_of(snapshot):
        check = GradientCheck(snapshot, place)
        assert check.backprop == gradient_at(snapshot, place)
        assert check.value == value_at(snapshot, place)
        difference = check.difference(1e-4)
        if not difference.has_kink and abs(check.exact) > 1e-4:
            compared.add(getattr(place, "name", INPUT) + place.layer)
            assert difference.slope == pytest.approx(check.exact, rel=1e-6)
            assert difference.error < 1e-4, place
            assert difference.exact_error < 1e-7, place
    assert len(compared) > len(snapshot.parameters)


def test_that_long_steps_meet_the_bend_of_the_cost_and_short_ones_rounding(make_snapshot):
    snapshot = make_snapshot("escontrela")
    check = GradientCheck(snapshot, Weight("dense2", "bias", (snapshot.trace.target,)))
    errors = [check.difference(width).exact_error for width in WIDTHS]
    assert min(errors) == min(errors[2:7]) < 1e-9
    assert errors[0] > 1e3 * min(errors)
    assert errors[-1] > 1e2 * min(errors)
    np.testing.assert_allclose(errors[1] / errors[0], 0.01, rtol=0.1)  # the error falls with the square of the width


def test_that_the_cost_is_that_of_the_engine_with_that_number(make_snapshot):
    snapshot = make_snapshot("escontrela")
    for place in (Weight("conv2", "weight", (1, 2, 3, 4)), Weight("dense2", "bias", (4,)), Cell(INPUT, (9, 9, 0))):
        values = np.array([-0.5, 0.25, 0.75])
        costs = [what_if(snapshot, place, value).trace.loss for value in values]
        np.testing.assert_allclose(GradientCheck(snapshot, place).costs(values), costs, rtol=1e-4)


def test_that_a_relu_that_changes_its_sign_within_the_step_is_told(make_snapshot):
    snapshot = make_snapshot("escontrela")
    sums = snapshot.trace.outputs["dense1"]
    unit = int(np.abs(snapshot.trace.output_gradients["relu3"] * (sums > 0)).argmax())
    bias = Weight("dense1", "bias", (unit,))
    at_kink = what_if(snapshot, bias, value_at(snapshot, bias) - float(sums[unit]) + 5e-5)
    narrow, wide = (GradientCheck(at_kink, bias).difference(width) for width in (1e-5, 1e-4))
    assert (narrow.relus, narrow.windows, narrow.has_kink) == (0, 0, False)
    assert (wide.relus, wide.windows, wide.has_kink) == (1, 0, True)
    assert wide.exact_error > 0.05 > 1e-6 > narrow.exact_error


def test_that_tied_cells_of_a_window_are_a_kink_at_every_step_width(make_snapshot):
    snapshot = make_snapshot("zhou")
    even = Probe(np.full((28, 28), 60, np.uint8), 3, "even")
    seen = trace(snapshot.network, snapshot.parameters, even, snapshot.normalization)
    snapshot = replace(snapshot, trace=seen)
    check = GradientCheck(snapshot, Cell(INPUT, (0, 0, 0)))  # seen by one cell of one window of each filter
    assert [check.difference(width).windows for width in WIDTHS] == [8] * len(WIDTHS)
    assert check.difference(1e-5).error > 1e-3


def test_that_tied_cells_that_stay_tied_are_no_kink(make_snapshot):
    snapshot = make_snapshot("zhou")
    even = Probe(np.full((28, 28), 60, np.uint8), 3, "even")
    seen = trace(snapshot.network, snapshot.parameters, even, snapshot.normalization)
    check = GradientCheck(replace(snapshot, trace=seen), Weight("conv1", "weight", (3, 0, 1, 1)))
    assert [check.difference(width).windows for width in WIDTHS] == [0] * len(WIDTHS)


def test_that_checking_changes_nothing(make_snapshot):
    snapshot = make_snapshot("escontrela")
    before = snapshot.parameters.vector.copy(), snapshot.trace.inputs.copy()
    for place in (Weight("conv1", "weight", (1, 0, 3, 4)), Cell(INPUT, (9, 9, 0))):
        check = GradientCheck(snapshot, place)
        assert check.difference(0.1) == check.difference(0.1)
    np.testing.assert_array_equal(snapshot.parameters.vector, before[0])
    np.testing.assert_array_equal(snapshot.trace.inputs, before[1])


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_that_a_network_that_has_diverged_is_checked_in_silence(make_snapshot, value):
    snapshot = make_snapshot("escontrela")
    vector = np.full_like(snapshot.parameters.vector, value)
    parameters = Parameters(snapshot.parameters.shapes, vector)
    seen = trace(snapshot.network, parameters, snapshot.trace.probe, snapshot.normalization)
    snapshot = replace(snapshot, parameters=parameters, trace=seen)
    for place in (Weight("conv1", "bias", (1,)), Cell(INPUT, (9, 9, 0))):
        difference = GradientCheck(snapshot, place).difference(1e-5)
        assert not difference.error < 1e-6
