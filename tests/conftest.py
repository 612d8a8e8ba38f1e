"""The duty of every test to clean up behind itself, and what tests of several packages share."""

import signal
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from cnnviz import interrupts
from cnnviz.data.datasets import ArrayImageSet, Dataset
from cnnviz.training.config import TrainingConfig
from cnnviz.training.snapshot import Snapshot
from cnnviz.training.trainer import Trainer

GRACE_SECONDS = 2.0  # for threads that are on their way out


@pytest.fixture(autouse=True, scope="session")
def _no_log_of_this_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have all processes write their logs into a folder of the tests'."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True, scope="session")
def _heed_interrupts() -> None:
    """Undo what shells do to jobs in the background, and ``nohup`` to its own, in case the tests are one."""
    for number in interrupts.SIGNALS:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _dying_is_pytests_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave it to pytest where its own process was when it died."""
    monkeypatch.setattr("cnnviz.logs._note_deaths", lambda stream: None)


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
def _no_signal_of_an_earlier_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test find that another one was asked to end."""
    monkeypatch.setattr(interrupts._state, "first", None)


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


@pytest.fixture
def resumed_snapshot(dataset_of_noise: Dataset) -> Snapshot:
    """Return what a run of three steps looks like that has just been gone on with: without batch and gradients."""
    sizes = {"train_size": 64, "test_size": 40, "batch_size": 8}
    trainer = Trainer(TrainingConfig.from_preset("escontrela", "strokes", **sizes), dataset_of_noise)
    for _ in range(3):
        next(trainer.events())
    trainer.score()
    resumed = Trainer.resumed(trainer.checkpoint(), dataset_of_noise)
    return resumed.snapshot(resumed.test_probe(0))


def _random_digits(count: int, seed: int) -> ArrayImageSet:
    rng = np.random.default_rng(seed)
    return ArrayImageSet(rng.integers(0, 256, (count, 28, 28)).astype(np.uint8), rng.integers(0, 10, count))


class Mirror(ThreadingHTTPServer):
    """A server on this machine that answers every request by one function, and notes what it was asked for."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[str] = []
        self.released = threading.Event()
        self.name = f"127.0.0.1:{self.server_port}"
        self.url = f"http://{self.name}/mnist/"

    daemon_threads = False  # so that server_close waits for them

    def handle_error(self, *_: object) -> None:
        """Clients that hang up are what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append(self.path.removeprefix("/mnist/"))
        self.server.answer(self)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Mirror]]:
    """Return a function that starts a mirror; afterwards see to it that no download is left running."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    mirrors = []

    def start(answer: Callable[[BaseHTTPRequestHandler], None]) -> Mirror:
        mirror = Mirror(answer)
        thread = threading.Thread(target=mirror.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        mirrors.append((mirror, thread))
        return mirror

    yield start
    for mirror, thread in mirrors:
        mirror.released.set()
        mirror.shutdown()
        mirror.server_close()
        thread.join()
    downloads = [thread for thread in threading.enumerate() if thread.name == "download"]
    for thread in downloads:
        thread.join(GRACE_SECONDS)
    assert not any(thread.is_alive() for thread in downloads)
