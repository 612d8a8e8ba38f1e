"""A few moments of the long sweep, and the harness that makes it."""

import signal
from pathlib import Path

import pytest

from tests.endurance import signals
from tests.endurance.signals import COMMANDS, Case, case, silent_proxy, try_out, try_together

WINDOW, TRAINING = COMMANDS[0][0], COMMANDS[1][0]
DOWNLOAD = next(command for command, _ in COMMANDS if command[:2] == ("data", "download"))

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")

MOMENTS = (
    Case(WINDOW, "one signal", signal.SIGINT, 0.2),
    Case(WINDOW, "one signal", signal.SIGHUP, 1.5),
    Case(WINDOW, "kill -9 of the window", signal.SIGTERM, 1.5),
    Case(WINDOW, "kill -9 of the training process", signal.SIGTERM, 1.5),
    Case(TRAINING, "two signals", signal.SIGTERM, 0.7),
    Case(DOWNLOAD, "one signal", signal.SIGTERM, 0.7),
)


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_that_a_signal_at_any_moment_ends_the_program_in_order(moment, tmp_path):
    with silent_proxy() as proxy:
        assert try_out(moment, tmp_path, proxy)[0] is None


def test_that_two_windows_at_once_end_in_order_and_leave_sound_settings(tmp_path):
    assert try_together(2, tmp_path) == []


def test_that_a_sweep_is_the_same_with_the_same_seed_and_covers_every_command():
    assert [case(3, number) for number in range(9)] == [case(3, number) for number in range(9)]
    assert {case(0, number).command for number in range(200)} == {command for command, _ in COMMANDS}


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("import signal, time; signal.signal(signal.SIGTERM, lambda *_: exit(3)); time.sleep(9)", "exit code 3"),
        ("import sys, time; print('Fatal Python error', file=sys.stderr, flush=True); time.sleep(9)", "it says "),
        ("import pathlib, time; pathlib.Path('.cnnviz-1.tmp').touch(); time.sleep(9)", "left .cnnviz-1.tmp"),
        (
            "import subprocess, time; subprocess.Popen(['sleep', '3'], stdout=-3, stderr=-3); time.sleep(9)",
            "1 process left behind",
        ),
        ("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(9)", "still there after "),
    ],
)
def test_that_a_process_that_ends_as_it_must_not_is_found(body, fault, tmp_path, monkeypatch):
    monkeypatch.setattr(signals, "MOST_SECONDS", 1.0)
    monkeypatch.setattr(signals, "ROOT", tmp_path)
    (tmp_path / "main.py").write_text(body)
    found, _ = try_out(Case(("gui",), "one signal", signal.SIGTERM, 0.8), tmp_path, "")
    assert found is not None
    assert found.startswith(fault)
