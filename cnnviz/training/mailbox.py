"""From the worker to the window: room for one thing, the newest."""

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """A slot that a writer overwrites and a reader empties, each from its own thread; neither ever waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._content: T | None = None

    def put(self, content: T) -> None:
        """Put ``content`` into the slot; what lay there is dropped."""
        with self._lock:
            self._content = content

    def take(self) -> T | None:
        """Return what lies in the slot and empty it; None where nothing new came."""
        with self._lock:
            content, self._content = self._content, None
            return content

    @property
    def is_empty(self) -> bool:
        """Whether the reader has taken all that came."""
        return self._content is None
