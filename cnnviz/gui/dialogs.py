"""Preferences."""

from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from cnnviz.gui.settings import Settings
from cnnviz.gui.theme import GRID


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
