from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from PySide6.QtWidgets import QWidget

from cnnviz.explain.routing import route_batch
from cnnviz.gui import batch_routing
from cnnviz.gui.batch_routing import BatchRouting


@pytest.fixture
def batch(own: Callable[[QWidget], QWidget]) -> Iterator[BatchRouting]:
    batch = BatchRouting(own(QWidget()))
    yield batch
    batch.forget()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list of the snapshots whose batches are routed."""
    begun: list[object] = []

    def count(snapshot, layer, earlier):
        begun.append(snapshot)
        return route_batch(snapshot, layer, earlier)

    monkeypatch.setattr(batch_routing, "route_batch", count)
    return begun


def last(snapshot, earlier=None):
    *_, routing = route_batch(snapshot, "pool1", earlier)
    return routing


def test_that_the_whole_batch_is_routed(batch, snapshot, wait_until):
    heard = []
    batch.ready.connect(lambda: heard.append(batch.routing))
    batch.ask(snapshot, "pool1", None)
    assert batch.routing is None
    wait_until(lambda: heard)
    assert heard == [last(snapshot)]
    assert batch.snapshot is snapshot


def test_that_the_same_is_not_reckoned_twice(batch, snapshot, wait_until, counted):
    for _ in range(3):
        batch.ask(snapshot, "pool1", None)
        wait_until(lambda: batch.routing and not batch._rest.isActive())
    assert counted == [snapshot]


def test_that_only_the_newest_of_many_questions_is_answered_after_the_first(batch, snapshot, wait_until, counted):
    others = [replace(snapshot, step=step) for step in range(5)]
    for each in (snapshot, *others):
        batch.ask(each, "pool1", None)
    wait_until(lambda: batch.snapshot is others[-1])
    assert counted == [snapshot, others[-1]]


def test_that_there_is_a_rest_between_two_answers(batch, snapshot, wait_until, counted):
    batch.ask(snapshot, "pool1", None)
    wait_until(lambda: batch.routing)
    assert batch._rest.remainingTime() > 0
    batch.ask(replace(snapshot), "pool1", None)
    assert not batch._thread.isRunning()
    wait_until(lambda: len(counted) == 2)


def test_that_new_winners_are_counted_since_the_earlier_snapshot(batch, make_snapshot, wait_until):
    earlier, now = (make_snapshot("escontrela", steps) for steps in (2, 3))
    batch.ask(now, "pool1", earlier)
    wait_until(lambda: batch.routing)
    assert batch.routing.changed == last(now, earlier).changed


def test_that_what_was_found_of_another_network_is_dropped_at_once(batch, snapshot, zhou_snapshot, wait_until):
    batch.ask(snapshot, "pool1", None)
    wait_until(lambda: batch.routing)
    batch.ask(zhou_snapshot, "pool1", None)
    assert batch.routing is None
    wait_until(lambda: batch.routing)
    assert batch.routing == last(zhou_snapshot)


def test_that_a_question_can_be_withdrawn_at_any_time(batch, snapshot, wait_until):
    batch.ask(snapshot, "pool1", None)
    batch.forget()
    assert not batch._thread.isRunning()
    assert not batch._rest.isActive()
    assert batch.routing is None
    batch.ask(snapshot, "pool1", None)
    wait_until(lambda: batch.routing)
    assert batch.routing == last(snapshot)
