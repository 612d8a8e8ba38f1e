"""One drawing, as it comes from a file of pen strokes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnviz.data.preparation import prepare_strokes, prepare_with_pens
from cnnviz.errors import UserError


class DrawingsError(UserError):
    """A file of pen strokes that cannot be read."""


@dataclass(frozen=True)
class Drawing:
    """What one person drew at one time.

    Attributes
    ----------
    strokes : list of np.ndarray, each of shape (n, 2)
        x to the right and y down, at any scale; n is at least 1. Empty where only the image is known.
    label : int or None
        The digit meant, if told.
    writer : int or None
        The number of the person, if told.
    image : np.ndarray of uint8, shape (28, 28), or None
        The prepared digit, where it is known in place of strokes.
    """

    strokes: list[np.ndarray]
    label: int | None
    writer: int | None = None
    image: np.ndarray | None = None

    def prepared(self) -> np.ndarray:
        """Return the image for the network, uint8 of shape (28, 28)."""
        return prepare_strokes(self.strokes) if self.image is None else self.image

    def prepared_with_pens(self, pen_widths: Sequence[float]) -> np.ndarray:
        """Return an image for each pen, uint8 of shape (pens, 28, 28); all the same where there are no strokes."""
        if self.image is not None:
            return np.repeat(self.image[np.newaxis], len(pen_widths), axis=0)
        return prepare_with_pens(self.strokes, pen_widths)
