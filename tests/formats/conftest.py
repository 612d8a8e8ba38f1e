import tracemalloc
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

from cnnviz.data.preprocessing import Normalization
from cnnviz.formats import SavedParameters

SHAPES = {
    "zhou": {"conv1/weight": (8, 1, 3, 3), "dense1/weight": (10, 1352), "dense1/bias": (10,)},
    "escontrela": {
        "conv1/weight": (8, 1, 5, 5),
        "conv1/bias": (8,),
        "conv2/weight": (8, 8, 5, 5),
        "conv2/bias": (8,),
        "dense1/weight": (128, 800),
        "dense1/bias": (128,),
        "dense2/weight": (10, 128),
        "dense2/bias": (10,),
    },
}


def arrays_for(architecture):
    """Parameters over the whole range of float32, subnormals included."""
    rng = np.random.default_rng(5)
    arrays = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in SHAPES[architecture].items()}
    arrays["conv1/weight"].flat[:4] = [np.finfo(np.float32).max, -np.finfo(np.float32).tiny, 1e-45, -0.0]
    return arrays


@pytest.fixture(scope="session")
def shapes():
    return SHAPES


@pytest.fixture(scope="session")
def zhou():
    facts = {"preset": "zhou", "dataset": "mnist", "seed": 3, "epochs": 3}
    return SavedParameters("zhou", arrays_for("zhou"), Normalization(127.5, 255), training=facts)


@pytest.fixture(scope="session")
def escontrela():
    return SavedParameters("escontrela", arrays_for("escontrela"), Normalization(33, 78))


@pytest.fixture(scope="session")
def assert_equal_parameters():
    def check(found, expected):
        assert found.architecture == expected.architecture
        assert list(found.parameters) == list(expected.parameters)
        for name, values in expected.parameters.items():
            assert found.parameters[name].dtype == np.float32
            assert found.parameters[name].flags.c_contiguous
            assert found.parameters[name].flags.writeable
            assert found.parameters[name].tobytes() == values.tobytes(), name

    return check


@pytest.fixture
def peak_memory():
    """A context whose ``bytes`` is, once left, the memory that was taken at most."""

    @contextmanager
    def measure():
        peak = SimpleNamespace(bytes=0)
        tracemalloc.start()
        try:
            yield peak
        finally:
            peak.bytes = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()

    return measure
