"""What a drawing or a picture looks like where its preparation is left unfinished: one image after each stage.

Every stage but the last is deliberately plain, as somebody writes it who thinks no further; the last is the image that
`cnnviz.data.preparation` makes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from cnnviz.data.framing import BOX, area_matrix, centre_by_mass, to_grey
from cnnviz.data.pen import SIDE

_PAD_SIDE = 10 * SIDE  # pixels of the pad's picture, so that shrinking it is anti-aliasing enough
_INK = 0.25  # of the strongest deviation from the border; less is taken for paper
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue (ITU-R BT.601)
_HARDLY_ANY = 1e-6  # of the brightest level; less deviation is rounding


@dataclass(frozen=True)
class Stage:
    """How far preparation goes.

    Attributes
    ----------
    title : str
        What is done.
    lack : str
        One sentence: what goes wrong where no more is done.
    """

    title: str
    lack: str


STAGES = (
    Stage(
        "Only shrunk",
        "All of the pad, or of the picture, as 28 \u00d7 28 pixels: a digit that is small, off the middle or dark on "
        "light looks like none of those that the network has learnt from.",
    ),
    Stage(
        "Fitted to 20\u00a0\u00d7\u00a020",
        "The ink cut out and fitted into a box in the middle: MNIST's digits are centred by mass instead, so that a "
        "lopsided one, such as a 7, still lies some pixels beside where the network looks for it.",
    ),
    Stage(
        "Centred by mass",
        "Now size and place are MNIST's: but a small drawing has become fat and a large one thin, fast strokes have "
        "corners, and in a photo shadows still count as ink.",
    ),
    Stage(
        "Fully prepared",
        "The whole preparation, as the pad uses it: the pen's path made smooth and drawn with MNIST's pen at its final "
        "size, and in a picture the light evened out before the ink is told from the paper.",
    ),
)


def stages_of_drawing(strokes: Sequence[np.ndarray], pen_width: float, prepared: np.ndarray) -> np.ndarray:
    """Return a drawing after each of `STAGES`.

    Parameters
    ----------
    strokes : sequence of array, each of shape (n, 2)
        Pen positions (x right, y down), 0 to 1 across the pad.
    pen_width : float
        Of the pad's pen, as a part of its side.
    prepared : array of uint8, shape (28, 28)
        What ``prepare_strokes`` made of it.

    Returns
    -------
    array of uint8, shape (4, 28, 28)
    """
    return stages_of_picture(_picture_of(strokes, pen_width), prepared)


def stages_of_picture(picture: np.ndarray, prepared: np.ndarray) -> np.ndarray:
    """Return a picture after each of `STAGES`.

    Parameters
    ----------
    picture : array, shape (height, width) or (height, width, 3)
        Grey levels or colours, finite; of which 255 is white if they are uint8, else the brightest.
    prepared : array of uint8, shape (28, 28)
        What ``prepare_picture`` made of it.

    Returns
    -------
    array of uint8, shape (4, 28, 28)
    """
    grey = np.rint(picture @ _LUMINANCE).astype(np.uint8) if picture.ndim == 3 else picture
    boxed = _fit(grey)
    return np.stack([_shrink(grey), boxed, centre_by_mass(boxed[np.newaxis])[0] if boxed.any() else boxed, prepared])


def _picture_of(strokes: Sequence[np.ndarray], pen_width: float) -> np.ndarray:
    """Return the pad as it would be photographed: straight lines from event to event, drawn with a round pen."""
    paper = Image.new("L", (_PAD_SIDE, _PAD_SIDE))
    canvas = ImageDraw.Draw(paper)
    radius = pen_width * _PAD_SIDE / 2
    for stroke in strokes:
        points = [(x, y) for x, y in (stroke * _PAD_SIDE).tolist()]
        canvas.line(points, fill=255, width=round(2 * radius))
        for x, y in points:
            canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(paper)


def _shrink(grey: np.ndarray) -> np.ndarray:
    """Return all of a picture, averaged down to (28, 28), whatever its proportions."""
    white = 255 if grey.dtype == np.uint8 else max(float(np.abs(grey).max()), 1e-30)
    small = area_matrix(grey.shape[0], SIDE) @ grey.astype(np.float32) @ area_matrix(grey.shape[1], SIDE).T
    return np.rint(np.clip(small * (255 / white), 0, 255)).astype(np.uint8)


def _fit(grey: np.ndarray) -> np.ndarray:
    """Return what deviates from the border's level, its longer side 20 pixels, in the middle of (28, 28)."""
    image = np.zeros((SIDE, SIDE), np.float32)
    ink = _deviation(grey.astype(np.float32))
    if not ink.any():
        return image.astype(np.uint8)
    rows, columns = (np.flatnonzero((ink > _INK).any(axis=axis)) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(round(side * BOX / max(ink.shape)), 1) for side in ink.shape)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    ink = area_matrix(ink.shape[0], height) @ ink @ area_matrix(ink.shape[1], width).T
    image[top : top + height, left : left + width] = ink
    return to_grey(image[np.newaxis])[0]


def _deviation(grey: np.ndarray) -> np.ndarray:
    """Return how far each pixel is from the border's median, 0 to 1; all 0 for an even picture."""
    border = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    deviation = np.abs(grey - np.median(border))
    strongest = float(deviation.max())
    if strongest <= _HARDLY_ANY * max(float(np.abs(grey).max()), 1e-30):
        return np.zeros_like(deviation)
    return deviation / strongest
