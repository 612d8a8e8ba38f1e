"""Datasets: one module a source, one line each in `DATASETS`."""

import os
from pathlib import Path

from cnnviz.data.datasets import ArrayImageSet, DataError, Dataset, DatasetSource, ImageSet, Progress, head
from cnnviz.data.idx import missing_idx_files, read_idx_folder
from cnnviz.data.mnist import MNIST
from cnnviz.data.strokes import STROKES

__all__ = [
    "DATASETS",
    "ArrayImageSet",
    "DataError",
    "Dataset",
    "DatasetSource",
    "ImageSet",
    "Progress",
    "check_dataset",
    "default_dataset",
    "head",
    "is_renewable",
    "load_dataset",
]

DATASETS: tuple[DatasetSource, ...] = (
    STROKES,
    MNIST,
)


def load_dataset(
    name: str | os.PathLike[str],
    data_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Return a dataset.

    Parameters
    ----------
    name : str or path
        The name of a member of `DATASETS`, or a folder that holds IDX files named as MNIST's.
    data_dir : path, optional
        Where a named dataset has its files, if not in the usual place.
    progress : callable, optional
        See :data:`Progress`.

    Raises
    ------
    DataError
        If there is no such dataset, or its files are absent or damaged.
    """
    for source in DATASETS:
        if source.name == name:
            return source.load(Path(data_dir) if data_dir else None, progress)
    return _load_folder(Path(os.path.expanduser(name)), progress)


def default_dataset(data_dir: Path | None = None) -> str:
    """Return "mnist" where its files are at hand, else the dataset that needs none."""
    return MNIST.name if MNIST.is_available(data_dir) else STROKES.name


def check_dataset(name: str, data_dir: Path | None) -> None:
    """Raise the DataError that loading would, where a dataset is not there; what is there is not read."""
    source = next((each for each in DATASETS if each.name == name), None)
    is_there = source.is_available(data_dir) if source else not missing_idx_files(Path(os.path.expanduser(name)))
    if not is_there:
        load_dataset(name, data_dir)


def is_renewable(name: str) -> bool:
    """Return whether the training images of a dataset can be made anew for each epoch; none of a folder can."""
    return any(source.renewable for source in DATASETS if source.name == name)


def _load_folder(folder: Path, progress: Progress | None) -> Dataset:
    """Return the dataset in ``folder``, called as the folder is."""
    if not os.path.isdir(folder):
        known = ", ".join(source.name for source in DATASETS)
        if len(folder.parts) > 1 and not os.path.lexists(folder):  # of a run that is gone on with, it was there
            raise DataError(
                f"expected a folder with IDX files, but {folder} is not there; "
                f"put it back, or choose another one or a dataset ({known})"
            )
        raise DataError(f"expected a dataset ({known}) or a folder with IDX files, found {folder}; choose one of these")
    train, test = read_idx_folder(folder, progress)
    name = folder.resolve().name
    return Dataset(name, name, train, test)
