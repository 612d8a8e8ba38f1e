"""What is there to be read when something went wrong: a log of each process, and the trace of one that crashed.

All of it lies in one folder, the files of a process under one name such as ``window-20260102-030405-678``: ``.log``
and, as it grows, ``.log.1``; ``.trace``, into which `faulthandler` writes when the interpreter dies. A trace is locked
as long as its process lives, and removed by a clean end: one that is left with something in it tells of a crash. Once
that has been told, it is a ``.report``.

Somebody will send these files to strangers. They hold what the program did and where it failed, the home folder as
``~``; no drawing, no environment.
"""

import faulthandler
import logging
import os
import platform
import re
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import metadata
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import platformdirs

from cnnviz import __version__, processor
from cnnviz.atomic import WriteError, write_atomically
from cnnviz.errors import Cancelled, UserError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

log = logging.getLogger(__name__)

LOG_BYTES = 256 * 1024  # of one file; there is one older file beside it
KEPT_PROCESSES = 20  # whose files are kept once they have ended
RECORD_CHARS = 8_000  # of one entry: an exception can quote an array
TRACE_BYTES = 64 * 1024  # of a trace that are read
EXCERPT_CHARS = 4_000  # of a log, in a report
NEWBORN_SECONDS = 10.0  # for a process to lock the trace that it has just made
_LOCKED_BYTE = 1 << 30  # on Windows, where what is locked cannot be read

_FILE = re.compile(r"([a-z]+-\d{8}-\d{6}-\d+)\.(log|log\.1|trace|report)")

Exc = tuple[type[BaseException], BaseException, TracebackType | None]


@dataclass(frozen=True)
class Crash:
    """A process that died.

    Attributes
    ----------
    role : str
        "window" or "training".
    when : datetime
    report : str
        Its trace, and an excerpt of its log.
    """

    role: str
    when: datetime
    report: str


def log_folder() -> Path:
    """Return where all processes of this user keep their logs."""
    return Path(platformdirs.user_log_dir("cnnviz"))


@cache
def facts() -> str:
    """Return the versions that a report begins with, one a line."""
    qt = "none"
    with suppress(metadata.PackageNotFoundError):
        qt = f"PySide6 {metadata.version('PySide6-Essentials')}"
    numpy = f"NumPy {metadata.version('numpy')}, BLAS {processor.blas_library()}"
    python = f"Python {platform.python_version()}, {platform.platform()}, {processor.cores()} cores"
    return "\n".join((f"cnnviz {__version__}", python, numpy, f"Qt: {qt}"))


def discreet(text: str) -> str:
    """Return ``text`` with the home folder, which tells the user's name, as ``~``."""
    home = os.path.expanduser("~").rstrip("/\\")
    return re.sub(rf"{re.escape(home)}(?![\w.-])", "~", text) if home not in ("", "~") else text


def clipped(text: str, most: int) -> str:
    """Return ``text``, or its first quarter and its end, ``most`` characters in all, where it is longer."""
    if len(text) <= most:
        return text
    head = most // 4
    return f"{text[:head]}\n[{len(text) - most:,} characters left out]\n{text[head - most :]}"


class Logbook:
    """The log and the trace of this process; a context manager.

    While it is open, ``logging`` writes into it, and so do exceptions that nobody caught and `faulthandler`. Warnings
    and worse go to stderr too. Where the folder cannot be written there is only stderr.

    Attributes
    ----------
    folder : Path
    complaint : str or None
        Why there is no log, in one line for the user.
    """

    def __init__(self, role: str) -> None:
        """Open the files of this process, whose part in the program is ``role``; prune those of others."""
        self.folder = log_folder()
        self.complaint: str | None = None
        self._path = self.folder / f"{role}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        self._trace: BinaryIO | None = None
        self._handlers: list[logging.Handler] = [logging.lastResort]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._trace = _open_trace(self._path.with_suffix(".trace"))
            self._handlers.append(_LogFile(self._path.with_suffix(".log")))
            _prune(self.folder)
        except OSError as fault:
            cause = fault.strerror or fault
            self.complaint = f"no log can be kept in {self.folder} ({cause}); python main.py doctor shows all folders"
        self._watch()

    def __enter__(self) -> "Logbook":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Close it; an exception that is no user's counts as a crash, and is told at the next start."""
        crashed = isinstance(error, Exception) and not isinstance(error, UserError | Cancelled)
        if crashed:
            log.critical("ended by an unexpected fault", exc_info=error)
            if self._trace is not None:
                with suppress(OSError):
                    self._trace.write("".join(traceback.format_exception(error)).encode(errors="replace"))
        self.close(crashed)

    def close(self, crashed: bool = False) -> None:
        """Write no more, and remove the trace unless the process ``crashed``."""
        self._watch_no_more()
        if self._trace is not None:
            path = self._path.with_suffix(".trace")
            with suppress(OSError):
                self._trace.close()
                if not crashed:
                    # Some systems' faulthandler notes exceptions that were caught after all.
                    path.replace(path.with_suffix(".report")) if path.stat().st_size else path.unlink()
            self._trace = None

    def excerpt(self) -> str:
        """Return how the log begins and ends; empty where there is none."""
        return _excerpt(self._path)

    def _watch(self) -> None:
        self._hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
        sys.excepthook = lambda *exc: _note("an exception that nobody caught", exc)
        threading.excepthook = lambda args: _note(
            "an exception that nobody caught on a thread", (args.exc_type, args.exc_value, args.exc_traceback)
        )
        sys.unraisablehook = lambda args: _note(
            args.err_msg or "an exception that could not be raised",
            (args.exc_type, args.exc_value, args.exc_traceback),
        )
        logger = logging.getLogger("cnnviz")
        self._level = logger.level
        logger.setLevel(logging.INFO)
        for handler in self._handlers:
            logging.getLogger().addHandler(handler)
        _note_deaths(self._trace)

    def _watch_no_more(self) -> None:
        _note_deaths(None)  # which may come while the interpreter ends
        sys.excepthook, threading.excepthook, sys.unraisablehook = self._hooks
        logging.getLogger("cnnviz").setLevel(self._level)
        for handler in self._handlers:
            logging.getLogger().removeHandler(handler)
            handler.close()


def take_crashes() -> list[Crash]:
    """Return the crashes that have not been told yet, newest first; from now on they count as told."""
    with suppress(OSError):
        crashes = [_take_crash(path) for path in log_folder().glob("*.trace")]
        return sorted(filter(None, crashes), key=lambda crash: crash.when, reverse=True)
    return []


def take_crash_of(pid: int) -> Crash | None:
    """Return the crash of a process that has just ended, which counts as told; None where it left no trace."""
    with suppress(OSError):
        found = [_take_crash(path) for path in log_folder().glob(f"*-{pid}.trace")]
        return next(filter(None, found), None)
    return None


class _LogFile(RotatingFileHandler):
    """A log that begins with the facts, bounded in size, and silent where the disk is full."""

    def __init__(self, path: Path) -> None:
        self._is_told = False
        super().__init__(path, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8", errors="backslashreplace")
        self.setFormatter(_Discreet("%(asctime)s %(levelname)s %(name)s [%(threadName)s] %(message)s"))

    def _open(self) -> object:
        stream = super()._open()
        try:
            stream.write(f"{facts()}\n\n")
            stream.flush()
        except OSError:
            with suppress(OSError):
                stream.close()
            raise
        return stream

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Say once that nothing can be written; Python would say it, with a traceback, for each entry."""
        if not self._is_told and sys.stderr is not None:
            print(f"cnnviz: the log {self.baseFilename} cannot be written: {sys.exc_info()[1]}", file=sys.stderr)
        self._is_told = True


class _Discreet(logging.Formatter):
    """Bounded entries that do not tell the home folder."""

    def format(self, record: logging.LogRecord) -> str:
        return clipped(discreet(super().format(record)), RECORD_CHARS)


def _note_deaths(stream: BinaryIO | None) -> None:
    """Have a dying interpreter tell where it was, into a file or (None) on stderr, where there is one."""
    faulthandler.disable()
    with suppress(RuntimeError, AttributeError, OSError, ValueError):
        faulthandler.enable(stream or sys.__stderr__)


def _note(what: str, exc: Exc) -> None:
    """Log an exception, unless it is a wish to end."""
    if not issubclass(exc[0], KeyboardInterrupt | SystemExit):
        log.error("%s", what, exc_info=exc)


def _open_trace(path: Path) -> BinaryIO:
    """Return a new trace, locked where the file system can do that."""
    stream = open(path, "xb", buffering=0)  # noqa: SIM115 - open as long as the process lives
    with suppress(OSError):
        _lock(stream)
    return stream


def _lock(stream: BinaryIO) -> None:
    """Lock a file until it is closed, or its process ends in whatever way; OSError where another one holds it.

    Of `filelock` some versions empty the file that they lock; here that is the trace itself, for the lock of a file
    beside it would be one more to be left behind by a crash.
    """
    if sys.platform == "win32":
        stream.seek(_LOCKED_BYTE)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        stream.seek(0)
    else:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _take_crash(path: Path) -> Crash | None:
    """Make a report of a trace; None, and no more trace, where it is empty. A process that lives is left alone."""
    try:
        with open(path, "r+b") as stream:
            _lock(stream)
            when = os.fstat(stream.fileno()).st_mtime
            trace = stream.read(TRACE_BYTES).decode(errors="replace")
    except OSError:
        return None
    if not trace and time.time() - when < NEWBORN_SECONDS:
        return None
    try:
        if not trace:
            path.unlink()
            return None
        # Of two processes that are here at once only one gets further.
        path.replace(path.with_suffix(".report"))
    except OSError:
        return None
    role, *_, pid = path.stem.split("-")
    moment = datetime.fromtimestamp(when)
    heading = f"The {role} process {pid} crashed on {moment:%Y-%m-%d at %H:%M:%S}"
    report = f"{heading}\n\n{discreet(trace).rstrip()}\n\nIts log:\n{_excerpt(path)}".rstrip()
    with suppress(WriteError):
        write_atomically(path.with_suffix(".report"), lambda file: file.write(f"{report}\n".encode()))
    return Crash(role, moment, report)


def _excerpt(path: Path) -> str:
    """Return how the log of a process begins and ends, whose files are called as ``path``."""
    with suppress(OSError):
        text = path.with_suffix(".log").read_bytes()[: 2 * LOG_BYTES].decode(errors="replace")
        return clipped(text, EXCERPT_CHARS)
    return ""


def _prune(folder: Path) -> None:
    """Remove the files of all processes that have ended but the latest."""
    ended: dict[str, list[Path]] = {}
    for path in folder.iterdir():
        if match := _FILE.fullmatch(path.name):
            ended.setdefault(match[1], []).append(path)
    for name in [name for name in ended if _lives(folder / f"{name}.trace")]:
        del ended[name]
    latest = sorted(ended, key=lambda name: max(_changed(path) for path in ended[name]))
    for name in latest[:-KEPT_PROCESSES]:
        for path in ended[name]:
            path.unlink(missing_ok=True)


def _lives(trace: Path) -> bool:
    """Return whether the process that a trace belongs to may still be at work."""
    try:
        with open(trace, "r+b") as stream:
            _lock(stream)
            status = os.fstat(stream.fileno())
            return not status.st_size and time.time() - status.st_mtime < NEWBORN_SECONDS
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _changed(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0
