"""Every number is what its terms make it, forwards and backwards, in every layer and every preset."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from cnnviz.data.preprocessing import Normalization
from cnnviz.explain.backwards import backward_terms, terms_of
from cnnviz.explain.forwards import cost_terms, forward_terms
from cnnviz.explain.places import INPUT, Cell, Place, Probability, Weight, exists, gradient_at, value_at
from cnnviz.explain.terms import Factor, Operation, Terms
from cnnviz.nn import LAYERS, Conv2D, Dense, Dropout, Flatten, MaxPool2D, Network, ReLU, softmax_cross_entropy
from cnnviz.nn.layers.maxpool2d import TIES
from cnnviz.training.snapshot import Snapshot, trace

PLACES = 6  # of each array
ROUNDINGS = 8  # a float32 sum may be wrong by so many units of the last place of what is added up
SMALL_STEP, CLOSE = 1e-5, 1e-7  # of central differences in float64


class Fine(Normalization):
    """Gives the network float64."""

    def apply(self, images: np.ndarray) -> np.ndarray:
        return super().apply(images, np.float64)


def unusual(ties: str) -> Network:
    """Return a network with all that no preset has: strides, borders of zeros, windows that overlap or leave cells."""
    layers = {
        "conv1": Conv2D(3, (2, 3), stride=2, padding="same"),
        "relu1": ReLU(),
        "pool1": MaxPool2D(3, 2, ties),
        "conv2": Conv2D(4, 3, padding="same", bias=False),
        "pool2": MaxPool2D(2, 2, ties),
        "drop1": Dropout(0.5),
        "flatten": Flatten(),
        "dense1": Dense(7, bias=False),
        "relu2": ReLU(),
        "dense2": Dense(10),
    }
    return Network(f"unusual-{ties}", layers, (13, 16, 1))


def seen_through(network: Network, like: Snapshot, normalization: Normalization, dtype: type) -> Snapshot:
    """Return a snapshot of an untrained ``network`` whose biases are not zero; its probe has ties in it."""
    rng = np.random.default_rng(4)
    parameters = network.initialize(rng, dtype)
    for array in parameters.flat().values():
        if array.ndim == 1:
            array[...] = rng.standard_normal(array.shape)
    height, width, _ = network.input_shape
    image = rng.integers(0, 4, (height, width)).astype(np.uint8) * 60
    probe = replace(like.trace.probe, image=image, label=3)
    traced = trace(network, parameters, probe, normalization)
    return replace(like, network=network, parameters=parameters, trace=traced)


@pytest.fixture(params=["zhou", "escontrela", "keras", "zhou-published", *TIES])
def snapshot(request: pytest.FixtureRequest, make_snapshot: Callable[..., Snapshot]) -> Snapshot:
    if request.param in TIES:
        like = make_snapshot("zhou", 0)
        return seen_through(unusual(request.param), like, like.normalization, np.float32)
    return make_snapshot(request.param, 1)


def some_of(shape: tuple[int, ...], rng: np.random.Generator) -> Iterator[tuple[int, ...]]:
    """Yield both corners and some random indices."""
    yield (0,) * len(shape)
    yield tuple(n - 1 for n in shape)
    for _ in range(PLACES):
        yield tuple(int(rng.integers(n)) for n in shape)


def cells(snapshot: Snapshot) -> Iterator[Cell]:
    rng = np.random.default_rng(1)
    for name, shape in {INPUT: snapshot.network.input_shape, **snapshot.network.output_shapes}.items():
        yield from (Cell(name, index) for index in some_of(shape, rng))


def weights(snapshot: Snapshot) -> Iterator[Weight]:
    rng = np.random.default_rng(2)
    for layer, tensors in snapshot.network.parameter_shapes.items():
        for name, shape in tensors.items():
            yield from (Weight(layer, name, index) for index in some_of(shape, rng))


def assert_adds_up(terms: Terms) -> None:
    magnitude = np.abs(terms.products).sum() + abs(terms.constant_value)
    rounding = ROUNDINGS * np.finfo(np.float32).eps * max(magnitude, abs(terms.value))
    assert abs(terms.total - terms.value) <= rounding, terms


def assert_factors_are_where_they_say(snapshot: Snapshot, factor: Factor, back: bool) -> None:
    """Compare the factor with the snapshot, place by place; gradients carry the place that they are by."""
    for index in np.ndindex(factor.values.shape):
        if (place := factor.place(index)) is not None:
            assert exists(snapshot, place), place
            look_up = gradient_at if factor.name.startswith("gradient by") else value_at
            assert look_up(snapshot, place) == factor.values[index], (place, back)


def test_that_every_layer_takes_part_here(make_snapshot):
    layers = {type(layer) for ties in TIES for layer in unusual(ties).layers.values()}
    assert layers == set(LAYERS)


def test_that_the_terms_of_every_activation_add_up_to_the_engines_number(snapshot):
    for place in [*cells(snapshot), *map(Probability, range(10))]:
        terms = forward_terms(snapshot, place)
        assert terms.value == value_at(snapshot, place)
        assert_adds_up(terms)


def test_that_the_terms_of_every_cells_gradient_add_up_to_the_engines_number(snapshot):
    for place in cells(snapshot):
        terms = backward_terms(snapshot, place)
        assert terms.value == gradient_at(snapshot, place)
        assert_adds_up(terms)


def test_that_the_terms_of_every_weights_gradient_add_up_to_the_engines_number(snapshot):
    for place in weights(snapshot):
        terms = backward_terms(snapshot, place)
        assert terms.value == gradient_at(snapshot, place)
        assert_adds_up(terms)


@pytest.mark.parametrize("back", [False, True])
def test_that_each_factor_is_the_number_at_its_place(snapshot, back):
    for place in [*cells(snapshot), *list(weights(snapshot))[::3], Probability(2)]:
        terms = terms_of(snapshot, place, back)
        extra = [factor for factor in (terms.constant, terms.goes_to) if factor is not None]
        big = terms.products.size > 2000
        for factor in extra if big else (*terms.factors, *extra):
            assert_factors_are_where_they_say(snapshot, factor, back)


def test_that_all_factors_of_a_number_have_one_shape(snapshot):
    for place in [*cells(snapshot), *weights(snapshot), Probability(0)]:
        for back in (False, True):
            assert len({factor.values.shape for factor in terms_of(snapshot, place, back).factors}) == 1


def test_that_the_cost_is_what_the_logits_make_it(snapshot):
    terms = cost_terms(snapshot)
    assert terms.value == snapshot.trace.loss
    assert terms.total == pytest.approx(terms.value, rel=1e-6, abs=1e-6)
    assert terms.total == pytest.approx(
        -np.log(snapshot.trace.probabilities[snapshot.trace.target]), rel=1e-5, abs=1e-6
    )


def test_that_what_a_weight_is_used_for_makes_up_the_outputs_that_it_goes_to(snapshot):
    """The products of all weights of a filter, and the bias, add up to that filter's map."""
    name = "conv1"
    shape = snapshot.network.parameter_shapes[name]["weight"]
    every = [forward_terms(snapshot, Weight(name, "weight", (1, *index))) for index in np.ndindex(shape[1:])]
    if "bias" in snapshot.network.parameter_shapes[name]:
        every.append(forward_terms(snapshot, Weight(name, "bias", (1,))))
    assert all(terms.operation is Operation.EACH for terms in every)
    total = sum(terms.products for terms in every)
    np.testing.assert_allclose(total, every[0].goes_to.values, rtol=1e-4, atol=1e-5)
    assert every[0].goes_to.place((2, 1)) == Cell(name, (2, 1, 1))


def test_that_a_dense_weight_is_one_of_the_terms_of_its_unit(make_snapshot):
    snapshot = make_snapshot("escontrela")
    uses = forward_terms(snapshot, Weight("dense1", "weight", (5, 640)))
    unit = forward_terms(snapshot, Cell("dense1", (5,)))
    assert uses.products.item() == unit.products[640]
    assert uses.goes_to.place((0, 0, 0)) == unit.place


def test_that_zeros_of_the_border_have_no_place(make_snapshot):
    like = make_snapshot("zhou", 0)
    snapshot = seen_through(unusual("first"), like, like.normalization, np.float32)
    patch = forward_terms(snapshot, Cell("conv2", (0, 0, 2))).factors[0]
    assert patch.place((0, 0, 0)) is None
    assert patch.values[0, 0].tolist() == [0, 0, 0]
    assert patch.place((2, 1, 1)) == Cell("pool1", (0, 0, 2))
    met = backward_terms(snapshot, Weight("conv2", "weight", (0, 1, 0, 0))).factors[1]
    assert met.place((0, 0)) is None
    assert met.place((1, 1)) == Cell("pool1", (0, 0, 1))


def test_that_relu_shows_where_a_sum_goes_and_nothing_else_does(make_snapshot):
    snapshot = make_snapshot("escontrela")
    followed = forward_terms(snapshot, Cell("conv2", (3, 4, 5))).goes_to
    assert followed.place((0, 0, 0)) == Cell("relu2", (3, 4, 5))
    assert followed.values.item() == snapshot.trace.outputs["relu2"][3, 4, 5]
    assert forward_terms(snapshot, Cell("relu2", (3, 4, 5))).goes_to is None
    assert forward_terms(snapshot, Cell("dense2", (4,))).goes_to is None


@pytest.mark.parametrize("ties", TIES)
def test_that_gradients_are_those_of_finite_differences(make_snapshot, ties):
    """A witness from outside: the cost of the network itself, run on from a number that was changed a little.

    The policy "all" hands out more than came in, so that its gradients are no derivatives.
    """
    network = unusual(ties)
    if ties == "all":
        network = Network("smooth", {**network.layers, "pool1": MaxPool2D(1, 1), "pool2": MaxPool2D(1, 2)}, (13, 16, 1))
    snapshot = seen_through(network, make_snapshot("zhou", 0), Fine(33.3, 78.0), np.float64)
    rng = np.random.default_rng(3)
    snapshot = replace(snapshot, trace=_without_ties(snapshot, rng))
    for place in [*cells(snapshot), *weights(snapshot)]:
        terms = backward_terms(snapshot, place)
        assert terms.total == pytest.approx(_difference(snapshot, place), rel=CLOSE, abs=CLOSE), place
        assert terms.total == pytest.approx(terms.value, rel=1e-12, abs=1e-15)


def _without_ties(snapshot: Snapshot, rng: np.random.Generator):
    image = rng.uniform(0, 255, snapshot.network.input_shape[:2])
    probe = replace(snapshot.trace.probe, image=image)
    return trace(snapshot.network, snapshot.parameters, probe, Fine(33.3, 78.0))


def _difference(snapshot: Snapshot, place: Place) -> float:
    """Return the central difference of the cost by the number at ``place``."""
    traced, network = snapshot.trace, snapshot.network
    costs = []
    for step in (SMALL_STEP, -SMALL_STEP):
        parameters = snapshot.parameters.copy()
        names = list(network.layers)
        if isinstance(place, Weight):
            parameters[place.layer][place.name][place.index] += step
            x = traced.inputs.copy()
        else:
            x = (traced.inputs if place.layer == INPUT else traced.outputs[place.layer]).copy()
            x[place.index] += step
            names = names[([INPUT, *names].index(place.layer)) :]
        y = x[np.newaxis]
        for name in names:
            y, _ = network.layers[name].forward(y, parameters.get(name, {}))
        costs.append(softmax_cross_entropy(y, np.array([traced.target])).mean)
    return (costs[0] - costs[1]) / (2 * SMALL_STEP)


def test_that_a_diverged_network_is_told_of_without_a_warning(make_snapshot):
    like = make_snapshot("escontrela")
    for poison in (np.nan, np.inf, 1e38):
        parameters = like.parameters.copy()
        for array in parameters.flat().values():
            array[...] = poison
        traced = trace(like.network, parameters, like.trace.probe, like.normalization)
        snapshot = replace(like, parameters=parameters, trace=traced)
        for place in [*cells(snapshot), *weights(snapshot), Probability(3)]:
            for back in (False, True):
                terms = terms_of(snapshot, place, back)
                assert terms.products.shape == terms.factors[0].values.shape
                assert isinstance(terms.total, float)
        assert isinstance(cost_terms(snapshot).total, float)


def test_that_the_sentence_about_a_maximum_says_which_cell_holds_it(make_snapshot):
    snapshot = make_snapshot("zhou")
    place = Cell("pool1", (3, 4, 5))
    window = snapshot.trace.outputs["conv1"][6:8, 8:10, 5]
    row, column = np.unravel_index(window.argmax(), (2, 2))
    sentence = forward_terms(snapshot, place).sentence
    assert sentence == f"the largest of 4 in its window: ({6 + row}, {8 + column})"


def test_that_the_sentence_about_a_maximum_tells_of_ties(make_snapshot):
    like = make_snapshot("zhou")
    probe = replace(like.trace.probe, image=np.zeros((28, 28), np.uint8))
    plain = replace(like, trace=trace(like.network, like.parameters, probe, like.normalization))
    assert forward_terms(plain, Cell("pool1", (3, 4, 5))).sentence.endswith("4 of them are tied")
