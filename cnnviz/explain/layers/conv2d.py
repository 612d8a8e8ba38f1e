"""What is said of a convolution."""

import numpy as np

from cnnviz.explain.layers.explained import ExplainedWithParameters
from cnnviz.explain.layers.windows import corner, covered, every, positions_over, span
from cnnviz.explain.places import Cell, Weight
from cnnviz.explain.regions import Region
from cnnviz.explain.spot import Spot
from cnnviz.explain.stage import Stage
from cnnviz.explain.terms import Factor, Index, Operation, Terms
from cnnviz.explain.wording import Explanation
from cnnviz.nn import Conv2D, kernels
from cnnviz.nn.shapes import Shape


class ExplainedConv2D(ExplainedWithParameters):
    """Filters slide over maps; what they lie on is multiplied by their weights and added up."""

    layer: Conv2D

    # Which cells

    def region_before(self, region: Region, input_shape: Shape) -> Region:
        """Return all that the filters cover there, in all channels."""
        layer = self.layer
        spans = zip(region, layer.kernel, layer.border(input_shape), input_shape, strict=False)
        rows, columns = (covered(part, size, layer.stride, border[0], n) for part, size, border, n in spans)
        return rows, columns, slice(0, input_shape[2])

    def cells_multiplied(self, index: tuple[int, ...], input_shape: Shape) -> Region:
        """Return the cells that the weight lies on at all positions of its filter."""
        layer = self.layer
        output_shape, border = layer.output_shape(input_shape), layer.border(input_shape)
        _, channel, *cell = index
        rows, columns = (
            _among(offset - before + layer.stride * np.arange(count), n)
            for offset, (before, _), count, n in zip(cell, border, output_shape[:2], input_shape[:2], strict=True)
        )
        return rows, columns, slice(channel, channel + 1)

    # Terms

    def output_terms(self, stage: Stage, place: Cell) -> Terms:
        """Return the patch under the filter times its weights, and the bias."""
        layer = self.layer
        (i, j, f), (kh, kw) = place.index, layer.kernel
        (top, _), (left, _) = stage.cache.padding
        row, column = i * layer.stride, j * layer.stride
        patch = stage.cache.padded[0, row : row + kh, column : column + kw].transpose(2, 0, 1)

        def pixel(index: Index) -> Cell | None:
            k, r, c = index
            return _unless_border(stage, (row + r - top, column + c - left, k))

        weights = Factor(
            f"filter {f}", stage.parameters["weight"][f], lambda at: Weight(stage.name, "weight", (f, *at))
        )
        return Terms(
            place,
            float(stage.y[place.index]),
            Operation.SUM,
            (Factor(stage.before, patch, pixel), weights),
            f"{patch.size} products, patch × filter{', and the bias' if layer.bias else ''}, added up",
            stage.bias_of(f),
        )

    def input_gradient_terms(self, stage: Stage, place: Cell, value: float) -> Terms:
        """Return the gradients of all outputs that saw the cell, times the weights that they saw it with."""
        row, column, k = place.index
        kernel, stride = self.layer.kernel, self.layer.stride
        (top, _), (left, _) = stage.cache.padding
        rows = positions_over(row + top, kernel[0], stride, stage.y.shape[0])
        columns = positions_over(column + left, kernel[1], stride, stage.y.shape[1])
        seen_by = row + top - stride * np.asarray(rows, int), column + left - stride * np.asarray(columns, int)
        weights = stage.parameters["weight"][:, k][:, seen_by[0][:, np.newaxis], seen_by[1]]
        handed = stage.dy[rows.start : rows.stop, columns.start : columns.stop].transpose(2, 0, 1)

        def output(index: Index) -> Cell:
            f, i, j = index
            return Cell(stage.name, (rows[i], columns[j], f))

        def weight(index: Index) -> Weight:
            f, i, j = index
            return Weight(stage.name, "weight", (f, k, int(seen_by[0][i]), int(seen_by[1][j])))

        return Terms(
            place,
            value,
            Operation.SUM,
            (Factor(f"gradient by {stage.name}", handed, output), Factor("weight", weights, weight)),
            f"each of the {handed.size} outputs of {stage.name} that saw this cell: "
            "its gradient × the weight it saw it with",
        )

    def parameter_gradient_terms(self, stage: Stage, place: Weight, value: float) -> Terms:
        """Return the gradients of all outputs of the filter, times what the weight met there."""
        f = place.index[0]
        dy = Factor(f"gradient by {stage.name}, channel {f}", stage.dy[:, :, f], lambda at: Cell(stage.name, (*at, f)))
        if place.name == "bias":
            sentence = f"the gradients at all {dy.values.size} positions, added up"
            return Terms(place, value, Operation.SUM, (dy,), sentence)
        return Terms(
            place,
            value,
            Operation.SUM,
            (dy, self._met_by(stage, place)),
            f"at each of {dy.values.size} positions: gradient of the output × the input that the weight met there",
        )

    def uses(self, stage: Stage, place: Weight) -> Terms:
        """Return what the weight meets at each position of its filter, times the weight."""
        f = place.index[0]
        outputs = Factor(f"{stage.name}, channel {f}", stage.y[:, :, f], lambda at: Cell(stage.name, (*at, f)))
        value = stage.parameters[place.name][place.index]
        weight = Factor(place.name, np.broadcast_to(value, outputs.values.shape), lambda at: place)
        return Terms(
            place,
            float(value),
            Operation.EACH,
            (weight,) if place.name == "bias" else (self._met_by(stage, place), weight),
            f"one number, used {outputs.values.size} times: once for each cell of {outputs.name}",
            goes_to=outputs,
        )

    def _met_by(self, stage: Stage, place: Weight) -> Factor:
        """Return the inputs that a weight meets at each position of its filter, shape (Ho, Wo)."""
        _, k, r, c = place.index
        (top, _), (left, _) = stage.cache.padding
        rows, columns, _ = stage.y.shape
        stride = self.layer.stride
        met = stage.cache.padded[0, r::stride, c::stride, k][:rows, :columns]

        def pixel(index: Index) -> Cell | None:
            i, j = index
            return _unless_border(stage, (i * stride + r - top, j * stride + c - left, k))

        return Factor(f"{stage.before}, channel {k}", met, pixel)

    # Lines of NumPy

    def forward_code(self, spot: Spot) -> list[str]:
        """Return all patches at once, and their sums of products with the filters."""
        layer = self.layer
        (height, width), channels = layer.kernel, spot.given[2]
        patches, bias = f"{spot.name}_patches", f" + {spot.parameter('bias')}" if layer.bias else ""
        return [
            f"# {spot.name}: {layer.filters} filters of {channels}x{height}x{width} slide over {spot.source}; a patch "
            "is what one of them covers.",
            *_padding_lines(spot),
            f"{patches} = sliding_window_view({_padded_name(spot)}, ({height}, {width}), axis=(0, 1))"
            f"{every(layer.stride)}  # {(*spot.made[:2], channels, height, width)}",
            f'{spot.name} = np.einsum("ijcrs,fcrs->ijf", {patches}, {spot.parameter("weight")}){bias}  # {spot.made}',
        ]

    def input_gradient_code(self, spot: Spot) -> list[str]:
        """Return a loop over the cells of the filters: each hands back to all that it lay on."""
        (height, width), (rows, columns, _) = self.layer.kernel, spot.made
        border = _has_border(spot)
        target = f"{spot.source}_padded_gradient" if border else spot.source_gradient
        down, across = span("r", rows, self.layer.stride), span("s", columns, self.layer.stride)
        return [
            f"# Back through {spot.name}: a cell of a patch gets its weight times the gradient by what the patch led "
            "to.",
            f"{target} = np.zeros_like({_padded_name(spot)})",
            f"for r in range({height}):",
            f"    for s in range({width}):",
            f"        {target}[{down}, {across}] += {spot.gradient} @ {spot.parameter('weight')}[:, :, r, s]",
            *([f"{spot.source_gradient} = {target}{_within(spot)}  # {spot.given}"] if border else []),
        ]

    def parameter_gradient_code(self, spot: Spot, name: str) -> list[str]:
        """Return the sum over all patches; of a bias over the gradients alone."""
        filters = self.layer.filters
        if name == "bias":
            return [f"{spot.name}_bias_gradient = {spot.gradient}.sum(axis=(0, 1))  # ({filters},)"]
        shape, patches = (filters, spot.given[2], *self.layer.kernel), f"{spot.name}_patches"
        return [
            "# By a weight: at every position the gradient times the input that the weight lay on; all of that summed "
            "up.",
            f'{spot.name}_weight_gradient = np.einsum("ijf,ijcrs->fcrs", {spot.gradient}, {patches})  # {shape}',
        ]

    # Words

    def forward_words(self) -> Explanation:
        """Return the sum of products, with stride, border and bias as they are."""
        layer = self.layer
        bias, has_bias = (" + b[f]", ", plus the bias of that filter") if layer.bias else ("", "")
        border = "; x lies within a border of zeros" if layer.padding == "same" else ""
        return Explanation(
            f"Each of the {layer.filters} filters slides over its input: wherever it lies, the cells under it are "
            f"multiplied by its weights, and the products are added up{has_bias}.",
            f"y[i, j, f] = Σ over r, c, k of  x[{self._under_filter}] · w[f, k, r, c]{bias}{border}",
            (Conv2D.forward, kernels.correlate),
        )

    def input_gradient_words(self) -> Explanation:
        """Return the sum over all that saw a cell."""
        stride = self.layer.stride
        weight = f"w[f, k, i − {corner('p', stride)}, j − {corner('q', stride)}]"
        return Explanation(
            "Each input cell collects what it has to answer for: from every position of every filter that covered it, "
            "the gradient at that output times the weight that lay on the cell.",
            f"∂L/∂x[i, j, k] = Σ over p, q, f of  ∂L/∂y[p, q, f] · {weight}",
            (Conv2D.input_gradient, kernels.input_gradient),
        )

    def parameter_gradient_words(self) -> Explanation:
        """Return the sum over all that a weight met."""
        of_bias = "\n∂L/∂b[f] = Σ over n, i, j of  ∂L/∂y[n, i, j, f]" if self.layer.bias else ""
        bias_too = " The gradient by a bias is the plain sum of those at the output." if self.layer.bias else ""
        return Explanation(
            "A weight met one input cell at every position of its filter, so its gradient is the sum, over all "
            f"positions and images, of that cell times the gradient at the output there.{bias_too}",
            f"∂L/∂w[f, k, r, c] = Σ over n, i, j of  ∂L/∂y[n, i, j, f] · x[n, {self._under_filter}]{of_bias}",
            (Conv2D.parameter_gradients, kernels.filter_gradient),
        )

    @property
    def _under_filter(self) -> str:
        """The index of the cell under weight (r, c) of the filter at position (i, j)."""
        return f"{corner('i', self.layer.stride)} + r, {corner('j', self.layer.stride)} + c, k"


def _among(positions: np.ndarray, n: int) -> slice:
    """Return the span of those of ascending ``positions`` that are among ``n`` cells, not in the border of zeros."""
    inside = positions[(positions >= 0) & (positions < n)]
    return slice(int(inside[0]), int(inside[-1]) + 1) if inside.size else slice(0, 0)


def _unless_border(stage: Stage, at: Index) -> Cell | None:
    """Return the input cell (row, column, channel); None where that lies in the border of zeros."""
    return Cell(stage.before, at) if all(0 <= i < n for i, n in zip(at, stage.x.shape, strict=True)) else None


def _has_border(spot: Spot) -> bool:
    return any(width for side in spot.cache.padding for width in side)


def _padded_name(spot: Spot) -> str:
    return f"{spot.source}_padded" if _has_border(spot) else spot.source


def _padding_lines(spot: Spot) -> list[str]:
    if not _has_border(spot):
        return []
    down, across = spot.cache.padding
    return [f"{_padded_name(spot)} = np.pad({spot.source}, ({down}, {across}, (0, 0)))  # a border of zeros"]


def _within(spot: Spot) -> str:
    """Return the index of what lies inside the border."""
    (top, _), (left, _) = spot.cache.padding
    height, width, _ = spot.given
    return f"[{top}:{top + height}, {left}:{left + width}]"
