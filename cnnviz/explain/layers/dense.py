"""What is said of a dense layer."""

from cnnviz.explain.layers.explained import ExplainedWithParameters
from cnnviz.explain.places import Cell, Weight
from cnnviz.explain.regions import Region, only, whole
from cnnviz.explain.spot import Spot
from cnnviz.explain.stage import Stage
from cnnviz.explain.terms import Factor, Operation, Terms, single
from cnnviz.explain.wording import Explanation
from cnnviz.nn import Dense, kernels
from cnnviz.nn.shapes import Shape


class ExplainedDense(ExplainedWithParameters):
    """Each unit weighs all inputs and adds them up."""

    layer: Dense

    # Which cells

    def region_before(self, region: Region, input_shape: Shape) -> Region:
        """Return all inputs."""
        return whole(input_shape)

    def cells_multiplied(self, index: tuple[int, ...], input_shape: Shape) -> Region:
        """Return the one input that the weight belongs to."""
        return only(index[1:])

    # Terms

    def output_terms(self, stage: Stage, place: Cell) -> Terms:
        """Return all inputs times the unit's weights, and its bias."""
        (unit,) = place.index
        weights = stage.parameters["weight"][unit]
        return Terms(
            place,
            float(stage.y[unit]),
            Operation.SUM,
            (
                Factor(stage.before, stage.x, lambda at: Cell(stage.before, at)),
                Factor("weight", weights, lambda at: Weight(stage.name, "weight", (unit, *at))),
            ),
            f"{weights.size:,} products, input × weight{', and the bias' if self.layer.bias else ''}, added up",
            stage.bias_of(unit),
        )

    def input_gradient_terms(self, stage: Stage, place: Cell, value: float) -> Terms:
        """Return the gradients of all units times the weights that they give the input."""
        (d,) = place.index
        return Terms(
            place,
            value,
            Operation.SUM,
            (
                Factor(f"gradient by {stage.name}", stage.dy, lambda at: Cell(stage.name, at)),
                Factor("weight", stage.parameters["weight"][:, d], lambda at: Weight(stage.name, "weight", (*at, d))),
            ),
            f"each of the {len(stage.dy)} units of {stage.name}: its gradient × the weight it gives this input",
        )

    def parameter_gradient_terms(self, stage: Stage, place: Weight, value: float) -> Terms:
        """Return the gradient of the unit, times the input of the weight."""
        unit, *inputs = place.index
        dy = stage.gradient_at((unit,))
        if place.name == "bias":
            return Terms(place, value, Operation.SUM, (dy,), "the gradient of its unit")
        factors = (dy, stage.input_at(tuple(inputs)))
        return Terms(place, value, Operation.SUM, factors, "the gradient of its unit × its input")

    def uses(self, stage: Stage, place: Weight) -> Terms:
        """Return the weight's input times the weight."""
        unit, *inputs = place.index
        value = float(stage.parameters[place.name][place.index])
        weight = single(place.name, value, place)
        return Terms(
            place,
            value,
            Operation.EACH,
            (weight,) if place.name == "bias" else (stage.input_at(tuple(inputs)), weight),
            f"used once: it is a part of unit {unit} only",
            goes_to=single(f"unit {unit}", stage.y[unit], Cell(stage.name, (unit,))),
        )

    # Lines of NumPy

    def forward_code(self, spot: Spot) -> list[str]:
        """Return the product of the matrix of weights and the inputs."""
        bias = f" + {spot.parameter('bias')}" if self.layer.bias else ""
        return [
            f"# {spot.name}: each of {self.layer.units} units adds up all of {spot.source}, each value times a weight.",
            f"{spot.name} = {spot.parameter('weight')} @ {spot.source}{bias}  # {spot.made}",
        ]

    def input_gradient_code(self, spot: Spot) -> list[str]:
        """Return the product of the gradients and the matrix of weights."""
        return [
            f"# Back through {spot.name}: an input gets from every unit the weight between them times the unit's "
            "gradient.",
            f"{spot.source_gradient} = {spot.gradient} @ {spot.parameter('weight')}  # {spot.given}",
        ]

    def parameter_gradient_code(self, spot: Spot, name: str) -> list[str]:
        """Return the outer product of gradients and inputs; of the biases the gradients alone."""
        if name == "bias":
            return [f"{spot.name}_bias_gradient = {spot.gradient}  # {spot.made}"]
        shape = (self.layer.units, *spot.given)
        return [
            "# By a weight: the gradient by its unit times the input that it multiplies.",
            f"{spot.name}_weight_gradient = np.outer({spot.gradient}, {spot.source})  # {shape}",
        ]

    # Words

    def forward_words(self) -> Explanation:
        """Return the sum of weighed inputs."""
        bias, has_bias = (" + b[u]", ", and its bias is added") if self.layer.bias else ("", "")
        return Explanation(
            f"Each of the {self.layer.units} units weighs all inputs: every input times its weight, all added up"
            f"{has_bias}.",
            f"y[u] = Σ over d of  w[u, d] · x[d]{bias}",
            (Dense.forward, kernels.multiply),
        )

    def input_gradient_words(self) -> Explanation:
        """Return the sum over the units."""
        return Explanation(
            "Each input collects, from all units, the gradient at the unit times the weight that it had there.",
            "∂L/∂x[d] = Σ over u of  ∂L/∂y[u] · w[u, d]",
            (Dense.input_gradient, kernels.multiply),
        )

    def parameter_gradient_words(self) -> Explanation:
        """Return the product of gradient and input."""
        of_bias = "\n∂L/∂b[u] = Σ over n of  ∂L/∂y[n, u]" if self.layer.bias else ""
        return Explanation(
            "The gradient by a weight is the gradient at its unit times the input that it weighed, added up over the "
            "images of the batch.",
            f"∂L/∂w[u, d] = Σ over n of  ∂L/∂y[n, u] · x[n, d]{of_bias}",
            (Dense.parameter_gradients,),
        )
