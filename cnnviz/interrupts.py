"""Wishes from outside that the program end: Ctrl+C, SIGTERM, a terminal that is closed.

The first one raises KeyboardInterrupt, at once, or where that would break something at the end of what is going on.
Until the program has ended further ones are not heeded for half a second, for terminals and those who start programs
often send twice what is meant once. After that whoever sends another one will not wait: the process ends at that
moment. What is being written then is left as it was, for files are only ever replaced by whole ones.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE_SECONDS = 0.5  # after which another interrupt ends the process, ready or not

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))
"""What asks a program to end."""


class _State:
    """What came so far, and whether raising has to wait; signals are the process's, so there is one."""

    first: int | None = None
    came_at = 0.0
    put_off = 0


_state = _State()


def first() -> int | None:
    """Return the number of the first signal that asked for the end; None where none did."""
    return _state.first


def exit_code() -> int:
    """Return what a shell reports for a process that a signal ended: 128 and its number."""
    return 128 + (_state.first or signal.SIGINT)


def check() -> None:
    """Raise KeyboardInterrupt where the end has been asked for."""
    if _state.first is not None:
        raise KeyboardInterrupt


@contextmanager
def heeded(for_good: bool = False) -> Iterator[None]:
    """Heed all of `SIGNALS`, but those that whoever started the process wants ignored, as ``nohup`` does.

    Afterwards they are heeded as before; ``for_good``: they end the process at once, silently, for it has nothing left
    to do. Does nothing on other threads than the first, which get no signals.
    """
    if not _gets_signals():
        yield
        return
    _state.first = None
    before = {number: signal.getsignal(number) for number in SIGNALS}
    mine = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    for number in mine:
        signal.signal(number, _hear)
    try:
        yield
    finally:
        for number, handler in mine.items():
            signal.signal(number, signal.SIG_DFL if for_good else handler)


@contextmanager
def put_off() -> Iterator[None]:
    """Raise the KeyboardInterrupt only at the end, unless something else is raised there.

    For what loses an exception or is left in pieces by one: Qt, threads being started, and modules being imported.
    """
    if not _gets_signals():
        yield
        return
    _state.put_off += 1
    try:
        yield
    finally:
        _state.put_off -= 1
    if not _state.put_off:
        check()


@contextmanager
def held_back() -> Iterator[None]:
    """Have a process that is started here deaf to `SIGNALS` from its first moment on; here they come a moment later."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows, where the process sees to that itself
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore() -> None:
    """Be deaf to `SIGNALS`: they reach all processes of a terminal, and somebody else decides."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _gets_signals() -> bool:
    return threading.current_thread() is threading.main_thread()


def _hear(number: int, _: FrameType | None) -> None:
    now = time.monotonic()
    if _state.first is None:
        _state.first, _state.came_at = number, now
        if not _state.put_off:
            raise KeyboardInterrupt
    elif now - _state.came_at >= PATIENCE_SECONDS:
        os._exit(128 + number)
