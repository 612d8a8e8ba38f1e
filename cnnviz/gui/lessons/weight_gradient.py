"""The lesson on the gradient of a filter's weights."""

from typing import NamedTuple

import numpy as np

from cnnviz.gui.editable_grid import EditableGrid, Editing
from cnnviz.gui.lessons.arithmetic import TINY, VERTICAL_SOBEL, as_example, as_weight, convolve, written_sum
from cnnviz.gui.lessons.convolution import GREY, STRONG, WEIGHT, WHITE
from cnnviz.gui.lessons.grid_row import GridRow
from cnnviz.gui.lessons.lesson import Lesson, Scene
from cnnviz.gui.number_grid import NumberGrid
from cnnviz.gui.tiles import Coloring, figures, number
from cnnviz.nn import Conv2D
from cnnviz.nn.gradient_check import numerical_gradient, relative_error


class Example(NamedTuple):
    """Where a scene begins: an image, a filter, and the gradient that arrives at the output."""

    image: np.ndarray
    filter: np.ndarray
    arriving: np.ndarray


EXAMPLES = {
    "3×3, one output": Example(
        np.array([[20, 31, 12], [14, 80, 5], [7, 0, 61]], float), np.zeros((3, 3)), np.ones((1, 1))
    ),
    "4×4, four outputs": Example(TINY, VERTICAL_SOBEL, np.array([[1, -1], [0.5, 2]])),
}
_GRADIENT = Editing(-4, 4, 0.5)


class WeightGradientScene(Scene):
    """A convolution, the gradient at its output, and that by each weight: from the engine, and by trying it out.

    Attributes
    ----------
    image, filter, output, arriving, gradient, difference : NumberGrid
    which : QComboBox
    """

    def __init__(self) -> None:
        super().__init__()
        example = next(iter(EXAMPLES.values()))
        self.image = EditableGrid("image", example.image, GREY, scale=WHITE, coloring=Coloring.GREY)
        self.filter = EditableGrid("filter", example.filter, WEIGHT, scale=STRONG)
        self.output = NumberGrid("output", example.arriving)
        self.arriving = EditableGrid("output gradient", example.arriving, _GRADIENT, scale=_GRADIENT.high)
        self.gradient = NumberGrid("gradient by weight", example.filter)
        self.difference = NumberGrid("central difference", example.filter)
        self.rows = (
            GridRow(self.image, "\u2217", self.filter, "=", self.output),
            GridRow(self.arriving, "\u2192", self.gradient, "\u2248", self.difference),
        )
        self.which = self.add_choice("Image", "How many places the filter takes", tuple(EXAMPLES), self.choose)
        self.add_button("&Reset numbers", "Begin again with the numbers of this example (Alt+R)", self.reset)
        self.lay_out(*self.rows)
        for grid in (self.image, self.filter, self.arriving):
            grid.edited.connect(self._show)
        for grid in (self.filter, self.gradient, self.difference):
            grid.pointed.connect(lambda grid=grid: self.show_weight(grid.cell))
        self._weight = (1, 1)
        for grid in (self.filter, self.gradient, self.difference):
            grid.move_to(self._weight)
        self._show()

    def choose(self, which: int) -> None:
        """Begin with the example of that number in ``EXAMPLES``."""
        example = list(EXAMPLES.values())[which]
        self.image.show_values(example.image)
        self.filter.show_values(example.filter)
        self.arriving.show_values(example.arriving)
        self._show()

    def reset(self) -> None:
        """Begin again with the numbers of this example."""
        self.choose(self.which.currentIndex())

    def _show(self) -> None:
        """Go forwards and back, and try each weight out."""
        self.output.show_values(convolve(self.image.values, self.filter.values).output)
        self.gradient.show_values(self._gradient())
        self.difference.show_values(self._difference())
        for row in self.rows:
            row.arrange()
        self.show_weight(self._weight)

    def _gradient(self) -> np.ndarray:
        """Return the engine's gradient by each weight."""
        layer, weight = Conv2D(1, 3, bias=False), as_weight(self.filter.values)
        _, cache = layer.forward(as_example(self.image.values), {"weight": weight})
        gradients = {"weight": np.empty_like(weight)}
        layer.parameter_gradients(as_example(self.arriving.values), cache, gradients)
        return gradients["weight"][0, 0]

    def _difference(self) -> np.ndarray:
        """Return how the cost follows each weight when it is nudged a little up and down.

        The cost is one that has the output gradient as its gradient: the outputs, each times its own, summed up.
        """
        nudged = self.filter.values.copy()
        return numerical_gradient(
            lambda: float((convolve(self.image.values, nudged).output * self.arriving.values).sum()), nudged
        )

    def show_weight(self, weight: tuple[int, int]) -> None:
        """Light the pixels that one weight meets, and write out its gradient."""
        self._weight = weight
        positions = list(np.ndindex(*self.arriving.values.shape))
        cells = [(row + weight[0], column + weight[1]) for row, column in positions]
        self.image.light(cells)
        self.arriving.light(positions)
        self.output.light(positions)
        for grid in (self.filter, self.gradient, self.difference):
            grid.light([weight])
        terms = written_sum(
            (self.image.values[cell], self.arriving.values[place]) for cell, place in zip(cells, positions, strict=True)
        )
        error = relative_error(self.gradient.values, self.difference.values)
        self.say(
            f"weight ({weight[0]}, {weight[1]}), pixel × output gradient at every position: "
            f"{terms} = <b>{number(self.gradient.values[weight])}</b><br>"
            f"by trying it out: {number(self.difference.values[weight])}; "
            f"relative error of all nine: {figures(error, 1)}"
        )


LESSON = Lesson(
    title="The gradient of a weight",
    sentences=(
        "What if the centre weight grew by 1? The output would grow by 80, the pixel under it: so the gradient by a "
        "weight is that pixel times the gradient at the output, summed over all places that the filter takes. The "
        "central difference nudges each weight and looks what happens."
    ),
    attempt=(
        "Turn the weights of the filter as you like: the output follows, but not one figure of the gradient changes. "
        "It is made of pixels and the output gradient alone; change one of those."
    ),
    source="Zhou, part 2, section 5",
    make_scene=WeightGradientScene,
)
