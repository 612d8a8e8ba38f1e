import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import cnnviz.training.autosave as autosave_module
import cnnviz.training.session as session_module
from cnnviz.data.datasets import ArrayImageSet, DataError, Dataset
from cnnviz.errors import UserError
from cnnviz.training.autosave import Saved
from cnnviz.training.config import ConfigError, TrainingConfig
from cnnviz.training.control import NewValue, ProbeChoice
from cnnviz.training.divergence import DivergenceError
from cnnviz.training.runs import SavedRun, saved_runs
from cnnviz.training.session import Phase, Session, Status
from cnnviz.training.snapshot import Snapshot
from cnnviz.training.trainer import Trainer


class Worker(threading.Thread):
    """A session on a thread of its own; keeps what ``run`` raised, and the newest snapshot it was asked for."""

    def __init__(self, session: Session) -> None:
        super().__init__(daemon=True)
        self.session = session
        self.control = session.control
        self.error: BaseException | None = None
        self._newest: Snapshot | None = None

    def run(self) -> None:
        try:
            self.session.run()
        except BaseException as error:
            self.error = error

    @property
    def phase(self) -> Phase:
        return self.session.status.phase

    @property
    def newest(self) -> Snapshot | None:
        if (state := self.session.mailbox.take()) is not None:
            self._newest = Snapshot.of(state, self.session.config, self.session._trainer.network)
        return self._newest

    def wait_until(self, condition: Callable[[], object], timeout: float = 10.0) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert self.is_alive(), f"the worker ended with {self.error!r}"
            assert time.monotonic() < deadline, f"not within {timeout} s; {self.session.status}"
            time.sleep(0.001)

    def wait_for(self, phase: Phase) -> None:
        self.wait_until(lambda: self.phase is phase)

    def wait_for_step(self, step: int) -> Snapshot:
        self.wait_until(lambda: self.newest is not None and self.newest.step >= step)
        return self.newest

    def run_to_the_end(self) -> Snapshot:
        self.control.set_speed(None)
        self.control.run()
        self.wait_until(lambda: not self.control.is_running)
        self.wait_for(Phase.FINISHED)
        return self.newest

    def end(self, within: float = 1.0) -> None:
        self.control.stop()
        self.join(within)
        assert not self.is_alive(), f"the worker did not end within {within} s"


class SlowImageSet(ArrayImageSet):
    """Takes its time over every batch, for as long as it shall."""

    def __init__(self, whole: ArrayImageSet, seconds: float) -> None:
        super().__init__(whole.images, whole.labels)
        self.seconds = seconds

    def batch(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if len(indices) > 1:  # not for probes
            time.sleep(self.seconds)
        return super().batch(indices)


@pytest.fixture
def start(monkeypatch, make_dataset) -> Iterator[Callable[..., Worker]]:
    """Return a function that starts a session on a thread; no thread outlives its test."""
    workers: list[Worker] = []

    def begin(
        config: TrainingConfig, dataset: Dataset | None = None, *, wait: bool = True, **options: object
    ) -> Worker:
        monkeypatch.setattr(session_module, "load_dataset", lambda *_: dataset or make_dataset())
        worker = Worker(Session(config, **options))
        workers.append(worker)
        worker.start()
        if wait:
            worker.wait_for(Phase.PAUSED)
        return worker

    yield begin
    for worker in workers:
        worker.end()


def slow_tests(dataset: Dataset, seconds: float = 0.02) -> Dataset:
    """Return ``dataset`` with 200 times as many test images, which come slowly."""
    images = ArrayImageSet(np.repeat(dataset.test.images, 200, axis=0), np.repeat(dataset.test.labels, 200))
    return Dataset(dataset.name, dataset.title, dataset.train, SlowImageSet(images, seconds))


# The promise of the product


def interfere(worker: Worker, seed: int, wishes: int) -> None:
    """Pause, step, probe, speed up and down, test and look, at random."""
    rng = np.random.default_rng(seed)
    control = worker.control
    drawing = np.zeros((28, 28), np.uint8)
    drawing[4:24, 13:16] = 255
    acts = [
        control.run,
        control.pause,
        control.step,
        control.record,
        control.evaluate,
        control.cancel_evaluation,
        lambda: control.set_speed(float(rng.choice([50, 200, 1000]))),
        lambda: control.set_probe(ProbeChoice("test", int(rng.integers(1000)))),
        lambda: control.set_probe(ProbeChoice("training")),
        lambda: control.set_probe(ProbeChoice("drawing", image=drawing)),
        lambda: worker.newest,
    ]
    control.set_speed(200)
    control.run()
    for _ in range(wishes):
        acts[rng.integers(len(acts))]()
        time.sleep(float(rng.uniform(0, 0.008)))


def watch(worker: Worker, seed: int) -> Snapshot:
    """Let a run go on at full speed to its end, probing, testing and looking all the while."""
    rng = np.random.default_rng(seed)
    worker.control.set_speed(None)
    worker.control.run()
    while worker.control.is_running:
        worker.control.set_probe(ProbeChoice("test", int(rng.integers(1000))))
        if rng.random() < 0.1:
            worker.control.evaluate()
        _ = worker.newest
        time.sleep(0.01)
    worker.wait_for(Phase.FINISHED)
    return worker.newest


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        ("zhou", {"train_size": 400, "epochs": 3}),
        ("escontrela", {"train_size": 100, "epochs": 2, "batch_size": 3}),
        ("escontrela", {"train_size": 90, "epochs": 2, "batch_size": 4, "freeze": ("conv1",), "optimizer": "momentum"}),
    ],
    ids=["zhou", "escontrela", "frozen"],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_that_whatever_is_watched_and_wished_a_run_ends_in_the_bits_of_a_plain_one(
    start, make_config, make_dataset, preset, changes, seed
):
    config = make_config(preset, **{"seed": seed, **changes})
    worker = start(config, make_dataset(train=400))
    interfere(worker, seed, wishes=80)
    final = watch(worker, seed)

    plain = Trainer(config, make_dataset(train=400))
    plain.epochs = final.epochs  # a wish that came after the end has added some
    for _ in plain.events():
        pass
    assert final.step == plain.step
    assert final.parameters.vector.tobytes() == plain.parameters.vector.tobytes()
    assert final.history.losses.tobytes() == plain.history.view().losses.tobytes()
    assert final.history.accuracies.tobytes() == plain.history.view().accuracies.tobytes()
    scores = {point.step: point.evaluation for point in final.history.tests}
    for point in plain.history.view().tests:
        if point.step in scores:  # not where its test was cancelled
            assert scores[point.step].loss == point.evaluation.loss
            assert np.array_equal(scores[point.step].confusion, point.evaluation.confusion)


# Transport


def test_that_a_session_begins_untrained_and_at_rest_with_something_to_see(start, make_config):
    worker = start(make_config())
    assert worker.newest.step == 0
    assert worker.newest.trace.probe.title == "test digit 0"
    time.sleep(0.05)
    assert worker.session.mailbox.is_empty
    assert worker.session.status == Status(Phase.PAUSED)


def test_that_a_single_step_is_one_step_and_is_shown(start, make_config):
    worker = start(make_config(batch_size=8))
    for step in (1, 2, 3):
        worker.control.step()
        assert worker.wait_for_step(step).step == step
        worker.wait_for(Phase.PAUSED)


def test_that_only_a_step_asked_to_be_recorded_is_and_its_record_stays_until_the_next(start, make_config):
    worker = start(make_config(batch_size=8))
    records = []
    for step, wish in enumerate(("step", "record", "step", "record", "record"), start=1):
        getattr(worker.control, wish)()
        records.append(worker.wait_for_step(step).record)
        worker.wait_for(Phase.PAUSED)
    assert [record and record.step for record in records] == [None, 2, 2, 4, 5]
    assert records[1] is records[2]


def test_that_the_last_step_of_an_epoch_can_be_recorded(start, make_config):
    worker = start(make_config(batch_size=40, epochs=1))
    worker.control.record()
    worker.wait_until(lambda: worker.newest.epoch == 1)
    assert worker.newest.record.step == 1


def test_that_pausing_shows_where_the_run_came_to_and_keeps_it_there(start, make_config, make_dataset):
    worker = start(make_config(train_size=400, epochs=50), make_dataset(train=400))
    worker.control.run()
    worker.wait_for_step(20)
    worker.control.pause()
    worker.wait_for(Phase.PAUSED)
    paused = worker.newest
    time.sleep(0.1)
    assert worker.newest.step == paused.step
    worker.control.step()
    assert worker.wait_for_step(paused.step + 1).step == paused.step + 1


def test_that_a_finished_session_asked_to_run_goes_on_for_as_many_epochs_again(start, make_config):
    worker = start(make_config(epochs=2))
    first = worker.run_to_the_end()
    assert (first.step, first.epoch, first.epochs) == (80, 2, 2)
    second = worker.run_to_the_end()
    assert (second.step, second.epoch, second.epochs) == (160, 4, 4)
    assert [point.step for point in second.history.tests] == [40, 80, 120, 160]


def test_that_a_finished_session_can_be_stepped_on(start, make_config):
    worker = start(make_config(epochs=1))
    worker.run_to_the_end()
    worker.control.step()
    snapshot = worker.wait_for_step(41)
    assert (snapshot.step, snapshot.epoch, snapshot.step_in_epoch, snapshot.epochs) == (41, 1, 1, 2)
    worker.wait_for(Phase.PAUSED)


def test_that_the_last_step_of_an_epoch_brings_its_test_even_where_it_was_a_single_one(start, make_config):
    worker = start(make_config(batch_size=40, epochs=2))
    worker.control.step()
    worker.wait_until(lambda: worker.newest.epoch == 1)
    assert [point.step for point in worker.newest.history.tests] == [1]


def test_that_a_learning_rate_set_at_rest_is_shown_and_holds_from_the_next_step_on(start, make_config):
    worker = start(make_config(lr=0.005))
    worker.control.set_learning_rate(0.5)
    worker.wait_until(lambda: worker.newest.learning_rate == 0.5)
    before = worker.newest
    worker.control.step()
    after = worker.wait_for_step(1)
    expected = before.parameters.vector - 0.5 * after.gradients.vector
    assert after.parameters.vector == pytest.approx(expected, rel=1e-6, abs=1e-7)


def test_that_a_bad_learning_rate_does_not_end_the_session(start, make_config):
    worker = start(make_config())
    with pytest.raises(ConfigError):
        worker.control.set_learning_rate(-1)
    worker.control.step()
    worker.wait_for_step(1)


# Probes


def test_that_a_chosen_test_digit_is_followed(start, make_config):
    worker = start(make_config())
    worker.control.set_probe(ProbeChoice("test", 17))
    worker.wait_until(lambda: worker.newest.trace.probe.title == "test digit 17")


def test_that_a_drawing_is_followed_as_what_it_is_taken_for(start, make_config):
    worker = start(make_config())
    drawing = np.full((28, 28), 200, np.uint8)
    worker.control.set_probe(ProbeChoice("drawing", image=drawing))
    worker.wait_until(lambda: worker.newest.trace.probe.title == "drawing")
    seen = worker.newest.trace
    assert np.array_equal(seen.probe.image, drawing)
    assert seen.target == seen.probabilities.argmax()


def test_that_the_training_digit_followed_is_of_the_latest_batch(start, make_config, make_dataset):
    dataset = make_dataset()
    worker = start(make_config(), dataset)
    worker.control.set_probe(ProbeChoice("training"))
    worker.control.step()
    worker.wait_for_step(1)
    order = [batch for batch in dataset.train.asked if batch]
    assert worker.newest.trace.probe.title == f"training digit {order[-1][0]}"


def test_that_own_digits_are_learnt_from_the_next_step_on(start, make_config):
    worker = start(make_config())
    worker.control.set_own_digits(np.full((1, 28, 28), 77, np.uint8), np.array([7]), 1.0)
    worker.control.set_probe(ProbeChoice("training"))
    worker.control.step()
    seen = worker.wait_for_step(1).trace.probe
    assert (seen.title, seen.label, seen.image[0, 0]) == ("own digit 0", 7, 77)


def test_that_what_the_settings_mix_in_is_loaded_and_learnt(start, make_config, tmp_path):
    path = tmp_path / "ones.json"
    path.write_text('[{"label": 1, "strokes": [[[0, 0], [0, 9]]]}]')
    worker = start(make_config(mix=((str(path), 0.999),)))
    worker.control.set_probe(ProbeChoice("training"))
    worker.control.step()
    seen = worker.wait_for_step(1).trace.probe
    assert seen.title.startswith("ones.json digit ")
    assert seen.label == 1


def test_that_a_drawing_not_yet_begun_leaves_the_first_test_digit(start, make_config):
    worker = start(make_config())
    worker.control.set_probe(ProbeChoice("drawing"))
    worker.wait_until(lambda: worker.newest.trace.probe.title == "test digit 0")


# Tests


def test_that_an_evaluation_is_made_at_once_and_leaves_the_session_at_rest(start, make_config):
    worker = start(make_config())
    for _ in range(3):
        worker.control.step()
    worker.wait_for_step(3)
    worker.control.evaluate()
    worker.wait_until(lambda: worker.newest.history.tests)
    assert worker.newest.history.tests[0].step == 3
    assert worker.newest.history.tests[0].evaluation.samples == 20
    worker.wait_for(Phase.PAUSED)


def test_that_a_cancelled_evaluation_is_left_out_and_training_goes_on(start, make_config, make_dataset):
    worker = start(make_config(test_size=None), slow_tests(make_dataset()))
    worker.control.evaluate()
    worker.wait_for(Phase.TESTING)
    worker.control.cancel_evaluation()
    worker.wait_for(Phase.PAUSED)
    worker.control.step()
    assert worker.wait_for_step(1).history.tests == ()


def test_that_a_wish_to_cancel_while_nothing_is_tested_does_not_touch_the_test_after_the_epoch(start, make_config):
    worker = start(make_config(epochs=1))
    worker.control.cancel_evaluation()
    assert [point.step for point in worker.run_to_the_end().history.tests] == [40]


def test_that_a_test_tells_its_progress(start, make_config, make_dataset):
    worker = start(make_config(test_size=None), slow_tests(make_dataset(), seconds=0.002))
    worker.control.evaluate()
    told = []
    worker.wait_for(Phase.TESTING)
    while (status := worker.session.status).phase is Phase.TESTING:
        told.append((status.done, status.total))
        time.sleep(0.0005)
    assert {total for _, total in told} == {4000}
    assert told == sorted(told)
    assert len(set(told)) > 3


# Phases


def test_that_the_phases_follow_each_other(start, make_config, make_dataset):
    dataset = slow_tests(make_dataset())
    assert Session(make_config()).status == Status(Phase.LOADING)
    worker = start(make_config(test_size=1000, epochs=1), dataset)
    worker.wait_for(Phase.PAUSED)
    worker.control.set_speed(60)
    worker.control.run()
    for phase in (Phase.TRAINING, Phase.TESTING, Phase.FINISHED):
        worker.wait_for(phase)
    worker.end()
    assert worker.session.status == Status(Phase.STOPPED)
    assert worker.error is None


def test_that_loading_tells_its_progress(monkeypatch, make_config):
    told = []

    def load(name, data_dir, progress):
        for done in (0, 50, 100):
            progress(done, 100)
            told.append(session.status)
        raise DataError("enough")

    monkeypatch.setattr(session_module, "load_dataset", load)
    session = Session(make_config())
    with pytest.raises(DataError, match="enough"):
        session.run()
    assert told == [Status(Phase.LOADING, done, 100) for done in (0, 50, 100)]


def test_that_the_settings_say_what_is_loaded(monkeypatch, make_config, tmp_path):
    asked = []

    def load(name, data_dir, progress):
        asked.append((name, data_dir))
        raise DataError("enough")

    monkeypatch.setattr(session_module, "load_dataset", load)
    with pytest.raises(DataError):
        Session(make_config(data_dir=tmp_path)).run()
    assert asked == [("random", tmp_path)]


@pytest.mark.parametrize("rest", ["paused", "finished"])
def test_that_who_reads_that_a_session_rests_finds_where_in_the_mailbox(monkeypatch, start, make_config, rest):
    class Unhurried(Trainer):
        def state(self, probe):
            time.sleep(0.05)
            return super().state(probe)

    monkeypatch.setattr(session_module, "Trainer", Unhurried)
    worker = start(make_config(batch_size=8, epochs=1 if rest == "finished" else 10_000))
    assert worker.newest.step == 0
    if rest == "paused":
        worker.control.run()
        worker.wait_for(Phase.TRAINING)
        worker.control.pause()
        worker.wait_for(Phase.PAUSED)
        assert worker.newest.step == worker.session._trainer.step
    else:
        worker.control.run()
        worker.wait_for(Phase.FINISHED)
        assert (worker.newest.step, len(worker.newest.history.tests)) == (5, 1)


# Ends


def test_that_stop_ends_a_session_at_rest(start, make_config):
    worker = start(make_config())
    worker.end(within=1.0)
    assert worker.phase is Phase.STOPPED


def test_that_stop_ends_loading(monkeypatch, start, make_config):
    def load_for_ever(name, data_dir, progress):
        while True:
            progress(1, 0)
            time.sleep(0.01)

    worker = start(make_config(), wait=False)  # restores the loader after the test
    worker.end()
    monkeypatch.setattr(session_module, "load_dataset", load_for_ever)
    worker = Worker(Session(make_config()))
    worker.start()
    worker.wait_until(lambda: worker.session.status == Status(Phase.LOADING, 1, 0))
    worker.end(within=1.0)
    assert worker.error is None
    assert worker.phase is Phase.STOPPED
    assert worker.newest is None


def test_that_stop_ends_training(start, make_config):
    worker = start(make_config(epochs=100_000))
    worker.control.run()
    worker.wait_for_step(10)
    worker.end(within=1.0)
    assert worker.error is None


@pytest.mark.parametrize("asked", [True, False], ids=["asked for", "after an epoch"])
def test_that_stop_ends_a_test(start, make_config, make_dataset, asked):
    worker = start(make_config(test_size=None), slow_tests(make_dataset(), seconds=0.05))
    worker.control.evaluate() if asked else worker.control.run()
    worker.wait_for(Phase.TESTING)
    worker.end(within=1.0)
    assert worker.error is None


def test_that_stop_ends_a_slow_run(start, make_config):
    worker = start(make_config())
    worker.control.set_speed(0.05)
    worker.control.run()
    worker.wait_for(Phase.TRAINING)
    worker.end(within=1.0)


def test_that_failing_data_comes_out_of_run_as_it_is(monkeypatch, make_config):
    def fail(*_):
        raise DataError("no such file: get it")

    monkeypatch.setattr(session_module, "load_dataset", fail)
    session = Session(make_config())
    with pytest.raises(DataError, match=r"^no such file: get it$"):
        session.run()
    assert session.status == Status(Phase.STOPPED)


def test_that_a_dataset_too_small_for_the_settings_comes_out_of_run(monkeypatch, make_config, make_dataset):
    monkeypatch.setattr(session_module, "load_dataset", lambda *_: make_dataset(train=40))
    session = Session(make_config(train_size=None, batch_size=41))
    with pytest.raises(ConfigError, match=r"^batch_size: accepted is 1 to the 40 training images, got 41$"):
        session.run()
    assert session.status == Status(Phase.STOPPED)


def test_that_divergence_comes_out_of_run(start, make_config):
    worker = start(make_config(lr=10.0, epochs=10))
    worker.control.run()
    worker.join(5)
    assert isinstance(worker.error, DivergenceError)
    assert worker.phase is Phase.STOPPED
    assert np.isfinite(worker.newest.parameters.vector).all()


# Kept, and gone on with


@pytest.fixture
def keep(monkeypatch, start, tmp_path):
    """Return a starter of sessions that save themselves after every step."""
    monkeypatch.setattr(autosave_module, "SECONDS", 0.0)
    monkeypatch.setattr(autosave_module, "SECONDS_AT_REST", 0.0)
    monkeypatch.setattr(autosave_module, "PART_OF_TIME", 1e9)

    def begin(config: TrainingConfig, dataset: Dataset | None = None, **options: object) -> Worker:
        return start(config, dataset, **{"runs": tmp_path, **options})

    return begin


def only_run(folder: Path) -> SavedRun:
    (run,) = saved_runs(folder)
    return run


def test_that_a_session_told_to_end_keeps_its_last_step_and_another_goes_on_to_the_bits_of_a_plain_run(
    keep, make_config, make_dataset, bits_of, tmp_path
):
    config = make_config("escontrela", batch_size=4)
    worker = keep(config)
    for step in (1, 2, 3):
        worker.control.step()
        worker.wait_for_step(step)
    worker.control.set_learning_rate(0.002)
    worker.control.set_parameter("conv1", "weight", (0, 0, 0, 0), 0.5)
    worker.end()
    run = only_run(tmp_path)
    assert (run.summary.step, run.summary.learning_rate, run.was_interrupted) == (3, 0.002, False)
    again = keep(config, resume=run.folder)
    assert again.newest.step == 3
    assert again.session.saved == Saved(run.folder, 3)
    again.run_to_the_end()
    plain = Trainer(config, make_dataset())
    events = plain.events()
    for _ in range(3):
        next(events)
    plain.learning_rate = 0.002
    plain.set_parameter(NewValue("conv1", "weight", (0, 0, 0, 0), 0.5))
    for _ in events:
        pass
    assert bits_of(again.session._trainer) == bits_of(plain)


@pytest.mark.parametrize(("epochs", "asked"), [(2, False), (2, True), (1, False)])
def test_that_the_test_of_an_epoch_that_was_broken_off_by_the_end_is_made_when_the_run_goes_on(
    keep, make_config, make_dataset, bits_of, tmp_path, epochs, asked
):
    config = make_config(batch_size=8, test_size=4000, epochs=epochs)
    worker = keep(config, slow_tests(make_dataset(), seconds=0.05))
    worker.control.run()
    worker.wait_for(Phase.TESTING)
    worker.end()
    assert (only_run(tmp_path).summary.epoch, only_run(tmp_path).summary.step_in_epoch) == (0, 5)
    again = keep(config, slow_tests(make_dataset(), seconds=0.0), resume=only_run(tmp_path).folder)
    if asked:  # for one step, which is the test here
        again.control.step()
        again.wait_until(lambda: again.newest.epoch == 1)
        assert again.newest.step == 5
    again.run_to_the_end()
    plain = Trainer(config, slow_tests(make_dataset(), seconds=0.0))
    for _ in plain.events():
        pass
    assert bits_of(again.session._trainer) == bits_of(plain)
    assert again.newest.epoch == again.newest.epochs == epochs


def test_that_a_session_that_nobody_ended_is_an_interrupted_run_with_its_last_step(keep, make_config, tmp_path):
    worker = keep(make_config())
    worker.control.step()
    worker.wait_for_step(1)
    worker.control.abandon()
    worker.end()
    assert (only_run(tmp_path).was_interrupted, only_run(tmp_path).summary.step) == (True, 1)


@pytest.mark.parametrize("fault", ["data", "stop"])
def test_that_a_run_that_could_not_be_gone_on_with_is_left_as_it_was(
    keep, make_config, make_dataset, monkeypatch, tmp_path, fault
):
    worker = keep(make_config())
    worker.control.step()
    worker.wait_for_step(1)
    worker.control.abandon()
    worker.end()
    session = Session(make_config(), resume=only_run(tmp_path).folder)
    if fault == "data":
        monkeypatch.setattr(session_module, "load_dataset", lambda *_: make_dataset(train=50, test=15))
        with pytest.raises(UserError):
            session.run()
    else:
        monkeypatch.setattr(session_module, "load_dataset", lambda *args: args[2](0, 1))
        session.control.stop()
        session.run()
    assert session.status == Status(Phase.STOPPED)
    assert only_run(tmp_path).was_interrupted


def test_that_a_damaged_checkpoint_is_told_by_who_goes_on_from_the_one_before(keep, make_config, tmp_path):
    worker = keep(make_config())
    for step in (1, 2):
        worker.control.step()
        worker.wait_until(lambda step=step: worker.session.saved and worker.session.saved.step == step)
    worker.control.abandon()
    worker.end()
    assert worker.session.notice is None
    newest = max(only_run(tmp_path).folder.glob("*.checkpoint"))
    newest.write_bytes(newest.read_bytes()[:-1])
    again = keep(make_config(), resume=only_run(tmp_path).folder)
    assert again.session.notice == "the newest checkpoint is damaged, so the run goes on from the one before, of step 1"
    assert again.newest.step == 1


def test_that_a_run_that_cannot_be_saved_goes_on_and_says_so(keep, make_config, tmp_path):
    (tmp_path / "file").touch()
    worker = keep(make_config(), runs=tmp_path / "file")
    worker.run_to_the_end()
    worker.wait_until(lambda: worker.session.save_fault)
    assert worker.session.save_fault.startswith("the run could not be saved, and goes on: ")
    assert worker.session.saved is None


def test_that_the_state_before_a_change_by_hand_is_kept_after_divergence(keep, make_config, tmp_path, monkeypatch):
    monkeypatch.setattr(autosave_module, "SECONDS", 1e9)
    monkeypatch.setattr(autosave_module, "FIRST_SECONDS", 1e9)
    worker = keep(make_config(epochs=100))
    worker.control.set_speed(100)
    worker.control.run()
    worker.wait_for_step(3)
    worker.control.set_speed(None)
    worker.control.set_learning_rate(10.0)
    worker.join(5)
    assert isinstance(worker.error, DivergenceError)
    assert worker.error.divergence.learning_rate == 10.0
    kept = only_run(tmp_path)
    assert kept.summary.step >= 3
    assert (kept.summary.learning_rate, kept.was_interrupted) == (0.005, False)


# Cost of being watched


@pytest.fixture
def snapshots_taken(monkeypatch) -> list[int]:
    taken: list[int] = []

    class Counting(Trainer):
        def state(self, probe):
            taken.append(self.step)
            return super().state(probe)

    monkeypatch.setattr(session_module, "Trainer", Counting)
    return taken


def test_that_nobody_looking_costs_no_snapshots_but_those_of_each_epochs_end(snapshots_taken, start, make_config):
    worker = start(make_config(epochs=3))
    worker.control.run()
    worker.wait_for(Phase.FINISHED)
    worker.wait_until(lambda: snapshots_taken.count(120) == 3)  # before and after the last test, and at rest
    assert snapshots_taken == [0, 40, 40, 80, 80, 120, 120, 120]


def test_that_every_step_of_a_slow_run_is_shown_even_just_after_another_snapshot(snapshots_taken, start, make_config):
    worker = start(make_config())
    worker.control.set_speed(15)  # which is itself shown
    worker.control.run()
    worker.wait_until(lambda: 4 in snapshots_taken)
    assert set(snapshots_taken) == {0, 1, 2, 3, 4}


def test_that_an_eager_reader_gets_at_most_forty_snapshots_a_second(snapshots_taken, start, make_config, make_dataset):
    worker = start(make_config(train_size=400, epochs=10_000), make_dataset(train=400))
    worker.control.set_speed(100)
    time.sleep(0.05)
    snapshots_taken.clear()
    worker.control.run()
    began = time.monotonic()
    while time.monotonic() < began + 0.5:
        _ = worker.newest
        time.sleep(0.001)
    assert 5 <= len(snapshots_taken) <= 40 * (time.monotonic() - began) + 1


def test_that_the_throughput_leaves_out_rests_and_tests(monkeypatch):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(session_module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    throughput = session_module._Throughput()

    def train(seconds: float) -> None:
        for _ in range(round(seconds / 0.1)):
            clock.now += 0.1
            throughput.count(32)

    clock.now += 60.0
    train(1.0)
    assert throughput.per_second == pytest.approx(320)
    throughput.interrupt()
    clock.now += 5.0
    train(1.0)
    assert throughput.per_second == pytest.approx(320)


def test_that_the_throughput_is_told_while_training_and_0_at_rest(start, make_config, make_dataset):
    worker = start(make_config(train_size=400, epochs=10_000), make_dataset(train=400))
    worker.control.set_speed(50)
    worker.control.run()
    worker.wait_until(lambda: worker.session.status.samples_per_second > 0)
    assert 10 <= worker.session.status.samples_per_second <= 60
    worker.control.pause()
    worker.wait_for(Phase.PAUSED)
    assert worker.session.status.samples_per_second == 0
    worker.control.run()
    worker.wait_for(Phase.TRAINING)
    assert worker.session.status.samples_per_second == 0  # not known yet; the rest does not count
