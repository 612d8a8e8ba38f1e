"""Which arrays of a step each of its phases shows, laid out as tiles."""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from cnnviz.explain.phases import Kind, StepPhase
from cnnviz.explain.places import INPUT, Cell, Place, Weight
from cnnviz.gui.movie_canvas import Plate
from cnnviz.gui.tile_groups import Maps
from cnnviz.gui.tiles import Coloring, largest_magnitude, nice_ceiling, number
from cnnviz.nn import Conv2D, Dropout, Flatten, Network
from cnnviz.training.movie import Movie

MOST_TILES = 128  # of filters that are shown all at once
_LONGEST_STRIP = 32  # cells below each other; more stand side by side

Lay = Callable[[np.ndarray], np.ndarray]


class View(NamedTuple):
    """A part of a layer's parameters.

    Attributes
    ----------
    text : str
        Such as "filter 3" or "biases".
    name : str
        Of the parameter, as in ``Parameters``.
    unit : int or None
        Which filter or unit; None: all of them.
    """

    text: str
    name: str
    unit: int | None


def views_of(network: Network, phase: StepPhase) -> list[View]:
    """Return the parts of a layer's parameters that can be looked at in ``phase``; empty where it shows none."""
    if phase.kind not in (Kind.PARAMETER_GRADIENTS, Kind.UPDATE):
        return []
    shapes = network.parameter_shapes[phase.layer]
    units, inputs, *_ = shapes["weight"]
    is_conv = isinstance(network.layers[phase.layer], Conv2D)
    views = [View("all filters", "weight", None)] if is_conv and units * inputs <= MOST_TILES else []
    if not views or inputs > 1:
        views += [View(f"{'filter' if is_conv else 'unit'} {unit}", "weight", unit) for unit in range(units)]
    return views + ([View("biases", "bias", None)] if "bias" in shapes else [])


def view_at_first(movie: Movie, phase: StepPhase) -> int:
    """Return which of ``views_of`` is the most to see: the filter or unit whose gradient is the largest.

    All filters at once are so only where each of them has one tile.
    """
    gradient = movie.gradients[phase.layer]["weight"]
    views = views_of(movie.network, phase)
    if len(views) <= 2:
        return 0
    strongest = int(np.nan_to_num(np.abs(gradient).reshape(len(gradient), -1).max(axis=1)).argmax())
    return next(index for index, view in enumerate(views) if view.unit == strongest)


def plates_of(movie: Movie, phase: StepPhase, view: View | None) -> list[Plate]:
    """Return what ``phase`` shows, from left to right; ``view``: one of ``views_of``, None where there are none."""
    return {
        Kind.BATCH: _batch,
        Kind.LAYER: _layer,
        Kind.SOFTMAX: _softmax,
        Kind.COST: _cost,
        Kind.PARAMETER_GRADIENTS: _parameter_gradients,
        Kind.INPUT_GRADIENT: _input_gradient,
        Kind.UPDATE: _update,
    }[phase.kind](movie, phase, view)


def facts_of(movie: Movie, phase: StepPhase, view: View | None) -> str:
    """Return what else there is to say about the numbers of ``phase``, in a line; empty where there is nothing."""
    count = len(movie.record.batch.labels)
    if phase.kind is Kind.BATCH:
        return f"Image {movie.image} shows the digit {movie.label}."
    if phase.kind is Kind.COST:
        right = round(movie.accuracy * count)
        return (
            f"Image {movie.image}, the digit {movie.label}: {number(movie.cost)} nats. "
            f"Whole batch: {number(movie.mean_cost)} nats on average, {right} of {count} right."
        )
    if phase.kind is Kind.UPDATE:
        size, change = (
            float(np.abs(parameters[phase.layer][view.name]).mean(dtype=np.float64))
            for parameters in (movie.record.parameters, movie.changes)
        )
        share = f", {change / size:.2%} of that" if size and math.isfinite(change / size) else ""
        them = "biases" if view.name == "bias" else "weights"
        return (
            f"The {them} of {phase.layer} had a mean size of {number(size)} and moved by {number(change)}{share}. "
            "The difference is shown on one scale for all layers."
        )
    return ""


def _batch(movie: Movie, phase: StepPhase, view: None) -> list[Plate]:
    images = movie.record.batch.images
    whole = Plate(
        "batch",
        "1 image" if len(images) == 1 else f"{len(images)} images",
        images,
        partial(_describe_pixel, movie.record.batch.labels),
        255.0,
        Coloring.GREY,
        marked=(movie.image,),
    )
    return [whole, _activation("x", INPUT, movie.inputs, sign="→", note=f"image {movie.image}")]


def _describe_pixel(labels: np.ndarray, tile: int, row: int, column: int) -> str:
    return f"image {tile}, the digit {labels[tile]}, ({row}, {column})"


def _layer(movie: Movie, phase: StepPhase, view: None) -> list[Plate]:
    plates = [_activation("x", _before(movie, phase.layer), movie.input_of(phase.layer))]
    if isinstance(movie.network.layers[phase.layer], Dropout):
        plates.append(_factors(movie, phase.layer, sign="·"))
    return [*plates, _activation("y", phase.layer, movie.outputs[phase.layer], sign="→")]


def _factors(movie: Movie, layer: str, sign: str) -> Plate:
    return _activation("m", layer, movie.factors[layer], sign=sign, meaning="factor of {}")


def _softmax(movie: Movie, phase: StepPhase, view: None) -> list[Plate]:
    total = f"sum {number(float(movie.exponentials.sum()))}"
    logits = next(reversed(movie.outputs))
    return [
        _digits("z", logits, "logit of {}", movie, movie.logits),
        _digits("exp(z − max)", total, "exponential of {}", movie, movie.exponentials, sign="→", scale=1.0),
        _digits("p", "", "probability of {}", movie, movie.probabilities, sign="→", scale=1.0),
    ]


def _cost(movie: Movie, phase: StepPhase, view: None) -> list[Plate]:
    gradients = next(iter(movie.output_gradients.values()))
    return [
        _digits("p", "", "probability of {}", movie, movie.probabilities, scale=1.0),
        _digits("∂L/∂z", "", "gradient by the logit of {}", movie, gradients, sign="→"),
    ]


def _digits(
    title: str, subtitle: str, meaning: str, movie: Movie, values: np.ndarray, sign: str = "", scale: float = 0.0
) -> Plate:
    """Return a number for each digit, that of the right one marked."""
    return Plate(
        title,
        subtitle,
        values.reshape(1, -1, 1),
        lambda tile, row, column: meaning.format(row),
        scale or nice_ceiling(largest_magnitude(values)),
        sign=sign,
        has_digits=True,
        marked=(0, movie.label, 0),
    )


def _parameter_gradients(movie: Movie, phase: StepPhase, view: View) -> list[Plate]:
    layer, count = phase.layer, len(movie.record.batch.labels)
    gradient = _parameter(f"∂L/∂{view.name[0]}", "gradient by {}", movie, movie.gradients, layer, view)
    summed = gradient._replace(subtitle=f"sum over {count} images" if count > 1 else view.text, sign="→")
    from_output = _gradient("∂L/∂y", layer, movie.output_gradients[layer])
    if view.name == "bias":
        return [from_output, summed]
    return [from_output, _activation("x", _before(movie, layer), movie.input_of(layer), sign="·"), summed]


def _input_gradient(movie: Movie, phase: StepPhase, view: None) -> list[Plate]:
    layer = phase.layer
    plates = [_gradient("∂L/∂y", layer, movie.output_gradients[layer])]
    if isinstance(movie.network.layers[layer], Dropout):
        plates.append(_factors(movie, layer, sign="·"))
    return [*plates, _gradient("∂L/∂x", _before(movie, layer), movie.gradient_into(layer), sign="→")]


def _update(movie: Movie, phase: StepPhase, view: View) -> list[Plate]:
    before, layer = movie.record.parameters, phase.layer
    both = nice_ceiling(max(largest_magnitude(values[layer][view.name]) for values in (before, movie.after)))
    moved = nice_ceiling(largest_magnitude(movie.changes.vector))  # one scale for all layers, to compare them by
    show = partial(_parameter, movie=movie, layer=layer, view=view)
    return [
        show("before", "{} before the step", parameters=before, scale=both),
        show(f"∂L/∂{view.name[0]}", "gradient by {}", parameters=movie.gradients),
        show("after", "{} after the step", parameters=movie.after, scale=both)._replace(sign="→"),
        show("difference", "change of {}", parameters=movie.changes, scale=moved),
    ]


def _activation(
    title: str, layer: str, values: np.ndarray, sign: str = "", note: str = "", meaning: str = "{}"
) -> Plate:
    """Return what a layer hands on, or another array of that shape."""
    lay = Maps() if values.ndim == 3 else _strip
    return Plate(
        title,
        note or f"{layer}  {_shape_text(values.shape)}",
        lay(values),
        partial(_describe, meaning, partial(Cell, layer), values.shape, lay),
        nice_ceiling(largest_magnitude(values)),
        sign=sign,
    )


def _gradient(title: str, layer: str, values: np.ndarray, sign: str = "") -> Plate:
    return _activation(title, layer, values, sign, meaning="gradient at {}")


def _parameter(
    title: str, meaning: str, movie: Movie, parameters: object, layer: str, view: View, scale: float = 0.0
) -> Plate:
    """Return a part of a layer's parameters, or of what belongs to them; their scale is that of all of them."""
    values = parameters[layer][view.name]
    lay = _lay_of(movie.network, layer, view)
    is_bank = view.unit is None and values.ndim == 4 and values.shape[1] > 1
    return Plate(
        title,
        view.text,
        lay(values),
        partial(_describe, meaning, partial(Weight, layer, view.name), values.shape, lay),
        scale or nice_ceiling(largest_magnitude(values)),
        across=values.shape[1] if is_bank else None,
    )


def _describe(
    meaning: str, place: Callable[[tuple[int, ...]], Place], shape: tuple[int, ...], lay: Lay, *cell: int
) -> str:
    """Return which number of an array of ``shape`` lies in a cell when ``lay`` has laid it out."""
    index = lay(np.arange(math.prod(shape)).reshape(shape))[cell]
    return meaning.format(place(tuple(int(i) for i in np.unravel_index(index, shape))))


# Ways to lay an array out as (tiles, rows, columns)


def _strip(array: np.ndarray) -> np.ndarray:
    """Lay a vector out row by row, upright where it is short enough for that."""
    size, rows = array.size, _LONGEST_STRIP
    if size <= rows:
        return array.reshape(1, size, 1)
    if size % rows or size > rows**2:
        rows = max(n for n in range(1, math.isqrt(size) + 1) if size % n == 0)
    return array.reshape(1, rows, -1)


def _lay_of(network: Network, layer: str, view: View) -> Lay:
    """Return how a part of the parameters of ``layer`` is laid out: a unit behind maps as weights for these maps."""
    if view.name == "bias":
        return _strip
    if isinstance(network.layers[layer], Conv2D):
        return _bank if view.unit is None else partial(_one_filter, view.unit)
    return partial(_one_unit, view.unit, _maps_before(network, layer))


def _bank(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1, *array.shape[2:])


def _one_filter(unit: int, array: np.ndarray) -> np.ndarray:
    return array[unit]


def _one_unit(unit: int, maps: tuple[int, ...] | None, array: np.ndarray) -> np.ndarray:
    return _strip(array[unit]) if maps is None else array[unit].reshape(maps)


def _maps_before(network: Network, layer: str) -> tuple[int, ...] | None:
    """Return the shape (C, H, W) of the maps that were flattened for ``layer``; None where it follows no Flatten."""
    before = _name_before(network, layer)
    if before == INPUT or not isinstance(network.layers[before], Flatten):
        return None
    height, width, channels = network.input_shape_of(before)
    return channels, height, width


def _before(movie: Movie, layer: str) -> str:
    return _name_before(movie.network, layer)


def _name_before(network: Network, layer: str) -> str:
    names = [INPUT, *network.layers]
    return names[names.index(layer) - 1]


def _shape_text(shape: tuple[int, ...]) -> str:
    """Return such as "8 @ 24×24", or "128"."""
    if len(shape) == 1:
        return f"{shape[0]}"
    height, width, channels = shape
    return f"{channels} @ {height}×{width}"
