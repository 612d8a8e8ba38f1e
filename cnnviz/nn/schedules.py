"""How the learning rate changes over a run: the factor at a progress of 0 (start) to 1 (end)."""

import math
from collections.abc import Callable


def constant(progress: float) -> float:
    """Return 1 throughout."""
    return 1.0


def linear(progress: float) -> float:
    """Fall from 1 to 0 in a straight line."""
    return 1.0 - progress


def cosine(progress: float) -> float:
    """Fall from 1 to 0 along half a cosine (Loshchilov and Hutter, 2017, eq. 5, without restarts)."""
    return 0.5 * (1.0 + math.cos(math.pi * progress))


SCHEDULES: dict[str, Callable[[float], float]] = {"constant": constant, "linear": linear, "cosine": cosine}
