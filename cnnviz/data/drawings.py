"""Files of drawings: JSON, ``[{"label": 4, "strokes": [[[x, y], ...], ...]}, ...]``, or UNIPEN; either may be gzipped.

In JSON ``label`` and ``writer``, a number, may be left out; what else a drawing says of itself is passed over. A digit
of which no strokes are known, because it came from a picture, has ``"image"`` in their place: 28 rows of 28 grey
levels, 0 (paper) to 255 (ink), prepared as MNIST's are. Such files come from anywhere, so every part is looked at
before it is used.
"""

import gzip
import json
import math
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from cnnviz.atomic import write_atomically
from cnnviz.data.drawing import Drawing, DrawingsError
from cnnviz.data.pen import SIDE
from cnnviz.data.unipen import parse_unipen

__all__ = ["Drawing", "DrawingsError", "drawing_line", "read_drawings", "write_drawings", "write_lines"]

MAX_FILE_BYTES = 64 * 2**20
"""Unpacked. 60,000 digits need half of it; JSON takes up to twenty times as much memory as its text."""

MOST_DRAWINGS = 100_000
"""Of one file, so that their images fit into memory."""

EXPECTED = '[{"label": 4, "strokes": [[[x, y], ...], ...]}, ...]'

_GZIP = b"\x1f\x8b"


def read_drawings(path: Path) -> list[Drawing]:
    """Return all drawings of a file, at least one; DrawingsError names the item or line and what is wrong with it."""
    content = _read_bytes(path)
    try:
        drawings = (parse_unipen if content.lstrip()[:1] == b"." else _parse_json)(content)
    except DrawingsError as fault:
        raise DrawingsError(f"{path}: {fault}") from fault
    if len(drawings) > MOST_DRAWINGS:
        raise DrawingsError(
            f"{path}: expected at most {MOST_DRAWINGS:,} drawings, found {len(drawings):,}; "
            "divide it into smaller files"
        )
    return drawings


def _read_bytes(path: Path) -> bytes:
    """Return what is in a file, unpacked if it is gzipped; at most `MAX_FILE_BYTES`."""
    try:
        with open(path, "rb") as stream:
            is_packed = stream.peek(2)[:2] == _GZIP
            with gzip.open(stream) if is_packed else stream as source:
                content = source.read(MAX_FILE_BYTES + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as fault:
        raise DrawingsError(f"{path}: expected whole gzipped data, found damage: copy the file anew") from fault
    except OSError as fault:
        raise DrawingsError(f"{path}: cannot be read: {fault.strerror}; choose another file") from fault
    if len(content) > MAX_FILE_BYTES:
        raise DrawingsError(f"{path}: larger than {MAX_FILE_BYTES // 2**20} MiB; divide it into smaller files")
    return content


def _parse_json(text: bytes) -> list[Drawing]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise DrawingsError(f"expected JSON, {EXPECTED}, or UNIPEN, found something else ({fault})") from fault
    if not isinstance(content, list) or not content:
        raise DrawingsError(f"expected a list of drawings, {EXPECTED}, found {_kind(content)}")
    drawings = []
    for index, item in enumerate(content):
        try:
            drawings.append(_drawing(item))
        except DrawingsError as fault:
            raise DrawingsError(f"item {index}: {fault}") from fault
    return drawings


def _drawing(item: object) -> Drawing:
    if not isinstance(item, dict) or ("strokes" in item) == ("image" in item):
        raise DrawingsError(f'expected an object with "strokes" (or "image") and perhaps "label", found {_kind(item)}')
    label, strokes = item.get("label"), item.get("strokes")
    if label is not None and (type(label) is not int or not 0 <= label <= 9):
        raise DrawingsError(f"expected a label from 0 to 9, found {_kind(label)}")
    if (writer := item.get("writer")) is not None and type(writer) is not int:
        raise DrawingsError(f"expected a number for the writer, found {_kind(writer)}")
    if "image" in item:
        return Drawing([], label, writer, _image(item["image"]))
    if not isinstance(strokes, list) or not strokes:
        raise DrawingsError(f"expected a list of strokes, found {_kind(strokes)}")
    return Drawing([_stroke(stroke) for stroke in strokes], label, writer)


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
    """Write a JSON file that `read_drawings` reads, a line for each drawing; WriteError where that fails."""
    write_lines(path, map(drawing_line, drawings))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write drawings that are lines of the file already; WriteError where that fails."""
    content = "[\n" + ",\n".join(lines) + "\n]\n"
    write_atomically(path, lambda file: file.write(content.encode()))


def drawing_line(drawing: Drawing) -> str:
    """Return one drawing as it stands in the file."""
    content: dict[str, object] = {}
    for name in ("label", "writer"):
        if (number := getattr(drawing, name)) is not None:
            content[name] = number
    if drawing.image is None:
        content["strokes"] = [stroke.tolist() for stroke in drawing.strokes]
    else:
        content["image"] = drawing.image.tolist()
    return json.dumps(content, separators=(",", ":"))
