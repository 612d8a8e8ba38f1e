"""Taking turns with other processes: the system's own locks on files, which end with the process that holds them."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_POLL_SECONDS = 0.01


@contextmanager
def turn(path: Path, patience: float) -> Iterator[bool]:
    """Wait at most ``patience`` seconds until no other process is at the same place with the same ``path``.

    Yields whether none is; also where no locks can be had, as in a folder that may not be written or in some network
    file systems, for then nothing would ever go on. The file stays, empty: were it deleted, one process could hold a
    file that another one no longer sees.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:
        yield True
        return
    try:
        yield _acquire(descriptor, time.monotonic() + patience)
    finally:
        os.close(descriptor)  # which lets go of the lock


def _acquire(descriptor: int, deadline: float) -> bool:
    while not _try(descriptor):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _try(descriptor: int) -> bool:
    """Return whether the lock is ours now, or there are none."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # what Unix and Windows say where another one has it
        return False
    except OSError:
        return True
    return True
