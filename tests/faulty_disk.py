"""A disk that fails at a chosen moment, and what every writer of the program has to hold out against it.

As SQLite is tested: let the first call that reaches the disk fail, then the second, and so on until the work needs no
more calls. After each fault there has to be the old state or the new one, and one line that says what happened.
"""

import errno
import io
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from cnnviz import atomic

FAULTS = [
    pytest.param((errno.ENOSPC, True), id="full"),
    pytest.param((errno.ENOSPC, False), id="full-for-a-moment"),
    pytest.param((errno.EIO, False), id="broken-for-a-moment"),
]
"""Number of the fault, and whether all later calls fail as well."""

CAUSES = {errno.ENOSPC: "the disk is full; free some space", errno.EIO: "Input/output error; choose another place"}


class FaultyDisk:
    """Stands between `cnnviz.atomic` and the system, and lets a call fail; deleting always succeeds.

    Attributes
    ----------
    calls : list of str
        Those since ``fail_at`` that change the disk.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._failing, self._error, self._for_good = 0, 0, False
        self._act: Callable[[], None] = self._raise

    def install(self, monkeypatch: pytest.MonkeyPatch | None = None) -> None:
        """Take the place of the system, for good where there is nobody to take that back."""
        put = monkeypatch.setattr if monkeypatch else lambda owner, name, value, raising: setattr(owner, name, value)
        put(atomic, "os", _System(self), raising=True)
        put(atomic, "open", self._open, raising=False)

    def fail_at(self, number: int, error: int = errno.ENOSPC, for_good: bool = False) -> None:
        """Let the call of this number fail, the next one being 1; 0: none."""
        self.calls, self._failing, self._error, self._for_good = [], number, error, for_good

    def kill_at(self, number: int) -> None:
        """Let the process be killed at the call of this number."""
        self.fail_at(number)
        self._act = lambda: os.kill(os.getpid(), 9)

    @property
    def has_failed(self) -> bool:
        """Whether as many calls were made as it takes to fail."""
        return 0 < self._failing <= len(self.calls)

    def reached(self, call: str) -> None:
        """Count a call, and fail if it is the one."""
        self.calls.append(call)
        if len(self.calls) == self._failing or (self.has_failed and self._for_good):
            self._act()

    def _raise(self) -> None:
        raise OSError(self._error, os.strerror(self._error))

    def _open(self, path: Path, mode: str) -> io.BufferedWriter:
        assert mode == "xb"
        self.reached("open")
        return io.BufferedWriter(_FaultyFile(path, self))


class _FaultyFile(io.FileIO):
    """A new file of a faulty disk; a write that fails has written a half."""

    def __init__(self, path: Path, disk: FaultyDisk) -> None:
        super().__init__(path, "xb")
        self._disk = disk

    def write(self, content: bytes) -> int:
        try:
            self._disk.reached("write")
        except OSError:
            super().write(bytes(content)[: len(content) // 2])
            raise
        return super().write(content)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._disk.reached("close")


class _System:
    """The module ``os``, but for the calls that reach a faulty disk."""

    def __init__(self, disk: FaultyDisk) -> None:
        self._disk = disk

    def __getattr__(self, name: str) -> object:
        real = getattr(os, name)
        if name not in ("chmod", "fsync", "makedirs", "open", "rename", "replace"):
            return real

        def call(*args: object, **kwargs: object) -> object:
            self._disk.reached(name)
            return real(*args, **kwargs)

        return call


def check_all_faults(
    folder: Path,
    disk: FaultyDisk,
    prepare: Callable[[], object],
    write: Callable[[], str | None],
    target: Path,
    read: Callable[[Path], object],
    fault: tuple[int, bool],
) -> None:
    """Let ``write`` fail at each of its calls in turn, and check what is left of it in ``folder``.

    Parameters
    ----------
    folder : Path
        Holds what ``prepare`` makes and ``write`` changes, and nothing else.
    prepare : callable
        Makes the old state.
    write : callable
        Returns the line in which a fault was told; None where it succeeded.
    target : Path
        What the line has to name.
    read : callable
        Returns what is to be compared of a file.
    fault : tuple
        Of `FAULTS`.
    """
    error, for_good = fault

    def state() -> dict[str, object]:
        files = (path for path in sorted(folder.iterdir()) if path.suffix != ".lock")  # those are empty, and stay
        return {path.name: read(path) for path in files}

    def attempt(number: int) -> tuple[dict[str, object], str | None]:
        disk.fail_at(0)
        for path in folder.iterdir():
            path.unlink()
        prepare()
        before = state()
        disk.fail_at(number, error, for_good)
        told = write()
        assert all("." not in name[:1] for name in state()), "a temporary file stays"
        return before, told

    _, told = attempt(0)
    new = state()
    assert told is None
    for number in count(1):
        before, told = attempt(number)
        if not disk.has_failed:
            break
        assert state() in (before, new), f"neither old nor new after a fault of call {number} of {disk.calls}"
        if told is None:  # it was written nevertheless
            assert state() == new
        else:
            assert len(told.splitlines()) == 1
            assert str(target) in told or f" the folder {target.parent}: " in told
            assert CAUSES[error] in told
    assert state() == new
    assert number > 5, "too few faults for a file to be written to a disk"
    assert {"open", "write"} <= set(disk.calls)
    assert disk.calls.index("fsync") < disk.calls.index("replace"), "it takes its place before it is on the disk"
