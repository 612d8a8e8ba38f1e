"""Every reader of files from elsewhere, each with valid files and with what it may make of a file: see ``READERS``."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnviz.data.collection import Change, Collection, CollectionError
from cnnviz.data.collection_files import read_digits
from cnnviz.data.datasets import DataError
from cnnviz.data.drawings import Drawing, DrawingsError, read_drawings
from cnnviz.data.idx import read_idx_images, read_idx_labels
from cnnviz.data.preparation import PreparationError, prepare_picture, read_picture
from cnnviz.errors import UserError
from cnnviz.formats import FormatError, read_parameters
from cnnviz.formats.saved_parameters import expected_shapes
from cnnviz.gui.settings import Settings, load_settings
from cnnviz.nn import Parameters
from cnnviz.training.checkpoint import CheckpointError
from cnnviz.training.checkpoint_file import read_checkpoint, read_summary
from cnnviz.training.trainer import Trainer
from tests.endurance import mutations, seeds

MIB = 2**20
_LOOKED_AT = 3  # drawings of a file that are prepared too


@dataclass(frozen=True)
class Reader:
    """One way into the program.

    Attributes
    ----------
    name, suffix : str
        For the table, and for the names of files.
    errors : tuple of type
        Its own error, or those of what it is made of.
    seeds : callable
        Returns valid files, as bytes.
    mutate : callable
        Takes a random.Random and the seeds, and returns a file that is damaged a little, or in a sly way.
    read : callable
        Reads a file and looks at what came of it: AssertionError where that is not fit for use. Raises one of
        ``errors`` where the file is refused.
    most_memory : int
        Bytes that it may need.
    reads_prefixes : bool
        Whether the beginning of a file may be taken for a file: where the rest is missing in the last rows of a
        picture, or after the end of a digit in a list without an end.
    is_chosen : bool
        Whether a person names the file. Otherwise it lies at a place of its own, and is not missed.
    """

    name: str
    suffix: str
    errors: tuple[type[UserError], ...]
    seeds: Callable[[], list[bytes]]
    mutate: Callable[..., bytes]
    read: Callable[[Path], None]
    most_memory: int = 64 * MIB
    reads_prefixes: bool = False
    is_chosen: bool = True


class Refusal(UserError):  # noqa: N818 - not an error: the reader goes on
    """The complaint of a reader that goes on without the file."""


def _read_parameters(path: Path) -> None:
    saved = read_parameters(path)
    shapes = expected_shapes(saved.architecture)
    assert {name: values.shape for name, values in saved.parameters.items()} == shapes
    for values in saved.parameters.values():
        assert values.dtype == np.float32
        assert values.flags.c_contiguous
        assert np.isfinite(values).all()
    for normalization in filter(None, (saved.normalization, saved.test_normalization)):
        assert np.isfinite(normalization.apply(np.array([[[0, 255]]], np.uint8))).all()


def _read_checkpoint(path: Path) -> None:
    read_summary(path)
    checkpoint = read_checkpoint(path)
    shapes = checkpoint.config.build().parameter_shapes
    assert checkpoint.parameters.keys() == Parameters.zeros(shapes).keys()
    for values in (checkpoint.parameters.vector, *checkpoint.moments.values(), checkpoint.history.losses):
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
    with suppress(UserError):  # it may not fit the data
        next(Trainer.resumed(checkpoint, seeds.dataset()).events(), None)


def _read_images(path: Path) -> None:
    images = read_idx_images(path)
    assert images.dtype == np.uint8
    assert images.ndim == 3
    assert images.size > 0


def _read_labels(path: Path) -> None:
    labels = read_idx_labels(path)
    assert labels.dtype == np.uint8
    assert labels.ndim == 1
    assert labels.size > 0
    assert labels.max() <= 9


def _read_picture(path: Path) -> None:
    picture = read_picture(path)
    assert picture.dtype in (np.uint8, np.float32)
    assert picture.ndim == 2 or picture.shape[2] in (3, 4)
    with suppress(PreparationError):  # a picture without a digit is a picture; whoever prepares it names the file
        _assert_image(prepare_picture(picture))


def _read_drawings(path: Path) -> None:
    drawings = read_drawings(path)
    assert drawings
    for drawing in drawings:
        _assert_drawing(drawing)
    for drawing in drawings[:_LOOKED_AT]:
        with suppress(PreparationError):
            _assert_image(drawing.prepared())


def _assert_drawing(drawing: Drawing) -> None:
    assert drawing.label is None or drawing.label in range(10)
    assert (drawing.image is None) == bool(drawing.strokes)
    for stroke in drawing.strokes:
        assert stroke.dtype == np.float64
        assert stroke.shape[1:] == (2,)
        assert len(stroke) > 0
        assert np.isfinite(stroke).all()


def _assert_image(image: np.ndarray) -> None:
    assert image.dtype == np.uint8
    assert image.shape == (28, 28)


def _read_digits(path: Path) -> None:
    _assert_digits(read_digits(path))


def _assert_digits(change: Change) -> None:
    assert change
    for digit in change.values():
        assert digit.label in range(10)
    for digit in list(change.values())[:_LOOKED_AT]:
        _assert_image(digit.ink.image)


def _open_collection(path: Path) -> None:
    content = path.read_bytes() if path.is_file() and path.stat().st_size < MIB else None
    collection = Collection(path)
    if collection.fault is None:
        _assert_digits(collection.digits)
        return
    assert not collection.digits
    kept = [path, *path.parent.glob(f"{path.stem}.damaged-*")]
    assert content is None or any(each.is_file() and each.read_bytes() == content for each in kept), "the file is lost"
    for each in kept[1:]:
        each.unlink()
    raise Refusal(collection.fault)


def _load_settings(path: Path) -> None:
    settings, complaint = load_settings(path)
    assert isinstance(settings, Settings)
    assert all(type(value) is type(getattr(Settings(), name)) for name, value in vars(settings).items())
    settings.window()
    if complaint:
        aside = list(path.parent.glob(f"{path.stem}.damaged-*{path.suffix}"))
        assert aside or os.path.lexists(path), "the file is lost"
        for each in aside:
            if each.is_file():
                each.unlink()
        raise Refusal(complaint)


READERS = (
    Reader("npz", ".npz", (FormatError,), seeds.npz, mutations.of_npz, _read_parameters),
    Reader("pkl", ".pkl", (FormatError,), seeds.pkl, mutations.of_pickle, _read_parameters),
    Reader("idx images", "-idx3-ubyte", (DataError,), seeds.idx_images, mutations.of_packed, _read_images),
    Reader("idx labels", "-idx1-ubyte", (DataError,), seeds.idx_labels, mutations.of_packed, _read_labels),
    Reader(
        "picture",
        ".png",
        (PreparationError,),
        seeds.pictures,
        mutations.of_picture,
        _read_picture,
        most_memory=768 * MIB,
        reads_prefixes=True,
    ),
    Reader("drawings", ".json", (DrawingsError,), seeds.drawings, mutations.of_packed_json, _read_drawings),
    Reader(
        "unipen",
        ".txt",
        (DrawingsError,),
        seeds.unipen,
        mutations.of_packed,
        _read_drawings,
        reads_prefixes=True,
    ),
    Reader(
        "own digits in",
        ".json",
        (DrawingsError, CollectionError, DataError),
        seeds.digits,
        mutations.of_packed_json,
        _read_digits,
    ),
    Reader("own digits", ".json", (Refusal,), seeds.digits, mutations.of_json, _open_collection, is_chosen=False),
    Reader("checkpoint", ".checkpoint", (CheckpointError,), seeds.checkpoints, mutations.of_npz, _read_checkpoint),
    Reader("settings", ".json", (Refusal,), seeds.settings, mutations.of_json, _load_settings, is_chosen=False),
)
"""To add one, name it here: it is fuzzed, and attacked as the others are."""
