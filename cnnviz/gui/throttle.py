"""A timer for work that events ask for more often than it is worth doing."""

import math
import time

from PySide6.QtCore import QObject, Qt, QTimer, Slot


class Throttle(QTimer):
    """Fires soon after a request, but ``interval`` seconds after the last time at the earliest.

    Whatever is asked for until then counts as one request.
    """

    def __init__(self, interval: float, parent: QObject) -> None:
        super().__init__(parent)
        self.setSingleShot(True)
        self.setTimerType(Qt.TimerType.PreciseTimer)
        self._spacing = interval
        self._fired_at = -interval
        self.timeout.connect(self._note_time)

    def request(self) -> None:
        """Ask for the timer to fire."""
        if not self.isActive():
            wait = self._fired_at + self._spacing - time.monotonic()
            self.start(max(0, math.ceil(1000 * wait)))

    def request_at_once(self) -> None:
        """Do the same, but fire from within this call if the last time is long enough ago."""
        if not self.isActive() and time.monotonic() - self._fired_at >= self._spacing:
            self.timeout.emit()
        else:
            self.request()

    @Slot()
    def _note_time(self) -> None:
        self._fired_at = time.monotonic()
