"""The arithmetic behind one number as a text that runs with NumPy and the exported parameters alone."""

from dataclasses import replace
from typing import Literal

import numpy as np

from cnnviz.explain.layers import explained
from cnnviz.explain.places import INPUT, Cell, Place, Probability, Weight, gradients_of, values_of
from cnnviz.explain.spot import Spot, gradient_name
from cnnviz.explain.stage import Stage
from cnnviz.explain.what_if import WhatIf
from cnnviz.training.snapshot import Snapshot

Quantity = Literal["value", "gradient"]
Index = tuple[int | slice, ...]

FILE = "parameters.npz"
_INPUTS = "inputs"  # the variable; ``input`` is Python's own
_ALL = slice(None)


def has(place: Place, quantity: Quantity) -> bool:
    """Return whether there is such a quantity: a probability has no gradient of its own."""
    return quantity == "value" or not isinstance(place, Probability)


def snippet(snapshot: Snapshot, place: Place, quantity: Quantity = "value", whole: bool = False) -> str:
    """Return a text that works out the number at ``place``, and prints it beside what it should be.

    It needs NumPy, and beside it the file that the parameters are exported to. All that leads to the number is in it,
    and nothing else: the probe's image, its normalisation, each layer; for a gradient also the cost and the way back.

    Parameters
    ----------
    snapshot : Snapshot
        Of a what-if, the number that is another one than in exported parameters, or in the image, is set by hand.
    place : Cell, Weight or Probability
        One that exists in the snapshot's network.
    quantity : {"value", "gradient"}
        The number itself, or the gradient of the probe's cost by it.
    whole : bool
        Of the whole tile that ``place`` lies in: a map, a vector, one channel of a filter, all ten probabilities.

    Raises
    ------
    ValueError
        There is no such quantity.
    """
    if not has(place, quantity):
        raise ValueError("expected the value of a probability, got its gradient: ask for that of the logits before it")
    by_hand = [snapshot.place] if isinstance(snapshot, WhatIf) else []
    body = [block for block in _body(snapshot, place, quantity, whole, by_hand) if block]
    body.append(_result(snapshot, place, quantity, whole))
    opening = _opening(snapshot, body, [each for each in by_hand if isinstance(each, Weight)])
    blocks = [_heading(snapshot, place, quantity, whole), opening, *body]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _heading(snapshot: Snapshot, place: Place, quantity: Quantity, whole: bool) -> list[str]:
    """Return what the snippet is, and what it needs."""
    probe = snapshot.trace.probe
    shown = "" if probe.label is None else f", which shows {probe.label}"
    what = f"{'all of the tile of ' if whole else ''}{place}"
    if quantity == "gradient":
        what = f"gradient of the cost by {what}"
    lines = [
        f"# cnnviz, preset {snapshot.config.preset}, after step {snapshot.step}: {what}",
        f"# Probe: {probe.title}{shown}.",
        f"# Put {FILE} beside it: File > Export parameters (Ctrl+E), after that very step.",
    ]
    if isinstance(place, Weight) and quantity == "gradient":
        lines.append("# Of the cost of this one image; a training step takes the mean over its batch instead.")
    return lines


def _opening(snapshot: Snapshot, body: list[list[str]], by_hand: list[Weight]) -> list[str]:
    """Return the imports that ``body`` needs, and the parameters if it does."""
    text = "\n".join(line for block in body for line in block)
    lines = ["import numpy as np"]
    if "sliding_window_view" in text:
        lines.append("from numpy.lib.stride_tricks import sliding_window_view")
    if "parameters[" in text:
        lines += ["", f'parameters = dict(np.load("{FILE}"))']
        lines += [_set(f'parameters["{each.layer}/{each.name}"]', snapshot, each) for each in by_hand]
    return lines


def _body(
    snapshot: Snapshot, place: Place, quantity: Quantity, whole: bool, by_hand: list[Weight | Cell]
) -> list[list[str]]:
    """Return what leads to the number, block by block."""
    if isinstance(place, Weight) and quantity == "value":
        return []
    pixels = [each for each in by_hand if isinstance(each, Cell)]
    blocks = [[*_image(snapshot), *(_set(_INPUTS, snapshot, each) for each in pixels)]]
    layers = snapshot.network.layers
    stop = place.layer if isinstance(place, Cell) and quantity == "value" else next(reversed(layers))
    for name, layer in layers.items() if stop != INPUT else ():
        blocks.append(explained(layer).forward_code(_spot(snapshot, name)))
        if name == stop:
            break
    if isinstance(place, Probability):
        blocks.append(_softmax(stop))
    if quantity == "gradient":
        blocks += [[*_softmax(stop), *_cost(snapshot, stop)], *_way_back(snapshot, place, whole)]
    return blocks


def _image(snapshot: Snapshot) -> list[str]:
    """Return the lines that hold the probe's image, a row a line, and normalise it."""
    image, normalization = snapshot.trace.probe.image, snapshot.normalization
    height, width = image.shape
    return [
        f"# Grey levels, 00 to ff: {image.shape}",
        "rows = [",
        *(f'    "{row.astype(np.uint8).tobytes().hex()}",' for row in image),
        "]",
        "image = np.array([list(bytes.fromhex(row)) for row in rows], np.float32)",
        f"{_INPUTS} = ((image - {normalization.mean}) / {normalization.std})[:, :, np.newaxis]  # {height, width, 1}",
    ]


def _softmax(logits: str) -> list[str]:
    return [
        "# Softmax. The largest logit is taken off first: that changes nothing, but nothing grows beyond all bounds.",
        f"shifted = {logits} - {logits}.max()",
        "probabilities = np.exp(shifted) / np.exp(shifted).sum()",
    ]


def _cost(snapshot: Snapshot, logits: str) -> list[str]:
    """Return the lines of the cost, and of its gradient by the logits, with which the way back begins."""
    target, count = snapshot.trace.target, len(snapshot.trace.probabilities)
    gradient = gradient_name(logits)
    return [
        f"cost = np.log(np.exp(shifted).sum()) - shifted[{target}]  # -log of the probability of {target}, in nats",
        f"{gradient} = probabilities - (np.arange({count}) == {target})  # by the logits: probability less truth",
    ]


def _way_back(snapshot: Snapshot, place: Cell | Weight, whole: bool) -> list[list[str]]:
    """Return the lines from the gradient by the logits down to that by ``place``."""
    blocks, needed = [], _needed(place, whole)
    goal = _INPUTS if place.layer == INPUT else place.layer
    for name, layer in reversed(snapshot.network.layers.items()):
        spot = _spot(snapshot, name)
        if name == place.layer:
            if isinstance(place, Weight):
                blocks.append(explained(layer).parameter_gradient_code(spot, place.name))
            break
        if spot.source == goal:
            spot = replace(spot, needed=needed)
        blocks.append(explained(layer).input_gradient_code(spot))
    return blocks


def _needed(place: Cell | Weight, whole: bool) -> Index:
    """Return of which part of its layer's output the gradient is needed."""
    if isinstance(place, Cell):
        index = _tile_of(place) if whole else place.index
        return tuple(part if isinstance(part, slice) else slice(part, part + 1) for part in index)
    return (..., slice(place.index[0], place.index[0] + 1))  # a filter, or a unit


def _result(snapshot: Snapshot, place: Place, quantity: Quantity, whole: bool) -> list[str]:
    """Return the lines that print the number, and say what it should be."""
    index = _tile_of(place) if whole else _index_of(place)
    expected = (values_of if quantity == "value" else gradients_of)(snapshot, place)[index]
    name = _variable(place, quantity) + (_written(index) if index else "")
    if not whole:
        return [f"result = {name}", f"print(result)  # {_text(expected)} in cnnviz"]
    least, most = _text(expected.min()), _text(expected.max())
    return [
        f"result = {name}  # {expected.shape}",
        "print(result)",
        f"print(result.min(), result.max())  # {least} and {most} in cnnviz",
    ]


def _variable(place: Place, quantity: Quantity) -> str:
    """Return what holds the array that ``place`` is a number of."""
    if isinstance(place, Probability):
        return "probabilities"
    if isinstance(place, Weight):
        whole = f'parameters["{place.layer}/{place.name}"]'
        return whole if quantity == "value" else gradient_name(f"{place.layer}_{place.name}")
    name = _INPUTS if place.layer == INPUT else place.layer
    return name if quantity == "value" else gradient_name(name)


def _index_of(place: Place) -> Index:
    return (place.digit,) if isinstance(place, Probability) else place.index


def _tile_of(place: Place) -> Index:
    """Return the index of the tile in which ``place`` is shown."""
    index = _index_of(place)
    if isinstance(place, Weight):
        return index[:2] if len(index) == 4 else index[:-1]
    return (_ALL, _ALL, index[2]) if len(index) == 3 else ()


def _spot(snapshot: Snapshot, name: str) -> Spot:
    """Return where layer ``name`` stands."""
    stage = Stage.of(snapshot, name)
    source = _INPUTS if stage.before == INPUT else stage.before
    return Spot(name, source, stage.x.shape, stage.y.shape, stage.cache)


def _set(variable: str, snapshot: Snapshot, place: Weight | Cell) -> str:
    """Return the line that gives ``place`` its value."""
    value = values_of(snapshot, place)[place.index]
    return f'{variable}{_written(place.index)} = float("{_text(value)}")  # changed by hand'


def _written(index: Index) -> str:
    return f"[{', '.join(':' if part == _ALL else str(part) for part in index)}]"


def _text(value: np.floating) -> str:
    """Return the shortest text that stands for just this number."""
    return str(value)
