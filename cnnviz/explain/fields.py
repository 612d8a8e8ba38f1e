"""Which numbers a number was made of: receptive fields, back to the image, and the parameters at work."""

from cnnviz.explain.layers import explained
from cnnviz.explain.places import INPUT, Cell, Place, Probability, Weight
from cnnviz.explain.regions import Region, only, whole
from cnnviz.nn import Network


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
    own = {place.layer: only(place.index)} if isinstance(place, Cell) else {}
    return cells | parameters_at_work(network, own | cells)


def receptive_field(network: Network, place: Cell | Probability) -> dict[str, Region]:
    """Return layer -> the smallest box of its output that holds all cells on which ``place`` depends.

    Only layers before ``place`` are there, and ``INPUT``. Where a stride leaves cells out, the box holds those as well.
    """
    if isinstance(place, Probability):
        last = next(reversed(network.layers))
        region = whole(network.output_shapes[last])
        return {last: region} | _back_to_the_image(network, last, region)
    return _back_to_the_image(network, place.layer, only(place.index))


def _back_to_the_image(network: Network, layer: str, region: Region) -> dict[str, Region]:
    """Return the field of a ``region`` of the output of ``layer`` in everything before it."""
    names = [INPUT, *network.layers]
    field = {}
    for index in range(names.index(layer), 0, -1):
        region = explained(network.layers[names[index]]).region_before(region, network.input_shape_of(names[index]))
        field[names[index - 1]] = region
    return field


def parameters_at_work(network: Network, cells: dict[str, Region]) -> dict[str, Region]:
    """Return "layer/name" -> the parameters that make ``cells``: of each channel or unit its filter and its bias."""
    return {
        f"{layer}/{name}": (region[-1], *whole(shape)[1:])
        for layer, region in cells.items()
        for name, shape in network.parameter_shapes.get(layer, {}).items()
    }


def _field_of_parameter(network: Network, place: Weight) -> dict[str, Region]:
    """Return the output cells with a share of a weight or bias, and of a weight the cells that it multiplies."""
    made = (*whole(network.output_shapes[place.layer])[:-1], *only(place.index[:1]))
    if len(place.index) == 1:
        return {place.layer: made}
    names = [INPUT, *network.layers]
    before = names[names.index(place.layer) - 1]
    layer, shape = explained(network.layers[place.layer]), network.input_shape_of(place.layer)
    multiplied = layer.cells_multiplied(place.index, shape)
    field = {place.layer: made, before: multiplied}
    while before != INPUT and explained(network.layers[before]).hands_on_as_it_is:  # the same cells, laid out anew
        multiplied = explained(network.layers[before]).region_before(multiplied, network.input_shape_of(before))
        before = names[names.index(before) - 1]
        field[before] = multiplied
    return field
