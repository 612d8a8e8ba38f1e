"""Neighbourhoods in a picture: means, greatest values, filled valleys, and which pixels hang together."""

import numpy as np


def mean_around(picture: np.ndarray, reach: int) -> np.ndarray:
    """Return the mean of each square of ``2 * reach + 1`` pixels; the border's pixels go on beyond it.

    Parameters
    ----------
    picture : np.ndarray of float32, shape (height, width)
    reach : int
    """
    for axis in (0, 1):
        padding = [(0, 0), (0, 0)]
        padding[axis] = (reach + 1, reach)
        total = np.cumsum(np.pad(picture, padding, mode="edge"), axis=axis, dtype=np.float64)
        size = 2 * reach + 1
        upper, lower = (total[size:], total[:-size]) if axis == 0 else (total[:, size:], total[:, :-size])
        picture = ((upper - lower) / size).astype(np.float32)
    return picture


def greatest_around(picture: np.ndarray, reach: int) -> np.ndarray:
    """Return the greatest value in each square of ``2 * reach + 1`` pixels, as far as it lies in the picture.

    Squares are put together of ever larger ones, so that the time grows with the logarithm of ``reach``.
    """
    for _ in range(2):
        picture = np.pad(picture.T, ((reach, reach), (0, 0)), mode="edge")
        size = 1
        while size < 2 * reach + 1:
            step = min(size, 2 * reach + 1 - size)
            picture = np.maximum(picture[:-step], picture[step:])
            size += step
    return picture


def fill_valleys(picture: np.ndarray, reach: int) -> np.ndarray:
    """Return the picture without whatever is dark and narrower than ``2 * reach + 1`` pixels (a closing).

    Ramps, hills and straight edges between larger regions stay as they are (J. Serra, *Image Analysis and Mathematical
    Morphology*, 1982, ch. 2).
    """
    room = 2 * reach  # the border's pixels go on beyond it, so that a slope down to it is no valley
    filled = -greatest_around(-greatest_around(np.pad(picture, room, mode="edge"), reach), reach)
    return filled[room:-room, room:-room] if room else filled


def label_components(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Number the regions of ``mask`` whose pixels touch each other, corners included.

    Each row's runs of pixels are joined with those of the row above, and every set of joined runs takes the number of
    its first.

    Returns
    -------
    labels : np.ndarray of int, shape (height, width)
        0 where ``mask`` is not set, else 1 to ``count``.
    count : int
    """
    width = mask.shape[1] + 1  # with a gap that ends each row
    flat = np.pad(mask, ((0, 0), (0, 1))).ravel()
    change = np.flatnonzero(np.diff(flat, prepend=False, append=False))
    starts, ends = change[::2], change[1::2]
    if not len(starts):
        return np.zeros(mask.shape, int), 0
    # Of the row above: from the first run that does not end before this one to the last that begins by its end.
    first = np.searchsorted(ends, starts - width, side="left")
    last = np.searchsorted(starts, ends - width, side="right")
    upper = np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)] or [np.empty(0, int)]).astype(
        int
    )
    lower = np.repeat(np.arange(len(starts)), np.maximum(last - first, 0))
    root = _join(len(starts), upper, lower)
    _, numbers = np.unique(root, return_inverse=True)
    labels = np.zeros(len(flat), int)
    labels[flat] = np.repeat(numbers + 1, ends - starts)
    return labels.reshape(mask.shape[0], width)[:, :-1], int(numbers.max()) + 1


def _join(count: int, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the least member (count,) of the set that each of ``count`` things is in, joined in pairs."""
    root = np.arange(count)
    while True:
        least = np.minimum(root[one], root[other])
        before = root.copy()
        for side in (one, other):
            np.minimum.at(root, before[side], least)
        while (root != (further := root[root])).any():
            root = further
        if (root == before).all():
            return root
