"""Qt for the tests: one application, and the duty to clean up behind oneself."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QWidget

from cnnviz.data.datasets import ArrayImageSet, Dataset
from cnnviz.gui.theme import DARK, apply_theme
from cnnviz.gui.workbench import Workbench
from cnnviz.training.config import TrainingConfig
from cnnviz.training.snapshot import Snapshot
from cnnviz.training.trainer import Trainer


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    app = QApplication.instance() or QApplication(["cnnviz-tests"])
    app.setStyle("Fusion")
    apply_theme(app, DARK)
    return app


@pytest.fixture
def own(qapp: QApplication) -> Iterator[Callable[[QWidget], QWidget]]:
    """Hand a widget over to be closed and deleted after the test."""
    widgets: list[QWidget] = []

    def take(widget: QWidget) -> QWidget:
        widgets.append(widget)
        return widget

    yield take
    for widget in widgets:
        widget.close()
        widget.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def random_digits(count: int, seed: int) -> ArrayImageSet:
    rng = np.random.default_rng(seed)
    return ArrayImageSet(rng.integers(0, 256, (count, 28, 28)).astype(np.uint8), rng.integers(0, 10, count))


def make_snapshot(preset: str, steps: int = 3) -> Snapshot:
    """Return a snapshot of a few real steps and one evaluation on random images."""
    config = TrainingConfig.from_preset(preset, "strokes", train_size=64, test_size=40, batch_size=8)
    trainer = Trainer(config, Dataset("random", "random", random_digits(64, 1), random_digits(40, 2)))
    events = trainer.events()
    for _ in range(steps):
        next(events)
    trainer.score()
    return trainer.snapshot(trainer.test_probe(0))


@pytest.fixture
def snapshot() -> Snapshot:
    return make_snapshot("escontrela")


@pytest.fixture
def zhou_snapshot() -> Snapshot:
    return make_snapshot("zhou")


@pytest.fixture
def workbench(qapp: QApplication) -> Workbench:
    """Return a workbench whose thread does not run."""
    return Workbench(TrainingConfig.from_preset("escontrela", "strokes"))
