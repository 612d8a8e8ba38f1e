"""Writing files so that a reader, a crash or a full disk finds the old content or the new, never a mixture."""

import errno
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from cnnviz.errors import UserError

# Where folders cannot be synchronised: Windows, write-only folders, some network and FUSE file systems.
FOLDER_SYNC_UNSUPPORTED = {errno.EACCES, errno.EINVAL, errno.ENOTSUP}

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
    try:
        target, mode = _resolve(path)
        temporary = target.parent / f".cnnviz-{secrets.token_hex(8)}.tmp"
        try:
            _write_through(temporary, write, mode)
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)
    except OSError as fault:
        cause = ADVICE.get(fault.errno) or f"{fault.strerror or fault}; choose another place"
        raise WriteError(f"could not write {os.fspath(path)}: {cause}") from fault


def _resolve(path: str | os.PathLike[str]) -> tuple[Path, int | None]:
    """Return the file that ``path`` stands for, and its permission bits if it exists.

    Only a regular file may be replaced: renaming onto a device such as /dev/null would destroy it.
    """
    target = Path(os.path.realpath(path))
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return target, None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
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
