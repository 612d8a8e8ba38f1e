"""A person's digits out into files that other programs read, and in from files of others."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from cnnviz.atomic import WriteError, remove
from cnnviz.data.collection import Change, CollectionError, OwnDigit, adding
from cnnviz.data.datasets import DataError, Progress
from cnnviz.data.drawings import Drawing, read_drawings, write_lines
from cnnviz.data.idx import CONTENT, IDX_FILES, IDX_PAIRS, find_idx_file, read_idx_pair, read_magic, write_idx_pair

_PART_FOR_TESTS = 6  # every sixth digit, as one in seven of MNIST's


def export_strokes(path: Path, digits: Sequence[OwnDigit]) -> None:
    """Write a file of drawings; WriteError where that fails."""
    write_lines(path, [digit.ink.line(digit.label) for digit in digits])


def export_idx(folder: Path, digits: Sequence[OwnDigit]) -> None:
    """Write prepared images into ``folder`` as the four files that a dataset consists of; WriteError where that fails.

    DataError where a dataset is there already: it might be lost, or be read in place of this one. Unless all four files
    can be written none is left.

    Every sixth digit of each kind is set aside to be tested on. A lone digit is in both sets, for neither may be empty.
    """
    there = [path.name for name in IDX_FILES if (path := find_idx_file(folder, name))]
    if there:
        raise DataError(f"{folder}: expected a folder without a dataset, found {there[0]}; choose an empty folder")
    images = np.stack([digit.ink.image for digit in digits])
    labels = np.array([digit.label for digit in digits], np.uint8)
    for_tests = np.zeros(len(digits), bool)
    for label in range(10):
        for_tests[np.flatnonzero(labels == label)[_PART_FOR_TESTS - 1 :: _PART_FOR_TESTS]] = True
    if not for_tests.any():
        for_tests[-1] = True
    try:
        for names, chosen in zip(IDX_PAIRS, (~for_tests | (len(digits) == 1), for_tests), strict=True):
            write_idx_pair(*(folder / name for name in names), images[chosen], labels[chosen])
    except BaseException:
        for name in IDX_FILES:  # a part is no dataset, and would stand in the way of the next attempt
            with suppress(WriteError):
                remove(folder / name)
        raise


def read_digits(path: Path, progress: Progress | None = None) -> Change:
    """Return the change that adds what is in a file of drawings, an IDX file and its partner, or a folder of such.

    UserError names the item that cannot be added and says why; then none is.
    """
    try:
        return adding(_drawings(path, progress), progress)
    except CollectionError as fault:
        raise CollectionError(f"{path}: {fault}") from fault


def _drawings(path: Path, progress: Progress | None) -> list[Drawing]:
    if os.path.isdir(path):  # Path.is_dir raises for a name that is too long
        return _drawings_of_folder(path, progress)
    if read_magic(path) in CONTENT:
        return _drawings_of_pair(*_pair_of(path), progress)
    return read_drawings(path, progress)


def _drawings_of_folder(folder: Path, progress: Progress | None) -> list[Drawing]:
    """Return what is in the pairs of files of a folder that are named as MNIST's; one pair is enough."""
    pairs = [[find_idx_file(folder, name) for name in names] for names in IDX_PAIRS]
    found = [pair for pair in pairs if all(pair)]
    if not found:
        names = " and ".join(IDX_FILES[:2])
        raise DataError(
            f"{folder}: expected IDX files {names} (or t10k-...), found no such pair; choose another folder"
        )
    return [drawing for pair in found for drawing in _drawings_of_pair(*pair, progress)]


def _drawings_of_pair(images: Path, labels: Path, progress: Progress | None) -> list[Drawing]:
    digits = read_idx_pair(images, labels, progress)
    return [Drawing([], int(label), image=image) for image, label in zip(digits.images, digits.labels, strict=True)]


def _pair_of(path: Path) -> tuple[Path, Path]:
    """Return the files of images and of labels, of which ``path`` is one; DataError where it has no partner."""
    images, labels = ("images", "idx3"), ("labels", "idx1")
    for own, others in ((images, labels), (labels, images)):
        if own[0] not in path.name:
            continue
        name = path.name.replace(own[0], others[0]).replace(own[1], others[1])
        plain = name.removesuffix(".gz")
        partner = next((p for n in (name, plain, f"{plain}.gz") if os.path.isfile(p := path.with_name(n))), None)
        if partner is None:
            raise DataError(f"{path}: expected {name} beside it, found no such file; put both into one folder")
        return (path, partner) if own is images else (partner, path)
    raise DataError(f'{path}: expected "images" or "labels" in the name of an IDX file; rename it and its partner')
