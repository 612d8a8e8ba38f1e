import os
import subprocess
import sys
from pathlib import Path

import pytest

from cnnviz.errors import UserError
from tests.endurance import seeds
from tests.endurance.fuzz import fuzz, what_is_wrong_with
from tests.endurance.readers import READERS, Reader

ROOT = Path(__file__).resolve().parents[2]
COUNT = 1000  # files for each reader; 20,000 by hand


@pytest.mark.timeout(300)
def test_that_damaged_files_are_read_or_refused_and_nothing_else():
    command = [sys.executable, "-m", "tests.endurance.fuzz", "--count", str(COUNT), "--seed", "6"]
    environment = {**os.environ, "PYTHONPATH": os.fspath(ROOT), "QT_QPA_PLATFORM": "offscreen"}
    outcome = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert len(outcome.stdout.splitlines()) == 1 + len(READERS)


def careless(read):
    return Reader(
        "careless", ".txt", (UserError,), seeds.unipen, lambda rng, _: rng.randbytes(9), lambda path: read(path)
    )


def refuse(line):
    raise UserError(line)


@pytest.mark.parametrize(
    ("treatment", "fault"),
    [
        (lambda path: 1 / 0, "ZeroDivisionError"),
        (lambda path: refuse("found no digits"), "does not name the file"),
        (lambda path: refuse(f"{path}: ValueError: x"), "speaks of 'Error:'"),
        (lambda path: refuse(f"{path}: {'x' * 400}"), "is longer than 300 characters"),
        (lambda path: os.write(2, b"said something"), "wrote something on stderr"),
        (lambda path: sum(range(10**8)), "took"),
    ],
)
def test_that_another_treatment_of_a_file_is_a_fault_with_the_file_kept(treatment, fault, tmp_path, capfd):
    calls = []

    def read(path):
        calls.append(path)
        if len(calls) > len(seeds.unipen()):
            treatment(path)

    tally = fuzz(careless(read), range(1), 3, tmp_path, sys.stdout)
    assert fault in tally.faults[0]
    assert (tmp_path / "careless-3-0.txt").stat().st_size == 9


def test_that_a_line_that_breaks_is_found(tmp_path):
    path = tmp_path / "x"
    assert what_is_wrong_with(f"{path}: one\ntwo", path).startswith("is not one line")
