"""One recorded step gone through once more, with everything kept that it reckons on the way."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cnnviz.nn import OPTIMIZERS, Dropout, Network, Parameters
from cnnviz.nn.losses import exponentials
from cnnviz.training.config import TrainingConfig
from cnnviz.training.learner import Learner, Passes
from cnnviz.training.record import StepRecord


@dataclass(frozen=True)
class Movie:
    """What a step did, seen at one image of its batch; all arrays are read-only, and the step's own to the last bit.

    Attributes
    ----------
    record : StepRecord
        What the step began with.
    config : TrainingConfig
    network : Network
        What it trained.
    image : int
        Which image of the batch is seen.
    inputs : array, shape (28, 28, 1)
        That image, normalised.
    outputs : dict of array
        Layer -> its output for that image, (H, W, C) or (D,).
    output_gradients : dict of array
        Layer -> gradient of the batch's mean cost by that output; for the layers that the way back comes to.
    factors : dict of array
        Dropout layer -> what it multiplied each cell of that image by.
    exponentials, probabilities : array, shape (10,)
        Of that image.
    cost : float
        Of that image, in nats.
    mean_cost, accuracy : float
        Of the batch: in nats, and the share of right answers.
    gradients : Parameters
        Gradient of the batch's mean cost by every parameter; 0 where the way back ended before it.
    after, changes : Parameters
        The parameters after the step, and by how much it changed them.
    """

    record: StepRecord
    config: TrainingConfig
    network: Network
    image: int
    inputs: np.ndarray
    outputs: dict[str, np.ndarray]
    output_gradients: dict[str, np.ndarray]
    factors: dict[str, np.ndarray]
    exponentials: np.ndarray
    probabilities: np.ndarray
    cost: float
    mean_cost: float
    accuracy: float
    gradients: Parameters
    after: Parameters
    changes: Parameters

    @classmethod
    def of(cls, record: StepRecord, config: TrainingConfig, network: Network, image: int) -> "Movie":
        """Go through the step that ``record`` tells of, in a run of ``network`` with ``config``, and keep ``image``.

        For a moment that takes the memory of all layers' outputs, and of the gradients by them, for the whole batch.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # a step that was about to diverge
            learner, mean_cost, accuracy = _replay(record, config, network)
            passes, place = _passes_of(image, learner.passes)
            forward, cost, backward = passes
            dropouts = [name for name, layer in network.layers.items() if isinstance(layer, Dropout)]
            changes = Parameters(network.parameter_shapes, learner.parameters.vector - record.parameters.vector)
            return cls(
                record=record,
                config=config,
                network=network,
                image=image,
                inputs=_kept(forward.inputs[place]),
                outputs={name: _kept(y[place]) for name, y in forward.outputs.items()},
                output_gradients={name: _kept(dy[place]) for name, dy in backward.outputs.items()},
                factors={name: _kept(forward.caches[name][place]) for name in dropouts},
                exponentials=_kept(exponentials(forward.logits)[place]),
                probabilities=_kept(cost.probabilities[place]),
                cost=float(cost.per_example[place]),
                mean_cost=mean_cost,
                accuracy=accuracy,
                gradients=learner.gradients.frozen_copy(),
                after=learner.parameters.frozen_copy(),
                changes=changes.frozen_copy(),
            )

    @property
    def label(self) -> int:
        """What the image that is seen shows."""
        return int(self.record.batch.labels[self.image])

    @property
    def logits(self) -> np.ndarray:
        """Output of the last layer, shape (10,)."""
        return next(reversed(self.outputs.values()))

    def input_of(self, layer: str) -> np.ndarray:
        """Return what ``layer`` was given."""
        before = self._before(layer)
        return self.inputs if before is None else self.outputs[before]

    def gradient_into(self, layer: str) -> np.ndarray | None:
        """Return the gradient by the input of ``layer``; None where the way back ended with that layer."""
        return self.output_gradients.get(self._before(layer))

    def _before(self, layer: str) -> str | None:
        names = list(self.network.layers)
        index = names.index(layer)
        return names[index - 1] if index else None


def trained_layers(network: Network, config: TrainingConfig) -> list[str]:
    """Return the layers whose parameters a step changes, in order; the way back ends with the first of them."""
    return [name for name in network.parameter_shapes if name not in config.freeze]


def _replay(record: StepRecord, config: TrainingConfig, network: Network) -> tuple[Learner, float, float]:
    """Return a learner that has just done the recorded step and kept everything, with mean cost and accuracy."""
    learner = Learner(
        network,
        record.parameters.copy(),
        config.recipe.normalization,
        OPTIMIZERS[config.optimizer],
        config.freeze,
        (0,),  # its generators take on the recorded state
        keeps=True,
    )
    record.restore(learner)
    loss, accuracy = learner.differentiate(record.batch.images, record.batch.labels)
    learner.update(record.learning_rate)
    return learner, loss, accuracy


def _passes_of(image: int, shards: Iterable[Passes]) -> tuple[Passes, int]:
    """Return the passes of the shard in which ``image`` is, and its place there."""
    place = image
    for passes in shards:
        if place < (size := len(passes.forward.inputs)):
            return passes, place
        place -= size
    raise ValueError(f"expected the number of an image of the batch, got {image}, {place + 1} too many")


def _kept(example: np.ndarray) -> np.ndarray:
    """Return a copy that is protected from writing and outlives the batch."""
    copy = example.copy()
    copy.flags.writeable = False
    return copy
