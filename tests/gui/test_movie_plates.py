from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from cnnviz.gui.movie_canvas import Plate, reading
from cnnviz.gui.movie_plates import View, facts_of, plates_of, view_at_first, views_of
from cnnviz.gui.tiles import Coloring, number
from cnnviz.nn import Parameters
from cnnviz.training.movie import Movie


@pytest.fixture
def show(make_movie: Callable) -> Callable[..., tuple[Movie, list[Plate]]]:
    """Return a function that returns a movie and the plates of the phase of a title."""

    def make(preset: str, title: str, view: str | None = None, **changes: object) -> tuple[Movie, list[Plate]]:
        movie, phases = make_movie(preset, **changes)
        views = {each.text: each for each in views_of(movie.network, phases[title])}
        return movie, plates_of(movie, phases[title], views.get(view))

    return make


def titles(plates: list[Plate]) -> list[str]:
    return [f"{plate.sign}{plate.title}" for plate in plates]


def test_that_every_phase_of_every_network_shows_plates_of_numbers(make_movie):
    for preset in ("zhou", "escontrela", "keras"):
        movie, phases = make_movie(preset)
        for phase in phases.values():
            for view in views_of(movie.network, phase)[-2:] or [None]:
                for plate in plates_of(movie, phase, view):
                    assert plate.values.ndim == 3
                    last = tuple(n - 1 for n in plate.values.shape)
                    assert reading(plate, *last).endswith(f": {number(float(plate.values[last]))}")


def test_that_the_batch_shows_all_its_images_and_the_one_that_is_followed(show):
    movie, (batch, x) = show("escontrela", "The batch", image=5)
    np.testing.assert_array_equal(batch.values, movie.record.batch.images)
    np.testing.assert_array_equal(x.values[0], movie.inputs[:, :, 0])
    assert (batch.coloring, batch.marked) == (Coloring.GREY, (5,))
    label = movie.record.batch.labels[3]
    assert reading(batch, 3, 2, 1) == f"image 3, the digit {label}, (2, 1): {movie.record.batch.images[3, 2, 1]}"


def test_that_a_layer_shows_its_input_and_its_output(show):
    movie, plates = show("escontrela", "conv2 forward")
    assert titles(plates) == ["x", "→y"]
    np.testing.assert_array_equal(plates[0].values[3], movie.outputs["relu1"][:, :, 3])
    np.testing.assert_array_equal(plates[1].values[7], movie.outputs["conv2"][:, :, 7])
    assert plates[1].subtitle == "conv2  8 @ 20×20"
    assert reading(plates[1], 7, 4, 5) == f"conv2, channel 7, (4, 5): {number(movie.outputs['conv2'][4, 5, 7])}"
    assert reading(plates[0], 3, 0, 1).startswith("relu1, channel 3, (0, 1): ")


def test_that_a_vector_is_told_by_its_units(show):
    movie, (_, y) = show("escontrela", "dense1 forward")
    assert y.values.shape == (1, 32, 4)
    assert reading(y, 0, 5, 2) == f"dense1, unit 22: {number(movie.outputs['dense1'][22])}"


def test_that_dropout_shows_what_it_multiplied_by_in_both_directions(show):
    movie, there = show("keras", "drop2 forward")
    _, back = show("keras", "drop2 back")
    assert (titles(there), titles(back)) == (["x", "·m", "→y"], ["∂L/∂y", "·m", "→∂L/∂x"])
    np.testing.assert_array_equal(there[1].values.ravel(), movie.factors["drop2"])
    np.testing.assert_array_equal(there[0].values * there[1].values, there[2].values)


def test_that_softmax_and_cost_show_a_number_for_each_digit_and_mark_the_right_one(show):
    movie, (z, shares, p) = show("escontrela", "Softmax", image=2)
    np.testing.assert_array_equal(z.values.ravel(), movie.outputs["dense2"])
    np.testing.assert_array_equal(shares.values.ravel(), movie.exponentials)
    np.testing.assert_array_equal(p.values.ravel(), movie.probabilities)
    assert shares.subtitle == f"sum {number(float(movie.exponentials.sum()))}"
    _, (_, gradient) = show("escontrela", "Cost", image=2)
    np.testing.assert_array_equal(gradient.values.ravel(), movie.output_gradients["dense2"])
    assert z.marked == gradient.marked == (0, movie.label, 0)
    assert reading(p, 0, 4, 0) == f"probability of 4: {number(movie.probabilities[4])}"


def test_that_the_way_back_through_a_layer_shows_the_gradient_at_its_output_and_at_its_input(show):
    movie, plates = show("escontrela", "conv2 back: its input")
    assert titles(plates) == ["∂L/∂y", "→∂L/∂x"]
    np.testing.assert_array_equal(plates[0].values[3], movie.output_gradients["conv2"][:, :, 3])
    np.testing.assert_array_equal(plates[1].values[3], movie.output_gradients["relu1"][:, :, 3])
    assert reading(plates[1], 3, 0, 1).startswith("gradient at relu1, channel 3, (0, 1): ")


def test_that_the_gradient_of_parameters_is_that_of_the_whole_batch(show):
    movie, plates = show("escontrela", "conv2 back: its parameters", "filter 6")
    assert titles(plates) == ["∂L/∂y", "·x", "→∂L/∂w"]
    np.testing.assert_array_equal(plates[2].values, movie.gradients["conv2"]["weight"][6])
    assert plates[2].subtitle == "sum over 8 images"
    expected = number(movie.gradients["conv2"]["weight"][6, 2, 4, 1])
    assert reading(plates[2], 2, 4, 1) == f"gradient by conv2, filter 6, channel 2, (4, 1): {expected}"


def test_that_the_gradient_of_biases_needs_no_input(show):
    movie, plates = show("escontrela", "conv2 back: its parameters", "biases")
    assert titles(plates) == ["∂L/∂y", "→∂L/∂b"]
    np.testing.assert_array_equal(plates[1].values.ravel(), movie.gradients["conv2"]["bias"])


def test_that_the_update_shows_before_gradient_after_and_difference(show):
    movie, plates = show("escontrela", "Update of conv1", "all filters")
    assert titles(plates) == ["before", "∂L/∂w", "→after", "difference"]
    for plate, parameters in zip(
        plates, (movie.record.parameters, movie.gradients, movie.after, movie.changes), strict=True
    ):
        np.testing.assert_array_equal(plate.values, parameters["conv1"]["weight"][:, 0])


def test_that_before_and_after_share_a_scale_and_all_differences_of_a_step_another(make_movie):
    movie, phases = make_movie("escontrela")
    scales = set()
    for title in ("Update of conv1", "Update of conv2", "Update of dense1", "Update of dense2"):
        for view in views_of(movie.network, phases[title]):
            before, _, after, change = plates_of(movie, phases[title], view)
            assert before.scale == after.scale
            scales.add(change.scale)
    assert len(scales) == 1
    assert scales.pop() >= np.abs(movie.changes.vector).max()


def test_that_the_scale_before_and_after_is_that_of_the_larger(make_movie):
    movie, phases = make_movie("escontrela")
    phase = phases["Update of conv2"]
    for factor in (0.01, 1, 100):
        scaled = replace(movie, after=Parameters(movie.network.parameter_shapes, factor * movie.after.vector))
        before, _, after, _ = plates_of(scaled, phase, views_of(movie.network, phase)[0])
        largest = max(np.abs(p["conv2"]["weight"]).max() for p in (movie.record.parameters, scaled.after))
        assert before.scale == after.scale >= largest


def test_that_a_unit_behind_maps_is_shown_as_weights_for_these_maps(show):
    movie, plates = show("escontrela", "Update of dense1", "unit 9")
    weights = movie.after["dense1"]["weight"]
    np.testing.assert_array_equal(plates[2].values, weights[9].reshape(8, 10, 10))
    assert reading(plates[2], 3, 4, 5) == (
        f"dense1, weight of input 345 for unit 9 after the step: {number(weights[9, 345])}"
    )


@pytest.mark.parametrize(
    ("preset", "layer", "first", "last", "count"),
    [
        ("zhou", "conv1", "all filters", "all filters", 1),
        ("zhou", "dense1", "unit 0", "biases", 11),
        ("escontrela", "conv2", "all filters", "biases", 10),
        ("keras", "conv1", "all filters", "biases", 2),
        ("keras", "conv2", "filter 0", "biases", 65),
    ],
)
def test_that_parameters_are_offered_in_parts_that_can_be_seen(make_movie, preset, layer, first, last, count):
    movie, phases = make_movie(preset)
    views = views_of(movie.network, phases[f"Update of {layer}"])
    assert (views[0].text, views[-1].text, len(views)) == (first, last, count)
    assert views == views_of(movie.network, phases[f"{layer} back: its parameters"])
    assert views_of(movie.network, phases[f"{layer} forward"]) == []


def test_that_the_part_with_the_largest_gradient_is_shown_at_first(make_movie):
    movie, phases = make_movie("escontrela")
    for layer in ("conv2", "dense1", "dense2"):
        phase = phases[f"Update of {layer}"]
        gradient = movie.gradients[layer]["weight"]
        view = views_of(movie.network, phase)[view_at_first(movie, phase)]
        assert np.abs(gradient[view.unit]).max() == np.abs(gradient).max()
    zhou, phases = make_movie("zhou")
    assert (
        views_of(zhou.network, phases["Update of conv1"])[view_at_first(zhou, phases["Update of conv1"])].unit is None
    )


def test_that_the_facts_are_those_of_the_image_the_batch_and_the_update(make_movie):
    movie, phases = make_movie("escontrela", image=3)
    right = round(movie.accuracy * 8)
    assert facts_of(movie, phases["Cost"], None) == (
        f"Image 3, the digit {movie.label}: {number(movie.cost)} nats. "
        f"Whole batch: {number(movie.mean_cost)} nats on average, {right} of 8 right."
    )
    before = np.abs(movie.record.parameters["conv2"]["weight"]).mean(dtype=np.float64)
    change = np.abs(movie.changes["conv2"]["weight"]).mean(dtype=np.float64)
    assert facts_of(movie, phases["Update of conv2"], View("filter 2", "weight", 2)) == (
        f"The weights of conv2 had a mean size of {number(before)} and moved by {number(change)}, "
        f"{change / before:.2%} of that. The difference is shown on one scale for all layers."
    )
    assert facts_of(movie, phases["conv1 forward"], None) == ""
