"""Drawings in a JSON file: ``[{"label": 4, "strokes": [[[x, y], ...], ...]}, ...]``, labels optional.

A digit of which no strokes are known, because it came from a picture, has ``"image"`` in their place: 28 rows of 28
grey levels, 0 (paper) to 255 (ink), prepared as MNIST's are. Such files come from anywhere, so every part is looked at
before it is used.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnviz.atomic import write_atomically
from cnnviz.data.pen import SIDE
from cnnviz.data.preparation import prepare_strokes
from cnnviz.errors import UserError

MAX_FILE_BYTES = 256 * 2**20
EXPECTED = '[{"label": 4, "strokes": [[[x, y], ...], ...]}, ...]'


class DrawingsError(UserError):
    """A file of pen strokes that cannot be read."""


@dataclass(frozen=True)
class Drawing:
    """One drawing.

    Attributes
    ----------
    strokes : list of np.ndarray, each of shape (n, 2)
        x to the right, y down, at any scale; empty where only the image is known.
    label : int or None
        The digit meant, if told.
    image : np.ndarray of uint8, shape (28, 28), or None
        The prepared digit, where it is known in place of strokes.
    """

    strokes: list[np.ndarray]
    label: int | None
    image: np.ndarray | None = None

    def prepared(self, pen_width: float = 2.5) -> np.ndarray:
        """Return the image for the network, uint8 of shape (28, 28); the pen's width in pixels is that of strokes."""
        return prepare_strokes(self.strokes, pen_width) if self.image is None else self.image


def read_drawings(path: Path) -> list[Drawing]:
    """Return all drawings of a file, at least one; DrawingsError names the item and what is wrong with it."""
    content = _read_json(path)
    if not isinstance(content, list) or not content:
        raise DrawingsError(f"{path}: expected a list of drawings, {EXPECTED}, found {_kind(content)}")
    drawings = []
    for index, item in enumerate(content):
        try:
            drawings.append(_drawing(item))
        except DrawingsError as fault:
            raise DrawingsError(f"{path}: item {index}: {fault}") from fault
    return drawings


def _read_json(path: Path) -> object:
    try:
        if path.is_file() and path.stat().st_size > MAX_FILE_BYTES:
            raise DrawingsError(f"{path}: larger than {MAX_FILE_BYTES // 2**20} MiB; divide it into smaller files")
        return json.loads(path.read_bytes())
    except OSError as fault:
        raise DrawingsError(f"{path}: cannot be read: {fault.strerror}") from fault
    except (ValueError, RecursionError) as fault:
        raise DrawingsError(f"{path}: expected JSON, {EXPECTED}, found something else ({fault})") from fault


def _drawing(item: object) -> Drawing:
    if not isinstance(item, dict) or item.keys() - {"label"} not in ({"strokes"}, {"image"}):
        raise DrawingsError(f'expected an object with "strokes" (or "image") and perhaps "label", found {_kind(item)}')
    label, strokes = item.get("label"), item.get("strokes")
    if label is not None and (type(label) is not int or not 0 <= label <= 9):
        raise DrawingsError(f"expected a label from 0 to 9, found {_kind(label)}")
    if "image" in item:
        return Drawing([], label, _image(item["image"]))
    if not isinstance(strokes, list) or not strokes:
        raise DrawingsError(f"expected a list of strokes, found {_kind(strokes)}")
    return Drawing([_stroke(stroke) for stroke in strokes], label)


def _stroke(stroke: object) -> np.ndarray:
    if not isinstance(stroke, list) or not stroke:
        raise DrawingsError(f"expected a stroke, a list of points [x, y], found {_kind(stroke)}")
    for point in stroke:
        if not (isinstance(point, list) and len(point) == 2 and all(map(_is_coordinate, point))):
            raise DrawingsError(f"expected points of two finite numbers, [x, y], found {_kind(point)}")
    return np.array(stroke, dtype=np.float64)


def _image(rows: object) -> np.ndarray:
    if not (isinstance(rows, list) and len(rows) == SIDE and all(map(_is_row, rows))):
        raise DrawingsError(f"expected an image of 28 rows of 28 grey levels from 0 to 255, found {_kind(rows)}")
    image = np.array(rows, dtype=np.uint8)
    if not image.any():
        raise DrawingsError("expected an image with ink, found an empty one")
    return image


def _is_row(row: object) -> bool:
    return isinstance(row, list) and len(row) == SIDE and all(type(v) is int and 0 <= v <= 255 for v in row)


def _is_coordinate(value: object) -> bool:
    try:
        return type(value) in (int, float) and math.isfinite(value)
    except OverflowError:  # an integer beyond what a float can be
        return False


def _kind(value: object) -> str:
    """Return the beginning of a value as JSON, to show in one line what was found."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def write_drawings(path: Path, drawings: Iterable[Drawing]) -> None:
    """Write a file that `read_drawings` reads, a line for each drawing; WriteError where that fails."""
    write_lines(path, map(drawing_line, drawings))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write drawings that are lines of the file already; WriteError where that fails."""
    content = "[\n" + ",\n".join(lines) + "\n]\n"
    write_atomically(path, lambda file: file.write(content.encode()))


def drawing_line(drawing: Drawing) -> str:
    """Return one drawing as it stands in the file."""
    content: dict[str, object] = {} if drawing.label is None else {"label": drawing.label}
    if drawing.image is None:
        content["strokes"] = [stroke.tolist() for stroke in drawing.strokes]
    else:
        content["image"] = drawing.image.tolist()
    return json.dumps(content, separators=(",", ":"))
