"""The network, its gradients and its optimisers, in NumPy alone."""

from cnnviz.nn.architectures import ARCHITECTURES
from cnnviz.nn.layers import LAYERS, TIES, Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D, ReLU
from cnnviz.nn.losses import CrossEntropy, softmax, softmax_cross_entropy
from cnnviz.nn.network import EXAMPLES_AT_A_TIME, BackwardPass, ForwardPass, Network
from cnnviz.nn.optimizers import OPTIMIZERS, SGD, Adam, AmnesicAdam, Momentum, Optimizer, initial_state
from cnnviz.nn.parameters import Parameters
from cnnviz.nn.schedules import SCHEDULES
from cnnviz.nn.workspace import FRESH, Workspace

__all__ = [
    "ARCHITECTURES",
    "EXAMPLES_AT_A_TIME",
    "FRESH",
    "LAYERS",
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "TIES",
    "Adam",
    "AmnesicAdam",
    "BackwardPass",
    "Conv2D",
    "CrossEntropy",
    "Dense",
    "Dropout",
    "Flatten",
    "ForwardPass",
    "Layer",
    "MaxPool2D",
    "Momentum",
    "Network",
    "Optimizer",
    "Parameters",
    "ReLU",
    "Workspace",
    "initial_state",
    "softmax",
    "softmax_cross_entropy",
]
