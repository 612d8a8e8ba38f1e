"""What a dataset is: two sets of labelled 28x28 grey images, and a source that can load them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from cnnviz.errors import UserError

Progress = Callable[[int, int], None]
"""Called with (done, total); a total of 0 means unknown. It cancels by raising :class:`cnnviz.errors.Cancelled`."""


class DataError(UserError):
    """A dataset is absent, damaged, or too small for what was asked of it."""


def part_of(progress: Progress | None, before: int, total: int) -> Progress:
    """Return the callback for one part of longer work: ``before`` of its ``total`` is done when the part begins."""

    def report(done: int, _: int) -> None:
        if progress:
            progress(before + done, total)

    return report


class ImageSet(Protocol):
    """Labelled 28x28 grey images, perhaps made as they are asked for.

    Attributes
    ----------
    in_random_order : bool
        Whether the stored order is already random, so that a first epoch needs no shuffling.
    """

    in_random_order: bool

    def __len__(self) -> int:
        """Return the number of images."""

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return new arrays of the images, uint8 (n, 28, 28), and labels, int64 (n,), at ``indices``."""


@runtime_checkable
class Renewable(Protocol):
    """An image set that can be made anew for each epoch, in the place of the images before."""

    def begin_epoch(self, epoch: int) -> None:
        """Have the images of ``epoch`` from now on; those of epoch 0 are there at first."""


class ArrayImageSet:
    """An image set held in memory.

    Parameters
    ----------
    images : np.ndarray
        Grey levels, uint8 of shape (n, 28, 28).
    labels : np.ndarray
        Digits, integers of shape (n,).
    in_random_order : bool
        See :class:`ImageSet`.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, *, in_random_order: bool = False) -> None:
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images cannot carry {len(labels)} labels")
        self.images = images
        self.labels = labels.astype(np.int64)
        self.in_random_order = in_random_order

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return copies of the images, uint8 of shape (n, 28, 28), and labels, int64 of shape (n,), at ``indices``."""
        return self.images[indices], self.labels[indices]


@dataclass(frozen=True)
class _Head:
    """The first ``size`` items of another image set, which is not copied."""

    whole: ImageSet
    size: int

    @property
    def in_random_order(self) -> bool:
        return self.whole.in_random_order

    def __len__(self) -> int:
        return self.size

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        outside = (indices < 0) | (indices >= self.size)
        if outside.any():
            raise IndexError(f"index {indices[outside][0]} is outside the first {self.size} items")
        return self.whole.batch(indices)


@dataclass(frozen=True)
class _RenewableHead(_Head):
    """The same of a set that can be made anew."""

    def begin_epoch(self, epoch: int) -> None:
        self.whole.begin_epoch(epoch)


def head(image_set: ImageSet, size: int | None) -> ImageSet:
    """Return the first ``size`` items of ``image_set`` without copying it; ``None`` stands for all of them.

    Raises
    ------
    DataError
        If there are fewer, or ``size`` is not positive.
    """
    if size is None:
        return image_set
    if size < 1:
        raise DataError(f"expected at least 1 image to be asked for, not {size:,}: give a positive number")
    if size > len(image_set):
        raise DataError(f"{size:,} images were asked for, but the set has only {len(image_set):,}: ask for fewer")
    return (_RenewableHead if isinstance(image_set, Renewable) else _Head)(image_set, size)


@dataclass(frozen=True)
class Dataset:
    """Images to learn from and images to be tested on.

    Attributes
    ----------
    name : str
        What the command line calls it.
    title : str
        What the window calls it.
    train, test : ImageSet
    """

    name: str
    title: str
    train: ImageSet
    test: ImageSet


@dataclass(frozen=True)
class DatasetSource:
    """One dataset that a person can choose, loaded only when it is chosen.

    Attributes
    ----------
    name, title : str
        As in :class:`Dataset`.
    description : str
        One sentence for lists and tooltips.
    is_available : callable
        Takes a folder, or None for the usual place, and returns whether ``load`` would find its files there.
    load : callable
        Takes the same folder and a :data:`Progress` or None and returns the :class:`Dataset`, or raises
        :class:`DataError`.
    renewable : bool
        Whether its training images are :class:`Renewable`.
    """

    name: str
    title: str
    description: str
    is_available: Callable[[Path | None], bool]
    load: Callable[[Path | None, Progress | None], Dataset]
    renewable: bool = False
