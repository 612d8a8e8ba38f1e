from dataclasses import replace

import numpy as np
import pytest

from cnnviz.explain.places import INPUT, Cell, Probability, Weight, gradient_at, value_at
from cnnviz.explain.what_if import actual, again, obstacle, predicted_loss, what_if
from cnnviz.training.snapshot import Probe, trace

PRESETS = ("zhou", "escontrela", "keras")
CENTRE = Weight("conv1", "weight", (3, 0, 1, 1))
PIXEL = Cell(INPUT, (12, 13, 0))


def with_probe(snapshot, probe):
    """Return the same network, another probe traced."""
    seen = trace(snapshot.network, snapshot.parameters, probe, snapshot.normalization)
    return replace(snapshot, trace=seen)


@pytest.mark.parametrize("preset", PRESETS)
def test_that_one_weight_is_another_and_the_trace_is_the_engine_s_with_it(make_snapshot, preset):
    snapshot = make_snapshot(preset)
    before = snapshot.parameters.vector.copy()
    grown = what_if(snapshot, CENTRE, value_at(snapshot, CENTRE) + 1)
    by_hand = snapshot.parameters.copy()
    by_hand["conv1"]["weight"][3, 0, 1, 1] += 1
    np.testing.assert_array_equal(grown.parameters.vector, by_hand.vector)
    expected = trace(snapshot.network, by_hand, snapshot.trace.probe, snapshot.normalization)
    assert grown.trace.loss == expected.loss != snapshot.trace.loss
    for name, output in expected.outputs.items():
        np.testing.assert_array_equal(grown.trace.outputs[name], output)
        np.testing.assert_array_equal(grown.trace.output_gradients[name], expected.output_gradients[name])
    assert snapshot.parameters.vector.tobytes() == before.tobytes()
    assert (grown.before, grown.value) == (value_at(snapshot, CENTRE), value_at(grown, CENTRE))
    assert (grown.step, grown.history, grown.gradients) == (snapshot.step, snapshot.history, snapshot.gradients)


@pytest.mark.parametrize("preset", PRESETS)
def test_that_one_pixel_is_another_and_all_parameters_are_the_same(make_snapshot, preset):
    snapshot = make_snapshot(preset)
    image = snapshot.trace.probe.image.copy()
    brighter = what_if(snapshot, PIXEL, 0.25)
    assert np.argwhere(brighter.trace.inputs != snapshot.trace.inputs).tolist() == [[12, 13, 0]]
    assert brighter.trace.inputs[12, 13, 0] == 0.25
    assert brighter.parameters is snapshot.parameters
    assert brighter.trace.loss != snapshot.trace.loss
    grey = 0.25 * snapshot.normalization.std + snapshot.normalization.mean
    assert brighter.trace.probe.image[12, 13] == round(grey)
    assert np.count_nonzero(brighter.trace.probe.image != image) == 1
    np.testing.assert_array_equal(snapshot.trace.probe.image, image)
    assert what_if(snapshot, PIXEL, 1e6).trace.probe.image[12, 13] == 255


def test_that_nobody_can_write_to_a_what_if(make_snapshot):
    grown = what_if(make_snapshot("escontrela"), CENTRE, 1.0)
    arrays = [grown.parameters.vector, grown.trace.inputs, grown.trace.probe.image, *grown.trace.outputs.values()]
    assert not any(array.flags.writeable for array in arrays)
    assert not what_if(grown.actual, PIXEL, 1.0).trace.inputs.flags.writeable


def test_that_the_cost_of_a_drawing_stays_that_of_the_digit_that_it_was_taken_for(make_snapshot):
    snapshot = with_probe(make_snapshot("escontrela"), Probe(np.full((28, 28), 90, np.uint8), None, "drawing"))
    other = (snapshot.trace.target + 1) % 10
    swayed = what_if(snapshot, Weight("dense2", "bias", (other,)), 50.0)
    assert swayed.trace.probabilities.argmax() == other
    assert swayed.trace.target == snapshot.trace.target
    assert swayed.trace.loss == pytest.approx(50, abs=3)


def test_that_a_small_change_comes_out_as_the_gradient_predicts(make_snapshot):
    snapshot = make_snapshot("escontrela")
    place = Weight("dense2", "bias", (snapshot.trace.target,))
    nudged = what_if(snapshot, place, value_at(snapshot, place) + 0.01)
    change = nudged.value - nudged.before
    assert nudged.predicted_loss == pytest.approx(
        snapshot.trace.loss + gradient_at(snapshot, place) * change, abs=1e-12
    )
    assert nudged.predicted_loss == pytest.approx(nudged.trace.loss, abs=2e-5)
    assert nudged.trace.loss < snapshot.trace.loss
    assert predicted_loss(snapshot, place, nudged.before) == snapshot.trace.loss


def test_that_only_weights_and_pixels_can_be_changed(make_snapshot):
    assert obstacle(CENTRE) is None
    assert obstacle(PIXEL) is None
    for place in (Cell("conv2", (4, 5, 6)), Probability(3)):
        assert "is worked out from weights and pixels" in obstacle(place)
        with pytest.raises(ValueError, match="is worked out"):
            what_if(make_snapshot("escontrela"), place, 1.0)


def test_that_a_newer_snapshot_is_changed_in_the_same_way(make_snapshot):
    nudge, newer = what_if(make_snapshot("escontrela"), CENTRE, 0.5), make_snapshot("escontrela", steps=5)
    anew = again(nudge, newer)
    assert (anew.actual, anew.step, anew.value) == (newer, 5, 0.5)
    assert anew.parameters["conv1"]["weight"][3, 0, 1, 1] == 0.5
    assert actual(anew) is newer
    assert actual(newer) is newer


def test_that_what_a_newer_snapshot_does_not_have_is_changed_no_more(make_snapshot):
    snapshot = make_snapshot("escontrela")
    assert again(what_if(snapshot, Weight("conv2", "bias", (1,)), 0.5), make_snapshot("zhou")) is None
    other = with_probe(snapshot, Probe(np.full((28, 28), 90, np.uint8), 3, "another"))
    assert again(what_if(snapshot, PIXEL, 0.5), other) is None
    assert again(what_if(snapshot, CENTRE, 0.5), other).trace.probe.title == "another"
    assert again(what_if(snapshot, PIXEL, 0.5), snapshot).value == 0.5


@pytest.mark.parametrize("preset", PRESETS)
def test_that_a_change_beyond_all_bounds_is_borne_in_silence(make_snapshot, preset):
    snapshot = make_snapshot(preset)
    for place in (CENTRE, PIXEL):
        beyond = what_if(snapshot, place, 3e38)
        assert not np.isfinite(beyond.trace.loss) or beyond.trace.loss >= 0
        assert isinstance(beyond.predicted_loss, float)
