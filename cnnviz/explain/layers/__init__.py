"""All that is said of each layer, a file a layer. To explain another one: a file here, and a line in ``EXPLAINED``."""

from cnnviz.explain.layers.conv2d import ExplainedConv2D
from cnnviz.explain.layers.dense import ExplainedDense
from cnnviz.explain.layers.dropout import ExplainedDropout
from cnnviz.explain.layers.explained import Explained, ExplainedWithParameters
from cnnviz.explain.layers.flatten import ExplainedFlatten
from cnnviz.explain.layers.maxpool2d import ExplainedMaxPool2D
from cnnviz.explain.layers.relu import ExplainedReLU
from cnnviz.nn import Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D, ReLU

EXPLAINED: dict[type[Layer], type[Explained]] = {
    Conv2D: ExplainedConv2D,
    ReLU: ExplainedReLU,
    MaxPool2D: ExplainedMaxPool2D,
    Flatten: ExplainedFlatten,
    Dense: ExplainedDense,
    Dropout: ExplainedDropout,
}

__all__ = ["EXPLAINED", "Explained", "ExplainedWithParameters", "explained"]


def explained(layer: Layer) -> Explained:
    """Return all that is to be said of ``layer``.

    Raises
    ------
    NotImplementedError
        Nobody has explained this kind of layer yet.
    """
    kind = type(layer)
    if kind not in EXPLAINED:
        raise NotImplementedError(
            f"nobody explains {kind.__name__}: derive a class from Explained in a file of cnnviz/explain/layers, "
            "and name it in EXPLAINED there"
        )
    return EXPLAINED[kind](layer)
