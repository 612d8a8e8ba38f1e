"""All that a training step depends on, kept so that it can be gone through once more."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnviz.nn import Parameters
from cnnviz.training.batches import Batch
from cnnviz.training.learner import Learner


@dataclass(frozen=True)
class StepRecord:
    """What a step began with; read-only, and independent of the step.

    Attributes
    ----------
    step : int
        Its number, from 1.
    batch : Batch
    parameters : Parameters
        Before the step.
    moments : dict of array
        The optimiser's, before the step.
    generators : tuple of dict
        State of each of the learner's generators, as NumPy's bit generators tell it.
    learning_rate : float
        Of the step, schedule included.
    """

    step: int
    batch: Batch
    parameters: Parameters
    moments: dict[str, np.ndarray]
    generators: tuple[dict[str, Any], ...]
    learning_rate: float

    @classmethod
    def of(cls, learner: Learner, batch: Batch, learning_rate: float) -> "StepRecord":
        """Return what the step of ``learner`` that is about to learn ``batch`` begins with."""
        return cls(
            step=learner.step + 1,
            batch=batch,
            parameters=learner.parameters.frozen_copy(),
            moments={name: _frozen(moment) for name, moment in learner.moments.items()},
            generators=tuple(generator.bit_generator.state for generator in learner.generators),
            learning_rate=learning_rate,
        )

    def restore(self, learner: Learner) -> None:
        """Put ``learner`` back to before the step; it has to be one of the same network and optimiser."""
        learner.step = self.step - 1
        np.copyto(learner.parameters.vector, self.parameters.vector)
        for name, moment in self.moments.items():
            np.copyto(learner.moments[name], moment)
        for generator, state in zip(learner.generators, self.generators, strict=True):
            generator.bit_generator.state = state


def _frozen(array: np.ndarray) -> np.ndarray:
    copy = array.copy()
    copy.flags.writeable = False
    return copy
