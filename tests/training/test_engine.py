"""The process that trains, as the window uses it: real processes throughout."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import cnnviz.training.engine as engine_module
from cnnviz import interrupts
from cnnviz.data import load_dataset
from cnnviz.data.augmentation import LEVELS
from cnnviz.nn import Parameters
from cnnviz.training.config import ConfigError, TrainingConfig
from cnnviz.training.control import NewValue, ProbeChoice
from cnnviz.training.engine import Engine, Run, start_process
from cnnviz.training.history import Edit
from cnnviz.training.messages import Begin, Ready, Report, Wish, receive, send
from cnnviz.training.movie import Movie
from cnnviz.training.runs import saved_runs
from cnnviz.training.session import Phase, Status
from cnnviz.training.shared_memory import SharedMemory
from cnnviz.training.snapshot import Snapshot
from cnnviz.training.trainer import StepDone, Trainer
from cnnviz.training.worker import serve

ROOT = Path(__file__).parents[2]
RESTING = (Phase.PAUSED, Phase.FINISHED)


class Watched:
    """An engine with a thread that listens to it, and the newest snapshot of its run."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.listener = threading.Thread(target=self.engine.listen, name="listener")
        self.listener.start()
        self.run: Run | None = None
        self.newest: Snapshot | None = None

    @property
    def process(self) -> subprocess.Popen:
        return self.engine._process

    def begin(self, config: TrainingConfig, *, wait: bool = True, **options: object) -> Run:
        self.run, self.newest = self.engine.begin(config, **options), None
        if wait:
            self.wait_until(lambda: self.newest is not None and self.run.status.phase in RESTING)
        return self.run

    def look(self) -> None:
        self.newest = self.run.take() or self.newest

    def wait_until(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while self.look() or not condition():
            assert time.monotonic() < deadline, f"waited {seconds} s in vain; {self.run.status}, {self.run.failure}"
            time.sleep(0.001)
        self.look()  # what came between the look before and the condition

    def wait_for(self, phase: Phase) -> None:
        self.wait_until(lambda: self.run.status.phase is phase)

    def wait_for_step(self, step: int) -> Snapshot:
        self.wait_until(lambda: self.newest is not None and self.newest.step >= step)
        return self.newest

    def close(self) -> None:
        self.engine.close()
        self.listener.join(2)
        assert not self.listener.is_alive()
        assert self.process.poll() is not None


@pytest.fixture(scope="module")
def shared() -> Iterator[Watched]:
    """Return an engine for all tests that leave it alive."""
    watched = Watched()
    yield watched
    watched.close()


@pytest.fixture
def single() -> Iterator[Watched]:
    """Return an engine that its test may end."""
    watched = Watched()
    yield watched
    watched.close()


# Has runs save themselves after every step.
HASTY = (
    "import cnnviz.training.autosave as autosave; autosave.SECONDS = autosave.SECONDS_AT_REST = 0.0; "
    "autosave.PART_OF_TIME = 1e9; "
)


@pytest.fixture
def hasty(monkeypatch) -> Iterator[Callable[[], Watched]]:
    """Return a maker of engines whose runs save themselves after every step."""
    worker = "from cnnviz.training.worker"
    monkeypatch.setattr(engine_module, "_CODE", engine_module._CODE.replace(worker, HASTY + worker))
    made: list[Watched] = []

    def make() -> Watched:
        made.append(Watched())
        return made[-1]

    yield make
    for each in made:
        each.close()


def small(preset: str = "escontrela", **changes: object) -> TrainingConfig:
    settings = {"train_size": 64, "test_size": 40, "batch_size": 8, "epochs": 2, "seed": 5, **changes}
    return TrainingConfig.from_preset(preset, "strokes", **settings)


# A run


@pytest.mark.parametrize("ties", ["first", "all"])
def test_that_a_run_ends_in_the_bits_of_a_plain_one_with_the_same_history(shared, ties):
    shared.begin(small(ties=ties), steps_per_second=100.0)
    shared.run.control.run()
    shared.wait_for(Phase.FINISHED)
    plain = Trainer(small(ties=ties), load_dataset("strokes"))
    for _ in plain.events():
        pass
    final, history = shared.newest, plain.history.view()
    expected = plain.snapshot(plain.test_probe(0))
    assert final.step == plain.step == 16
    assert final.parameters.vector.tobytes() == plain.parameters.vector.tobytes()
    assert final.gradients.vector.tobytes() == expected.gradients.vector.tobytes()
    assert final.history.losses.tolist() == history.losses.tolist()
    assert final.history.accuracies.tolist() == history.accuracies.tolist()
    assert final.history.learning_rates == history.learning_rates
    assert [point.step for point in final.history.tests] == [8, 16]
    for ours, theirs in zip(final.history.tests, history.tests, strict=True):
        assert np.array_equal(ours.evaluation.confusion, theirs.evaluation.confusion)
    assert np.array_equal(final.trace.probabilities, expected.trace.probabilities)
    assert np.array_equal(final.trace.input_gradient, expected.trace.input_gradient)
    assert final.network.layers["pool1"].ties == plain.network.layers["pool1"].ties == ties
    assert not shared.run.control.is_running


def test_that_a_run_with_movies_among_its_steps_ends_in_the_bits_of_one_without(shared):
    config = small("keras", batch_size=32, optimizer="adam", lr=0.001)
    shared.begin(config)
    for step in (1, 2):
        shared.run.control.record()
        seen = shared.wait_for_step(step)
        movie = Movie.of(seen.record, config, seen.network, image=20)
        assert seen.record.step == step
        assert movie.after.vector.tobytes() == seen.parameters.vector.tobytes()
        assert movie.gradients.vector.tobytes() == seen.gradients.vector.tobytes()
    shared.run.control.step()
    assert shared.wait_for_step(3).record is seen.record
    shared.run.control.record()
    shared.run.control.run()
    shared.wait_for(Phase.FINISHED)
    assert shared.newest.record.step == 4
    plain = Trainer(config, load_dataset("strokes"))
    plain.epochs = shared.newest.epochs
    for _ in plain.events():
        pass
    assert shared.newest.parameters.vector.tobytes() == plain.parameters.vector.tobytes()


def test_that_a_record_goes_through_the_pipe_once_and_another_run_has_none(shared, monkeypatch):
    sent = []
    complete = Run._complete

    def note(run: Run, report: Report) -> object:
        sent.append(report.state.record)
        return complete(run, report)

    monkeypatch.setattr(Run, "_complete", note)
    shared.begin(small())
    shared.run.control.record()
    shared.wait_for_step(1)
    for index in range(5):
        shared.run.control.set_probe(ProbeChoice("test", index))
    shared.run.control.step()
    assert shared.wait_for_step(2).record.step == 1
    assert sum(record is not None for record in sent) == 1
    shared.begin(small())
    assert shared.newest.record is None


def test_that_every_array_that_came_from_the_other_process_refuses_writing(shared):
    shared.begin(small())
    shared.run.control.evaluate()
    shared.run.control.record()
    seen = shared.wait_for_step(1)
    for array in (
        seen.parameters.vector,
        seen.gradients.vector,
        seen.history.losses,
        seen.history.accuracies,
        seen.history.tests[0].evaluation.confusion,
        seen.trace.probe.image,
        seen.trace.inputs,
        seen.record.parameters.vector,
        seen.record.moments["mean"],
        seen.record.batch.images,
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_that_a_snapshot_is_not_changed_by_later_steps(shared):
    shared.begin(small(epochs=1000))
    shared.run.control.step()
    first = shared.wait_for_step(1)
    before = (first.parameters.vector.copy(), first.gradients.vector.copy())
    shared.run.control.run()
    shared.wait_for_step(first.step + 20)
    assert np.array_equal(first.parameters.vector, before[0])
    assert np.array_equal(first.gradients.vector, before[1])


def test_that_pausing_shows_where_the_run_came_to_and_a_step_goes_on_from_there(shared):
    shared.begin(small(epochs=1000))
    shared.run.control.run()
    assert shared.run.control.is_running
    shared.wait_for_step(5)
    assert shared.run.control.is_running
    shared.run.control.pause()
    assert not shared.run.control.is_running
    shared.wait_for(Phase.PAUSED)
    paused = shared.newest.step
    time.sleep(0.1)
    shared.look()
    assert shared.newest.step == paused
    assert len(shared.newest.history.losses) == paused
    shared.run.control.step()
    assert shared.wait_for_step(paused + 1).step == paused + 1


def test_that_a_run_can_begin_from_given_parameters_and_with_a_probe(shared):
    parameters = Parameters.zeros(small("zhou").recipe.build().parameter_shapes)
    parameters.vector[:] = 0.25
    shared.begin(small("zhou"), parameters=parameters, probe=ProbeChoice("test", 3))
    assert (shared.newest.parameters.vector == 0.25).all()
    assert shared.newest.gradients is None
    assert shared.newest.trace.probe.title == "test digit 3"


def test_that_another_preset_takes_the_place_of_a_run_that_trains(shared):
    for preset in ("zhou", "escontrela", "zhou"):
        shared.begin(small(preset, epochs=1000))
        shared.run.control.run()
        assert shared.wait_for_step(3).network.name == preset
        assert np.isfinite(shared.newest.trace.loss)


def test_that_the_learning_rate_and_the_probe_change_at_rest(shared):
    shared.begin(small())
    shared.run.control.set_learning_rate(0.5)
    shared.wait_until(lambda: shared.newest.learning_rate == 0.5)
    drawing = np.full((28, 28), 200, np.uint8)
    shared.run.control.set_probe(ProbeChoice("drawing", image=drawing))
    drawing[...] = 0  # drawn on, but no longer followed
    shared.wait_until(lambda: shared.newest.trace.probe.title == "drawing")
    assert (shared.newest.trace.probe.image == 200).all()


def test_that_own_digits_are_learnt_there(shared):
    shared.begin(small(augment=LEVELS["none"]), probe=ProbeChoice("training"))
    shared.run.control.set_own_digits(np.full((1, 28, 28), 77, np.uint8), np.array([7]), 1.0)
    shared.run.control.step()
    seen = shared.wait_for_step(1).trace.probe
    assert (seen.title, seen.label, seen.image[0, 0]) == ("own digit 0", 7, 77)


def test_that_a_parameter_is_set_there_and_the_history_tells_of_it(shared):
    shared.begin(small())
    shared.run.control.step()
    before = shared.wait_for_step(1).parameters
    shared.run.control.set_parameter("conv2", "weight", (7, 6, 5 - 1, 0), 1.5)
    shared.wait_until(lambda: shared.newest.history.edits)
    old = float(before["conv2"]["weight"][7, 6, 4, 0])
    assert shared.newest.history.edits == (Edit(1, "conv2/weight[7,6,4,0]", old, 1.5),)
    differing = np.flatnonzero(shared.newest.parameters.vector != before.vector)
    assert shared.newest.parameters.vector[differing].tolist() == [1.5]
    assert shared.newest.parameters["conv2"]["weight"][7, 6, 4, 0] == 1.5


def test_that_impossible_wishes_are_refused_here_and_at_once(shared):
    shared.begin(small())
    with pytest.raises(ConfigError, match="lr: accepted is a number above 0"):
        shared.run.control.set_learning_rate(-1.0)
    with pytest.raises(ConfigError, match="speed: accepted is a number of steps a second above 0"):
        shared.run.control.set_speed(0.0)
    with pytest.raises(ConfigError, match="own_digits: accepted is a share from 0 to 1"):
        shared.run.control.set_own_digits(np.zeros((1, 28, 28), np.uint8), np.array([7]), 2.0)
    with pytest.raises(
        ConfigError, match=r"parameter: accepted is an index into conv2/bias of shape \(8,\), got \(8,\)"
    ):
        shared.run.control.set_parameter("conv2", "bias", (8,), 0.5)
    with pytest.raises(ConfigError, match=r"parameter: accepted is one of conv1/weight, .*, got relu1/bias"):
        shared.run.control.set_parameter("relu1", "bias", (0,), 0.5)
    with pytest.raises(ConfigError, match="parameter: accepted is a finite number"):
        shared.run.control.set_parameter("conv2", "bias", (7,), float("inf"))
    shared.run.control.step()
    shared.wait_for_step(1)


def test_that_a_test_is_made_when_asked_for_and_left_out_when_cancelled(shared):
    shared.begin(small(test_size=10_000))
    shared.run.control.evaluate()
    shared.wait_for(Phase.TESTING)
    shared.run.control.cancel_evaluation()
    shared.wait_for(Phase.PAUSED)
    assert shared.newest.history.tests == ()
    shared.begin(small())
    shared.run.control.evaluate()
    shared.wait_until(lambda: shared.newest.history.tests)
    assert shared.newest.history.tests[0].evaluation.samples == 40


def test_that_a_failure_comes_as_its_line_and_the_next_run_is_sound(shared):
    shared.begin(small("zhou", lr=10.0, epochs=50, batch_size=1))
    shared.run.control.run()
    shared.wait_until(lambda: shared.run.failure)
    assert shared.run.failure.startswith("training diverged: ")
    shared.wait_for(Phase.STOPPED)
    assert not shared.run.control.is_running
    shared.begin(small())
    assert shared.run.failure is None
    assert shared.newest.step == 0


def test_that_a_window_that_does_not_look_is_sent_one_snapshot_and_no_more(shared, monkeypatch):
    shared.begin(small(epochs=10_000))
    heard = []
    monkeypatch.setattr(shared.run, "hear", lambda report: heard.append(report) or Run.hear(shared.run, report))
    shared.run.control.run()
    time.sleep(0.4)
    assert sum(report.state is not None for report in heard) == 1
    shared.wait_for_step(heard[-1].state.step + 1)


def test_that_a_report_that_does_not_know_of_all_wishes_does_not_overrule_them(shared):
    run = shared.begin(small())
    monkey = run.control
    monkey.run()
    monkey.hear(0, False)
    assert monkey.is_running


def test_that_what_an_earlier_run_has_to_say_does_not_reach_the_next(shared):
    shared.begin(small())
    number = shared.run._number
    shared.begin(small())
    shared.run.hear(Report(number, 0, True, Status(Phase.STOPPED), "the earlier run failed"))
    assert (shared.run.failure, shared.run.status.phase, shared.run.control.is_running) == (None, Phase.PAUSED, False)


def test_that_what_is_being_read_is_not_written_to():
    """Here without a process: the reader takes its time between the report and `Ready`."""
    (reading, requests), (reports, writing) = os.pipe(), os.pipe()
    memory = SharedMemory()
    slots = memory.arrays(2, 2, small("zhou").recipe.build().parameter_count)
    with os.fdopen(reading, "rb") as into, os.fdopen(requests, "wb") as out, os.fdopen(reports, "rb") as told:
        worker = threading.Thread(target=serve, args=(into, os.fdopen(writing, "wb"), memory.handle))
        worker.start()
        send(out, Begin(1, small("zhou"), None, None, ProbeChoice()))
        report = receive(told)
        while report.state is None:
            send(out, Ready(1))
            report = receive(told)
        before = slots[report.slot].copy()
        for _ in range(3):
            send(out, Wish(1, "step", ()))
        deadline = time.monotonic() + 5
        while not slots[1 - report.slot].any() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert slots[1 - report.slot].any()
        assert np.array_equal(slots[report.slot], before)
        out.close()
        worker.join()
    memory.close()


def test_that_the_same_data_are_not_loaded_again(single, tmp_path):
    folder = tmp_path / "digits"
    subprocess.run(
        [sys.executable, "-c", WRITE_IDX, str(folder)], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    config = TrainingConfig.from_preset("zhou", str(folder), train_size=20, test_size=10)
    single.begin(config)
    for file in folder.iterdir():
        file.unlink()
    single.begin(config)
    assert single.newest.step == 0
    single.begin(TrainingConfig.from_preset("zhou", "strokes", train_size=20, test_size=10))
    single.begin(config, wait=False)
    single.wait_until(lambda: single.run.failure)
    assert str(folder) in single.run.failure


def test_that_the_same_drawings_are_not_loaded_again(single, tmp_path):
    path = tmp_path / "ones.json"
    path.write_text('[{"label": 1, "strokes": [[[0, 0], [0, 9]]]}]')
    single.begin(small(mix=((str(path), 0.5),)))
    path.unlink()
    single.begin(small(mix=((str(path), 0.25),)))
    assert single.newest.step == 0
    single.begin(small(mix=(("strokes", 0.5),)))
    single.begin(small(mix=((str(path), 0.5),)), wait=False)
    single.wait_until(lambda: single.run.failure)
    assert str(path) in single.run.failure


WRITE_IDX = """
import struct, sys
from pathlib import Path
import numpy as np
folder = Path(sys.argv[1])
folder.mkdir()
for part, count in (("train", 20), ("t10k", 10)):
    images = np.random.default_rng(0).integers(0, 256, (count, 28, 28)).astype(np.uint8)
    (folder / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, count, 28, 28) + images.tobytes())
    (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, count) + bytes(count))
"""


# Ends


@pytest.mark.parametrize("phase", [None, Phase.LOADING, Phase.PAUSED, Phase.TRAINING, Phase.TESTING])
def test_that_closing_ends_the_process_at_once_in_every_phase(single, phase):
    if phase is not None:
        single.begin(small(test_size=10_000, epochs=1000), wait=phase is not Phase.LOADING)
    if phase is Phase.TRAINING:
        single.run.control.run()
        single.wait_for_step(1)
    if phase is Phase.TESTING:
        single.run.control.evaluate()
        single.wait_for(Phase.TESTING)
    single.close()
    assert single.process.returncode == 0
    assert not single.engine.is_alive
    assert single.run is None or single.run.failure is None


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_that_a_process_that_is_killed_fails_its_run_in_one_line(single):
    single.begin(small(epochs=1000))
    single.run.control.run()
    single.wait_for_step(1)
    single.process.kill()
    single.wait_until(lambda: single.run.failure)
    assert single.run.failure == "the training process ended unexpectedly (signal 9); R (Reset) begins anew"
    single.wait_for(Phase.STOPPED)
    assert not single.run.control.is_running
    assert not single.engine.is_alive
    late = single.engine.begin(small())
    assert late.failure == single.run.failure
    assert late.trace == f"the training process {single.process.pid} left no trace"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_that_a_process_that_crashes_leaves_its_trace_to_the_run(single):
    single.begin(small(epochs=1000))
    single.process.send_signal(signal.SIGSEGV)
    single.wait_until(lambda: single.run.failure)
    assert "(signal 11)" in single.run.failure
    assert single.run.trace.startswith(f"The training process {single.process.pid} crashed on ")
    assert "Segmentation fault" in single.run.trace
    assert "cnnviz/training/worker.py" in single.run.trace
    assert "INFO cnnviz.training.worker [MainThread] run 1: TrainingConfig(preset='escontrela'" in single.run.trace


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_that_an_interrupt_from_the_terminal_is_left_to_the_window(single, number):
    single.process.send_signal(number)
    single.begin(small())
    single.process.send_signal(number)
    single.run.control.step()
    single.wait_for_step(1)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_that_a_process_that_does_not_react_is_killed_after_a_while(single, monkeypatch):
    monkeypatch.setattr(engine_module, "GRACE_SECONDS", 0.2)
    single.begin(small())
    single.process.send_signal(signal.SIGSTOP)
    single.close()
    assert single.process.returncode == -signal.SIGKILL


PARENT = """
import sys, threading, time
from pathlib import Path
from cnnviz.training.config import TrainingConfig
from cnnviz.training.engine import Engine
engine = Engine()
threading.Thread(target=engine.listen, daemon=True).start()
config = TrainingConfig.from_preset("zhou", "strokes", epochs=1000, train_size=5000, test_size=10)
run = engine.begin(config, runs=Path(sys.argv[1]))
while run.take() is None:
    time.sleep(0.001)
run.control.run()
print(engine._process.pid, flush=True)
while (snapshot := run.take()) is None or not snapshot.step:
    time.sleep(0.001)
print(snapshot.step, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for the process in /proc")
def test_that_the_process_ends_with_a_window_that_is_killed_and_keeps_the_run_as_an_interrupted_one(hasty, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:
        pid = int(parent.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        seen = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 3
    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (run,) = saved_runs(tmp_path)
    assert run.was_interrupted
    assert run.summary.step >= seen > 0
    watched = hasty()
    watched.begin(run.summary.config, resume=run.folder)
    watched.run.control.step()
    after = watched.wait_for_step(run.summary.step + 1)
    plain = Trainer(run.summary.config, load_dataset("strokes"))
    events = plain.events()
    while plain.step < after.step:
        next(events)
    assert after.parameters.vector.tobytes() == plain.parameters.vector.tobytes()


# Killed, and gone on with


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
@pytest.mark.parametrize("moment", ["within an epoch", "in the test", "after the test"])
def test_that_a_run_whose_process_was_killed_ends_in_the_bits_of_one_never_left(hasty, tmp_path, moment):
    config = small(train_size=128, test_size=2000, epochs=3)
    first = hasty()
    run = first.begin(config, runs=tmp_path)
    for step in (1, 2):
        run.control.step()
        first.wait_for_step(step)
    run.control.set_learning_rate(0.002)
    run.control.set_parameter("conv1", "weight", (3, 0, 1, 2), 0.5)
    run.control.step()
    first.wait_until(lambda: run.saved and run.saved.step == 3)  # else what was set may be lost with the process
    run.control.run()
    if moment == "within an epoch":
        first.wait_until(lambda: run.saved.step >= 5)
    elif moment == "in the test":
        first.wait_for(Phase.TESTING)
    else:
        first.wait_until(lambda: first.newest.epoch == 1)
    first.process.kill()
    first.wait_until(lambda: run.failure)
    (kept,) = saved_runs(tmp_path)
    assert kept.was_interrupted
    assert kept.summary.step >= run.saved.step

    second = hasty()
    second.begin(config, resume=kept.folder)
    assert second.newest.step == kept.summary.step < 48
    second.run.control.run()
    second.wait_for(Phase.FINISHED)
    plain = Trainer(config, load_dataset("strokes"))
    for event in plain.events():
        if isinstance(event, StepDone) and event.step == 2:
            plain.learning_rate = 0.002
            plain.set_parameter(NewValue("conv1", "weight", (3, 0, 1, 2), 0.5))
    final, history = second.newest, plain.history.view()
    assert final.parameters.vector.tobytes() == plain.parameters.vector.tobytes()
    assert final.history.losses.tobytes() == history.losses.tobytes()
    assert (final.history.learning_rates, final.history.edits) == (history.learning_rates, history.edits)
    assert [point.evaluation.loss for point in final.history.tests] == [p.evaluation.loss for p in history.tests]


def test_that_a_notice_and_a_fault_of_saving_reach_the_window(hasty, tmp_path):
    first = hasty()
    first.begin(small(), runs=tmp_path)
    for step in (1, 2):
        first.run.control.step()
        first.wait_until(lambda step=step: first.run.saved and first.run.saved.step == step)
    assert (first.run.notice, first.run.save_fault) == (None, None)
    first.close()
    (kept,) = saved_runs(tmp_path)
    newest = max(kept.folder.glob("*.checkpoint"))
    newest.rename(newest.with_name("000001.checkpoint"))
    newest.write_bytes(b"damaged")
    second = hasty()
    second.begin(small(), resume=kept.folder)
    assert second.run.notice == "the newest checkpoint is damaged, so the run goes on from the one before, of step 2"
    (tmp_path / "file").touch()
    second.begin(small(), runs=tmp_path / "file")
    second.run.control.step()
    second.wait_until(lambda: second.run.save_fault)
    assert second.run.saved is None


def is_running(pid: int) -> bool:
    """Return whether there is such a process, dead ones that nobody has asked about left out."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_that_a_process_that_cannot_be_started_is_told_in_one_line(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(engine_module.UserError, match="the training process could not be started"):
        Engine()


def open_files(pid: int | str = "self") -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="counts open files in /proc")
@pytest.mark.parametrize("room", range(0, 10, 2))
def test_that_a_process_for_which_there_is_no_room_leaves_nothing_behind(room):
    gc.collect()  # what earlier tests have open
    before = open_files()
    with only_so_many_files_more(room):
        outcome = try_to_start()
    assert outcome in (NO_ROOM, "started")
    assert (outcome == "started") == (room == 8)
    assert open_files() == before


NO_ROOM = "the training process could not be started (Too many open files); close other programs and try again"


def try_to_start() -> str:
    try:
        Engine().close()
    except engine_module.UserError as fault:
        return str(fault)
    return "started"


@contextmanager
def only_so_many_files_more(count: int) -> Iterator[None]:
    """Let this process open no more than ``count`` files."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = [os.open(os.devnull, os.O_RDONLY) for _ in range(count + 1)]  # the lowest numbers that are free
    for descriptor in free:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[-1], limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_that_without_room_for_a_thread_no_process_stays(monkeypatch):
    started = []

    def refuse(self):
        raise RuntimeError("can't start new thread")

    def note(memory):
        started.append(start_process(memory))
        return started[0]

    monkeypatch.setattr(engine_module, "start_process", note)
    monkeypatch.setattr(engine_module.threading.Thread, "start", refuse)
    with pytest.raises(engine_module.UserError, match="could not be started \\(can't start new thread\\); close other"):
        Engine()
    assert started[0].poll() is not None


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="counts open files in /proc")
def test_that_thirty_runs_one_after_the_other_leave_nothing_behind_in_the_process(single):
    presets = ("zhou", "escontrela")
    counts = []
    for number in range(30):
        single.begin(small(presets[number % 2], epochs=1000))
        counts.append(open_files(single.process.pid))
        single.run.control.run()
    assert max(counts) <= counts[0] + 3  # this run's, and at most one before that is on its way out


def test_that_no_module_of_the_process_brings_in_qt():
    outcome = subprocess.run(
        [sys.executable, "-c", "import sys, cnnviz.training.worker; print([m for m in sys.modules if 'Side6' in m])"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert outcome.stdout == "[]\n"
