"""cnnviz's own format: a NumPy archive that ``numpy.load(path, allow_pickle=False)`` opens anywhere.

Entries "conv1/weight" and so on hold the parameters, the entry "cnnviz" what they are parameters of.
"""

import io
import math

from cnnviz.archive import METADATA, Archive, ArchiveError, reading, write_archive
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
MAX_METADATA_BYTES = 2**20


def encode(saved: SavedParameters) -> bytes:
    """Return the archive."""
    metadata = {
        "format": FORMAT_VERSION,
        "architecture": saved.architecture,
        "normalization": vars(saved.normalization),
        "test_normalization": saved.test_normalization and vars(saved.test_normalization),
        "training": saved.training,
    }
    buffer = io.BytesIO()
    write_archive(buffer, metadata, saved.parameters)
    return buffer.getvalue()


def decode(data: bytes) -> SavedParameters:
    """Read an archive from anywhere; raises FormatError and nothing else."""
    try:
        with reading():
            return _read_archive(Archive(io.BytesIO(data)))
    except ArchiveError as fault:
        raise FormatError(str(fault)) from fault


NPZ = Format("npz", "NumPy archive", (".npz",), encode, decode)


def _read_archive(archive: Archive) -> SavedParameters:
    metadata = _parse_metadata(archive.metadata(MAX_METADATA_BYTES))
    shapes = expected_shapes(metadata["architecture"])
    check_names(archive.names, shapes.keys())
    parameters = {
        name: as_float32(archive.array(name, ("f4", "f8"), 8 * math.prod(shape))) for name, shape in shapes.items()
    }
    return SavedParameters(parameters=parameters, **metadata)


def _parse_metadata(metadata: object) -> dict[str, object]:
    """Return the arguments of ``SavedParameters`` other than the parameters."""
    match metadata:
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
