"""From grey values to what a network is given: the one place shared by training, pad and ``predict``."""

from dataclasses import dataclass

import numpy as np

FARTHEST = 1_000_000  # of a mean or a std, in grey levels, from what images have


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
        """Refuse a scale that cannot be divided by, or that single precision cannot follow."""
        if not (abs(self.mean) <= FARTHEST and 1 / FARTHEST <= self.std <= FARTHEST):
            raise ValueError(
                f"normalisation needs a finite mean and a positive std, at most {FARTHEST:,}, "
                f"got {self.mean:.6g} and {self.std:.6g}"
            )

    def apply(
        self, images: np.ndarray, dtype: type[np.floating] = np.float32, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Return ``images`` (shape (N, H, W), grey) as network input, shape (N, H, W, 1), in ``out`` if given."""
        if out is None:
            out = np.empty((*images.shape, 1), dtype)
        out[..., 0] = images
        np.subtract(out, self.mean, out=out)
        return np.divide(out, self.std, out=out)
