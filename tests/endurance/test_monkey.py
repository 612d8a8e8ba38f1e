"""The monkey, for some minutes at most, however busy the machine is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.endurance.monkey", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.timeout(400)
def test_that_the_window_survives_whatever_is_done_to_it():
    result = run("--count", "5000", "--seed", "1", "--seconds", "150")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "longest time without an answer" in result.stdout
