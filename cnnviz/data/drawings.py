"""Drawings in a JSON file: ``[{"label": 4, "strokes": [[[x, y], ...], ...]}, ...]``, labels optional.

Such files come from anywhere, so every part is looked at before it is used.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnviz.errors import UserError

MAX_FILE_BYTES = 256 * 2**20
EXPECTED = '[{"label": 4, "strokes": [[[x, y], ...], ...]}, ...]'


class DrawingsError(UserError):
    """A file of pen strokes that cannot be read."""


@dataclass(frozen=True)
class Drawing:
    """One drawing: the strokes, each of shape (n, 2), x to the right and y down, and the digit meant, if told."""

    strokes: list[np.ndarray]
    label: int | None


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
    if not isinstance(item, dict) or not item.keys() <= {"label", "strokes"} or "strokes" not in item:
        raise DrawingsError(f'expected an object with "strokes" and perhaps "label", found {_kind(item)}')
    label, strokes = item.get("label"), item["strokes"]
    if label is not None and (type(label) is not int or not 0 <= label <= 9):
        raise DrawingsError(f"expected a label from 0 to 9, found {_kind(label)}")
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


def _is_coordinate(value: object) -> bool:
    try:
        return type(value) in (int, float) and math.isfinite(value)
    except OverflowError:  # an integer beyond what a float can be
        return False


def _kind(value: object) -> str:
    """Return the beginning of a value as JSON, to show in one line what was found."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
