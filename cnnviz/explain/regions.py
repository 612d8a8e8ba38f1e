"""Boxes of cells: parts of an array, with a slice for each of its axes."""

from cnnviz.nn.shapes import Shape

Region = tuple[slice, ...]  # of an array: (rows, columns, channels), or (units,), or as many as a parameter has axes


def only(index: tuple[int, ...]) -> Region:
    """Return the box that holds but the cell at ``index``."""
    return tuple(slice(i, i + 1) for i in index)


def whole(shape: Shape) -> Region:
    """Return the box that holds all of an array of ``shape``."""
    return tuple(slice(0, n) for n in shape)
