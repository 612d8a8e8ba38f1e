"""The lesson on features: a filter for a curve, its bias, and ReLU."""

import numpy as np

from cnnviz.gui.editable_grid import EditableGrid, Editing
from cnnviz.gui.lessons.arithmetic import as_example, convolve, in_brackets, written_sum
from cnnviz.gui.lessons.convolution import GREY
from cnnviz.gui.lessons.grid_row import GridRow
from cnnviz.gui.lessons.lesson import Lesson, Scene
from cnnviz.gui.number_grid import NumberGrid
from cnnviz.gui.tiles import Coloring, number
from cnnviz.nn import ReLU

_INK = 50.0  # grey level of a stroke
_WEIGHT = Editing(-50, 50, 10)
_THRESHOLD = -3000.0  # bias at first
_BIAS = Editing(-9000, 9000, 500)

FILTER = 30.0 * np.array(
    [
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 0, 0],
        [0, 0, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ]
)
_CURVE = _INK * np.array(
    [
        [0, 1, 0, 0, 0, 0, 0],
        [0, 0.4, 1, 1, 0, 0, 0],
        [0, 0, 0, 1, 1, 0, 0],
        [0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0.4, 0.4, 0, 0],
        [0, 0, 1, 1, 0, 0, 0],
    ]
)
IMAGES = {
    "right-hand curve": _CURVE,
    "left-hand curve": _CURVE[:, ::-1],
    "slanted stroke": _INK * np.eye(7)[::-1],
    "all ink": np.full((7, 7), _INK),
}


class CurveScene(Scene):
    """An image as large as the filter, so that the output is a single number; then bias and ReLU.

    Attributes
    ----------
    image, filter, bias, output, rectified : NumberGrid
    which : QComboBox
    """

    def __init__(self) -> None:
        super().__init__()
        image = IMAGES["right-hand curve"]
        self.image = EditableGrid("image 7×7", image, GREY, scale=_INK, coloring=Coloring.GREY)
        self.filter = EditableGrid("filter 7×7", FILTER, _WEIGHT, scale=_WEIGHT.high)
        self.bias = EditableGrid("bias", [[_THRESHOLD]], _BIAS, scale=_BIAS.high, zoom=2)
        self.output = NumberGrid("output", [[0]], scale=_BIAS.high, zoom=2)
        self.rectified = NumberGrid("ReLU", [[0]], scale=_BIAS.high, zoom=2)
        self.row = GridRow(
            self.image, "\u2217", self.filter, "+", self.bias, "=", self.output, "\u2192", self.rectified
        )
        self.which = self.add_choice("Image", "What the filter is laid on", tuple(IMAGES), self.choose)
        self.add_button(
            "&Reset numbers", "Begin again with this image and the filter of the lesson (Alt+R)", self.reset
        )
        self.lay_out(self.row)
        for grid in (self.image, self.filter, self.bias):
            grid.edited.connect(self.show_numbers)
        for grid, other in ((self.image, self.filter), (self.filter, self.image)):
            grid.pointed.connect(lambda grid=grid, other=other: other.light([grid.cell]))
        self.show_numbers()

    def choose(self, which: int) -> None:
        """Lay the filter on the image of that number in ``IMAGES``."""
        self.image.show_values(list(IMAGES.values())[which])
        self.show_numbers()

    def reset(self) -> None:
        """Begin again with this image."""
        self.filter.show_values(FILTER)
        self.bias.show_values([[_THRESHOLD]])
        self.choose(self.which.currentIndex())

    def show_numbers(self) -> None:
        """Show what comes of it, with every product that is not 0."""
        bias = float(self.bias.values[0, 0])
        output = convolve(self.image.values, self.filter.values, bias=bias).output
        rectified, _ = ReLU().forward(as_example(output), {})
        self.output.show_values(output)
        self.rectified.show_values(rectified[0, :, :, 0])
        pairs = [pair for pair in zip(self.image.values.flat, self.filter.values.flat, strict=True) if all(pair)]
        products = written_sum(pairs[:8]) + (f" + {len(pairs) - 8} more" if len(pairs) > 8 else "")
        total, result = number(output[0, 0]), number(rectified[0, 0, 0, 0])
        self.say(
            f"{products} + bias {in_brackets(bias)} = {total}<br>ReLU: the larger of {total} and 0 = <b>{result}</b>"
        )


LESSON = Lesson(
    title="A filter for a curve",
    sentences=(
        "Five weights of 30 lie along a curve that bends to the right. Where the image has ink under them, the "
        "products add up to 6,600; on other strokes they meet little ink. The bias sets how much is enough, and ReLU "
        "turns all that stays below 0 into 0: the feature is there, or it is not."
    ),
    attempt=(
        "Choose \u201call ink\u201d: it excites this filter more than the very curve that it looks for! Now give the "
        "filter some negative weights beside the curve, until the curve wins again."
    ),
    source="Escontrela, Convolutions",
    make_scene=CurveScene,
)
