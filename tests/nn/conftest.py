import sys
from pathlib import Path

import numpy as np
import pytest

# importlib mode leaves this folder off the path; checks, reference and torch_cases are imported from it.
sys.path.append(str(Path(__file__).parent))


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator that gives the same numbers to every test."""
    return np.random.default_rng(20181208)
