"""The lesson on convolution: one filter on one small image, position by position."""

from cnnviz.gui.editable_grid import EditableGrid, Editing
from cnnviz.gui.lessons.arithmetic import TINY, VERTICAL_SOBEL, Convolved, convolve, patch_cells, written_sum
from cnnviz.gui.lessons.grid_row import GridRow
from cnnviz.gui.lessons.lesson import Lesson, Scene
from cnnviz.gui.lessons.play_button import PlayButton
from cnnviz.gui.number_grid import NumberGrid
from cnnviz.gui.tiles import Coloring, number

GREY = Editing(0, 255, 10)  # levels of an image
WEIGHT = Editing(-9, 9, 1)
STRONG = 4  # weight of the strongest colour
WHITE = 255


class ConvolutionScene(Scene):
    """An image, a filter, what they give, and the products behind one cell of it.

    Attributes
    ----------
    image, filter, products, output : NumberGrid
    """

    def __init__(self) -> None:
        super().__init__()
        self._image = TINY
        self.image = EditableGrid("image", TINY, GREY, scale=WHITE, coloring=Coloring.GREY)
        self.filter = EditableGrid("filter", VERTICAL_SOBEL, WEIGHT, scale=STRONG)
        self.output = NumberGrid("output", self.convolve().output)
        self.products = NumberGrid("products", VERTICAL_SOBEL)
        self.row = GridRow(self.image, "\u2217", self.filter, "\u2192", self.products, "\u03a3\u2009=", self.output)
        self.play = PlayButton(self.output)
        self.add_choices()
        self.controls.addWidget(self.play)
        self.add_button("&Fill image", "Give every pixel the number under the cursor (Ctrl+Enter)", self.image.fill)
        self.add_button("&Reset numbers", "Begin again with the numbers of the article (Alt+R)", self.reset)
        self.lay_out(self.row)
        self.image.edited.connect(self._take_image)
        self.filter.edited.connect(self.show_numbers)
        self.output.pointed.connect(self.show_position)
        self.show_numbers()

    def add_choices(self) -> None:
        """Add what can be chosen; nothing here."""

    def convolve(self) -> Convolved:
        """Return what image and filter give."""
        return convolve(self._image, self.filter.values)

    def stride(self) -> int:
        """Return how far the filter moves."""
        return 1

    def reset(self) -> None:
        """Begin again with the numbers of the article."""
        self._image = TINY
        self.filter.show_values(VERTICAL_SOBEL)
        self.show_numbers()

    def _take_image(self) -> None:
        """Take the image without its border."""
        inside = ~self.convolve().is_border
        self._image = self.image.values[inside].reshape(self._image.shape)
        self.show_numbers()

    def show_numbers(self) -> None:
        """Show the image as the filter sees it, and the output."""
        padded, is_border, output = self.convolve()
        self.image.show_values(padded, is_border)
        self.output.show_values(output)
        for grid, name in ((self.image, self.image_title()), (self.filter, "filter"), (self.output, "output")):
            rows, columns = grid.values.shape
            grid.set_title(f"{name} {rows}\u00d7{columns}")
        self.row.arrange()
        self.show_position()

    def image_title(self) -> str:
        """Return what is written above the image."""
        return "image"

    def show_position(self) -> None:
        """Light the patch behind one cell of the output, and write out its sum."""
        cells = patch_cells(self.output.cell, self.filter.values.shape, self.stride())
        self.image.light(cells)
        self.output.light([self.output.cell])
        pairs = [(self.image.values[cell], weight) for cell, weight in zip(cells, self.filter.values.flat, strict=True)]
        shape = self.filter.values.shape
        self.products.show_values([[a * b for a, b in pairs[i : i + shape[1]]] for i in range(0, len(pairs), shape[1])])
        result = number(self.output.values[self.output.cell])
        self.say(f"{written_sum(pairs)} =\u00a0<b>{result}</b>")


LESSON = Lesson(
    title="Convolution",
    sentences=(
        "A filter is a small table of weights. Laid over a patch of the image, each weight is multiplied by the pixel "
        "under it, and the sum of all products becomes one cell of the output; then the filter moves on. This one, the "
        "vertical Sobel filter, compares what lies on the right with what lies on the left."
    ),
    attempt=(
        "Click the brightest pixel and fill the image with its number: the whole output falls to 0. This filter is "
        "blind to brightness, it answers to differences only. Then turn the wheel over a single pixel."
    ),
    source="Zhou, part 1, section 3",
    make_scene=ConvolutionScene,
)
