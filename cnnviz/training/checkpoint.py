"""Everything that the next step of a run depends on."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnviz.data.datasets import ImageSet
from cnnviz.errors import UserError
from cnnviz.nn import Parameters
from cnnviz.training.batches import Ingredient
from cnnviz.training.config import TrainingConfig
from cnnviz.training.history import HistoryView

SAMPLE = 100  # images by which a set is recognised


class CheckpointError(UserError):
    """A file that no run can go on from, or a checkpoint that does not fit the data at hand."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Checkpoint:
    """A run between two steps: who goes on from here goes on as the run would have, to the bit.

    Attributes
    ----------
    config : TrainingConfig
    data : tuple of int
        `fingerprint` of each set of images that the run uses.
    step, epoch, step_in_epoch, epochs : int
    seconds : float
        As in a `Trainer`.
    learning_rate : float
        Before the schedule.
    parameters : Parameters
    moments : dict of array
        The optimiser's, each of shape ``parameters.vector.shape``.
    generators : tuple of dict
        State of each of the learner's generators, as NumPy's bit generators tell it.
    history : HistoryView
    own_digits : Ingredient or None
    numpy : str
        The version that it was reckoned with; another one may round otherwise.
    """

    config: TrainingConfig
    data: tuple[int, ...]
    step: int
    epoch: int
    step_in_epoch: int
    epochs: int
    seconds: float
    learning_rate: float
    parameters: Parameters
    moments: Mapping[str, np.ndarray]
    generators: tuple[Mapping[str, Any], ...]
    history: HistoryView
    own_digits: Ingredient | None = None
    numpy: str = np.__version__


def fingerprint(images: ImageSet) -> int:
    """Return a number by which a set of images is recognised: made of how many there are, and of the first of them."""
    crc = zlib.crc32(str(len(images)).encode())
    for part in images.batch(np.arange(min(len(images), SAMPLE))):
        crc = zlib.crc32(np.ascontiguousarray(part), crc)
    return crc
