"""Fetching MNIST from the window: progress, and a way out at any moment."""

import time
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot
from PySide6.QtWidgets import QProgressDialog, QPushButton, QWidget

from cnnviz.data.download import download_mnist
from cnnviz.errors import Cancelled, UserError


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


class DownloadDialog(QProgressDialog):
    """Shows a download that runs on a thread of its own."""

    downloaded = Signal()
    failed = Signal(str)

    def __init__(self, folder: Path, parent: QWidget) -> None:
        super().__init__("Downloading MNIST (11.6 MB)", "Cancel", 0, 0, parent)
        self.setWindowTitle("Download MNIST")
        cancel = QPushButton("Cancel")
        cancel.setToolTip("Stop the download; what is there already stays (Esc)")
        self.setCancelButton(cancel)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setMinimumDuration(0)
        self.setAutoClose(False)
        self.setAutoReset(False)
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
        self.setLabelText(f"Downloading MNIST: {done / 1e6:.1f} of {total / 1e6:.1f} MB")

    @Slot()
    def _finish(self) -> None:
        self._close()
        self.downloaded.emit()

    @Slot(str)
    def _fail(self, line: str) -> None:
        self._close()
        self.failed.emit(line)

    @Slot()
    def stop(self) -> None:
        """Give up, and wait for the thread, which asks several times a second whether it shall end."""
        self._thread.requestInterruption()
        self._close()

    def _close(self) -> None:
        self._thread.wait()
        self.close()
        self.deleteLater()
