"""What a process writes, makes or removes outside the folders that it was given: a hook for Python's audit events."""

import os
import sys
from pathlib import Path
from typing import Any

_ANYWHERE = ("/dev/", "/proc/")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
_CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod"}

# Python runs a module of this name, where it finds one on its path, in every process at its start.
AT_START = "sitecustomize.py"


def watch_writes(folder: str, report: str) -> None:
    """Append a line to the file ``report`` for whatever this process does to a file outside ``folder``.

    There is no way to take an audit hook away again.
    """

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = bool(flags & _WRITES) if isinstance(flags, int) else bool(set(mode or "r") & set("wax+"))
            paths = [path] if writes else []
        elif event in _CHANGES:
            paths = [each for each in arguments[:2] if isinstance(each, str | bytes | os.PathLike)]
        else:
            return
        for path in paths:
            is_path = isinstance(path, str | bytes | os.PathLike)  # not a descriptor
            if is_path and os.fsdecode(path) != report and not _is_within(os.fsdecode(path), folder):
                descriptor = os.open(report, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
                os.write(descriptor, f"{event} {os.fsdecode(path)}\n".encode(errors="backslashreplace"))
                os.close(descriptor)

    sys.addaudithook(watch)


def arrange(folder: Path, report: Path, allowed: Path) -> None:
    """Make ``folder``, to be put on ``PYTHONPATH``, have every process that starts with it watched."""
    folder.mkdir()
    call = f"watch_writes({str(allowed)!r}, {str(report)!r})"
    (folder / AT_START).write_text(f"from tests.endurance.audit import watch_writes\n\n{call}\n")


def _is_within(path: str, folder: str) -> bool:
    whole = os.path.abspath(path)
    return whole.startswith((f"{folder}{os.sep}", *_ANYWHERE)) or whole == folder
