from dataclasses import replace

import numpy as np
import pytest

from cnnviz.explain.routing import (
    IMAGES_AT_A_TIME,
    Flow,
    Passage,
    passage_in_batch,
    pooled_of_image,
    route,
    route_batch,
)
from cnnviz.nn import TIES, MaxPool2D, Parameters, softmax_cross_entropy
from cnnviz.training.batches import Batch
from cnnviz.training.snapshot import Probe, Snapshot, trace

X = np.zeros((1, 4, 4, 1), np.float32)
X[0, :2, :2, 0] = [[1, 5], [5, 2]]  # window (0, 0): tied at 5
X[0, :2, 2:, 0] = [[0, 3], [1, 2]]  # window (0, 1): 3 alone; windows (1, 0) and (1, 1) are silent
DY = np.array([[2.0, -3.0], [0.5, -0.25]], np.float32)[np.newaxis, ..., np.newaxis]


def with_batch(snapshot: Snapshot, count: int) -> Snapshot:
    rng = np.random.default_rng(8)
    images = rng.integers(0, 256, (count, 28, 28)).astype(np.uint8)
    images[:, :9] = 0  # windows in which nobody wins by merit
    return replace(snapshot, batch=Batch(images, rng.integers(0, 10, count), "training digit 4"))


def whole(snapshot: Snapshot, earlier: Snapshot | None = None):
    *_, last = route_batch(snapshot, "pool1", earlier)
    return last


def test_that_gradients_below_and_above_zero_are_added_up_apart():
    flow = Flow.of(DY)
    assert (flow.below, flow.above) == (-3.25, 2.5)
    assert (flow.total, flow.magnitude) == (-0.75, 5.75)
    assert flow + Flow(-1.0, 2.0) == Flow(-4.25, 4.5)


def test_that_tied_and_silent_windows_are_counted():
    routing = route(MaxPool2D(), X, DY)
    assert (routing.images, routing.channels) == (1, 1)
    assert (routing.windows, routing.tied, routing.silent) == (4, 3, 2)


def test_that_equal_cells_are_silent_only_where_they_are_zero():
    routing = route(MaxPool2D(), np.full((1, 4, 4, 2), -0.5, np.float32), np.ones((1, 2, 2, 2), np.float32))
    assert (routing.windows, routing.tied, routing.silent) == (8, 8, 0)


def test_that_routings_of_some_images_add_up_to_that_of_all():
    later = X[:, ::-1, ::-1] + 1
    both = route(MaxPool2D(), np.concatenate([X, later]), np.concatenate([DY, 2 * DY]), np.concatenate([later, later]))
    assert route(MaxPool2D(), X, DY, later) + route(MaxPool2D(), later, 2 * DY, later) == both
    assert (both.images, both.changed["first"]) == (2, 4)
    assert (route(MaxPool2D(), X, DY, later) + route(MaxPool2D(), later, DY)).changed is None


@pytest.mark.parametrize("own", TIES)
@pytest.mark.parametrize(
    ("ties", "handed", "conserved"),
    [("first", Flow(-3.25, 2.5), True), ("split", Flow(-3.25, 2.5), True), ("all", Flow(-4.0, 6.0), False)],
)
def test_that_each_tie_policy_hands_out_what_its_windows_do(own, ties, handed, conserved):
    routing = route(MaxPool2D(ties=own), X, DY)
    assert routing.arriving == Flow(-3.25, 2.5)
    assert routing.handed_out[ties] == handed
    assert routing.collected[ties] == handed.total
    assert routing.is_conserved(ties) is conserved
    assert routing.ratio(ties) == handed.magnitude / 5.75


def test_that_what_overlapping_windows_hand_out_is_not_cancelled_by_their_neighbours():
    x = np.zeros((1, 3, 3, 1), np.float32)
    x[0, 1, 1] = 1  # wins all four windows
    dy = np.array([[1.0, -1.0], [2.0, -2.0]], np.float32)[np.newaxis, ..., np.newaxis]
    routing = route(MaxPool2D(2, 1), x, dy)
    assert (routing.ratio("first"), routing.collected["first"]) == (1.0, 0.0)
    assert routing.is_conserved("first")


def test_that_sums_that_differ_by_more_than_rounding_are_not_conserved():
    routing = route(MaxPool2D(), X, DY)
    assert not replace(routing, collected={"first": routing.arriving.total * 1.0001}).is_conserved("first")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_that_gradients_or_values_that_are_not_finite_are_never_conserved(bad):
    for ties in TIES:
        assert not route(MaxPool2D(), X, np.full_like(DY, bad)).is_conserved(ties)
    route(MaxPool2D(), np.full_like(X, bad), DY, X)


def test_that_windows_with_other_winners_than_earlier_are_counted():
    later = X.copy()
    later[0, 0, 2] = 9  # window (0, 1): another cell wins
    later[0, 0, 1] = 7  # window (0, 0): its first winner wins alone
    assert route(MaxPool2D(), later, DY, X).changed == {"first": 1, "all": 2, "split": 2}
    assert route(MaxPool2D(), X, DY, X).changed == dict.fromkeys(TIES, 0)
    assert route(MaxPool2D(), X, DY).changed is None


@pytest.mark.parametrize("preset", ["zhou", "escontrela", "keras"])
def test_that_the_batch_is_routed_as_the_network_does_with_its_mean_cost(make_snapshot, preset):
    snapshot = with_batch(make_snapshot(preset), IMAGES_AT_A_TIME + 3)
    images, labels, _ = snapshot.batch
    network, parameters = snapshot.network, snapshot.parameters
    forward = network.forward(snapshot.normalization.apply(images), parameters)
    gradients = Parameters.zeros(network.parameter_shapes)
    dlogits = softmax_cross_entropy(forward.logits, labels).gradient
    backward = network.backward(dlogits, forward, parameters, gradients)
    names = list(network.layers)
    before = names[names.index("pool1") - 1]
    routing = whole(snapshot)
    assert (routing.images, routing.channels) == (len(labels), forward.outputs["pool1"].shape[3])
    assert routing.windows == forward.outputs["pool1"].size
    assert routing.arriving.total == pytest.approx(backward.outputs["pool1"].sum(dtype=float), rel=1e-3, abs=1e-7)
    assert routing.collected["first"] == pytest.approx(backward.outputs[before].sum(dtype=float), rel=1e-3, abs=1e-7)
    assert 0 < routing.tied < routing.windows
    assert [routing.is_conserved(ties) for ties in ("first", "split", "all")] == [True, True, False]


def test_that_the_batch_grows_a_few_images_at_a_time(make_snapshot):
    snapshot = with_batch(make_snapshot("zhou"), 2 * IMAGES_AT_A_TIME + 3)
    counts = [routing.images for routing in route_batch(snapshot, "pool1")]
    assert counts == [IMAGES_AT_A_TIME, 2 * IMAGES_AT_A_TIME, 2 * IMAGES_AT_A_TIME + 3]


def test_that_new_winners_of_a_batch_are_those_of_its_own_images(make_snapshot):
    earlier, now = (with_batch(make_snapshot("escontrela", steps), 20) for steps in (2, 4))
    assert whole(now, now).changed == dict.fromkeys(TIES, 0)
    expected = 0
    for image in now.batch.images:
        before, after = (pooled_of_image(each, "pool1", image)[np.newaxis] for each in (earlier, now))
        expected += route(MaxPool2D(), after, np.zeros((1, 10, 10, 8), np.float32), before).changed["first"]
    changed = whole(now, replace(earlier, batch=with_batch(now, 3).batch)).changed["first"]
    assert changed == pytest.approx(expected, abs=0.01 * expected)  # sums of other order may break a tie otherwise
    assert changed > 0


@pytest.mark.parametrize("preset", ["zhou", "escontrela", "keras"])
def test_that_an_image_of_the_batch_passes_with_its_share_of_the_mean_cost(make_snapshot, preset):
    snapshot = with_batch(make_snapshot(preset), 4)
    image, label = snapshot.batch.images[2], int(snapshot.batch.labels[2])
    alone = Passage.of(
        trace(snapshot.network, snapshot.parameters, Probe(image, label, ""), snapshot.normalization), "pool1"
    )
    shared = passage_in_batch(snapshot, "pool1", 2)
    np.testing.assert_array_equal(shared.before, alone.before)
    np.testing.assert_array_equal(shared.maxima, alone.maxima)
    np.testing.assert_allclose(4 * shared.arriving, alone.arriving, rtol=1e-3, atol=1e-9)
    np.testing.assert_allclose(4 * shared.handed_back, alone.handed_back, rtol=1e-3, atol=1e-9)


def test_that_what_is_pooled_of_an_image_is_what_the_network_makes_of_it(make_snapshot):
    snapshot = make_snapshot("escontrela")
    probe = snapshot.trace.probe.image
    assert pooled_of_image(snapshot, "pool1", probe) is snapshot.trace.outputs["relu2"]
    other = 255 - probe
    forward = snapshot.network.forward(snapshot.normalization.apply(other[np.newaxis]), snapshot.parameters)
    np.testing.assert_array_equal(pooled_of_image(snapshot, "pool1", other), forward.outputs["relu2"][0])


def test_that_a_diverged_network_is_routed_without_a_warning(make_snapshot):
    snapshot = with_batch(make_snapshot("escontrela"), 3)
    wild = Parameters(snapshot.parameters.shapes, np.full_like(snapshot.parameters.vector, 1e30))
    diverged = replace(snapshot, parameters=wild)
    assert not whole(diverged, snapshot).is_conserved("first")
    passage_in_batch(diverged, "pool1", 0)
