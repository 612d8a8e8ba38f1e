"""Runs of ``train`` that are kept, left in all the ways there are, and gone on with."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnviz.training.autosave as autosave_module
from cnnviz.cli import main
from cnnviz.commands import observed_run, train
from cnnviz.data import ArrayImageSet, Dataset
from cnnviz.training.checkpoint_file import read_checkpoint
from cnnviz.training.runs import RunFolder, runs_folder, saved_runs

posix_only = pytest.mark.skipif(os.name != "posix", reason="signals end processes in another way there")
ROOT = Path(__file__).parents[2]
SMALL = ("--preset", "zhou", "--dataset", "strokes", "--train-size", 60, "--test-size", 30, "--batch-size", 8)

# ``train`` that saves itself after every step, and tells how far the disk is.
HASTY = """
import sys
import cnnviz.training.autosave as autosave
from cnnviz.cli import main
autosave.SECONDS = autosave.SECONDS_AT_REST = 0.0
autosave.PART_OF_TIME = 1e9
sys.exit(main())
"""


def run(*arguments: object) -> int:
    return main(["train", *map(str, arguments)])


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """Return the folder of the test's own runs."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return runs_folder()


@pytest.fixture
def hasty(monkeypatch) -> None:
    """Save after every step."""
    monkeypatch.setattr(autosave_module, "SECONDS", 0.0)
    monkeypatch.setattr(autosave_module, "SECONDS_AT_REST", 0.0)
    monkeypatch.setattr(autosave_module, "PART_OF_TIME", 1e9)


def interrupt_at(
    monkeypatch: pytest.MonkeyPatch, step: int, number: int = signal.SIGINT, testing: bool = False
) -> None:
    """Have a signal arrive in the midst of a step, or in the test after it."""
    learn = train.Trainer._learn if not testing else train.Trainer.score

    def interrupted(self: train.Trainer, *args: Any) -> Any:
        if self.step == step - (not testing):
            signal.raise_signal(number)
        return learn(self, *args)

    monkeypatch.setattr(train.Trainer, "score" if testing else "_learn", interrupted)


def result_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    """Return the JSON of a run, but for what depends on the machine."""
    assert run(*arguments, "--json", "-") == 0
    result = json.loads(capsys.readouterr().out)
    return {name: value for name, value in result.items() if name not in ("seconds", "samples_per_second", "out")}


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.splitlines()[-1]


# Left, and gone on with


@posix_only
@pytest.mark.parametrize("testing", [False, True])
@pytest.mark.parametrize("step", [3, 8, 11])
def test_that_an_interrupted_run_gone_on_with_gives_the_results_and_file_of_one_never_left(
    tmp_path, capsys, monkeypatch, step, testing
):
    whole = result_of(capsys, *SMALL, "--epochs", 2, "--out", tmp_path / "whole.npz")
    with monkeypatch.context() as patch:
        interrupt_at(patch, 8 if testing else step, testing=testing)
        assert run(*SMALL, "--epochs", 2) == 130
    name = saved_runs()[0].name
    assert last_line(capsys) == (
        f"cnnviz: interrupted after step {8 if testing else step}; train --resume {name} goes on from there"
    )
    resumed = result_of(capsys, "--resume", name, "--out", tmp_path / "resumed.npz")
    assert resumed == whole
    assert (tmp_path / "resumed.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()


@posix_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_that_a_signal_ends_the_run_after_its_step_with_its_own_code_and_not_as_a_crash(
    tmp_path, capsys, monkeypatch, number
):
    interrupt_at(monkeypatch, 5, number)
    out = tmp_path / "with space.npz"
    assert run(*SMALL, "--out", out) == 128 + number
    (kept,) = saved_runs()
    assert (kept.summary.step, kept.was_interrupted, kept.is_running) == (5, False, False)
    assert last_line(capsys) == (
        f"cnnviz: interrupted after step 5; train --resume {kept.name} --out '{out}' goes on from there"
    )
    assert not out.exists()


def test_that_the_bar_of_a_run_gone_on_with_begins_where_it_was_left(capsys, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)
        run(*SMALL)
    bars = []
    original = observed_run.bar
    monkeypatch.setattr(observed_run, "bar", lambda *args, **kw: bars.append((args, kw)) or original(*args, **kw))
    assert run("--resume", "last") == 0
    assert bars[0] == ((60, "epoch 1/3", " images"), {"delay": 0, "done": 24})
    assert bars[2] == ((60, "epoch 2/3", " images"), {"delay": 0, "done": 0})


def test_that_time_and_samples_are_those_of_the_whole_run(capsys, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)
        run(*SMALL)
    checkpoint = read_checkpoint(next(saved_runs()[0].folder.glob("*.checkpoint")))
    capsys.readouterr()
    assert run("--resume", "last", "--json", "-") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["samples"] == 180
    assert result["seconds"] > checkpoint.seconds > 0
    assert result["samples_per_second"] == pytest.approx(180 / result["seconds"])


def test_that_the_cost_of_an_epoch_is_the_mean_over_its_images_though_the_last_batch_is_smaller(capsys):
    result = result_of(capsys, *SMALL, "--epochs", 1)
    checkpoint = read_checkpoint(next(saved_runs()[0].folder.glob("*.checkpoint")))
    losses = checkpoint.history.losses.astype(float)
    assert result["train_loss"] == pytest.approx((8 * losses[:7].sum() + 4 * losses[7]) / 60, rel=1e-9)


def test_that_more_epochs_can_be_asked_for_and_give_the_file_of_the_longer_run(tmp_path, capsys):
    whole = result_of(capsys, *SMALL, "--epochs", 3, "--out", tmp_path / "whole.npz")
    result_of(capsys, *SMALL, "--epochs", 1)
    resumed = result_of(capsys, "--resume", "last", "--epochs", 3, "--out", tmp_path / "resumed.npz")
    assert resumed == whole
    assert (tmp_path / "resumed.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()


def test_that_a_run_that_was_finished_gives_its_results_again(capsys, tmp_path):
    whole = result_of(capsys, *SMALL, "--epochs", 1, "--out", tmp_path / "a.npz")
    assert run("--resume", "last", "--json", "-", "--out", tmp_path / "b.npz") == 0
    shown = capsys.readouterr()
    assert "nothing is left to be learnt, all 1 epochs were made; --epochs adds to them" in shown.err
    assert {name: json.loads(shown.out)[name] for name in whole} == whole
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_that_another_rate_holds_from_there_on_and_is_recorded(capsys, monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)
        run(*SMALL)
    capsys.readouterr()
    assert run("--resume", "last", "--lr", 0.001, "--out", tmp_path / "p.npz") == 0
    assert "learning rate 0.001 (constant)" in capsys.readouterr().err
    checkpoint = read_checkpoint(next(saved_runs()[0].folder.glob("*.checkpoint")))
    assert checkpoint.history.learning_rates == ((0, 0.005), (3, 0.001))


# How it is told


def test_that_the_header_names_the_run(capsys, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)
        run(*SMALL)
    name = saved_runs()[0].name
    assert capsys.readouterr().err.startswith(f"run {name}: saved as it goes; train --resume {name} goes on with it\n")
    assert run("--resume", name) == 0
    assert f"going on with run {name} after step 3\n" in capsys.readouterr().err


def test_that_a_damaged_checkpoint_is_told_and_the_one_before_it_taken(hasty, capsys, monkeypatch, folder):
    whole = result_of(capsys, *SMALL)
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "_forget_all_but", lambda *_: None)
        interrupt_at(patch, 9)
        run(*SMALL)
    kept = saved_runs()[0]
    newest = max(kept.folder.glob("*.checkpoint"))
    newest.write_bytes(newest.read_bytes()[:100])
    capsys.readouterr()
    assert run("--resume", "last", "--json", "-") == 0
    shown = capsys.readouterr()
    assert "the newest checkpoint is damaged, so the run goes on from the one before, of step " in shown.err
    assert {name: json.loads(shown.out)[name] for name in whole} == whole


def test_that_runs_are_listed_with_what_they_are_and_how_they_ended(capsys, monkeypatch, folder):
    assert run("--list-runs") == 0
    assert capsys.readouterr().out == f"no run was kept in {folder} so far\n"
    assert run(*SMALL, "--epochs", 1) == 0
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)
        run(*SMALL)
    stopped, finished = saved_runs()
    capsys.readouterr()
    assert run("--list-runs") == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["run", "network", "data", "step", "epochs", "cost", "accuracy", "saved", "state"]
    first, second = (re.split(r" {2,}", row) for row in rows)
    assert first[:5] == [stopped.name, "zhou", "strokes", "3", "0/3"]
    assert (first[6], first[8]) == ("-", "stopped")
    assert second[:5] == [finished.name, "zhou", "strokes", "8", "1/1"]
    assert re.fullmatch(r"\d+\.\d\d %", second[6])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", second[7])
    assert second[8] == "finished"
    (stopped.folder / "running").touch()
    run("--list-runs")
    assert capsys.readouterr().out.splitlines()[1].endswith("  interrupted")
    taken = RunFolder(stopped.folder)
    run("--list-runs")
    assert capsys.readouterr().out.splitlines()[1].endswith("  going on")
    assert run("--resume", stopped.name) == 1
    assert last_line(capsys) == (f"cnnviz: the run {stopped.name} is going on in another cnnviz; end it there first")
    taken.end()


def test_that_divergence_says_what_to_type_and_that_goes_back_with_a_tenth_of_the_rate(hasty, capsys):
    assert run(*SMALL, "--lr", 10) == 1
    line = last_line(capsys)
    (kept,) = saved_runs()
    found = re.fullmatch(
        rf"cnnviz: training diverged: .*; train (--resume {kept.name} --lr 1) goes back to step (\d+) "
        "with a tenth of that rate",
        line,
    )
    assert found, line
    assert int(found[2]) == kept.summary.step
    before = kept.summary.step
    main(["train", *found[1].split()])
    assert "learning rate 1 (constant)" in (told := capsys.readouterr().err)
    assert f"going on with run {kept.name} after step {before}\n" in told


@posix_only
def test_that_a_run_that_cannot_be_saved_is_told_once_and_goes_on(hasty, capsys, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cnnviz").write_text("a file where the folder should be")
    assert run(*SMALL, "--epochs", 1) == 0
    shown = capsys.readouterr().err
    assert shown.count("could not be saved") == 1
    assert "the run could not be saved, and goes on: could not create the folder " in shown
    interrupt_at(monkeypatch, 3)
    assert run(*SMALL) == 130
    assert last_line(capsys) == "cnnviz: interrupted"


# What is refused


@pytest.mark.parametrize(
    "setting",
    [
        ("--preset", "zhou"),
        ("--dataset", "strokes"),
        ("--train-size", 5),
        ("--test-size", 5),
        ("--batch-size", 8),
        ("--optimizer", "sgd"),
        ("--schedule", "constant"),
        ("--ties", "first"),
        ("--seed", 0),
        ("--freeze", "conv1"),
        ("--mix", "strokes:0.1"),
        ("--fresh",),
        ("--augment",),
    ],
)
def test_that_a_setting_of_the_run_beside_resume_is_a_wrong_call(capsys, setting, folder):
    run(*SMALL, "--epochs", 1)
    assert run("--resume", "last", *setting) == 2
    assert last_line(capsys) == (
        f"cnnviz train: error: argument {setting[0]}: cannot be given with --resume, for the settings are those of "
        "the run; only --epochs, --lr, --data-dir, --out, --json and --threads can"
    )


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (("--epochs", 1), "argument --epochs: accepted is 2 or more, the epochs begun so far, got 1"),
        (("--epochs", -1), "argument --epochs: accepted is 2 or more, the epochs begun so far, got -1"),
        (("--lr", 0), "argument --lr: accepted is a number above 0 and up to 10, got 0.0"),
        (("--lr", "nan"), "argument --lr: accepted is a number above 0 and up to 10, got nan"),
    ],
)
def test_that_epochs_and_rates_that_cannot_be_are_a_wrong_call_and_leave_the_run_as_it_was(
    capsys, monkeypatch, setting, message
):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 11)
        run(*SMALL)
    (saved_runs()[0].folder / "running").touch()
    assert run("--resume", "last", *setting) == 2
    assert last_line(capsys) == f"cnnviz train: error: {message}"
    assert saved_runs()[0].was_interrupted


def test_that_an_unknown_run_and_a_destination_that_cannot_be_written_are_refused(capsys, folder, tmp_path):
    assert run("--resume", "last") == 1
    assert last_line(capsys) == f"cnnviz: no run was kept in {folder} so far; train one first"
    run(*SMALL, "--epochs", 1)
    capsys.readouterr()
    assert run("--resume", "nope") == 1
    assert f"no run nope was found; the newest are {saved_runs()[0].name}; " in last_line(capsys)
    assert run("--resume", "last", "--out", tmp_path / "p.foo") == 1
    assert "extension '.foo' is not that of a parameter file" in last_line(capsys)
    assert run("--resume", "last", "--out", tmp_path / "nowhere" / "p.npz") == 1
    assert "the folder does not exist" in last_line(capsys)


def test_that_a_run_whose_images_have_changed_is_refused_and_left_as_it_was(capsys, monkeypatch):
    run(*SMALL, "--epochs", 1)
    (saved_runs()[0].folder / "running").touch()
    load = train.load_with_bar

    def other(*args: Any) -> Dataset:
        dataset = load(*args)
        images, labels = dataset.train.batch(np.arange(100))
        return replace(dataset, train=ArrayImageSet(images // 2, labels))

    monkeypatch.setattr(train, "load_with_bar", other)
    assert run("--resume", "last", "--epochs", 2) == 1
    assert "the images of strokes are no longer those that the run began with" in last_line(capsys)
    assert saved_runs()[0].was_interrupted


# Real processes


def start(*arguments: object, code: str = HASTY) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, "train", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@posix_only
@pytest.mark.parametrize("threads", [1, 2])
def test_that_a_run_killed_twice_ends_in_the_results_and_bytes_of_one_never_left(tmp_path, capsys, threads, folder):
    settings = ("--preset", "escontrela", "--dataset", "strokes", "--train-size", 320, "--test-size", 60)
    settings += ("--epochs", 2, "--fresh", "--mix", "strokes:0.2", "--augment", "gentle")
    with start(*settings, "--threads", threads) as process:
        wait_until(lambda: saved_runs() and saved_runs()[0].summary.step >= 3)
        process.kill()
    (kept,) = saved_runs()
    assert kept.was_interrupted
    with start("--resume", kept.name, "--threads", 3 - threads) as process:
        wait_until(lambda: saved_runs()[0].summary.step >= 12)
        process.kill()
    capsys.readouterr()
    assert saved_runs()[0].summary.step < 20
    resumed = result_of(capsys, "--resume", "last", "--out", tmp_path / "resumed.npz")
    whole = result_of(capsys, *settings, "--out", tmp_path / "whole.npz")
    assert resumed == whole
    assert (tmp_path / "resumed.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
