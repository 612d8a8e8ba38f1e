"""What the commands share: progress for people on stderr, results on stdout or in a file."""

import json
import math
import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import TextIO

import numpy as np
from tqdm import tqdm

from cnnviz.atomic import ADVICE, WriteError, check_writable, write_atomically
from cnnviz.errors import UserError

SECONDS_BETWEEN_LINES = 10.0  # of a bar that goes into a file, where it cannot overwrite itself

# A bar needs neither tqdm's watching thread nor its lock between processes.
tqdm.monitor_interval = 0
tqdm.set_lock(threading.RLock())


def bar(total: int | None, what: str, unit: str, delay: float = 0.5, done: int = 0) -> tqdm:
    """Return a progress bar on stderr, a context manager; what ends within ``delay`` seconds shows none.

    ``done`` of the ``total`` was done before, in no time that the bar would know of.
    """
    return tqdm(
        total=total,
        initial=done,
        desc=what,
        unit=unit,
        unit_scale=unit == "B",
        leave=False,
        delay=delay,
        dynamic_ncols=True,
        disable=sys.stderr is None,
        mininterval=0.1 if is_terminal(sys.stderr) else SECONDS_BETWEEN_LINES,
    )


def follow(progress_bar: tqdm) -> Callable[[int, int], None]:
    """Return a ``progress`` callback that moves a bar."""

    def report(done: int, total: int) -> None:
        if total and progress_bar.total != total:
            progress_bar.total = total
        progress_bar.update(done - progress_bar.n)

    return report


def say(text: str) -> None:
    """Print for people, on stderr, above a bar that may be there."""
    if sys.stderr is not None:
        tqdm.write(text, file=sys.stderr)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether somebody looks at ``stream``."""
    return stream is not None and stream.isatty()


def deliver(result: Mapping[str, object], destination: str | None, summary: str) -> None:
    """Write a result: as JSON to the file ``destination`` or, for "-", to stdout; the summary wherever JSON is not.

    Raises
    ------
    WriteError
        If the file cannot be written; the JSON is on stdout then.
    """
    if destination == "-":
        show(to_json(result))
        return
    if destination is not None:
        content = f"{to_json(result)}\n".encode()
        try:
            write_atomically(destination, lambda stream: stream.write(content))
        except WriteError as fault:  # the work that led to the result may have taken hours
            show(to_json(result))
            raise WriteError(f"{fault}; the result is on standard output instead") from fault
    show(summary)


def show(text: str) -> None:
    """Print a result on stdout; UserError where that is full."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as fault:
        raise UserError(f"could not write to standard output: {ADVICE.get(fault.errno, fault.strerror)}") from fault


def to_json(result: Mapping[str, object]) -> str:
    """Return one JSON object, arrays as lists and what is not a number as null."""
    return json.dumps(_plain(result), allow_nan=False)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def check_json_destination(destination: str | None) -> None:
    """Raise, before the work, what writing to what follows ``--json`` would raise."""
    if destination == "":
        raise UserError("--json needs the name of a file, or - for standard output")
    if destination not in (None, "-"):
        check_writable(destination)


def percent(share: float) -> str:
    """Return a share of 1 as per cent with two digits; a dash for NaN."""
    return "-" if math.isnan(share) else f"{100 * share:.2f} %"


def recall_line(recall: np.ndarray) -> str:
    """Return the recall of the ten digits in one line, in per cent."""
    shares = ("-" if math.isnan(share) else f"{100 * share:.1f}" for share in recall)
    return f"recall in %   {'   '.join(f'{digit}: {share}' for digit, share in enumerate(shares))}"
