"""Files of drawings: JSON, ``[{"label": 4, "strokes": [[[x, y], ...], ...]}, ...]``, or UNIPEN; either may be gzipped.

In JSON ``label`` and ``writer``, a number, may be left out; what else a drawing says of itself is passed over. A digit
of which no strokes are known, because it came from a picture, has ``"image"`` in their place: 28 rows of 28 grey
levels, 0 (paper) to 255 (ink), prepared as MNIST's are. Such files come from anywhere, so every part is looked at
before it is used.
"""

import itertools
import json
import math
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from cnnviz.atomic import write_atomically
from cnnviz.data.datasets import Progress
from cnnviz.data.drawing import Drawing, DrawingsError
from cnnviz.data.pen import SIDE
from cnnviz.data.unipen import parse_unipen
from cnnviz.foreign import open_foreign, size_text, unpacked

__all__ = ["Drawing", "DrawingsError", "drawing_line", "read_drawings", "write_drawings", "write_lines"]

MAX_FILE_BYTES = 64 * 2**20
"""Unpacked. 60,000 digits need half of it."""

MOST_DRAWINGS = 100_000
"""Of one file, so that their images fit into memory."""

MOST_STROKES = 1_000_000
"""Of one file; an array for each takes some 150 bytes, however short it is."""

EXPECTED_ITEM = '{"label": 4, "strokes": [[[x, y], ...], ...]}'
EXPECTED = f"a list of drawings in JSON, [{EXPECTED_ITEM}, ...], or UNIPEN"

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_ITEM_LENGTHS = (2**14, 2**18, 2**21)  # characters; nearly every digit is in the first


def read_drawings(path: Path, progress: Progress | None = None) -> list[Drawing]:
    """Return all drawings of a file, at least one; DrawingsError names the item or line and what is wrong with it.

    ``progress`` counts drawings.
    """
    content = _read_bytes(path)
    try:
        return _no_more_than_fit((parse_unipen if content.lstrip()[:1] == b"." else _parse_json)(content), progress)
    except DrawingsError as fault:
        raise DrawingsError(f"{path}: {fault}") from fault


def _read_bytes(path: Path) -> bytes:
    """Return what is in a file, unpacked if it is gzipped; at most `MAX_FILE_BYTES`."""
    with open_foreign(path, "a file of drawings", MAX_FILE_BYTES, DrawingsError) as stream:
        try:
            content = unpacked(stream).read(MAX_FILE_BYTES + 1)
        except zlib.error as fault:
            raise DrawingsError(f"{path}: expected whole gzipped data, found damage: copy the file anew") from fault
    if len(content) > MAX_FILE_BYTES:
        raise DrawingsError(
            f"{path}: unpacked it is larger than {size_text(MAX_FILE_BYTES)}; divide it into smaller files"
        )
    return content


def _no_more_than_fit(drawings: Iterator[Drawing], progress: Progress | None) -> list[Drawing]:
    """Return the drawings, as long as they are not too many for the memory."""
    taken, strokes = [], 0
    for drawing in drawings:
        taken.append(drawing)
        strokes += len(drawing.strokes)
        if progress:
            progress(len(taken), 0)
        if len(taken) > MOST_DRAWINGS or strokes > MOST_STROKES:
            raise DrawingsError(
                f"expected at most {MOST_DRAWINGS:,} drawings with {MOST_STROKES:,} strokes, found more; "
                "divide it into smaller files"
            )
    return taken


def _parse_json(content: bytes) -> Iterator[Drawing]:
    """Yield the drawings one by one: the whole list of a hostile file could take twenty times its size of memory."""
    try:
        text = content.decode(json.detect_encoding(content))
    except UnicodeDecodeError as fault:
        raise DrawingsError(f"expected {EXPECTED}, found bytes that are no text") from fault
    position = _after_space(text, 0)
    if text[position : position + 1] != "[":
        raise DrawingsError(f"expected {EXPECTED}, found {_shown(text[position : position + 60])}")
    if text.startswith("]", _after_space(text, position + 1)):
        raise DrawingsError(f"expected {EXPECTED}, found an empty one")
    for index in itertools.count():
        try:
            item, position = _decode_item(text, _after_space(text, position + 1))
            yield _drawing(item)
            position = _after_space(text, position)
            if text[position : position + 1] not in (",", "]"):
                found = _shown(text[position : position + 60]) or "the end of the file"
                raise DrawingsError(f"expected , or ] after it, found {found}")
        except DrawingsError as fault:
            raise DrawingsError(f"item {index}: {fault}") from fault
        if text[position] == "]":
            break
    if (end := _after_space(text, position + 1)) < len(text):
        raise DrawingsError(f"expected nothing after the list of drawings, found {_shown(text[end : end + 60])}")


def _after_space(text: str, position: int) -> int:
    return _SPACE.match(text, position).end()


def _decode_item(text: str, position: int) -> tuple[object, int]:
    """Return the JSON value at ``position``, and where it ends; of ever longer parts, for no decoder takes a limit."""
    for length in _ITEM_LENGTHS:
        part = text[position : position + length]
        try:
            item, end = _DECODER.raw_decode(part)
        except json.JSONDecodeError as fault:
            reason = f"{fault.msg} at character {fault.pos:,}"
        except ValueError:
            reason = "a number of thousands of digits"
        except RecursionError:
            reason = "lists too deep in one another"
        else:
            return item, position + end
        if position + length >= len(text):
            break
    else:
        reason = f"a longer one, or {reason}"
    raise DrawingsError(
        f"expected {EXPECTED_ITEM} of at most {_ITEM_LENGTHS[-1]:,} characters, found something else: {reason}"
    )


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
    try:
        return _shown(json.dumps(value))
    except RecursionError:
        return "lists too deep in one another"


def _shown(text: str) -> str:
    return text if len(text) < 60 else f"{text[:57]}..."


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
