"""The lesson on edges: Sobel filters, or one's own, on a whole digit."""

import numpy as np

from cnnviz.data.strokes.generator import generate_digits
from cnnviz.gui.editable_grid import EditableGrid
from cnnviz.gui.lessons.arithmetic import HORIZONTAL_SOBEL, VERTICAL_SOBEL, convolve, patch_cells, written_sum
from cnnviz.gui.lessons.convolution import STRONG, WEIGHT, WHITE
from cnnviz.gui.lessons.grid_row import GridRow
from cnnviz.gui.lessons.lesson import Lesson, Scene
from cnnviz.gui.number_grid import Cell, NumberGrid
from cnnviz.gui.tiles import Coloring, number

FILTERS = ("vertical edges", "horizontal edges", "both: strength of the edge", "my own")
VERTICAL, HORIZONTAL, BOTH, OWN = range(4)
_SEED = 8  # of the first digit


class SobelScene(Scene):
    """A digit, one filter or both, and the map that they give.

    Attributes
    ----------
    image, filter, second, map : NumberGrid
        ``second`` is the horizontal filter, where both are laid on.
    which : QComboBox
    """

    def __init__(self) -> None:
        super().__init__()
        self._seed = _SEED
        self.image = NumberGrid("digit 28×28", np.zeros((28, 28)), scale=WHITE, coloring=Coloring.GREY)
        self.filter = EditableGrid("filter 3×3", VERTICAL_SOBEL, WEIGHT, scale=STRONG, zoom=4)
        self.second = NumberGrid("second filter", HORIZONTAL_SOBEL, scale=STRONG, zoom=4)
        self.map = NumberGrid("map 26×26", np.zeros((26, 26)))
        self.map.move_to((9, 9))
        self.image.move_to((10, 10))  # the centre of that cell's patch
        self.second.hide()
        self.row = GridRow(self.image, "\u2217", self.filter, self.second, "=", self.map)
        self.which = self.add_choice("Filter", "What the filter looks for", FILTERS, self.choose)
        self.add_button(
            "&Fill filter", "Give all nine weights the number under the cursor (Ctrl+Enter)", self.filter.fill
        )
        self.add_button("Another &digit", "Lay the filter on another generated digit (Alt+D)", self._show_another)
        self.lay_out(self.row)
        self.filter.edited.connect(self._take_own)
        for grid in (self.image, self.map):
            grid.pointed.connect(self._point)
        self._pointed: NumberGrid = self.map
        self._show_digit()

    def _show_digit(self) -> None:
        images, _ = generate_digits(np.random.default_rng(self._seed), 1)
        self.image.show_values(images[0])
        self.show_map()

    def _show_another(self) -> None:
        self._seed += 1
        self._show_digit()

    def choose(self, which: int) -> None:
        """Lay on the filter of that number in ``FILTERS``; one's own begins as the one before."""
        if which != OWN:
            self.filter.show_values(HORIZONTAL_SOBEL if which == HORIZONTAL else VERTICAL_SOBEL)
        self.second.setVisible(which == BOTH)
        self.row.arrange()
        self.show_map()

    def _take_own(self) -> None:
        """Go on with the filter that was edited."""
        if self.which.currentIndex() != OWN:
            self.which.setCurrentIndex(OWN)  # shows the map
        else:
            self.show_map()

    def responses(self) -> list[np.ndarray]:
        """Return the output of each filter that is laid on, shape (26, 26)."""
        filters = [self.filter, self.second] if self.which.currentIndex() == BOTH else [self.filter]
        return [convolve(self.image.values, grid.values).output for grid in filters]

    def show_map(self) -> None:
        """Show what the filter gives everywhere."""
        responses = self.responses()
        self.map.show_values(responses[0] if len(responses) == 1 else np.hypot(*responses))
        self.show_position()

    def _point(self) -> None:
        self._pointed = self.sender()
        self.show_position()

    def position(self) -> Cell:
        """Return the cell of the map that is looked at: over the digit that whose patch has its centre there."""
        if self._pointed is self.map:
            return self.map.cell
        row, column = (min(max(index - 1, 0), 25) for index in self.image.cell)
        return row, column

    def show_position(self) -> None:
        """Light the patch behind one cell of the map, and write out its sum."""
        position = self.position()
        cells = patch_cells(position, (3, 3))
        self.image.light(cells)
        self.map.light([position])
        result = number(self.map.values[position])
        responses = [response[position] for response in self.responses()]
        if len(responses) > 1:
            squares = " + ".join(f"{number(response)}²" for response in responses).replace("\u2212", "")
            self.say(f"strength of the edge = \u221a({squares}) = <b>{result}</b>")
            return
        pairs = [(self.image.values[c], w) for c, w in zip(cells, self.filter.values.flat, strict=True)]
        self.say(f"{written_sum(pairs)} =\u00a0<b>{result}</b>")


LESSON = Lesson(
    title="Sobel filters on a digit",
    sentences=(
        "Laid over a whole digit, a filter draws a map of where it finds what it looks for. The vertical Sobel filter "
        "answers where left and right differ: orange where it grows brighter to the right, blue where it grows darker. "
        "The horizontal one does the same from bottom to top."
    ),
    attempt=(
        "Type a 1 into the filter and fill it: the map is a blurred digit, no edges left. Then make the middle one "
        "\u22128: now it answers to every edge, whichever way it runs."
    ),
    source="Zhou, part 1, section 3.1",
    make_scene=SobelScene,
)
