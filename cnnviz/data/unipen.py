"""Digits in UNIPEN text, the format of the UCI pen digits as they were recorded.

Sources: I. Guyon et al., *UNIPEN project of on-line data exchange and recognizer benchmarks*, ICPR 1994; E. Alpaydin,
F. Alimoglu, *Pen-Based Recognition of Handwritten Digits*, UCI 1998. A digit is::

    .SEGMENT DIGIT 0-1 ? "4"
    .COMMENT 4 12  224
    .PEN_DOWN
     267  333
     267  336
    .PEN_UP

The comment is UCI's own: digit, writer, and a running number. y points up. Such files come from anywhere, so every line
is looked at before it is used; keywords that say nothing about the form of a digit are passed over.
"""

import io
import math
import re
from array import array
from collections.abc import Iterator

import numpy as np

from cnnviz.data.drawing import Drawing, DrawingsError

_SEGMENT = re.compile(r'\.SEGMENT\s+DIGIT\s+[\d,:-]+(?:\s+(?:\?|OK|GOOD|BAD|LABELED|\d+))?(?:\s+"(\d)")?\s*')
_DIGIT_AND_WRITER = re.compile(r"\.COMMENT\s+(\d)\s+(\d{1,9})\s+\d+\s*")
_MOST_LINES = 200_000  # of a digit, or before the first; a file without a digit is not read to its end
_MOST_BYTES = 10_000  # of a line
_SHOWN = 60  # characters of a line that is not understood


def parse_unipen(content: bytes) -> Iterator[Drawing]:
    """Yield the digits of a UNIPEN text, at least one; DrawingsError names the line and what is wrong with it."""
    reader = _Reader()
    for number, line in enumerate(io.BytesIO(content), start=1):
        try:
            if len(line) > _MOST_BYTES:
                raise DrawingsError(f"expected at most {_MOST_BYTES:,} characters, found {len(line):,}; leave it out")
            finished = reader.take(line.decode("latin-1").strip())
        except DrawingsError as fault:
            raise DrawingsError(f"line {number}: {fault}") from None
        if finished is not None:
            yield finished
    yield reader.finish()


class _Reader:
    """Takes the lines one after the other."""

    def __init__(self) -> None:
        self._strokes: list[np.ndarray] | None = None  # of the current segment; None: there is none yet
        self._points: array | None = None  # x, y, x, y, ... of the stroke under the pen; None: the pen is up
        self._label: int | None = None
        self._writer: int | None = None
        self._lines = 0  # since the current segment began

    def take(self, line: str) -> Drawing | None:
        """Go on with one line, less the space around it; return the digit that it puts an end to, if any."""
        self._lines += 1
        if self._lines > _MOST_LINES:
            raise DrawingsError(f"expected a digit in at most {_MOST_LINES:,} lines, found more; leave it out")
        if not line.startswith("."):
            if line and self._points is not None:  # a pen in the air leaves no ink
                self._points.extend(_point(line))
        elif line.startswith(".SEGMENT"):
            return self._begin_segment(line)
        elif line.startswith(".PEN_DOWN"):
            self._put_down()
        elif line.startswith(".PEN_UP"):
            self._lift()
        elif match := _DIGIT_AND_WRITER.fullmatch(line):
            self._writer = int(match[2])
        return None

    def finish(self) -> Drawing:
        """Return the last digit; DrawingsError where there is none, or its last stroke has no end."""
        if self._points is not None:
            raise DrawingsError("expected .PEN_UP at the end of the last stroke, found the end of the file")
        last = self._end_segment()
        if last is None:
            raise DrawingsError('expected digits that begin with .SEGMENT DIGIT 0-1 ? "4", found none')
        return last

    def _begin_segment(self, line: str) -> Drawing | None:
        match = _SEGMENT.fullmatch(line)
        if self._points is not None or match is None:
            raise DrawingsError(f'expected .SEGMENT DIGIT 0-1 ? "4" after the end of a stroke, found {_shown(line)}')
        finished = self._end_segment()
        self._strokes = []
        self._label = None if match[1] is None else int(match[1])
        self._writer = None
        self._lines = 0
        return finished

    def _end_segment(self) -> Drawing | None:
        if self._strokes is None:
            return None
        if not self._strokes:
            raise DrawingsError("the digit before has no points between .PEN_DOWN and .PEN_UP")
        return Drawing(self._strokes, self._label, self._writer)

    def _put_down(self) -> None:
        if self._strokes is None or self._points is not None:
            raise DrawingsError("expected .PEN_DOWN after .SEGMENT or .PEN_UP, found it elsewhere")
        self._points = array("d")

    def _lift(self) -> None:
        if self._points is None:
            raise DrawingsError("expected .PEN_UP after .PEN_DOWN, found it elsewhere")
        if self._points:
            stroke = np.array(self._points).reshape(-1, 2)
            stroke[:, 1] *= -1
            self._strokes.append(stroke)
        self._points = None


def _point(line: str) -> tuple[float, float]:
    try:
        x, y = map(float, line.split(None, 2))
    except ValueError:
        x = y = math.nan
    if not (math.isfinite(x) and math.isfinite(y)):
        raise DrawingsError(f"expected a point of two finite numbers, x y, found {_shown(line)}")
    return x, y


def _shown(line: str) -> str:
    return ascii(line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}...")
