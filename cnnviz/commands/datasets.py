"""Loading a dataset for a command."""

from pathlib import Path

from cnnviz.commands.console import bar, follow
from cnnviz.data import Dataset, load_dataset


def load_with_bar(name: str, data_dir: Path | None) -> Dataset:
    """Return a dataset, with a bar on stderr while it is read."""
    with bar(None, f"reading {name}", "B") as progress_bar:
        return load_dataset(name, data_dir, follow(progress_bar))
