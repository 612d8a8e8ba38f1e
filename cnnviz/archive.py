"""NumPy archives (.npz) with a JSON entry, and how they are read when they come from anywhere.

An archive is what ``numpy.load(path, allow_pickle=False)`` opens: entries such as "conv1/weight" are arrays, the entry
"cnnviz" holds JSON in UTF-8 as an array of uint8. The same content always gives the same bytes.

``numpy.load`` would follow what an archive says of itself: half a megabyte can unpack to a gigabyte, a header can
declare terabytes, and names can come twice. Here who reads says beforehand how large each entry can rightly be.
"""

import io
import json
import re
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from cnnviz.errors import UserError

METADATA = "cnnviz"
MAX_DIRECTORY_BYTES = 64 * 2**10
MAX_HEADER_BYTES = 4096

# The header of a .npy file, version 1.0 (NumPy Enhancement Proposal 1). NumPy's own reader evaluates it as Python, with
# warnings on the terminal about what is odd in it.
_NPY = re.compile(
    rb"\x93NUMPY\x01\x00(?P<length>..)\{ *'descr': *'(?P<order>[<>|])(?P<kind>\w{1,8})', *"
    rb"'fortran_order': *(?P<fortran>True|False), *'shape': *\((?P<shape>(?:\d{1,12}, *)*(?:\d{1,12})?)\),? *\} *\n",
    re.DOTALL,
)


class ArchiveError(UserError):
    """What was read is not an archive as this program writes them; the text completes a sentence about the file."""


def write_archive(stream: BinaryIO, metadata: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> None:
    """Write ``metadata``, of which JSON can be made, and ``arrays``.

    Stored, not compressed, since trained weights hardly shrink. ValueError for numbers that JSON does not have.
    """
    content = json.dumps(metadata, allow_nan=False).encode()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, values in {METADATA: np.frombuffer(content, np.uint8), **arrays}.items():
            archive.writestr(_member(name), _npy_bytes(values))


@contextmanager
def reading() -> Iterator[None]:
    """Let no exception leave the block but ArchiveError, or what else is a UserError.

    zipfile, zlib, json and NumPy's header parser raise a dozen kinds of exceptions between them, and not all are
    documented.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as fault:
        raise ArchiveError(f"is damaged, or not a file that cnnviz wrote ({_one_line(fault)})") from fault


class Archive:
    """An archive from anywhere, opened for reading; nothing is unpacked before its size is known to be right.

    Every method, and the constructor, may raise ArchiveError, or anything at all for damaged content: use it within
    ``reading``.

    Attributes
    ----------
    names : set of str
        Of all entries but the metadata.
    size : int
        Of the whole archive, in bytes.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.size = _check_directory(stream)
        self._archive = zipfile.ZipFile(stream)
        infos = self._archive.infolist()
        self._members = {info.filename.removesuffix(".npy"): info for info in infos}
        if len(self._members) != len(infos):
            raise ArchiveError("holds two members of one name")
        if sum(info.file_size for info in infos if info.compress_type == zipfile.ZIP_STORED) > self.size:
            raise ArchiveError("holds members that are not all there, or lie in one another")
        if METADATA not in self._members:
            raise ArchiveError(f"holds no entry {METADATA!r}, so it was not written by cnnviz")
        self.names = self._members.keys() - {METADATA}

    def metadata(self, max_bytes: int) -> object:
        """Return what the JSON of at most ``max_bytes`` says."""
        return json.loads(self.array(METADATA, ("u1",), max_bytes).tobytes())

    def array(self, name: str, kinds: Iterable[str], max_bytes: int) -> np.ndarray:
        """Return the array of that name, read-only, of at most ``max_bytes`` and of one of ``kinds``, such as "f4".

        In which order its bytes come does not matter.
        """
        return _parse_npy(self._unpack(self._members[name], max_bytes), tuple(kinds))

    def _unpack(self, info: zipfile.ZipInfo, max_bytes: int) -> bytes:
        """Return one member, a .npy file of at most ``max_bytes`` of data."""
        name = info.filename[:60]
        if info.file_size > max_bytes + MAX_HEADER_BYTES:
            raise ArchiveError(f"member {name!r} is larger than it can rightly be")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ArchiveError(f"member {name!r} is packed in a way that NumPy does not use")
        with self._archive.open(info) as member:
            return member.read(info.file_size)  # read() without a size would unpack whatever there is


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system = 3  # otherwise Windows would write other bytes
    return info


def _npy_bytes(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    npy.write_array(buffer, values, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def _check_directory(stream: BinaryIO) -> int:
    """Bound the archive's directory, which ``ZipFile`` reads whole, before it is read; return the archive's size.

    The record that ends it is described in the zip specification, 4.3.16.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, size - 42))
    tail = stream.read(42)
    end_record, zip64_locator = tail[-22:], tail
    if not end_record.startswith(b"PK\5\6") or zip64_locator.startswith(b"PK\6\7"):
        raise ArchiveError("not a NumPy archive, or not all of it is there")
    (directory_bytes,) = struct.unpack_from("<I", end_record, 12)
    if directory_bytes > MAX_DIRECTORY_BYTES:
        raise ArchiveError("is not a file that cnnviz wrote: it has too many members")
    return size


def _parse_npy(content: bytes, kinds: tuple[str, ...]) -> np.ndarray:
    """Return a view of the array in ``content``, whose dtype but for the order of bytes must be one of ``kinds``."""
    match = _NPY.match(content)
    if match is None or match.end() != 10 + int.from_bytes(match["length"], "little"):
        raise ArchiveError("holds an array that is not written as NumPy writes arrays of numbers")
    if (kind := match["kind"].decode()) not in kinds:
        raise ArchiveError(f"holds an array of {kind!r}, expected {' or '.join(kinds)}")
    shape = tuple(map(int, re.findall(rb"\d+", match["shape"])))
    # Over bytes that are there already: a header that declares more than them cannot make NumPy allocate it.
    values = np.frombuffer(memoryview(content)[match.end() :], match["order"].decode() + kind)
    return values.reshape(shape, order="F" if match["fortran"] == b"True" else "C")


def _one_line(fault: Exception) -> str:
    return " ".join(str(fault).split())[:120] or type(fault).__name__
