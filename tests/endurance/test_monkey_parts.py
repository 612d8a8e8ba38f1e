"""The monkey's instruments: they tell of what they are there for, and of nothing else."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # importlib mode leaves it off the path

from PySide6.QtCore import QCoreApplication, QtMsgType, qWarning  # noqa: E402
from PySide6.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget  # noqa: E402

from tests.endurance import audit, monkey_watch, soak_run  # noqa: E402
from tests.endurance.measures import slope, table  # noqa: E402
from tests.endurance.monkey_events import click, is_alive  # noqa: E402
from tests.endurance.monkey_watch import Watch  # noqa: E402


@pytest.fixture
def application() -> QApplication:
    return QApplication.instance() or QApplication(["monkey"])


@pytest.fixture
def watch(application: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    monkeypatch.setattr(monkey_watch, "HANG_SECONDS", 0.3)
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    listeners = list(logging.getLogger().handlers)
    watch = Watch(lambda _: None, lambda: "a click")
    watch.begin()
    yield watch
    watch.end()
    watch.leave()
    logging.getLogger().handlers[:] = listeners


def go_on(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QCoreApplication.processEvents()
        time.sleep(0.005)


def test_that_a_window_that_does_not_answer_is_told_of_with_what_was_being_done(watch, capfd):
    go_on(0.1)
    assert watch.faults == []
    time.sleep(0.6)
    go_on(0.1)
    (fault,) = watch.faults
    assert fault.startswith("the window did not answer for 0.")
    assert fault.endswith("(during: a click)")
    assert "test_that_a_window_that_does_not_answer" in capfd.readouterr().err  # the stack, while it hung


def test_that_exceptions_errors_in_the_log_and_warnings_of_qt_are_told_of(watch):
    sys.excepthook(ValueError, ValueError("no"), None)
    logging.getLogger("cnnviz").error("unexpected fault")
    logging.getLogger("cnnviz").warning("the disk is full")
    qWarning("a timer of another thread")
    watch.hear("training stopped by an unexpected fault: KeyError")
    watch.hear("the file is damaged")
    told = [fault.removesuffix(" (during: a click)") for fault in watch.faults]
    assert told == [
        "ValueError: no",
        "logged: unexpected fault",
        "Qt says: a timer of another thread",
        "training stopped by an unexpected fault: KeyError",
    ]


def test_that_what_the_platform_says_of_itself_is_no_fault(watch):
    watch._hear_qt(QtMsgType.QtWarningMsg, None, "This plugin does not support raise()")
    assert watch.faults == []


def test_that_writing_outside_the_folders_is_told_of_in_every_process(tmp_path):
    allowed, report = tmp_path / "allowed", tmp_path / "report"
    allowed.mkdir()
    audit.arrange(tmp_path / "start", report, allowed)
    code = f"""
import os, pathlib, subprocess, sys
pathlib.Path({str(allowed / "mine")!r}).write_text("x")
pathlib.Path({str(tmp_path / "start" / audit.AT_START)!r}).read_text()
open("/dev/null", "w").close()
if len(sys.argv) == 1:
    pathlib.Path({str(tmp_path / "foreign")!r}).write_text("x")
    subprocess.check_call([sys.executable, __file__, "again"])
else:
    os.mkdir({str(tmp_path / "made")!r})
    os.replace({str(allowed / "mine")!r}, {str(tmp_path / "moved")!r})
"""
    script = tmp_path / "script.py"
    script.write_text(code)
    path = os.pathsep.join([str(tmp_path / "start"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.check_call([sys.executable, str(script)], env=environment, cwd=allowed)
    told = [f"{event} {tmp_path / name}" for event, name in (("open", "foreign"), ("os.mkdir", "made"))]
    assert report.read_text().splitlines() == [*told, f"os.rename {tmp_path / 'moved'}"]


def test_that_a_button_that_closes_its_window_can_be_clicked(application):
    window = QWidget()
    button = QPushButton("Close")
    QVBoxLayout(window).addWidget(button)
    button.clicked.connect(window.deleteLater)
    window.show()
    QCoreApplication.processEvents()
    place = button.mapTo(window, button.rect().center())
    click(window.windowHandle(), place)
    go_on(0.05)
    assert not is_alive(window)


def test_that_a_slope_is_that_of_most_points():
    assert slope([0, 1, 2, 3, 4], [5, 7, 9, 11, 13]) == 2
    assert slope([0, 1, 2, 3, 4, 5, 6], [1, 1, 1, 90, 1, 1, 1]) == 0
    assert slope([3], [1]) == 0


def test_that_a_table_has_a_line_for_each_row_under_its_names():
    assert table([{"a": 1, "bcd": 2.34}, {"a": 10, "bcd": 0.0}]).splitlines() == [" a  bcd", " 1  2.3", "10  0.0"]


def rows(**grown: float) -> list[dict[str, float]]:
    """Return 16 samples, ten seconds apart, at which some figures are so much more each time."""
    names = (*soak_run.SPARE, "zombies", "qobjects", "objects", "window_mb", "worker_mb")
    delays = {"delay_median": 1.0, "delay_p99": 9.0, "delay_longest": 20.0}
    still = {**dict.fromkeys(names, 5), "steps": 100, "digits": 3200, "steps/s": 30.0, **delays}
    return [
        {"seconds": 10 * n, **{name: value + grown.get(name, 0) * n for name, value in still.items()}}
        for n in range(16)
    ]


@pytest.mark.parametrize(
    ("grown", "fault"),
    [
        ({"window_mb": 1.0}, "window_mb grew"),
        ({"worker_mb": 1.0}, "worker_mb grew"),
        ({"threads": 1}, "threads grew"),
        ({"files": 1}, "files grew"),
        ({"zombies": 1}, "zombies grew"),
        ({"timers": 1}, "timers grew"),
        ({"qobjects": 5}, "qobjects grew"),
        ({"objects": 500}, "objects grew"),
        ({"delay_p99": 5.0}, "events became late"),
        ({"delay_longest": 200.0}, "an event was 3020 ms late"),
        ({"steps/s": -2.0}, "training stood still"),
    ],
)
def test_that_a_soak_complains_of_what_grows_or_slows_down(grown, fault):
    (told,) = soak_run._faults_in(rows(**grown))
    assert told.startswith(fault)


def test_that_a_soak_does_not_complain_of_a_history_and_of_digits_that_are_kept():
    assert list(soak_run._faults_in(rows())) == []
    assert list(soak_run._faults_in(rows(window_mb=1.0, steps=10_000))) == []
    assert list(soak_run._faults_in(rows(worker_mb=1.0, digits=1000))) == []
