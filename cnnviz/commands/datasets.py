"""Loading images for a command."""

import os
from pathlib import Path

from cnnviz.commands.console import bar, follow
from cnnviz.data import Dataset, ImageSet, load_dataset
from cnnviz.data.mixing import load_images


def load_with_bar(name: str, data_dir: Path | None) -> Dataset:
    """Return a dataset, with a bar on stderr while it is read."""
    with bar(None, f"reading {name}", "B") as progress_bar:
        return load_dataset(name, data_dir, follow(progress_bar))


def load_images_with_bar(source: str, data_dir: Path | None) -> ImageSet:
    """Return images to be mixed into training, with a bar on stderr while they are read or prepared."""
    unit = " drawings" if os.path.isfile(os.path.expanduser(source)) else "B"
    with bar(None, f"reading {source}", unit) as progress_bar:
        return load_images(source, data_dir, follow(progress_bar))
