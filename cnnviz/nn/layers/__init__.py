"""The layers. To add one: a file here, and a line in ``LAYERS``.

The window tells of every layer where its numbers come from: that is a file and a line in ``cnnviz.explain.layers``.
"""

from cnnviz.nn.layers.conv2d import Conv2D
from cnnviz.nn.layers.dense import Dense
from cnnviz.nn.layers.dropout import Dropout
from cnnviz.nn.layers.flatten import Flatten
from cnnviz.nn.layers.layer import Layer
from cnnviz.nn.layers.maxpool2d import TIES, MaxPool2D
from cnnviz.nn.layers.relu import ReLU

LAYERS = (
    Conv2D,
    ReLU,
    MaxPool2D,
    Flatten,
    Dense,
    Dropout,
)

__all__ = ["LAYERS", "TIES", "Conv2D", "Dense", "Dropout", "Flatten", "Layer", "MaxPool2D", "ReLU"]
