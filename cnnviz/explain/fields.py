"""Which numbers a number was made of: receptive fields, back to the image, and the parameters at work."""

import math
from functools import singledispatch

import numpy as np

from cnnviz.explain.places import INPUT, Cell, Place, Probability, Weight
from cnnviz.nn import Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D, Network, ReLU
from cnnviz.nn.shapes import Shape

Region = tuple[slice, ...]  # of an array: (rows, columns, channels), or (units,), or as many as a parameter has axes


def field_of(network: Network, place: Place) -> dict[str, Region]:
    """Return what to light for ``place``: array -> the part of it that has to do with that number.

    Cells are found under the name of their layer, or ``INPUT``; parameters under "layer/name", as in
    ``Parameters.flat``.

    - Of a cell: its receptive field in all layers before it, and the parameters at work in it.
    - Of a probability: all logits, which the softmax divides by each other, and whatever they depend on.
    - Of a parameter: the cells that it has a share in, and those that it is multiplied with.
    """
    if isinstance(place, Weight):
        return _field_of_parameter(network, place)
    cells = receptive_field(network, place)
    own = {place.layer: _only(place.index)} if isinstance(place, Cell) else {}
    return cells | parameters_at_work(network, own | cells)


def receptive_field(network: Network, place: Cell | Probability) -> dict[str, Region]:
    """Return layer -> the smallest box of its output that holds all cells on which ``place`` depends.

    Only layers before ``place`` are there, and ``INPUT``. Where a stride leaves cells out, the box holds those as well.
    """
    if isinstance(place, Probability):
        last = next(reversed(network.layers))
        region = _whole(network.output_shapes[last])
        return {last: region} | _back_to_the_image(network, last, region)
    return _back_to_the_image(network, place.layer, _only(place.index))


def _back_to_the_image(network: Network, layer: str, region: Region) -> dict[str, Region]:
    """Return the field of a ``region`` of the output of ``layer`` in everything before it."""
    names = [INPUT, *network.layers]
    field = {}
    for index in range(names.index(layer), 0, -1):
        region = region_before(network.layers[names[index]], region, network.input_shape_of(names[index]))
        field[names[index - 1]] = region
    return field


def parameters_at_work(network: Network, cells: dict[str, Region]) -> dict[str, Region]:
    """Return "layer/name" -> the parameters that make ``cells``: of each channel or unit its filter and its bias."""
    return {
        f"{layer}/{name}": (region[-1], *_whole(shape)[1:])
        for layer, region in cells.items()
        for name, shape in network.parameter_shapes.get(layer, {}).items()
    }


def _field_of_parameter(network: Network, place: Weight) -> dict[str, Region]:
    """Return the output cells with a share of a weight or bias, and of a weight the cells that it multiplies."""
    made = (*_whole(network.output_shapes[place.layer])[:-1], *_only(place.index[:1]))
    if len(place.index) == 1:
        return {place.layer: made}
    layer, shape = network.layers[place.layer], network.input_shape_of(place.layer)
    names = [INPUT, *network.layers]
    before = names[names.index(place.layer) - 1]
    multiplied = cells_multiplied(layer, place.index, shape)
    field = {place.layer: made, before: multiplied}
    while before != INPUT and isinstance(network.layers[before], Flatten | Dropout):  # the same cells, laid out anew
        multiplied = region_before(network.layers[before], multiplied, network.input_shape_of(before))
        before = names[names.index(before) - 1]
        field[before] = multiplied
    return field


# What each layer has to say. To add a layer: a function here.


@singledispatch
def region_before(layer: Layer, region: Region, input_shape: Shape) -> Region:
    """Return the box of the input of ``layer`` on which a ``region`` of its output depends."""
    raise TypeError(f"expected a layer whose receptive field is known, got {layer!r}: add it to {__name__}")


@region_before.register(ReLU)
@region_before.register(Dropout)
def _(layer: ReLU | Dropout, region: Region, input_shape: Shape) -> Region:
    return region


@region_before.register
def _(layer: Conv2D, region: Region, input_shape: Shape) -> Region:
    spans = zip(region, layer.kernel, layer.border(input_shape), input_shape, strict=False)
    rows, columns = (_slid(part, k, layer.stride, border[0], n) for part, k, border, n in spans)
    return rows, columns, slice(0, input_shape[2])


@region_before.register
def _(layer: MaxPool2D, region: Region, input_shape: Shape) -> Region:
    rows, columns = (
        _slid(part, layer.size, layer.stride, 0, n) for part, n in zip(region, input_shape[:2], strict=False)
    )
    return rows, columns, region[2]


@region_before.register
def _(layer: Flatten, region: Region, input_shape: Shape) -> Region:
    height, width, channels = input_shape
    cells = np.unravel_index(np.arange(math.prod(input_shape))[region], (channels, height, width))
    first, *others = (slice(int(axis.min()), int(axis.max()) + 1) for axis in cells)
    return *others, first


@region_before.register
def _(layer: Dense, region: Region, input_shape: Shape) -> Region:
    return _whole(input_shape)


@singledispatch
def cells_multiplied(layer: Layer, index: tuple[int, ...], input_shape: Shape) -> Region:
    """Return the box of the input of ``layer`` whose cells its weight at ``index`` is multiplied with."""
    raise TypeError(f"expected a layer whose weights are known, got {layer!r}: add it to {__name__}")


@cells_multiplied.register
def _(layer: Conv2D, index: tuple[int, ...], input_shape: Shape) -> Region:
    output_shape, border = layer.output_shape(input_shape), layer.border(input_shape)
    _, channel, *cell = index
    rows, columns = (
        _met(offset - before + layer.stride * np.arange(count), n)
        for offset, (before, _), count, n in zip(cell, border, output_shape[:2], input_shape[:2], strict=True)
    )
    return rows, columns, slice(channel, channel + 1)


@cells_multiplied.register
def _(layer: Dense, index: tuple[int, ...], input_shape: Shape) -> Region:
    return _only(index[1:])


def _slid(part: slice, size: int, stride: int, border: int, n: int) -> slice:
    """Return which of ``n`` cells the windows at the positions ``part`` cover, with ``border`` zeros before them."""
    first, end = part.start * stride - border, (part.stop - 1) * stride + size - border
    return slice(min(max(first, 0), n), max(min(end, n), 0))


def _met(positions: np.ndarray, n: int) -> slice:
    """Return the span of those of ascending ``positions`` that are among ``n`` cells, not in the border of zeros."""
    inside = positions[(positions >= 0) & (positions < n)]
    return slice(int(inside[0]), int(inside[-1]) + 1) if inside.size else slice(0, 0)


def _only(index: tuple[int, ...]) -> Region:
    return tuple(slice(i, i + 1) for i in index)


def _whole(shape: Shape) -> Region:
    return tuple(slice(0, n) for n in shape)
