"""The phases of one training step: each by its name, a sentence, a formula, the arrays' shapes and the code."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from cnnviz.data.preprocessing import Normalization
from cnnviz.explain.layers import explained
from cnnviz.explain.sources import Source, source_of
from cnnviz.explain.wording import COST, SOFTMAX, Explanation, explain_update
from cnnviz.nn import OPTIMIZERS, Network
from cnnviz.training.config import TrainingConfig
from cnnviz.training.learner import Learner, shard_count
from cnnviz.training.movie import trained_layers
from cnnviz.training.record import StepRecord


class Part(enum.Enum):
    """The four parts of a step."""

    FORWARD = "forward"
    COST = "cost"
    BACKWARD = "back"
    UPDATE = "update"


class Kind(enum.Enum):
    """What is reckoned in a phase."""

    BATCH = enum.auto()
    LAYER = enum.auto()  # its output
    SOFTMAX = enum.auto()
    COST = enum.auto()  # and its gradient by the logits
    PARAMETER_GRADIENTS = enum.auto()
    INPUT_GRADIENT = enum.auto()
    UPDATE = enum.auto()

    @property
    def part(self) -> Part:
        """Where in the step."""
        return _PARTS[self]


_PARTS = {
    Kind.BATCH: Part.FORWARD,
    Kind.LAYER: Part.FORWARD,
    Kind.SOFTMAX: Part.COST,
    Kind.COST: Part.COST,
    Kind.PARAMETER_GRADIENTS: Part.BACKWARD,
    Kind.INPUT_GRADIENT: Part.BACKWARD,
    Kind.UPDATE: Part.UPDATE,
}


@dataclass(frozen=True)
class StepPhase:
    """A phase of a step.

    Attributes
    ----------
    kind : Kind
    layer : str or None
        The layer at work, if it is one.
    title : str
        Such as "conv2 forward".
    sentence, formula : str
    shapes : str
        Of the arrays that go in and come out, for the whole batch.
    sources : tuple of Source
        The code that does it.
    """

    kind: Kind
    layer: str | None
    title: str
    sentence: str
    formula: str
    shapes: str
    sources: tuple[Source, ...]


def phases_of(record: StepRecord, config: TrainingConfig, network: Network) -> tuple[StepPhase, ...]:
    """Return the phases of a recorded step, in the order in which they are reckoned."""
    return tuple(
        _phase(kind, layer, title, explanation, shapes)
        for kind, layer, title, explanation, shapes in _in_order(record, config, network)
    )


_Row = tuple[Kind, str | None, str, Explanation, str]


def _in_order(record: StepRecord, config: TrainingConfig, network: Network) -> Iterator[_Row]:
    shapes = _Shapes(network, len(record.batch.labels))
    yield Kind.BATCH, None, "The batch", _batch(record, config), shapes.batch
    for name, layer in network.layers.items():
        yield Kind.LAYER, name, f"{name} forward", explained(layer).forward_words(), shapes.forward(name)
    yield Kind.SOFTMAX, None, "Softmax", SOFTMAX, shapes.softmax
    yield Kind.COST, None, "Cost", COST, shapes.cost
    trained = trained_layers(network, config)
    for name, layer in reversed(network.layers.items()):
        said = explained(layer)
        if name in network.parameter_shapes:
            title, row = f"{name} back: its parameters", said.parameter_gradient_words()
            yield Kind.PARAMETER_GRADIENTS, name, title, row, shapes.parameter_gradients(name)
        if name == trained[0]:
            break
        title = f"{name} back: its input" if name in network.parameter_shapes else f"{name} back"
        yield Kind.INPUT_GRADIENT, name, title, said.input_gradient_words(), shapes.input_gradient(name)
    for name in trained:
        yield Kind.UPDATE, name, f"Update of {name}", _update(record, config), shapes.update(name)


def _phase(kind: Kind, layer: str | None, title: str, explanation: Explanation, shapes: str) -> StepPhase:
    sources = tuple(source_of(function) for function in explanation.functions)
    return StepPhase(kind, layer, title, explanation.sentence, explanation.formula, shapes, sources)


def _batch(record: StepRecord, config: TrainingConfig) -> Explanation:
    count, normalization = len(record.batch.labels), config.recipe.normalization
    images = "One image goes" if count == 1 else f"{count} images go"
    shards = shard_count(count)
    sides = "" if shards == 1 else f" They are cut into {shards} parts, each for a thread of its own."
    return Explanation(
        f"{images} through the network in this step. Before that all grey values are shifted and scaled, always in the "
        f"same way, to be small numbers around 0.{sides}",
        f"x = (grey value − {normalization.mean:g}) / {normalization.std:g}",
        (Normalization.apply, Learner.differentiate),
    )


def _update(record: StepRecord, config: TrainingConfig) -> Explanation:
    explanation = explain_update(OPTIMIZERS[config.optimizer])
    formula = f"{explanation.formula}\nη = {record.learning_rate:.4g}, step t = {record.step:,}"
    return Explanation(explanation.sentence, formula, explanation.functions)


class _Shapes:
    """The shapes of all arrays of a step, as text."""

    def __init__(self, network: Network, examples: int) -> None:
        self._network = network
        self._examples = examples

    @property
    def batch(self) -> str:
        height, width, _ = self._network.input_shape
        return f"grey values ({self._examples}, {height}, {width})  →  x {self._of(self._network.input_shape)}"

    def forward(self, layer: str) -> str:
        return f"x {self._x(layer)}{self._parameters(layer)}  →  y {self._y(layer)}"

    @property
    def softmax(self) -> str:
        return f"z {self._logits}  →  p {self._logits}"

    @property
    def cost(self) -> str:
        return f"p {self._logits}  labels ({self._examples},)  →  L ()  ∂L/∂z {self._logits}"

    def parameter_gradients(self, layer: str) -> str:
        return f"∂L/∂y {self._y(layer)}  x {self._x(layer)}  →{self._parameters(layer, '∂L/∂')}"

    def input_gradient(self, layer: str) -> str:
        return f"∂L/∂y {self._y(layer)}{self._parameters(layer, only='weight')}  →  ∂L/∂x {self._x(layer)}"

    def update(self, layer: str) -> str:
        return f"{self._parameters(layer)}{self._parameters(layer, '∂L/∂')}  →{self._parameters(layer)}".strip()

    def _of(self, shape: tuple[int, ...]) -> str:
        return str((self._examples, *shape))

    def _x(self, layer: str) -> str:
        return self._of(self._network.input_shape_of(layer))

    def _y(self, layer: str) -> str:
        return self._of(self._network.output_shapes[layer])

    @property
    def _logits(self) -> str:
        return self._of(next(reversed(self._network.output_shapes.values())))

    def _parameters(self, layer: str, before: str = "", only: str | None = None) -> str:
        shapes = self._network.parameter_shapes.get(layer, {})
        return "".join(f"  {before}{n[0]} {shape}" for n, shape in shapes.items() if only in (None, n))
