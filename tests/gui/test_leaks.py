"""The guard against leaks is itself tested: a test that leaves something behind must fail."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

LEAKY = """
import subprocess
import sys

from PySide6.QtCore import QThread, QTimer
from PySide6.QtWidgets import QWidget

kept = []


def test_timer(qapp):
    timer = QTimer(qapp)
    timer.start(1000)
    kept.append(timer)


def test_thread(qapp):
    kept[0].stop()
    thread = QThread(qapp)
    thread.start()
    kept.append(thread)


def test_window(qapp):
    kept[1].quit()
    kept[1].wait()
    window = QWidget()
    window.show()
    kept.append(window)


def test_process(qapp):
    kept[2].close()
    kept.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))


def test_clean(qapp):
    kept[3].communicate()
"""


def test_that_a_timer_a_thread_a_window_and_a_process_left_alive_fail_their_test(tmp_path):
    shutil.copy(HERE / "conftest.py", tmp_path)
    (tmp_path / "test_leaky.py").write_text(LEAKY)
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1]), "QT_QPA_PLATFORM": "offscreen"}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert "5 passed, 4 errors" in run.stdout, run.stdout + run.stderr
    leaks = {"test_timer": "QTimer", "test_thread": "QThread", "test_window": "QWidget", "test_process": "Popen"}
    for test, leak in leaks.items():
        assert f"ERROR at teardown of {test} " in run.stdout
        assert leak in run.stdout
