"""All parameters of a network in one vector, and each of them under its name."""

from collections.abc import Iterator, Mapping

import numpy as np

Shapes = Mapping[str, Mapping[str, tuple[int, ...]]]


def _size(shapes: Shapes) -> int:
    """Return how many values there are in all."""
    return sum(int(np.prod(shape)) for tensors in shapes.values() for shape in tensors.values())


class Parameters(Mapping[str, dict[str, np.ndarray]]):
    """The parameters of a network, or their gradients: ``parameters["conv1"]["weight"]``.

    Every array is a view into ``vector``, so that an optimiser updates all of them in a few operations on one vector
    and a copy is one copy.

    Attributes
    ----------
    shapes : mapping
        Layer -> parameter -> shape; layers without parameters are absent.
    vector : array, shape (size,)
        All values, in the order of ``shapes``.
    spans : dict of slice
        Where each layer lies in ``vector``.

    Raises
    ------
    ValueError
        From the constructor: ``vector`` is not of the size that ``shapes`` add up to.
    """

    def __init__(self, shapes: Shapes, vector: np.ndarray) -> None:
        if vector.shape != (_size(shapes),):
            raise ValueError(f"a vector of shape {vector.shape} does not fill parameters of {_size(shapes)} values")
        self.shapes = shapes
        self.vector = vector
        self.spans: dict[str, slice] = {}
        self._layers: dict[str, dict[str, np.ndarray]] = {}
        start = 0
        for layer, tensors in shapes.items():
            first = start
            self._layers[layer] = {}
            for name, shape in tensors.items():
                end = start + int(np.prod(shape))
                self._layers[layer][name] = vector[start:end].reshape(shape)
                start = end
            self.spans[layer] = slice(first, start)

    @classmethod
    def zeros(cls, shapes: Shapes, dtype: np.dtype | type = np.float32) -> "Parameters":
        """Return parameters of 0."""
        return cls(shapes, np.zeros(_size(shapes), dtype))

    @classmethod
    def from_flat(cls, shapes: Shapes, arrays: Mapping[str, np.ndarray], dtype: type = np.float32) -> "Parameters":
        """Return parameters filled from arrays under names such as ``conv1/weight``; ValueError where they differ."""
        parameters = cls.zeros(shapes, dtype)
        own = parameters.flat()
        if set(own) != set(arrays):
            raise ValueError(f"expected the parameters {', '.join(own)}, got {', '.join(arrays)}")
        for name, array in own.items():
            if array.shape != arrays[name].shape:
                raise ValueError(f"{name}: expected shape {array.shape}, got {arrays[name].shape}")
            array[...] = arrays[name]
        return parameters

    def flat(self) -> dict[str, np.ndarray]:
        """Return the arrays (views) under names such as ``conv1/weight``."""
        return {f"{layer}/{name}": array for layer, arrays in self.items() for name, array in arrays.items()}

    def copy(self, dtype: np.dtype | type | None = None) -> "Parameters":
        """Return an independent copy, in ``dtype`` where given."""
        return Parameters(self.shapes, self.vector.astype(dtype or self.vector.dtype))

    def frozen_copy(self) -> "Parameters":
        """Return an independent copy that nobody can write to."""
        vector = self.vector.copy()
        vector.flags.writeable = False
        return Parameters(self.shapes, vector)

    def __getitem__(self, layer: str) -> dict[str, np.ndarray]:
        return self._layers[layer]

    def __contains__(self, layer: object) -> bool:
        return layer in self._layers

    def get(self, layer: str, default: dict[str, np.ndarray] | None = None) -> dict[str, np.ndarray] | None:
        """Return the parameters of ``layer``, or ``default``; without the exception that a Mapping would go through."""
        return self._layers.get(layer, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)
