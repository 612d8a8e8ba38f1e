"""One drawing, as it comes from a file of pen strokes."""

from dataclasses import dataclass

import numpy as np

from cnnviz.errors import UserError


class DrawingsError(UserError):
    """A file of pen strokes that cannot be read."""


@dataclass(frozen=True)
class Drawing:
    """What one person drew at one time.

    Attributes
    ----------
    strokes : list of np.ndarray, each of shape (n, 2)
        x to the right and y down, at any scale; n is at least 1.
    label : int or None
        The digit meant, if told.
    writer : int or None
        The number of the person, if told.
    """

    strokes: list[np.ndarray]
    label: int | None
    writer: int | None = None
