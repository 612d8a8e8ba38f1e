"""Writing files so that a reader, a crash or a full disk finds the old content or the new, never a mixture.

Everything that the program writes goes through here; tests/test_every_write.py sees to that.
"""

import errno
import os
import re
import secrets
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

from cnnviz.errors import UserError

# Where folders cannot be synchronised: Windows, write-only folders, some network and FUSE file systems.
FOLDER_SYNC_UNSUPPORTED = {errno.EACCES, errno.EINVAL, errno.ENOTSUP}

TEMPORARY = re.compile(r"\.cnnviz-[0-9a-f]{16}\.tmp")
"""The names of files that writers leave behind when they are killed."""

_ABANDONED_SECONDS = 24 * 3600.0  # no writing takes that long

ADVICE = {
    errno.ENOENT: "the folder does not exist; create it or choose another",
    errno.ENOTDIR: "what should be its folder is a file; choose another folder",
    errno.EACCES: "writing there is not permitted; choose another name or folder",
    errno.EPERM: "writing there is not permitted; choose another name or folder",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.ENOSPC: "the disk is full; free some space or choose another disk",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another disk",
    errno.EFBIG: "the file would be larger than is permitted; choose another disk",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.EISDIR: "it is a folder; choose the name of a file",
}


class WriteError(UserError):
    """A file could not be written.

    What it held before is unchanged, except where only the last step failed, which makes sure that the new content also
    outlives a power cut.
    """


@contextmanager
def telling(deed: str, path: str | os.PathLike[str]) -> Iterator[None]:
    """Tell a fault of the system as a WriteError of one line: what could not be done to ``path``, and why."""
    try:
        yield
    except OSError as fault:
        cause = ADVICE.get(fault.errno) or f"{fault.strerror or fault}; choose another place"
        raise WriteError(f"could not {deed} {os.fspath(path)}: {cause}") from fault


def write_atomically(path: str | os.PathLike[str], write: Callable[[BinaryIO], object]) -> None:
    """Replace the content of a file by what ``write`` puts into the binary stream it is given.

    The stream is a temporary file in the same folder. Once it is complete and on the disk it takes the place of
    ``path``. If anything is raised before, ``path`` is left as it was and the temporary file is gone. The file keeps
    its permission bits; a new one gets those that the umask allows. Of a symbolic link the target is written.

    Raises
    ------
    WriteError
        On any :class:`OSError`, including one raised by ``write``. Other exceptions of ``write`` pass through.
    """
    with telling("write", path):
        target, mode = _resolve(path)
        temporary = target.parent / f".cnnviz-{secrets.token_hex(8)}.tmp"
        try:
            _write_through(temporary, write, mode)
            os.replace(temporary, target)
        except BaseException:
            with suppress(OSError):  # what went wrong before is what is to be told
                os.unlink(temporary)
            raise
        _sync_folder(target.parent)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise the WriteError that writing ``path`` would, before the work that leads to its content; nothing is left."""
    with telling("write", path):
        target, _ = _resolve(path)
        with tempfile.TemporaryFile(dir=target.parent):
            pass


def make_folder(folder: str | os.PathLike[str]) -> None:
    """Make a folder, and those that it lies in, where they are not there yet; WriteError where that fails."""
    with telling("create the folder", folder):
        _check_name(folder)
        try:
            os.makedirs(folder, exist_ok=True)
        except FileExistsError as fault:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from fault


def make_own_folder(folder: str | os.PathLike[str]) -> None:
    """Make a folder of the program's own, and remove what writers that were killed have left in it.

    Only what is older than a day: the younger may belong to a process at work. In folders of the user's nothing is ever
    removed: there a killed writer's file stays.
    """
    make_folder(folder)
    latest = time.time() - _ABANDONED_SECONDS
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if TEMPORARY.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_mtime < latest:
                os.unlink(entry.path)


def set_aside(path: Path, why: str = "damaged") -> Path:
    """Give a file a name beside its own that is not taken, and return that; WriteError where it cannot be."""
    names = (path.with_suffix(f".{why}-{number}{path.suffix}") for number in count(1))
    with telling("set aside", path):
        aside = next(name for name in names if not os.path.lexists(name))
        os.rename(path, aside)
    return aside


def remove(path: Path) -> None:
    """Delete a file that the program made; WriteError where that fails, but not where there is none."""
    with telling("delete", path):
        path.unlink(missing_ok=True)


def _check_name(path: str | os.PathLike[str]) -> None:
    """Raise OSError where the system takes ``path`` for no name at all, which Python tells as a ValueError."""
    try:
        is_name = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        is_name = False
    if not is_name:
        raise OSError(errno.EINVAL, "no file can have that name")


def _resolve(path: str | os.PathLike[str]) -> tuple[Path, int | None]:
    """Return the file that ``path`` stands for, and its permission bits if it exists.

    Only a regular file may be replaced: renaming onto a device such as /dev/null would destroy it.
    """
    _check_name(path)
    target = Path(os.path.realpath(path))
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return target, None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    os.close(os.open(path, os.O_WRONLY))  # raises where it is protected, or its disk is
    return target, stat.S_IMODE(status.st_mode)


def _write_through(path: Path, write: Callable[[BinaryIO], object], mode: int | None) -> None:
    """Write a new file and wait until it is on the disk."""
    with open(path, "xb") as stream:
        if mode is not None:
            os.chmod(path, mode)
        write(stream)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    """Wait until a renaming in ``folder`` is on the disk, where the system offers that."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as fault:
        if fault.errno not in FOLDER_SYNC_UNSUPPORTED:
            raise
        return
    try:
        os.fsync(descriptor)
    except OSError as fault:
        if fault.errno not in FOLDER_SYNC_UNSUPPORTED:
            raise
    finally:
        os.close(descriptor)
