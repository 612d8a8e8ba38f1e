"""Reading a picture for the pad: on a thread of its own, with a way out where it takes long."""

import logging
from pathlib import Path

import numpy as np
from PySide6.QtCore import QMimeData, QObject, Qt, QThread, QTimer, Signal, Slot
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QProgressDialog, QPushButton, QWidget

from cnnviz.data.preparation import PreparationError, picture_from_rgba, prepare_picture, read_picture
from cnnviz.errors import UserError
from cnnviz.gui.strokes import Picture

log = logging.getLogger(__name__)

PASTED = "pasted picture"
LONG_MS = 500  # after which it is shown that something is going on
_BRIGHT = 160  # mean grey level of ink that is not seen on white


def picture_in(data: QMimeData | None) -> Path | QImage | None:
    """Return the picture, or the file, that is being pasted or dropped; None where there is neither.

    Of several files the first is taken.
    """
    if data is None:
        return None
    files = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
    if files:
        return Path(files[0])
    image = data.imageData() if data.hasImage() else None
    return image if isinstance(image, QImage) and not image.isNull() else None


def read_for_pad(source: Path | QImage) -> Picture:
    """Read and prepare a picture; UserError where there is no digit in it, or no picture."""
    if isinstance(source, Path):
        title, pixels = source.name, read_picture(source)
    else:
        title, pixels = PASTED, picture_from_rgba(_rgba(source), PASTED)
    try:
        prepared = prepare_picture(pixels)
    except PreparationError as fault:
        raise PreparationError(f"{title}: {fault}") from fault
    return Picture(title, _on_paper(pixels), prepared)


def _on_paper(picture: np.ndarray) -> np.ndarray:
    """Return a picture on paper where it is transparent (height, width, 4): white, or black if its ink is bright."""
    if picture.ndim < 3 or picture.shape[2] < 4:
        return picture
    colors, opacity = picture[..., :3].astype(np.float32), picture[..., 3:] / np.float32(255)
    ink = (colors * opacity).mean() / max(float(opacity.mean()), 1e-6)
    paper = 0 if ink > _BRIGHT and opacity.min() < 1 else 255
    return np.rint(paper + (colors - paper) * opacity).astype(np.uint8)


def _rgba(image: QImage) -> np.ndarray:
    """Return the pixels of ``image``, uint8 of shape (height, width, 4)."""
    image = image.convertToFormat(QImage.Format.Format_RGBA8888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 4 * image.width()].reshape(image.height(), image.width(), 4).copy()


class PictureThread(QThread):
    """Reads and prepares one picture."""

    done = Signal(object)
    failed = Signal(str)

    def __init__(self, source: Path | QImage, parent: QObject) -> None:
        super().__init__(parent)
        self._source = source

    def run(self) -> None:
        """Work; Qt calls this on the new thread."""
        try:
            picture = read_for_pad(self._source)
        except UserError as error:
            self.failed.emit(str(error))
        except Exception as error:
            log.exception("a picture could not be read")
            self.failed.emit(f"the picture could not be read: {type(error).__name__}: {error}; save it anew")
        else:
            self.done.emit(picture)


class PictureDialog(QProgressDialog):
    """Shows, if it takes long, that a picture is being read."""

    arrived = Signal(object)  # a Picture
    failed = Signal(str)

    def __init__(self, source: Path | QImage, parent: QWidget) -> None:
        name = source.name if isinstance(source, Path) else PASTED
        super().__init__(f"Reading {name}", "Cancel", 0, 0, parent)
        self.setWindowTitle("Open picture")
        cancel = QPushButton("Cancel")
        cancel.setToolTip("Do without this picture (Esc)")
        self.setCancelButton(cancel)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAutoClose(False)
        self.setAutoReset(False)
        self._is_wanted = True
        self._patience = QTimer(self)  # QProgressDialog's own does not run before its first value
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self.show)
        self._thread = PictureThread(source, self)
        self._thread.done.connect(self._hand_on)
        self._thread.failed.connect(self._complain)
        self._thread.finished.connect(self._end)
        self.canceled.connect(self.stop)

    def start(self) -> None:
        """Begin."""
        self._patience.start(LONG_MS)
        self._thread.start()

    @Slot(object)
    def _hand_on(self, picture: Picture) -> None:
        if self._is_wanted:
            self.arrived.emit(picture)

    @Slot(str)
    def _complain(self, line: str) -> None:
        if self._is_wanted:
            self.failed.emit(line)

    @Slot()
    def stop(self) -> None:
        """Go away. Decoding cannot be interrupted; what comes of it is passed over."""
        self._is_wanted = False
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
