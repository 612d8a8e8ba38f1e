"""Starting the program with its window."""

import gc
import os
import sys
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, QSettings, QTimer, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from cnnviz import interrupts
from cnnviz.atomic import write_atomically
from cnnviz.data import default_dataset
from cnnviz.data.collection import collection_path
from cnnviz.errors import UserError
from cnnviz.gui.faults import Faults
from cnnviz.gui.interrupt_listener import InterruptListener
from cnnviz.gui.main_window import MainWindow
from cnnviz.gui.panel_files import png_bytes
from cnnviz.gui.settings import Settings, load_settings, reset_settings, settings_path
from cnnviz.gui.theme import text_font
from cnnviz.gui.workbench import Workbench
from cnnviz.logs import Logbook, take_crashes
from cnnviz.resource_files import resource
from cnnviz.training.config import TrainingConfig
from cnnviz.training.engine import Engine
from cnnviz.training.presets import DEFAULT_PRESET
from cnnviz.training.runs import runs_folder

# Seconds. The worker computes in many short steps; giving way to the window more often keeps that smooth.
SWITCH_INTERVAL = 0.002


class Screenshot(QObject):
    """Grabs the window into a PNG file and ends the program."""

    def __init__(self, window: MainWindow, path: Path) -> None:
        super().__init__(window)
        self._window = window
        self._path = path
        self.failure: str | None = f"the window was closed before its picture was taken; {path} was not written"

    @Slot()
    def take(self) -> None:
        """Grab, write, quit."""
        try:
            content = png_bytes(self._window.grab().toImage())
            write_atomically(self._path, lambda file: file.write(content))
            self.failure = None
        except UserError as error:
            self.failure = str(error)
        self._window.close()


def run(
    engine: Engine,
    logbook: Logbook,
    *,
    preset: str | None,
    dataset: str | None,
    data_dir: Path | None,
    params: Path | None,
    start: bool,
    screenshot: Path | None,
    after: float,
    fresh_settings: bool,
) -> int:
    """Open the window, and return the exit code once it is closed.

    Parameters
    ----------
    engine : Engine
        The process that trains; ended with the window.
    logbook : Logbook
        Where what goes wrong is written down.
    preset, dataset : str or None
        None: Escontrela's network; MNIST where it is at hand, generated strokes otherwise.
    data_dir, params : Path or None
        Folder of the dataset; file of parameters to begin with.
    start : bool
        Whether training begins by itself.
    screenshot : Path or None
        Grab the window into this PNG file ``after`` seconds, then quit.
    fresh_settings : bool
        Begin with default settings and layout, those remembered set aside.

    Raises
    ------
    UserError
        Settings, parameters or the screenshot's file are wrong; raised before the window opens where possible.
    KeyboardInterrupt
        An interrupt, which the caller puts off, has closed the window.
    """
    sys.setswitchinterval(SWITCH_INTERVAL)
    settings, note = _remembered(fresh_settings, is_kept=screenshot is None)
    data_dir = data_dir or (Path(settings.data_dir) if settings.data_dir else None)
    config = TrainingConfig.from_preset(
        preset or DEFAULT_PRESET,
        dataset or default_dataset(data_dir),
        data_dir=data_dir,
    )
    app = make_application()
    workbench = Workbench(config, engine)
    workbench.own_digits.open(collection_path())
    if screenshot is None:  # which leaves nothing behind
        workbench.runs = runs_folder()
    # A screenshot shows the default layout, and leaves the remembered one alone.
    window = MainWindow(workbench, settings, None if screenshot else settings_path())
    faults = Faults(workbench, logbook, window, quiet=screenshot is not None)
    faults.install()
    workbench.open(params) if params else workbench.start_run()
    show_window(window, restore=screenshot is None)
    if logbook.complaint:
        workbench.failed.emit(logbook.complaint)
    if note:
        (workbench.message if fresh_settings else workbench.failed).emit(note)
    if not screenshot:
        faults.tell_crashes(take_crashes())
    workbench.own_digits.tell_fault()
    if start:
        workbench.train()
    window.offers.offer_interrupted()
    shot = Screenshot(window, screenshot) if screenshot else None
    if shot:
        QTimer.singleShot(round(after * 1000), shot.take)
    code = _run_until_closed(app, window)
    workbench.close()
    interrupts.check()
    if shot and shot.failure:
        raise UserError(shot.failure)
    return code


def _remembered(fresh: bool, is_kept: bool) -> tuple[Settings, str | None]:
    """Return the settings to begin with, and what is to be told of them.

    ``fresh``: default ones, those remembered set aside unless nothing is to be changed for the next start (not
    ``is_kept``).
    """
    if fresh and not is_kept:
        return Settings(), None
    return (reset_settings if fresh else load_settings)(settings_path())


def _run_until_closed(app: QApplication, window: MainWindow) -> int:
    """Let Qt work until the window is closed, by hand or by an interrupt, and return its exit code."""
    listener = InterruptListener(window)
    listener.heard.connect(window.close)
    gc.freeze()  # what is there now stays: to look through it for garbage would stop the window for 50 ms
    code = app.exec()
    listener.close()
    return code


def make_application() -> QApplication:
    """Return the application, with the looks of this program."""
    QCoreApplication.setApplicationName("cnnviz")
    # Qt's file dialog remembers its looks in QtProject.conf, which all programs share. Read by way of PySide6, whatever
    # Python object somebody has written there would come to life: nothing is read.
    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, os.devnull)
    app = QApplication.instance() or QApplication(["cnnviz"])
    app.setStyle("Fusion")
    app.setFont(text_font())  # before there are widgets: those that exist do not all follow a later change
    app.setWindowIcon(QIcon(str(resource("icon.svg"))))
    return app


def show_window(window: MainWindow, restore: bool) -> None:
    """Show the window where it was, or filling the screen."""
    window.start()
    if restore and window.restore_layout():
        window.show()
        for dock in window.docks.values():
            if dock.isFloating() and dock.isVisible():
                dock.raise_()  # it would lie behind the window
        return
    available = window.screen().availableGeometry()
    window.setGeometry(available)
    window.showMaximized()
