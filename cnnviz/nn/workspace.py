"""Memory that a caller keeps from pass to pass, so that a pass need not ask the system for any."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnviz.nn.shapes import Shape


class Workspace:
    """Arrays by name, made when they are first asked for and handed out again at every later pass.

    It belongs to whoever runs the network (the trainer, a drawing pad), one to a thread, and never to a layer: so any
    number of callers can run the same network at once. What a pass returns lies in the workspace that it was given,
    and holds until the next pass there.

    Attributes
    ----------
    rng : numpy.random.Generator or None
        Source of what is random in a training pass (dropout); None: nothing is, as when a network is used.
    """

    def __init__(self, rng: np.random.Generator | None = None) -> None:
        self.rng = rng
        self._memory: dict[str, np.ndarray] = {}  # flat, as large as the largest array of that name
        self._arrays: dict[tuple, np.ndarray] = {}
        self._views: dict[str, tuple[np.ndarray, Any]] = {}
        self._parts: dict[str, Workspace] = {}

    def part(self, name: str) -> "Workspace":
        """Return the workspace of one layer, where its names are its own."""
        part = self._parts.get(name)
        if part is None:
            part = self._parts[name] = Workspace()
        part.rng = self.rng
        return part

    def array(self, name: str, shape: Shape, dtype: np.dtype | type) -> np.ndarray:
        """Return the array of that name, with whatever was last written to it.

        Arrays of one name share their memory whatever their shape: the last, smaller batch of an epoch needs no more.
        """
        key = name, shape, dtype
        array = self._arrays.get(key)
        if array is None:
            array = self._arrays[key] = self._carve(name, shape, dtype)
        return array

    def filled(self, name: str, shape: Shape, dtype: np.dtype | type, value: float) -> np.ndarray:
        """Return an array that was full of ``value`` before anybody wrote to it: for borders that stay as they are."""
        key = name, shape, dtype
        array = self._arrays.get(key)
        if array is None:
            array = self._arrays[key] = np.full(shape, value, dtype)
        return array

    def view(self, name: str, source: np.ndarray, make: Callable[[np.ndarray], Any]) -> Any:
        """Return ``make(source)``, remembered for as long as ``source`` is the same array."""
        known = self._views.get(name)
        if known is None or known[0] is not source:
            known = self._views[name] = source, make(source)
        return known[1]

    def _carve(self, name: str, shape: Shape, dtype: np.dtype | type) -> np.ndarray:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        memory = self._memory.get(name)
        if memory is None or memory.size < size:
            for key in [key for key in self._arrays if key[0] == name]:
                del self._arrays[key]  # they keep the smaller memory alive
            memory = self._memory[name] = np.empty(size, np.uint8)
        return memory[:size].view(dtype).reshape(shape)


class _Fresh(Workspace):
    """No memory at all: every array is a new one, so that results are independent of each other."""

    def part(self, name: str) -> Workspace:
        return self

    def array(self, name: str, shape: Shape, dtype: np.dtype | type) -> np.ndarray:
        return np.empty(shape, dtype)

    def filled(self, name: str, shape: Shape, dtype: np.dtype | type, value: float) -> np.ndarray:
        return np.full(shape, value, dtype)

    def view(self, name: str, source: np.ndarray, make: Callable[[np.ndarray], Any]) -> Any:
        return make(source)


FRESH = _Fresh()
"""For callers who keep the results of several passes side by side, or who run only one."""
