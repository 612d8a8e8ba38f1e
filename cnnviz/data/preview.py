"""Contact sheets: what a dataset looks like, a digit a row."""

from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from cnnviz.data.datasets import ImageSet

GAP = 2  # pixels of the images
GAP_GREY = 64


def contact_sheet(image_set: ImageSet, per_digit: int = 20, enlargement: int = 3) -> np.ndarray:
    """Return the first ``per_digit`` images of each digit, 0 in the top row, enlarged so that pixels show.

    Parameters
    ----------
    image_set : ImageSet
        Read in stored order, no further than necessary. Where it has fewer of a digit, places stay empty.
    per_digit : int
        Columns of the sheet.
    enlargement : int
        Factor of the nearest-neighbour enlargement.

    Returns
    -------
    np.ndarray of uint8, shape (height, width)
        Grey levels.
    """
    cell = 28 + GAP
    sheet = np.full((10 * cell + GAP, per_digit * cell + GAP), GAP_GREY, np.uint8)
    for digit, column, image in _first_of_each(image_set, per_digit):
        top, left = digit * cell + GAP, column * cell + GAP
        sheet[top : top + 28, left : left + 28] = image
    return np.kron(sheet, np.ones((enlargement, enlargement), np.uint8))


def _first_of_each(image_set: ImageSet, per_digit: int) -> list[tuple[int, int, np.ndarray]]:
    """Return (digit, place among its kind, image) of the first ``per_digit`` images of each digit."""
    found: list[tuple[int, int, np.ndarray]] = []
    seen = [0] * 10
    for start in range(0, len(image_set), 250):
        images, labels = image_set.batch(np.arange(start, min(start + 250, len(image_set))))
        for image, digit in zip(images, labels.tolist(), strict=True):
            if seen[digit] < per_digit:
                found.append((digit, seen[digit], image))
                seen[digit] += 1
        if min(seen) == per_digit:
            break
    return found


def write_png(file: str | Path | BinaryIO, pixels: np.ndarray) -> None:
    """Write grey levels (height, width) uint8 as a PNG file, or into a binary stream."""
    Image.fromarray(pixels).save(file, format="PNG")
