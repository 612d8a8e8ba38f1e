"""Parameter files: one module a format, chosen by the file's extension.

To add a format, write a module that defines a ``Format`` and name it in ``FORMATS``.
"""

import os
from pathlib import Path

from cnnviz.atomic import write_atomically
from cnnviz.foreign import read_foreign
from cnnviz.formats.npz import NPZ
from cnnviz.formats.params_pkl import PARAMS_PKL
from cnnviz.formats.saved_parameters import Format, FormatError, SavedParameters

__all__ = [
    "FORMATS",
    "Format",
    "FormatError",
    "SavedParameters",
    "encode_parameters",
    "read_parameters",
    "write_parameters",
]

FORMATS: tuple[Format, ...] = (NPZ, PARAMS_PKL)

MAX_FILE_BYTES = 64 * 2**20
"""Some hundred times the largest architecture; whatever is larger is not a parameter file."""


def read_parameters(path: str | os.PathLike[str]) -> SavedParameters:
    """Read a parameter file from anywhere: nothing in it is executed, and damage of any kind raises FormatError."""
    path = Path(path)
    chosen = _format_of(path)
    content = read_foreign(path, f"a parameter file ({chosen.title})", MAX_FILE_BYTES, FormatError)
    try:
        return chosen.decode(content)
    except FormatError as fault:
        raise FormatError(f"{path}: {fault}") from fault


def write_parameters(path: str | os.PathLike[str], saved: SavedParameters) -> None:
    """Write ``saved`` in the format of the extension; on a fault a file already there stays as it is.

    Raises
    ------
    FormatError
        If the format cannot hold these parameters, or the extension is not known.
    WriteError
        If the file cannot be written.
    """
    content = encode_parameters(path, saved)
    write_atomically(path, lambda file: file.write(content))


def encode_parameters(path: str | os.PathLike[str], saved: SavedParameters) -> bytes:
    """Return what `write_parameters` writes into ``path``, which is left alone; FormatError as there."""
    path = Path(path)
    chosen = _format_of(path)
    try:
        return chosen.encode(saved)
    except FormatError as fault:
        raise FormatError(f"{path}: {fault}") from fault


def _format_of(path: Path) -> Format:
    for candidate in FORMATS:
        if path.suffix.lower() in candidate.extensions:
            return candidate
    known = ", ".join(f"{'/'.join(each.extensions)} ({each.title})" for each in FORMATS)
    raise FormatError(f"{path}: extension {path.suffix!r} is not that of a parameter file; known are {known}")
