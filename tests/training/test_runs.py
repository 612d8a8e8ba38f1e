import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cnnviz.atomic import WriteError
from cnnviz.training import runs
from cnnviz.training.checkpoint import Checkpoint
from cnnviz.training.runs import GENERATIONS, MOST_RUNS, RunError, RunFolder, find_run, runs_folder, saved_runs

posix_only = pytest.mark.skipif(os.name != "posix", reason="permissions are others there")
ROOT = Path(__file__).parents[2]

TAKE = """
import sys, time
from pathlib import Path
from cnnviz.training.runs import RunFolder
folder = RunFolder(Path(sys.argv[1]))
print("taken", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def checkpoint(make_trainer) -> Checkpoint:
    return make_trainer().checkpoint()


def of_step(step: int, checkpoint: Checkpoint) -> Checkpoint:
    zeros = np.zeros(step, np.float32)
    return replace(checkpoint, step=step, history=checkpoint.history._replace(losses=zeros, accuracies=zeros))


@pytest.fixture
def make_run(tmp_path, make_config, checkpoint):
    """Return a maker of runs that are kept and at work, with checkpoints of so many steps."""

    def make(*steps: int) -> RunFolder:
        folder = RunFolder.create(tmp_path, make_config())
        for step in steps:
            folder.write(of_step(step, checkpoint))
        return folder

    return make


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "lock")


def test_that_a_run_is_named_by_time_preset_and_dataset_and_lies_in_its_folder(tmp_path, make_config):
    folder = RunFolder.create(tmp_path, replace(make_config(), dataset="/home/some body/my digits!"))
    assert re.fullmatch(r"\d{8}-\d{6}-zhou-my-digits--[0-9a-f]{4}", folder.path.name)
    assert folder.path.parent == tmp_path
    folder.end()


def test_that_runs_are_kept_in_the_folder_for_data_of_the_platform(monkeypatch, tmp_path):
    monkeypatch.setattr(runs.platformdirs, "user_data_dir", lambda name: str(tmp_path / name))
    assert runs_folder() == tmp_path / "cnnviz" / "runs"


def test_that_the_newest_checkpoints_are_kept_while_a_run_goes_on_and_the_newest_one_after_its_end(make_run):
    folder = make_run(*range(1, GENERATIONS + 3))
    assert names(folder.path) == ["000003.checkpoint", "000004.checkpoint", "000005.checkpoint", "running"]
    assert folder.step == 5
    assert folder.newest().checkpoint.step == 5
    folder.end()
    assert names(folder.path) == ["000005.checkpoint"]


def test_that_a_run_without_a_checkpoint_leaves_nothing(make_run, tmp_path):
    make_run().end()
    assert list(tmp_path.iterdir()) == []


def test_that_a_run_gone_on_with_counts_its_checkpoints_on(make_run):
    folder = make_run(1, 2)
    folder.end()
    again = RunFolder(folder.path)
    again.write(again.newest().checkpoint)
    assert names(folder.path)[:2] == ["000002.checkpoint", "000003.checkpoint"]
    again.end()


def test_that_a_run_given_back_is_as_it_was(make_run):
    folder = make_run(1, 2)
    folder.abandon()
    before = names(folder.path)
    for _ in range(2):
        RunFolder(folder.path).give_back()
        assert names(folder.path) == before
    RunFolder(folder.path).end()
    RunFolder(folder.path).give_back()
    assert "running" not in names(folder.path)


# What is known of them


def test_that_runs_are_listed_with_the_one_saved_last_first(make_run, tmp_path):
    folders = [make_run(step) for step in (1, 2, 3)]
    for age, folder in enumerate((folders[1], folders[2], folders[0])):
        folder.end()
        os.utime(next(folder.path.glob("*.checkpoint")), (1e9 - age, 1e9 - age))
    listed = saved_runs(tmp_path)
    assert [run.summary.step for run in listed] == [2, 3, 1]
    assert listed[0].name == folders[1].path.name
    assert listed[0].saved_at == 1e9


def test_that_a_run_is_running_interrupted_stopped_or_finished(make_run, tmp_path, checkpoint):
    folder = make_run(1)

    def state() -> tuple[bool, bool, bool]:
        (run,) = saved_runs(tmp_path)
        return run.is_running, run.was_interrupted, run.is_finished

    assert state() == (True, False, False)
    folder.abandon()
    assert state() == (False, True, False)
    again = RunFolder(folder.path)
    assert state() == (True, False, False)
    again.end()
    assert state() == (False, False, False)
    again = RunFolder(folder.path)
    again.write(replace(checkpoint, epoch=2))
    again.end()
    assert state() == (False, False, True)


def test_that_a_run_is_found_by_name_by_path_and_as_the_last(make_run, tmp_path):
    first, second = make_run(1), make_run(2)
    first.end(), second.end()
    os.utime(next(first.path.glob("*.checkpoint")), (1e9, 1e9))
    assert find_run(first.path.name, tmp_path).summary.step == 1
    assert find_run(str(first.path), tmp_path / "elsewhere").summary.step == 1
    assert find_run("last", tmp_path).summary.step == 2


def test_that_an_unknown_run_is_refused_with_the_newest_few_named(make_run, tmp_path):
    with pytest.raises(RunError, match=f"^no run was kept in {tmp_path} so far; train one first$"):
        find_run("last", tmp_path)
    folders = [make_run(step) for step in range(7)]
    for age, folder in enumerate(folders):
        folder.end()
        os.utime(next(folder.path.glob("*.checkpoint")), (1e9 - age, 1e9 - age))
    with pytest.raises(RunError) as caught:
        find_run("nope", tmp_path)
    newest = ", ".join(folder.path.name for folder in folders[:5])
    assert str(caught.value) == f"no run nope was found; the newest are {newest}; --list-runs shows all 7"


@pytest.mark.parametrize("name", ["", ".", "..", "~", "no/such/path"])
def test_that_what_is_no_name_of_a_run_is_no_run(make_run, tmp_path, name):
    make_run(1).end()
    with pytest.raises(RunError, match=r"^no run .* was found; the newest are "):
        find_run(name, tmp_path)


# Only one process


def test_that_a_run_that_goes_on_elsewhere_is_refused_in_one_line(make_run, tmp_path):
    folder = make_run(1)
    folder.end()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", TAKE, str(folder.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as other:
        assert other.stdout.readline() == b"taken\n"
        (run,) = saved_runs(tmp_path)
        assert (run.is_running, run.was_interrupted) == (True, False)
        with pytest.raises(RunError, match=rf"^the run {folder.path.name} is going on in another cnnviz; end it there"):
            RunFolder(folder.path)
        other.kill()
    assert saved_runs(tmp_path)[0].was_interrupted
    RunFolder(folder.path).end()


def test_that_who_takes_a_run_removes_what_killed_writers_left(make_run):
    folder = make_run(1)
    folder.abandon()
    left = folder.path / ".cnnviz-0123456789abcdef.tmp"
    for path in (left, folder.path / "notes.txt"):
        path.write_bytes(b"half")
    saved_runs(folder.path.parent)
    assert left.exists()
    again = RunFolder(folder.path)
    assert names(folder.path) == ["000001.checkpoint", "notes.txt", "running"]
    again.end()


# Damage


def damage(folder: RunFolder, number: int) -> None:
    path = folder.path / f"{number:06}.checkpoint"
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize("count", [1, 2])
def test_that_a_damaged_checkpoint_leaves_the_one_before_it_and_that_is_told(make_run, tmp_path, count):
    folder = make_run(1000, 2000, 3000)
    for number in range(3, 3 - count, -1):
        damage(folder, number)
    found = folder.newest()
    assert found.checkpoint.step == 1000 * (3 - count)
    newer = "the newest checkpoint is" if count == 1 else "the 2 newest checkpoints are"
    assert found.notice == f"{newer} damaged, so the run goes on from the one before, of step {3 - count},000"
    assert saved_runs(tmp_path)[0].summary.step == 1000 * (3 - count)
    folder.end()


def test_that_a_run_with_a_damaged_checkpoint_loses_no_other_one_by_being_looked_at(make_run):
    folder = make_run(1, 2)
    folder.abandon()
    damage(folder, 2)
    again = RunFolder(folder.path)
    again.newest()
    again.end()
    assert RunFolder(folder.path).newest().checkpoint.step == 1


def test_that_a_run_whose_checkpoints_are_all_damaged_is_not_listed_and_not_deleted(make_run, tmp_path):
    folder = make_run(1)
    damage(folder, 1)
    folder.abandon()
    assert saved_runs(tmp_path) == []
    with pytest.raises(RunError, match="so far"):
        find_run(folder.path.name, tmp_path)
    with pytest.raises(RunError, match="not a NumPy archive, or not all of it is there"):
        (again := RunFolder(folder.path)).newest()
    again.end()
    assert "000001.checkpoint" in names(folder.path)


def test_that_a_folder_named_as_a_run_by_mistake_loses_nothing(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    RunFolder(tmp_path).end()
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    assert names(tmp_path) == ["thesis.txt"]


def test_that_another_numpy_is_told_and_the_same_is_not(make_run, checkpoint):
    folder = make_run(1)
    assert folder.newest().notice is None
    folder.write(replace(checkpoint, numpy="1.0"))
    assert folder.newest().notice.startswith("the run was saved by NumPy 1.0; with ")
    folder.end()


# Room and space


def test_that_a_new_run_makes_room_by_deleting_the_oldest_ended_ones(make_run, tmp_path):
    at_work = make_run(1)
    folders = [make_run(step) for step in range(MOST_RUNS + 2)]
    for age, folder in enumerate(folders):
        folder.end()
        os.utime(next(folder.path.glob("*.checkpoint")), (1e9 - age, 1e9 - age))
    (folders[-1].path / "notes.txt").touch()
    newest = make_run()
    kept = {path.name for path in tmp_path.iterdir()}
    expected = [at_work, newest, *folders[: MOST_RUNS - 1], folders[-1]]
    assert kept == {folder.path.name for folder in expected}
    assert names(folders[-1].path) == ["notes.txt"]  # somebody else's
    at_work.end(), newest.end()


def test_that_a_run_killed_before_its_first_checkpoint_is_deleted_after_a_while(make_run, tmp_path):
    long_ago, just_now = make_run(), make_run()
    long_ago.abandon(), just_now.abandon()
    os.utime(long_ago.path, (time.time() - 2 * runs.ABANDONED_SECONDS,) * 2)
    newest = make_run()
    assert {path.name for path in tmp_path.iterdir()} == {just_now.path.name, newest.path.name}
    newest.end()


@posix_only
def test_that_a_place_that_cannot_be_written_is_told_in_one_line_and_left_as_it_was(make_config, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match=r"^could not create the folder .*: what should be its folder is a file"):
        RunFolder.create(tmp_path / "file", make_config())
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_that_a_run_that_cannot_be_marked_leaves_neither_folder_nor_lock(make_config, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "touch", full)
    with pytest.raises(WriteError, match=r"^could not keep the run in .*: the disk is full; free some space"):
        RunFolder.create(tmp_path, make_config())
    assert list(tmp_path.iterdir()) == []
