"""Going on with a run that was kept."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from cnnviz.data import Dataset, ImageSet
from cnnviz.training.config import TrainingConfig
from cnnviz.training.runs import RunFolder
from cnnviz.training.trainer import Trainer


class Resumption(NamedTuple):
    """A run that goes on.

    Attributes
    ----------
    trainer : Trainer
        Where the newest checkpoint that can be read left the run.
    folder : RunFolder
        The run's, now of this process.
    notice : str or None
        What the user should know of how it goes on, in one line; None: all is well.
    """

    trainer: Trainer
    folder: RunFolder
    notice: str | None


def resume_run(
    path: Path,
    data_dir: Path | None,
    load: Callable[[TrainingConfig], tuple[Dataset, Sequence[ImageSet]]],
) -> Resumption:
    """Take up the run in the folder ``path``.

    ``load`` returns the images that the settings name: the dataset, and what ``mix`` names. Their folder is
    ``data_dir``, wherever it was when the run was begun. Whatever is raised, the folder is left as it was.

    Raises
    ------
    RunError
        There is no checkpoint that can be read, or the run goes on elsewhere.
    WriteError
        Nothing can be written there.
    CheckpointError
        The images are not those that the run had.
    """
    folder = RunFolder(path)
    try:
        checkpoint, notice = folder.newest()
        checkpoint = replace(checkpoint, config=replace(checkpoint.config, data_dir=data_dir))
        dataset, mixed_in = load(checkpoint.config)
        return Resumption(Trainer.resumed(checkpoint, dataset, mixed_in), folder, notice)
    except BaseException:
        folder.give_back()
        raise
