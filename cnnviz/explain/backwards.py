"""What the gradient of the probe's cost by any number is made of: the chain rule, term by term."""

from cnnviz.explain.forwards import forward_terms
from cnnviz.explain.layers import explained
from cnnviz.explain.places import Cell, Place, Probability, Weight, gradient_at
from cnnviz.explain.stage import Stage, layer_behind
from cnnviz.explain.terms import Operation, Terms, single
from cnnviz.training.snapshot import Snapshot


def backward_terms(snapshot: Snapshot, place: Place) -> Terms:
    """Return what the gradient by the number at ``place``, which must exist, is made of.

    That by a cell is what the next layer hands back for it; of a probability, the gradient by its logit is told.
    """
    if isinstance(place, Probability):
        return _logit(snapshot, Cell(next(reversed(snapshot.trace.outputs)), (place.digit,)))
    value = gradient_at(snapshot, place)
    if isinstance(place, Weight):
        stage = Stage.of(snapshot, place.layer)
        return explained(stage.layer).parameter_gradient_terms(stage, place, value)
    if (name := layer_behind(snapshot, place.layer)) is None:
        return _logit(snapshot, place)
    stage = Stage.of(snapshot, name)
    return explained(stage.layer).input_gradient_terms(stage, place, value)


def terms_of(snapshot: Snapshot, place: Place, back: bool) -> Terms:
    """Return what the value at ``place`` is made of, or with ``back`` the gradient by it."""
    return backward_terms(snapshot, place) if back else forward_terms(snapshot, place)


def _logit(snapshot: Snapshot, place: Cell) -> Terms:
    trace, (digit,) = snapshot.trace, place.index
    is_target = digit == trace.target
    return Terms(
        place,
        gradient_at(snapshot, place),
        Operation.SUM,
        (single("probability", trace.probabilities[digit], Probability(digit)),),
        f"the probability, less 1 for the {trace.target} that it should be",
        single("\u2212 target", -1.0 if is_target else 0.0),
    )
