"""What a panel shows, as files that other programs read: its picture, and its numbers."""

import csv
import io
from collections.abc import Iterable

import numpy as np
from PySide6.QtCore import QBuffer, QIODevice, QPoint, QRect
from PySide6.QtGui import QImage, QPainter, QPalette
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QWidget

from cnnviz.errors import UserError

ENLARGED = 2  # pixels of a picture for one of the window: enough for a screen of twice the resolution, and for print


def picture_of(widget: QWidget) -> QImage:
    """Return what ``widget`` shows, twice as fine as it is seen."""
    picture = QImage(ENLARGED * widget.size(), QImage.Format.Format_RGB32)
    picture.setDevicePixelRatio(ENLARGED)
    picture.fill(widget.palette().color(QPalette.ColorRole.Window))
    widget.render(picture)
    return picture


def png_of(widget: QWidget, title: str, about: str) -> bytes:
    """Return the picture of ``widget`` as PNG, with a title, and a line of what it shows of what, in its text."""
    picture = picture_of(widget)
    picture.setText("Title", title)
    picture.setText("Description", about)
    return png_bytes(picture)


def png_bytes(picture: QImage) -> bytes:
    """Return ``picture`` as a PNG file holds it; UserError where there is too little memory for that."""
    content = QBuffer()
    content.open(QIODevice.OpenModeFlag.WriteOnly)
    if not picture.save(content, "PNG"):
        raise UserError("the picture could not be made: there is too little memory; make the window smaller")
    return content.data().data()


def svg_of(widget: QWidget, title: str, about: str) -> bytes:
    """Return the picture of ``widget`` as SVG, with text as text; maps stay pixels, and sharp."""
    content = QBuffer()
    generator = QSvgGenerator()
    generator.setOutputDevice(content)
    generator.setTitle(title)
    generator.setDescription(about)
    generator.setResolution(widget.logicalDpiX())  # so that a pixel of the window is one of the picture
    generator.setSize(widget.size())
    generator.setViewBox(QRect(QPoint(), widget.size()))
    with QPainter(generator) as painter:
        widget.render(painter, QPoint())
    return content.data().data()


def csv_of(rows: Iterable[Iterable[object]]) -> bytes:
    """Return a table as CSV in UTF-8; numbers with all the digits that they have, and a decimal point."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_entry(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _entry(value: object) -> object:
    """Return ``value`` as it is written: the shortest text that stands for just this number."""
    if isinstance(value, np.generic):
        return str(value)  # which knows its precision; of float32 as few digits as it takes
    return value
