"""Qt for the tests: one application, and the duty to clean up behind oneself."""

import gc
import os
import shutil
import subprocess
import sys
import threading
import time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QThread, QTimer
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from cnnviz.data.augmentation import Augmentation
from cnnviz.data.datasets import Dataset
from cnnviz.explain.phases import StepPhase, phases_of
from cnnviz.gui.main_window import MainWindow
from cnnviz.gui.settings import Settings
from cnnviz.gui.theme import DARK, apply_theme
from cnnviz.gui.workbench import Workbench
from cnnviz.training.config import TrainingConfig
from cnnviz.training.engine import start_process
from cnnviz.training.movie import Movie
from cnnviz.training.shared_memory import SharedMemory
from cnnviz.training.snapshot import Snapshot
from cnnviz.training.worker import serve


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    app = QApplication.instance() or QApplication(["cnnviz-tests"])
    app.setStyle("Fusion")
    apply_theme(app, DARK)
    return app


def leftovers() -> list[str]:
    """Return what still lives of a test: running threads and processes, active timers, widgets without a parent."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    everything = gc.get_objects()
    processes = [thing for thing in everything if isinstance(thing, subprocess.Popen) and thing.poll() is None]
    alive = [thing for thing in everything if isinstance(thing, QObject) and isValid(thing)]
    found = [thing for thing in alive if isinstance(thing, QThread) and thing.isRunning()]
    found += [thing for thing in alive if isinstance(thing, QTimer) and thing.isActive()]
    found += [thing for thing in QApplication.topLevelWidgets() if isValid(thing) and thing.isVisible()]
    return [repr(thing) for thing in found + processes]


@pytest.fixture(autouse=True)
def no_exception_in_a_slot(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test in which a slot or an event handler raised: Qt only prints such exceptions and goes on."""
    raised: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: raised.append(error))
    yield
    if raised:
        raise raised[0]


class WorkerOnAThread:
    """Stands in for the process that trains, as ``subprocess.Popen`` shows it.

    All that goes through the pipes is the same; but it is there at once, and what a test patches holds in it too.
    """

    pid = 0  # of none

    def __init__(self, memory: SharedMemory) -> None:
        reading, requests = os.pipe()
        reports, writing = os.pipe()
        self.stdin, self.stdout = os.fdopen(requests, "wb"), os.fdopen(reports, "rb")
        self._thread = threading.Thread(
            target=self._serve,
            args=(os.fdopen(reading, "rb"), os.fdopen(writing, "wb"), memory.handle),
            name="worker",
        )
        self._thread.start()

    def _serve(self, requests: BinaryIO, reports: BinaryIO, memory: str) -> None:
        with requests:
            serve(requests, reports, memory)

    def poll(self) -> int | None:
        return None if self._thread.is_alive() else 0

    def wait(self, timeout: float | None = None) -> int:
        self._thread.join(timeout)
        assert not self._thread.is_alive(), "the worker does not end where its requests do"
        return 0


@pytest.fixture(autouse=True)
def worker_on_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every test a worker that starts at once; ``real_process`` undoes that."""
    monkeypatch.setattr("cnnviz.training.engine.start_process", WorkerOnAThread)


@pytest.fixture
def real_process(worker_on_a_thread: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnnviz.training.engine.start_process", start_process)


@pytest.fixture(autouse=True)
def nothing_left_behind(qapp: QApplication) -> Iterator[None]:
    """Fail a test that leaves a thread, a timer or a window alive."""
    yield
    if found := leftovers():
        pytest.fail(f"left behind: {', '.join(found)}")


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


@pytest.fixture
def snapshot(make_snapshot: Callable[..., Snapshot]) -> Snapshot:
    return make_snapshot("escontrela")


@pytest.fixture
def zhou_snapshot(make_snapshot: Callable[..., Snapshot]) -> Snapshot:
    return make_snapshot("zhou")


@pytest.fixture
def untrained_snapshot(make_snapshot: Callable[..., Snapshot]) -> Snapshot:
    return make_snapshot("escontrela", steps=0)


@pytest.fixture
def make_movie(make_snapshot: Callable[..., Snapshot]) -> Callable[..., tuple[Movie, dict[str, StepPhase]]]:
    """Return a function that makes the movie of a run's third step, and its phases by their titles."""

    def make(preset: str, image: int = 0, **changes: object) -> tuple[Movie, dict[str, StepPhase]]:
        snapshot = make_snapshot(preset, records=True, **changes)
        phases = phases_of(snapshot.record, snapshot.config, snapshot.network)
        movie = Movie.of(snapshot.record, snapshot.config, snapshot.network, image)
        return movie, {phase.title: phase for phase in phases}

    return make


@pytest.fixture
def workbench(qapp: QApplication) -> Workbench:
    """Return a workbench whose thread does not run."""
    return Workbench(TrainingConfig.from_preset("escontrela", "strokes"))


@pytest.fixture
def wait_until(qapp: QApplication) -> Callable[..., None]:
    """Return a function that lets Qt work until a condition holds, and fails the test when that takes too long."""

    def wait(condition: Callable[[], object], seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                pytest.fail(f"waited {seconds} s in vain")
            QCoreApplication.processEvents()
            time.sleep(0.002)

    return wait


@pytest.fixture
def random_dataset(monkeypatch: pytest.MonkeyPatch, dataset_of_noise: Dataset) -> Dataset:
    """Make every run train on 64 random images and be tested on 40."""
    dataset = dataset_of_noise
    monkeypatch.setattr("cnnviz.training.session.load_dataset", lambda *args: dataset)
    return dataset


@pytest.fixture
def small_config() -> TrainingConfig:
    """Return settings of a short run that learns images as they are at one rate, whatever is best for its dataset."""
    sizes = {"train_size": 64, "test_size": 40, "batch_size": 8, "epochs": 2}
    return TrainingConfig.from_preset(
        "escontrela", "strokes", **sizes, seed=5, lr=0.001, schedule="constant", augment=Augmentation()
    )


@pytest.fixture
def live(
    qapp: QApplication, random_dataset: Dataset, small_config: TrainingConfig, wait_until: Callable[..., None]
) -> Iterator[Workbench]:
    """Return a workbench whose run is loaded and at rest; ``poll`` is the test's to call."""
    workbench = Workbench(small_config)
    workbench.start_run()
    wait_until(lambda: workbench.poll() or workbench.snapshot)
    yield workbench
    workbench.close()
    workbench.deleteLater()


@pytest.fixture
def make_window(own: Callable[..., QWidget], live: Workbench, qapp: QApplication) -> Callable[..., MainWindow]:
    """Return a function that opens the real window on a live run."""

    def make(
        settings: Settings | None = None, settings_file: Path | None = None, size: tuple[int, int] = (1366, 768)
    ) -> MainWindow:
        window = own(MainWindow(live, settings or Settings(theme="dark"), settings_file))
        window.resize(*size)
        window.show()
        window.activateWindow()
        qapp.processEvents()
        return window

    return make


@pytest.fixture
def window(make_window: Callable[..., MainWindow]) -> MainWindow:
    return make_window()


@pytest.fixture
def keeping(
    live: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait_until: Callable[..., None]
) -> Workbench:
    """Return a workbench whose run is kept, saved whenever it rests, and is at step 0."""
    monkeypatch.setattr("cnnviz.training.autosave.SECONDS_AT_REST", 0.0)
    monkeypatch.setattr("cnnviz.training.autosave.PART_OF_TIME", float("inf"))
    live.runs = tmp_path / "runs"
    live.start_run()
    wait_until(lambda: live.poll() or live.snapshot)
    return live


@pytest.fixture
def saved_at(keeping: Workbench, wait_until: Callable[..., None]) -> Callable[[int], Path]:
    """Return a function that trains up to a step, and returns the run's folder once that is saved."""

    def train(step: int) -> Path:
        while keeping.snapshot.step < step:
            before = keeping.snapshot.step
            keeping.step()
            wait_until(lambda before=before: keeping.poll() or keeping.snapshot.step > before)
        wait_until(lambda: keeping.poll() or (keeping.saved is not None and keeping.saved.step == step))
        return keeping.saved.folder

    return train


@pytest.fixture
def interrupted(keeping: Workbench, saved_at: Callable[[int], Path], wait_until: Callable[..., None]) -> Path:
    """Return the folder of a run that was killed after step 3; the workbench begins another one."""
    going_on = saved_at(3)
    folder = going_on.with_name("interrupted")
    shutil.copytree(going_on, folder)  # as it lies there at that moment, but without the lock of a process
    keeping.start_run()
    wait_until(lambda: keeping.poll() or keeping.snapshot)
    shutil.rmtree(going_on)
    return folder
