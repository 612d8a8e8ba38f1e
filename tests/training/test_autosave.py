import os
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from cnnviz.training import autosave as autosave_module
from cnnviz.training import runs as runs_module
from cnnviz.training.autosave import Autosave
from cnnviz.training.control import NewValue
from cnnviz.training.runs import GENERATIONS, RunFolder, find_run, saved_runs

NEVER, ALWAYS = 1e9, 0.0


@pytest.fixture
def keep(tmp_path, monkeypatch):
    """Return a maker of autosaves that save after every step, or never without need; they end with the test."""
    made: list[Autosave] = []

    def make(seconds: float, **options: object) -> Autosave:
        monkeypatch.setattr(autosave_module, "SECONDS", seconds)
        monkeypatch.setattr(autosave_module, "FIRST_SECONDS", seconds)
        monkeypatch.setattr(autosave_module, "SECONDS_AT_REST", seconds)
        monkeypatch.setattr(autosave_module, "PART_OF_TIME", 1e9)
        made.append(Autosave(tmp_path, **options))
        return made[-1]

    yield make
    for each in made:
        if each._thread is not None and each._thread.is_alive():
            each.end(None)


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def step(trainer, take_steps, autosave: Autosave) -> None:
    """Go a step as a session does, and wait until it is on the disk where it is saved at all."""
    autosave.before_step(trainer)
    take_steps(trainer, 1)
    autosave.after_step(trainer)
    if autosave_module.SECONDS == ALWAYS:
        wait_until(lambda: autosave.fault or (autosave.saved and autosave.saved.step == trainer.step))


def steps_kept(autosave: Autosave) -> list[int]:
    paths = sorted(autosave.saved.folder.glob("*.checkpoint"))
    return [runs_module.read_summary(path).step for path in paths]


# When


def test_that_a_run_that_was_never_begun_leaves_nothing(keep, make_trainer, tmp_path):
    autosave, trainer = keep(ALWAYS), make_trainer()
    autosave.after_step(trainer)
    autosave.at_rest(trainer)
    autosave.end(trainer)
    assert (list(tmp_path.iterdir()), autosave.saved) == ([], None)


def test_that_what_a_run_begins_with_is_saved_before_its_first_step_and_its_end(keep, make_trainer, take_steps):
    autosave, trainer = keep(NEVER), make_trainer()
    for _ in range(3):
        step(trainer, take_steps, autosave)
    wait_until(lambda: autosave.saved)
    assert autosave.saved.step == 0
    autosave.end(trainer)
    assert autosave.saved.step == 3
    assert find_run(str(autosave.saved.folder)).summary.step == 3


def test_that_training_saves_itself_once_the_latest_checkpoint_is_old_enough(
    keep, make_trainer, take_steps, monkeypatch
):
    autosave, trainer = keep(30.0), make_trainer()
    now = time.monotonic()
    saved = []
    for seconds in (0.0, 29.9, 30.1, 59.9, 60.2):
        monkeypatch.setattr(autosave_module.time, "monotonic", lambda at=now + seconds: at)
        autosave.before_step(trainer)
        take_steps(trainer, 1)
        before = autosave._latest
        autosave.after_step(trainer)
        if autosave._latest != before:
            saved.append(seconds)
    monkeypatch.undo()
    autosave.end(trainer)
    assert saved == [30.1, 60.2]


def test_that_it_is_done_less_often_where_it_takes_long(keep, make_trainer, take_steps, monkeypatch):
    autosave, trainer = keep(ALWAYS), make_trainer()
    step(trainer, take_steps, autosave)
    monkeypatch.setattr(autosave_module, "PART_OF_TIME", 0.02)
    autosave._took = 3.0
    before = autosave._latest
    autosave.after_step(trainer)
    autosave._taken_at -= 149
    take_steps(trainer, 1)
    autosave.after_step(trainer)
    assert autosave._latest == before
    autosave._taken_at -= 2
    autosave.after_step(trainer)
    assert autosave._latest != before
    autosave.end(trainer)


@pytest.mark.parametrize("change", ["step", "rate", "parameter", "test", "nothing"])
def test_that_at_rest_only_what_is_new_is_saved(keep, make_trainer, take_steps, change):
    autosave, trainer = keep(ALWAYS), make_trainer()
    step(trainer, take_steps, autosave)
    before = autosave._latest
    if change == "step":
        take_steps(trainer, 1)
    elif change == "rate":
        trainer.learning_rate = 0.5
    elif change == "parameter":
        trainer.set_parameter(NewValue("conv1", "weight", (0, 0, 0, 0), 1.0))
    elif change == "test":
        trainer.score()
    autosave.at_rest(trainer)
    assert (autosave._latest == before) == (change == "nothing")
    autosave.end(trainer)


def test_that_a_run_that_is_kept_nowhere_is_not(make_trainer, take_steps):
    autosave, trainer = Autosave(None), make_trainer()
    step(trainer, take_steps, autosave)
    autosave.at_rest(trainer)
    autosave.end(trainer)
    assert autosave.saved is None


def test_that_the_newest_few_are_kept_and_told(keep, make_trainer, take_steps):
    written = []
    autosave, trainer = keep(ALWAYS, on_written=lambda: written.append(autosave.saved.step)), make_trainer()
    for _ in range(5):
        step(trainer, take_steps, autosave)
    assert steps_kept(autosave) == [3, 4, 5]
    autosave.end(trainer)
    assert written[-5:] == [1, 2, 3, 4, 5]


def test_that_no_step_waits_for_the_disk_and_only_the_newest_state_is_written_after_it(
    keep, make_trainer, take_steps, monkeypatch
):
    may_write, write = threading.Event(), runs_module.write_checkpoint
    monkeypatch.setattr(runs_module, "write_checkpoint", lambda *args: (may_write.wait(10), write(*args)))
    autosave, trainer = keep(ALWAYS), make_trainer()
    for _ in range(5):
        autosave.before_step(trainer)
        take_steps(trainer, 1)
        autosave.after_step(trainer)
    assert autosave.saved is None
    may_write.set()
    autosave.end(trainer)
    assert len(list(autosave.saved.folder.glob("*.checkpoint"))) == 1
    assert autosave.saved.step == 5


# How it ends


def test_that_a_run_that_nobody_ended_is_an_interrupted_one_with_all_it_learnt(
    keep, make_trainer, take_steps, tmp_path
):
    autosave, trainer = keep(NEVER), make_trainer()
    for _ in range(2):
        step(trainer, take_steps, autosave)
    autosave.end(trainer, is_orderly=False)
    (run,) = saved_runs(tmp_path)
    assert (run.was_interrupted, run.summary.step) == (True, 2)


def test_that_of_a_run_that_failed_the_good_checkpoints_are_kept_and_no_other_is_made(keep, make_trainer, take_steps):
    autosave, trainer = keep(ALWAYS), make_trainer()
    for _ in range(GENERATIONS + 1):
        step(trainer, take_steps, autosave)
    take_steps(trainer, 1)
    autosave.end(None)
    assert steps_kept(autosave) == [2, 3, 4]
    assert not (autosave.saved.folder / "running").exists()


def test_that_what_a_run_goes_on_from_is_saved_already(keep, make_trainer, take_steps, tmp_path, make_config):
    autosave, trainer = keep(ALWAYS), make_trainer()
    folder = RunFolder.create(tmp_path, make_config())
    folder.write(trainer.checkpoint())
    autosave.keep_in(folder, trainer)
    autosave.before_step(trainer)
    autosave.at_rest(trainer)
    assert (autosave.saved, autosave._thread) == ((folder.path, 0), None)
    step(trainer, take_steps, autosave)
    assert steps_kept(autosave) == [0, 1]
    autosave.end(trainer)


# Faults


@pytest.mark.parametrize("number", [1, 2, 4])
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_that_a_full_disk_at_any_write_is_told_and_training_and_later_saves_go_on(
    keep, make_trainer, take_steps, monkeypatch, number, call
):
    autosave, trainer, original = keep(ALWAYS), make_trainer(), getattr(os, call)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for _ in range(number):
        step(trainer, take_steps, autosave)
    before = steps_kept(autosave)
    monkeypatch.setattr(os, call, fail)
    step(trainer, take_steps, autosave)
    assert autosave.fault.startswith("the run could not be saved, and goes on: could not write ")
    assert autosave.fault.endswith("the disk is full; free some space or choose another disk")
    assert steps_kept(autosave) == before
    assert autosave.saved.step == number
    monkeypatch.setattr(os, call, original)
    autosave.fault = None  # of before; it stays None
    step(trainer, take_steps, autosave)
    assert (autosave.fault, autosave.saved.step) == (None, number + 2)
    autosave.end(trainer)
    assert find_run(str(autosave.saved.folder)).summary.step == number + 2


def test_that_a_write_that_failed_is_made_up_for_at_the_end_though_nothing_is_new(
    keep, make_trainer, take_steps, monkeypatch
):
    autosave, trainer = keep(ALWAYS), make_trainer()
    step(trainer, take_steps, autosave)
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "write", lambda *_: (_ for _ in ()).throw(MemoryError("no room")))
        step(trainer, take_steps, autosave)
    assert autosave.fault == "the run could not be saved, and goes on: no room"
    autosave.end(trainer)
    assert (autosave.fault, autosave.saved.step) == (None, 2)


def test_that_a_folder_that_cannot_be_made_is_told_and_tried_again(keep, make_trainer, take_steps, tmp_path):
    autosave, trainer = keep(ALWAYS), make_trainer()
    autosave._runs = tmp_path / "file"
    autosave._runs.touch()
    step(trainer, take_steps, autosave)
    assert "the run could not be saved, and goes on: could not create the folder" in autosave.fault
    autosave._runs.unlink()
    autosave.fault = None
    step(trainer, take_steps, autosave)
    assert (autosave.fault, autosave.saved.step) == (None, 2)
    autosave.end(trainer)


def test_that_while_training_goes_on_at_most_half_of_it_is_lost_and_no_more_than_thirty_seconds(
    tmp_path, make_trainer, take_steps, monkeypatch
):
    now = [1000.0]
    monkeypatch.setattr(autosave_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    autosave, trainer, saved = Autosave(tmp_path), make_trainer(epochs=100), []
    for _ in range(100):
        autosave.before_step(trainer)
        take_steps(trainer, 1)
        now[0] += 1.0
        taken_at = autosave._taken_at
        autosave.after_step(trainer)
        if autosave._taken_at != taken_at:
            saved.append(trainer.step)
            wait_until(lambda: autosave.saved and autosave.saved.step == trainer.step)
    autosave.end(trainer)
    assert saved == [2, 4, 8, 16, 32, 62, 92]
