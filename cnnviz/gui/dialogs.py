"""Preferences and help."""

from pathlib import Path

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from cnnviz import __version__
from cnnviz.gui.settings import Settings
from cnnviz.gui.theme import GRID

KEYS = (
    ("Space", "Train or pause"),
    ("Right", "Learn one batch, then rest"),
    ("Shift+Right, Shift+Left", "One step, phase by phase: next, before"),
    ("Shift+Space", "Play the phases, or pause"),
    ("R", "Begin anew with the same seed"),
    ("Shift+R", "Begin anew from other random weights"),
    ("Del", "Clear the pad"),
    ("Ctrl+Z, Ctrl+Shift+Z", "Undo, redo on the pad and among my digits"),
    ("0 to 9", "Say what the drawing is: keep it among my digits"),
    ("T", "A random test digit on the pad"),
    ("M", "The next misread test digit on the pad"),
    ("Ctrl+I, Ctrl+V", "Open, paste a picture of a digit"),
    ("Ctrl+C, Ctrl+Shift+C", "Copy a number, its gradient, as NumPy: the one under the mouse, or the chosen one"),
    ("Shift+F10", "Menu of a panel: copy as NumPy, save its picture or its numbers (also right click)"),
    ("Ctrl+O", "Open parameters"),
    ("Ctrl+Shift+O", "Open the shipped parameters"),
    ("Ctrl+E", "Export parameters"),
    ("Ctrl+T", "Test now, or cancel the test"),
    ("Ctrl+L", "Logarithmic cost"),
    ("Alt+Up, Alt+Down", "Nudge the chosen number"),
    ("Alt+Shift+Up, Alt+Shift+Down", "Nudge it a tenth as far"),
    ("Alt+PgUp, Alt+PgDown", "Nudge it ten times as far"),
    ("Esc, Ctrl+K", "Restore the nudged number, or keep it as part of the run"),
    ("B", "Inspector: what the value or the gradient is made of"),
    ("Alt+Left, Alt+Right", "Inspector: to the number before, and forward again"),
    ("Arrows, Enter", "Inspector, with Tab in its terms: go through them, follow one"),
    ("Page Up, Page Down", "Inspector, with Tab in its terms: another channel"),
    ("Arrows in the routing", "Another channel; another image of the batch"),
    ("Tab, then arrows, Enter", "Point at a cell of the network or a weight, with Ctrl a tile further; look into it"),
    ("Ctrl+,", "Preferences"),
    ("F1", "This help"),
    ("F2", "Lessons: the articles' worked examples"),
    ("F11", "Full screen"),
)
_HELP_WIDTH = 1160  # pixels; two columns of keys, one line each


def _key_cells(key: tuple[str, str]) -> str:
    """Return a key and what it does as two cells of a table."""
    name, what = key
    gap = 3 * "&nbsp;"
    return f"<td style='white-space: pre'><b>{name}</b>{gap}</td><td>{what}{2 * gap}</td>"


class PreferencesDialog(QDialog):
    """What is remembered between two starts."""

    def __init__(self, settings: Settings, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Preferences")
        self.theme = QComboBox()
        for text, name in (("As the system", "system"), ("Dark", "dark"), ("Light", "light")):
            self.theme.addItem(text, name)
        self.theme.setCurrentIndex(self.theme.findData(settings.theme))
        self.theme.setAccessibleName("Theme")
        self.theme.setToolTip("Colours of the window")
        self.data_dir = QLineEdit(settings.data_dir)
        self.data_dir.setPlaceholderText("the cache folder that a download fills")
        self.data_dir.setAccessibleName("Folder of MNIST")
        self.data_dir.setToolTip("Where MNIST is looked for, from the next run on; empty: where a download puts it")
        self.data_dir.setMinimumWidth(280)
        browse = QPushButton("Browse\u2026")
        browse.setToolTip("Choose the folder")
        browse.clicked.connect(self._browse)
        folder = QHBoxLayout()
        folder.addWidget(self.data_dir, 1)
        folder.addWidget(browse)
        form = QFormLayout()
        form.setSpacing(GRID)
        form.addRow("Theme", self.theme)
        form.addRow("Folder of MNIST", folder)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(2 * GRID)
        layout.addLayout(form)
        layout.addWidget(buttons)

    @Slot()
    def _browse(self) -> None:
        if folder := QFileDialog.getExistingDirectory(
            self, "Folder of MNIST", self.data_dir.text() or str(Path.home())
        ):
            self.data_dir.setText(folder)


class HelpDialog(QDialog):
    """What the program is, how it is used, and all keys."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Help")
        half = -(-len(KEYS) // 2)
        rows = "".join(f"<tr>{''.join(map(_key_cells, KEYS[row::half]))}</tr>" for row in range(half))
        text = QLabel(
            f"<p><b>cnnviz {__version__}</b>: watch a convolutional network learn.</p>"
            "<p>Press <b>Space</b>: the network, still untrained, learns from one batch of digits after another, in "
            "plain NumPy. Draw a digit on the pad: it is read by the network as it is at that moment. Point at "
            "any cell: what it was made of lights up back to the image, and the line at the bottom names it and gives "
            "its value and gradient.</p>"
            f"<table cellspacing='4'>{rows}</table>"
            "<p>The networks are those of Victor Zhou, \u201cCNNs, Part 2: Training a Convolutional Neural "
            "Network\u201d, and Alejandro Escontrela, \u201cConvolutional Neural Networks from the ground up\u201d.</p>"
        )
        text.setWordWrap(True)
        text.setTextFormat(Qt.TextFormat.RichText)
        text.setFixedSize(_HELP_WIDTH, text.heightForWidth(_HELP_WIDTH))  # wrapped text does not ask for its height
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.addWidget(text)
        layout.addWidget(buttons)
