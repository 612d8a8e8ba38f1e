"""The one place where training meets Qt: a session on a thread of its own."""

import logging

from PySide6.QtCore import QObject, QThread, Signal

from cnnviz.errors import UserError
from cnnviz.training.session import Session

log = logging.getLogger(__name__)


class TrainingThread(QThread):
    """Runs a session until it is told to stop.

    Snapshots do not come as signals, which would queue up behind a busy window, but lie in the session's mailbox.

    Attributes
    ----------
    session : Session
    """

    failed = Signal(str)  # one line for the user; connect it to a slot of an object that lives in the GUI thread

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session

    def run(self) -> None:
        """Work; Qt calls this on the new thread."""
        try:
            self.session.run()
        except UserError as error:
            self.failed.emit(str(error))
        except Exception as error:
            log.exception("training failed")
            self.failed.emit(f"training stopped by an unexpected fault: {type(error).__name__}: {error}")

    def finish(self) -> None:
        """End the session and wait for the thread; it looks for the wish between two steps."""
        self.session.control.stop()
        self.wait()
