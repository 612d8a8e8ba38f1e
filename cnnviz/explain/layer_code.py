"""What each layer does, as lines of NumPy for one image: forwards, and the gradient's way back.

A layer that is added to ``cnnviz.nn`` needs three functions here, one for each direction and one for its parameters.
"""

from dataclasses import dataclass
from functools import singledispatch
from textwrap import wrap
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cnnviz.nn import Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D, ReLU
from cnnviz.nn.shapes import Shape

ROUNDING = 1e-5  # of the largest value of a map; what differs by less may be equal on another machine
_WIDTH = 110  # characters of a line


@dataclass(frozen=True)
class Spot:
    """Where a layer stands in the snippet.

    Attributes
    ----------
    name : str
        Of the layer, and of the variable that holds what it hands on.
    source : str
        Name of the variable that holds what it is given.
    given, made : tuple of int
        Shapes of both.
    cache : object
        What the layer's own way back used.
    needed : tuple of slice
        That part of the gradient by what the layer is given which the number depends on.
    """

    name: str
    source: str
    given: Shape
    made: Shape
    cache: Any
    needed: tuple[slice, ...] = ()

    @property
    def gradient(self) -> str:
        """Name of the gradient of the cost by what the layer hands on."""
        return gradient_name(self.name)

    @property
    def source_gradient(self) -> str:
        """Name of the gradient of the cost by what the layer is given."""
        return gradient_name(self.source)

    def parameter(self, name: str) -> str:
        """Return how one of the layer's parameters is written."""
        return f'parameters["{self.name}/{name}"]'


def gradient_name(variable: str) -> str:
    """Return what the gradient of the cost by ``variable`` is called."""
    return f"{variable}_gradient"


@singledispatch
def forward(layer: Layer, spot: Spot) -> list[str]:
    """Return the lines that make ``spot.name`` of ``spot.source``."""
    raise TypeError(f"no lines of NumPy are known for {type(layer).__name__}: add them to cnnviz.explain.layer_code")


@singledispatch
def input_gradient(layer: Layer, spot: Spot) -> list[str]:
    """Return the lines that make ``spot.source_gradient`` of ``spot.gradient``."""
    raise TypeError(f"no way back is known for {type(layer).__name__}: add it to cnnviz.explain.layer_code")


@singledispatch
def parameter_gradient(layer: Layer, spot: Spot, name: str) -> list[str]:
    """Return the line that makes the gradient by the parameter ``name`` of ``spot.gradient``."""
    raise TypeError(f"no gradient by parameters is known for {type(layer).__name__}: add it to cnnviz.explain")


# Conv2D


@forward.register
def _(layer: Conv2D, spot: Spot) -> list[str]:
    (height, width), channels = layer.kernel, spot.given[2]
    laid_on, bias = _padded_name(spot), f" + {spot.parameter('bias')}" if layer.bias else ""
    return [
        f"# {spot.name}: {layer.filters} filters of {channels}x{height}x{width} slide over {spot.source}; a patch is "
        f"what one of them covers.",
        *_padding_lines(spot),
        f"{spot.name}_patches = sliding_window_view({laid_on}, ({height}, {width}), axis=(0, 1)){_every(layer.stride)}"
        f"  # {(*spot.made[:2], channels, height, width)}",
        f'{spot.name} = np.einsum("ijcrs,fcrs->ijf", {spot.name}_patches, {spot.parameter("weight")}){bias}'
        f"  # {spot.made}",
    ]


@input_gradient.register
def _(layer: Conv2D, spot: Spot) -> list[str]:
    (height, width), (rows, columns, _) = layer.kernel, spot.made
    border = _border(spot)
    target = f"{spot.source}_padded_gradient" if border else spot.source_gradient
    down, across = _span("r", rows, layer.stride), _span("s", columns, layer.stride)
    return [
        f"# Back through {spot.name}: a cell of a patch gets its weight times the gradient by what the patch led to.",
        f"{target} = np.zeros_like({_padded_name(spot)})",
        f"for r in range({height}):",
        f"    for s in range({width}):",
        f"        {target}[{down}, {across}] += {spot.gradient} @ {spot.parameter('weight')}[:, :, r, s]",
        *([f"{spot.source_gradient} = {target}{_within(spot)}  # {spot.given}"] if border else []),
    ]


@parameter_gradient.register
def _(layer: Conv2D, spot: Spot, name: str) -> list[str]:
    if name == "bias":
        return [f"{spot.name}_bias_gradient = {spot.gradient}.sum(axis=(0, 1))  # ({layer.filters},)"]
    shape = (layer.filters, spot.given[2], *layer.kernel)
    return [
        "# By a weight: at every position the gradient times the input that the weight lay on; all of that summed up.",
        f'{spot.name}_weight_gradient = np.einsum("ijf,ijcrs->fcrs", {spot.gradient}, {spot.name}_patches)  # {shape}',
    ]


def _border(spot: Spot) -> bool:
    return any(width for side in spot.cache.padding for width in side)


def _padded_name(spot: Spot) -> str:
    return f"{spot.source}_padded" if _border(spot) else spot.source


def _padding_lines(spot: Spot) -> list[str]:
    if not _border(spot):
        return []
    down, across = spot.cache.padding
    return [f"{_padded_name(spot)} = np.pad({spot.source}, ({down}, {across}, (0, 0)))  # a border of zeros"]


def _within(spot: Spot) -> str:
    """Return the index of what lies inside the border."""
    (top, _), (left, _) = spot.cache.padding
    height, width, _ = spot.given
    return f"[{top}:{top + height}, {left}:{left + width}]"


def _every(stride: int) -> str:
    return "" if stride == 1 else f"[::{stride}, ::{stride}]"


def _span(start: str, count: int, stride: int) -> str:
    """Return the slice of ``count`` cells, ``stride`` apart, from the variable ``start`` on."""
    end = f"{start} + {(count - 1) * stride + 1}"
    return f"{start} : {end}" if stride == 1 else f"{start} : {end} : {stride}"


# ReLU


@forward.register
def _(layer: ReLU, spot: Spot) -> list[str]:
    return [f"{spot.name} = np.maximum({spot.source}, 0)  # {spot.made}"]


@input_gradient.register
def _(layer: ReLU, spot: Spot) -> list[str]:
    return [
        f"# Back through {spot.name}: it passes where the output was positive.",
        f"{spot.source_gradient} = {spot.gradient} * ({spot.name} > 0)  # {spot.given}",
    ]


# MaxPool2D

_TIES = {
    "first": (
        "goes to the first of its maxima, row by row.",
        "{is_max} & ({is_max}.cumsum(axis=-1) == 1)",
    ),
    "all": ("goes to every one of its maxima, in full.", "{is_max}"),
    "split": (
        "is split among its maxima.",
        "{is_max} / {is_max}.sum(axis=-1, keepdims=True)",
    ),
}


@forward.register
def _(layer: MaxPool2D, spot: Spot) -> list[str]:
    size, windows = layer.size, f"{spot.name}_windows"
    return [
        f"# {spot.name}: the largest value of each window of {size}x{size} cells.",
        f"{windows} = sliding_window_view({spot.source}, ({size}, {size}), axis=(0, 1)){_every(layer.stride)}"
        f"  # {(*spot.made, size, size)}",
        f"{spot.name} = {windows}.max(axis=(3, 4))  # {spot.made}",
    ]


@input_gradient.register
def _(layer: MaxPool2D, spot: Spot) -> list[str]:
    size, (rows, columns, channels) = layer.size, spot.made
    told, share = _TIES[layer.ties]
    shape, is_max = (rows, columns, channels, size * size), f"{spot.name}_is_maximum"
    down, across = (_span(start, count, layer.stride) for start, count in (("r", rows), ("s", columns)))
    return [
        f"# Back through {spot.name}: each window's gradient {told}",
        f"{is_max} = {spot.name}_windows.reshape{shape} == {spot.name}[..., np.newaxis]",
        *_settled(layer, spot, is_max),
        f"{spot.name}_share = {share.format(is_max=is_max)}  # {shape}",
        f"{spot.source_gradient} = np.zeros_like({spot.source})  # {spot.given}",
        f"for r in range({size}):",
        f"    for s in range({size}):",
        f"        {spot.source_gradient}[{down}, {across}] += {spot.gradient} * {spot.name}_share[..., {size} * r + s]",
    ]


def _settled(layer: MaxPool2D, spot: Spot, is_max: str) -> list[str]:
    """Return the lines that say which cells of a window cnnviz took for its maxima where only rounding decides that.

    A sum of the same terms in another order differs in its last bits, so where the image is plain another machine may
    well find another maximum, and send the gradient to another cell.
    """
    found = [(*window, cells) for window, cells in _close_windows(layer, spot).items()]
    if not found:
        return []
    return [
        "# Only rounding tells cells of these windows (row, column, channel) apart: so cnnviz found its maxima.",
        "for row, column, channel, cells in [",
        *_lines_of(found),
        "]:",
        f"    {is_max}[row, column, channel] = False",
        f"    {is_max}[row, column, channel, cells] = True",
    ]


def _lines_of(items: list[object]) -> list[str]:
    """Return ``items`` as they are written in a list, as many a line as there is room for."""
    glued = " ".join(f"{item},".replace(" ", "\0") for item in items)
    lines = wrap(glued, _WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]


def _close_windows(layer: MaxPool2D, spot: Spot) -> dict[tuple[int, ...], list[int]]:
    """Return the needed windows that have cells close to their maximum, but not equal to it, with those that are."""
    x, y = spot.cache.x[0], spot.cache.y[0]
    needed = np.zeros(x.shape, bool)
    needed[spot.needed] = True
    cells, is_needed = (_cells(each, layer) for each in (x, needed))
    with np.errstate(invalid="ignore"):
        below = y[..., np.newaxis] - cells
        is_close = below <= ROUNDING * np.abs(x).max()
    unsettled = (is_close & (below > 0)).any(axis=-1) & is_needed.any(axis=-1)
    return {
        tuple(map(int, window)): np.flatnonzero(below[tuple(window)] == 0).tolist() for window in np.argwhere(unsettled)
    }


def _cells(maps: np.ndarray, layer: MaxPool2D) -> np.ndarray:
    """Return the windows of ``maps`` (H, W, C), each with its cells row by row: (Ho, Wo, C, size * size)."""
    windows = sliding_window_view(maps, (layer.size, layer.size), axis=(0, 1))[:: layer.stride, :: layer.stride]
    return windows.reshape(*windows.shape[:3], -1)


# Flatten


@forward.register
def _(layer: Flatten, spot: Spot) -> list[str]:
    return [f"{spot.name} = {spot.source}.transpose(2, 0, 1).reshape(-1)  # {spot.made}, channel by channel"]


@input_gradient.register
def _(layer: Flatten, spot: Spot) -> list[str]:
    height, width, channels = spot.given
    back = f"reshape({channels}, {height}, {width}).transpose(1, 2, 0)"
    return [f"{spot.source_gradient} = {spot.gradient}.{back}  # {spot.given}"]


# Dense


@forward.register
def _(layer: Dense, spot: Spot) -> list[str]:
    bias = f" + {spot.parameter('bias')}" if layer.bias else ""
    return [
        f"# {spot.name}: each of {layer.units} units adds up all of {spot.source}, each value times a weight.",
        f"{spot.name} = {spot.parameter('weight')} @ {spot.source}{bias}  # {spot.made}",
    ]


@input_gradient.register
def _(layer: Dense, spot: Spot) -> list[str]:
    return [
        f"# Back through {spot.name}: an input gets from every unit the weight between them times the unit's gradient.",
        f"{spot.source_gradient} = {spot.gradient} @ {spot.parameter('weight')}  # {spot.given}",
    ]


@parameter_gradient.register
def _(layer: Dense, spot: Spot, name: str) -> list[str]:
    if name == "bias":
        return [f"{spot.name}_bias_gradient = {spot.gradient}  # {spot.made}"]
    shape = (layer.units, *spot.given)
    return [
        "# By a weight: the gradient by its unit times the input that it multiplies.",
        f"{spot.name}_weight_gradient = np.outer({spot.gradient}, {spot.source})  # {shape}",
    ]


# Dropout


@forward.register
def _(layer: Dropout, spot: Spot) -> list[str]:
    return [f"{spot.name} = {spot.source}  # nothing is dropped but in training"]


@input_gradient.register
def _(layer: Dropout, spot: Spot) -> list[str]:
    return [f"{spot.source_gradient} = {spot.gradient}"]


@parameter_gradient.register(ReLU)
@parameter_gradient.register(MaxPool2D)
@parameter_gradient.register(Flatten)
@parameter_gradient.register(Dropout)
def _(layer: Layer, spot: Spot, name: str) -> list[str]:
    return []  # nothing to learn
