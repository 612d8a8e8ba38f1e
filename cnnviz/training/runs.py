"""Runs that are kept: a folder for each, with the newest checkpoints.

As long as a run goes on its folder is locked, and has a mark in it. A folder with the mark that is not locked is that
of a run which nobody ended: its process was killed, or the machine lost its power.
"""

import contextlib
import logging
import os
import re
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from cnnviz.atomic import make_own_folder
from cnnviz.errors import UserError
from cnnviz.training.checkpoint import Checkpoint, CheckpointError
from cnnviz.training.checkpoint_file import Summary, read_checkpoint, read_summary, write_checkpoint
from cnnviz.training.config import TrainingConfig

log = logging.getLogger(__name__)

GENERATIONS = 3  # checkpoints of a run that goes on; of one that was ended, the newest is enough
MOST_RUNS = 10  # of those that have ended
LOCK_SECONDS = 0.2  # for who only looks whether a run is locked

_MARK, _LOCK = "running", "lock"
_CHECKPOINT = re.compile(r"(\d{6,})\.checkpoint")


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


def saved_runs(folder: Path | None = None) -> list[SavedRun]:
    """Return the runs in ``folder`` (None: `runs_folder`), the one saved last first; those that are damaged are not."""
    runs = (_saved_run(path) for path in _folders(folder or runs_folder()))
    return sorted((run for run in runs if run is not None), key=lambda run: run.saved_at, reverse=True)


def find_run(name: str, folder: Path | None = None) -> SavedRun:
    """Return the run of that name, or in the folder of that path; RunError where there is none with a checkpoint."""
    runs = folder or runs_folder()
    path = Path(name) if os.path.basename(name) != name else runs / name
    if run := _saved_run(path):
        return run
    known = ", ".join(run.name for run in saved_runs(runs)) or "none so far"
    raise RunError(f"no run {name} with a checkpoint was found; known are: {known}")


def newest_checkpoint(folder: Path) -> Checkpoint:
    """Return the newest checkpoint of a run that can be read; RunError where there is none."""
    faults = []
    for path in _checkpoints(folder):
        try:
            return read_checkpoint(path)
        except CheckpointError as fault:
            log.warning("%s", fault)
            faults.append(str(fault))
    raise RunError(faults[0] if faults else f"the run {folder.name} has no checkpoint; begin anew")


class RunFolder:
    """The folder of a run that goes on in this process, and in no other one.

    Attributes
    ----------
    path : Path
    step : int or None
        Of its newest checkpoint written here.
    """

    def __init__(self, path: Path) -> None:
        """Take the folder at ``path``, made where there is none.

        RunError where another process has it, WriteError where there can be none.
        """
        self.path = path
        self.step: int | None = None
        self._lock = _lock(path)
        make_own_folder(path)
        try:
            self._lock.acquire(timeout=LOCK_SECONDS)
            (path / _MARK).touch()
        except Timeout:
            raise RunError(f"the run {path.name} is going on in another cnnviz; end it there first") from None
        except OSError as fault:
            raise RunError(f"could not keep the run in {path}: {fault.strerror}; free or name another place") from fault
        newest = next(iter(_checkpoints(path)), None)
        self._number = int(newest.stem) if newest else 0

    @classmethod
    def create(cls, runs: Path, config: TrainingConfig) -> "RunFolder":
        """Return a new folder in ``runs``, named by time and ``config``; runs ended long ago make room for it."""
        _make_room(runs)
        dataset = re.sub(r"\W+", "-", Path(config.dataset).name)[:20]
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{config.preset}-{dataset}-{secrets.token_hex(2)}"
        return cls(runs / name)

    def write(self, checkpoint: Checkpoint) -> None:
        """Keep ``checkpoint``, and no more than the newest ones; WriteError where that fails."""
        write_checkpoint(self.path / f"{self._number + 1:06}.checkpoint", checkpoint)
        self._number += 1
        self.step = checkpoint.step
        self._forget_all_but(GENERATIONS)

    def end(self, keeps: int = 1) -> None:
        """Leave the folder as that of a run that was ended, with its newest checkpoints; without any, it is gone."""
        self._forget_all_but(keeps)
        with contextlib.suppress(OSError):
            (self.path / _MARK).unlink()
        self._lock.release()
        if not _checkpoints(self.path):
            shutil.rmtree(self.path, ignore_errors=True)

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
        with _lock(folder).acquire(timeout=0):
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
        shutil.rmtree(run.folder, ignore_errors=True)
