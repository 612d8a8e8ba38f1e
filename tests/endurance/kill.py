"""``kill -9`` at random moments over a run that trains, saves itself and exports, again and again.

    python -m tests.endurance.kill --count 1000 [--seed S]

Each process goes on with the run that the one before was killed in, compares every step with a run that was never left,
and is killed in turn: half of them after a random time, half of them as soon as they do something chosen at random.
After each kill every file must be an old one or a new one, to the byte, and no step on the disk may have been lost.

A kill is not a power cut: what the kernel was given it still writes. That files are on the disk before they take the
place of others, and folders after, is seen to in tests/test_atomic.py; what a disk makes of that no test here can tell.
"""

import argparse
import hashlib
import mmap
import os
import re
import signal
import statistics
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cnnviz import processor
from cnnviz.data.augmentation import LEVELS
from cnnviz.data.datasets import ArrayImageSet, Dataset
from cnnviz.formats import SavedParameters, encode_parameters, write_parameters
from cnnviz.training import autosave as autosave_module
from cnnviz.training.autosave import Autosave
from cnnviz.training.checkpoint import Checkpoint
from cnnviz.training.checkpoint_file import read_checkpoint
from cnnviz.training.config import TrainingConfig
from cnnviz.training.control import NewValue
from cnnviz.training.resumption import resume_run
from cnnviz.training.runs import RunFolder, saved_runs
from cnnviz.training.trainer import StepDone, Trainer

LONGEST_LIFE = 0.2  # seconds of a process before it is killed
AIM_SECONDS = 0.5  # to wait for what a kill is aimed at
STEPS_BETWEEN_EXPORTS = 2
OLD_EXPORT = b"what was there before"
CRASHED, WENT_ASTRAY = 3, 4  # exit codes

_OWN_FILES = re.compile(r"\d{6}\.checkpoint|lock|running|\.cnnviz-[0-9a-f]{16}\.tmp")
_TEMPORARY = ".cnnviz-*.tmp"

# What the thread that trains is at, and what the one that saves is.
WORK = ("coming up", "taking the run up", "training", "testing", "exporting", "ending")
SAVING = ("nothing", "writing a checkpoint", "waiting for the disk", "replacing", "forgetting old ones")
AIMS = [(0, number) for number in range(1, len(WORK))] + [(1, number) for number in range(1, len(SAVING))]


class Board:
    """What a process tells of itself up to the moment it is killed: whole numbers in memory shared with its parent.

    Attributes
    ----------
    work, saving : int
        Places in `WORK` and `SAVING`.
    reached, saved : int
        Steps made, and of the newest checkpoint that is known to be on the disk; -1: none.
    exporting, exported : int
        Step of the export begun last, and of the one completed last; -1: none.
    """

    _NAMES = ("work", "saving", "reached", "saved", "exporting", "exported")

    def __init__(self) -> None:
        object.__setattr__(self, "_cells", memoryview(mmap.mmap(-1, 4096)).cast("q"))

    def __getattr__(self, name: str) -> int:
        return self._cells[self._NAMES.index(name)]

    def __setattr__(self, name: str, value: int) -> None:
        self._cells[self._NAMES.index(name)] = value


@dataclass
class Course:
    """A run that was never left: what is to be found at each of its steps.

    Attributes
    ----------
    digests : dict
        Of everything in a checkpoint, by step and epoch.
    parameters : dict
        Digest of the parameters alone, by step.
    exports : dict
        Steps, by the digest of the file that is exported there; that of `OLD_EXPORT` is -1.
    """

    digests: dict[tuple[int, int], str] = field(default_factory=dict)
    parameters: dict[int, str] = field(default_factory=dict)
    exports: dict[str, int] = field(default_factory=lambda: {_digest(OLD_EXPORT): -1})

    @classmethod
    def record(cls) -> "Course":
        """Make the run."""
        course, trainer = cls(), new_trainer()

        def note(_: object = None) -> None:
            checkpoint = trainer.checkpoint()
            course.digests[checkpoint.step, checkpoint.epoch] = digest_of(checkpoint)
            course.parameters[trainer.step] = _digest(trainer.parameters.vector.tobytes())
            course.exports[_digest(encode_parameters(Path("p.npz"), saved_by(trainer)))] = trainer.step

        note()
        for event in trainer.events():
            change_by_hand(trainer, event)
            note()
        return course


def new_trainer() -> Trainer:
    """Return the run at its beginning."""
    return Trainer(CONFIG, make_dataset())


CONFIG = TrainingConfig.from_preset(
    "escontrela",
    "noise",
    **{"train_size": 160, "test_size": 100, "batch_size": 32, "epochs": 6, "augment": LEVELS["gentle"]},
    schedule="cosine",
)


def make_dataset() -> Dataset:
    """Return the same images of noise each time."""
    rng = np.random.default_rng(0)
    sets = (
        ArrayImageSet(rng.integers(0, 256, (count, 28, 28)).astype(np.uint8), rng.integers(0, 10, count))
        for count in (CONFIG.train_size, CONFIG.test_size)
    )
    return Dataset("noise", "Noise", *sets)


def change_by_hand(trainer: Trainer, event: object) -> None:
    """Do what a person does along the way, which is part of the run."""
    if isinstance(event, StepDone) and event.step in (7, 19):
        trainer.learning_rate = trainer.learning_rate * 0.5
    if isinstance(event, StepDone) and event.step == 12:
        trainer.set_parameter(NewValue("conv2", "bias", (3,), 0.25))


def saved_by(trainer: Trainer) -> SavedParameters:
    """Return what is exported."""
    facts = trainer.config.for_file(trainer.step, trainer.history.view().learning_rates)
    return SavedParameters(parameters=trainer.parameters.flat(), **facts)


def digest_of(checkpoint: Checkpoint) -> str:
    """Return a digest of everything in ``checkpoint`` but how long that took."""
    history = checkpoint.history
    scores = [(point.step, point.epoch, point.evaluation) for point in history.tests]
    facts = (
        *(checkpoint.config, checkpoint.data, checkpoint.step, checkpoint.epoch, checkpoint.step_in_epoch),
        *(checkpoint.epochs, checkpoint.learning_rate, history.learning_rates, history.edits),
        [state["state"]["state"].tolist() for state in checkpoint.generators],
        [(step, epoch, score.loss, score.confusion.tolist(), score.misread.tolist()) for step, epoch, score in scores],
    )
    arrays = (checkpoint.parameters.vector, *checkpoint.moments.values(), history.losses, history.accuracies)
    return _digest(repr(facts).encode(), *(array.tobytes() for array in arrays))


def _digest(*parts: bytes) -> str:
    return hashlib.sha1(b"".join(parts)).hexdigest()


# The process that is killed


def live(board: Board, course: Course, folder: Path, threads: int) -> None:
    """Go on with the run in ``folder``, or begin one, to its end; never returns."""
    try:
        os.environ[processor.THREADS] = str(threads)
        watch_the_disk(board)
        train(board, course, folder)
    except BaseException:
        (folder / "fault").write_text(traceback.format_exc())
        os._exit(CRASHED)
    os._exit(0)


def train(board: Board, course: Course, folder: Path) -> None:
    """Train as a command does, exporting now and then."""
    autosave = Autosave(folder / "runs", on_written=lambda: setattr(board, "saved", autosave.saved.step))
    board.work = WORK.index("taking the run up")
    trainer = take_up(board, autosave, folder / "runs")
    events = trainer.events(lambda *_: setattr(board, "work", WORK.index("testing")))
    while trainer.epoch < trainer.epochs:
        autosave.before_step(trainer)
        board.work = WORK.index("training")
        event = next(events)
        change_by_hand(trainer, event)
        board.reached = trainer.step
        if course.parameters[trainer.step] != _digest(trainer.parameters.vector.tobytes()):
            os._exit(WENT_ASTRAY)
        autosave.after_step(trainer)
        if trainer.step % STEPS_BETWEEN_EXPORTS == 0:
            export(board, trainer, folder / "export.npz")
    board.work = WORK.index("ending")
    autosave.end(trainer)


def take_up(board: Board, autosave: Autosave, runs: Path) -> Trainer:
    """Return the trainer of the run that was interrupted, or of a new one."""
    run = next((run for run in saved_runs(runs) if run.was_interrupted), None)
    if run is None:
        trainer, folder = new_trainer(), RunFolder.create(runs, CONFIG)
        board.saved = board.reached = -1
        autosave.keep_in(folder)
    else:
        trainer, folder, notice = resume_run(run.folder, None, lambda _: (make_dataset(), ()))
        board.saved = board.reached = trainer.step
        assert notice is None, notice
        assert not list(run.folder.glob(_TEMPORARY)), "what killed writers left is still there"
        autosave.keep_in(folder, trainer)
    return trainer


def export(board: Board, trainer: Trainer, path: Path) -> None:
    """Write the parameters over those of before."""
    board.work = WORK.index("exporting")
    board.exporting = trainer.step
    write_parameters(path, saved_by(trainer))
    board.exported = trainer.step


def watch_the_disk(board: Board) -> None:
    """Have the thread that saves tell what it is at."""
    autosave_module.SECONDS = autosave_module.SECONDS_AT_REST = 0.0
    autosave_module.PART_OF_TIME = 1e9
    write = Autosave._write

    def told(call: Callable, saving: str) -> Callable:
        def wrapped(*args: object, **options: object) -> object:
            if threading.current_thread().name != "autosave":
                return call(*args, **options)
            before, board.saving = board.saving, SAVING.index(saving)
            try:
                return call(*args, **options)
            finally:
                board.saving = before

        return wrapped

    Autosave._write = told(write, "writing a checkpoint")
    os.fsync = told(os.fsync, "waiting for the disk")
    os.replace = told(os.replace, "replacing")
    RunFolder._forget_all_but = told(RunFolder._forget_all_but, "forgetting old ones")


# The process that kills


@dataclass
class Outcome:
    """What a number of kills led to.

    Attributes
    ----------
    hits : Counter
        How many processes were killed at which work and saving.
    faults : list of str
    ended : int
        Processes that came to the end of the run before they could be killed.
    resumed_from, lost : list of int
        The step in the newest checkpoint after each kill, and how many more had been made.
    leftovers : set of str
        Files that killed writers left behind; who takes a run up removes them.
    """

    hits: Counter = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    ended: int = 0
    resumed_from: list[int] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    leftovers: set[str] = field(default_factory=set)

    @property
    def kills(self) -> int:
        """How many there were."""
        return sum(self.hits.values())

    def table(self) -> str:
        """Return it in words."""
        rows = [(WORK[work], SAVING[saving], str(count)) for (work, saving), count in sorted(self.hits.items())]
        rows.insert(0, ("killed while", "and saving", "times"))
        lines = [f"{work:<20} {saving:<22} {count:>5}" for work, saving, count in rows]
        if self.resumed_from:
            lines.append(
                f"gone on with from step {min(self.resumed_from)} to {max(self.resumed_from)} of {_last_step()}, "
                f"{len(set(self.resumed_from))} different ones; steps to be made again: median "
                f"{statistics.median(self.lost):g}, most {max(self.lost)}"
            )
        lines.append(f"{self.ended} runs came to their end; {len(self.leftovers)} files were left by killed writers")
        return "\n".join([*lines, f"{self.kills} kills, {len(self.faults)} faults", *self.faults])


class Killer:
    """Starts processes and kills them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._rng = np.random.default_rng(seed)
        self._board = Board()
        self._course = Course.record()
        self._known: dict[tuple[str, int], str | None] = {}  # the verdict on a file by its name and time
        self.outcome = Outcome()
        (folder / "runs").mkdir()
        (folder / "export.npz").write_bytes(OLD_EXPORT)
        self._board.saved = self._board.reached = self._board.exporting = self._board.exported = -1

    def kill_one(self) -> None:
        """Start a process, kill it, and look at what it left."""
        self._board.work = self._board.saving = 0
        pid = os.fork()
        if pid == 0:
            live(self._board, self._course, self._folder, threads=int(self._rng.integers(1, 3)))
        self._wait(pid)
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGKILL:
            self.outcome.hits[self._board.work, self._board.saving] += 1
        elif code == 0:
            self.outcome.ended += 1
            self._board.saved = self._board.reached = -1  # the next one begins a run
        else:
            what = "a step was not that of the run never left" if code == WENT_ASTRAY else self._fault()
            self.outcome.faults.append(f"exit code {code}: {what}")
        self.outcome.faults += self._check(was_killed=code == -signal.SIGKILL)

    def _wait(self, pid: int) -> None:
        """Wait for a random time, or until the process does something chosen at random."""
        if self._rng.random() < 0.5:
            time.sleep(self._rng.uniform(0, LONGEST_LIFE))
            return
        which, what = AIMS[self._rng.integers(len(AIMS))]
        after = time.monotonic() + self._rng.uniform(0, LONGEST_LIFE / 2)
        deadline = after + AIM_SECONDS
        while time.monotonic() < deadline and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() >= after and (self._board.work, self._board.saving)[which] == what:
                return
            time.sleep(0)

    def _fault(self) -> str:
        path = self._folder / "fault"
        return path.read_text() if path.exists() else "it said nothing"

    def _check(self, was_killed: bool) -> list[str]:
        """Return what is wrong with the files."""
        faults = self._check_export()
        for path in (self._folder / "runs").glob("*/*"):
            if not _OWN_FILES.fullmatch(path.name):
                faults.append(f"{path.name} is no file of a run")
            elif path.suffix == ".checkpoint" and (fault := self._verdict(path)):
                faults.append(fault)
        self.outcome.leftovers.update(path.name for path in (self._folder / "runs").glob(f"*/{_TEMPORARY}"))
        if was_killed:
            faults += self._check_run()
        return faults

    def _check_run(self) -> list[str]:
        """Return what is wrong with the run that was killed."""
        board, run = self._board, next(iter(saved_runs(self._folder / "runs")), None)
        if board.saved < 0:
            return []
        if run is None:
            return [f"no run is found, though step {board.saved} was saved"]
        self.outcome.resumed_from.append(run.summary.step)
        self.outcome.lost.append(board.reached - run.summary.step)
        if not board.saved <= run.summary.step <= max(board.reached, board.saved):
            return [f"step {run.summary.step} is kept; {board.saved} was saved and {board.reached} reached"]
        if not run.was_interrupted:
            board.saved = board.reached = -1
            return [] if WORK[board.work] == "ending" else [f"the run {run.name} does not count as interrupted"]
        return []

    def _check_export(self) -> list[str]:
        board, content = self._board, (self._folder / "export.npz").read_bytes()
        for left in self._folder.glob(_TEMPORARY):  # in a folder of the user's the program removes none
            left.unlink()
        step = self._course.exports.get(_digest(content))
        if step is None:
            return [f"the export is neither the old one nor a new one ({len(content)} bytes)"]
        known = (board.exported, board.exporting)
        board.exported = board.exporting = step
        return [] if step in known else [f"the export is that of step {step}, expected one of {known}"]

    def _verdict(self, path: Path) -> str | None:
        """Return what is wrong with a checkpoint, whose file never changes."""
        key = (str(path), path.stat().st_mtime_ns)
        if key not in self._known:
            self._known[key] = self._judge(path)
        return self._known[key]

    def _judge(self, path: Path) -> str | None:
        try:
            checkpoint = read_checkpoint(path)
        except Exception as fault:
            return f"a checkpoint cannot be read: {fault}"
        expected = self._course.digests.get((checkpoint.step, checkpoint.epoch))
        return None if digest_of(checkpoint) == expected else f"{path.name} is not step {checkpoint.step} of the run"


def _last_step() -> int:
    return CONFIG.epochs * -(-CONFIG.train_size // CONFIG.batch_size)


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; 1 where anything was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200, help="how many kills (default: 200)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    os.environ[processor.THREADS] = "1"  # a process with other threads cannot be forked
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cnnviz-kill-") as folder:
        killer = Killer(Path(folder), args.seed)
        while killer.outcome.kills < args.count and len(killer.outcome.faults) < 10:
            killer.kill_one()
    print(killer.outcome.table())
    print(f"{time.monotonic() - began:.0f} s, seed {args.seed}")
    return 1 if killer.outcome.faults else 0


if __name__ == "__main__":
    processor.configure()
    sys.exit(main())
