"""One step of learning: the gradient of a batch, and the update, on as many threads as there are."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cnnviz import processor
from cnnviz.data.preprocessing import Normalization
from cnnviz.nn import (
    BackwardPass,
    CrossEntropy,
    ForwardPass,
    Network,
    Optimizer,
    Parameters,
    Workspace,
    initial_state,
    softmax_cross_entropy,
)

MOST_SHARDS = 2  # with more of them, large dense layers would read their weights too often for a few images each
SMALLEST_SHARD = 16  # images; fewer are not worth another thread
BLOCK = 16_384  # parameters updated at a time: they and their moments stay in a core's own cache

# Moments of weights whose input is always 0, such as at the border of a digit, fade for ever: after a thousand steps
# they are denormal numbers, which the processor reckons with at a tenth of its speed.
NEGLIGIBLE = 1e-30
SWEEP_EVERY = 128  # steps; a factor of 0.9 takes longer from there to denormal numbers


def shard_count(batch_size: int) -> int:
    """Return in how many shards a batch is learnt: by its size alone, so that threads change no bit of the result."""
    return max(1, min(batch_size // SMALLEST_SHARD, MOST_SHARDS))


def _in_turn(parts: int, work: Callable[[int, int], None]) -> None:
    """Do as ``processor.share_out`` does, but leave all other threads to those who are in a hurry."""
    for part in range(parts):
        work(part, 0)


class BatchCost(NamedTuple):
    """What a batch was found to cost: the mean in nats, and the share of its images classified rightly."""

    loss: float
    accuracy: float


class Passes(NamedTuple):
    """The way of a shard there and back, in memory that the learner's next batch overwrites."""

    forward: ForwardPass
    cost: CrossEntropy
    backward: BackwardPass


class _Shard:
    """A part of the batch, and what was found of it."""

    def __init__(self, number: int, network: Network, rng: np.random.Generator) -> None:
        self.number = number
        self.rng = rng
        self.gradients = Parameters.zeros(network.parameter_shapes)
        self.loss = 0.0  # its share of the batch's mean cost
        self.right = 0
        self.passes: Passes | None = None


class Learner:
    """Turns batches into updates of its parameters.

    With ``step``, it holds all that the next update depends on.

    Attributes
    ----------
    parameters : Parameters
        Changed in place by every update.
    moments : dict of array
        The optimiser's, each of the size of ``parameters.vector``.
    generators : list of numpy.random.Generator
        What dropout draws from, one for each shard.
    step : int
        Updates made.

    Parameters
    ----------
    keeps : bool
        Whether ``passes`` is to have the output of every layer, and the gradient by it, for all of the batch. That
        takes more memory and, on the caller's thread alone, more time; no result differs.
    """

    def __init__(
        self,
        network: Network,
        parameters: Parameters,
        normalization: Normalization,
        optimizer: Optimizer,
        frozen: Iterable[str],
        seed: Iterable[int],
        *,
        keeps: bool = False,
    ) -> None:
        self.parameters = parameters
        self.moments = initial_state(optimizer, parameters.vector)
        self.generators = [np.random.Generator(np.random.SFC64([*seed, shard])) for shard in range(MOST_SHARDS)]
        self.step = 0
        self._network = network
        self._normalization = normalization
        self._optimizer = optimizer
        self._trained = [name for name in network.parameter_shapes if name not in frozen]
        self._shards = [_Shard(number, network, rng) for number, rng in enumerate(self.generators)]
        self._used = 1  # shards of the latest batch
        self._blocks = list(self._cut_into_blocks())
        self._keeps = keeps
        self._share_out = _in_turn if keeps else processor.share_out
        # One for each thread, or for each shard where what one thread leaves behind is not for the next to use.
        self._workspaces = [Workspace(overwrites=not keeps) for _ in range(processor.MOST_THREADS)]

    @property
    def gradients(self) -> Parameters:
        """Gradient of the latest batch's mean cost; after ``update`` that of the whole batch."""
        return self._shards[0].gradients

    @property
    def passes(self) -> list[Passes]:
        """What became of each shard of the latest batch, in the order of its images."""
        return [shard.passes for shard in self._shards[: self._used]]

    def resume(self, step: int, moments: Mapping[str, np.ndarray], generators: Sequence[Mapping[str, Any]]) -> None:
        """Go on as a learner of the same parameters would that had made ``step`` updates and had these."""
        self.step = step
        for name, moment in self.moments.items():
            moment[...] = moments[name]
        for generator, state in zip(self.generators, generators, strict=True):
            generator.bit_generator.state = state

    def differentiate(self, images: np.ndarray, labels: np.ndarray) -> BatchCost:
        """Run grey images (N, 28, 28) forwards and backwards; the parameters stay as they are."""
        total = len(labels)
        self._used = count = shard_count(total)

        def work(part: int, runner: int) -> None:
            span = slice(part * total // count, (part + 1) * total // count)
            workspace = self._workspaces[part if self._keeps else runner]
            self._differentiate(self._shards[part], workspace, images[span], labels[span], total)

        self._share_out(count, work)
        used = self._shards[:count]
        return BatchCost(sum(shard.loss for shard in used), sum(shard.right for shard in used) / total)

    def update(self, lr: float) -> None:
        """Add up the shards' gradients and change the parameters by them."""
        self.step += 1

        def work(part: int, runner: int) -> None:
            trained, parameters, (gradient, *others), moments = self._blocks[part]
            for other in others[: self._used - 1]:
                np.add(gradient, other, out=gradient)
            if trained:
                self._optimizer.update(parameters, gradient, moments, lr, self.step, self._workspaces[runner])

        self._share_out(len(self._blocks), work)
        if self.step % SWEEP_EVERY == 0:
            for moment in self.moments.values():
                moment[np.abs(moment) < NEGLIGIBLE] = 0

    def _differentiate(
        self, shard: _Shard, workspace: Workspace, images: np.ndarray, labels: np.ndarray, total: int
    ) -> None:
        workspace.rng = shard.rng
        x = workspace.filled("input", (*images.shape, 1), np.float32, 0)
        known_labels = workspace.filled("labels", labels.shape, np.intp, 0)
        self._normalization.apply(images, out=x)
        np.copyto(known_labels, labels)

        def there_and_back() -> Passes:
            forward = self._network.forward(x, self.parameters, workspace)
            cost = softmax_cross_entropy(forward.logits, known_labels, total, workspace.part("cost"))
            # The parameters of the first trained layer are the last thing that the way back is needed for.
            gradients, first = shard.gradients, self._trained[0]
            backward = self._network.backward(cost.gradient, forward, self.parameters, gradients, down_to=first)
            return Passes(forward, cost, backward)

        shard.passes = self._network.repeat(workspace, (shard.number, len(labels), total), (), there_and_back)
        shard.loss = shard.passes.cost.mean
        shard.right = int(np.count_nonzero(shard.passes.forward.logits.argmax(axis=1) == labels))

    def _cut_into_blocks(self) -> Iterable[tuple[bool, np.ndarray, list[np.ndarray], dict[str, np.ndarray]]]:
        """Yield, block by block, whether it is trained, its parameters, each shard's gradient and the moments."""
        for trained, start, stop in self._stretches():
            for first in range(start, stop, BLOCK):
                span = slice(first, min(first + BLOCK, stop))
                gradients = [shard.gradients.vector[span] for shard in self._shards]
                moments = {name: moment[span] for name, moment in self.moments.items()}
                yield trained, self.parameters.vector[span], gradients, moments

    def _stretches(self) -> list[tuple[bool, int, int]]:
        """Return what lies side by side in the vector and is trained, or is not, with its first index and its end."""
        stretches: list[tuple[bool, int, int]] = []
        for name, span in self.parameters.spans.items():
            trained = name in self._trained
            if stretches and stretches[-1][0] == trained:
                _, start, _ = stretches.pop()
                stretches.append((trained, start, span.stop))
            else:
                stretches.append((trained, span.start, span.stop))
        return stretches
