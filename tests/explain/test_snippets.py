import contextlib
import io
import os
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from cnnviz.explain.places import INPUT, Cell, Probability, Weight, gradients_of, value_at, values_of
from cnnviz.explain.snippets import FILE, has, snippet
from cnnviz.explain.what_if import what_if
from cnnviz.formats import SavedParameters, write_parameters
from cnnviz.nn import Conv2D, Dense, Dropout, Flatten, MaxPool2D, Network, ReLU
from cnnviz.training.presets import PRESETS
from cnnviz.training.snapshot import Probe, trace

ROUNDING = 2e-5  # of the largest number of the array


def export(snapshot, folder):
    """Write the parameters as File > Export parameters does."""
    facts = snapshot.config.for_file(snapshot.step, snapshot.history.learning_rates)
    write_parameters(folder / FILE, SavedParameters(parameters=snapshot.parameters.flat(), **facts))


def run(text, folder):
    """Run a snippet beside the parameters in ``folder``, and return its result and what it printed."""
    namespace = {}
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(text, "snippet", "exec"), namespace)
    return namespace["result"], printed.getvalue()


def expected(snapshot, place, quantity):
    """Return the engine's array in which ``place`` is a number, and where."""
    values = (values_of if quantity == "value" else gradients_of)(snapshot, place)
    return values, (place.digit,) if isinstance(place, Probability) else place.index


def assert_reproduced(snapshot, place, quantity, folder):
    values, index = expected(snapshot, place, quantity)
    result, printed = run(snippet(snapshot, place, quantity), folder)
    assert result == pytest.approx(values[index], abs=ROUNDING * float(np.abs(values).max())), f"{quantity} of {place}"
    assert float(printed) == result


def random_places(snapshot, rng, count):
    """Return ``count`` random places in each array that there is."""
    arrays = {(INPUT,): snapshot.trace.inputs} | {(name,): y for name, y in snapshot.trace.outputs.items()}
    arrays |= {(layer, name): w for layer, tensors in snapshot.parameters.items() for name, w in tensors.items()}
    for names, array in arrays.items():
        for _ in range(count):
            index = tuple(int(rng.integers(n)) for n in array.shape)
            yield (Cell if len(names) == 1 else Weight)(*names, index)
    yield from (Probability(int(digit)) for digit in rng.integers(0, 10, count))


@pytest.mark.parametrize("preset", PRESETS)
def test_that_the_snippet_of_any_number_gives_that_number(make_snapshot, tmp_path, preset):
    snapshot = make_snapshot(preset)
    export(snapshot, tmp_path)
    for place in random_places(snapshot, np.random.default_rng(3), 2):
        for quantity in ("value", "gradient"):
            if has(place, quantity):
                assert_reproduced(snapshot, place, quantity, tmp_path)


def test_that_a_snippet_runs_in_a_python_that_knows_numpy_and_nothing_of_this_program(make_snapshot, tmp_path):
    snapshot, place = make_snapshot("escontrela"), Weight("conv1", "weight", (3, 0, 1, 2))
    export(snapshot, tmp_path)
    text = f"import sys; sys.modules['cnnviz'] = None\n{snippet(snapshot, place, 'gradient')}"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-I", "-c", text], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    values, index = expected(snapshot, place, "gradient")
    assert float(done.stdout) == pytest.approx(values[index], abs=ROUNDING * float(np.abs(values).max()))


@pytest.mark.parametrize(
    ("place", "quantity", "shape"),
    [
        (Cell("conv2", (4, 5, 6)), "value", (20, 20)),
        (Cell("pool1", (4, 5, 6)), "gradient", (10, 10)),
        (Cell("relu1", (4, 5, 6)), "gradient", (24, 24)),
        (Cell("dense1", (7,)), "value", (128,)),
        (Cell(INPUT, (4, 5, 0)), "gradient", (28, 28)),
        (Weight("conv2", "weight", (1, 2, 3, 4)), "value", (5, 5)),
        (Weight("conv2", "weight", (1, 2, 3, 4)), "gradient", (5, 5)),
        (Weight("dense2", "weight", (1, 2)), "gradient", (128,)),
        (Weight("conv2", "bias", (1,)), "gradient", (8,)),
        (Probability(3), "value", (10,)),
    ],
    ids=str,
)
def test_that_the_snippet_of_a_tile_gives_all_of_it(make_snapshot, tmp_path, place, quantity, shape):
    snapshot = make_snapshot("escontrela")
    export(snapshot, tmp_path)
    result, printed = run(snippet(snapshot, place, quantity, whole=True), tmp_path)
    values, index = expected(snapshot, place, quantity)
    assert result.shape == shape
    rest = {4: index[:2], 3: (slice(None), slice(None), index[-1]), 2: index[:1], 1: ()}[values.ndim]
    np.testing.assert_allclose(result, values[rest], atol=ROUNDING * np.abs(values).max())
    told = [
        float(part) for part in re.findall(r"# (\S+) and (\S+) in cnnviz", snippet(snapshot, place, quantity, True))[0]
    ]
    assert told == [values[rest].min(), values[rest].max()]
    assert [float(part) for part in printed.split("\n")[-2].split()] == pytest.approx(told, rel=1e-3, abs=1e-6)


# What no preset has: borders, strides, other windows, and each way of ties.
OTHERS = {
    "same": {"conv": Conv2D(3, (5, 2), stride=2, padding="same"), "pool": MaxPool2D(3, 2, "split")},
    "stride": {"conv": Conv2D(2, (3, 4), stride=3, bias=False), "relu": ReLU(), "pool": MaxPool2D(2, 1, "all")},
    "even": {"a": Conv2D(2, 4, padding="same"), "b": Conv2D(3, 3, padding="same"), "pool": MaxPool2D(3, 3, "first")},
    "deep": {"pool": MaxPool2D(3, 1, "split"), "drop": Dropout(0.5), "conv": Conv2D(2, 3, padding="same")},
}


def as_network(name):
    return Network(name, OTHERS[name] | {"flat": Flatten(), "dense": Dense(10, bias=name != "stride")})


def of_network(snapshot, network, image):
    """Return ``snapshot`` as it would be with another network, of random parameters, and another image."""
    parameters = network.initialize(np.random.default_rng(1))
    seen = trace(network, parameters, Probe(image, 4, "drawing"), snapshot.normalization)
    return replace(snapshot, network=network, parameters=parameters, trace=seen)


@pytest.mark.parametrize("name", OTHERS)
def test_that_layers_are_written_out_with_all_their_options(make_snapshot, tmp_path, name):
    image = 100 * np.random.default_rng(0).integers(
        0, 3, (28, 28), np.uint8
    )  # so few levels that many windows are tied
    snapshot = of_network(make_snapshot("zhou", 0), as_network(name), image)
    np.savez(tmp_path / FILE, **snapshot.parameters.flat())
    for place in random_places(snapshot, np.random.default_rng(4), 3):
        for quantity in ("value", "gradient"):
            if has(place, quantity):
                assert_reproduced(snapshot, place, quantity, tmp_path)


@pytest.mark.parametrize("preset", ["zhou", "zhou-published", "escontrela", "keras"])
def test_that_a_plain_background_where_rounding_picks_the_maximum_is_reproduced_all_the_same(
    make_snapshot, tmp_path, preset
):
    before = make_snapshot(preset)
    image = np.zeros((28, 28), np.uint8)
    image[8:20, 10:18] = np.random.default_rng(0).integers(0, 256, (12, 8), np.uint8)
    snapshot = replace(
        before,
        trace=trace(before.network, before.parameters, Probe(image, 7, "drawing"), before.normalization),
    )
    export(snapshot, tmp_path)
    first, *_ = snapshot.trace.outputs
    for layer in (INPUT, first):
        values = gradients_of(snapshot, Cell(layer, (0, 0, 0)))
        for channel in range(min(values.shape[2], 8)):
            result, _ = run(snippet(snapshot, Cell(layer, (0, 0, channel)), "gradient", whole=True), tmp_path)
            np.testing.assert_allclose(result, values[:, :, channel], atol=ROUNDING * np.abs(values).max())
    for filter_ in range(8):
        assert_reproduced(snapshot, Weight(first, "weight", (filter_, 0, 1, 1)), "gradient", tmp_path)


def test_that_cells_that_only_rounding_tells_apart_are_settled_as_the_engine_found_them_and_only_where_needed(
    make_snapshot, tmp_path
):
    before = make_snapshot("zhou")
    cache = before.trace.caches["pool1"]
    x = cache.x.copy()
    x[0, 4:6, 6:8, 5] = [[2.0, 2.0], [np.nextafter(np.float32(2), np.float32(3)), 1.0]]
    caches = before.trace.caches | {"pool1": cache._replace(x=x, y=_pooled(x))}
    snapshot = replace(before, trace=replace(before.trace, caches=caches))
    inside, beside = (snippet(snapshot, Cell("conv1", place), "gradient") for place in ((5, 7, 5), (5, 8, 5)))
    assert "(2, 3, 5, [2])," in inside
    assert "rounding" not in beside


def _pooled(x):
    return np.maximum.reduce([x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)])


def test_that_only_what_the_number_needs_is_written(make_snapshot):
    snapshot = make_snapshot("escontrela")
    weight = snippet(snapshot, Weight("conv1", "weight", (3, 0, 1, 2)))
    assert "image" not in weight
    assert 'parameters["conv1/weight"][3, 0, 1, 2]' in weight
    pixel = snippet(snapshot, Cell(INPUT, (3, 4, 0)))
    assert "np.load" not in pixel
    early = snippet(snapshot, Cell("relu1", (3, 4, 5)))
    assert "conv1 =" in early
    assert "conv2" not in early
    assert "cost" not in early
    late = snippet(snapshot, Weight("dense2", "bias", (3,)), "gradient")
    assert "relu3_gradient" not in late


def test_that_a_snippet_says_whose_number_it_is_and_what_it_needs(make_snapshot):
    text = snippet(make_snapshot("escontrela"), Weight("conv1", "weight", (3, 0, 1, 2)), "gradient")
    first, second, third, fourth, *_ = text.split("\n")
    place = "gradient of the cost by conv1, filter 3, channel 0, (1, 2)"
    assert first == f"# cnnviz, preset escontrela, after step 3: {place}"
    assert second.startswith("# Probe: test digit 0, which shows ")
    assert FILE in third
    assert "Ctrl+E" in third
    assert "one image" in fourth


def test_that_what_is_nudged_is_set_by_hand(make_snapshot, tmp_path):
    before = make_snapshot("escontrela")
    export(before, tmp_path)
    place = Cell("conv1", (9, 9, 3))
    weight, pixel = Weight("conv1", "weight", (3, 0, 1, 2)), Cell(INPUT, (10, 11, 0))
    for nudged in (weight, pixel):
        snapshot = what_if(before, nudged, value_at(before, nudged) + 1)
        value = value_at(snapshot, place)
        assert abs(value - value_at(before, place)) > 0.01
        assert run(snippet(snapshot, place), tmp_path)[0] == pytest.approx(value, rel=1e-4)


def test_that_a_probability_has_no_gradient_and_says_what_has(make_snapshot):
    with pytest.raises(ValueError, match="logits"):
        snippet(make_snapshot("zhou"), Probability(3), "gradient")


def test_that_snippets_of_a_network_that_diverged_are_written_without_a_warning(make_snapshot):
    before = make_snapshot("escontrela")
    parameters = before.parameters.copy()
    parameters.vector[:] *= np.float32(1e30)
    seen = trace(before.network, parameters, before.trace.probe, before.normalization)
    snapshot = replace(before, parameters=parameters, trace=seen)
    assert not np.isfinite(seen.outputs["dense2"]).all()
    for place in random_places(snapshot, np.random.default_rng(5), 1):
        for quantity in ("value", "gradient"):
            if has(place, quantity):
                compile(snippet(snapshot, place, quantity), "snippet", "exec")
