"""Reading and writing IDX files, the format of MNIST and of the datasets made in its likeness, gzipped or not.

A file is a big-endian header (magic number, whose last byte counts the dimensions; the size of each) and then the
values (LeCun, Cortes and Burges, "The MNIST database of handwritten digits"). Files come from strangers: nothing that a
header claims is believed before it is held against the bytes that are there.
"""

import math
import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cnnviz.atomic import write_atomically
from cnnviz.data.datasets import ArrayImageSet, DataError, Progress, part_of
from cnnviz.foreign import open_foreign, unpacked

IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
IDX_PAIRS = (IDX_FILES[:2], IDX_FILES[2:])
IMAGES_MAGIC = 0x00000803  # unsigned bytes in three dimensions
LABELS_MAGIC = 0x00000801  # unsigned bytes in one dimension
CONTENT = {IMAGES_MAGIC: "images", LABELS_MAGIC: "labels"}
IMAGE_SHAPE = (28, 28)

MAX_BYTES = 512 * 2**20  # of images; there are no more labels than that many bytes have images
MOST_VALUES = {IMAGES_MAGIC: MAX_BYTES, LABELS_MAGIC: MAX_BYTES // math.prod(IMAGE_SHAPE)}
MAX_FILE_BYTES = MAX_BYTES + 2**20  # for the header, and what gzip adds to what it cannot pack
MAX_DEFLATE_RATIO = 1032  # deflate cannot pack tighter (zlib, "Technical Details": 258 bytes in two bits)
CHUNK_BYTES = 2 * 2**20  # some 15 ms of decompression


def read_idx_images(path: str | os.PathLike[str], progress: Progress | None = None) -> np.ndarray:
    """Return the images of an IDX file, uint8 of shape (n, rows, columns); ``progress`` counts bytes of the file.

    Raises
    ------
    DataError
        If the file is absent or is not exactly what its header says.
    """
    return _read_idx(Path(path), IMAGES_MAGIC, progress)


def read_idx_labels(path: str | os.PathLike[str], progress: Progress | None = None) -> np.ndarray:
    """Return the labels of an IDX file, uint8 of shape (n,) with values 0 to 9; otherwise as `read_idx_images`."""
    path = Path(path)
    labels = _read_idx(path, LABELS_MAGIC, progress)
    wrong = np.flatnonzero(labels > 9)
    if wrong.size:
        finding = f"label {labels[wrong[0]]} at position {wrong[0]:,}"
        raise _fault(path, "labels from 0 to 9", finding, "choose a dataset of digits")
    return labels


def read_idx_folder(
    folder: str | os.PathLike[str],
    progress: Progress | None = None,
    remedy: str = "choose a folder that holds them",
) -> tuple[ArrayImageSet, ArrayImageSet]:
    """Return the training and the test set of a folder that holds the four IDX files named as MNIST's.

    Parameters
    ----------
    folder : path
    progress : callable, optional
        Counts bytes of the four files.
    remedy : str
        What the error says is to be done when files are missing.

    Raises
    ------
    DataError
        If a file is missing or damaged, if the images are not 28x28, or if images and labels differ in number.
    """
    folder = Path(folder)
    missing = missing_idx_files(folder)
    if missing:
        finding = "none of them" if len(missing) == len(IDX_FILES) else f"no {', '.join(missing)}"
        raise _fault(folder, "four IDX files named as MNIST's (plain or .gz)", finding, remedy)
    paths = [find_idx_file(folder, name) for name in IDX_FILES]
    sizes = [path.stat().st_size for path in paths]
    parts = [part_of(progress, sum(sizes[:i]), sum(sizes)) for i in range(len(sizes))]
    return _read_pair(paths[:2], parts[:2]), _read_pair(paths[2:], parts[2:])


def read_idx_pair(images: Path, labels: Path, progress: Progress | None = None) -> ArrayImageSet:
    """Return the image set of a file of 28x28 images and a file of as many labels; DataError as `read_idx_folder`."""
    sizes = [path.stat().st_size if path.is_file() else 0 for path in (images, labels)]
    parts = [part_of(progress, sum(sizes[:i]), sum(sizes)) for i in range(2)]
    return _read_pair((images, labels), parts)


def write_idx_pair(images_path: Path, labels_path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write images, uint8 of shape (n, rows, columns), and labels (n,) as two files; WriteError where that fails."""
    for path, magic, values in ((images_path, IMAGES_MAGIC, images), (labels_path, LABELS_MAGIC, labels)):
        header = struct.pack(f">{1 + values.ndim}I", magic, *values.shape)
        content = header + np.ascontiguousarray(values, np.uint8).tobytes()
        write_atomically(path, lambda file, content=content: file.write(content))


def find_idx_file(folder: Path, name: str) -> Path | None:
    """Return the file of ``folder`` that goes by ``name``, one of `IDX_FILES`, or by one of its usual spellings.

    The spelling that downloads have comes first, so that a download mends a folder with damaged files.
    """
    dotted = name.replace("-idx", ".idx")
    candidates = (folder / spelling for spelling in (f"{name}.gz", name, f"{dotted}.gz", dotted))
    return next((path for path in candidates if os.path.isfile(path)), None)


def missing_idx_files(folder: Path) -> list[str]:
    """Return the names of `IDX_FILES` under no spelling of which ``folder`` holds a file."""
    return [name for name in IDX_FILES if find_idx_file(folder, name) is None]


def read_magic(path: Path) -> int | None:
    """Return the number that an IDX file begins with; None where a file cannot be read or is too short."""
    try:
        with open_foreign(path, "an IDX file", MAX_FILE_BYTES, DataError) as file:
            return int.from_bytes(unpacked(file).read(4), "big")
    except (DataError, zlib.error):
        return None


def _read_pair(paths: Sequence[Path], parts: Sequence[Progress]) -> ArrayImageSet:
    """Return the image set of an images file and a labels file."""
    images = read_idx_images(paths[0], parts[0])
    labels = read_idx_labels(paths[1], parts[1])
    if images.shape[1:] != IMAGE_SHAPE:
        rows, columns = images.shape[1:]
        raise _fault(paths[0], "images of 28x28 pixels", f"{rows}x{columns}", "choose a dataset of that size")
    if len(images) != len(labels):
        expectation = f"{len(images):,} labels, one for each image of {paths[0].name}"
        raise _fault(paths[1], expectation, f"{len(labels):,}", "take both files from the same dataset")
    return ArrayImageSet(images, labels)


def _read_idx(path: Path, magic: int, progress: Progress | None) -> np.ndarray:
    """Return the values of an IDX file whose magic number must be ``magic``."""
    with open_foreign(path, f"an IDX file of {CONTENT[magic]}", MAX_FILE_BYTES, DataError) as file:
        try:
            return _read_values(path, file, magic, part_of(progress, 0, os.fstat(file.fileno()).st_size))
        except zlib.error as fault:
            raise _fault(path, "whole gzipped data", "damage") from fault


def _read_values(path: Path, file: BinaryIO, magic: int, report: Progress) -> np.ndarray:
    """Check the header against the file, then take memory, read, and check that nothing follows."""
    stream = unpacked(file)
    shape = _read_shape(path, stream, magic)
    _check_size(path, magic, math.prod(shape), os.fstat(file.fileno()).st_size, packed=stream is not file)
    values = np.empty(math.prod(shape), np.uint8)
    for start in range(0, len(values), CHUNK_BYTES):
        chunk = memoryview(values)[start : start + CHUNK_BYTES]
        count = stream.readinto(chunk)
        if count < len(chunk):
            raise _fault(path, f"{len(values):,} values as its header says", f"{start + count:,}")
        report(file.tell(), 0)
    if stream.read(1):
        raise _fault(path, f"{len(values):,} values as its header says", "more bytes after them")
    report(file.tell(), 0)
    return values.reshape(shape)


def _read_shape(path: Path, stream: BinaryIO, magic: int) -> tuple[int, ...]:
    """Read the header and return the size of each dimension."""
    dimensions = magic & 0xFF
    header = stream.read(4 + 4 * dimensions)
    if len(header) < 4 + 4 * dimensions:
        raise _fault(path, f"an IDX header of {4 + 4 * dimensions} bytes", f"a file of {len(header)} bytes")
    found, *shape = struct.unpack(f">{1 + dimensions}I", header)
    if found != magic:
        hint = f" (IDX {CONTENT[found]})" if found in CONTENT else ""
        expectation = f"the magic number 0x{magic:08x} of IDX {CONTENT[magic]}"
        raise _fault(path, expectation, f"0x{found:08x}{hint}", "choose the file that belongs there")
    if 0 in shape:
        raise _fault(path, f"at least one of its {CONTENT[magic]}", f"sizes {shape}")
    return tuple(shape)


def _check_size(path: Path, magic: int, declared: int, file_bytes: int, packed: bool) -> None:
    """Refuse a header that declares more values than the file can hold, or than this program takes."""
    if declared > MOST_VALUES[magic]:
        expectation = f"at most {MOST_VALUES[magic]:,} values"
        raise _fault(path, expectation, f"{declared:,} declared in its header", "choose a smaller dataset")
    if declared > file_bytes * (MAX_DEFLATE_RATIO if packed else 1):
        raise _fault(path, f"{declared:,} values as its header says", f"a file of only {file_bytes:,} bytes")


def _fault(path: Path, expectation: str, finding: str, remedy: str = "download or copy the file again") -> DataError:
    """Return the error that says in one line what was expected of ``path``, what was found, and what to do."""
    return DataError(f"{path}: expected {expectation}, found {finding}; {remedy}")
