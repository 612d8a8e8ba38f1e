"""The context menu of every panel: copy a number as NumPy, save the picture or the numbers."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, Qt, Slot
from PySide6.QtGui import QAction, QCursor, QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QWidget

from cnnviz.atomic import write_atomically
from cnnviz.errors import UserError
from cnnviz.explain.snippets import has
from cnnviz.gui.copying import copy_as_numpy, meant
from cnnviz.gui.dock import PanelDock
from cnnviz.gui.panel_files import csv_of, picture_of, png_of, svg_of
from cnnviz.gui.panels.panel import Panel
from cnnviz.gui.settings import Settings
from cnnviz.gui.workbench import Workbench


class PanelMenus(QObject):
    """Makes the menus, and does what is chosen in them."""

    def __init__(self, workbench: Workbench, settings: Settings, window: QWidget) -> None:
        super().__init__(window)
        self._workbench, self._settings, self._window = workbench, settings, window

    def watch(self, panel: Panel) -> None:
        """Show a menu whenever ``panel`` is asked for one."""
        panel.menu_wanted.connect(partial(self._open, panel))

    def _open(self, panel: Panel, position: QPoint) -> None:
        self.menu_for(panel).popup(position)

    def menu_for(self, panel: Panel) -> QMenu:
        """Return what can be done with ``panel``, and with the number that is meant at this moment."""
        menu = QMenu(panel)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        menu.setAccessibleName(f"Menu of {panel.title}")
        self._add_copying(menu)
        menu.addSeparator()
        self._add(menu, "Copy &picture", "The picture of this panel, twice as fine", partial(self.copy_picture, panel))
        for text, tip, save in (
            ("Save picture as P&NG\u2026", "Pixels, twice as fine as here", self.save_png),
            ("Save picture as &SVG\u2026", "Shapes and text, sharp at any size", self.save_svg),
        ):
            self._add(menu, text, tip, partial(save, panel))
        self._add(menu, "Save numbers as &CSV\u2026", "All numbers of this panel", partial(self.save_csv, panel))
        return menu

    def _add_copying(self, menu: QMenu) -> None:
        place = meant(self._workbench)
        title = menu.addAction("Point at a number to copy it" if place is None else str(place))
        title.setEnabled(False)
        for text, tip, quantity, whole in (
            ("Copy &value as NumPy", "A text that works this number out (Ctrl+C)", "value", False),
            ("Copy &gradient as NumPy", "A text that works its gradient out (Ctrl+Shift+C)", "gradient", False),
            ("Copy &tile as NumPy", "The same for the whole map, filter or vector", "value", True),
            ("Copy gradient of tile as NumP&y", "The same for the whole map, filter or vector", "gradient", True),
        ):
            action = self._add(menu, text, tip, partial(copy_as_numpy, self._workbench, place, quantity, whole))
            action.setEnabled(place is not None and has(place, quantity))

    def _add(self, menu: QMenu, text: str, tip: str, slot: Callable[[], object]) -> QAction:
        action = menu.addAction(text)
        action.setToolTip(tip)
        action.triggered.connect(lambda: slot())
        return action

    @Slot()
    def open_here(self) -> None:
        """Show the menu of the panel that has the focus, or else of the one under the mouse.

        Qt itself does so for the menu key, but for Shift+F10 not on every system.
        """
        focus = QApplication.focusWidget()
        if panel := _panel_around(focus):
            self._open(panel, focus.mapToGlobal(focus.rect().center()))
        elif panel := _panel_around(QApplication.widgetAt(QCursor.pos())):
            self._open(panel, QCursor.pos())
        else:
            self._workbench.message.emit("Point at a panel, or go into it with Tab: Shift+F10 then opens its menu")

    # Doing

    def copy_meant(self, quantity: str) -> None:
        """Copy the number under the mouse, or the one that was chosen; say so where there is none."""
        copy_as_numpy(self._workbench, meant(self._workbench), quantity)

    def copy_picture(self, panel: Panel) -> None:
        """Put the picture of ``panel`` into the clipboard."""
        QGuiApplication.clipboard().setImage(picture_of(panel))
        self._workbench.message.emit(f"Picture of {panel.title} copied")

    def save_png(self, panel: Panel) -> None:
        """Ask where to, and write the picture of ``panel``."""
        try:
            content = png_of(panel, panel.title, self._about())
        except UserError as error:
            self._workbench.failed.emit(str(error))
        else:
            self._save(panel, "PNG picture", ".png", content)

    def save_svg(self, panel: Panel) -> None:
        """Ask where to, and write the picture of ``panel`` as shapes and text."""
        self._save(panel, "SVG picture", ".svg", svg_of(panel, panel.title, self._about()))

    def save_csv(self, panel: Panel) -> None:
        """Ask where to, and write the numbers of ``panel``."""
        heading_and_rows = panel.numbers()
        if len(heading_and_rows) > 1:
            self._save(panel, "Table", ".csv", csv_of(heading_and_rows))
        else:
            self._workbench.message.emit(f"{panel.title} has no numbers yet: there is nothing to save")

    def _about(self) -> str:
        """Return what a picture is of."""
        snapshot = self._workbench.snapshot
        if snapshot is None:
            return "cnnviz"
        return f"cnnviz: preset {snapshot.config.preset}, step {snapshot.step:,}, {snapshot.trace.probe.title}"

    def _save(self, panel: Panel, kind: str, extension: str, content: bytes) -> None:
        """Ask where to, and write ``content``, which is of now: training goes on while the dialog is open."""
        snapshot = self._workbench.snapshot
        step = "" if snapshot is None else f"-step-{snapshot.step}"
        folder = Path(self._settings.export_dir or Path.home())
        proposal = folder / f"{panel.name}{step}{extension}"
        name, _ = QFileDialog.getSaveFileName(
            self._window, f"Save {panel.title}", str(proposal), f"{kind} (*{extension})"
        )
        if not name:
            return
        path = Path(name)
        if path.suffix.lower() != extension:
            path = path.with_name(path.name + extension)
            if os.path.exists(path):  # the dialog has asked about another name
                self._workbench.failed.emit(f"{path} exists already: name it with its extension to replace it")
                return
        self._settings.export_dir = str(path.parent)
        try:
            write_atomically(path, lambda file: file.write(content))
        except UserError as error:
            self._workbench.failed.emit(str(error))
        else:
            self._workbench.message.emit(f"{panel.title} written to {path}")


def _panel_around(widget: QWidget | None) -> Panel | None:
    """Return the panel in which ``widget`` is, or in whose frame; None where it is in none."""
    while widget is not None and not isinstance(widget, Panel | PanelDock):
        widget = widget.parentWidget()
    return widget.panel if isinstance(widget, PanelDock) else widget
