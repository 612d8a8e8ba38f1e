"""A shorter form of the kill loop, and whether it finds what it looks for."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are copied, which only Unix does")

# Each breaks the program in one way before the loop begins.
BROKEN = {
    "files written in place": (
        """
import cnnviz.atomic
def write_in_place(path, write):
    with open(path, "wb", buffering=0) as stream:
        write(stream)
cnnviz.atomic.write_atomically = write_in_place
""",
        "cannot be read|neither the old one nor a new one",
    ),
    "moments forgotten": (
        """
import cnnviz.training.learner as learner
learner.Learner.resume = lambda self, step, moments, generators: setattr(self, "step", step)
""",
        "a step was not that of the run never left",
    ),
    "what was saved is deleted": (
        """
import cnnviz.training.runs as runs
runs.GENERATIONS = 0
""",
        "is kept|no run is found",
    ),
    "what killed writers left stays": (
        """
import cnnviz.training.runs as runs
runs._remove = lambda *_: None
""",
        "what killed writers left is still there",
    ),
}


def kill(count: int, *, broken: str = "") -> subprocess.CompletedProcess[str]:
    code = f"{broken}\nimport sys\nfrom tests.endurance.kill import main\nsys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-c", code, "--count", str(count)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=110,
    )


def test_that_two_hundred_kills_leave_every_file_old_or_new_and_a_run_that_goes_on_to_the_bit():
    outcome = kill(200)
    print(outcome.stdout)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "200 kills, 0 faults\n" in outcome.stdout
    hits = dict(re.findall(r"^training +(\w.*?) +(\d+)$", outcome.stdout, re.MULTILINE))
    assert {"writing a checkpoint", "waiting for the disk"} <= hits.keys()
    assert re.search(r"^exporting ", outcome.stdout, re.MULTILINE)


@pytest.mark.parametrize("how", BROKEN)
def test_that_the_loop_finds(how):
    broken, fault = BROKEN[how]
    outcome = kill(40, broken=broken)
    assert outcome.returncode == 1, outcome.stdout + outcome.stderr
    assert re.search(fault, outcome.stdout), outcome.stdout
