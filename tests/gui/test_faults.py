import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog

import cnnviz
from cnnviz.errors import UserError
from cnnviz.gui import faults as faults_module
from cnnviz.gui.fault_dialog import FaultDialog
from cnnviz.gui.faults import MOST_FAULTS, Faults
from cnnviz.logs import Crash
from cnnviz.training.autosave import Saved


class Faulty(QObject):
    """Raises in a slot."""

    @Slot()
    def fail(self) -> None:
        raise ZeroDivisionError("in a slot")


def make(window, live, tmp_path, **options) -> Faults:
    logbook = SimpleNamespace(folder=tmp_path, excerpt=lambda: "the log")
    return Faults(live, logbook, window, **options)


@pytest.fixture
def faults(window, live, tmp_path, monkeypatch) -> Iterator[Faults]:
    """Return what takes all exceptions that a test leaves uncaught."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    faults = make(window, live, tmp_path)
    faults.install()
    return faults


def raise_on_a_thread(error: Exception) -> None:
    def fail() -> None:
        raise error

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()


def catch(faults: Faults, error: BaseException) -> None:
    try:
        raise error
    except BaseException as raised:
        faults._catch(type(raised), raised, raised.__traceback__)


def test_that_a_fault_in_a_slot_is_told_and_does_not_disturb_training(faults, live, window, wait_until):
    faulty = Faulty(window)
    live.train()
    QTimer.singleShot(0, faulty.fail)
    wait_until(faults.dialog.isVisible)
    (told,) = faults.dialog.faults
    assert told.headline == "An unexpected fault: ZeroDivisionError: in a slot"
    assert told.comfort == "Training goes on, and nothing is lost. What is shown may be out of date."
    assert 'raise ZeroDivisionError("in a slot")' in told.trace
    assert faults.dialog.report().endswith("Log:\nthe log")
    step = live.snapshot.step
    wait_until(lambda: live.poll() or live.snapshot.step > step)


def test_that_a_fault_on_a_thread_is_told_by_the_windows_thread(faults, wait_until, monkeypatch):
    threads = []
    tell = FaultDialog.tell
    monkeypatch.setattr(FaultDialog, "tell", lambda *a: (threads.append(threading.current_thread()), tell(*a)))
    raise_on_a_thread(KeyError("lost"))
    wait_until(faults.dialog.isVisible)
    assert threads == [threading.main_thread()]
    assert faults.dialog.faults[0].comfort.startswith("Training rests and can go on; nothing is lost.")


def test_that_the_place_in_this_program_is_named(faults, live, wait_until, monkeypatch):
    monkeypatch.setattr("cnnviz.gui.workbench.replace", lambda *args, **changes: 1 / 0)
    try:
        live.set_data_dir(None)
    except ZeroDivisionError as error:
        faults._catch(type(error), error, error.__traceback__)
    wait_until(faults.dialog.isVisible)
    headline = faults.dialog.faults[0].headline
    assert headline.startswith("An unexpected fault in cnnviz/gui/workbench.py, line ")
    assert headline.endswith(": ZeroDivisionError: division by zero")


def test_that_a_flood_of_one_fault_is_told_and_logged_once_and_counted(faults, wait_until, caplog):
    with caplog.at_level(logging.ERROR):
        for number in range(1000):
            catch(faults, ValueError(f"frame {number}"))
        wait_until(faults.dialog.isVisible)
    assert [fault.count for fault in faults.dialog.faults] == [1000]
    assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == [
        "unexpected fault",
        "10 times by now",
        "100 times by now",
        "1,000 times by now",
    ]
    faults.dialog.close()
    catch(faults, ValueError("frame 1001"))
    QTest.qWait(3 * faults_module.PAUSE_MS)
    assert not faults.dialog.isVisible()


def test_that_not_more_kinds_of_faults_are_told_than_anybody_reads(faults, wait_until):
    for number in range(3 * MOST_FAULTS):
        try:
            exec(compile("\n" * number + "raise ValueError", "somewhere", "exec"))
        except ValueError as error:
            faults._catch(type(error), error, error.__traceback__)
    wait_until(faults.dialog.isVisible)
    assert len(faults.dialog.faults) == MOST_FAULTS + 1
    assert faults.dialog.faults[-1].count == 2 * MOST_FAULTS


def test_that_a_fault_of_the_dialog_itself_is_no_endless_loop(faults, wait_until, monkeypatch, caplog):
    told = []

    def fail(dialog, fault):
        told.append(fault)
        raise RuntimeError("no dialog")

    monkeypatch.setattr(FaultDialog, "tell", fail)
    raise_on_a_thread(KeyError("lost"))
    wait_until(lambda: len(told) == 2)
    QTest.qWait(4 * faults_module.PAUSE_MS)
    assert len(told) == 2
    assert "RuntimeError: no dialog" in caplog.text


def test_that_what_a_user_can_do_something_about_is_told_in_the_status_bar(faults, window, wait_until):
    raise_on_a_thread(UserError("the disk is full; free some space"))
    wait_until(lambda: window._notice.text() == "the disk is full; free some space")
    assert not faults.dialog.isVisible()


def test_that_without_a_person_a_fault_is_told_in_the_status_bar(window, live, tmp_path, wait_until):
    faults = make(window, live, tmp_path, quiet=True)
    catch(faults, KeyError("lost"))
    live.faulted.emit("training stopped", "where")
    wait_until(lambda: "KeyError: 'lost'" in window._notice.text())
    assert not faults.dialog.isVisible()


def test_that_a_wish_to_end_is_no_fault(faults, caplog):
    catch(faults, KeyboardInterrupt())
    catch(faults, SystemExit(3))
    assert faults._untold == []
    assert caplog.text == ""


def test_that_a_modal_dialog_is_answered_first(faults, own, window, wait_until):
    modal = own(QDialog(window))
    modal.setModal(True)
    modal.show()
    catch(faults, KeyError("lost"))
    QTest.qWait(3 * faults_module.PAUSE_MS)
    assert not faults.dialog.isVisible()
    modal.close()
    wait_until(faults.dialog.isVisible)


def test_that_a_window_that_is_closed_takes_the_dialog_along_and_opens_no_other(faults, window, wait_until):
    catch(faults, KeyError("first"))
    wait_until(faults.dialog.isVisible)
    window.close()
    assert not faults.dialog.isVisible()
    catch(faults, ValueError("second"))
    QTest.qWait(3 * faults_module.PAUSE_MS)
    assert not faults.dialog.isVisible()


def test_that_a_fault_in_training_is_told_with_what_is_still_there(faults, live, wait_until, monkeypatch):
    monkeypatch.setattr("cnnviz.training.trainer.Trainer.events", lambda *args: 1 / 0)
    live.reset()
    live.train()
    wait_until(lambda: live.poll() or faults.dialog.isVisible())
    (told,) = faults.dialog.faults
    assert told.headline == "Training stopped by an unexpected fault: ZeroDivisionError: division by zero"
    assert told.comfort.endswith("R (Reset) begins anew.")
    assert "ZeroDivisionError: division by zero" in told.trace.splitlines()[-1]
    assert "trainer" in told.trace or "session" in told.trace


def test_that_a_fault_in_a_run_that_was_saved_is_told_with_the_way_back(faults, live, tmp_path, wait_until):
    live._saved = Saved(tmp_path, 1300)
    live.faulted.emit("the training process ended unexpectedly (signal 9); R (Reset) begins anew", "where")
    wait_until(faults.dialog.isVisible)
    assert faults.dialog.faults[0].comfort.endswith("The bar at the top of the window offers to go on from step 1,300.")


def test_that_a_crash_of_the_last_time_is_told(faults, wait_until):
    moment = datetime(2026, 1, 2, 3, 4)
    faults.tell_crashes([Crash("window", moment, "Segmentation fault"), Crash("training", moment, "Aborted")])
    wait_until(faults.dialog.isVisible)
    first, second = faults.dialog.faults
    assert first.headline == "cnnviz crashed the last time (02 Jan, 03:04)"
    assert first.comfort == "Preferences, your digits and all files are as they were last saved."
    assert second.headline == "The training process crashed the last time (02 Jan, 03:04)"
    assert "Segmentation fault" in faults.dialog.details.toPlainText()


# The whole program, in processes of its own

PROGRAM = """
import os, signal, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from cnnviz.gui import app
from cnnviz.gui.fault_dialog import FaultDialog
from cnnviz.gui.main_window import MainWindow

def look():
    dialogs = [each for each in QApplication.topLevelWidgets() if isinstance(each, FaultDialog) and each.isVisible()]
    if what == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if not dialogs:
        QTimer.singleShot(50, look)
        return
    print([fault.headline for dialog in dialogs for fault in dialog.faults], flush=True)
    next(each for each in QApplication.topLevelWidgets() if isinstance(each, MainWindow)).close()

what, start = sys.argv.pop(1), MainWindow.start
MainWindow.start = lambda window: (start(window), QTimer.singleShot(200, look))
from cnnviz.cli import main
sys.exit(main(["gui", "--dataset", "strokes", *sys.argv[1:]]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_that_a_crash_of_the_window_is_told_once_at_the_next_start_with_a_person(tmp_path):
    folders = {f"XDG_{name}_HOME": str(tmp_path / name) for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    environment = {**os.environ, **folders, "PYTHONPATH": str(Path(cnnviz.__file__).parents[1])}

    def run(*arguments: str) -> tuple[int, str, str]:
        command = [sys.executable, "-c", PROGRAM, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout.strip(), done.stderr

    assert run("crash")[:2] == (-signal.SIGSEGV, "")
    picture = ("--screenshot", str(tmp_path / "w.png"), "--after", "0.1")
    code, told, errors = run("close", *picture)
    assert (code, told) == (0, ""), errors
    code, told, errors = run("close")
    assert code == 0, errors
    assert told.startswith("['cnnviz crashed the last time (")
    left = {path.suffix for path in (tmp_path / "STATE" / "cnnviz" / "log").iterdir()}
    assert left == {".log", ".report"}
