"""What the program is, how it is used, and all keys."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from cnnviz import __version__
from cnnviz.gui.theme import GRID

Keys = tuple[tuple[str, str], ...]

# Groups of keys, side by side in two columns.
KEYS: tuple[dict[str, Keys], dict[str, Keys]] = (
    {
        "Training": (
            ("Space", "Train or pause"),
            ("Right", "Learn one batch, then rest"),
            ("R", "Begin anew with the same seed"),
            ("Shift+R", "Begin anew from other random weights"),
            ("Ctrl+T", "Test now, or cancel the test"),
        ),
        "The pad": (
            ("0 to 9", "Say what the drawing is: keep it among my digits"),
            ("Del", "Clear"),
            ("Ctrl+Z, Ctrl+Shift+Z", "Undo, redo; among my digits too"),
            ("T", "A random test digit"),
            ("M", "The next misread test digit"),
            ("Ctrl+I, Ctrl+V", "Open, paste a picture of a digit"),
        ),
        "Files and window": (
            ("Ctrl+O", "Open parameters"),
            ("Ctrl+Shift+O", "Open the shipped parameters"),
            ("Ctrl+E", "Export parameters"),
            ("Ctrl+Shift+R", "The runs that are kept: go on with one"),
            ("Ctrl+L", "Logarithmic cost"),
            ("Ctrl+,", "Preferences"),
            ("F1, F2", "This help; lessons, the articles' worked examples"),
            ("F6, Shift+F6", "To the next panel, to the one before"),
            ("F11", "Full screen"),
        ),
    },
    {
        "Looking inside": (
            ("Tab, arrows, Enter", "Point at a cell or a weight, and look into it"),
            ("Ctrl+arrows", "The same, a tile further"),
            ("B", "Inspector: what the value or the gradient is made of"),
            ("Alt+Left, Alt+Right", "Inspector: the number before, and forward again"),
            ("Page Up, Page Down", "Inspector, in its terms: another channel"),
            ("Ctrl+C, Ctrl+Shift+C", "Copy a number, its gradient, as NumPy"),
            ("Shift+F10", "Menu of a panel: save its picture, its numbers"),
            ("Arrows", "Max-pool routing: another channel, another image"),
        ),
        "What if": (
            ("Alt+Up, Alt+Down", "Nudge the chosen number; with Shift a tenth as far"),
            ("Alt+PgUp, Alt+PgDown", "Ten times as far"),
            ("Esc, Ctrl+K", "Restore it; keep it as part of the run"),
        ),
        "One step, phase by phase": (
            ("Shift+Right, Shift+Left", "The next phase, the one before"),
            ("Shift+Space", "Play, or pause"),
        ),
    },
)
_WIDTH = 1080  # pixels
_GAP = 3 * GRID  # pixels between the columns


class HelpDialog(QDialog):
    """Tells what one can do, first with the mouse, then with each key."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Help")
        left, right = (_column(groups) for groups in KEYS)
        text = QLabel(
            f"<p><b>cnnviz {__version__}</b>: watch a convolutional network learn.</p>"
            "<p>Press <b>Space</b>: the network, still untrained, learns from one batch of digits after another, in "
            "plain NumPy. Draw a digit on the pad: it is read by the network as it is at that moment. Point at "
            "any cell: what it was made of lights up back to the image. Click it: the Inspector writes its arithmetic "
            "out.</p>"
            f"<table><tr><td>{left}</td><td width='{_GAP}'></td><td>{right}</td></tr></table>"
            "<p>The networks are those of Victor Zhou, \u201cCNNs, Part 2: Training a Convolutional Neural "
            "Network\u201d, and Alejandro Escontrela, \u201cConvolutional Neural Networks from the ground up\u201d.</p>"
        )
        text.setWordWrap(True)
        text.setTextFormat(Qt.TextFormat.RichText)
        text.setFixedSize(_WIDTH, text.heightForWidth(_WIDTH))  # wrapped text does not ask for its height
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.addWidget(text)
        layout.addWidget(buttons)


def _column(groups: dict[str, Keys]) -> str:
    """Return a table of keys under their headings, as rich text."""
    rows = []
    for title, keys in groups.items():
        rows.append(f"<tr><td colspan='2' style='padding-top: {GRID}px'><u>{title}</u></td></tr>")
        rows += [
            f"<tr><td style='white-space: pre; padding-right: {2 * GRID}px'><b>{key}</b></td><td>{what}</td></tr>"
            for key, what in keys
        ]
    return f"<table cellspacing='1'>{''.join(rows)}</table>"
