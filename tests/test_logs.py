"""What is written down, and that a crash is told once; real processes die here."""

import errno
import io
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from cnnviz import __version__, logs
from cnnviz.errors import UserError
from cnnviz.logs import Logbook, discreet, take_crash_of, take_crashes

ROOT = Path(__file__).parents[1]
log = logging.getLogger("cnnviz.tests")

WINDOW = """
import logging, sys
from cnnviz.logs import Logbook
with Logbook("window"):
    logging.getLogger("cnnviz").info("hello")
    print("ready", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Return where the logs of a test are kept, by its own process and by others."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return logs.log_folder()


@pytest.fixture
def logbook(folder) -> Iterator[Logbook]:
    """Return an open logbook."""
    book = Logbook("window")
    yield book
    book.close()


@pytest.fixture
def window(folder) -> Iterator[Callable[[], subprocess.Popen]]:
    """Return a function that starts a process with a logbook."""
    started = []

    def start() -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", WINDOW],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in started:
        with process:
            process.kill()


def written(folder: Path, suffix: str = ".log") -> str:
    return "".join(path.read_text() for path in folder.glob(f"*{suffix}"))


def names(folder: Path, suffix: str) -> list[str]:
    return sorted(path.name for path in folder.glob(f"*{suffix}"))


def dies(process: subprocess.Popen, number: int = signal.SIGSEGV) -> None:
    process.send_signal(number)
    assert process.wait(10) == -number


def grow_old(folder: Path) -> None:
    for path in folder.iterdir():
        os.utime(path, (time.time() - 60,) * 2)


# The log


def test_that_a_log_begins_with_the_versions_and_tells_what_happened(logbook, folder):
    log.info("the window opened")
    logging.getLogger("PIL").info("chatter of others")
    text = written(folder)
    assert text.startswith(f"cnnviz {__version__}\nPython 3.")
    assert "NumPy" in text
    assert "BLAS" in text
    assert "PySide6 6." in text
    assert text.endswith("INFO cnnviz.tests [MainThread] the window opened\n")
    assert logbook.excerpt() == text


def test_that_a_log_does_not_tell_the_name_of_the_home_folder(logbook, folder, monkeypatch):
    monkeypatch.setenv("HOME", "/home/jane.doe")
    log.info("written to /home/jane.doe/digits.npz, /home/jane.doe and '/home/jane.doe/a', not /home/jane.doe2/x")
    try:
        raise OSError("/home/jane.doe/private.png")
    except OSError:
        log.exception("failed")
    text = written(folder)
    assert "written to ~/digits.npz, ~ and '~/a', not /home/jane.doe2/x" in text
    assert "OSError: ~/private.png" in text


@pytest.mark.parametrize("home", ["/", ""])
def test_that_a_home_that_is_no_folder_of_ones_own_is_no_secret(home, monkeypatch):
    monkeypatch.setenv("HOME", home)
    assert discreet("/usr/lib/python3") == "/usr/lib/python3"


def test_that_an_entry_that_quotes_a_lot_is_cut_and_a_log_rotates(logbook, folder, monkeypatch):
    log.error("a drawing: %s end", "0 " * 100_000)
    (entry,) = [line for line in written(folder).split("\n\n")[1:] if "drawing" in line]
    assert len(entry) < logs.RECORD_CHARS + 100
    assert entry.endswith(" end\n")
    for _ in range(100):
        log.error("%s", "x" * logs.RECORD_CHARS)
    paths = list(folder.glob("*.log*"))
    assert len(paths) == 2
    for path in paths:
        assert path.stat().st_size < logs.LOG_BYTES + 1000
        assert path.read_text().startswith(f"cnnviz {__version__}\n")


def test_that_exceptions_nobody_caught_are_logged(logbook, folder):
    thread = threading.Thread(target=lambda: 1 / 0, name="worker")
    thread.start()
    thread.join()
    sys.excepthook(KeyError, KeyError("lost"), None)
    sys.unraisablehook(
        SimpleNamespace(exc_type=ValueError, exc_value=ValueError("late"), exc_traceback=None, err_msg="")
    )
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt("wish"), None)
    text = written(folder)
    assert "[worker] an exception that nobody caught on a thread\nTraceback" in text
    assert "ZeroDivisionError: division by zero" in text
    assert "KeyError: 'lost'" in text
    assert "ValueError: late" in text
    assert "wish" not in text


def test_that_after_its_end_all_is_as_before(folder):
    before = sys.excepthook, threading.excepthook, sys.unraisablehook, logging.getLogger().handlers[:]
    level = logging.getLogger("cnnviz").level
    with Logbook("window"):
        assert sys.excepthook is not before[0]
    assert (sys.excepthook, threading.excepthook, sys.unraisablehook, logging.getLogger().handlers) == before
    assert logging.getLogger("cnnviz").level == level


@pytest.mark.parametrize("obstacle", ["a file", "a file above"])
def test_that_a_folder_that_cannot_be_written_is_named_and_stops_nothing(obstacle, folder, capsys):
    place = folder if obstacle == "a file" else folder.parent
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
    with Logbook("window") as book:
        assert book.complaint.startswith(f"no log can be kept in {folder} (")
        assert "\n" not in book.complaint
        log.warning("still heard")
        assert book.excerpt() == ""
    assert capsys.readouterr().err == "still heard\n"
    assert take_crashes() == []


def test_that_a_full_disk_is_told_once(logbook, monkeypatch, capsys):
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    handler = logbook._handlers[-1]
    with monkeypatch.context() as patch:
        patch.setattr(handler, "stream", Full())
        for _ in range(3):
            log.info("lost")
    log.info("there is room again")
    told = capsys.readouterr().err
    assert told == f"cnnviz: the log {handler.baseFilename} cannot be written: [Errno 28] No space left on device\n"
    assert "room again" in logbook.excerpt()


# Crashes


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_that_a_crash_is_told_once_with_its_trace_and_its_log(window, folder):
    process = window()
    dies(process)
    (crash,) = take_crashes()
    assert crash.role == "window"
    assert crash.report.startswith(f"The window process {process.pid} crashed on ")
    assert "Segmentation fault" in crash.report
    assert 'File "<string>", line ' in crash.report
    assert f"cnnviz {__version__}\n" in crash.report
    assert crash.report.endswith("hello")
    assert take_crashes() == []
    assert written(folder, ".report") == f"{crash.report}\n"
    assert names(folder, ".trace") == []


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_that_the_crash_of_a_given_process_can_be_asked_for(window):
    first, second = window(), window()
    dies(first)
    dies(second, signal.SIGABRT)
    assert "Aborted" in take_crash_of(second.pid).report
    assert take_crash_of(second.pid) is None
    assert [f" {first.pid} " in crash.report for crash in take_crashes()] == [True]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_that_a_process_that_was_killed_has_not_crashed(window, folder):
    dies(window(), signal.SIGKILL)
    assert take_crashes() == []
    assert len(names(folder, ".trace")) == 1  # it could have been made just now, and not be locked yet
    grow_old(folder)
    assert take_crashes() == []
    assert names(folder, ".trace") == []


def test_that_a_process_that_lives_is_left_alone(window, folder):
    process = window()
    (trace,) = folder.glob("*.trace")
    trace.write_text("caught after all")
    grow_old(folder)
    assert take_crashes() == []
    assert trace.exists()
    process.communicate(b"\n", timeout=10)
    assert process.returncode == 0
    assert not trace.exists()
    assert take_crashes() == []
    assert written(folder, ".report") == "caught after all"


def test_that_a_clean_end_leaves_the_log_alone(window, folder):
    window().communicate(b"\n", timeout=10)
    assert [path.suffix for path in folder.iterdir()] == [".log"]


@pytest.mark.parametrize(("error", "is_crash"), [(UserError("no such file"), False), (ZeroDivisionError("x"), True)])
def test_that_an_end_by_an_exception_that_is_no_users_counts_as_a_crash(error, is_crash, folder):
    with pytest.raises(type(error)), Logbook("window"):
        raise error
    assert ["ZeroDivisionError: x" in crash.report for crash in take_crashes()] == [True] * is_crash


# Pruning


def test_that_only_the_files_of_the_latest_processes_are_kept(window, folder, monkeypatch):
    monkeypatch.setattr(logs, "KEPT_PROCESSES", 3)
    process = window()
    living = {path.stem for path in folder.iterdir()}
    (folder / "notes-of-my-own.log").touch()
    for number in range(8):
        for suffix in ("log", "log.1", "report"):
            path = folder / f"window-20260101-00000{number}-77.{suffix}"
            path.touch()
            os.utime(path, (number,) * 2)
    grown = [path for path in folder.iterdir() if path.stem in living]
    for path in grown:
        os.utime(path, (0, 0))
    logs._prune(folder)
    left = {path.name for path in folder.iterdir()}
    ended = {
        f"window-20260101-00000{number}-77.{suffix}" for number in (5, 6, 7) for suffix in ("log", "log.1", "report")
    }
    assert left == ended | {path.name for path in grown} | {"notes-of-my-own.log"}
    process.communicate(b"\n", timeout=10)
