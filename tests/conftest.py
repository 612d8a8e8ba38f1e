"""The duty of every test to clean up behind itself."""

import threading
import time
from collections.abc import Iterator

import pytest

GRACE_SECONDS = 2.0  # for threads that are on their way out


@pytest.fixture(autouse=True)
def _no_thread_left_behind() -> Iterator[None]:
    """Fail a test that leaves a thread alive which was not there before."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + GRACE_SECONDS
    left = _alive_since(before)
    while left and time.monotonic() < deadline:
        left[0].join(0.05)
        left = _alive_since(before)
    if left:
        pytest.fail(f"left running: {', '.join(thread.name for thread in left)}")


def _alive_since(before: set[threading.Thread]) -> list[threading.Thread]:
    """Return Python's own threads; of Qt's, only a stand-in is known here, which outlives the thread."""
    return [
        thread
        for thread in threading.enumerate()
        if thread not in before and not isinstance(thread, threading._DummyThread)
    ]
