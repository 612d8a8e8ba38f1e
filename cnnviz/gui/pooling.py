"""One channel of a max pooling layer, there and back, and what can be said of it in words."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from cnnviz.explain.routing import Passage, Routing, route
from cnnviz.gui.tiles import largest_magnitude, nice_ceiling, number
from cnnviz.nn import MaxPool2D, Network

Window = tuple[int, int]  # row and column among the windows of a channel

CELL_COLUMNS = (
    "window row",
    "window column",
    "maximum",
    "gradient arriving",
    "row",
    "column",
    "value",
    "share",
    "gradient handed to it",
)
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
    is_supposed : bool
        Whether the gradient is handed back by another tie policy than the network's own.
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
    is_supposed: bool = False

    @classmethod
    def of(
        cls, passage: Passage, pool: MaxPool2D, layer: str, channel: int, ties: str | None = None
    ) -> "PooledChannel":
        """Take ``channel`` out of what ``layer``, which is ``pool``, does to an image.

        With another tie policy than its own, ``ties``, the gradient is what the layer would then hand back.
        """
        before, after, arriving, handed_back = passage
        one, maxima = _alone(before[..., channel]), _alone(after[..., channel])
        returned = handed_back[..., channel]
        if is_supposed := ties not in (None, pool.ties):
            pool = replace(pool, ties=ties)
            with np.errstate(over="ignore", invalid="ignore"):  # a network about to diverge
                returned = pool.input_gradient(_alone(arriving[..., channel]), pool.forward(one, {})[1], {})[0, ..., 0]
        shares = np.moveaxis(pool.shares(one, maxima), 0, -1)
        return cls(
            layer,
            channel,
            pool,
            before[..., channel],
            after[..., channel],
            arriving[..., channel],
            returned,
            shares.reshape(*after.shape[:2], pool.size, pool.size),
            nice_ceiling(largest_magnitude(before)),
            nice_ceiling(max(largest_magnitude(arriving), largest_magnitude(handed_back))),
            is_supposed,
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

    def routing(self, earlier: np.ndarray | None = None) -> Routing:
        """Return what becomes of the gradients under each tie policy; ``earlier``, (H, W), was pooled before."""
        before = None if earlier is None else _alone(earlier)
        return route(self.pool, _alone(self.before), _alone(self.arriving), before)

    def rows(self) -> list[tuple[object, ...]]:
        """Return a table of the cells of all windows, its first row the heading."""
        table: list[tuple[object, ...]] = [CELL_COLUMNS]
        stride = self.pool.stride
        for row, column, i, j in np.ndindex(*self.shares.shape):
            window, cell = (row, column), (row * stride + i, column * stride + j)
            given = (*window, float(self.maxima[window]), float(self.arriving[window]))
            handed = float(self.handed_by(window)[i, j])
            table.append((*given, *cell, float(self.before[cell]), float(self.shares[*window, i, j]), handed))
        return table


def _alone(map_: np.ndarray) -> np.ndarray:
    """Return a map (H, W) as the only one of a batch, shape (1, H, W, 1)."""
    return np.ascontiguousarray(map_)[np.newaxis, ..., np.newaxis]


def sums_text(routing: Routing, ties: str) -> str:
    """Return the sums of both gradients."""
    arriving, back = (_three_digits(total) for total in (routing.arriving.total, routing.collected[ties]))
    return f"in {arriving}, out {back}"


def ratio_text(routing: Routing, ties: str) -> str:
    """Return how many times what arrives is handed out, such as "1.38", ticked off where the sums agree."""
    ratio = routing.ratio(ties)
    if not math.isfinite(ratio):
        return "\u2013"
    return f"{ratio:.2f} \u2713" if routing.is_conserved(ties) else f"{ratio:.2f}"


def tied_text(routing: Routing) -> str:
    """Return how many windows are tied and all zero, in per cent."""
    line = f"{_share(routing.tied, routing.windows)} tied"
    return f"{line}, {_share(routing.silent, routing.windows)} all zero" if routing.silent else line


def changed_text(routing: Routing, ties: str) -> str:
    """Return how many winners are new; empty where nothing is known of before."""
    if routing.changed is None:
        return ""
    count = routing.changed[ties]
    return f"{count:,} new winner{'' if count == 1 else 's'}"


def policy_text(routing: Routing, ties: str) -> str:
    """Return what becomes of the gradients under a tie policy, for the status bar."""
    arriving, handed = routing.arriving, routing.handed_out[ties]
    line = (
        f"{ties}: sum {number(arriving.total)} arrives, {number(routing.collected[ties])} is handed back; "
        f"magnitudes {number(arriving.magnitude)} and {number(handed.magnitude)}"
    )
    return line if not math.isfinite(routing.ratio(ties)) else f"{line}: out / in {ratio_text(routing, ties)}"


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


def _share(count: int, of: int) -> str:
    """Return a share in per cent, never 0 or 100 where it is not quite."""
    share = 100 * count / of
    return "<\u20091\u00a0%" if 0 < share < 1 else f"{min(round(share), 99) if count < of else 100}\u00a0%"


def _three_digits(value: float) -> str:
    mantissa, exponent, power = f"{value + 0.0:#.3g}".partition("e")
    return f"{mantissa.rstrip('.')}{exponent}{int(power) if power else ''}".replace("-", "\u2212")
