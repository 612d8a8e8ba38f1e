"""What is said of dropout."""

from cnnviz.explain.layers.explained import Explained
from cnnviz.explain.places import Cell
from cnnviz.explain.regions import Region
from cnnviz.explain.spot import Spot
from cnnviz.explain.stage import Stage
from cnnviz.explain.terms import Operation, Terms
from cnnviz.explain.wording import Explanation
from cnnviz.nn import Dropout
from cnnviz.nn.shapes import Shape


class ExplainedDropout(Explained):
    """Some cells are dropped in training; the probe, which is no part of it, is handed on as it is."""

    layer: Dropout

    hands_on_as_it_is = True

    def region_before(self, region: Region, input_shape: Shape) -> Region:
        """Return the same cells."""
        return region

    def output_terms(self, stage: Stage, place: Cell) -> Terms:
        """Return the number itself."""
        sentence = "the same number: only in training are some dropped"
        value = float(stage.y[place.index])
        return Terms(place, value, Operation.SUM, (stage.input_at(place.index),), sentence)

    def input_gradient_terms(self, stage: Stage, place: Cell, value: float) -> Terms:
        """Return the gradient itself."""
        return Terms(place, value, Operation.SUM, (stage.gradient_at(place.index),), "handed back as it is")

    def forward_code(self, spot: Spot) -> list[str]:
        """Return another name for the same numbers."""
        return [f"{spot.name} = {spot.source}  # nothing is dropped but in training"]

    def input_gradient_code(self, spot: Spot) -> list[str]:
        """Return another name for the same gradients."""
        return [f"{spot.source_gradient} = {spot.gradient}"]

    def forward_words(self) -> Explanation:
        """Return what a step of training does."""
        rate, kept = self.layer.rate, f"{1 - self.layer.rate:g}"
        return Explanation(
            f"By chance, drawn anew for each step, {rate:.0%} of the cells become 0; the others are divided by "
            f"{kept}, so that their mean stays what it was. No unit can rely on another one.",
            f"y = x · m,  m = 0 with probability {rate:g}, else 1 / {kept}",
            (Dropout.forward,),
        )

    def input_gradient_words(self) -> Explanation:
        """Return what a step of training does."""
        return Explanation(
            "What was dropped on the way there gets no gradient; the others' is multiplied by the same factor.",
            "∂L/∂x = ∂L/∂y · m",
            (Dropout.input_gradient,),
        )
