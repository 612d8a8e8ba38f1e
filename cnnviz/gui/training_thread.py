"""The one place where training meets Qt: a session on a thread of its own."""

import logging

from PySide6.QtCore import QObject, QThread

from cnnviz.errors import UserError
from cnnviz.training.session import Session

log = logging.getLogger(__name__)


class TrainingThread(QThread):
    """Runs a session until it is told to stop.

    Nothing comes as a signal: snapshots would queue up behind a busy window, and what an old run has to say could reach
    the window when a new one is already there. The window looks when it has time.

    Attributes
    ----------
    session : Session
    failure : str or None
        What ended the session, in one line for the user; None while nothing went wrong.
    """

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.failure: str | None = None

    def run(self) -> None:
        """Work; Qt calls this on the new thread."""
        try:
            self.session.run()
        except UserError as error:
            self.failure = str(error)
        except Exception as error:
            log.exception("training failed")
            self.failure = f"training stopped by an unexpected fault: {type(error).__name__}: {error}"

    def finish(self) -> None:
        """End the session and wait for the thread; it looks for the wish between two steps."""
        self.session.control.stop()
        self.wait()
