"""What a run looks like at one moment: everything that the panels show."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cnnviz.data.preprocessing import Normalization
from cnnviz.nn import Network, Parameters, Workspace, softmax_cross_entropy
from cnnviz.training.batches import Batch
from cnnviz.training.config import TrainingConfig
from cnnviz.training.history import HistoryView
from cnnviz.training.record import StepRecord


@dataclass(frozen=True)
class Probe:
    """The image that is followed through the network.

    Attributes
    ----------
    image : array, shape (28, 28), grey levels 0 to 255
    label : int or None
        What it shows; None for a drawing.
    title : str
        Such as "test digit 17".
    asked_for : int or None
        The index by which a test digit was asked for; that in the title is within the test set.
    """

    image: np.ndarray
    label: int | None
    title: str
    asked_for: int | None = None


@dataclass(frozen=True)
class Trace:
    """One probe's way forwards through the network, and its cost's way back.

    Attributes
    ----------
    probe : Probe
    target : int
        The digit that the cost is reckoned for: the label, or for a drawing the digit that it is taken for.
    loss : float
        -log p[target], in nats.
    probabilities : array, shape (10,)
    inputs : array, shape (28, 28, 1)
        The normalised image.
    outputs : dict of array
        Layer -> its output, (H, W, C) or (D,).
    output_gradients : dict of array
        Layer -> gradient of the cost by that output, same shape.
    input_gradient : array, shape (28, 28, 1)
        Gradient of the cost by the normalised image.
    parameter_gradients : Parameters
        Gradient of the cost by every parameter.
    caches : dict
        Layer -> what its way back used, for a batch of one; for max pooling the routing.
    """

    probe: Probe
    target: int
    loss: float
    probabilities: np.ndarray
    inputs: np.ndarray
    outputs: dict[str, np.ndarray]
    output_gradients: dict[str, np.ndarray]
    input_gradient: np.ndarray
    parameter_gradients: Parameters
    caches: dict[str, Any]

    def gradient_into(self, layer: str) -> np.ndarray:
        """Return the gradient of the cost by the input of ``layer``."""
        names = list(self.outputs)
        index = names.index(layer)
        return self.output_gradients[names[index - 1]] if index else self.input_gradient

    def input_of(self, layer: str) -> np.ndarray:
        """Return what ``layer`` was given."""
        names = list(self.outputs)
        index = names.index(layer)
        return self.outputs[names[index - 1]] if index else self.inputs


def trace(network: Network, parameters: Parameters, probe: Probe, normalization: Normalization) -> Trace:
    """Run ``probe`` through the network and its cost back; all arrays of the result are read-only."""
    return trace_inputs(network, parameters, probe, normalization.apply(probe.image[np.newaxis]), probe.label)


def trace_inputs(
    network: Network, parameters: Parameters, probe: Probe, inputs: np.ndarray, target: int | None
) -> Trace:
    """Do the same with ``inputs``, shape (1, 28, 28, 1), whatever the probe's image is, and the cost of ``target``.

    ``target`` None stands for the digit that the probe is taken for.
    """
    gradients = Parameters.zeros(network.parameter_shapes, parameters.vector.dtype)
    with np.errstate(over="ignore", invalid="ignore"):  # parameters that are about to diverge
        forward = network.forward(inputs, parameters)
        target = int(forward.logits[0].argmax()) if target is None else target
        scores = softmax_cross_entropy(forward.logits, np.array([target]))
        backward = network.backward(scores.gradient, forward, parameters, gradients)
    _seal((*forward.caches.values(), gradients.vector, *gradients.flat().values()))
    return Trace(
        probe=replace(probe, image=_sealed(probe.image[np.newaxis])),
        target=target,
        loss=scores.mean,
        probabilities=_sealed(scores.probabilities),
        inputs=_sealed(forward.inputs),
        outputs={name: _sealed(y) for name, y in forward.outputs.items()},
        output_gradients={name: _sealed(backward.outputs[name]) for name in forward.outputs},
        input_gradient=_sealed(backward.inputs),
        parameter_gradients=gradients,
        caches=forward.caches,
    )


def _sealed(batch: np.ndarray) -> np.ndarray:
    """Return the only example of a batch, protected from writing."""
    example = batch[0]
    example.flags.writeable = False
    return example


def _seal(cache: Any) -> None:
    """Protect every array in ``cache``, an array or a tuple that holds such."""
    if isinstance(cache, np.ndarray):
        cache.flags.writeable = False
    elif isinstance(cache, tuple):
        for part in cache:
            _seal(part)


@dataclass(frozen=True, kw_only=True)
class _AfterStep:
    """Where a run is after some step.

    Attributes
    ----------
    parameters : Parameters
    gradients : Parameters or None
        Of the last training batch; None before the first step.
    batch : Batch or None
        That batch, as it was learnt.
    step, epoch : int
        Updates made; whole epochs done.
    step_in_epoch, steps_per_epoch, epochs : int
        How far the current epoch is, how long it is, and how many there will be.
    learning_rate : float
        Of the next step.
    history : HistoryView
    record : StepRecord or None
        Of the latest step that was recorded, the same one until there is another.
    """

    parameters: Parameters
    gradients: Parameters | None
    batch: Batch | None
    step: int
    epoch: int
    step_in_epoch: int
    steps_per_epoch: int
    epochs: int
    learning_rate: float
    history: HistoryView
    record: StepRecord | None


@dataclass(frozen=True, kw_only=True)
class State(_AfterStep):
    """What a trainer hands over after some step, of which a snapshot is made wherever it is wanted.

    It costs the trainer next to nothing: the arrays are its own, which its next step changes, and the trace is made by
    who looks.

    Attributes
    ----------
    probe : Probe
        What is to be traced.
    """

    probe: Probe

    def copy(self) -> "State":
        """Return a state that no later step changes, its arrays read-only."""
        gradients = self.gradients
        return replace(
            self,
            parameters=self.parameters.frozen_copy(),
            gradients=None if gradients is None else gradients.frozen_copy(),
        )


@dataclass(frozen=True, kw_only=True)
class Snapshot(_AfterStep):
    """The state of a run after some step; read-only, and independent of all later steps.

    Attributes
    ----------
    config : TrainingConfig
    network : Network
    trace : Trace
        Of the probe, by ``parameters``.
    """

    config: TrainingConfig
    network: Network
    trace: Trace

    @classmethod
    def of(cls, state: State, config: TrainingConfig, network: Network) -> "Snapshot":
        """Return what a run of ``network`` with the settings ``config`` looks like in ``state``, its probe traced."""
        values = dict(vars(state))
        seen = trace(network, state.parameters, values.pop("probe"), config.recipe.normalization)
        return cls(config=config, network=network, trace=seen, **values)

    @property
    def normalization(self) -> Normalization:
        """What images go through before they enter the network."""
        return self.config.recipe.normalization

    def classify(self, images: np.ndarray, workspace: Workspace) -> np.ndarray:
        """Return the probabilities, shape (N, 10), for ``images`` (N, 28, 28) grey levels, in an array of its own."""
        return self.network.predict(self.normalization.apply(images), self.parameters, workspace)
