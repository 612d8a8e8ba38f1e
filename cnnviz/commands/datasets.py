"""Choosing a dataset from the command line."""

from pathlib import Path

from cnnviz.commands.console import bar, follow
from cnnviz.data import DATASETS, Dataset, load_dataset
from cnnviz.data.idx import missing_idx_files
from cnnviz.data.mnist import MNIST
from cnnviz.data.strokes import STROKES


def default_dataset(data_dir: Path | None) -> str:
    """Return "mnist" where its files are at hand, else the dataset that needs none."""
    return MNIST.name if MNIST.is_available(data_dir) else STROKES.name


def load_with_bar(name: str, data_dir: Path | None) -> Dataset:
    """Return a dataset, with a bar on stderr while it is read."""
    with bar(None, f"reading {name}", "B") as progress_bar:
        return load_dataset(name, data_dir, follow(progress_bar))


def check_dataset(name: str, data_dir: Path | None) -> None:
    """Raise what loading the dataset would raise where there is none; what is there is not read."""
    source = next((each for each in DATASETS if each.name == name), None)
    is_there = source.is_available(data_dir) if source else not missing_idx_files(Path(name).expanduser())
    if not is_there:
        load_dataset(name, data_dir)
