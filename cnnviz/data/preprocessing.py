"""From grey values to what a network is given: the one place shared by training, pad and ``predict``."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Normalization:
    """The affine map ``(grey - mean) / std`` applied to images before they enter a network.

    It belongs to the parameters trained with it and travels in their files.

    Attributes
    ----------
    mean, std : float
        In grey levels of 0..255; ``std`` is positive.
    """

    mean: float
    std: float

    def __post_init__(self) -> None:
        """Refuse a scale that cannot be divided by."""
        if not (np.isfinite(self.mean) and np.isfinite(self.std) and self.std > 0):
            raise ValueError(f"normalisation needs a finite mean and a positive std, got {self.mean} and {self.std}")

    def apply(
        self, images: np.ndarray, dtype: type[np.floating] = np.float32, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Return ``images`` (shape (N, H, W), grey) as network input, shape (N, H, W, 1), in ``out`` if given."""
        if out is None:
            out = np.empty((*images.shape, 1), dtype)
        out[..., 0] = images
        np.subtract(out, self.mean, out=out)
        return np.divide(out, self.std, out=out)
