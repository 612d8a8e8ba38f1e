"""The one place where training meets Qt: who listens to the process that trains, and prepares what is shown."""

from PySide6.QtCore import QObject, QThread

from cnnviz.training.engine import Engine


class TrainingThread(QThread):
    """Takes what an engine reports to its current run, until the engine is closed or lost.

    Nothing comes as a signal: snapshots would queue up behind a busy window, and what an old run has to say could reach
    the window when a new one is already there. The window looks when it has time.

    Attributes
    ----------
    engine : Engine
    """

    def __init__(self, engine: Engine, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.engine = engine

    def run(self) -> None:
        """Work; Qt calls this on the new thread."""
        self.engine.listen()

    def finish(self) -> None:
        """End the process and wait for the thread."""
        self.engine.close()
        self.wait()
