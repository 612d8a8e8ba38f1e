"""What a caller keeps from pass to pass: memory, so that none need be asked for, and the list of what is to be done."""

from collections.abc import Callable, Hashable
from functools import partial
from operator import is_
from typing import Any, TypeVar

import numpy as np

from cnnviz.nn.shapes import Shape

T = TypeVar("T")


class Workspace:
    """Arrays by name, made when they are first asked for and handed out again at every later pass.

    It belongs to whoever runs the network (the trainer, a drawing pad), one to a thread, and never to a layer: so any
    number of callers can run the same network at once. What a pass returns lies in the workspace that it was given,
    and holds until the next pass there.

    Attributes
    ----------
    rng : numpy.random.Generator or None
        Source of what is random in a training pass (dropout); None: nothing is, as when a network is used.
    overwrites : bool
        Whether a layer may write its result over what it was given (``over``). That saves time and a quarter of the
        memory, but of a pass only the end is left: neither the output of each layer, nor the gradient by it.
    """

    def __init__(self, rng: np.random.Generator | None = None, *, overwrites: bool = False) -> None:
        self.rng = rng
        self.overwrites = overwrites
        self._memory: dict[str, np.ndarray] = {}  # flat, as large as the largest array of that name
        self._arrays: dict[tuple, np.ndarray] = {}
        self._views: dict[str, tuple[np.ndarray, Any]] = {}
        self._parts: dict[Hashable, Workspace] = {}
        self._tape: list[Callable[[], object]] | None = None  # what is done, while it is being written down
        self._passes: dict[tuple, tuple[tuple, list[Callable[[], object]], Any]] = {}

    def part(self, name: Hashable) -> "Workspace":
        """Return the workspace of one layer, where its names are its own; another layer needs another name."""
        part = self._parts.get(name)
        if part is None:
            part = self._parts[name] = Workspace(overwrites=self.overwrites)
        part.rng, part._tape = self.rng, self._tape
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

    def over(self, given: np.ndarray, name: str) -> np.ndarray:
        """Return where a result of the shape of ``given`` goes: over it, or into an array of that name."""
        return given if self.overwrites else self.array(name, given.shape, given.dtype)

    def view(self, name: str, source: np.ndarray, make: Callable[[np.ndarray], Any]) -> Any:
        """Return ``make(source)``, remembered for as long as ``source`` is the same array."""
        known = self._views.get(name)
        if known is None or known[0] is not source:
            known = self._views[name] = source, make(source)
        return known[1]

    def run(self, function: Callable[..., T], *arguments: Any, **options: Any) -> T:
        """Call ``function``, such as ``np.add`` with its ``out``; within ``repeat`` also write the call down."""
        if self._tape is not None:
            self._tape.append(partial(function, *arguments, **options))
        return function(*arguments, **options)

    def repeat(self, key: tuple, subjects: tuple[object, ...], work: Callable[[], T]) -> T:
        """Do ``work()`` the first time, and from then on only what it did by ``run``; return its first result.

        On the same memory every pass through a network is the same list of some hundred calls. To find out which they
        are takes as long again as small ones take; and whoever runs the bare list leaves Python's lock alone, which
        the other threads wait for. What changes from pass to pass has to lie in arrays that stay, such as those of
        ``filled``. Under a ``key`` there is one list; where one of ``subjects``, what it works with, is another object
        than before, a new one is begun.
        """
        known = self._passes.get(key)
        if known is not None and all(map(is_, known[0], subjects)):
            for call in known[1]:
                call()
            return known[2]
        self._tape = []
        try:
            result = work()
            self._passes[key] = subjects, self._tape, result
        finally:
            self._tape = None
        return result

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

    def part(self, name: Hashable) -> Workspace:
        return self

    def over(self, given: np.ndarray, name: str) -> np.ndarray:
        return np.empty_like(given)

    def array(self, name: str, shape: Shape, dtype: np.dtype | type) -> np.ndarray:
        return np.empty(shape, dtype)

    def filled(self, name: str, shape: Shape, dtype: np.dtype | type, value: float) -> np.ndarray:
        return np.full(shape, value, dtype)

    def view(self, name: str, source: np.ndarray, make: Callable[[np.ndarray], Any]) -> Any:
        return make(source)

    def repeat(self, key: tuple, subjects: tuple[object, ...], work: Callable[[], T]) -> T:
        return work()


FRESH = _Fresh()
"""For callers who keep the results of several passes side by side, or who run only one."""
