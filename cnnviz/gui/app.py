"""Starting the program with its window."""

import faulthandler
import gc
import logging
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QBuffer, QCoreApplication, QIODevice, QObject, QTimer, Signal, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from cnnviz.atomic import write_atomically
from cnnviz.data import default_dataset
from cnnviz.data.collection import collection_path
from cnnviz.errors import UserError
from cnnviz.gui.main_window import MainWindow
from cnnviz.gui.settings import Settings, load_settings, settings_path
from cnnviz.gui.theme import text_font
from cnnviz.gui.workbench import Workbench
from cnnviz.resource_files import resource
from cnnviz.training.config import TrainingConfig
from cnnviz.training.engine import Engine
from cnnviz.training.presets import DEFAULT_PRESET
from cnnviz.training.runs import runs_folder

log = logging.getLogger(__name__)

# Seconds. The worker computes in many short steps; giving way to the window more often keeps that smooth.
SWITCH_INTERVAL = 0.002


class Faults(QObject):
    """Takes exceptions that nobody caught, from any thread, to the window."""

    caught = Signal(str)

    def install(self) -> None:
        """Become the last resort for exceptions."""
        sys.excepthook = self._report
        threading.excepthook = self._report_thread

    def _report(self, kind: type[BaseException], error: BaseException, trace: object) -> None:
        log.error("unexpected fault", exc_info=(kind, error, trace))
        self.caught.emit(f"unexpected fault: {kind.__name__}: {error}")  # queued to the window's thread

    def _report_thread(self, args: threading.ExceptHookArgs) -> None:
        self._report(args.exc_type, args.exc_value, args.exc_traceback)


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
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        self._window.grab().save(buffer, "PNG")
        try:
            write_atomically(self._path, lambda file: file.write(buffer.data().data()))
            self.failure = None
        except UserError as error:
            self.failure = str(error)
        self._window.close()


def run(
    engine: Engine,
    *,
    preset: str | None,
    dataset: str | None,
    data_dir: Path | None,
    params: Path | None,
    start: bool,
    screenshot: Path | None,
    after: float,
    reset_settings: bool,
) -> int:
    """Open the window, and return the exit code once it is closed.

    Parameters
    ----------
    engine : Engine
        The process that trains; ended with the window.
    preset, dataset : str or None
        None: Escontrela's network; MNIST where it is at hand, generated strokes otherwise.
    data_dir, params : Path or None
        Folder of the dataset; file of parameters to begin with.
    start : bool
        Whether training begins by itself.
    screenshot : Path or None
        Grab the window into this PNG file ``after`` seconds, then quit.
    reset_settings : bool
        Begin with default settings and layout.

    Raises
    ------
    UserError
        Settings, parameters or the screenshot's file are wrong; raised before the window opens where possible.
    """
    faulthandler.enable()
    # Until there is a window to be closed: an exception raised in the midst of Qt's doings would be lost there.
    interrupts: list[int] = []
    _on_interrupt(lambda number, _: interrupts.append(number))
    sys.setswitchinterval(SWITCH_INTERVAL)
    path = settings_path()
    settings, complaint = (Settings(), None) if reset_settings else load_settings(path)
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
    window = MainWindow(workbench, settings, None if screenshot else path)
    faults = Faults(window)
    faults.caught.connect(workbench.failed)
    faults.install()
    workbench.open(params) if params else workbench.start_run()
    show_window(window, restore=screenshot is None)
    if complaint:
        workbench.failed.emit(complaint)
    workbench.own_digits.tell_fault()
    if start:
        workbench.train()
    window.offers.offer_interrupted()
    shot = Screenshot(window, screenshot) if screenshot else None
    if shot:
        QTimer.singleShot(round(after * 1000), shot.take)
    _on_interrupt(lambda *_: window.close())
    if interrupts:
        QTimer.singleShot(0, window.close)
    gc.freeze()  # what is there now stays: to look through it for garbage would stop the window for 50 ms
    code = app.exec()
    workbench.close()
    if shot and shot.failure:
        raise UserError(shot.failure)
    return code


def _on_interrupt(handler: Callable[[int, object], object]) -> None:
    signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGTERM, handler)


def make_application() -> QApplication:
    """Return the application, with the looks of this program."""
    QCoreApplication.setApplicationName("cnnviz")
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
