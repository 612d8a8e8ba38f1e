"""Shapes of images and windows."""

Shape = tuple[int, ...]


def require_image(layer: str, input_shape: Shape) -> None:
    """Raise ValueError unless ``input_shape`` is (H, W, C)."""
    if len(input_shape) != 3:
        raise ValueError(f"{layer} needs an input of (height, width, channels), got shape {input_shape}")


def window_positions(n: int, f: int, s: int) -> int:
    """Return how many positions a window of ``f`` takes on ``n`` cells at stride ``s``: (n - f) // s + 1."""
    return (n - f) // s + 1
