"""Every writer on a disk that is really full, read-only or closed to it; for a process of its own.

    python -m tests.real_disks limit|permission|full|read-only FOLDER

``full`` and ``read-only`` need a FOLDER that is a small file system of its own: it is filled, or mounted anew.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.writers import WRITERS, Writer

LEAST_BYTES = 5  # of a file that nobody may exceed


def main(kind: str, folder: Path) -> None:
    """Let every writer meet a fault of this kind; AssertionError where it does not hold out."""
    refuge = tempfile.mkdtemp()
    os.chdir(refuge)  # to where parameters are rescued
    os.environ["HOME"] = refuge
    for number, writer in enumerate(WRITERS):
        for is_new in (False, True) if writer.file else (True,):
            place = folder / f"{number}-{is_new:d}"
            place.mkdir()
            if not is_new:
                writer.prepare(place / writer.file)
    cause = KINDS[kind](folder)
    for number, writer in enumerate(WRITERS):
        for is_new in (False, True) if writer.file else (True,):
            place = folder / f"{number}-{is_new:d}"
            _check(writer, place, cause)
            print(f"{writer.name}: {'no' if is_new else 'the old'} file is left")


def _check(writer: Writer, place: Path, cause: str) -> None:
    before = _contents(place)
    told = writer.write(place / writer.file)
    assert told is not None, f"{writer.name}: nothing was told"
    assert len(told.splitlines()) == 1, told
    assert str(place / writer.file) in told, told
    assert cause in told, told
    assert _contents(place) == before, f"{writer.name}: {list(_contents(place))}"


def _contents(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in place.iterdir() if path.suffix != ".lock"}


def _limit(folder: Path) -> str:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (LEAST_BYTES, LEAST_BYTES))
    return "the file would be larger than is permitted"


def _permission(folder: Path) -> str:
    """Close folders in which there is a file or none; of the other half of the old files only the file itself."""
    for place in folder.iterdir():
        files = list(place.iterdir())
        for file in files:
            file.chmod(0o400)
        if not files or int(place.name.partition("-")[0]) % 2:
            place.chmod(0o500)
    if os.access(next(folder.glob("*-1")), os.W_OK):
        sys.exit("this user may write everywhere")
    return "writing there is not permitted"


def _full(folder: Path) -> str:
    try:
        with open(folder / "filler", "wb", buffering=0) as filler:
            while filler.write(bytes(4096)):
                pass
    except OSError:
        return "the disk is full"
    raise AssertionError("the disk does not fill up")


def _read_only(folder: Path) -> str:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    return "the disk is read-only"


KINDS: dict[str, Callable[[Path], str]] = {
    "limit": _limit,
    "permission": _permission,
    "full": _full,
    "read-only": _read_only,
}

if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
