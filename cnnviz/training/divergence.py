"""Training that ends in numbers that are none: where it began, in words."""

from typing import NamedTuple

import numpy as np

from cnnviz.errors import UserError
from cnnviz.nn import Network, Parameters


class Divergence(NamedTuple):
    """Where training diverged.

    Attributes
    ----------
    layer : str or None
        The first one whose parameters or output are no longer finite; None where only the cost is not.
    step : int
        Updates made.
    learning_rate : float
        Before the schedule.
    last_good : tuple of (step, cost) or None
        The latest step whose cost was a number, and that cost in nats; None: there was none.
    """

    layer: str | None
    step: int
    learning_rate: float
    last_good: tuple[int, float] | None


class DivergenceError(UserError):
    """The cost, or a parameter, is no longer a number.

    Attributes
    ----------
    divergence : Divergence
    account : str
        What happened, without what can be done about it.
    """

    def __init__(
        self, finding: str, layer: str | None, step: int, lr: float, last_good: tuple[int, float] | None
    ) -> None:
        """``finding`` says in words what was seen; the rest is as in a `Divergence`."""
        self.divergence = Divergence(layer, step, lr, last_good)
        good = f"; the last finite cost was {last_good[1]:.4g} nats, in step {last_good[0]}" if last_good else ""
        self.account = f"training diverged: {finding} after step {step}, at a learning rate of {lr:g}{good}"
        super().__init__(f"{self.account}; reset and take a tenth of that rate")


def layer_of_parameters(parameters: Parameters) -> str | None:
    """Return the first layer whose parameters' squares no longer add up to a finite number; None: there is none."""
    with np.errstate(over="ignore", invalid="ignore"):
        for layer, span in parameters.spans.items():
            if not np.isfinite(parameters.vector[span] @ parameters.vector[span]):
                return layer
    return None


def layer_of_outputs(network: Network, parameters: Parameters, inputs: np.ndarray) -> str | None:
    """Return the first layer that makes something infinite of ``inputs`` (N, 28, 28, 1); None: there is none."""
    with np.errstate(over="ignore", invalid="ignore"):
        outputs = network.forward(inputs, parameters).outputs
    return next((layer for layer, output in outputs.items() if not np.isfinite(output).all()), None)
