import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cnnviz import locks
from cnnviz.locks import turn

ROOT = Path(__file__).resolve().parents[1]

HOLD = """
import sys
from pathlib import Path
from cnnviz.locks import turn
with turn(Path(sys.argv[1]), 0):
    print("held", flush=True)
    input()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.lock"


@pytest.fixture
def holder(path):
    """Return another process that has its turn."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout.readline().strip() == b"held"
    yield process
    process.kill()
    process.communicate()


def test_that_the_turn_of_another_process_is_waited_for_as_long_as_patience_lasts(path, holder):
    began = time.monotonic()
    with turn(path, 0.1) as is_ours:
        assert not is_ours
    assert time.monotonic() - began >= 0.1
    threading.Timer(0.1, holder.kill).start()
    with turn(path, 20) as is_ours:
        assert is_ours


def test_that_turns_in_one_process_exclude_each_other_too_and_end(path):
    for _ in range(2):
        with turn(path, 0) as first, turn(path, 0) as second:
            assert (first, second) == (True, False)


def test_that_where_no_lock_can_be_had_nothing_is_waited_for(path, monkeypatch):
    with turn(path / "no" / "folder", 20) as is_ours:
        assert is_ours

    def fail(*_):
        raise OSError(38, "Function not implemented")

    if sys.platform != "win32":
        monkeypatch.setattr(locks.fcntl, "flock", fail)
        with turn(path, 20) as is_ours:
            assert is_ours
