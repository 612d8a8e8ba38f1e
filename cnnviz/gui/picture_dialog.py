"""Reading a picture for the pad: on a thread of its own, with a way out where it takes long."""

from pathlib import Path

import numpy as np
from PySide6.QtCore import QMimeData
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from cnnviz.data.preparation import (
    PreparationError,
    check_picture_size,
    picture_from_rgba,
    prepare_picture,
    read_picture,
)
from cnnviz.gui.reading_dialog import ReadingDialog
from cnnviz.gui.strokes import Picture

PASTED = "pasted picture"
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
        check_picture_size(PASTED, source.width() * source.height())  # before it takes four bytes a pixel
        title, pixels = PASTED, picture_from_rgba(_rgba(source))
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


class PictureDialog(ReadingDialog):
    """Reads one picture; ``arrived`` hands on a ``Picture``."""

    def __init__(self, source: Path | QImage, parent: QWidget) -> None:
        name = source.name if isinstance(source, Path) else PASTED
        super().__init__("Open picture", name, lambda progress: read_for_pad(source), parent)
