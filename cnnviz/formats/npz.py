"""cnnviz's own format: a NumPy archive that ``numpy.load(path, allow_pickle=False)`` opens anywhere.

Entries "conv1/weight" and so on hold the parameters; the entry "cnnviz" holds JSON in UTF-8 as an array of uint8. The
same content always gives the same bytes.
"""

import io
import json
import math
import struct
import zipfile

import numpy as np
from numpy.lib import format as npy

from cnnviz.data.preprocessing import Normalization
from cnnviz.formats.saved_parameters import (
    Format,
    FormatError,
    SavedParameters,
    as_float32,
    check_names,
    expected_shapes,
)

FORMAT_VERSION = 1
METADATA = "cnnviz"
MAX_DIRECTORY_BYTES = 64 * 2**10
MAX_METADATA_BYTES = 2**20
MAX_HEADER_BYTES = 4096


def encode(saved: SavedParameters) -> bytes:
    """Return the archive; its members are stored uncompressed, since trained weights hardly shrink."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(_member(METADATA), _npy_bytes(np.frombuffer(_metadata_json(saved), np.uint8)))
        for name, values in saved.parameters.items():
            archive.writestr(_member(name), _npy_bytes(values))
    return buffer.getvalue()


def decode(data: bytes) -> SavedParameters:
    """Read an archive from anywhere; raises FormatError and nothing else.

    ``numpy.load`` would follow what the archive says of itself: half a megabyte can unpack to a gigabyte, a header can
    declare terabytes, and names can come twice. So every size and name is compared with what the architecture needs
    before anything is unpacked.
    """
    try:
        _check_directory(data)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read_archive(archive)
    except FormatError:
        raise
    # zipfile, zlib, json and NumPy's header parser raise a dozen kinds between them, and not all are documented.
    except Exception as fault:
        raise FormatError(f"is damaged, or not a file that cnnviz wrote ({_one_line(fault)})") from fault


NPZ = Format("npz", "NumPy archive", (".npz",), encode, decode)


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system = 3  # otherwise Windows would write other bytes
    return info


def _npy_bytes(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    npy.write_array(buffer, values, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def _metadata_json(saved: SavedParameters) -> bytes:
    metadata = {
        "format": FORMAT_VERSION,
        "architecture": saved.architecture,
        "normalization": vars(saved.normalization),
        "test_normalization": saved.test_normalization and vars(saved.test_normalization),
        "training": saved.training,
    }
    return json.dumps(metadata, allow_nan=False).encode()


def _check_directory(data: bytes) -> None:
    """Bound the archive's directory, which ``ZipFile`` reads whole, before it is read (zip specification, 4.3.16)."""
    end_record, zip64_locator = data[-22:], data[-42:-22]
    if not end_record.startswith(b"PK\5\6") or zip64_locator.startswith(b"PK\6\7"):
        raise FormatError("is not a NumPy archive, or not all of it is there")
    (directory_bytes,) = struct.unpack_from("<I", end_record, 12)
    if directory_bytes > MAX_DIRECTORY_BYTES:
        raise FormatError("is not a parameter file: it has too many members")


def _read_archive(archive: zipfile.ZipFile) -> SavedParameters:
    members = _members(archive)
    if METADATA not in members:
        raise FormatError(f"holds no entry {METADATA!r}, so it was not written by cnnviz")
    content = _unpack(archive, members.pop(METADATA), MAX_METADATA_BYTES)
    metadata = _parse_metadata(_parse_npy(content, ("u1",)).tobytes())
    shapes = expected_shapes(metadata["architecture"])
    check_names(members, shapes)
    contents = {name: _unpack(archive, members[name], 8 * math.prod(shape)) for name, shape in shapes.items()}
    parameters = {name: as_float32(_parse_npy(content, ("f4", "f8"))) for name, content in contents.items()}
    return SavedParameters(parameters=parameters, **metadata)


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    if len(members) != len(archive.infolist()):
        raise FormatError("holds two members of one name")
    return members


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, max_bytes: int) -> bytes:
    """Return one member, a .npy file of at most ``max_bytes`` of data."""
    if info.file_size > max_bytes + MAX_HEADER_BYTES:
        raise FormatError(f"member {info.filename[:60]!r} is larger than it can rightly be")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FormatError(f"member {info.filename[:60]!r} is packed in a way that NumPy does not use")
    with archive.open(info) as member:
        return member.read(info.file_size)  # read() without a size would unpack whatever there is


def _parse_npy(content: bytes, kinds: tuple[str, ...]) -> np.ndarray:
    """Return a view of the array in ``content``, whose dtype but for the order of bytes must be one of ``kinds``."""
    stream = io.BytesIO(content)
    if npy.read_magic(stream) != (1, 0):
        raise FormatError("holds an array in a newer .npy version than numbers need")
    shape, fortran_order, dtype = npy.read_array_header_1_0(stream)
    if dtype.str[1:] not in kinds:
        raise FormatError(f"holds an array of {str(dtype)[:40]!r}, expected {' or '.join(kinds)}")
    # Over bytes that are there already: a header that declares more than them cannot make NumPy allocate it.
    return np.frombuffer(stream.read(), dtype).reshape(shape, order="F" if fortran_order else "C")


def _parse_metadata(content: bytes) -> dict[str, object]:
    """Return the arguments of ``SavedParameters`` other than the parameters."""
    match json.loads(content):
        case {"format": int(version)} if version != FORMAT_VERSION:
            raise FormatError(
                f"is of a format other than {FORMAT_VERSION}, which this cnnviz reads; a newer one may help"
            )
        case {
            "format": int(),
            "architecture": str(architecture),
            "normalization": normalization,
            "test_normalization": test_normalization,
            "training": dict(training),
        }:
            return {
                "architecture": architecture,
                "normalization": _parse_normalization(normalization),
                "test_normalization": None if test_normalization is None else _parse_normalization(test_normalization),
                "training": training,
            }
    raise FormatError(f"the JSON in its entry {METADATA!r} lacks something, or has it in another form")


def _parse_normalization(fields: object) -> Normalization:
    match fields:
        case {"mean": int() | float() as mean, "std": int() | float() as std}:
            return Normalization(mean, std)
    raise FormatError("its normalisation is not a mean and a standard deviation")


def _one_line(fault: Exception) -> str:
    return " ".join(str(fault).split())[:120] or type(fault).__name__
