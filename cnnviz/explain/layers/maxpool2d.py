"""What is said of max pooling."""

from textwrap import wrap
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cnnviz.explain.layers.explained import Explained
from cnnviz.explain.layers.windows import corner, covered, every, positions_over, span
from cnnviz.explain.places import Cell
from cnnviz.explain.regions import Region
from cnnviz.explain.spot import Spot
from cnnviz.explain.stage import Stage
from cnnviz.explain.terms import Factor, Operation, Terms, nowhere
from cnnviz.explain.wording import Explanation
from cnnviz.nn import MaxPool2D, kernels
from cnnviz.nn.shapes import Shape

_ROUNDING = 1e-5  # of the largest value of a map; what differs by less may be equal on another machine
_WIDTH = 110  # characters of a line


class TiePolicy(NamedTuple):
    """What is said of a tie policy.

    Attributes
    ----------
    winners : str
        Who gets the gradient of several equal cells, in short.
    tip : str
        The same as a sentence of its own, for whoever chooses the policy.
    hands, share : str
        The end of the sentence "Each window hands its gradient ..." in the words of a step; and each cell's share.
    goes, code : str
        The end of "each window's gradient ..." in a comment; and NumPy for the shares, where {is_max} is the mask of
        the cells that hold their window's maximum, shape (Ho, Wo, C, size * size).
    """

    winners: str
    tip: str
    hands: str
    share: str
    goes: str
    code: str


TIE_POLICIES = {
    "first": TiePolicy(
        winners="the first, row by row",
        tip="The first of several equal cells, row by row, gets all of the gradient",
        hands="to the cell that won, the first one of equals; all others get 0",
        share="1 for the winner, else 0",
        goes="goes to the first of its maxima, row by row.",
        code="{is_max} & ({is_max}.cumsum(axis=-1) == 1)",
    ),
    "all": TiePolicy(
        winners="each of them, in full",
        tip="Every one of several equal cells gets the whole gradient: more goes out than came in",
        hands="in full to every cell that holds its maximum; all others get 0",
        share="1 for each cell that is the maximum",
        goes="goes to every one of its maxima, in full.",
        code="{is_max}",
    ),
    "split": TiePolicy(
        winners="each of them, in equal parts",
        tip="Several equal cells get equal parts of the gradient",
        hands="in equal parts to the cells that hold its maximum; all others get 0",
        share="1/m for each of m equal maxima",
        goes="is split among its maxima.",
        code="{is_max} / {is_max}.sum(axis=-1, keepdims=True)",
    ),
}


class ExplainedMaxPool2D(Explained):
    """Only the largest value of each window is handed on."""

    layer: MaxPool2D

    # Which cells

    def region_before(self, region: Region, input_shape: Shape) -> Region:
        """Return all that the windows cover, channel by channel."""
        size, stride = self.layer.size, self.layer.stride
        spans = zip(region, input_shape[:2], strict=False)
        rows, columns = (covered(part, size, stride, 0, n) for part, n in spans)
        return rows, columns, region[2]

    # Terms

    def output_terms(self, stage: Stage, place: Cell) -> Terms:
        """Return the cells of the window, of which the largest is the number."""
        size, (i, j, k) = self.layer.size, place.index
        row, column = i * self.layer.stride, j * self.layer.stride
        window = stage.x[np.newaxis, row : row + size, column : column + size, k]
        cells = Factor(stage.before, window, lambda at: Cell(stage.before, (row + at[1], column + at[2], k)))
        return Terms(
            place,
            float(stage.y[place.index]),
            Operation.MAXIMUM,
            (cells,),
            f"the largest of {window.size} in its window: {_winners(window[0] == stage.y[place.index], row, column)}",
        )

    def input_gradient_terms(self, stage: Stage, place: Cell, value: float) -> Terms:
        """Return the gradients of all windows that the cell is in, times its shares of them."""
        row, column, k = place.index
        rows = positions_over(row, self.layer.size, self.layer.stride, stage.y.shape[0])
        columns = positions_over(column, self.layer.size, self.layer.stride, stage.y.shape[1])
        arriving = stage.dy[np.newaxis, rows.start : rows.stop, columns.start : columns.stop, k]
        windows = "its only window" if arriving.size == 1 else f"each of its {arriving.size} windows"
        return Terms(
            place,
            value,
            Operation.SUM,
            (
                Factor(
                    f"gradient by {stage.name}",
                    arriving,
                    lambda at: Cell(stage.name, (rows[at[1]], columns[at[2]], k)),
                ),
                Factor("share", self._shares(stage, place, rows, columns), nowhere),
            ),
            f"from {windows}: the gradient, where this cell is the maximum"
            if arriving.size
            else "in none of the windows: no gradient comes back",
        )

    def _shares(self, stage: Stage, place: Cell, rows: range, columns: range) -> np.ndarray:
        """Return the share that the cell at ``place`` gets of each window it is in, shape (1, rows, columns)."""
        size, stride, (row, column, k) = self.layer.size, self.layer.stride, place.index
        shares = np.zeros((1, len(rows), len(columns)), stage.dy.dtype)
        for a, i in enumerate(rows):
            for b, j in enumerate(columns):
                top, left = i * stride, j * stride
                window = stage.x[np.newaxis, top : top + size, left : left + size, k : k + 1]
                all_of_it = self.layer.shares(window, stage.y[np.newaxis, i : i + 1, j : j + 1, k : k + 1])
                shares[0, a, b] = all_of_it[(row - top) * size + column - left].item()
        return shares

    # Lines of NumPy

    def forward_code(self, spot: Spot) -> list[str]:
        """Return all windows at once, and their maxima."""
        size, windows = self.layer.size, f"{spot.name}_windows"
        return [
            f"# {spot.name}: the largest value of each window of {size}x{size} cells.",
            f"{windows} = sliding_window_view({spot.source}, ({size}, {size}), axis=(0, 1)){every(self.layer.stride)}"
            f"  # {(*spot.made, size, size)}",
            f"{spot.name} = {windows}.max(axis=(3, 4))  # {spot.made}",
        ]

    def input_gradient_code(self, spot: Spot) -> list[str]:
        """Return each cell's share of its window, and a loop over the cells of the windows that hands it out."""
        size, (rows, columns, channels) = self.layer.size, spot.made
        policy = TIE_POLICIES[self.layer.ties]
        shape, is_max = (rows, columns, channels, size * size), f"{spot.name}_is_maximum"
        down, across = (span(start, count, self.layer.stride) for start, count in (("r", rows), ("s", columns)))
        back = f"{spot.source_gradient}[{down}, {across}]"
        return [
            f"# Back through {spot.name}: each window's gradient {policy.goes}",
            f"{is_max} = {spot.name}_windows.reshape{shape} == {spot.name}[..., np.newaxis]",
            *self._settled(spot, is_max),
            f"{spot.name}_share = {policy.code.format(is_max=is_max)}  # {shape}",
            f"{spot.source_gradient} = np.zeros_like({spot.source})  # {spot.given}",
            f"for r in range({size}):",
            f"    for s in range({size}):",
            f"        {back} += {spot.gradient} * {spot.name}_share[..., {size} * r + s]",
        ]

    def _settled(self, spot: Spot, is_max: str) -> list[str]:
        """Return the lines that say which cells of a window cnnviz took for its maxima where only rounding decides.

        A sum of the same terms in another order differs in its last bits, so where the image is plain another machine
        may well find another maximum, and send the gradient to another cell.
        """
        found = [(*window, cells) for window, cells in self._close_windows(spot).items()]
        if not found:
            return []
        return [
            "# Only rounding tells cells of these windows (row, column, channel) apart: so cnnviz found its maxima.",
            "for row, column, channel, cells in [",
            *_lines_of(found),
            "]:",
            f"    {is_max}[row, column, channel] = False",
            f"    {is_max}[row, column, channel, cells] = True",
        ]

    def _close_windows(self, spot: Spot) -> dict[tuple[int, ...], list[int]]:
        """Return the needed windows that have cells close to their maximum, not equal to it, with those that are."""
        x, y = spot.cache.x[0], spot.cache.y[0]
        needed = np.zeros(x.shape, bool)
        needed[spot.needed] = True
        cells, is_needed = (self._cells(each) for each in (x, needed))
        with np.errstate(invalid="ignore"):
            below = y[..., np.newaxis] - cells
            is_close = below <= _ROUNDING * np.abs(x).max()
        unsettled = (is_close & (below > 0)).any(axis=-1) & is_needed.any(axis=-1)
        return {
            tuple(map(int, window)): np.flatnonzero(below[tuple(window)] == 0).tolist()
            for window in np.argwhere(unsettled)
        }

    def _cells(self, maps: np.ndarray) -> np.ndarray:
        """Return the windows of ``maps`` (H, W, C), each with its cells row by row: (Ho, Wo, C, size * size)."""
        size, stride = self.layer.size, self.layer.stride
        windows = sliding_window_view(maps, (size, size), axis=(0, 1))[::stride, ::stride]
        return windows.reshape(*windows.shape[:3], -1)

    # Words

    def forward_words(self) -> Explanation:
        """Return the maximum."""
        size = self.layer.size
        return Explanation(
            f"Of each window of {size}×{size} cells only the largest value is handed on.",
            f"y[i, j, k] = max over r, c < {size} of  {self._cell}",
            (MaxPool2D.forward, kernels.max_pool_2x2) if self.layer.is_repeatable else (MaxPool2D.forward,),
        )

    def input_gradient_words(self) -> Explanation:
        """Return who gets the gradient, by the tie policy."""
        policy = TIE_POLICIES[self.layer.ties]
        adds_up = "; a cell of several windows adds up what it gets" if self.layer.stride < self.layer.size else ""
        return Explanation(
            f"Each window hands its gradient {policy.hands}.",
            f"∂L/∂{self._cell} = share[r, c] · ∂L/∂y[i, j, k]\nshare: {policy.share}{adds_up}",
            (
                MaxPool2D.input_gradient,
                kernels.unpool_2x2 if self.layer.is_repeatable else MaxPool2D.shares,
            ),
        )

    @property
    def _cell(self) -> str:
        """Cell (r, c) of the window at position (i, j)."""
        return f"x[{corner('i', self.layer.stride)} + r, {corner('j', self.layer.stride)} + c, k]"


def _winners(is_largest: np.ndarray, row: int, column: int) -> str:
    """Return which cells of a window whose corner is at (row, column) hold its maximum, in words."""
    cells = [f"({row + int(i)}, {column + int(j)})" for i, j in np.argwhere(is_largest)]
    return " and ".join(cells) if len(cells) in (1, 2) else f"{len(cells)} of them are tied" if cells else "none is"


def _lines_of(items: list[object]) -> list[str]:
    """Return ``items`` as they are written in a list, as many a line as there is room for."""
    glued = " ".join(f"{item},".replace(" ", "\0") for item in items)
    lines = wrap(glued, _WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]
