"""The lesson on max pooling: forwards, and the way of the gradient back."""

import numpy as np

from cnnviz.explain.layers.maxpool2d import TIE_POLICIES
from cnnviz.gui.editable_grid import EditableGrid, Editing
from cnnviz.gui.lessons.arithmetic import as_example, patch_cells
from cnnviz.gui.lessons.grid_row import GridRow
from cnnviz.gui.lessons.lesson import Lesson, Scene
from cnnviz.gui.number_grid import NumberGrid
from cnnviz.gui.tiles import number
from cnnviz.nn import MaxPool2D
from cnnviz.nn.layers.maxpool2d import TIES

IMAGE = np.array([[1, 4, 8, 2], [3, 2, 6, 7], [0, 9, 5, 5], [7, 8, 4, 1]], float)
ARRIVING = np.array([[10, 20], [30, 40]], float)
_VALUE, _GRADIENT = Editing(-9, 9, 1), Editing(-50, 50, 5)
_SIZE = 2


class PoolingScene(Scene):
    """The largest value of each window on its way out, and the gradient on its way back.

    Attributes
    ----------
    image, maxima, arriving, handed_back : NumberGrid
    ties : QComboBox
    """

    def __init__(self) -> None:
        super().__init__()
        self.image = EditableGrid("image 4×4", IMAGE, _VALUE, scale=_VALUE.high)
        self.maxima = NumberGrid("maxima 2×2", np.zeros((2, 2)), scale=_VALUE.high)
        self.arriving = EditableGrid("gradient arriving", ARRIVING, _GRADIENT, scale=_GRADIENT.high)
        self.handed_back = NumberGrid("gradient handed back", IMAGE, scale=_GRADIENT.high)
        self.row = GridRow(self.image, "\u2192", self.maxima, self.arriving, "\u2192", self.handed_back)
        self.ties = self.add_choice(
            "Equal maxima",
            "Which of several equal maxima gets the gradient",
            tuple(TIE_POLICIES[t].winners for t in TIES),
            self._show,
        )
        self.add_button("&Reset numbers", "Begin again with the numbers of the lesson (Alt+R)", self.reset)
        self.lay_out(self.row)
        self._window = (1, 1)  # where two are equal
        for grid in (self.image, self.arriving):
            grid.edited.connect(self._show)
        for grid in self.row.grids:
            grid.pointed.connect(lambda grid=grid: self.show_window(self._window_of(grid)))
        self._show()

    def reset(self) -> None:
        """Begin again with the numbers of the lesson."""
        self.image.show_values(IMAGE)
        self.arriving.show_values(ARRIVING)
        self._show()

    def _show(self) -> None:
        """Pool, and hand back."""
        layer = MaxPool2D(_SIZE, _SIZE, TIES[self.ties.currentIndex()])
        y, cache = layer.forward(as_example(self.image.values), {})
        dx = layer.input_gradient(as_example(self.arriving.values), cache, {})
        self.maxima.show_values(y[0, :, :, 0])
        self.handed_back.show_values(dx[0, :, :, 0])
        self.show_window(self._window)

    def _window_of(self, grid: NumberGrid) -> tuple[int, int]:
        small = grid in (self.maxima, self.arriving)
        row, column = (index if small else index // _SIZE for index in grid.cell)
        return row, column

    def show_window(self, window: tuple[int, int]) -> None:
        """Light one window in all four tables, and say what happens in it."""
        self._window = window
        cells = patch_cells(window, (_SIZE, _SIZE), _SIZE)
        for grid in (self.image, self.handed_back):
            grid.light(cells)
        for grid in (self.maxima, self.arriving):
            grid.light([window])
        maximum, gradient = self.maxima.values[window], self.arriving.values[window]
        holders = [cell for cell in cells if self.image.values[cell] == maximum]
        where = " and ".join(f"({row}, {column})" for row, column in holders)
        paid = " + ".join(number(self.handed_back.values[cell]) for cell in holders)
        back, arrived = (number(grid.values.sum()) for grid in (self.handed_back, self.arriving))
        agree = " \u2713" if back == arrived else ": not the same!"
        values = ", ".join(number(self.image.values[cell]) for cell in cells)
        self.say(
            f"window ({window[0]}, {window[1]}): the largest of {values} is <b>{number(maximum)}</b>, at {where}<br>"
            f"of its gradient of {number(gradient)}, handed back: <b>{paid}</b><br>"
            f"all windows: sum arriving {arrived}, sum handed back {back}{agree}"
        )


LESSON = Lesson(
    title="Max pooling, both ways",
    sentences=(
        "Max pooling keeps the largest of every four values and forgets the rest. The gradient goes back to the cell "
        "that won; the others get 0, for a small change of theirs would change nothing. Where two cells share the "
        "maximum, as the fives do here, Escontrela pays the first of them, Zhou every one."
    ),
    attempt=(
        "Let each of the equal maxima have the gradient in full: more is handed back than arrived. Now set all four "
        "values of a window to 0, as ReLU often does, and see how much."
    ),
    source="Zhou, part 1, section 4, and part 2, section 4; Escontrela, Downsampling",
    make_scene=PoolingScene,
)
