"""One channel of a max pooling layer, there and back, and what can be said of it in words."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnviz.gui.tiles import largest_magnitude, nice_ceiling, number
from cnnviz.nn import MaxPool2D, Network
from cnnviz.training.snapshot import Trace

Window = tuple[int, int]  # row and column among the windows of a channel

_WIDTH = 8  # characters that a sum is filled up to, so that what follows stands still while it changes
_FILL = "\u2007"  # a space as wide as a figure
WIDEST_SUMS = "sum arriving \u22128.88e\u221288 · sum handed back \u22128.88e\u221288 \u2713"
_NUMERALS = {1: "one value", 4: "four values", 9: "nine values"}


def pooling_layers(network: Network) -> list[str]:
    """Return the names of the max pooling layers."""
    return [name for name, layer in network.layers.items() if isinstance(layer, MaxPool2D)]


def strongest_channel(gradients: np.ndarray) -> int:
    """Return the channel of ``gradients``, shape (H, W, C), whose magnitudes sum up to most."""
    return int(np.abs(gradients).sum(axis=(0, 1)).argmax())


def winners(shares: np.ndarray) -> np.ndarray:
    """Return which cells are handed a part of their window's gradient: a mask in the shape of ``shares``."""
    return shares > 0


@dataclass(frozen=True, eq=False)
class PooledChannel:
    """What a max pooling layer does to one channel of one image.

    Attributes
    ----------
    layer, channel, pool
        Name of the layer, index of the channel, the layer itself.
    before : array, shape (H, W)
        What is pooled.
    maxima, arriving : array, shape (Ho, Wo)
        The maxima of the windows, and the gradients of the cost by them.
    handed_back : array, shape (H, W)
        The gradient of the cost by ``before``.
    shares : array, shape (Ho, Wo, size, size)
        The part of a window's gradient that each of its cells is handed.
    activation_scale, gradient_scale : float
        Values of the strongest colour, for all channels of the layer.
    """

    layer: str
    channel: int
    pool: MaxPool2D
    before: np.ndarray
    maxima: np.ndarray
    arriving: np.ndarray
    handed_back: np.ndarray
    shares: np.ndarray
    activation_scale: float
    gradient_scale: float

    @classmethod
    def of(cls, trace: Trace, pool: MaxPool2D, layer: str, channel: int) -> "PooledChannel":
        """Take ``channel`` of ``layer`` out of ``trace``."""
        before, handed_back = trace.input_of(layer), trace.gradient_into(layer)
        after, arriving = trace.outputs[layer], trace.output_gradients[layer]
        only = slice(channel, channel + 1)
        shares = np.moveaxis(pool.shares(before[np.newaxis, ..., only], after[np.newaxis, ..., only]), 0, -1)
        return cls(
            layer,
            channel,
            pool,
            before[..., channel],
            after[..., channel],
            arriving[..., channel],
            handed_back[..., channel],
            shares.reshape(*after.shape[:2], pool.size, pool.size),
            nice_ceiling(largest_magnitude(before)),
            nice_ceiling(max(largest_magnitude(arriving), largest_magnitude(handed_back))),
        )

    @cached_property
    def windows(self) -> np.ndarray:
        """The values of each window, shape (Ho, Wo, size, size)."""
        size, stride = self.pool.size, self.pool.stride
        return np.lib.stride_tricks.sliding_window_view(self.before, (size, size))[::stride, ::stride]

    @cached_property
    def winners(self) -> np.ndarray:
        """The cells of each window that are handed gradient, shape (Ho, Wo, size, size)."""
        return winners(self.shares)

    @cached_property
    def tied(self) -> np.ndarray:
        """The windows in which several cells hold the maximum, shape (Ho, Wo)."""
        return (self.windows == self.maxima[..., np.newaxis, np.newaxis]).sum(axis=(2, 3)) > 1

    @cached_property
    def silent(self) -> np.ndarray:
        """The windows in which all cells are zero, so that no cell won by merit; shape (Ho, Wo)."""
        return ~self.windows.any(axis=(2, 3))

    def handed_by(self, window: Window) -> np.ndarray:
        """Return what the cells of one window are handed by it, shape (size, size)."""
        with np.errstate(invalid="ignore"):  # an infinite gradient, shortly before a run diverges
            return self.arriving[window] * self.shares[window]

    def winning_cells(self, window: Window) -> list[Window]:
        """Return row and column in ``before`` of the cells that won ``window``."""
        row, column = (index * self.pool.stride for index in window)
        return [(row + int(i), column + int(j)) for i, j in np.argwhere(self.winners[window])]

    def changed_since(self, earlier: "PooledChannel") -> int:
        """Return in how many windows other cells won than ``earlier``."""
        return int((self.winners != earlier.winners).any(axis=(2, 3)).sum())


def is_conserved(pooled: PooledChannel) -> bool:
    """Return whether as much gradient is handed back as arrived, but for rounding."""
    arriving = pooled.arriving.astype(np.float64)
    difference = abs(arriving.sum() - pooled.handed_back.sum(dtype=np.float64))
    return bool(difference <= 8 * np.finfo(pooled.arriving.dtype).eps * np.abs(arriving).sum())


def conservation_text(pooled: PooledChannel) -> str:
    """Return the sums of both gradients, ticked off where they agree."""
    arriving, back = (_steady(g.sum(dtype=np.float64)) for g in (pooled.arriving, pooled.handed_back))
    line = f"sum arriving {arriving} · sum handed back {back}"
    return f"{line} \u2713" if is_conserved(pooled) else line


def surplus_text(pooled: PooledChannel) -> str:
    """Return by how much more is handed back than arrived, as happens with ties "all"; empty where nothing is.

    The factor is that of the magnitudes: among gradients of both signs the sums may differ by any factor.
    """
    arriving = np.abs(pooled.arriving).astype(np.float64)
    handed = (arriving * pooled.shares.sum(axis=(2, 3))).sum()
    if pooled.pool.ties != "all" or not handed > arriving.sum() * (1 + 1e-6):
        return ""
    return f"magnitude × {handed / arriving.sum():.2f}: tied maxima each got all of what arrived"


def facts_text(pooled: PooledChannel, changed: int | None) -> str:
    """Return how many windows are tied and silent, and how many winners ``changed`` (None: not known)."""
    tied, silent = int(pooled.tied.sum()), int(pooled.silent.sum())
    line = f"{tied} of {pooled.tied.size} windows tied"
    if silent:
        line += f", {silent} silent (hatched)"
    if changed is not None:
        line += f" · {changed} new winner{'' if changed == 1 else 's'}"
    return line


def window_text(pooled: PooledChannel, window: Window) -> str:
    """Return what happens in one window, for the status bar."""
    place = f"{pooled.layer}, channel {pooled.channel}, window ({window[0]}, {window[1]})"
    gradient = f"gradient {number(pooled.arriving[window])}"
    if pooled.silent[window]:
        return f"{place}: all zero; {gradient}"
    cells = pooled.winning_cells(window)
    where = f"{len(cells)} cells" if len(cells) > 2 else " and ".join(f"({row}, {column})" for row, column in cells)
    tied = ", tied" if pooled.tied[window] else ""
    return f"{place}: max {number(pooled.maxima[window])} at {where}{tied}; {gradient}"


def invitation(pooled: PooledChannel) -> str:
    """Return what can be done with the mouse."""
    count = pooled.pool.size**2
    return f"Point at a window to see its {_NUMERALS.get(count, f'{count} values')} and the gradient"


def _steady(value: float) -> str:
    return f"{value + 0.0:#.3g}".rstrip(".").replace("-", "\u2212").rjust(_WIDTH, _FILL)
