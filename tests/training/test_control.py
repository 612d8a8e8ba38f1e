import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest

from cnnviz.data.datasets import ArrayImageSet
from cnnviz.training.batches import Ingredient
from cnnviz.training.config import ConfigError
from cnnviz.training.control import Action, Control, NewValue, ProbeChoice, own_digits


class Worker(threading.Thread):
    """Does what a control says, at no cost, and notes when."""

    def __init__(self, control: Control) -> None:
        super().__init__(daemon=True)
        self.control = control
        self.done: list[tuple[Action, float]] = []

    def run(self) -> None:
        while True:
            action = self.control.next_action()
            self.done.append((action, time.monotonic()))
            if action is Action.STOP:
                return

    @property
    def steps(self) -> list[float]:
        return [at for action, at in list(self.done) if action is Action.STEP]

    def wait_for(self, action: Action, timeout: float = 2.0) -> None:
        deadline = time.monotonic() + timeout
        while action not in [done for done, _ in list(self.done)]:
            assert time.monotonic() < deadline, f"{action} did not come within {timeout} s"
            time.sleep(0.001)


@pytest.fixture
def control():
    return Control()


@pytest.fixture
def worker(control):
    worker = Worker(control)
    worker.start()
    yield worker
    control.stop()
    worker.join(2)
    assert not worker.is_alive()


class Rests(Exception):  # noqa: N818 - no error
    """There is nothing to do."""


def due(control: Control, most: int = 50) -> list[Action]:
    """Return what a control wants done until it would wait, or ``most`` times."""

    def rest(timeout: float | None = None) -> None:
        raise Rests

    control._changed.wait = rest
    actions = []
    with suppress(Rests):
        while len(actions) < most:
            actions.append(control.next_action())
    return actions


# What is done next


def test_that_a_new_control_rests(control):
    assert not control.is_running
    assert due(control) == []


def test_that_a_running_control_asks_for_step_after_step(control):
    control.run()
    assert control.is_running
    assert due(control) == 50 * [Action.STEP]


def test_that_a_paused_control_asks_for_one_more_look_and_rests(control):
    control.run()
    control.pause()
    assert not control.is_running
    assert due(control) == [Action.SNAPSHOT]


def test_that_each_single_step_asked_for_is_gone(control):
    for _ in range(3):
        control.step()
    assert not control.is_running
    assert due(control) == 3 * [Action.STEP]


def test_that_a_single_step_ends_a_run(control):
    control.run()
    control.step()
    assert not control.is_running
    assert due(control) == [Action.STEP]


def test_that_a_step_to_be_recorded_ends_a_run_and_is_gone_once(control):
    control.run()
    control.record()
    control.record()
    assert not control.is_running
    assert due(control) == [Action.RECORD]


def test_that_a_step_to_be_recorded_comes_before_whatever_is_wished_for_later(control):
    control.record()
    control.run()
    assert due(control, most=3) == [Action.RECORD, Action.STEP, Action.STEP]
    control.record()
    control.pause()
    assert due(control) == [Action.SNAPSHOT, Action.RECORD]


@pytest.mark.parametrize(("wish", "left"), [(Control.pause, []), (Control.run, [Action.STEP])])
def test_that_pausing_and_running_forget_single_steps_not_yet_gone(control, wish, left):
    control.set_speed(0.1)
    control.step()
    control.step()
    wish(control)
    assert due(control) == [Action.SNAPSHOT, *left]


def test_that_wishes_are_met_in_the_order_look_evaluate_step(control):
    control.step()
    control.evaluate()
    control.set_probe(ProbeChoice(index=3))
    assert due(control) == [Action.SNAPSHOT, Action.EVALUATE, Action.STEP]


def test_that_many_wishes_to_look_or_evaluate_are_met_by_one(control):
    for index in range(100):
        control.set_probe(ProbeChoice(index=index))
        control.set_learning_rate(0.1)
        control.evaluate()
    assert due(control) == [Action.SNAPSHOT, Action.EVALUATE]


def test_that_stop_comes_before_everything_and_for_good(control):
    control.evaluate()
    control.step()
    control.stop()
    control.run()
    assert control.is_stopped
    assert [control.next_action() for _ in range(3)] == 3 * [Action.STOP]


# Settings


def test_that_a_learning_rate_is_handed_over_once(control):
    assert control.take_learning_rate() is None
    control.set_learning_rate(0.1)
    control.set_learning_rate(0.2)
    assert control.take_learning_rate() == 0.2
    assert control.take_learning_rate() is None


@pytest.mark.parametrize("bad", [0, -1, 11, math.nan, math.inf])
def test_that_a_bad_learning_rate_is_refused_where_it_is_set(control, bad):
    with pytest.raises(ConfigError, match=f"^lr: accepted is a number above 0 and up to 10, got {bad}$"):
        control.set_learning_rate(bad)
    assert control.take_learning_rate() is None


@pytest.mark.parametrize("bad", [0, -1, math.nan, math.inf])
def test_that_a_bad_speed_is_refused_where_it_is_set(control, bad):
    with pytest.raises(ConfigError, match=f"^speed: accepted is a number of steps a second above 0, got {bad}$"):
        control.set_speed(bad)
    control.run()
    assert due(control) == 50 * [Action.STEP]


def test_that_new_values_of_parameters_are_handed_over_once_in_their_order(control):
    wanted = [NewValue("conv1", "weight", (3, 0, 1, 2), 0.5), NewValue("conv1", "weight", (3, 0, 1, 2), 0.75)]
    for new in wanted:
        control.set_parameter(*new)
    assert due(control) == [Action.SNAPSHOT]
    assert control.take_new_values() == wanted
    assert control.take_new_values() == []


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e39, "1"])
def test_that_what_no_parameter_can_be_is_refused_where_it_is_set(control, bad):
    with pytest.raises(ConfigError, match=r"^parameter: accepted is a finite number of size 3.4e.38 at most, got "):
        control.set_parameter("conv1", "bias", (0,), bad)
    assert control.take_new_values() == []


def test_that_a_drawing_is_followed_as_it_was_when_it_was_set(control):
    drawing = np.zeros((28, 28), np.uint8)
    control.set_probe(ProbeChoice("drawing", image=drawing))
    drawing[...] = 255
    assert control.probe.kind == "drawing"
    assert not control.probe.image.any()


# Evaluation


def test_that_cancelling_takes_back_an_evaluation_asked_for(control):
    control.evaluate()
    control.cancel_evaluation()
    assert due(control) == []


def test_that_an_old_wish_to_cancel_does_not_touch_a_new_evaluation(control):
    control.cancel_evaluation()
    control.evaluate()
    assert control.next_action() is Action.EVALUATE
    assert not control.evaluation_cancelled
    control.cancel_evaluation()
    control.begin_evaluation()
    assert not control.evaluation_cancelled


def test_that_a_wish_to_cancel_counts_from_the_moment_the_evaluation_is_handed_out(control):
    control.evaluate()
    assert control.next_action() is Action.EVALUATE
    control.cancel_evaluation()
    assert control.evaluation_cancelled


def test_that_stopping_cancels_an_evaluation_whenever_it_began(control):
    control.stop()
    control.begin_evaluation()
    assert control.evaluation_cancelled


# Waking up


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(lambda control: None, id="before the first step"),
        pytest.param(lambda control: (control.set_speed(0.1), control.run()), id="between slow steps"),
    ],
)
@pytest.mark.parametrize(
    ("wish", "action"),
    [
        (lambda control: control.stop(), Action.STOP),
        (lambda control: control.evaluate(), Action.EVALUATE),
        (lambda control: control.set_probe(ProbeChoice(index=1)), Action.SNAPSHOT),
        (lambda control: control.step(), Action.STEP),
        (lambda control: control.set_speed(None) or control.run(), Action.STEP),
    ],
    ids=["stop", "evaluate", "probe", "step", "full speed"],
)
def test_that_a_wish_wakes_a_waiting_worker_at_once(control, worker, rest: Callable, wish: Callable, action: Action):
    rest(control)
    time.sleep(0.05)
    worker.done.clear()
    asked = time.monotonic()
    wish(control)
    worker.wait_for(action)
    assert next(at for done, at in list(worker.done) if done is action) - asked < 0.5


def test_that_a_waiting_worker_sleeps_and_does_not_look_again_and_again(control, worker, monkeypatch):
    waits = []
    wait = control._changed.wait
    monkeypatch.setattr(control._changed, "wait", lambda timeout=None: waits.append(timeout) or wait(timeout))
    control.set_speed(20)
    control.run()
    time.sleep(0.3)
    control.pause()
    time.sleep(0.3)
    assert 1 <= len(waits) <= 2 * len(worker.steps) + 5


# Speed


def test_that_steps_come_at_the_pace_that_was_set(control, worker):
    began = time.monotonic()
    control.set_speed(50)
    control.run()
    time.sleep(0.6)
    control.pause()
    assert 15 <= len(worker.steps) <= 50 * (time.monotonic() - began) + 1


def test_that_the_steps_are_spread_over_time(control, worker):
    control.set_speed(20)
    control.run()
    time.sleep(0.5)
    control.pause()
    assert np.median(np.diff(worker.steps)) == pytest.approx(0.05, abs=0.03)


def test_that_a_run_at_a_slow_pace_begins_with_one_step_and_not_two(control, worker):
    control.set_speed(0.5)
    control.run()
    time.sleep(0.2)
    assert len(worker.steps) == 1


def test_that_steps_do_not_hurry_after_a_long_one(control):
    control.set_speed(10)
    control.run()
    assert control.next_action() is Action.SNAPSHOT
    assert control.next_action() is Action.STEP
    time.sleep(0.45)  # a step as long as four periods
    began = time.monotonic()
    for _ in range(3):
        assert control.next_action() is Action.STEP
    assert time.monotonic() - began >= 0.19


def test_that_moving_the_speed_brings_no_steps_of_its_own(control, worker):
    control.set_speed(0.2)
    control.run()
    for position in range(40):
        control.set_speed(0.2 + position / 200)
        time.sleep(0.005)
    assert len(worker.steps) == 1


def test_that_a_faster_pace_does_not_wait_for_the_end_of_a_slow_period(control, worker):
    control.set_speed(0.1)
    control.run()
    time.sleep(0.05)
    control.set_speed(20)
    time.sleep(0.3)
    assert len(worker.steps) >= 3


def test_that_pausing_and_running_again_does_not_outrun_the_pace(control, worker):
    control.set_speed(0.2)
    for _ in range(20):
        control.run()
        time.sleep(0.005)
        control.pause()
    assert len(worker.steps) == 1


# Own digits

DIGITS = np.arange(2 * 784).reshape(2, 28, 28).astype(np.uint8)
LABELS = np.array([3, 8])
OTHERS = Ingredient("other digit", ArrayImageSet(DIGITS, LABELS), 0.5)


def test_that_others_are_taken_until_own_digits_are_set():
    assert Control().own_digits_or(OTHERS) is OTHERS


def test_that_own_digits_are_kept_as_they_were_when_they_were_set():
    control, images = Control(), DIGITS.copy()
    control.set_own_digits(images, LABELS, 0.25)
    images[:] = 0
    kept, labels = control.own_digits_or(None).images.batch(np.arange(2))
    assert np.array_equal(kept, DIGITS)
    assert labels.tolist() == [3, 8]
    assert control.own_digits_or(None).share == 0.25


@pytest.mark.parametrize(("count", "share"), [(0, 0.5), (2, 0.0)])
def test_that_no_digits_or_no_share_stand_for_none(count, share):
    control = Control()
    control.set_own_digits(DIGITS, LABELS, 0.25)
    control.set_own_digits(DIGITS[:count], LABELS[:count], share)
    assert control.own_digits_or(OTHERS) is None


@pytest.mark.parametrize(
    ("images", "labels", "share", "accepted"),
    [
        (DIGITS / 255, LABELS, 0.5, "images of 28x28 bytes, got float64"),
        (DIGITS[:, :27], LABELS, 0.5, "images of 28x28 bytes, got uint8 of shape (2, 27, 28)"),
        (DIGITS, LABELS[:1], 0.5, "a label for each of the 2 images, got shape (1,)"),
        (DIGITS, LABELS + 2, 0.5, "labels from 0 to 9, got 10"),
        (DIGITS, LABELS, 1.5, "a share from 0 to 1, got 1.5"),
        (DIGITS, LABELS, math.nan, "a share from 0 to 1, got nan"),
    ],
)
def test_that_what_cannot_be_own_digits_is_refused(images, labels, share, accepted):
    with pytest.raises(ConfigError) as caught:
        own_digits(images, labels, share)
    assert str(caught.value).startswith(f"own_digits: accepted is {accepted}")
