"""``params.pkl``, the file of A. Escontrela's "Convolutional Neural Networks from the ground up" (2018).

His repository pickles ``[params, cost]``, the article prints a version that pickles ``params`` alone, where ``params``
is ``[f1, f2, w3, w4, b1, b2, b3, b4]`` and ``cost`` the list of every batch's cost. Both are read.

Written is ``[params, cost]``, with no costs: ``params, cost = pickle.load(...)`` is what his ``measure_performance.py``
does, which the article too tells its readers to run; no published script reads the other.
"""

import pickle

import numpy as np

from cnnviz.data.preprocessing import Normalization
from cnnviz.formats.pickle_reader import PickledArray, read_pickle
from cnnviz.formats.saved_parameters import Format, FormatError, SavedParameters, as_float32, expected_shapes

ARCHITECTURE = "escontrela"

ORDER = (
    "conv1/weight",
    "conv2/weight",
    "dense1/weight",
    "dense2/weight",
    "conv1/bias",
    "conv2/bias",
    "dense1/bias",
    "dense2/bias",
)

NORMALIZATION = Normalization(mean=33, std=78)
"""``int`` of mean and standard deviation of the published training images. The published scripts test with 33 and 79,
the figures of the test images themselves; a file that says nothing of it is scored as it was trained."""


def encode(saved: SavedParameters) -> bytes:
    """Return a pickle of ``[params, []]`` for Python 3 and any NumPy: protocol 3, float64, biases as columns (n, 1)."""
    if saved.architecture != ARCHITECTURE:
        raise FormatError(f"a .pkl file holds the {ARCHITECTURE} network only, not {saved.architecture}; save as .npz")
    if saved.normalization != NORMALIZATION:
        raise FormatError(
            f"a .pkl file says nothing of normalisation, its readers take mean {NORMALIZATION.mean} and std "
            f"{NORMALIZATION.std}, but these parameters need {saved.normalization.mean} and {saved.normalization.std}; "
            "save as .npz"
        )
    arrays = [saved.parameters[name] for name in ORDER]
    params = [values.astype(np.float64).reshape(_pickled_shape(values.shape)) for values in arrays]
    # NumPy 2 still knows the name that NumPy 1 needs; it occurs once, ahead of any data, and is memoised from there.
    return pickle.dumps([params, []], protocol=3).replace(b"numpy._core.multiarray", b"numpy.core.multiarray", 1)


def decode(data: bytes) -> SavedParameters:
    """Read either published form without running anything in it; raises FormatError and nothing else."""
    arrays, training = _published_parts(read_pickle(data))
    shapes = expected_shapes(ARCHITECTURE)
    parameters = {name: _parameter(name, array, shapes[name]) for name, array in zip(ORDER, arrays, strict=True)}
    ordered = {name: parameters[name] for name in shapes}
    return SavedParameters(ARCHITECTURE, ordered, NORMALIZATION, training=training)


PARAMS_PKL = Format("params.pkl", "Escontrela's params.pkl", (".pkl", ".pickle"), encode, decode)


def _published_parts(content: object) -> tuple[list[object], dict[str, object]]:
    """Return the eight arrays in the order of ``ORDER``, and what is known of the training."""
    match content:
        case [[_, _, _, _, _, _, _, _] as arrays, list(cost)] if all(isinstance(each, int | float) for each in cost):
            return arrays, {"steps": len(cost)} if cost else {}
        case [_, _, _, _, _, _, _, _]:
            return content, {}
    raise FormatError("holds neither the list of eight arrays of the published network nor that list with its costs")


def _parameter(name: str, array: object, shape: tuple[int, ...]) -> np.ndarray:
    if not isinstance(array, PickledArray) or array.values is None:
        raise FormatError(f"there is no array where {name} should be")
    if array.values.shape != _pickled_shape(shape):
        raise FormatError(f"{name} has shape {array.values.shape}, expected {_pickled_shape(shape)}")
    return as_float32(array.values).reshape(shape)


def _pickled_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape if len(shape) > 1 else (*shape, 1)
