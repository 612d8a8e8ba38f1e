"""What would be if one number of a snapshot were another one."""

from dataclasses import dataclass, replace

import numpy as np

from cnnviz.explain.places import INPUT, Cell, Place, Probability, Weight, exists, gradient_at, value_at
from cnnviz.nn import Parameters
from cnnviz.training.snapshot import Probe, Snapshot, Trace, trace_inputs

NudgePlace = Weight | Cell


@dataclass(frozen=True, kw_only=True)
class WhatIf(Snapshot):
    """A snapshot in which one number was changed, and all that follows from it, and nothing else.

    ``parameters``, or the inputs in ``trace``, hold the other number; the trace is what the engine makes of it. The
    digit that the cost is reckoned for stays that of ``actual``, also where the probe has no label.

    Attributes
    ----------
    actual : Snapshot
        The run as it is.
    place : Weight or Cell
        Which number; a cell is a pixel of the input.
    value : float
        What it was changed to, in single precision.
    """

    actual: Snapshot
    place: NudgePlace
    value: float

    @property
    def before(self) -> float:
        """What the number is in the run."""
        return value_at(self.actual, self.place)

    @property
    def predicted_loss(self) -> float:
        """The cost that the gradient lets expect: that of the run, and the slope there times the change."""
        return predicted_loss(self.actual, self.place, self.value)


def obstacle(place: Place) -> str | None:
    """Return why the number at ``place`` cannot be changed, in a sentence; None where it can."""
    if isinstance(place, Weight) or (isinstance(place, Cell) and place.layer == INPUT):
        return None
    what = "A probability" if isinstance(place, Probability) else "This number"
    return f"{what} is worked out from weights and pixels: nudge one of those."


def what_if(snapshot: Snapshot, place: NudgePlace, value: float) -> WhatIf:
    """Return what ``snapshot`` would be with ``value`` at ``place``; it stays as it is itself.

    Raises
    ------
    ValueError
        The number at ``place`` is worked out from others.
    """
    if complaint := obstacle(place):
        raise ValueError(complaint)
    inputs, parameters, probe = snapshot.trace.inputs, snapshot.parameters, snapshot.trace.probe
    if isinstance(place, Weight):
        parameters = _with_parameter(parameters, place, value)
    else:
        inputs = inputs.copy()
        inputs[place.index] = value
        probe = _with_pixel(snapshot, place, value)
    seen = trace_inputs(snapshot.network, parameters, probe, inputs[np.newaxis], snapshot.trace.target)
    given = {**vars(snapshot), "parameters": parameters, "trace": seen}
    return WhatIf(**given, actual=snapshot, place=place, value=float(np.float32(value)))


def again(nudge: WhatIf, actual: Snapshot) -> WhatIf | None:
    """Return the same change of a newer snapshot; None where it has no such number, or the pixel another image."""
    if not exists(actual, nudge.place):
        return None
    if isinstance(nudge.place, Cell) and not np.array_equal(_image(actual), _image(nudge.actual)):
        return None
    return what_if(actual, nudge.place, nudge.value)


def actual(snapshot: Snapshot) -> Snapshot:
    """Return the run as it is, where ``snapshot`` may be a what-if."""
    return snapshot.actual if isinstance(snapshot, WhatIf) else snapshot


def predicted_loss(snapshot: Snapshot, place: NudgePlace, value: float) -> float:
    """Return the cost that the gradient lets expect with ``value`` at ``place``: cost + gradient times change."""
    with np.errstate(over="ignore", invalid="ignore"):
        change = np.float64(value) - value_at(snapshot, place)
        return float(snapshot.trace.loss + gradient_at(snapshot, place) * change)


def probability_of_target(trace: Trace) -> float:
    """Return how likely the digit is that the cost is reckoned for."""
    return float(trace.probabilities[trace.target])


def _image(snapshot: Snapshot) -> np.ndarray:
    return snapshot.trace.probe.image


def _with_parameter(parameters: Parameters, place: Weight, value: float) -> Parameters:
    """Return read-only parameters, one of them another; copied once, for they may be millions."""
    vector = parameters.vector.copy()
    Parameters(parameters.shapes, vector)[place.layer][place.name][place.index] = value
    vector.flags.writeable = False
    return Parameters(parameters.shapes, vector)


def _with_pixel(snapshot: Snapshot, place: Cell, value: float) -> Probe:
    """Return the probe with the nearest grey level that there is to ``value`` at that pixel."""
    probe, normalization = snapshot.trace.probe, snapshot.normalization
    image = probe.image.copy()
    image[place.index[:2]] = np.clip(round(value * normalization.std + normalization.mean), 0, 255)
    return replace(probe, image=image)
