"""Runs that are kept: a folder for each, with the newest checkpoints.

As long as a run goes on its folder is locked, and has a mark in it. A folder with the mark that is not locked is that
of a run which nobody ended: its process was killed, or the machine lost its power.
"""

import contextlib
import logging
import os
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import platformdirs
from filelock import FileLock, Timeout

from cnnviz.atomic import TEMPORARY, make_folder, telling
from cnnviz.errors import UserError
from cnnviz.training.checkpoint import Checkpoint, CheckpointError
from cnnviz.training.checkpoint_file import Summary, read_checkpoint, read_summary, write_checkpoint
from cnnviz.training.config import TrainingConfig

log = logging.getLogger(__name__)

GENERATIONS = 3  # checkpoints of a run that goes on; of one that was ended, the newest is enough
MOST_RUNS = 10  # of those that have ended
NAMED_RUNS = 5  # in an error message
LOCK_SECONDS = 0.2  # to wait for a lock, which somebody who only looks may have for a moment
LOOK_SECONDS = 0.02  # the same for who only looks
ABANDONED_SECONDS = 3600.0  # after which nobody is about to write the first checkpoint of a run

LAST = "last"  # names the run that was saved last

_MARK, _LOCK = "running", "lock"
_CHECKPOINT = re.compile(r"\d{6,}\.checkpoint")


class RunError(UserError):
    """There is no such run, or it cannot be gone on with."""


def runs_folder() -> Path:
    """Return the folder that holds one folder for each run."""
    return Path(platformdirs.user_data_dir("cnnviz")) / "runs"


@dataclass(frozen=True)
class SavedRun:
    """A run that was kept.

    Attributes
    ----------
    folder : Path
        Its name is that of the run.
    summary : Summary
        Of its newest checkpoint that can be read.
    saved_at : float
        When that was written, in seconds since the epoch.
    is_running : bool
        Whether a process is at work on it.
    was_interrupted : bool
        Whether that process ended without ending the run.
    """

    folder: Path
    summary: Summary
    saved_at: float
    is_running: bool
    was_interrupted: bool

    @property
    def name(self) -> str:
        """What ``--resume`` takes."""
        return self.folder.name

    @property
    def is_finished(self) -> bool:
        """Whether all epochs were made."""
        return self.summary.epoch == self.summary.epochs


class Found(NamedTuple):
    """What a run can go on from.

    Attributes
    ----------
    checkpoint : Checkpoint
    notice : str or None
        What the user should know of it, in one line; None: all is well.
    """

    checkpoint: Checkpoint
    notice: str | None


def saved_runs(folder: Path | None = None) -> list[SavedRun]:
    """Return the runs in ``folder`` (None: `runs_folder`), the one saved last first; those that are damaged are not."""
    runs = (_saved_run(path) for path in _folders(folder or runs_folder()))
    return sorted((run for run in runs if run is not None), key=lambda run: run.saved_at, reverse=True)


def find_run(name: str, folder: Path | None = None) -> SavedRun:
    """Return the run of that name, or in the folder of that path, or the `LAST` one; RunError where there is none."""
    runs = folder or runs_folder()
    if name == LAST:
        run = next(iter(saved_runs(runs)), None)
    else:
        run = _saved_run(Path(name) if os.path.basename(name) != name else runs / name)
    if run is not None:
        return run
    names = [run.name for run in saved_runs(runs)]
    if not names:
        raise RunError(f"no run was kept in {runs} so far; train one first")
    newest = ", ".join(names[:NAMED_RUNS])
    raise RunError(f"no run {name} was found; the newest are {newest}; --list-runs shows all {len(names)}")


def dismiss(run: SavedRun) -> None:
    """Count an interrupted run as ended; it stays among those that can be gone on with."""
    with contextlib.suppress(Timeout, OSError), _lock(run.folder).acquire(timeout=LOCK_SECONDS):
        (run.folder / _MARK).unlink(missing_ok=True)


def delete(run: SavedRun) -> None:
    """Delete what is kept of a run; RunError where it goes on, or its folder cannot be deleted."""
    try:
        _delete(run.folder)
    except Timeout:
        raise RunError(f"the run {run.name} is going on; end it first") from None
    except OSError as fault:
        raise RunError(f"could not delete {run.folder}: {fault.strerror}; delete it by hand") from fault


class RunFolder:
    """The folder of a run that goes on in this process, and in no other one.

    Attributes
    ----------
    path : Path
    step : int or None
        Of its newest checkpoint written here.
    """

    def __init__(self, path: Path) -> None:
        """Take the folder at ``path``; RunError where another process has it, WriteError where none can be kept."""
        self.path = path
        self.step: int | None = None
        self._had_mark = (path / _MARK).exists()
        self._lock = _lock(path)
        with telling("keep the run in", path):
            try:
                self._lock.acquire(timeout=LOCK_SECONDS)
            except Timeout:
                raise RunError(f"the run {path.name} is going on in another cnnviz; end it there first") from None
            try:
                (path / _MARK).touch()
            except OSError:
                self._lock.release()
                raise
        _remove(path, TEMPORARY)
        newest = next(iter(_checkpoints(path)), None)
        self._number = int(newest.stem) if newest else 0

    @classmethod
    def create(cls, runs: Path, config: TrainingConfig) -> "RunFolder":
        """Return a new folder in ``runs``, named by time and ``config``; runs ended long ago make room for it.

        RunError or WriteError where that cannot be.
        """
        _make_room(runs)
        dataset = re.sub(r"\W+", "-", Path(config.dataset).name)[:20]
        path = runs / f"{time.strftime('%Y%m%d-%H%M%S')}-{config.preset}-{dataset}-{secrets.token_hex(2)}"
        make_folder(path)
        try:
            return cls(path)
        except UserError:
            _try_to_delete(path)
            raise

    def newest(self) -> Found:
        """Return the newest checkpoint that can be read; RunError where there is none."""
        faults: list[str] = []
        for path in _checkpoints(self.path):
            try:
                checkpoint = read_checkpoint(path)
            except CheckpointError as fault:
                log.warning("%s", fault)
                faults.append(str(fault))
            else:
                return Found(checkpoint, _notice(checkpoint, len(faults)))
        raise RunError(faults[0] if faults else f"the run {self.path.name} has no checkpoint; begin anew")

    def write(self, checkpoint: Checkpoint) -> None:
        """Keep ``checkpoint``, and no more than the newest ones; WriteError where that fails."""
        write_checkpoint(self.path / f"{self._number + 1:06}.checkpoint", checkpoint)
        self._number += 1
        self.step = checkpoint.step
        self._forget_all_but(GENERATIONS)

    def end(self, keeps: int = 1) -> None:
        """Leave the folder as that of a run that was ended, with its newest checkpoints; without any, it is gone."""
        if self.step is not None:  # else the newest may be one that cannot be read, and be all that is left
            self._forget_all_but(keeps)
        self._had_mark = False
        self.give_back()
        if not _checkpoints(self.path):
            _try_to_delete(self.path)

    def give_back(self) -> None:
        """Leave the folder as it was found: that of a run which was ended, or was not."""
        if not self._had_mark:
            with contextlib.suppress(OSError):
                (self.path / _MARK).unlink()
        self._lock.release()

    def abandon(self) -> None:
        """Leave the folder as that of a run that was interrupted."""
        self._lock.release()

    def _forget_all_but(self, count: int) -> None:
        for path in _checkpoints(self.path)[count:]:
            with contextlib.suppress(OSError):
                path.unlink()


def _saved_run(folder: Path) -> SavedRun | None:
    for path in _checkpoints(folder):
        try:
            summary, saved_at = read_summary(path), path.stat().st_mtime
        except (CheckpointError, OSError):
            continue
        is_running = _is_locked(folder)
        return SavedRun(folder, summary, saved_at, is_running, (folder / _MARK).exists() and not is_running)
    return None


def _lock(folder: Path) -> FileLock:
    return FileLock(folder / _LOCK, thread_local=False)


def _is_locked(folder: Path) -> bool:
    try:
        with _lock(folder).acquire(timeout=LOOK_SECONDS, poll_interval=LOOK_SECONDS / 4):
            return False
    except Timeout:
        return True
    except OSError:  # a folder that cannot be written: nobody is at work in it
        return False


def _folders(runs: Path) -> list[Path]:
    try:
        return [Path(entry) for entry in os.scandir(runs) if entry.is_dir()]
    except OSError:
        return []


def _checkpoints(folder: Path) -> list[Path]:
    """Return the files of the checkpoints in ``folder``, the newest first."""
    try:
        files = [Path(entry) for entry in os.scandir(folder) if _CHECKPOINT.fullmatch(entry.name)]
    except OSError:
        return []
    return sorted(files, key=lambda path: int(path.stem), reverse=True)


def _make_room(runs: Path) -> None:
    """Delete the oldest runs but for `MOST_RUNS`, none of them one that goes on."""
    idle = [run for run in saved_runs(runs) if not run.is_running]
    for run in idle[MOST_RUNS - 1 :]:
        _try_to_delete(run.folder)
    long_ago = time.time() - ABANDONED_SECONDS
    for folder in _folders(runs):  # of runs killed before there was a checkpoint
        with contextlib.suppress(OSError):
            if not _checkpoints(folder) and folder.stat().st_mtime < long_ago:
                _try_to_delete(folder)


def _delete(folder: Path) -> None:
    """Delete the folder of a run; Timeout where it goes on somewhere, OSError where it holds anything else."""
    with _lock(folder).acquire(timeout=LOOK_SECONDS, poll_interval=LOOK_SECONDS / 4):
        _remove(folder, _CHECKPOINT)
        _remove(folder, TEMPORARY)
        _remove(folder, re.compile(f"{_MARK}|{_LOCK}"))
        folder.rmdir()


def _try_to_delete(folder: Path) -> None:
    try:
        _delete(folder)
    except (Timeout, OSError) as fault:
        log.info("%s stays: %s", folder, fault)


def _remove(folder: Path, names: re.Pattern[str]) -> None:
    """Delete the files in ``folder`` whose whole names fit."""
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            if names.fullmatch(entry.name):
                os.unlink(entry)


def _notice(checkpoint: Checkpoint, damaged: int) -> str | None:
    """Return what is to be said of going on from ``checkpoint``, before which ``damaged`` newer ones were tried."""
    notices = []
    if damaged:
        newer = "the newest checkpoint is" if damaged == 1 else f"the {damaged} newest checkpoints are"
        notices.append(f"{newer} damaged, so the run goes on from the one before, of step {checkpoint.step:,}")
    if checkpoint.numpy != np.__version__:
        notices.append(
            f"the run was saved by NumPy {checkpoint.numpy}; with {np.__version__} it may go on a little differently"
        )
    return "; ".join(notices) or None
