"""What is said of the rectified linear unit."""

from cnnviz.explain.layers.explained import Explained
from cnnviz.explain.places import Cell
from cnnviz.explain.regions import Region
from cnnviz.explain.spot import Spot
from cnnviz.explain.stage import Stage
from cnnviz.explain.terms import Operation, Terms, single
from cnnviz.explain.wording import Explanation
from cnnviz.nn import ReLU
from cnnviz.nn.shapes import Shape


class ExplainedReLU(Explained):
    """What is negative becomes zero."""

    layer: ReLU

    is_activation = True

    def region_before(self, region: Region, input_shape: Shape) -> Region:
        """Return the same cells."""
        return region

    def output_terms(self, stage: Stage, place: Cell) -> Terms:
        """Return the larger one of the number and zero."""
        return Terms(
            place,
            float(stage.y[place.index]),
            Operation.MAXIMUM,
            (stage.input_at(place.index),),
            "max(x, 0): what is below zero becomes zero",
            single("zero", 0.0),
        )

    def input_gradient_terms(self, stage: Stage, place: Cell, value: float) -> Terms:
        """Return the gradient times 1 or 0."""
        return Terms(
            place,
            value,
            Operation.SUM,
            (stage.gradient_at(place.index), single("above 0?", float(stage.y[place.index] > 0))),
            "handed back where the number is above zero, stopped where it is not",
        )

    def forward_code(self, spot: Spot) -> list[str]:
        """Return the maximum."""
        return [f"{spot.name} = np.maximum({spot.source}, 0)  # {spot.made}"]

    def input_gradient_code(self, spot: Spot) -> list[str]:
        """Return the product with the mask."""
        return [
            f"# Back through {spot.name}: it passes where the output was positive.",
            f"{spot.source_gradient} = {spot.gradient} * ({spot.name} > 0)  # {spot.given}",
        ]

    def forward_words(self) -> Explanation:
        """Return the maximum."""
        return Explanation("What is negative becomes 0; all else stays as it is.", "y = max(x, 0)", (ReLU.forward,))

    def input_gradient_words(self) -> Explanation:
        """Return where the gradient passes."""
        return Explanation(
            "The gradient passes where the output is above 0, and ends where it is not.",
            "∂L/∂x = ∂L/∂y · [y > 0]",
            (ReLU.input_gradient,),
        )
