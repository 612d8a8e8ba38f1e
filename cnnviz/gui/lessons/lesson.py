"""What every lesson is: a few sentences, something to try, and a small live scene."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from cnnviz.gui.lessons.grid_row import GridRow
from cnnviz.gui.number_grid import NumberGrid
from cnnviz.gui.theme import GRID, Theme

_LINES = 3  # that a written-out sum may take before what stands below it moves


class Scene(QWidget):
    """The live part of a lesson: tables of numbers, controls, and the sum of the moment written out.

    A scene is made anew whenever its lesson is opened, so that it always begins with the same numbers.

    Attributes
    ----------
    controls : QHBoxLayout
        The row on top.
    formula : QLabel
        The sum.
    stops : list of QWidget
        Where Tab goes, in this order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.controls = QHBoxLayout()
        self.controls.setSpacing(GRID)
        self.formula = QLabel()
        self.formula.setWordWrap(True)
        self.formula.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.formula.setMinimumHeight(_LINES * self.formula.fontMetrics().lineSpacing())
        self.stops: list[QWidget] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2 * GRID)

    def lay_out(self, *rows: QWidget) -> None:
        """Put ``rows`` above each other between the controls and the formula."""
        self.controls.addStretch(1)
        self._column.addLayout(self.controls)
        self.stops += [self.controls.itemAt(i).widget() for i in range(self.controls.count())]
        for row in rows:
            self._column.addWidget(row, 100)
            self.stops += row.grids if isinstance(row, GridRow) else []
        self.stops = [stop for stop in self.stops if stop is not None and stop.focusPolicy() & Qt.FocusPolicy.TabFocus]
        self._column.addWidget(self.formula)
        self._column.addStretch(1)

    def say(self, text: str) -> None:
        """Write ``text`` below the tables."""
        self.formula.setText(text)

    def add_choice(self, name: str, tip: str, choices: tuple[str, ...], then: Callable[[int], object]) -> QComboBox:
        """Add a named list of ``choices`` to the controls; ``then`` gets the index of another choice."""
        label = QLabel(name)
        label.setProperty("role", "muted")
        choice = QComboBox()
        choice.addItems(choices)
        choice.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the cells
        choice.setAccessibleName(name)
        choice.setToolTip(tip)
        choice.currentIndexChanged.connect(then)
        label.setBuddy(choice)
        self.controls.addWidget(label)
        self.controls.addWidget(choice)
        self.controls.addSpacing(GRID)
        return choice

    def add_button(self, text: str, tip: str, then: Callable[[], object]) -> QPushButton:
        """Add a button to the controls."""
        button = QPushButton(text)
        button.setAutoDefault(False)  # Enter belongs to the cell that is being typed into
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setAccessibleName(text.replace("&", ""))
        button.setToolTip(tip)
        button.clicked.connect(lambda: then())
        self.controls.addWidget(button)
        return button

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        for kind in (NumberGrid, GridRow):
            for part in self.findChildren(kind):
                part.apply_theme(theme)


@dataclass(frozen=True)
class Lesson:
    """One worked example.

    Attributes
    ----------
    title : str
        Heading, and entry of the menu.
    sentences : str
        Two or three sentences on what one sees.
    attempt : str
        One thing to try, that leads to a surprise.
    source : str
        The article that works this example through.
    make_scene : callable
        Returns a fresh scene.
    """

    title: str
    sentences: str
    attempt: str
    source: str
    make_scene: Callable[[], Scene]
