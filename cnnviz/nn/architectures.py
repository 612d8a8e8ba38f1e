"""The named networks."""

from collections.abc import Callable

from cnnviz.nn.layers import Conv2D, Dense, Dropout, Flatten, MaxPool2D, ReLU
from cnnviz.nn.network import Network


def zhou(ties: str = "first") -> Network:
    """Conv 8@3x3 without bias, max pooling, dense 10 (Zhou, "CNNs", parts 1 and 2)."""
    return Network(
        "zhou",
        {
            "conv1": Conv2D(8, 3, bias=False, initializer="zhou-conv"),
            "pool1": MaxPool2D(2, 2, ties),
            "flatten": Flatten(),
            "dense1": Dense(10, initializer="zhou-dense"),
        },
    )


def escontrela(ties: str = "first") -> Network:
    """Two conv 8@5x5 with ReLU, max pooling, dense 128 with ReLU, dense 10 (Escontrela, "CNNs from the ground up")."""
    return Network(
        "escontrela",
        {
            "conv1": Conv2D(8, 5, initializer="escontrela-conv"),
            "relu1": ReLU(),
            "conv2": Conv2D(8, 5, initializer="escontrela-conv"),
            "relu2": ReLU(),
            "pool1": MaxPool2D(2, 2, ties),
            "flatten": Flatten(),
            "dense1": Dense(128, initializer="escontrela-dense"),
            "relu3": ReLU(),
            "dense2": Dense(10, initializer="escontrela-dense"),
        },
    )


def keras(ties: str = "first") -> Network:
    """Conv 32@3x3 and conv 64@3x3 with ReLU, max pooling, dense 128, dense 10; dropout (Keras' MNIST example)."""
    return Network(
        "keras",
        {
            "conv1": Conv2D(32, 3, initializer="glorot"),
            "relu1": ReLU(),
            "conv2": Conv2D(64, 3, initializer="glorot"),
            "relu2": ReLU(),
            "pool1": MaxPool2D(2, 2, ties),
            "drop1": Dropout(0.25),
            "flatten": Flatten(),
            "dense1": Dense(128),
            "relu3": ReLU(),
            "drop2": Dropout(0.5),
            "dense2": Dense(10),
        },
    )


ARCHITECTURES: dict[str, Callable[..., Network]] = {
    "zhou": zhou,
    "escontrela": escontrela,
    "keras": keras,
}
