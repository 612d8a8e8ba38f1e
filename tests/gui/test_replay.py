import threading
from collections.abc import Callable

import pytest
from PySide6.QtTest import QSignalSpy

from cnnviz.gui import replay as replay_module
from cnnviz.gui.replay import Replay, Replayer
from cnnviz.training.movie import Movie
from cnnviz.training.snapshot import Snapshot


@pytest.fixture
def replayer(qapp) -> Replayer:
    replayer = Replayer()
    yield replayer
    replayer.finish()


@pytest.fixture
def recorded(make_snapshot: Callable) -> Snapshot:
    return make_snapshot("escontrela", records=True)


@pytest.fixture
def gate(monkeypatch) -> threading.Event:
    """Hold back every replay until the event is set; it notes which images were asked for."""
    event, original = threading.Event(), Movie.of
    event.images = []

    def wait(record: object, config: object, network: object, image: int) -> Movie:
        event.images.append(image)
        assert event.wait(10)
        return original(record, config, network, image)

    monkeypatch.setattr(replay_module.Movie, "of", wait)
    yield event
    event.set()


def ask(replayer: Replayer, snapshot: Snapshot, image: int) -> None:
    replayer.ask(Replay(snapshot.record, snapshot.config, snapshot.network, image))


def test_that_a_movie_arrives_from_a_thread_of_its_own(replayer, recorded, wait_until):
    spy = QSignalSpy(replayer.arrived)
    ask(replayer, recorded, 3)
    wait_until(spy.count)
    movie = spy.at(0)[0]
    assert (movie.image, movie.record) == (3, recorded.record)


def test_that_of_those_asked_for_meanwhile_only_the_latest_is_made(replayer, recorded, gate, wait_until):
    spy = QSignalSpy(replayer.arrived)
    ask(replayer, recorded, 0)
    wait_until(lambda: gate.images)
    for image in (1, 2, 3):
        ask(replayer, recorded, image)
    gate.set()
    wait_until(spy.count)
    wait_until(lambda: replayer._thread is None)
    assert gate.images == [0, 3]
    assert [spy.at(i)[0].image for i in range(spy.count())] == [3]


def test_that_one_that_is_forgotten_does_not_arrive(replayer, recorded, gate, wait_until):
    spy = QSignalSpy(replayer.arrived)
    ask(replayer, recorded, 0)
    wait_until(lambda: gate.images)
    replayer.forget()
    gate.set()
    wait_until(lambda: replayer._thread is None)
    assert spy.count() == 0


def test_that_finishing_waits_for_the_thread(replayer, recorded, gate, wait_until):
    ask(replayer, recorded, 0)
    wait_until(lambda: gate.images)
    gate.set()
    replayer.finish()
    assert not replayer._thread.isRunning()


def test_that_a_fault_is_told_in_one_line_and_the_next_one_is_made(replayer, recorded, monkeypatch, wait_until):
    spy, arrived = QSignalSpy(replayer.failed), QSignalSpy(replayer.arrived)

    def fail(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(replay_module.Movie, "of", fail)
    ask(replayer, recorded, 0)
    wait_until(spy.count)
    assert spy.at(0)[0] == "step 3 could not be gone through: MemoryError: no room"
    monkeypatch.undo()
    ask(replayer, recorded, 1)
    wait_until(arrived.count)
