"""Reading a file on a thread of its own, with a way out where it takes long."""

import gc
import logging
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QThread, QTimer, Signal, Slot
from PySide6.QtWidgets import QProgressDialog, QPushButton, QWidget

from cnnviz.data.datasets import Progress
from cnnviz.errors import Cancelled, UserError

log = logging.getLogger(__name__)

LONG_MS = 500  # after which it is shown that something is going on


class ReadingThread(QThread):
    """Reads one file."""

    done = Signal(object)
    failed = Signal(str)

    def __init__(self, name: str, read: Callable[[Progress], object], parent: QObject) -> None:
        super().__init__(parent)
        self._name = name
        self._read = read

    def run(self) -> None:
        """Work; Qt calls this on the new thread."""
        gc.disable()  # here it would destroy what is left of windows, on the wrong thread, which Qt may abort at
        try:
            found = self._read(self._progress)
        except Cancelled:
            return
        except UserError as error:
            self.failed.emit(str(error))
        except Exception as error:
            log.exception("%s could not be read", self._name)
            self.failed.emit(f"{self._name} could not be read: {type(error).__name__}: {error}; save it anew")
        else:
            self.done.emit(found)
        finally:
            gc.enable()

    def _progress(self, done: int, total: int) -> None:
        if self.isInterruptionRequested():
            raise Cancelled


class ReadingDialog(QProgressDialog):
    """Shows, if it takes long, that a file is being read.

    Parameters
    ----------
    title, name : str
        Of the dialog, and of what is read.
    read : callable
        Called on the thread with a :data:`Progress`, which cancels; returns what ``arrived`` hands on, or raises a
        UserError.
    """

    arrived = Signal(object)
    failed = Signal(str)

    def __init__(self, title: str, name: str, read: Callable[[Progress], object], parent: QWidget) -> None:
        super().__init__(f"Reading {name}", "Cancel", 0, 0, parent)
        self.setWindowTitle(title)
        cancel = QPushButton("Cancel")
        cancel.setToolTip("Do without what is being read (Esc)")
        self.setCancelButton(None)  # else its Esc stays too, and of two keys that are the same none is heard
        self.setCancelButton(cancel)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAutoClose(False)
        self.setAutoReset(False)
        self._is_wanted = True
        self._patience = QTimer(self)  # QProgressDialog's own does not run before its first value
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self.show)
        self._thread = ReadingThread(name, read, self)
        self._thread.done.connect(self._hand_on)
        self._thread.failed.connect(self._complain)
        self._thread.finished.connect(self._end)
        self.canceled.connect(self.stop)

    def start(self) -> None:
        """Begin."""
        self._patience.start(LONG_MS)
        self._thread.start()

    @Slot(object)
    def _hand_on(self, found: object) -> None:
        if self._is_wanted:
            self.arrived.emit(found)

    @Slot(str)
    def _complain(self, line: str) -> None:
        if self._is_wanted:
            self.failed.emit(line)

    @Slot()
    def stop(self) -> None:
        """Go away. What cannot be interrupted, such as decoding a picture, goes on; what comes of it is passed over."""
        self._is_wanted = False
        self._thread.requestInterruption()
        self._patience.stop()
        self.cancel()

    def finish(self) -> None:
        """Go away, and wait for the thread."""
        self.stop()
        self._thread.wait()

    @Slot()
    def _end(self) -> None:
        self._patience.stop()
        self._thread.wait()  # it has told its end, but is not quite through
        self.close()
        self.deleteLater()
