"""The embedded dataset: handwritten digits generated as they are asked for, nothing to download."""

import threading
from pathlib import Path

import numpy as np

from cnnviz.data.datasets import Dataset, DatasetSource, Progress
from cnnviz.data.strokes.generator import generate_digits

CHUNK = 250
"""Images generated at a time."""


class StrokesImageSet:
    """``size`` generated digits; item i depends on ``seed``, the epoch and i alone, whatever was asked for before.

    Images are generated a chunk at a time, when first asked for, and kept as grey levels.

    Attributes
    ----------
    in_random_order : bool
        True: consecutive items are a fair sample already.
    """

    in_random_order = True

    def __init__(self, size: int, seed: int) -> None:
        self._seed = seed
        self._epoch = 0
        chunks = -(-size // CHUNK)
        self._size = size
        self._made = np.zeros(chunks, bool)
        self._images = np.empty((chunks, CHUNK, 28, 28), np.uint8)
        self._labels = np.empty((chunks, CHUNK), np.int64)
        self._making = threading.Lock()

    def __len__(self) -> int:
        """Return the number of images."""
        return self._size

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return images (n, 28, 28) uint8 and labels (n,) int64 of the items ``indices`` (n,).

        Raises
        ------
        IndexError
            An index is outside 0 .. size - 1.
        """
        indices = np.asarray(indices)
        if indices.size and (indices.min() < 0 or indices.max() >= self._size):
            raise IndexError(f"indices 0 to {self._size - 1}, got {indices.min()} to {indices.max()}")
        chunks, places = np.divmod(indices, CHUNK)
        if not self._made[chunks].all():
            with self._making:  # of two threads that want the same images, one makes them
                for chunk in np.unique(chunks[~self._made[chunks]]):
                    self._make(int(chunk))
        return self._images[chunks, places], self._labels[chunks, places]

    def begin_epoch(self, epoch: int) -> None:
        """Have the images of ``epoch`` from now on, in the memory of those before."""
        with self._making:
            if epoch != self._epoch:
                self._epoch = epoch
                self._made[:] = False

    def _make(self, chunk: int) -> None:
        rng = np.random.default_rng([self._seed, chunk, self._epoch])  # NumPy takes a last 0 for nothing
        self._images[chunk], self._labels[chunk] = generate_digits(rng, CHUNK)
        self._made[chunk] = True


def _is_available(data_dir: Path | None) -> bool:
    """Return True: there is nothing to fetch, and ``data_dir`` plays no part."""
    return True


def _load(data_dir: Path | None, progress: Progress | None) -> Dataset:
    """Return 60,000 images to learn from and 10,000 others to be tested on, none of them generated yet."""
    return Dataset(STROKES.name, STROKES.title, StrokesImageSet(60_000, seed=1), StrokesImageSet(10_000, seed=2))


STROKES = DatasetSource(
    name="strokes",
    title="Strokes",
    description="Handwritten digits generated from pen strokes as they are needed; nothing to download.",
    is_available=_is_available,
    load=_load,
    renewable=True,
)
