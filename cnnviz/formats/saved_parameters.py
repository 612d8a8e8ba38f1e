"""What a parameter file holds, whichever format it is written in."""

import json
from collections.abc import Callable, Set
from dataclasses import dataclass, field

import numpy as np

from cnnviz.data.preprocessing import Normalization
from cnnviz.errors import UserError
from cnnviz.nn import ARCHITECTURES


class FormatError(UserError):
    """A parameter file that cannot be read, or parameters that a format cannot hold."""


@dataclass(frozen=True, eq=False)
class SavedParameters:
    """Trained parameters together with what is needed to use them.

    Attributes
    ----------
    architecture : str
        A name in ``cnnviz.nn.ARCHITECTURES``.
    parameters : dict
        Keyed "conv1/weight"; float32, C-contiguous, finite, in PyTorch's order of axes: convolution (F, C, kh, kw),
        dense (out, in), bias (n,).
    normalization : Normalization
        What the images were normalised by in training.
    test_normalization : Normalization or None
        What the published script scored by, where that was something else.
    training : dict
        Facts that JSON can hold: preset, dataset, seed, epochs, steps and the like.

    Raises
    ------
    FormatError
        If the parameters are not those of the architecture or not all finite, or ``training`` cannot be JSON.
    """

    architecture: str
    parameters: dict[str, np.ndarray]
    normalization: Normalization
    test_normalization: Normalization | None = None
    training: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse parameters that the architecture could not be run with."""
        shapes = expected_shapes(self.architecture)
        check_names(self.parameters.keys(), shapes.keys())
        for name, shape in shapes.items():
            _check_array(name, self.parameters[name], shape)
        _check_json(self.training)


@dataclass(frozen=True)
class Format:
    """A way of writing ``SavedParameters`` as bytes.

    Attributes
    ----------
    name, title : str
        For the command line and for file dialogs.
    extensions : tuple of str
        In lower case, with the dot; the first one is the usual one.
    encode : callable
        From ``SavedParameters`` to bytes; raises FormatError for what the format cannot hold.
    decode : callable
        From bytes of any origin to ``SavedParameters``; raises FormatError and nothing else.
    """

    name: str
    title: str
    extensions: tuple[str, ...]
    encode: Callable[[SavedParameters], bytes]
    decode: Callable[[bytes], SavedParameters]


def expected_shapes(architecture: str) -> dict[str, tuple[int, ...]]:
    """Return the shape of every parameter of the named architecture, or raise FormatError if there is none."""
    if architecture not in ARCHITECTURES:
        raise FormatError(f"unknown architecture {architecture[:40]!r}; known are {', '.join(ARCHITECTURES)}")
    layers = ARCHITECTURES[architecture]().parameter_shapes
    return {f"{layer}/{key}": shape for layer, shapes in layers.items() for key, shape in shapes.items()}


def check_names(found: Set[str], expected: Set[str]) -> None:
    """Raise FormatError unless both are the same, naming one that is missing or one too many."""
    if missing := sorted(expected - found):
        raise FormatError(f"{missing[0]!r} is missing")
    if surplus := sorted(found - expected):
        raise FormatError(f"holds {surplus[0][:60]!r}, which is not expected")


def as_float32(values: np.ndarray) -> np.ndarray:
    """Return a C-contiguous float32 copy; what float32 cannot hold becomes infinite, silently."""
    with np.errstate(all="ignore"):
        return np.array(values, np.float32, order="C")


def _check_array(name: str, values: np.ndarray, shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise FormatError(f"{name} has shape {values.shape}, expected {shape}")
    if values.dtype != np.float32 or not values.flags.c_contiguous:
        raise FormatError(f"{name} is {values.dtype} with strides {values.strides}, expected C-contiguous float32")
    if not np.isfinite(values).all():
        raise FormatError(f"{name} holds values that are not finite in float32; the training has probably diverged")


def _check_json(training: dict[str, object]) -> None:
    try:
        json.dumps(training, allow_nan=False)
    except (TypeError, ValueError) as fault:
        raise FormatError(f"the facts about the training cannot be written as JSON: {fault}") from fault
