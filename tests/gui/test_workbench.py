import random
import signal
import time
from dataclasses import replace

import numpy as np
import pytest

from cnnviz.data.datasets import DataError
from cnnviz.errors import UserError
from cnnviz.formats import read_parameters
from cnnviz.gui.workbench import Workbench
from cnnviz.resource_files import SHIPPED, resource
from cnnviz.training.autosave import Saved
from cnnviz.training.config import ConfigError, TrainingConfig
from cnnviz.training.control import ProbeChoice
from cnnviz.training.divergence import DivergenceError
from cnnviz.training.runs import RunError, find_run
from cnnviz.training.session import Phase
from cnnviz.training.trainer import Trainer


def has_come_to(workbench, step):
    workbench.poll()
    return workbench.snapshot is not None and workbench.snapshot.step >= step


def test_that_an_untrained_network_is_there_at_once_and_rests(live):
    assert live.snapshot.step == 0
    assert not live.is_running
    assert live.snapshot.trace.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_that_training_goes_on_until_paused(live, wait_until):
    live.toggle()
    wait_until(lambda: has_come_to(live, 2))
    live.toggle()
    wait_until(lambda: live.poll() or live.status.phase in (Phase.PAUSED, Phase.FINISHED))
    step = live.snapshot.step
    time.sleep(0.1)
    live.poll()
    assert live.snapshot.step == step


def test_that_a_step_learns_one_batch(live, wait_until):
    for step in (1, 2, 3):
        live.step()
        wait_until(lambda step=step: has_come_to(live, step))
        assert live.snapshot.step == step
    assert len(live.snapshot.history.losses) == 3


def test_that_the_window_comes_to_the_same_bits_as_the_command_line(live, small_config, random_dataset, wait_until):
    plain = Trainer(small_config, random_dataset)
    whims = random.Random(3)
    while live.snapshot.step < 2 * plain.steps_per_epoch - 2:
        whim = whims.choice([live.step, live.toggle, live.pause, live.train, live.evaluate, live.poll])
        whim()
        live.set_speed(whims.choice([None, 500.0, 50.0]))
        live.set_probe(whims.choice([ProbeChoice("test", 3), ProbeChoice("training"), ProbeChoice()]))
        time.sleep(whims.random() * 0.01)
        live.poll()
    live.pause()
    wait_until(lambda: live.poll() or live.status.phase in (Phase.PAUSED, Phase.FINISHED))
    steps = live.snapshot.step  # a wish that comes after the last epoch begins another one
    plain.epochs = -(-steps // plain.steps_per_epoch)
    for _ in plain.events():
        if plain.step == steps:
            break
    assert live.snapshot.parameters.vector.tobytes() == plain.parameters.vector.tobytes()


@pytest.mark.parametrize("ties", ["all", "split"])
def test_that_another_tie_policy_comes_to_the_same_bits_as_on_the_command_line(
    live, small_config, random_dataset, wait_until, ties
):
    random_dataset.train.images[:, :14] = 255  # on a plain ground maxima are tied
    config = replace(small_config, ties=ties)
    live.start_run(config)
    live.train()
    wait_until(lambda: live.poll() or live.status.phase is Phase.FINISHED)
    live.poll()
    plain = Trainer(config, random_dataset)
    for _ in plain.events():
        pass
    assert live.snapshot.step == plain.step
    assert live.snapshot.parameters.vector.tobytes() == plain.parameters.vector.tobytes()
    usual = Trainer(small_config, random_dataset)
    for _ in usual.events():
        pass
    assert not np.array_equal(usual.parameters.vector, plain.parameters.vector)


def test_that_a_reset_leads_to_the_same_beginning(live, wait_until):
    first = live.snapshot.parameters.vector.copy()
    live.step()
    wait_until(lambda: has_come_to(live, 1))
    live.reset()
    wait_until(lambda: live.poll() or live.snapshot)
    assert live.snapshot.step == 0
    np.testing.assert_array_equal(live.snapshot.parameters.vector, first)


def test_that_a_new_seed_leads_to_another_beginning(live, wait_until):
    first = live.snapshot.parameters.vector.copy()
    live.reset_with_new_seed()
    wait_until(lambda: live.poll() or live.snapshot)
    assert live.config.seed != 5
    assert not np.array_equal(live.snapshot.parameters.vector, first)


def test_that_the_learning_rate_changes_without_a_reset(live, wait_until):
    live.step()
    wait_until(lambda: has_come_to(live, 1))
    live.set_learning_rate(0.5)
    wait_until(lambda: live.poll() or live.snapshot.learning_rate == 0.5)
    assert live.snapshot.step == 1
    assert live.snapshot.history.learning_rates[-1] == (1, 0.5)
    with pytest.raises(ConfigError, match="lr"):
        live.set_learning_rate(0.0)
    assert live.config.lr == 0.5


def test_that_own_digits_are_learnt_in_this_run_and_after_a_reset(live, wait_until):
    live.set_probe(ProbeChoice("training"))
    images = np.full((1, 28, 28), 77, np.uint8)
    live.set_own_digits(images, np.array([7]), 1.0)
    images[:] = 0  # what somebody goes on doing with them is not learnt
    for _ in range(2):
        live.step()
        wait_until(lambda: has_come_to(live, 1))
        assert live.snapshot.trace.probe.title == "own digit 0"
        assert (live.snapshot.trace.probe.image == 77).all()
        live.reset()
        wait_until(lambda: live.poll() or live.snapshot)
    assert live.saved_parameters().training["own_digits"] == {"images": 1, "share": 1.0}
    with pytest.raises(ConfigError, match="own_digits"):
        live.set_own_digits(np.full((1, 28, 28), 77, np.uint8), np.array([17]), 1.0)


def test_that_a_drawing_can_be_followed_while_the_run_rests(live, wait_until):
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 13:15] = 255
    live.set_probe(ProbeChoice("drawing", image=image))
    wait_until(lambda: live.poll() or live.snapshot.trace.probe.title == "drawing")
    assert live.snapshot.trace.target == live.snapshot.trace.probabilities.argmax()
    np.testing.assert_array_equal(live.snapshot.trace.probe.image, image)


def test_that_classify_uses_the_newest_parameters(live, wait_until):
    image = live.snapshot.trace.probe.image
    np.testing.assert_allclose(live.classify(image), live.snapshot.trace.probabilities, rtol=1e-5)
    before = live.classify(image)
    live.step()
    wait_until(lambda: has_come_to(live, 1))
    assert not np.array_equal(live.classify(image), before)


def test_that_what_is_exported_opens_again_as_the_same_network(live, wait_until, tmp_path):
    live.step()
    wait_until(lambda: has_come_to(live, 1))
    for name in ("p.npz", "p.pkl"):
        live.export(tmp_path / name)
        np.testing.assert_array_equal(
            read_parameters(tmp_path / name).parameters["conv2/weight"], live.snapshot.parameters["conv2"]["weight"]
        )
    trained = live.snapshot.parameters.vector.copy()
    live.reset()
    live.open(tmp_path / "p.npz")
    wait_until(lambda: live.poll() or live.snapshot)
    np.testing.assert_array_equal(live.snapshot.parameters.vector, trained)


def test_that_parameters_of_another_network_bring_their_preset(live, wait_until, tmp_path):
    live.start_run(TrainingConfig.from_preset("zhou", "strokes", train_size=64, test_size=40))
    wait_until(lambda: live.poll() or live.snapshot)
    live.export(tmp_path / "zhou.npz")
    live.start_run(replace(live.config, preset="escontrela", ties="all"))
    live.open(tmp_path / "zhou.npz")
    wait_until(lambda: live.poll() or live.snapshot)
    assert live.snapshot.network.name == "zhou"
    assert live.config.ties == "first"


def test_that_a_file_that_cannot_be_opened_changes_nothing(live, tmp_path):
    (tmp_path / "bad.npz").write_bytes(b"PK no archive")
    snapshot = live.snapshot
    with pytest.raises(UserError, match=r"bad\.npz"):
        live.open(tmp_path / "bad.npz")
    assert live.snapshot is snapshot


def test_that_data_that_cannot_be_loaded_are_told_in_one_line(qapp, monkeypatch, small_config, wait_until):
    def fail(*args):
        raise DataError("expected four files in /nowhere, found none")

    monkeypatch.setattr("cnnviz.training.session.load_dataset", fail)
    workbench = Workbench(small_config)
    told = []
    workbench.failed.connect(told.append)
    workbench.start_run()
    wait_until(lambda: workbench.poll() or told)
    workbench.poll()
    assert told == ["expected four files in /nowhere, found none"]
    workbench.close()
    with pytest.raises(UserError, match="no parameters yet"):
        workbench.saved_parameters()


def test_that_closing_in_the_middle_of_training_ends_the_thread_within_a_second(live, wait_until):
    live.train()
    wait_until(lambda: has_come_to(live, 1))
    start = time.monotonic()
    live.close()
    assert time.monotonic() - start < 1
    assert not live.is_running


def test_that_a_process_that_was_killed_is_told_in_one_line_and_a_reset_begins_anew(
    qapp, real_process, small_config, wait_until
):
    workbench = Workbench(small_config)
    told = []
    workbench.failed.connect(told.append)
    workbench.start_run()
    workbench.train()
    wait_until(lambda: has_come_to(workbench, 1))
    workbench._thread.engine._process.kill()
    wait_until(lambda: workbench.poll() or workbench.status.phase is Phase.STOPPED)
    workbench.poll()
    assert len(told) == 1
    assert told[0].startswith("the training process ended unexpectedly (")
    assert told[0].endswith("; R (Reset) begins anew")
    assert not workbench.is_running
    workbench.reset()
    wait_until(lambda: workbench.poll() or workbench.snapshot)
    workbench.step()
    wait_until(lambda: has_come_to(workbench, 1))
    assert len(told) == 1
    workbench.close()


def test_that_a_reset_waits_for_nothing_however_busy_the_process_is(qapp, real_process, small_config, wait_until):
    workbench = Workbench(replace(small_config, test_size=10_000))
    workbench.start_run()
    wait_until(lambda: workbench.poll() or workbench.snapshot)
    process = workbench._thread.engine._process
    process.send_signal(signal.SIGSTOP)
    workbench.train()
    workbench.reset()
    workbench.evaluate()
    process.send_signal(signal.SIGCONT)
    wait_until(lambda: workbench.poll() or (workbench.snapshot and workbench.snapshot.history.tests))
    workbench.close()


def test_that_a_bad_configuration_leaves_the_run_alone(live):
    snapshot = live.snapshot
    with pytest.raises(ConfigError, match="batch_size"):
        live.start_run(replace(live.config, batch_size=65))
    assert live.snapshot is snapshot
    assert live.config.batch_size == 8


def test_that_a_reset_does_not_load_the_data_again(live, wait_until, monkeypatch):
    def fail(*args):
        raise AssertionError("loaded again")

    monkeypatch.setattr("cnnviz.training.session.load_dataset", fail)
    live.reset()
    wait_until(lambda: live.poll() or live.snapshot)
    assert live.snapshot.step == 0


@pytest.fixture
def diverging(live, monkeypatch):
    """Make the next step of the current run diverge."""

    def diverge(*args):
        raise DivergenceError("all is lost", "conv1", 3, 10.0, None)

    monkeypatch.setattr("cnnviz.training.trainer.Trainer._learn", diverge)
    told = []
    live.failed.connect(told.append)
    return told


def test_that_a_run_that_diverged_rests_and_says_how_to_go_on(live, diverging, wait_until):
    live.train()
    wait_until(lambda: live.poll() or (diverging and live.status.phase is Phase.STOPPED))
    assert diverging == [str(DivergenceError("all is lost", "conv1", 3, 10.0, None))]
    assert not live.is_running
    for wish in (live.toggle, live.step, live.evaluate):
        wish()
    assert diverging[1:] == ["this run has ended and cannot go on; R (Reset) begins anew"] * 3


def test_that_a_run_that_diverged_tells_where_it_can_be_gone_back_to(live, diverging, tmp_path, wait_until):
    live.train()
    wait_until(lambda: live.poll() or (diverging and live.status.phase is Phase.STOPPED))
    live._saved = Saved(tmp_path, 2)
    live.toggle()
    assert diverging[-1].endswith("begins anew, File > Runs (Ctrl+Shift+R) goes back to what is saved")


def test_that_a_failure_of_an_ended_run_is_not_told_in_the_next(live, diverging, wait_until, monkeypatch):
    live.train()
    wait_until(lambda: live._run.take() or live._run.failure)
    monkeypatch.undo()
    live.reset()
    wait_until(lambda: live.poll() or live.snapshot)
    assert diverging == []


def test_that_data_that_are_not_there_leave_the_run_alone(live, tmp_path):
    snapshot, config = live.snapshot, live.config
    with pytest.raises(DataError, match="data download mnist"):
        live.start_run(replace(config, dataset="mnist", data_dir=tmp_path))
    assert live.snapshot is snapshot
    assert live.config == config


def test_that_an_exported_file_tells_every_learning_rate(live, wait_until, tmp_path):
    live.step()
    wait_until(lambda: has_come_to(live, 1))
    live.set_learning_rate(0.02)
    wait_until(lambda: live.poll() or live.snapshot.learning_rate == 0.02)
    live.export(tmp_path / "p.npz")
    assert read_parameters(tmp_path / "p.npz").training["learning_rates"] == [[0, 0.001], [1, 0.02]]


def test_that_a_reset_whose_data_are_gone_is_told_and_leaves_the_run_alone(live, tmp_path):
    told = []
    live.failed.connect(told.append)
    snapshot = live.snapshot
    live.config = replace(live.config, dataset="mnist", data_dir=tmp_path)
    live.reset()
    live.reset_with_new_seed()
    assert len(told) == 2
    assert all("data download mnist" in line for line in told)
    assert live.snapshot is snapshot


def test_that_a_new_run_can_be_trained_at_once_after_one_that_ended(live, diverging, wait_until, monkeypatch):
    live.train()
    wait_until(lambda: live.poll() or (diverging and live.status.phase is Phase.STOPPED))
    monkeypatch.undo()
    live.reset()
    live.toggle()
    assert live.is_running
    assert len(diverging) == 1


def test_that_shipped_parameters_are_opened_as_a_run_that_began_from_a_file(live, wait_until):
    told = []
    live.message.connect(told.append)
    live.open_shipped()
    wait_until(lambda: live.poll() or live.snapshot)
    shipped = read_parameters(resource(SHIPPED)).parameters
    np.testing.assert_array_equal(live.snapshot.parameters["conv1"]["weight"], shipped["conv1/weight"])
    assert live.began_from_file
    assert len(told) == 1


def test_that_it_is_told_where_shipped_parameters_bring_another_network(live, wait_until):
    live.try_run(TrainingConfig.from_preset("zhou", live.config.dataset))
    told = []
    live.message.connect(told.append)
    for _ in range(2):
        live.open_shipped()
    assert [", with their network, that of Escontrela; " in line for line in told] == [True, False]


def test_that_missing_shipped_parameters_are_told_and_the_run_stays(live, monkeypatch):
    monkeypatch.setattr("cnnviz.gui.workbench.SHIPPED", "nothing.npz")
    told, before = [], live.snapshot
    live.failed.connect(told.append)
    live.open_shipped()
    assert "nothing.npz should have come with cnnviz" in told[0]
    assert live.snapshot is before


def test_that_a_kept_run_is_gone_on_with_at_the_rate_that_it_had_last_and_a_reset_takes_that(
    live, saved_at, wait_until
):
    saved_at(1)
    live.set_learning_rate(0.02)
    folder = saved_at(2)
    live.start_run(replace(live.config, lr=0.5, seed=9))
    wait_until(lambda: live.poll() or live.snapshot)
    live.resume(find_run(str(folder)))
    assert (live.config.lr, live.config.seed) == (0.02, 5)
    wait_until(lambda: live.poll() or live.snapshot)
    assert live.snapshot.history.learning_rates == ((0, 0.001), (1, 0.02))
    assert live.saved_parameters().training["lr"] == 0.001  # of the first step; the others are told beside it
    assert not live.is_running


def test_that_a_run_that_goes_on_cannot_be_gone_on_with_and_stays(live, saved_at):
    run, snapshot = find_run(str(saved_at(1))), live.snapshot
    with pytest.raises(RunError, match="end it there first"):
        live.resume(run)
    assert live.snapshot is snapshot


def test_that_data_of_a_kept_run_are_looked_for_where_the_window_does_and_where_the_run_did(
    live, saved_at, wait_until, monkeypatch, tmp_path
):
    asked = []

    def check(dataset, folder):
        asked.append(folder)
        if folder not in there:
            raise DataError("not there")

    run = find_run(str(saved_at(1)))
    own, present = tmp_path / "own", tmp_path / "present"
    run = replace(run, summary=replace(run.summary, config=replace(run.summary.config, data_dir=own)))
    live.start_run()
    wait_until(lambda: live.poll() or live.snapshot)
    live.set_data_dir(present)
    monkeypatch.setattr("cnnviz.gui.workbench.check_dataset", check)
    there = []
    with pytest.raises(DataError, match="not there"):
        live.resume(run)
    assert asked == [present, own]
    there.append(own)
    live.resume(run)
    assert live.config.data_dir == own
    wait_until(lambda: live.poll() or live.snapshot)
    there.append(present)
    live.start_run(replace(live.config, data_dir=present))
    wait_until(lambda: live.poll() or live.snapshot)
    live.resume(run)
    assert live.config.data_dir == present
    wait_until(lambda: live.poll() or live.snapshot)


def test_that_a_finished_run_that_is_gone_on_with_is_finished_still(live, keeping, wait_until):
    live.train()
    wait_until(lambda: live.poll() or (live.saved and live.saved.step == 16))
    run = find_run(str(live.saved.folder))
    live.start_run()
    wait_until(lambda: live.poll() or live.snapshot)
    live.resume(run)
    wait_until(lambda: live.poll() or live.snapshot)
    wait_until(lambda: live.poll() or live.status.phase is Phase.FINISHED)


def test_that_it_is_told_once_where_the_newest_checkpoint_of_a_run_is_damaged(live, saved_at, wait_until):
    saved_at(1)
    folder = saved_at(2)
    live.start_run()
    wait_until(lambda: live.poll() or live.snapshot)
    (newest,) = folder.glob("*.checkpoint")  # a run that was ended has no other
    run, told = find_run(str(folder)), []
    newest.with_name("000009.checkpoint").write_bytes(newest.read_bytes()[:-100])
    live.failed.connect(told.append)
    live.resume(run)
    wait_until(lambda: live.poll() or live.snapshot)
    live.poll()
    assert live.snapshot.step == 2
    assert [line for line in told if "damaged" in line] == told
    assert len(told) == 1


def test_that_a_run_that_cannot_be_saved_is_told_once_and_so_is_when_it_can_be_again(live, saved_at, wait_until):
    saved_at(1)
    failed, told, run = [], [], live._run
    live.failed.connect(failed.append)
    live.message.connect(told.append)
    for fault, saved in (("disk full: A", 1), ("disk full: B", 1), (None, 9), (None, 12)):
        run.save_fault, run.saved = fault, run.saved._replace(step=saved)
        live._tell_what_is_saved()
    assert failed == ["disk full: A"]
    assert told == ["The run can be saved again, and was at step 9"]


def test_that_what_is_to_be_known_of_how_a_run_goes_on_is_told_once(live, saved_at):
    saved_at(1)
    failed = []
    live.failed.connect(failed.append)
    live._run.notice = "the newest checkpoint is damaged"
    for _ in range(2):
        live._tell_what_is_saved()
    assert failed == ["the newest checkpoint is damaged"]


def test_that_it_is_remembered_whether_training_was_to_go_on(live, wait_until):
    live.train()
    assert live.was_training
    wait_until(lambda: live.poll() or live.status.phase is Phase.FINISHED)
    live.poll()
    assert not live.was_training
    for rest in (live.pause, live.step, live.record, live.reset):
        live.train()
        rest()
        assert not live.was_training
