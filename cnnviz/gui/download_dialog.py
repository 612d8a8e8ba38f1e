"""Fetching MNIST from the window: progress, and a way out at any moment."""

import math
import time
from collections import deque
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot
from PySide6.QtWidgets import QLabel, QProgressBar, QProgressDialog, QPushButton, QWidget

from cnnviz.data.download import download_mnist
from cnnviz.errors import Cancelled, UserError
from cnnviz.gui.theme import GRID

RATE_SECONDS = 3.0
"""Over how long the rate is reckoned."""

_LEAST_SECONDS = 0.7
"""Before that, nothing is said of it."""


class DownloadThread(QThread):
    """Fetches MNIST into a folder."""

    progressed = Signal(int, int)
    done = Signal()
    failed = Signal(str)

    def __init__(self, folder: Path, parent: QObject) -> None:
        super().__init__(parent)
        self._folder = folder
        self._told_at = 0.0

    def run(self) -> None:
        """Work; Qt calls this on the new thread."""
        try:
            download_mnist(self._folder, self._progress)
        except Cancelled:
            return
        except UserError as error:
            self.failed.emit(str(error))
        except Exception as error:
            self.failed.emit(f"the download ended with an unexpected fault: {type(error).__name__}: {error}")
        else:
            self.done.emit()

    def _progress(self, done: int, total: int) -> None:
        if self.isInterruptionRequested():
            raise Cancelled
        if time.monotonic() - self._told_at > 0.05:
            self._told_at = time.monotonic()
            self.progressed.emit(done, total)


class Pace:
    """How fast the bytes have come lately."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, int]] = deque()  # seconds, bytes by then

    def note(self, seconds: float, done: int) -> None:
        """Take down that ``done`` bytes are there at a time of ``seconds``."""
        self._past.append((seconds, done))
        while seconds - self._past[1 if len(self._past) > 1 else 0][0] >= RATE_SECONDS:
            self._past.popleft()

    @property
    def rate(self) -> float | None:
        """Bytes a second; None as long as there is too little to go by."""
        (began, before), (now, done) = self._past[0], self._past[-1]
        return (done - before) / (now - began) if now - began >= _LEAST_SECONDS else None


def progress_text(done: int, total: int, rate: float | None) -> str:
    """Return such as "Downloading MNIST: 3.2 of 11.6 MB, 1.4 MB/s, 6 s left"; ``rate`` is in bytes a second."""
    text = f"Downloading MNIST: {done / 1e6:.1f} of {total / 1e6:.1f} MB"
    if rate is None:
        return text
    if rate < 1:
        return f"{text}, waiting for the server"
    seconds = math.ceil((total - done) / rate)
    left = f"{seconds} s" if seconds < 100 else f"{round(seconds / 60):,} min"
    return f"{text}, {f'{rate / 1e6:.1f} MB/s' if rate >= 1e5 else f'{rate / 1e3:.1f} kB/s'}, {left} left"


class DownloadDialog(QProgressDialog):
    """Shows a download that runs on a thread of its own."""

    downloaded = Signal()
    failed = Signal(str)

    def __init__(self, folder: Path, parent: QWidget) -> None:
        super().__init__("", "Cancel", 0, 0, parent)
        self.setWindowTitle("Download MNIST")
        cancel = QPushButton("Cancel")
        cancel.setToolTip("Stop the download; what is there already stays (Esc)")
        self.setCancelButton(None)  # else its Esc stays too, and of two keys that are the same none is heard
        self.setCancelButton(cancel)
        label = QLabel("Downloading MNIST (11.6 MB)")
        label.setAlignment(
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        )  # centred it would be unsteady as its figures change
        self.setLabel(label)
        bar = QProgressBar()
        bar.setTextVisible(False)  # the style's bar is lower than a line of text
        bar.setAccessibleName("Progress of the download")
        self.setBar(bar)
        longest = self.fontMetrics().horizontalAdvance(progress_text(11_000_000, 11_600_000, 1e4))
        self.setMinimumWidth(longest + 6 * GRID)  # so that it does not grow with its text
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setMinimumDuration(0)
        self.setAutoClose(False)
        self.setAutoReset(False)
        self._pace = Pace()
        self._is_wanted = True
        self._thread = DownloadThread(folder, self)
        self._thread.progressed.connect(self._show_progress)
        self._thread.done.connect(self._finish)
        self._thread.failed.connect(self._fail)
        self.canceled.connect(self.stop)

    def start(self) -> None:
        """Begin."""
        self.show()
        self._thread.start()

    @Slot(int, int)
    def _show_progress(self, done: int, total: int) -> None:
        self.setMaximum(total)
        self.setValue(done)
        self._pace.note(time.monotonic(), done)
        self.setLabelText(progress_text(done, total, self._pace.rate))

    @Slot()
    def _finish(self) -> None:
        is_wanted = self._is_wanted  # closing it counts as giving up
        self._close()
        if is_wanted:
            self.downloaded.emit()

    @Slot(str)
    def _fail(self, line: str) -> None:
        is_wanted = self._is_wanted
        self._close()
        if is_wanted:
            self.failed.emit(line)

    @Slot()
    def stop(self) -> None:
        """Give up, and wait for the thread, which asks several times a second whether it shall end."""
        self._is_wanted = False  # what the thread has told already, and has not been heard yet, is of no use now
        self._thread.requestInterruption()
        self._close()

    def _close(self) -> None:
        self._thread.wait()
        self.close()
        self.deleteLater()
