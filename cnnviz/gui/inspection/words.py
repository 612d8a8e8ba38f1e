"""A number in words, as heading and status bar say it."""

from cnnviz.explain.places import Place, Probability, gradient_at, value_at
from cnnviz.gui.tiles import number
from cnnviz.training.snapshot import Snapshot


def in_words(snapshot: Snapshot, place: Place) -> str:
    """Return the name of the number at ``place``, its value, and the gradient of the cost by it."""
    text = f"{place}: {number(value_at(snapshot, place))}"
    if isinstance(place, Probability):
        return text
    return f"{text}   gradient {number(gradient_at(snapshot, place))}"
