"""What the layers have in common whose windows slide over maps: where they lie, in numbers, NumPy and formulas."""


def covered(part: slice, size: int, stride: int, border: int, n: int) -> slice:
    """Return which of ``n`` cells the windows at the positions ``part`` cover, with ``border`` zeros before them."""
    first, end = part.start * stride - border, (part.stop - 1) * stride + size - border
    return slice(min(max(first, 0), n), max(min(end, n), 0))


def positions_over(n: int, size: int, stride: int, count: int) -> range:
    """Return at which of ``count`` positions a window of ``size`` cells covers cell ``n``."""
    first = max(0, -(-(n - size + 1) // stride))
    return range(first, max(first, min(count, n // stride + 1)))


def every(stride: int) -> str:
    """Return the NumPy index of the windows that are ``stride`` apart, among all that there could be."""
    return "" if stride == 1 else f"[::{stride}, ::{stride}]"


def span(start: str, count: int, stride: int) -> str:
    """Return the NumPy slice of ``count`` cells, ``stride`` apart, from the variable ``start`` on."""
    end = f"{start} + {(count - 1) * stride + 1}"
    return f"{start} : {end}" if stride == 1 else f"{start} : {end} : {stride}"


def corner(index: str, stride: int) -> str:
    """Return where the window at position ``index`` begins, in a formula, such as "2i"."""
    return index if stride == 1 else f"{stride}{index}"
