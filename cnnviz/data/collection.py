"""A person's own labelled digits: a small set in a file of drawings, which several windows may share.

What is kept is the strokes, not the picture, so that a later preparation does them justice too; a digit that came from
a picture has only that. The file is one that `cnnviz.data.drawings` reads.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import platformdirs
from filelock import FileLock, Timeout

from cnnviz.atomic import WriteError, make_own_folder, remove, set_aside
from cnnviz.data.datasets import Progress
from cnnviz.data.drawings import MAX_FILE_BYTES, Drawing, DrawingsError, drawing_line, read_drawings, write_lines
from cnnviz.data.mixing import PEN_WIDTHS
from cnnviz.errors import UserError

MOST = 10_000
"""How many digits a collection holds at most."""

PATIENCE_SECONDS = 1.5  # with another window that is changing the file; 10,000 digits take it one second
_POLL_SECONDS = 0.01  # between looks at whether it is through
_MOST_POINTS = 10_000  # of one drawing
_DECIMALS = 4  # of a pad's side; a pixel of the network's input is 0.036
_LEAST_EXTENT = 0.05  # of the pad; smaller strokes come from elsewhere, in another unit
_MARGIN = 0.1  # of the pad, around strokes from elsewhere


class CollectionError(UserError):
    """What was to be added to a person's digits cannot be."""


class Ink:
    """What was written, whatever it means: strokes, or an image where no strokes are known.

    Attributes
    ----------
    drawing : Drawing
        Without a label; strokes in units of a pad's side, 0 to 1.
    key : str
        The same for the same ink.
    """

    def __init__(self, drawing: Drawing) -> None:
        strokes = drawing.strokes if drawing.image is not None else _on_a_pad(drawing.strokes)
        self.drawing = Drawing(strokes, None, image=drawing.image)
        self._line = drawing_line(self.drawing)
        self.key = hashlib.sha256(self._line.encode()).hexdigest()

    @property
    def bytes_in_file(self) -> int:
        """How much of a file `line` takes up, with what parts it from the next."""
        return len(self._line) + len('"label":4,') + len(",\n")

    def line(self, label: int) -> str:
        """Return the ink with what it means as it stands in the file."""
        return f'{{"label":{label},{self._line[1:]}'

    @property
    def is_prepared(self) -> bool:
        """Whether `image` is there already, which takes a moment to be made."""
        return "image" in self.__dict__

    @property
    def is_prepared_for_training(self) -> bool:
        """Whether `training_images` are there already."""
        return "training_images" in self.__dict__

    @cached_property
    def image(self) -> np.ndarray:
        """What the network is given, uint8 of shape (28, 28)."""
        return self.drawing.prepared()

    @cached_property
    def training_images(self) -> np.ndarray:
        """What can be learnt from, uint8 of shape (n, 28, 28): strokes in pens of several widths."""
        if self.drawing.image is not None:
            return self.image[np.newaxis]
        return self.drawing.prepared_with_pens(PEN_WIDTHS)


def _on_a_pad(strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return strokes as a pad has them, 0 to 1, rounded; those in other units are fitted into its middle."""
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    unit = max(np.abs(points).max(), np.finfo(float).tiny)  # differences of huge coordinates would overflow
    extent = (high / unit - low / unit).max()
    if low.min() < 0 or high.max() > 1 or (0 < extent * unit < _LEAST_EXTENT):
        scale = (1 - 2 * _MARGIN) / extent if extent else 0.0
        middle = (low / unit + high / unit) / 2
        strokes = [(stroke / unit - middle) * scale + 0.5 for stroke in strokes]
    return [np.round(stroke, _DECIMALS) + 0.0 for stroke in strokes]  # + 0.0: no negative zeros


class OwnDigit(NamedTuple):
    """Ink, and the digit that its writer meant."""

    label: int
    ink: Ink


Change = dict[str, OwnDigit | None]
"""By the key of their ink: what digits become; None: they go."""


def adding(drawings: Sequence[Drawing], progress: Progress | None = None) -> Change:
    """Return the change that adds drawings; CollectionError names the one that cannot be added, and why."""
    if len(drawings) > MOST:
        raise CollectionError(f"expected at most {MOST:,} digits, found {len(drawings):,}: choose a smaller set")
    change: Change = {}
    for index, drawing in enumerate(drawings):
        if drawing.label is None:
            raise CollectionError(f'item {index}: expected a "label" from 0 to 9, found none: add what digit it is')
        if (points := sum(map(len, drawing.strokes))) > _MOST_POINTS:
            raise CollectionError(
                f"item {index}: expected at most {_MOST_POINTS:,} points, found {points:,}: thin it out"
            )
        if drawing.image is not None and not drawing.image.any():
            raise CollectionError(f"item {index}: expected an image with ink, found an empty one: leave it out")
        if progress:
            progress(index, len(drawings))
        ink = Ink(drawing)
        change.setdefault(ink.key, OwnDigit(drawing.label, ink))
    return change


def collection_path() -> Path:
    """Return where a person's digits are kept."""
    return Path(platformdirs.user_data_dir("cnnviz")) / "my-digits.json"


class Collection:
    """Labelled digits, in memory and in a file.

    Every change is applied to what the file holds at that moment, by one window at a time, so that two of them lose
    nothing of each other's. Where the file cannot be written the digits stay in memory, and are written with a later
    change, or with `save`, if that succeeds.

    Attributes
    ----------
    digits : dict of OwnDigit
        By the key of their ink, in the order in which they came.
    fault : str or None
        What went wrong with the file when it was last read or written, in one line.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Take the file to keep the digits in; None: they are kept in memory alone."""
        self.digits: dict[str, OwnDigit] = {}
        self.fault: str | None = None
        self._path = path
        self._unsaved: Change = {}
        self._stamp: tuple[int, ...] | None = None  # of the file as it was last read or written
        if self._find_stamp() is not None:
            with self._turn():
                self._take_in()

    def apply(self, change: Change) -> Change:
        """Change digits, write the file, and return the change that takes this one back.

        CollectionError where there would be more than `MOST`, or than a file of drawings may hold; nothing is changed
        then.
        """
        self.fault = None
        with self._turn() as is_ours:
            self._take_in()
            digits = _changed(self.digits, change)
            self._check_room(digits)
            inverse = {key: self.digits.get(key) for key in change}
            self.digits = digits
            self._unsaved |= change
            if is_ours:
                self._save()
            else:
                self.fault = f"your digits are kept in memory only: another cnnviz holds {self._path}; close that one"
        return inverse

    def save(self) -> None:
        """Write what could not be written before; where it still cannot be, ``fault`` says why."""
        if self._unsaved:
            self.apply({})

    @contextmanager
    def _turn(self) -> Iterator[bool]:
        """Wait for other windows that are changing the file; yield whether they have let go of it.

        Where no lock can be had, as in a folder that may not be written or in some network file systems, nobody is
        waited for: nothing would ever go on there.
        """
        if self._path is None:
            yield True
            return
        with suppress(WriteError):  # `_save` will tell
            make_own_folder(self._path.parent)
        lock = FileLock(self._path.with_suffix(".lock"))
        try:
            lock.acquire(timeout=PATIENCE_SECONDS, poll_interval=_POLL_SECONDS)
            is_ours = True
        except (OSError, NotImplementedError) as fault:
            is_ours = not isinstance(fault, Timeout)
        try:
            yield is_ours
        finally:
            lock.release()

    def _check_room(self, digits: dict[str, OwnDigit]) -> None:
        """Raise CollectionError where ``digits`` are too many, or too long to be read again, and more than so far."""
        if len(digits) > max(MOST, len(self.digits)):
            raise CollectionError(
                f"expected at most {MOST:,} digits of your own, found {len(digits):,} with these: take some away first"
            )
        size, before = (sum(digit.ink.bytes_in_file for digit in each.values()) for each in (digits, self.digits))
        if size > max(MAX_FILE_BYTES - len("[\n\n]\n"), before):
            raise CollectionError(
                f"expected your digits to fit into {MAX_FILE_BYTES // 2**20} MiB, found {size / 2**20:.0f} MiB with "
                "these: take some away first, or thin out their points"
            )

    def _take_in(self) -> None:
        """Take over what another window has written since."""
        stamp = self._find_stamp()
        if stamp == self._stamp:
            return
        try:
            stored = {} if stamp is None else self._read()
        except DrawingsError as fault:
            self._set_aside(fault)
            return
        self._stamp = stamp
        self.digits = _changed(stored, self._unsaved)

    def _find_stamp(self) -> tuple[int, ...] | None:
        """Return what changes with every writing of the file; None where there is no file."""
        try:
            status = self._path.stat() if self._path else None
        except OSError:
            return None
        return status and (status.st_mtime_ns, status.st_size, status.st_ino)

    def _read(self) -> dict[str, OwnDigit]:
        try:
            change = adding(read_drawings(self._path))
        except CollectionError as fault:
            raise DrawingsError(f"{self._path}: {fault}") from fault
        # What is known already has its images already.
        known = {key: self.digits[key].ink for key in change.keys() & self.digits.keys()}
        return {key: digit._replace(ink=known.get(key, digit.ink)) for key, digit in change.items()}

    def _set_aside(self, fault: DrawingsError) -> None:
        """Give a file that cannot be read another name, so that nothing in it is lost."""
        try:
            if not self._path.is_file():  # nobody's digits, and to open a pipe would take for ever
                raise fault
            with open(self._path, "rb") as stream:
                stream.read(1)  # what is only not readable now is not damaged
            aside = set_aside(self._path)
        except (DrawingsError, OSError, WriteError):
            self.fault = f"your digits are kept in memory only, for their file cannot be read: {fault}"
            return
        self._stamp = None
        self._unsaved = dict(self.digits)
        self.fault = f"the file of your digits was damaged and set aside as {aside}: {fault}"

    def _save(self) -> None:
        """Write all digits; where that cannot be, say so in ``fault`` and go on."""
        if self._path is None or self._find_stamp() != self._stamp:  # not the file that these digits come from
            return
        try:
            if self.digits:
                make_own_folder(self._path.parent)  # once more, to be told what is wrong with it
                write_lines(self._path, (digit.ink.line(digit.label) for digit in self.digits.values()))
            else:
                remove(self._path)
        except WriteError as fault:
            self.fault = f"your digits are kept in memory only: {fault}"
            return
        self._stamp, self._unsaved = self._find_stamp(), {}


def _changed(digits: dict[str, OwnDigit], change: Change) -> dict[str, OwnDigit]:
    return {key: digit for key, digit in (digits | change).items() if digit is not None}
