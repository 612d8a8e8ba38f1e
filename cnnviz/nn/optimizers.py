"""How a gradient becomes an update.

An optimiser holds options only; its moments are arrays that the caller keeps. To add one: a class here, and a line in
``OPTIMIZERS``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cnnviz.nn.workspace import FRESH, Workspace

State = Mapping[str, np.ndarray]


class Optimizer(Protocol):
    """An update rule for a vector of parameters."""

    moments: tuple[str, ...]

    def update(
        self,
        parameters: np.ndarray,
        gradient: np.ndarray,
        state: State,
        lr: float,
        step: int,
        workspace: Workspace = FRESH,
    ) -> None:
        """Change ``parameters`` (shape (n,)), and the arrays of ``state`` (same shape), in place.

        ``gradient`` has shape (n,), ``lr`` is the learning rate of this step, ``step`` counts updates from 1. What is
        reckoned on the way lies in ``workspace``.
        """


def initial_state(optimizer: Optimizer, like: np.ndarray) -> dict[str, np.ndarray]:
    """Return the moments of ``optimizer`` before the first step: zeros in shape and type of ``like``."""
    return {name: np.zeros_like(like) for name in optimizer.moments}


def _like(array: np.ndarray, name: str, workspace: Workspace) -> np.ndarray:
    return workspace.array(name, array.shape, array.dtype)


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent: w -= lr g."""

    moments = ()

    def update(
        self,
        parameters: np.ndarray,
        gradient: np.ndarray,
        state: State,
        lr: float,
        step: int,
        workspace: Workspace = FRESH,
    ) -> None:
        """Go a step down the gradient."""
        change = np.multiply(gradient, lr, out=_like(gradient, "change", workspace))
        np.subtract(parameters, change, out=parameters)


@dataclass(frozen=True)
class Momentum:
    """Heavy ball: v = momentum v + g; w -= lr v (Polyak, 1964, in the form of PyTorch)."""

    momentum: float = 0.9
    moments = ("velocity",)

    def update(
        self,
        parameters: np.ndarray,
        gradient: np.ndarray,
        state: State,
        lr: float,
        step: int,
        workspace: Workspace = FRESH,
    ) -> None:
        """Add the gradient to the velocity and follow that."""
        velocity = state["velocity"]
        np.multiply(velocity, self.momentum, out=velocity)
        np.add(velocity, gradient, out=velocity)
        change = np.multiply(velocity, lr, out=_like(gradient, "change", workspace))
        np.subtract(parameters, change, out=parameters)


@dataclass(frozen=True)
class Adam:
    """Adaptive moments with bias correction (Kingma and Ba, 2015, algorithm 1)."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    moments = ("mean", "square")

    def update(
        self,
        parameters: np.ndarray,
        gradient: np.ndarray,
        state: State,
        lr: float,
        step: int,
        workspace: Workspace = FRESH,
    ) -> None:
        """Divide the running mean of the gradient by the root of the running mean of its square."""
        mean, square = state["mean"], state["square"]
        change, root = (_like(gradient, name, workspace) for name in ("change", "root"))
        np.subtract(gradient, mean, out=change)
        np.multiply(change, 1 - self.beta1, out=change)
        np.add(mean, change, out=mean)  # mean += (1 - beta1) (g - mean)
        np.multiply(gradient, gradient, out=change)
        np.subtract(change, square, out=change)
        np.multiply(change, 1 - self.beta2, out=change)
        np.add(square, change, out=square)  # square += (1 - beta2) (g^2 - square)

        size = lr / (1 - self.beta1**step)
        correction = 1 / math.sqrt(1 - self.beta2**step)  # a NumPy float64 would turn float32 arrays into float64
        np.sqrt(square, out=root)
        np.multiply(root, correction, out=root)
        np.add(root, self.epsilon, out=root)
        np.multiply(mean, size, out=change)
        np.divide(change, root, out=change)
        np.subtract(parameters, change, out=parameters)  # w -= size mean / (correction sqrt(square) + epsilon)


@dataclass(frozen=True)
class AmnesicAdam:
    """Escontrela's ``adamGD`` as published: Adam that forgets both moments at every batch.

    With m = (1 - beta1) g and s = (1 - beta2) g^2 the step is lr (1 - beta1) g / sqrt((1 - beta2) g^2 + epsilon): for
    gradients well above sqrt(epsilon / (1 - beta2)), here 0.003, it is lr/2 times their sign (sign-SGD).
    """

    beta1: float = 0.95
    beta2: float = 0.99
    epsilon: float = 1e-7
    moments = ()

    def update(
        self,
        parameters: np.ndarray,
        gradient: np.ndarray,
        state: State,
        lr: float,
        step: int,
        workspace: Workspace = FRESH,
    ) -> None:
        """Take a step of nearly the same size whatever the gradient's."""
        parameters -= lr * (1 - self.beta1) * gradient / np.sqrt((1 - self.beta2) * gradient**2 + self.epsilon)


OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": SGD(),
    "momentum": Momentum(),
    "adam": Adam(),
    "adam-published": AmnesicAdam(),
}
