"""The lesson on softmax and cross-entropy."""

import numpy as np

from cnnviz.gui.editable_grid import EditableGrid, Editing
from cnnviz.gui.lessons.bars import Bars
from cnnviz.gui.lessons.grid_row import GridRow
from cnnviz.gui.lessons.lesson import Lesson, Scene
from cnnviz.gui.number_grid import NumberGrid
from cnnviz.gui.theme import Theme
from cnnviz.gui.tiles import number
from cnnviz.nn import Workspace, softmax_cross_entropy

LOGITS = np.array([[-1, 0, 3, 5]], float)
RIGHT = 3
_LOGIT = Editing(-999, 999, 0.5)
_SHIFT = 10.0
_CLASSES = LOGITS.shape[1]


class SoftmaxScene(Scene):
    """Four logits, what softmax makes of them, the cost, and the gradient.

    Attributes
    ----------
    logits, shifted, exponentials, probabilities, wanted, gradient : NumberGrid
    right : QComboBox
        The right class.
    """

    def __init__(self) -> None:
        super().__init__()
        self._class = RIGHT
        empty = np.zeros((1, _CLASSES))
        self.logits = EditableGrid("logits z", LOGITS, _LOGIT, scale=10)
        self.shifted = NumberGrid("z \u2212 largest z", empty, scale=10)
        self.exponentials = NumberGrid("e to the power of that", empty, scale=1)
        self.probabilities = NumberGrid("probabilities p", empty, scale=1)
        self.gradient = NumberGrid("gradient", empty, scale=1)
        self.wanted = NumberGrid("right answer y", empty, scale=1)
        self.bars = Bars()
        names = tuple(f"class {i}" for i in range(_CLASSES))
        self.right = self.add_choice("Right answer", "Which class the cost asks for", names, self._show)
        self.right.setCurrentIndex(RIGHT)
        for sign, shift in (("+", _SHIFT), ("\u2212", -_SHIFT)):
            tip = f"{'Add' if shift > 0 else 'Take'} {_SHIFT:g} {'to' if shift > 0 else 'from'} each of the four logits"
            self.add_button(f"All logits {sign} {_SHIFT:g}", tip, lambda shift=shift: self.shift(shift))
        self.add_button("&Reset numbers", "Begin again with the numbers of the article (Alt+R)", self.reset)
        self.lay_out(
            GridRow(self.logits, "\u2192", self.shifted, "\u2192", self.exponentials),
            GridRow(self.probabilities, "\u2212", self.wanted, "=", self.gradient),
            self.bars,
        )
        self.logits.edited.connect(self._show)
        for grid in self.findChildren(NumberGrid):
            grid.pointed.connect(lambda grid=grid: self.show_class(grid.cell[1]))
        self._show()

    def reset(self) -> None:
        """Begin again with the numbers of the article."""
        self.logits.show_values(LOGITS)
        self.right.setCurrentIndex(RIGHT)
        self._show()

    def shift(self, by: float) -> None:
        """Add the same number to all logits, as far as they may go."""
        self.logits.show_values(np.clip(self.logits.values + by, _LOGIT.low, _LOGIT.high))
        self._show()

    def _show(self) -> None:
        """Compute all from the logits."""
        workspace, right = Workspace(), self.right.currentIndex()
        self._cost = softmax_cross_entropy(self.logits.values, np.array([right]), workspace=workspace)
        shifted = workspace.array("shifted", self.logits.values.shape, self.logits.values.dtype)
        self.shifted.show_values(shifted)
        self.exponentials.show_values(np.exp(shifted))
        self.probabilities.show_values(self._cost.probabilities)
        self.gradient.show_values(self._cost.gradient)
        self.wanted.show_values([np.arange(_CLASSES) == right])
        self.bars.show_shares(self._cost.probabilities[0], right)
        self.show_class(self._class)

    def show_class(self, index: int) -> None:
        """Light one class, and write out its probability and what it costs."""
        self._class = index
        for grid in self.findChildren(NumberGrid):
            grid.light([(0, index)])
        exponentials = self.exponentials.values[0]
        total = " + ".join(number(each) for each in exponentials)
        p, right = self.probabilities.values[0], self.right.currentIndex()
        is_right = int(index == right)
        self.say(
            f"p<sub>{index}</sub> = {number(exponentials[index])} / ({total}) = <b>{number(p[index])}</b>, "
            f"gradient {number(p[index])} \u2212 {is_right} = {number(self.gradient.values[0, index])}<br>"
            f"cost = \u2212ln p<sub>{right}</sub> = \u2212ln {number(p[right])} = <b>{number(self._cost.mean)} nats</b>"
        )

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        super().apply_theme(theme)
        self.bars.apply_theme(theme)


LESSON = Lesson(
    title="Softmax and cross-entropy",
    sentences=(
        "Softmax turns any numbers into probabilities: e to the power of each, divided by the sum of them all. The "
        "largest is taken off first, which keeps the powers small. The cost is the negative logarithm of what the "
        "right answer got, and its gradient is as simple as can be: the probability, less 1 for the right answer."
    ),
    attempt=(
        "Add 10 to all logits, again and again: nothing else moves, only differences count. Then choose class 0 as the "
        "right answer: the cost rises by exactly 6. Where does that 6 come from?"
    ),
    source="Zhou, part 1, section 5, and part 2, section 3; Escontrela, Output Layer",
    make_scene=SoftmaxScene,
)
