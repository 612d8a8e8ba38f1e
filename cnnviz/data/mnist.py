"""MNIST (LeCun, Cortes and Burges): 60,000 handwritten digits to learn from and 10,000 to be tested on.

The program does not carry it. It is read from a folder of the user's, or from the cache that `download` fills.
"""

import os
from pathlib import Path

import platformdirs

from cnnviz.data.datasets import Dataset, DatasetSource, Progress
from cnnviz.data.idx import missing_idx_files, read_idx_folder

HOW_TO_GET_IT = (
    'run "python main.py data download mnist", press "Download MNIST" in the window, '
    "or name a folder that holds them with --data-dir DIR"
)


def mnist_folder(data_dir: str | os.PathLike[str] | None = None) -> Path:
    """Return where MNIST is looked for: ``data_dir``, else the folder in CNNVIZ_DATA_DIR, else the user's cache."""
    chosen = data_dir or os.environ.get("CNNVIZ_DATA_DIR")
    return Path(os.path.expanduser(chosen)) if chosen else cache_folder()


def cache_folder() -> Path:
    """Return the folder of the program's own that MNIST is fetched into."""
    return Path(platformdirs.user_cache_dir("cnnviz")) / "mnist"


def _is_available(data_dir: Path | None = None) -> bool:
    return not missing_idx_files(mnist_folder(data_dir))


def _load(data_dir: Path | None = None, progress: Progress | None = None) -> Dataset:
    train, test = read_idx_folder(mnist_folder(data_dir), progress, HOW_TO_GET_IT)
    return Dataset(MNIST.name, MNIST.title, train, test)


MNIST = DatasetSource(
    name="mnist",
    title="MNIST",
    description="70,000 handwritten digits of American census clerks and students, downloaded once.",
    is_available=_is_available,
    load=_load,
)
