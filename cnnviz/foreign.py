"""Opening files that may come from anywhere: nothing is waited for, and no more is read than was agreed.

Every reader of the program goes through here, so that a pipe nobody writes to, a device without an end or a file of
gigabytes is refused at once, in one line, by the error of the reader that was asked.
"""

import errno
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from cnnviz.errors import UserError

_FINDINGS = {
    errno.ENOENT: "no such file; check the name",
    errno.ENOTDIR: "a file where its folder should be; check the name",
    errno.EACCES: "one that may not be read; ask for permission, or choose another",
    errno.EPERM: "one that may not be read; ask for permission, or choose another",
    errno.EISDIR: "a folder; choose a file",
    errno.ELOOP: "a link that leads back to itself; choose the file itself",
    errno.ENAMETOOLONG: "a name that is too long; choose a shorter one",
    errno.EIO: "a disk that cannot be read there; copy the file from elsewhere",
    errno.ESTALE: "a network folder that is gone; connect to it again",
}

_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib's number for: the largest window, with gzip's header and check sum
_MOST_MEMBERS = 10_000  # of a gzip file; tools that write more than one put some 64 KiB into each
_CHUNK_BYTES = 64 * 2**10

_KINDS = (
    (stat.S_ISDIR, _FINDINGS[errno.EISDIR]),
    (stat.S_ISFIFO, "a pipe; write what it gives into a file, and choose that"),
    (stat.S_ISSOCK, "a socket; choose a file"),
)
_DEVICE = "a device; choose a file"


@contextmanager
def open_foreign(
    path: str | os.PathLike[str], expected: str, max_bytes: int, error: type[UserError]
) -> Iterator[BinaryIO]:
    """Open a file for reading; its size is checked, its content is not.

    Parameters
    ----------
    path : path
    expected : str
        What the file should be, such as "a parameter file".
    max_bytes : int
        The size that such a file has at most.
    error : type
        Raised where the file is missing, empty, larger, not a regular file, or not to be read; also for an
        :class:`OSError` while the stream is in use.
    """
    try:
        _check(_status(path), max_bytes)  # asked first, for even to open a device can have consequences
        with open(path, "rb", opener=_without_waiting) as stream:
            _check(os.fstat(stream.fileno()), max_bytes)  # it may have been replaced since
            yield stream
    except _Unsuitable as fault:
        raise error(f"{path}: expected {expected}, found {fault}") from None
    except OSError as fault:
        finding = _FINDINGS.get(fault.errno) or f"it cannot be read ({fault.strerror or fault}); choose another file"
        raise error(f"{path}: expected {expected}, found {finding}") from fault


def read_foreign(path: str | os.PathLike[str], expected: str, max_bytes: int, error: type[UserError]) -> bytes:
    """Return what is in a file; otherwise as `open_foreign`."""
    with open_foreign(path, expected, max_bytes, error) as stream:
        return stream.read(max_bytes)  # it may be growing


def unpacked(stream: BinaryIO) -> BinaryIO:
    """Return the content of a seekable stream, decompressed as it is read if it begins as gzip does.

    It raises :class:`zlib.error` where the packed data are damaged or not all there.
    """
    is_gzip = stream.read(len(_GZIP)) == _GZIP
    stream.seek(0)
    return io.BufferedReader(_Unpacked(stream), _CHUNK_BYTES) if is_gzip else stream


def size_text(count: int) -> str:
    """Return a number of bytes as people say it: "64 MiB"."""
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if count >= 1024**power:
            return f"{count / 1024**power:.3g} {unit}"
    return f"{count:,} bytes"


class _Unsuitable(Exception):  # noqa: N818 - a finding, told by the reader's own error
    """A file was found that is not to be read; the text says what it is, and what to do."""


def _status(path: str | os.PathLike[str]) -> os.stat_result:
    try:
        return os.stat(path)
    except ValueError as fault:
        raise _Unsuitable("a name with a character that no name can have; check the name") from fault


def _check(status: os.stat_result, max_bytes: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _Unsuitable(next((text for is_kind, text in _KINDS if is_kind(status.st_mode)), _DEVICE))
    if status.st_size == 0:
        raise _Unsuitable("an empty file; copy it again")
    if status.st_size > max_bytes:
        raise _Unsuitable(
            f"{status.st_size:,} bytes, more than the {size_text(max_bytes)} that one has at most; choose another file"
        )


def _without_waiting(path: str | os.PathLike[str], flags: int) -> int:
    """Open a file; a pipe that has taken its place in the meantime is not waited for."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))


class _Unpacked(io.RawIOBase):
    """The content of a gzip file; ``gzip`` would take minutes over a header without an end, or a million members."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._members = 0
        self._begin(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        """Fill at least the beginning of ``buffer`` and return how many bytes; 0 at the end."""
        while not self._member.eof or self._begin_next():
            packed = self._rest or self._packed.read(_CHUNK_BYTES)
            content = self._member.decompress(packed, len(buffer))
            self._rest = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if content:
                buffer[: len(content)] = content
                return len(content)
            if not packed and not self._member.eof:
                raise zlib.error("the packed data end too early")
        return 0

    def _begin_next(self) -> bool:
        """Go on to the next member; False where only the zeros are left that some tools fill up a block with."""
        while not (rest := self._rest.lstrip(b"\0")):
            self._rest = self._packed.read(_CHUNK_BYTES)
            if not self._rest:
                return False
        self._begin(rest)
        return True

    def _begin(self, rest: bytes) -> None:
        self._members += 1
        if self._members > _MOST_MEMBERS:
            raise zlib.error(f"more than {_MOST_MEMBERS:,} packed parts")
        self._member = zlib.decompressobj(_GZIP_WINDOW)
        self._rest = rest
