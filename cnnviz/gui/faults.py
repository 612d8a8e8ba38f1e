"""Faults that nobody foresaw: caught on whichever thread, told once each, in one dialog."""

import logging
import sys
import threading
import traceback
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication, QWidget

import cnnviz
from cnnviz.errors import UserError
from cnnviz.gui.fault_dialog import Fault, FaultDialog
from cnnviz.gui.workbench import Workbench
from cnnviz.logs import RECORD_CHARS, Crash, Logbook, clipped, discreet, facts
from cnnviz.training.session import Phase

log = logging.getLogger(__name__)

MOST_FAULTS = 20  # places that are told apart; a program that fails in more of them has told enough
HEADLINE_CHARS = 240
PAUSE_MS = 100  # between a fault and its being told: however many there are, the window stays at hand
CRASHED = {"window": "cnnviz crashed", "training": "The training process crashed"}
_SOURCES = Path(cnnviz.__file__).parent


class Faults(QObject):
    """Takes exceptions that nobody caught, from any thread, to a dialog of the window's.

    Each is known by the lines it came through: one that comes with every frame is told, and logged, once, and counted.
    UserErrors, which somebody should have caught, are told in the status bar like all others of their kind.

    Attributes
    ----------
    dialog : FaultDialog
    """

    _news = Signal()
    _complaint = Signal(str)

    def __init__(self, workbench: Workbench, logbook: Logbook, window: QWidget, quiet: bool = False) -> None:
        """Tell what goes wrong in ``window``; ``quiet``: in the status bar only, where nobody is there to read."""
        super().__init__(window)
        self.dialog = FaultDialog(logbook.folder, lambda: f"{facts()}\n\nLog:\n{logbook.excerpt()}", window)
        self._workbench = workbench
        self._window = window
        self._quiet = quiet
        self._lock = threading.Lock()
        self._known: dict[object, Fault] = {}
        self._untold: list[Fault] = []
        self._is_announced = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._tell)
        # Queued in any case: an exception may come out of the midst of painting.
        self._news.connect(self._tell_soon, Qt.ConnectionType.QueuedConnection)
        self._complaint.connect(workbench.failed, Qt.ConnectionType.QueuedConnection)
        workbench.faulted.connect(self.tell_of_training)

    def install(self) -> None:
        """Become the last resort for exceptions, instead of the logbook, which ends that with its own end."""
        sys.excepthook = self._catch
        threading.excepthook = lambda args: self._catch(args.exc_type, args.exc_value, args.exc_traceback)

    def tell_crashes(self, crashes: Iterable[Crash]) -> None:
        """Tell of processes that died before this one was started."""
        for crash in crashes:
            self._add(
                Fault(
                    f"{CRASHED.get(crash.role, CRASHED['window'])} the last time ({crash.when:%d %b, %H:%M})",
                    "Preferences, your digits and all files are as they were last saved.",
                    crash.report,
                )
            )

    @Slot(str, str)
    def tell_of_training(self, line: str, trace: str) -> None:
        """Tell of a run that ended by a fault; the status bar has it in one line already."""
        snapshot, saved = self._workbench.newest, self._workbench.saved
        kept = (
            f"The network as of step {snapshot.step:,} is still here: File > Export parameters writes it. "
            if snapshot
            else ""
        )
        line, way = line.removesuffix("; R (Reset) begins anew"), "R (Reset) begins anew."
        if saved is not None and saved.step:
            way = f"The bar at the top of the window offers to go on from step {saved.step:,}."
        if not self._quiet:
            self._add(Fault(f"{line[:1].upper()}{line[1:]}", f"{kept}{way}", trace, True))

    def _catch(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Take an exception, on whichever thread."""
        if issubclass(kind, KeyboardInterrupt | SystemExit):
            return
        with suppress(RuntimeError):  # the window is gone
            if issubclass(kind, UserError):
                log.warning("nobody caught this", exc_info=(kind, error, trace))
                self._complaint.emit(str(error))
                return
            with self._lock:
                self._note(kind, error, trace)
                announced, self._is_announced = self._is_announced, True
            if not announced:
                self._news.emit()

    def _note(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Count a fault, log it the first, tenth, hundredth ... time, and have it told where it is a new one."""
        place = kind, *((frame.f_code, line) for frame, line in traceback.walk_tb(trace))
        if place not in self._known and len(self._known) >= MOST_FAULTS:
            place = None
        fault = self._known.get(place)
        if fault is not None:
            fault.count += 1
            if str(fault.count).strip("0") == "1":
                log.error("%s: %s times by now", fault.headline, f"{fault.count:,}")
            return
        log.error("unexpected fault", exc_info=(kind, error, trace))
        text = discreet("".join(traceback.format_exception(kind, error, trace)))
        fault = self._known[place] = Fault(_headline(kind, error, trace), "", clipped(text, RECORD_CHARS))
        self._untold.append(fault)

    def _add(self, fault: Fault) -> None:
        with self._lock:
            self._untold.append(fault)
        self._tell_soon()

    @Slot()
    def _tell_soon(self) -> None:
        if not self._pause.isActive():
            self._pause.start()

    @Slot()
    def _tell(self) -> None:
        """Tell what is new, once nothing else waits for an answer that a dialog would be in the way of."""
        if QApplication.activeModalWidget() or QApplication.activePopupWidget():
            self._pause.start()
            return
        with self._lock:
            news, self._untold = self._untold, []
            self._is_announced = False
        if not self._window.isVisible():  # it is being closed; the log has all
            return
        for fault in news:
            fault.comfort = fault.comfort or self._comfort()
            self._workbench.failed.emit(fault.headline) if self._quiet else self.dialog.tell(fault)
        if self.dialog.isVisible():
            self.dialog.count()

    def _comfort(self) -> str:
        if self._workbench.is_running:
            return "Training goes on, and nothing is lost. What is shown may be out of date."
        if self._workbench.status.phase is Phase.STOPPED:
            return "Training had ended before; nothing is lost. What is shown may be out of date."
        return "Training rests and can go on; nothing is lost. What is shown may be out of date."


def _headline(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> str:
    """Return what happened, and where in this program, in one line."""
    what = " ".join("".join(traceback.format_exception_only(kind, error)).split())
    own = [
        (Path(frame.f_code.co_filename), line)
        for frame, line in traceback.walk_tb(trace)
        if Path(frame.f_code.co_filename).is_relative_to(_SOURCES)
    ]
    where = f" in {own[-1][0].relative_to(_SOURCES.parent)}, line {own[-1][1]}" if own else ""
    return f"An unexpected fault{where}: {discreet(what)[:HEADLINE_CHARS]}"
