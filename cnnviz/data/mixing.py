"""Images that are mixed into training: of another dataset, or of drawings in a file."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cnnviz.data import DATASETS, check_dataset, load_dataset
from cnnviz.data.datasets import ArrayImageSet, DataError, ImageSet, Progress
from cnnviz.data.drawings import Drawing, read_drawings
from cnnviz.data.preparation import PreparationError

PEN_WIDTHS = (2.0, 2.5, 3.1)
"""In pixels: a drawing has no pen of its own, so it becomes an image with each of these."""


def load_images(source: str, data_dir: Path | None = None, progress: Progress | None = None) -> ImageSet:
    """Return the images that ``source`` names.

    Parameters
    ----------
    source : str
        A dataset or a folder with IDX files, of which the training images are taken, or a file of labelled drawings,
        each prepared with several pen widths.
    data_dir : Path, optional
        Where a named dataset has its files, if not in the usual place.
    progress : callable, optional
        Counts bytes of a dataset, or drawings of a file.

    Raises
    ------
    UserError
        There is no such source, or it is damaged.
    """
    check_images(source, data_dir)
    if _is_dataset(source):
        return load_dataset(source, data_dir, progress).train
    path = Path(os.path.expanduser(source))
    return _prepare(path, read_drawings(path), progress)


def check_images(source: str, data_dir: Path | None = None) -> None:
    """Raise the DataError that `load_images` would, where ``source`` is not there; what is there is not read."""
    if _is_dataset(source):
        check_dataset(source, data_dir)
    elif not os.path.exists(os.path.expanduser(source)):
        known = ", ".join(dataset.name for dataset in DATASETS)
        raise DataError(
            f"expected a dataset ({known}), a folder with IDX files or a file of drawings, found no {source}; "
            "choose one of these"
        )


def _is_dataset(source: str) -> bool:
    return any(source == known.name for known in DATASETS) or os.path.isdir(os.path.expanduser(source))


def _prepare(path: Path, drawings: Sequence[Drawing], progress: Progress | None) -> ArrayImageSet:
    """Return an image of each drawing with each pen width."""
    images = np.empty((len(drawings), len(PEN_WIDTHS), 28, 28), np.uint8)
    for index, drawing in enumerate(drawings):
        if drawing.label is None:
            raise DataError(f'{path}: item {index}: expected a "label", to learn from, found none; add it')
        try:
            images[index] = drawing.prepared_with_pens(PEN_WIDTHS)
        except PreparationError as fault:
            raise DataError(f"{path}: item {index}: {fault}") from fault
        if progress:
            progress(index + 1, len(drawings))
    labels = np.array([drawing.label for drawing in drawings])
    return ArrayImageSet(images.reshape(-1, 28, 28), labels.repeat(len(PEN_WIDTHS)))
