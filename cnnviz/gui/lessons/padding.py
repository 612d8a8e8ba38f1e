"""The lesson on padding and stride: how large the output is."""

from PySide6.QtWidgets import QComboBox

from cnnviz.gui.lessons.arithmetic import Convolved, convolve
from cnnviz.gui.lessons.convolution import ConvolutionScene
from cnnviz.gui.lessons.lesson import Lesson

PADDINGS = ("same", "valid")
STRIDES = (1, 2)


class PaddingScene(ConvolutionScene):
    """The same convolution with or without a border of zeros, in steps of one or two cells.

    Attributes
    ----------
    padding, stride_choice : QComboBox
    """

    padding: QComboBox
    stride_choice: QComboBox

    def __init__(self) -> None:
        self._padding, self._stride = PADDINGS[0], STRIDES[0]
        super().__init__()

    def add_choices(self) -> None:
        """Add padding and stride."""
        self.padding = self.add_choice(
            "Padding", "same: a border of zeros; valid: only whole patches of the image", PADDINGS, self._choose
        )
        self.stride_choice = self.add_choice(
            "Stride", "How many cells the filter moves at a time", tuple(map(str, STRIDES)), self._choose
        )

    def _choose(self) -> None:
        self._padding = PADDINGS[self.padding.currentIndex()]
        self._stride = STRIDES[self.stride_choice.currentIndex()]
        self.play.stop()
        self.show_numbers()

    def convolve(self) -> Convolved:
        """Return what image and filter give with this padding and stride."""
        return convolve(self._image, self.filter.values, self._padding, self._stride)

    def stride(self) -> int:
        """Return how far the filter moves."""
        return self._stride

    def image_title(self) -> str:
        """Say that there is a border."""
        return "image and border" if self._padding == "same" else "image"

    def say(self, text: str) -> None:
        """Tell the sizes, and the sum of the cell."""
        (n, _), (k, _), (out, _) = (grid.values.shape for grid in (self.image, self.filter, self.output))
        steps = f"({n} \u2212 {k}) / {self._stride}"
        steps = steps if (n - k) % self._stride == 0 else f"{steps}, rounded down,"
        super().say(f"size of the output: {steps} + 1 = <b>{out}</b><br>{text}")


LESSON = Lesson(
    title="Padding and stride",
    sentences=(
        "A 3×3 filter finds only two whole patches beside each other in four pixels, so the output shrinks. A border "
        "of zeros, called \u201csame\u201d padding, gives it room, and the output stays as large as the image. The "
        "stride is how many cells the filter moves at a time."
    ),
    attempt=(
        "With padding \u201csame\u201d fill the image with one number: the middle of the output is 0, as it should be, "
        "but its left and right columns light up. The filter takes the border of zeros for an edge."
    ),
    source="Zhou, part 1, section 3.2; Escontrela, Convolutions",
    make_scene=PaddingScene,
)
