"""Powers of ten, in whose units a table of small numbers is short enough to be read."""

import math

import numpy as np

from cnnviz.gui.tiles import largest_magnitude

_SMALL = 0.1  # below which a table is written in units
_RAISED = str.maketrans("-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")


def power_for(values: np.ndarray) -> int:
    """Return the power of ten for a table of ``values``; 0 where they are not that small."""
    largest = largest_magnitude(values)
    return math.floor(math.log10(largest)) if values.size > 1 and 0 < largest < _SMALL else 0


def in_units(power: int) -> str:
    """Return such as ", in 10\u207b\u00b3" for the caption; nothing for a power of 0."""
    return f", in 10{str(power).translate(_RAISED)}" if power else ""
