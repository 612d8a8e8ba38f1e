"""A network: named layers, run forwards and backwards."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np

from cnnviz import processor
from cnnviz.nn.layers import Layer
from cnnviz.nn.losses import softmax
from cnnviz.nn.parameters import Parameters
from cnnviz.nn.shapes import Shape
from cnnviz.nn.workspace import FRESH, Workspace

T = TypeVar("T")

EXAMPLES_AT_A_TIME = 64  # more take much memory; fewer leave little to do between what threads wait for
_NONE: dict[str, np.ndarray] = {}  # the parameters of a layer that has nothing to learn


class ForwardPass(NamedTuple):
    """What came out of each layer, N examples at a time.

    Attributes
    ----------
    inputs : array, shape (N, H, W, C)
    outputs : dict of array
        Layer -> its output.
    caches : dict
        Layer -> what its way back needs.
    workspace : Workspace
        Where all these arrays lie, and those of the way back will.
    """

    inputs: np.ndarray
    outputs: dict[str, np.ndarray]
    caches: dict[str, Any]
    workspace: Workspace

    @property
    def logits(self) -> np.ndarray:
        """Output of the last layer, shape (N, K)."""
        return next(reversed(self.outputs.values()))


class BackwardPass(NamedTuple):
    """Gradients of the cost.

    Attributes
    ----------
    outputs : dict of array
        Layer -> gradient by its output; the gradient by a layer's input is that by the output before it.
    inputs : array, shape (N, H, W, C), or None
        Gradient by the network's input; None where the way back ended before it.
    """

    outputs: dict[str, np.ndarray]
    inputs: np.ndarray | None


@dataclass(frozen=True)
class Network:
    """Layers in a row.

    Attributes
    ----------
    name : str
        Name of the architecture.
    layers : mapping
        Name -> layer, in order.
    input_shape : tuple of int
        (H, W, C) of one example.
    output_shapes : dict
        Name -> shape of that layer's output, N left out.
    parameter_shapes : dict
        Name -> parameter -> shape, for the layers that have parameters.

    Raises
    ------
    ValueError
        From the constructor: a layer does not fit its input; the message names the layer.
    """

    name: str
    layers: Mapping[str, Layer]
    input_shape: Shape = (28, 28, 1)
    output_shapes: dict[str, Shape] = field(init=False, default_factory=dict)
    parameter_shapes: dict[str, dict[str, Shape]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Follow the shapes through the layers."""
        shape = self.input_shape
        for name, layer in self.layers.items():
            try:
                output = layer.output_shape(shape)
            except ValueError as error:
                raise ValueError(f"layer {name}: {error}") from None
            if tensors := layer.parameter_shapes(shape):
                self.parameter_shapes[name] = tensors
            self.output_shapes[name] = shape = output

    @cached_property
    def is_repeatable(self) -> bool:
        """Whether a pass on the same memory can be repeated from a list, see ``Workspace.repeat``."""
        return all(layer.is_repeatable for layer in self.layers.values())

    @property
    def parameter_count(self) -> int:
        """Number of values that training can change."""
        return sum(int(np.prod(s)) for tensors in self.parameter_shapes.values() for s in tensors.values())

    @property
    def training_multiply_adds(self) -> int:
        """Number of products that one training step adds up for each example; one is two floating-point operations.

        Forwards a layer takes m products; back it takes m for the gradient by its parameters, and m for that by its
        input, which the first layer that multiplies at all is never asked for. In all: 3 * (sum of m) - (m of that
        layer). What is less than a matrix product (biases, ReLU, pooling, the update) does not count.
        """
        layers = ((layer, self.input_shape_of(name)) for name, layer in self.layers.items())
        forward = [count for layer, shape in layers if (count := layer.multiply_adds(shape))]
        return 3 * sum(forward) - forward[0] if forward else 0

    def input_shape_of(self, layer: str) -> Shape:
        """Return the shape of what ``layer`` is given."""
        names = list(self.layers)
        index = names.index(layer)
        return self.output_shapes[names[index - 1]] if index else self.input_shape

    def initialize(self, rng: np.random.Generator, dtype: type = np.float32) -> Parameters:
        """Return fresh parameters, drawn layer by layer in order."""
        parameters = Parameters.zeros(self.parameter_shapes, dtype)
        for name, tensors in parameters.items():
            for key, value in self.layers[name].initialize(self.input_shape_of(name), rng).items():
                tensors[key][...] = value
        return parameters

    def forward(self, x: np.ndarray, parameters: Parameters, workspace: Workspace = FRESH) -> ForwardPass:
        """Run x, shape (N, H, W, C), through all layers."""
        result = ForwardPass(x, {}, {}, workspace)
        spared = x  # it is the caller's
        for name, layer in self.layers.items():
            own = workspace.part((name, layer))  # other networks may have used it, with other layers of that name
            own.overwrites = workspace.overwrites and x is not spared
            x, result.caches[name] = layer.forward(x, parameters.get(name, _NONE), own)
            result.outputs[name] = x
            if layer.needs_output:
                spared = x
        return result

    def backward(
        self,
        dlogits: np.ndarray,
        forward: ForwardPass,
        parameters: Parameters,
        gradients: Parameters,
        down_to: str | None = None,
    ) -> BackwardPass:
        """Run the gradient by the logits back through the layers and write the parameters' into ``gradients``.

        The way back ends behind layer ``down_to`` (its own parameters included); None: at the network's input.
        """
        result: dict[str, np.ndarray] = {}
        dy = dlogits
        for name, layer in reversed(self.layers.items()):
            result[name] = dy
            cache, workspace = forward.caches[name], forward.workspace.part((name, layer))
            if name in gradients:
                layer.parameter_gradients(dy, cache, gradients[name], workspace)
            if name == down_to:
                return BackwardPass(result, None)
            dy = layer.input_gradient(dy, cache, parameters.get(name, _NONE), workspace)
        return BackwardPass(result, dy)

    def repeat(self, workspace: Workspace, key: tuple, subjects: tuple[object, ...], work: Callable[[], T]) -> T:
        """Do ``work``, passes through this network, by ``workspace.repeat``; in full where a layer forbids that."""
        return workspace.repeat(key, subjects, work) if self.is_repeatable else work()

    def logits(self, x: np.ndarray, parameters: Parameters, workspace: Workspace) -> np.ndarray:
        """Return the logits, shape (N, K), for a few examples; in memory that ``workspace`` keeps, so soon."""
        given = workspace.filled("input", x.shape, x.dtype, 0)
        np.copyto(given, x)

        def forward() -> np.ndarray:
            return self.forward(given, parameters, workspace).logits

        return self.repeat(workspace, (x.shape, x.dtype), (self, parameters), forward)

    def predict(self, x: np.ndarray, parameters: Parameters, workspace: Workspace | None = None) -> np.ndarray:
        """Return the probabilities, shape (N, K), in an array of their own; many examples are shared out to threads.

        A ``workspace`` that the caller keeps saves the time of asking for memory.
        """
        kept = workspace or Workspace(overwrites=True)
        probabilities = np.empty((len(x), *next(reversed(self.output_shapes.values()))), x.dtype)

        def work(part: int, runner: int) -> None:
            span = slice(part * EXAMPLES_AT_A_TIME, (part + 1) * EXAMPLES_AT_A_TIME)
            softmax(self.logits(x[span], parameters, kept.part(f"thread {runner}")), out=probabilities[span])

        with np.errstate(over="ignore", invalid="ignore"):  # parameters about to diverge are the trainer's business
            processor.share_out(-(-len(x) // EXAMPLES_AT_A_TIME), work)
        return probabilities
