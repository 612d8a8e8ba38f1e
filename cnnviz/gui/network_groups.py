"""The chain of layers as groups of tiles: of each what it hands on, before convolutions their filters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from cnnviz.explain.places import INPUT
from cnnviz.gui.tile_groups import WIDE_LEGEND, FilterPart, Lay, Maps, Role, TileGroup, parameter_count, strip
from cnnviz.gui.tile_layout import side_in
from cnnviz.gui.tiles import Coloring, largest_magnitude, nice_ceiling
from cnnviz.nn import Conv2D, Dropout, Flatten, Layer
from cnnviz.training.snapshot import Snapshot

LEFT_OUT = Flatten, Dropout  # they hand a probe's numbers on as they are
LEAST_SIDE = 20  # pixels of a map in which something can be made out
FEWEST = 4  # channels that are always shown at once


@dataclass(frozen=True)
class View:
    """What of the network is shown.

    Attributes
    ----------
    gradients : bool
        Of the probe's cost, by what each layer hands on and by the filters; else these numbers themselves.
    one_scale : bool
        Whether all layers share a scale, and so do all filters.
    channels : slice
        Which channels of the maps, and which filters.
    filters : mapping of str to int
        Convolution -> the filter that is shown where not all are; those not named show the first that is shown.
    """

    gradients: bool = False
    one_scale: bool = False
    channels: slice = field(default_factory=lambda: slice(None))
    filters: Mapping[str, int] = field(default_factory=dict)


def chain(snapshot: Snapshot, view: View) -> list[TileGroup]:
    """Return the groups, from the input to the logits."""
    groups = [_input(snapshot, view)]
    for name, layer in snapshot.network.layers.items():
        if isinstance(layer, Conv2D):
            groups.append(_filters(snapshot, name, view))
        if not isinstance(layer, LEFT_OUT):
            groups.append(_outputs(snapshot, name, layer, view))
    if view.gradients:  # most are tiny
        groups = [replace(group, legend_width=WIDE_LEGEND) for group in groups]
    return _with_one_scale(groups) if view.one_scale else groups


def channels_at_once(snapshot: Snapshot, width: int, height: int) -> int:
    """Return how many channels of each layer can be made out in ``width`` x ``height`` pixels: all, half of them..."""
    count = most_channels(snapshot)
    while count > FEWEST:
        groups = chain(snapshot, View(channels=slice(0, count)))
        if side_in(groups, width, height) >= LEAST_SIDE:
            break
        count = -(-count // 2)
    return count


def most_channels(snapshot: Snapshot) -> int:
    """Return the number of channels of the layer that has most."""
    return max(shape[2] for shape in _shapes(snapshot) if len(shape) == 3)


def _shapes(snapshot: Snapshot) -> Sequence[tuple[int, ...]]:
    return [snapshot.network.input_shape, *snapshot.network.output_shapes.values()]


def shape_text(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return a layer's shape as people write it, "8 @ 24×24" or "128"; of maps also shorter, "24×24"."""
    if len(shape) == 1:
        return (f"{shape[0]:,}",)
    height, width, channels = shape
    size = f"{height}\u00d7{width}"
    return f"{channels} @ {size}", size


def _part(channels: slice, count: int) -> slice:
    """Return those of ``count`` channels that are shown: as many as elsewhere, in layers with few channels the last."""
    start, stop, _ = channels.indices(max(count, channels.stop or 0))
    length = stop - start
    first = max(min(start, count - length), 0)
    return slice(first, min(first + length, count))


def _input(snapshot: Snapshot, view: View) -> TileGroup:
    """Return the image as it was drawn, on which the numbers that the network is given stand; or their gradients."""
    trace, shape = snapshot.trace, snapshot.network.input_shape
    height, width, _ = shape
    caption = (INPUT,), (f"{height}\u00d7{width}",)
    about = f"the normalised image, {height}\u00d7{width}"
    if not view.gradients:
        image = trace.probe.image[np.newaxis]
        return TileGroup(INPUT, shape, Maps(), image, caption, about, Coloring.GREY, 255.0)
    return _signed(INPUT, trace.input_gradient, Maps(), caption, about)


def _outputs(snapshot: Snapshot, name: str, layer: Layer, view: View) -> TileGroup:
    trace = snapshot.trace
    values = (trace.output_gradients if view.gradients else trace.outputs)[name]
    lay = Maps(_part(view.channels, values.shape[2])) if values.ndim == 3 else strip
    if isinstance(layer, Conv2D):
        return _signed(name, values, lay)  # the captions stand above its filters
    return _signed(name, values, lay, *_captions(snapshot, name))


def _filters(snapshot: Snapshot, name: str, view: View) -> TileGroup:
    """Return all filters of a convolution with one input channel, otherwise one filter."""
    source = snapshot.trace.parameter_gradients if view.gradients else snapshot.parameters
    values = source[name]["weight"]
    filters, channels = values.shape[:2]
    if channels == 1:
        lay, title = FilterPart(_part(view.channels, filters), 0), (name,)
    else:
        shown = min(view.filters.get(name, _part(view.channels, filters).start), filters - 1)
        lay, title = FilterPart(shown, _part(view.channels, channels)), (f"{name} filter {shown}", name)
    (_, *captions), about = _captions(snapshot, name)
    group = _signed(f"{name}/weight", values, lay, (title, *captions), about)
    group.role = Role.BETWEEN
    return group


def _captions(snapshot: Snapshot, name: str) -> tuple[Sequence[Sequence[str]], str]:
    """Return the lines above a layer, and what is told of them: name, shape, and number of parameters."""
    network = snapshot.network
    shape = shape_text(network.output_shapes[name])
    about = f"{name} ({type(network.layers[name]).__name__}) hands on {shape[0]}"
    if name not in network.parameter_shapes:
        return ((name,), shape), about
    formula, total = parameter_count(network.parameter_shapes[name])
    return ((name,), shape, (formula, f"{total} params", total)), f"{about}\nParameters: {formula}"


def _signed(
    key: str,
    values: np.ndarray,
    lay: Lay,
    captions: Sequence[Sequence[str]] = (),
    about: str = "",
) -> TileGroup:
    """Return a group whose scale counts in all of the array, also what is not shown."""
    scale = nice_ceiling(largest_magnitude(values))
    return TileGroup(key, values.shape, lay, lay(values), captions, about, Coloring.SIGNED, scale)


def _with_one_scale(groups: list[TileGroup]) -> list[TileGroup]:
    """Return the groups with the largest of their scales, that of the filters being another one."""

    def largest(role: Role) -> float:
        scales = (group.scale for group in groups if group.coloring is Coloring.SIGNED and group.role is role)
        return max(scales, default=0.0)

    scales = {role: largest(role) for role in (Role.MAPS, Role.BETWEEN)}
    return [
        replace(group, scale=scales[group.role]) if group.coloring is Coloring.SIGNED else group for group in groups
    ]
