from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from cnnviz.nn import Conv2D, Network, Parameters, softmax_cross_entropy
from cnnviz.nn.gradient_check import relative_error
from cnnviz.training.snapshot import Probe, Snapshot, Trace, trace

PRESETS = ["zhou", "escontrela"]


@pytest.fixture(params=PRESETS)
def trainer(request, make_trainer, take_steps):
    """Return a trainer that has gone a few steps."""
    trainer = make_trainer(request.param, batch_size=8)
    take_steps(trainer, 3)
    return trainer


def arrays(value: Any) -> Iterator[np.ndarray]:
    """Return every array within the caches of a trace."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from arrays(part)


def all_arrays(snapshot: Snapshot) -> list[np.ndarray]:
    seen = snapshot.trace
    return [
        snapshot.parameters.vector,
        *(values for tensors in snapshot.parameters.values() for values in tensors.values()),
        snapshot.gradients.vector,
        snapshot.history.losses,
        snapshot.history.accuracies,
        seen.probe.image,
        seen.probabilities,
        seen.inputs,
        *seen.outputs.values(),
        *seen.output_gradients.values(),
        seen.input_gradient,
        *(array for cache in seen.caches.values() for array in arrays(cache)),
    ]


def test_that_every_array_of_a_snapshot_refuses_writing(trainer):
    for array in all_arrays(trainer.snapshot(trainer.test_probe(0))):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_that_the_owner_of_a_probe_may_go_on_writing_to_its_image(trainer):
    image = np.zeros((28, 28), np.uint8)
    trainer.snapshot(Probe(image, None, "drawing"))
    image[0, 0] = 1


def test_that_a_snapshot_is_not_changed_by_later_steps(trainer, take_steps):
    snapshot = trainer.snapshot(trainer.training_probe())
    before = [array.copy() for array in all_arrays(snapshot)]
    numbers = (snapshot.step, snapshot.epoch, snapshot.step_in_epoch, snapshot.epochs, snapshot.learning_rate)
    trainer.learning_rate = 0.5
    trainer.epochs = 9
    take_steps(trainer, 8)
    trainer.snapshot(trainer.test_probe(1))
    assert all(np.array_equal(a, b) for a, b in zip(all_arrays(snapshot), before, strict=True))
    assert (snapshot.step, snapshot.epoch, snapshot.step_in_epoch, snapshot.epochs, snapshot.learning_rate) == numbers
    assert snapshot.history.learning_rates == ((0, numbers[-1]),)
    assert snapshot.history.tests == ()


def test_that_taking_snapshots_leaves_the_run_as_it_was(make_trainer):
    watched, alone = make_trainer("escontrela", batch_size=8), make_trainer("escontrela", batch_size=8)
    for index, _ in enumerate(watched.events()):
        watched.snapshot(watched.test_probe(index))
        watched.snapshot(watched.training_probe())
    for _ in alone.events():
        pass
    assert watched.parameters.vector.tobytes() == alone.parameters.vector.tobytes()


def test_that_a_snapshot_tells_where_the_run_is(make_trainer, take_steps):
    trainer = make_trainer(batch_size=16, lr=0.2, schedule="linear")
    fresh = trainer.snapshot(trainer.test_probe(0))
    assert (fresh.step, fresh.epoch, fresh.step_in_epoch, fresh.gradients) == (0, 0, 0, None)
    take_steps(trainer, 4)
    snapshot = trainer.snapshot(trainer.test_probe(0))
    place = (snapshot.step, snapshot.epoch, snapshot.step_in_epoch, snapshot.steps_per_epoch, snapshot.epochs)
    assert place == (4, 1, 1, 3, 2)
    assert snapshot.learning_rate == pytest.approx(0.2 / 3)
    assert len(snapshot.history.losses) == 4
    assert np.array_equal(snapshot.parameters.vector, trainer.parameters.vector)


# The trace


def double_precision(snapshot: Snapshot, probe: Probe) -> tuple[Network, Parameters, Trace]:
    """Trace ``probe`` by the same parameters, reckoned in float64."""
    parameters = snapshot.parameters.copy(np.float64)
    return snapshot.network, parameters, trace(snapshot.network, parameters, probe, snapshot.normalization)


def cost_from(network: Network, parameters: Parameters, layer: str | None, values: np.ndarray, target: int) -> float:
    """Return the cost when ``layer`` puts out ``values`` (None: the network is given them)."""
    names = list(network.layers)
    values = values[np.newaxis]
    for name in names[names.index(layer) + 1 if layer else 0 :]:
        values, _ = network.layers[name].forward(values, parameters.get(name, {}))
    return softmax_cross_entropy(values, np.array([target])).mean


def finite_difference(network, parameters, layer, values, target, cell, step=1e-5) -> float:
    costs = []
    for sign in (1, -1):
        nudged = values.astype(np.float64)
        nudged[cell] += sign * step
        costs.append(cost_from(network, parameters, layer, nudged, target))
    return (costs[0] - costs[1]) / (2 * step)


def strongest(gradient: np.ndarray, count: int = 3) -> list[tuple[int, ...]]:
    """Return the cells with the largest gradients."""
    cells = np.argsort(np.abs(gradient), axis=None)[-count:]
    return [tuple(int(i) for i in np.unravel_index(cell, gradient.shape)) for cell in cells]


def test_that_gradients_at_the_input_agree_with_finite_differences(trainer):
    probe = trainer.test_probe(3)
    network, parameters, seen = double_precision(trainer.snapshot(probe), probe)
    for cell in [*strongest(seen.input_gradient), (14, 14, 0), (0, 0, 0)]:
        expected = finite_difference(network, parameters, None, seen.inputs, seen.target, cell)
        assert seen.input_gradient[cell] == pytest.approx(expected, rel=1e-5, abs=2e-10)


def test_that_gradients_at_every_layers_output_agree_with_finite_differences(trainer):
    probe = trainer.test_probe(3)
    network, parameters, seen = double_precision(trainer.snapshot(probe), probe)
    assert list(seen.output_gradients) == list(seen.outputs) == list(network.layers)
    for layer, gradient in seen.output_gradients.items():
        assert gradient.shape == seen.outputs[layer].shape == network.output_shapes[layer]
        for cell in strongest(gradient):
            expected = finite_difference(network, parameters, layer, seen.outputs[layer], seen.target, cell)
            assert gradient[cell] == pytest.approx(expected, rel=1e-5, abs=2e-10), layer


def test_that_single_precision_is_good_for_four_digits_of_what_is_shown(trainer):
    probe = trainer.test_probe(3)
    snapshot = trainer.snapshot(probe)
    _, _, exact = double_precision(snapshot, probe)
    assert relative_error(snapshot.trace.input_gradient, exact.input_gradient) < 1e-4
    for layer, gradient in exact.output_gradients.items():
        assert relative_error(snapshot.trace.output_gradients[layer], gradient) < 1e-4, layer
        assert relative_error(snapshot.trace.outputs[layer], exact.outputs[layer]) < 1e-4, layer


def test_that_the_trace_is_of_the_normalised_probe(trainer):
    probe = trainer.test_probe(3)
    snapshot = trainer.snapshot(probe)
    assert snapshot.trace.probe.title == "test digit 3"
    assert np.array_equal(snapshot.trace.probe.image, probe.image)
    assert np.array_equal(snapshot.trace.inputs, snapshot.normalization.apply(probe.image[np.newaxis])[0])


def test_that_the_cost_of_a_labelled_probe_is_that_of_its_label(trainer):
    probe = trainer.test_probe(3)
    seen = trainer.snapshot(probe).trace
    assert seen.target == probe.label
    assert seen.probabilities.sum() == pytest.approx(1, abs=1e-6)
    assert seen.loss == pytest.approx(-np.log(seen.probabilities[probe.label]), rel=1e-5)


def test_that_the_cost_of_a_drawing_is_that_of_the_digit_it_is_taken_for(trainer):
    drawing = np.zeros((28, 28), np.float32)
    drawing[4:24, 12:16] = 255
    seen = trainer.snapshot(Probe(drawing, None, "drawing")).trace
    assert seen.target == seen.probabilities.argmax()
    assert seen.loss == pytest.approx(-np.log(seen.probabilities.max()), rel=1e-5)


def test_that_the_input_of_a_layer_is_what_the_layer_before_put_out(trainer):
    seen = trainer.snapshot(trainer.test_probe(0)).trace
    layers = list(seen.outputs)
    assert seen.input_of(layers[0]) is seen.inputs
    assert seen.gradient_into(layers[0]) is seen.input_gradient
    for before, layer in pairwise(layers):
        assert seen.input_of(layer) is seen.outputs[before]
        assert seen.gradient_into(layer) is seen.output_gradients[before]


def test_that_each_layers_output_follows_from_its_input(trainer):
    snapshot = trainer.snapshot(trainer.test_probe(0))
    for name, layer in snapshot.network.layers.items():
        output, _ = layer.forward(snapshot.trace.input_of(name)[np.newaxis], snapshot.parameters.get(name, {}))
        assert output[0] == pytest.approx(snapshot.trace.outputs[name], rel=1e-5, abs=1e-6), name


def test_that_the_cache_of_a_layer_leads_from_the_gradient_at_its_output_to_that_at_its_input(trainer):
    snapshot = trainer.snapshot(trainer.test_probe(0))
    seen = snapshot.trace
    for name, layer in snapshot.network.layers.items():
        dy = seen.output_gradients[name][np.newaxis]
        dx, _ = layer.backward(dy, seen.caches[name], snapshot.parameters.get(name, {}))
        assert relative_error(dx[0], seen.gradient_into(name)) < 1e-5, name


def test_that_a_probe_of_one_pixel_reaches_only_the_cells_that_look_at_it(trainer):
    """An independent witness of rows and columns: they are not swapped, nor shifted."""
    dark, lit = np.zeros((28, 28), np.uint8), np.zeros((28, 28), np.uint8)
    lit[10, 20] = 255
    difference = (
        trainer.snapshot(Probe(lit, 1, "lit")).trace.outputs["conv1"]
        - trainer.snapshot(Probe(dark, 1, "dark")).trace.outputs["conv1"]
    )
    conv = trainer.network.layers["conv1"]
    assert isinstance(conv, Conv2D)
    rows, columns = np.nonzero(np.abs(difference).max(axis=2) > 1e-6)
    size = conv.kernel[0]
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (11 - size, 10, 21 - size, 20)


def test_that_a_trace_by_exploding_parameters_gives_no_warning(trainer):
    trainer.parameters.vector[...] = 1e18
    assert not np.isfinite(trainer.snapshot(trainer.test_probe(0)).trace.outputs["dense1"]).all()


def test_that_a_state_is_live_until_it_is_copied(trainer, take_steps):
    live = trainer.state(trainer.test_probe(0))
    copy = live.copy()
    before = copy.parameters.vector.copy(), copy.gradients.vector.copy()
    take_steps(trainer, 1)
    assert not np.array_equal(live.parameters.vector, before[0])
    assert np.array_equal(copy.parameters.vector, before[0])
    assert np.array_equal(copy.gradients.vector, before[1])
    assert copy.probe.title == "test digit 0"
