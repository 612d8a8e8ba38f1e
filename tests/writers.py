"""Every way in which the program writes a file, but for those that need a window, which tests/gui knows."""

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from unittest.mock import patch

import numpy as np

from cnnviz.cli import main
from cnnviz.commands import benchmark, predict
from cnnviz.data import download
from cnnviz.data.collection import Collection, OwnDigit, adding
from cnnviz.data.collection_files import export_idx, export_strokes
from cnnviz.data.drawing import Drawing
from cnnviz.data.drawings import write_drawings
from cnnviz.data.idx import IDX_FILES
from cnnviz.errors import UserError
from cnnviz.formats import read_parameters, write_parameters
from cnnviz.resource_files import SHIPPED, resource
from cnnviz.training.checkpoint_file import write_checkpoint
from cnnviz.training.config import TrainingConfig
from cnnviz.training.trainer import Trainer

SEVEN = Drawing([np.array([[0.2, 0.2], [0.8, 0.2], [0.4, 0.9]])], 7)
ONE = Drawing([np.array([[0.5, 0.1], [0.5, 0.9]])], 1)
SMALL = ["--dataset", "strokes", "--test-size", "10"]


@dataclass(frozen=True)
class Writer:
    """A way of writing.

    Attributes
    ----------
    name : str
    module : str
        Which calls `write_atomically`.
    file : str
        Name of what is written, which a fault has to name.
    write : callable
        Gets the path; returns the line in which a fault was told, None where there was none.
    prepare : callable
        Gets the path, and puts an old version there.
    read : callable
        Returns what two versions of a file are compared by.
    folder_is_own : bool
        Whether the folder is the program's, and made where it is missing.
    """

    name: str
    module: str
    file: str
    write: Callable[[Path], str | None]
    prepare: Callable[[Path], object] = lambda path: path.write_bytes(b"old")
    read: Callable[[Path], object] = Path.read_bytes
    folder_is_own: bool = False


def telling(write: Callable[[Path], object]) -> Callable[[Path], str | None]:
    """Return ``write`` as a function that returns what its UserError says."""

    def attempt(path: Path) -> str | None:
        try:
            write(path)
        except UserError as fault:
            return str(fault)
        return None

    return attempt


def running(*arguments: object) -> Callable[[Path], str | None]:
    """Return a function that runs a command which writes to the path that it gets."""

    def attempt(path: Path) -> str | None:
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            code = main([*map(str, arguments), str(path)])
        told = [line for line in said.getvalue().splitlines() if line.startswith("cnnviz: ")]
        assert len(told) == (code != 0), said.getvalue()
        assert code in (0, 1)
        return told[0] if told else None

    return attempt


def keys_of_json(path: Path) -> object:
    """Return the keys of a result, whose values are different ones each time; of anything else its bytes."""
    content = path.read_bytes()
    try:
        return sorted(json.loads(content))
    except ValueError:
        return content


@cache
def shipped() -> object:
    """Return parameters."""
    return read_parameters(resource(SHIPPED))


@cache
def checkpoint() -> object:
    """Return what a run begins with."""
    from cnnviz.data import load_dataset

    config = TrainingConfig.from_preset("zhou", "strokes", train_size=10, test_size=10)
    return Trainer(config, load_dataset("strokes")).checkpoint()


def digits() -> list[OwnDigit]:
    """Return two digits of somebody's."""
    return [digit for digit in adding([SEVEN, ONE]).values() if digit is not None]


def _write_digits_of_a_person(path: Path) -> str | None:
    collection = Collection(path)
    collection.apply(adding([ONE]))
    assert 1 in {digit.label for digit in collection.digits.values()}  # in memory at least
    return collection.fault


def _write_download(path: Path) -> None:
    published = download.PublishedFile(IDX_FILES[0], 7, 7, "0", "0")
    with patch.object(download, "_fetch", lambda *_: b"content"):
        download.download_mnist(path.parent, files=[published])


def _write_checkpoint(path: Path) -> None:
    write_checkpoint(path, checkpoint())


def _predict(path: Path) -> str | None:
    with patch.object(predict, "read_drawings", lambda _: [SEVEN]):
        return running("predict", "--strokes", "a file", "--json")(path)


def _benchmark(path: Path) -> str | None:
    """Measure nothing: that takes seconds."""
    with patch.object(benchmark, "measure_presets", lambda names: {"threads": 1, "sgemm_gflops": 1.0}):
        return running("benchmark", "--json")(path)


def _leave_empty(path: Path) -> None:
    """Prepare nothing."""


WRITERS = (
    Writer("parameters as npz", "formats", "p.npz", telling(lambda path: write_parameters(path, shipped()))),
    Writer("parameters as pkl", "formats", "p.pkl", telling(lambda path: write_parameters(path, shipped()))),
    Writer("strokes", "data.drawings", "s.json", telling(lambda path: write_drawings(path, [SEVEN, ONE]))),
    Writer("exported strokes", "data.drawings", "s.json", telling(lambda path: export_strokes(path, digits()))),
    Writer("exported images", "data.idx", "", telling(lambda path: export_idx(path, digits())), _leave_empty),
    Writer(
        "digits of a person",
        "data.drawings",
        "my-digits.json",
        _write_digits_of_a_person,
        lambda path: Collection(path).apply(adding([SEVEN])),
        folder_is_own=True,
    ),
    Writer("download", "data.download", f"{IDX_FILES[0]}.gz", telling(_write_download), folder_is_own=True),
    Writer("checkpoint", "training.checkpoint_file", "1.checkpoint", telling(_write_checkpoint)),
    Writer("convert", "formats", "p.npz", running("convert", resource(SHIPPED))),
    Writer("data preview", "commands.data", "sheet.png", running("data", "preview", "strokes", "--out")),
    Writer(
        "train --out",
        "formats",
        "p.npz",
        running("train", "--preset", "zhou", *SMALL, "--train-size", 10, "--epochs", 1, "--out"),
    ),
    Writer(
        "train --json",
        "commands.console",
        "r.json",
        running("train", "--preset", "zhou", *SMALL, "--train-size", 10, "--epochs", 1, "--json"),
        read=keys_of_json,
    ),
    Writer("predict --json", "commands.console", "r.json", _predict),
    Writer("benchmark --json", "commands.console", "r.json", _benchmark),
    Writer("evaluate --json", "commands.console", "r.json", running("evaluate", resource(SHIPPED), *SMALL, "--json")),
)
