"""Two minutes of training with the window."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.timeout(300)
def test_that_two_minutes_of_training_leave_nothing_behind_and_the_window_as_quick_as_it_was():
    result = subprocess.run(
        [sys.executable, "-m", "tests.endurance.soak", "--seconds", "120"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
