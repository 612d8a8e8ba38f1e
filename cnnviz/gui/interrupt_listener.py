"""Signals of the system, brought into Qt's event loop, which may have nothing to do for Python for a long time."""

import signal
import socket
from contextlib import suppress

from PySide6.QtCore import QObject, QSocketNotifier, QTimer, Signal, Slot

from cnnviz import interrupts


class InterruptListener(QObject):
    """Tells that the program is asked to end, from within the event loop: never in the midst of painting.

    Python's own handlers have to be those of `cnnviz.interrupts`, its KeyboardInterrupt put off.
    """

    heard = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._here, self._there = socket.socketpair()
        for end in (self._here, self._there):
            end.setblocking(False)
        self._before = signal.set_wakeup_fd(self._there.fileno(), warn_on_full_buffer=False)
        self._notifier = QSocketNotifier(self._here.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._look)
        QTimer.singleShot(0, self._look)  # for what came before

    @Slot()
    def _look(self) -> None:
        with suppress(BlockingIOError):
            self._here.recv(4096)
        if interrupts.first() is not None:
            self.heard.emit()

    def close(self) -> None:
        """Listen no more."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._before)
        self._here.close()
        self._there.close()
