"""The duty of every test to clean up behind itself, and what tests of several packages share."""

import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from cnnviz.data.datasets import ArrayImageSet, Dataset
from cnnviz.training.config import TrainingConfig
from cnnviz.training.snapshot import Snapshot
from cnnviz.training.trainer import Trainer

GRACE_SECONDS = 2.0  # for threads that are on their way out


@pytest.fixture(autouse=True)
def _no_data_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for datasets in no folder that whoever runs the tests has named for the program."""
    monkeypatch.delenv("CNNVIZ_DATA_DIR", raising=False)


@pytest.fixture(scope="session", autouse=True)
def _no_runs_of_this_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep runs, and whatever else the program keeps for its user, in a folder of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


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
    """Return Python's own threads; of Qt's, only a stand-in is known here, which outlives the thread.

    The threads that share out the work of a batch stay for the next one, as long as the program lives.
    """
    return [
        thread
        for thread in threading.enumerate()
        if thread not in before
        and not isinstance(thread, threading._DummyThread)
        and not thread.name.startswith("cnnviz-compute")
    ]


@pytest.fixture
def peak_of() -> Callable[[Callable[[], object]], int]:
    """Return a function that tells how many bytes more than before a call needs at once, for objects and arrays."""

    def measure(call: Callable[[], object]) -> int:
        tracemalloc.start()
        try:
            call()  # what Python itself keeps from its first traced run is none of the call's
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            call()
            return tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()

    return measure


@pytest.fixture
def dataset_of_noise() -> Dataset:
    """Return 64 random images to learn from and 40 to be tested on."""
    return Dataset("random", "random", _random_digits(64, 1), _random_digits(40, 2))


@pytest.fixture
def make_snapshot(dataset_of_noise: Dataset) -> Callable[..., Snapshot]:
    """Return a function that makes a snapshot of a few real steps and one evaluation on random images.

    With ``records`` the last of these steps is recorded; ``changes`` are settings.
    """

    def make(preset: str, steps: int = 3, records: bool = False, **changes: object) -> Snapshot:
        sizes = {"train_size": 64, "test_size": 40, "batch_size": 8}
        trainer = Trainer(TrainingConfig.from_preset(preset, "strokes", **{**sizes, **changes}), dataset_of_noise)
        events = trainer.events()
        for step in range(1, steps + 1):
            trainer.records_next_step = records and step == steps
            next(events)
        trainer.score()
        return trainer.snapshot(trainer.test_probe(0))

    return make


def _random_digits(count: int, seed: int) -> ArrayImageSet:
    rng = np.random.default_rng(seed)
    return ArrayImageSet(rng.integers(0, 256, (count, 28, 28)).astype(np.uint8), rng.integers(0, 10, count))
