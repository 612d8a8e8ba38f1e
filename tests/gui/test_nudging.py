"""The workbench while one number is nudged: what is shown is another network, and the run knows nothing of it."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from cnnviz.explain.places import INPUT, Cell, Probability, Weight, value_at
from cnnviz.explain.what_if import WhatIf
from cnnviz.formats import read_parameters
from cnnviz.training.control import ProbeChoice
from cnnviz.training.divergence import DivergenceError
from cnnviz.training.evaluation import evaluate
from cnnviz.training.session import Phase
from cnnviz.training.trainer import Trainer

CENTRE = Weight("conv1", "weight", (3, 0, 1, 2))
PIXEL = Cell(INPUT, (12, 13, 0))


def told(workbench):
    """Return a list of what is told from now on."""
    lines = []
    workbench.message.connect(lines.append)
    workbench.failed.connect(lines.append)
    return lines


def rests_after(workbench, step):
    workbench.poll()
    return workbench.status.phase is Phase.PAUSED and workbench.newest.step >= step


def same_bits(a, b):
    return a.parameters.vector.tobytes() == b.parameters.vector.tobytes()


def test_that_what_is_shown_is_the_network_with_that_number_and_the_run_has_the_old_one(live, wait_until):
    run = live.snapshot
    before = run.parameters.vector.copy()
    live.choose(CENTRE)
    live.nudge_to(value_at(run, CENTRE) + 1)
    assert live.snapshot is live.nudge
    assert (live.nudge.before, live.nudge.actual) == (value_at(run, CENTRE), run)
    assert live.snapshot.trace.loss != run.trace.loss
    assert live.newest is run
    image = run.trace.probe.image
    np.testing.assert_allclose(live.classify(image), live.nudge.trace.probabilities, rtol=1e-4, atol=1e-7)
    live.restore()
    assert live.snapshot is run
    assert live.nudge is None
    assert run.parameters.vector.tobytes() == before.tobytes()


def test_that_nudging_and_restoring_never_reaches_training(live, small_config, random_dataset, wait_until):
    live.choose(CENTRE)
    for step in range(1, 5):
        live.nudge_by(3)
        live.poll()
        live.nudge_to(-2.5)
        live.restore()
        live.step()
        wait_until(lambda step=step: rests_after(live, step))
    plain = Trainer(small_config, random_dataset)
    events = plain.events()
    for _ in range(4):
        next(events)
    assert live.snapshot.parameters.vector.tobytes() == plain.parameters.vector.tobytes()
    assert live.snapshot.history.edits == ()


def test_that_what_is_kept_is_part_of_the_run_and_training_goes_on_from_it(
    live, small_config, random_dataset, wait_until, tmp_path
):
    live.step()
    wait_until(lambda: rests_after(live, 1))
    old = value_at(live.snapshot, CENTRE)
    live.choose(CENTRE)
    live.nudge_to(1.25)
    lines = told(live)
    live.keep()
    assert live.nudge is None
    assert value_at(live.snapshot, CENTRE) == 1.25  # at once, without a flicker back to the old one
    wait_until(lambda: live.poll() or live.snapshot.history.edits)
    assert live.snapshot.history.edits == ((1, "conv1/weight[3,0,1,2]", old, 1.25),)
    assert np.float32(lines[0].partition("to go back, keep ")[2].partition(" ")[0]) == np.float32(old)
    plain = Trainer(small_config, random_dataset)
    events = plain.events()
    next(events)
    plain.parameters["conv1"]["weight"][3, 0, 1, 2] = 1.25
    assert same_bits(live.snapshot, plain)
    for step in (2, 3):
        next(events)
        live.step()
        wait_until(lambda step=step: rests_after(live, step))
    assert same_bits(live.snapshot, plain)
    live.export(tmp_path / "p.npz")
    saved = read_parameters(tmp_path / "p.npz").training["edits"]
    assert saved == [{"step": 1, "parameter": "conv1/weight[3,0,1,2]", "before": old, "after": 1.25}]


def test_that_keeping_the_old_value_again_takes_it_back(live, wait_until):
    first = live.snapshot
    live.choose(CENTRE)
    for value, edits in ((0.5, 1), (value_at(first, CENTRE), 2)):
        live.nudge_to(value)
        live.keep()
        wait_until(lambda edits=edits: live.poll() or len(live.snapshot.history.edits) == edits)
    assert same_bits(live.snapshot, first)


def test_that_a_reset_begins_without_what_was_kept(live, wait_until, tmp_path):
    first = live.snapshot
    live.choose(CENTRE)
    live.nudge_to(0.5)
    live.keep()
    wait_until(lambda: live.poll() or live.snapshot.history.edits)
    live.reset()
    wait_until(lambda: live.poll() or live.snapshot)
    assert same_bits(live.snapshot, first)
    assert live.snapshot.history.edits == ()
    assert "edits" not in live.saved_parameters().training


def test_that_keeping_what_is_not_changed_is_no_edit(live, wait_until):
    live.choose(CENTRE)
    live.nudge_by(2)
    live.nudge_by(-2)
    assert live.nudge.value == live.nudge.before
    live.keep()
    assert live.nudge is None
    live.step()
    wait_until(lambda: rests_after(live, 1))
    assert live.snapshot.history.edits == ()


def test_that_a_pixel_can_be_nudged_but_not_kept(live):
    live.choose(PIXEL)
    live.nudge_to(0.5)
    lines = told(live)
    live.keep()
    assert live.nudge.place == PIXEL
    assert lines == ["a pixel cannot be kept: it is given, not learnt; only weights and biases are the network's"]


def test_that_a_notch_is_a_tenth_of_the_scale_of_the_array(live):
    live.choose(CENTRE)
    largest = np.abs(live.snapshot.parameters["conv1"]["weight"]).max()
    assert largest <= 10 * live.notch() <= 2 * largest
    start, notch = value_at(live.snapshot, CENTRE), live.notch()
    live.nudge_by(3)
    assert live.nudge.value == pytest.approx(start + 3 * notch)
    live.nudge_by(-0.5)
    assert live.nudge.value == pytest.approx(start + 2.5 * notch)
    live.nudge_to(500.0)
    assert live.notch() == notch  # the scale is that of the run
    live.choose(Weight("conv1", "bias", (2,)))  # all of them 0 before the first step
    assert live.notch() == 0.1


def test_that_nudging_pauses_training_and_restoring_goes_on(live, small_config, wait_until):
    live.start_run(replace(small_config, epochs=10_000))
    wait_until(lambda: live.poll() or live.snapshot)
    live.train()
    wait_until(lambda: live.poll() or live.snapshot.step > 0)
    live.choose(CENTRE)
    live.nudge_by(1)
    assert not live.is_running
    wait_until(lambda: live.poll() or live.status.phase in (Phase.PAUSED, Phase.FINISHED))
    assert isinstance(live.snapshot, WhatIf)
    live.nudge_by(1)
    live.restore()
    assert live.is_running


def test_that_restoring_leaves_a_run_at_rest_that_was_at_rest_or_was_paused_meanwhile(live, wait_until):
    live.choose(CENTRE)
    live.nudge_by(1)
    live.restore()
    assert not live.is_running
    live.train()
    live.nudge_by(1)
    live.pause()
    live.restore()
    assert not live.is_running


def test_that_restoring_does_not_go_on_beyond_the_end_of_the_run(live, small_config, wait_until, monkeypatch):
    begun, goes_on = threading.Event(), threading.Event()

    def test_when_told(*args):
        begun.set()
        goes_on.wait(10)
        return evaluate(*args)

    monkeypatch.setattr("cnnviz.training.trainer.evaluate", test_when_told)
    live.start_run(replace(small_config, epochs=1))
    wait_until(lambda: live.poll() or live.snapshot)
    live.choose(CENTRE)
    live.train()
    wait_until(begun.is_set)
    live.nudge_by(1)
    goes_on.set()
    wait_until(lambda: live.poll() or live.status.phase is Phase.FINISHED)
    live.restore()
    assert not live.is_running


def test_that_training_on_gives_the_nudge_up(live, wait_until):
    live.choose(CENTRE)
    live.nudge_by(1)
    live.toggle()
    assert (live.nudge, live.is_running) == (None, True)
    live.pause()
    live.nudge_by(1)
    wait_until(lambda: live.poll() or live.status.phase in (Phase.PAUSED, Phase.FINISHED))
    step = live.newest.step
    live.step()
    assert live.nudge is None
    wait_until(lambda: rests_after(live, step + 1))


def test_that_a_snapshot_that_arrives_meanwhile_is_shown_with_that_number(live, wait_until):
    live.choose(CENTRE)
    live.nudge_to(0.75)
    arrived, changes = [], []
    live.snapshot_arrived.connect(arrived.append)
    live.nudge_changed.connect(lambda: changes.append(live.nudge))
    live.set_learning_rate(0.002)
    wait_until(lambda: live.poll() or live.newest.learning_rate == 0.002)
    assert live.snapshot is live.nudge is changes[-1]
    assert live.snapshot.learning_rate == 0.002
    assert value_at(live.snapshot, CENTRE) == 0.75
    assert arrived
    assert not any(isinstance(each, WhatIf) for each in arrived)  # who keeps statistics gets the run as it is


def test_that_another_probe_is_shown_by_the_nudged_network_but_ends_the_nudge_of_a_pixel(live, wait_until):
    live.choose(CENTRE)
    live.nudge_to(0.75)
    live.set_probe(ProbeChoice("test", 3))
    wait_until(lambda: live.poll() or live.snapshot.trace.probe.title == "test digit 3")
    assert value_at(live.snapshot, CENTRE) == 0.75
    live.choose(PIXEL)
    live.nudge_to(0.75)
    live.set_probe(ProbeChoice("test", 4))
    wait_until(lambda: live.poll() or live.snapshot.trace.probe.title == "test digit 4")
    assert live.nudge is None
    assert not isinstance(live.snapshot, WhatIf)


def test_that_another_choice_restores_and_the_same_one_does_not(live):
    live.choose(CENTRE)
    live.nudge_by(1)
    live.choose(Weight("conv1", "weight", (3, 0, 1, 2)))
    assert live.nudge is not None
    live.choose(PIXEL)
    assert live.nudge is None
    live.nudge_by(1)
    live.choose(None)
    assert live.nudge is None


def test_that_a_reset_or_another_network_ends_the_nudge(live, small_config, wait_until):
    for config in (small_config, replace(small_config, preset="zhou")):
        live.choose(CENTRE)
        live.nudge_to(0.75)
        live.start_run(config)
        assert (live.nudge, live.snapshot) == (None, None)
        lines = told(live)
        live.nudge_by(1)  # before there is a network
        assert (live.nudge, len(lines)) == (None, 1)
        wait_until(lambda: live.poll() or live.snapshot)
        assert not isinstance(live.snapshot, WhatIf)
        assert not live.is_running
    live.choose(Weight("conv2", "bias", (0,)))  # zhou has none
    live.nudge_by(1)
    assert live.nudge is None
    assert lines[-1].startswith("click a weight, a bias or a pixel of the input first")


def test_that_it_is_told_why_a_number_cannot_be_nudged(live):
    lines = told(live)
    live.choose(Cell("conv2", (1, 2, 3)))
    live.nudge_by(1)
    live.choose(Probability(3))
    live.nudge_to(0.5)
    assert lines == [
        "This number is worked out from weights and pixels: nudge one of those.",
        "A probability is worked out from weights and pixels: nudge one of those.",
    ]
    live.choose(CENTRE)
    live.nudge_to(float("nan"))
    assert lines[-1].startswith("parameter: accepted is a finite number")
    assert live.nudge is None


def test_that_what_is_exported_is_the_run_and_not_the_what_if(live, tmp_path):
    live.choose(CENTRE)
    live.nudge_to(0.75)
    live.export(tmp_path / "p.npz")
    saved = read_parameters(tmp_path / "p.npz")
    assert saved.parameters["conv1/weight"][3, 0, 1, 2] == np.float32(live.nudge.before)
    assert "edits" not in saved.training


def test_that_own_digits_are_read_by_the_run_and_not_by_the_what_if(live):
    live.choose(CENTRE)
    live.nudge_to(0.75)
    live.own_digits.follow(live.snapshot)
    assert live.own_digits._wanted is live.own_digits._snapshot is live.newest
    live.own_digits.follow_selected(live.snapshot)
    assert live.own_digits._snapshot is live.newest


def test_that_a_run_that_has_ended_keeps_nothing_and_says_so(live, wait_until, monkeypatch):
    def diverge(*args):
        raise DivergenceError("the cost is nan", None, 3, 10.0, None)

    monkeypatch.setattr(Trainer, "_learn", diverge)
    live.step()
    wait_until(lambda: live.poll() or live.status.phase is Phase.STOPPED)
    live.choose(CENTRE)
    live.nudge_to(0.75)
    assert live.snapshot.trace.loss != live.newest.trace.loss
    lines = told(live)
    live.keep()
    assert lines == ["this run has ended and cannot go on; R (Reset) begins anew"]
    live.restore()
    assert live.snapshot is live.newest


def test_that_what_was_kept_by_a_run_that_then_failed_is_not_shown_for_ever(live, wait_until, monkeypatch):
    live.step()
    wait_until(lambda: rests_after(live, 1))
    assert live._run.take() is None  # nothing else is on its way
    live.choose(CENTRE)
    live.nudge_to(0.75)
    monkeypatch.setattr(live._run.control, "set_parameter", lambda *args: None)  # it gets lost
    live.keep()
    assert value_at(live.snapshot, CENTRE) == 0.75
    live._run.fail("the training process ended unexpectedly")
    live.poll()
    assert live.snapshot is live.newest
    assert not isinstance(live.snapshot, WhatIf)
