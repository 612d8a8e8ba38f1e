"""What must not happen while the monkey is at it, noted as it happens."""

import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMessageLogContext, QObject, QTimer, QtMsgType, Slot, qInstallMessageHandler

HANG_SECONDS = 2.0
BEAT_MS = 50
GIVE_UP_SECONDS = 60.0  # after which a hang is taken for one without an end
GAVE_UP = 70  # exit code

# What Qt's platform plugins say of themselves, and its test library of where it is told to click.
_NO_FAULT = (
    *("Mouse event at", "This plugin does not support", "QXcbConnection: XError", "qt.qpa."),
    "QGestureManager::deliverEvents: could not find the target",  # of a touch, where a dialog came between
)
_OWN_DOING = "ended unexpectedly (signal 9)"  # the training process, which the monkey kills now and then
_UNEXPECTED = ("unexpected fault", "ended unexpectedly")


class Watch(QObject):
    """Collects faults: exceptions that nobody caught, Qt's warnings, logged errors, a window that does not answer.

    Attributes
    ----------
    faults : list of str
    longest : float
        The longest time in seconds that the window did not answer, without what it waited for a processor.
    """

    def __init__(self, note: Callable[[str], None], last_words: Callable[[], str]) -> None:
        """``note`` is told each fault as it happens, ``last_words`` returns what was being done."""
        super().__init__()
        self.faults: list[str] = []
        self.longest = 0.0
        self._note, self._last_words = note, last_words
        self._thread = threading.get_native_id()
        self._beat, self._waited = time.monotonic(), self._processor_wait()
        self._is_over = threading.Event()
        self._dog = threading.Thread(target=self._look, name="watchdog", daemon=True)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._live)

    def begin(self) -> None:
        """Watch; to be called once the program has installed what it has against faults of its own."""
        qInstallMessageHandler(self._hear_qt)
        logging.getLogger().addHandler(_Listener(self.report))
        hook = sys.excepthook

        def hear(kind: type[BaseException], error: BaseException, trace: object) -> None:
            self.report(f"{kind.__name__}: {error}")
            hook(kind, error, trace)

        sys.excepthook = hear
        self._timer.start(BEAT_MS)
        self._dog.start()

    def end(self) -> None:
        """Watch no longer whether the window answers."""
        self._live()
        self._timer.stop()
        self._is_over.set()
        self._dog.join()

    def leave(self) -> None:
        """Hear no more of Qt, which outlives Python."""
        qInstallMessageHandler(None)

    def report(self, fault: str) -> None:
        """Take down a fault."""
        self.faults.append(f"{fault} (during: {self._last_words()})")
        self._note(f"FAULT {fault}")

    def hear(self, line: str) -> None:
        """Take down what the program tells its user, if it is of something unforeseen."""
        if any(words in line for words in _UNEXPECTED) and _OWN_DOING not in line:
            self.report(line)

    def _hear_qt(self, kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        if kind in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg) or text.startswith(_NO_FAULT):
            return
        print(f"Qt: {text}", file=sys.stderr)
        self.report(f"Qt says: {text}")

    @Slot()
    def _live(self) -> None:
        now, waited = time.monotonic(), self._processor_wait()
        gap = now - self._beat - (waited - self._waited)
        self._beat, self._waited = now, waited
        self.longest = max(self.longest, gap)
        if gap > HANG_SECONDS:
            self.report(f"the window did not answer for {gap:.1f} s")

    def _look(self) -> None:
        """Write down where all threads are as soon as the window is late, and end what will never answer."""
        told = 0.0
        while not self._is_over.wait(0.1):
            beat = self._beat
            late = time.monotonic() - beat - (self._processor_wait() - self._waited)
            if late > HANG_SECONDS and beat != told:
                told = beat
                print(f"no answer for {late:.1f} s during: {self._last_words()}", file=sys.stderr, flush=True)
                faulthandler.dump_traceback(all_threads=True)
            if late > GIVE_UP_SECONDS:
                self._note(f"FAULT the window did not answer for {late:.0f} s")
                os._exit(GAVE_UP)

    def _processor_wait(self) -> float:
        """Return how long the window's thread was ready to run, but had no processor, in seconds."""
        try:
            return int(Path(f"/proc/self/task/{self._thread}/schedstat").read_text().split()[1]) / 1e9
        except (OSError, IndexError):
            return 0.0


class _Listener(logging.Handler):
    """Reports what is logged as an error."""

    def __init__(self, report: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._report = report

    def emit(self, record: logging.LogRecord) -> None:
        self._report(f"logged: {record.getMessage()}")
