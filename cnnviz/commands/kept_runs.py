"""What ``cnnviz train`` shows and says of runs that are kept."""

import math
import shlex
from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cnnviz.commands.console import percent
from cnnviz.training.autosave import Autosave
from cnnviz.training.config import ConfigError, check_lr
from cnnviz.training.divergence import DivergenceError
from cnnviz.training.runs import SavedRun, runs_folder

# What makes a run another one.
_SETTINGS = (
    *("preset", "dataset", "train_size", "test_size", "batch_size", "optimizer", "schedule", "ties"),
    *("seed", "freeze", "mix", "fresh", "augment"),
)
_COLUMNS = ("run", "network", "data", "step", "epochs", "cost", "accuracy", "saved", "state")
_TEXT_COLUMNS = 3  # the first few, to the left; figures to the right


def list_runs(runs: Sequence[SavedRun]) -> str:
    """Return a table of ``runs``."""
    if not runs:
        return f"no run was kept in {runs_folder()} so far"
    rows = [_COLUMNS, *(_row(run) for run in runs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if number < _TEXT_COLUMNS else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def check_resumption(args: Namespace, run: SavedRun) -> None:
    """Refuse, as a wrong call, settings with which ``run`` cannot be gone on with; ConfigError for those it could."""
    for name in _SETTINGS:
        value = getattr(args, name)
        if value is not None and value is not False:
            option = f"--{name.replace('_', '-')}"
            args.parser.error(
                f"argument {option}: cannot be given with --resume, for the settings are those of the run; "
                "only --epochs, --lr, --data-dir, --out, --json and --threads can"
            )
    begun = run.summary.epoch + (run.summary.step_in_epoch > 0)
    if args.epochs is not None and args.epochs < max(begun, 1):
        raise ConfigError("epochs", f"{max(begun, 1)} or more, the epochs begun so far", args.epochs)
    if args.lr is not None:
        check_lr(args.lr)


def call_to_resume(folder: Path, *options: object) -> str:
    """Return what to type to go on with the run in ``folder``."""
    name = folder.name if folder.parent == runs_folder() else folder
    return shlex.join(["train", "--resume", str(name), *map(str, options)])


def account_of_divergence(fault: DivergenceError, autosave: Autosave) -> str:
    """Return what happened, and what to type to go back, in one line."""
    tenth = f"{fault.divergence.learning_rate / 10:g}"
    if autosave.saved is None:
        return f"{fault.account}; begin anew with a tenth of that rate: --lr {tenth}"
    call = call_to_resume(autosave.saved.folder, "--lr", tenth)
    return f"{fault.account}; {call} goes back to step {autosave.saved.step:,} with a tenth of that rate"


def account_of_interruption(args: Namespace, autosave: Autosave) -> str:
    """Return what has become of a run that was interrupted, in one line."""
    if autosave.saved is None:
        return "interrupted; nothing was written" if args.out or args.json else "interrupted"
    files = [part for name in ("out", "json") if (file := getattr(args, name)) for part in (f"--{name}", file)]
    call = call_to_resume(autosave.saved.folder, *files)
    return f"interrupted after step {autosave.saved.step:,}; {call} goes on from there"


def _row(run: SavedRun) -> tuple[str, ...]:
    summary = run.summary
    return (
        run.name,
        summary.config.preset,
        Path(summary.config.dataset).name,
        f"{summary.step:,}",
        f"{summary.epoch}/{summary.epochs}",
        "-" if summary.loss is None else f"{summary.loss:.3f}",
        percent(math.nan if summary.accuracy is None else summary.accuracy),
        datetime.fromtimestamp(run.saved_at).strftime("%Y-%m-%d %H:%M"),
        _state(run),
    )


def _state(run: SavedRun) -> str:
    if run.is_running:
        return "going on"
    if run.was_interrupted:
        return "interrupted"
    return "finished" if run.is_finished else "stopped"
