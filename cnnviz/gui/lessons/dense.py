"""The lesson on the dense layer: maps laid out as one vector, and sums over all of it."""

import numpy as np

from cnnviz.gui.editable_grid import EditableGrid, Editing
from cnnviz.gui.lessons.arithmetic import in_brackets, written_sum
from cnnviz.gui.lessons.grid_row import GridRow
from cnnviz.gui.lessons.lesson import Lesson, Scene
from cnnviz.gui.number_grid import NumberGrid
from cnnviz.gui.tiles import number
from cnnviz.nn import Dense, Flatten, ReLU

MAPS = np.array([[[4, 8], [9, 5]], [[0, 3], [2, 0]]], float)  # (C, H, W)
WEIGHT = np.array([[1, 0, -1, 0, 2, 0, 0, 1], [0, 1, 0, 1, 0, -2, 1, 0], [-1, 0, 1, 0, 0, 1, 0, -1]], float)
BIAS = np.array([1, -3, 0], float)
_VALUE, _FACTOR = Editing(-9, 9, 1), Editing(-4, 4, 1)


class DenseScene(Scene):
    """Two maps, the vector that they are laid out as, and three units that each look at all of it.

    Attributes
    ----------
    first, second, vector, weight, bias, output, rectified : NumberGrid
    """

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = (
            EditableGrid(f"map {i}", values, _VALUE, scale=_VALUE.high) for i, values in enumerate(MAPS)
        )
        self.vector = NumberGrid("flattened: 8 values", np.zeros((1, 8)), scale=_VALUE.high)
        self.weight = EditableGrid("weights: a row for each unit", WEIGHT, _FACTOR, scale=_FACTOR.high)
        self.bias = EditableGrid("bias", BIAS[:, np.newaxis], _VALUE, scale=_VALUE.high)
        self.output = NumberGrid("output", np.zeros((3, 1)), scale=3 * _VALUE.high)
        self.rectified = NumberGrid("ReLU", np.zeros((3, 1)), scale=3 * _VALUE.high)
        self.add_button("&Reset numbers", "Begin again with the numbers of the lesson (Alt+R)", self.reset)
        self.lay_out(
            GridRow(self.first, self.second, "\u2192", self.vector),
            GridRow(self.weight, "+", self.bias, "=", self.output, "\u2192", self.rectified),
        )
        for grid in (self.first, self.second, self.weight, self.bias):
            grid.edited.connect(self._show)
        for grid in (self.weight, self.bias, self.output, self.rectified):
            grid.pointed.connect(lambda grid=grid: self.show_unit(grid.cell[0]))
        for grid in (self.first, self.second, self.vector):
            grid.pointed.connect(lambda grid=grid: self.show_input(grid))
        self._unit = 0
        self._show()

    def reset(self) -> None:
        """Begin again with the numbers of the lesson."""
        self.first.show_values(MAPS[0])
        self.second.show_values(MAPS[1])
        self.weight.show_values(WEIGHT)
        self.bias.show_values(BIAS[:, np.newaxis])
        self._show()

    def _show(self) -> None:
        """Lay out, multiply, rectify."""
        maps = np.stack([self.first.values, self.second.values], axis=-1)[np.newaxis]
        vector, _ = Flatten().forward(maps, {})
        parameters = {"weight": self.weight.values, "bias": self.bias.values[:, 0]}
        output, _ = Dense(3).forward(vector, parameters)
        rectified, _ = ReLU().forward(output, {})
        self.vector.show_values(vector)
        self.output.show_values(output.T)
        self.rectified.show_values(rectified.T)
        self.show_unit(self._unit)

    def show_input(self, grid: NumberGrid) -> None:
        """Light one value in its map and in the vector."""
        row, column = grid.cell
        place = column if grid is self.vector else 2 * row + column + (4 if grid is self.second else 0)
        index, (row, column) = place // 4, divmod(place % 4, 2)
        self.vector.light([(0, place)])
        for number_of_map, each in enumerate((self.first, self.second)):
            each.light([(row, column)] if number_of_map == index else [])
        self.weight.light([(unit, place) for unit in range(3)])
        for result in (self.bias, self.output, self.rectified):
            result.light([])
        value = number(self.vector.values[0, place])
        self.say(
            f"map {index}, ({row}, {column}) is value {place} of the vector: <b>{value}</b><br>"
            f"every unit multiplies it by its own weight {place}"
        )

    def show_unit(self, unit: int) -> None:
        """Light all that one unit sums up, and write it out."""
        self._unit = unit
        for grid in (self.first, self.second, self.vector, self.weight):
            grid.light([])
        self.vector.light([(0, place) for place in range(8)])
        self.weight.light([(unit, place) for place in range(8)])
        for grid in (self.bias, self.output, self.rectified):
            grid.light([(unit, 0)])
        products = written_sum(zip(self.vector.values[0], self.weight.values[unit], strict=True))
        output, rectified = (number(grid.values[unit, 0]) for grid in (self.output, self.rectified))
        bias = in_brackets(self.bias.values[unit, 0])
        self.say(f"{products} + bias {bias} =\u00a0{output}<br>unit {unit} after ReLU: <b>{rectified}</b>")


LESSON = Lesson(
    title="Flatten and dense layer",
    sentences=(
        "After the last pooling the maps are laid out as one long vector, map by map and row by row. Each unit of a "
        "dense layer multiplies all of its values by weights of its own and adds a bias; ReLU lets pass only what is "
        "above 0. Here a cell's place in its map decides which weight it meets."
    ),
    attempt=(
        "Swap two values of a map: the same values are there, only moved by one cell, and the units answer otherwise. "
        "A dense layer knows nothing of neighbours; a convolution would have found the same thing one cell on."
    ),
    source="Escontrela, Fully-Connected Layer",
    make_scene=DenseScene,
)
