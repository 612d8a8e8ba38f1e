"""What is said of the way from maps to one vector."""

import math

import numpy as np

from cnnviz.explain.layers.explained import Explained
from cnnviz.explain.places import Cell
from cnnviz.explain.regions import Region
from cnnviz.explain.spot import Spot
from cnnviz.explain.stage import Stage
from cnnviz.explain.terms import Index, Operation, Terms
from cnnviz.explain.wording import Explanation
from cnnviz.nn import Flatten
from cnnviz.nn.shapes import Shape


class ExplainedFlatten(Explained):
    """Maps are laid out as one vector: channel by channel, row by row."""

    layer: Flatten

    hands_on_as_it_is = True

    def region_before(self, region: Region, input_shape: Shape) -> Region:
        """Return the box around the cells that became these units."""
        height, width, channels = input_shape
        cells = np.unravel_index(np.arange(math.prod(input_shape))[region], (channels, height, width))
        first, *others = (slice(int(axis.min()), int(axis.max()) + 1) for axis in cells)
        return *others, first

    def output_terms(self, stage: Stage, place: Cell) -> Terms:
        """Return the cell that became the unit."""
        return Terms(
            place,
            float(stage.y[place.index]),
            Operation.SUM,
            (stage.input_at(_cell_of(place.index[0], stage.x.shape)),),
            "the same number: channel by channel, row by row, all are laid out in one line",
        )

    def input_gradient_terms(self, stage: Stage, place: Cell, value: float) -> Terms:
        """Return the gradient by the unit that the cell became."""
        row, column, channel = place.index
        height, width, _ = stage.x.shape
        unit = (channel * height + row) * width + column
        return Terms(place, value, Operation.SUM, (stage.gradient_at((unit,)),), "handed back as it is")

    def forward_code(self, spot: Spot) -> list[str]:
        """Return the change of shape."""
        return [f"{spot.name} = {spot.source}.transpose(2, 0, 1).reshape(-1)  # {spot.made}, channel by channel"]

    def input_gradient_code(self, spot: Spot) -> list[str]:
        """Return the change of shape back."""
        height, width, channels = spot.given
        back = f"reshape({channels}, {height}, {width}).transpose(1, 2, 0)"
        return [f"{spot.source_gradient} = {spot.gradient}.{back}  # {spot.given}"]

    def forward_words(self) -> Explanation:
        """Return where each number goes."""
        return Explanation(
            "The maps are laid out as one vector, channel by channel and row by row; no number changes.",
            "y[(k · H + i) · W + j] = x[i, j, k]",
            (Flatten.forward,),
        )

    def input_gradient_words(self) -> Explanation:
        """Return where each gradient goes."""
        return Explanation(
            "The gradient is put together to maps again, each number where it came from.",
            "∂L/∂x[i, j, k] = ∂L/∂y[(k · H + i) · W + j]",
            (Flatten.input_gradient,),
        )


def _cell_of(unit: int, shape: Shape) -> Index:
    """Return (row, column, channel) of what became ``unit``, in maps of ``shape`` (H, W, C)."""
    height, width, channels = shape
    channel, row, column = np.unravel_index(unit, (channels, height, width))
    return int(row), int(column), int(channel)
