"""What the window and the process that trains say to each other, and how it goes through a pipe.

The window's process sends `Begin`, `Wish`, `Ready` and `Goodbye`, the one that trains sends `Report`. Each report has
to be answered with `Ready` before the next one comes, so that a busy window never has a backlog before it.
"""

import pickle
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cnnviz.nn import Parameters
from cnnviz.training.autosave import Saved
from cnnviz.training.config import TrainingConfig
from cnnviz.training.control import ProbeChoice
from cnnviz.training.divergence import Divergence
from cnnviz.training.history import HistoryNews
from cnnviz.training.session import Status
from cnnviz.training.snapshot import State


@dataclass(frozen=True)
class Begin:
    """Give up the run so far and begin another one, at rest.

    Attributes
    ----------
    run : int
        Its number; all messages about it carry it, and those about an earlier run are left unread.
    config : TrainingConfig
    parameters : Parameters or None
        To begin with; None: random ones.
    steps_per_second : float or None
    probe : ProbeChoice
        Pace and probe from the first moment on.
    runs : Path or None
        Where the run is kept; None: nowhere.
    resume : Path or None
        Folder of the run to go on with, whose settings ``config`` are; None: a new one.
    """

    run: int
    config: TrainingConfig
    parameters: Parameters | None
    steps_per_second: float | None
    probe: ProbeChoice
    runs: Path | None = None
    resume: Path | None = None


@dataclass(frozen=True)
class Wish:
    """Call the method ``name`` of the run's `Control` with ``arguments``."""

    run: int
    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Ready:
    """The latest report of the run has been looked at; the next one may come."""

    run: int


@dataclass(frozen=True)
class Goodbye:
    """No more will come. Where this was not said, the window is gone without a word, and the run was interrupted."""


@dataclass(frozen=True)
class Report:
    """Where a run is.

    Attributes
    ----------
    run : int
    wishes : int
        How many wishes have been granted; ``is_running`` does not know of later ones.
    is_running : bool
    status : Status
    failure : str or None
        What ended the run, in one line for the user.
    trace : str or None
        Where in the program that was, for those who can mend it; None where nothing is to be mended.
    divergence : Divergence or None
        Where training diverged, if that ended it.
    saved : Saved or None
        The run's newest checkpoint.
    save_fault : str or None
        Why the newest one could not be kept, in one line.
    notice : str or None
        What the user should know of how a run is gone on with, in one line.
    state : State or None
        The newest one; None where the latest report had it already. Its ``history`` is in ``news``, its ``parameters``
        and ``gradients`` in shared memory, and its ``record`` is None where an earlier report of the run had it.
    news : HistoryNews or None
        What the history has more than in the state before.
    slot : int
        Which of the two places in shared memory, shape (2, 2, size), holds parameters and gradients. They stay there
        until this report has been answered with `Ready`, and the next one has been sent.
    """

    run: int
    wishes: int
    is_running: bool
    status: Status
    failure: str | None
    trace: str | None = None
    divergence: Divergence | None = None
    saved: Saved | None = None
    save_fault: str | None = None
    notice: str | None = None
    state: State | None = None
    news: HistoryNews | None = None
    slot: int = 0


Message = Begin | Wish | Ready | Goodbye | Report

_COUNT = struct.Struct("<I")


def send(stream: BinaryIO, message: Message) -> None:
    """Write ``message``; its arrays go as they lie in memory, uncopied."""
    buffers: list[pickle.PickleBuffer] = []
    frame = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
    parts = [frame, *(buffer.raw() for buffer in buffers)]
    stream.write(_COUNT.pack(len(parts)))
    stream.write(struct.pack(f"<{len(parts)}Q", *map(len, parts)))
    for part in parts:
        stream.write(part)
    stream.flush()


def receive(stream: BinaryIO) -> Message:
    """Wait for the next message and return it, its arrays read-only; EOFError where the other side is gone.

    Only for streams of this program's own making: a pickle can run code.
    """
    (count,) = _COUNT.unpack(_read(stream, _COUNT.size))
    sizes = struct.unpack(f"<{count}Q", _read(stream, 8 * count))
    frame, *buffers = [_read(stream, size) for size in sizes]
    return pickle.loads(frame, buffers=buffers)


def _read(stream: BinaryIO, size: int) -> np.ndarray:
    """Return the next ``size`` bytes, read-only, in memory of their own."""
    content = np.empty(size, np.uint8)
    if stream.readinto(content) != size:
        raise EOFError
    content.flags.writeable = False
    return content
