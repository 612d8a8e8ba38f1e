import math
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

import cnnviz
from cnnviz.explain.places import Weight
from cnnviz.gui.main_window import MainWindow
from cnnviz.gui.offer_bar import Answer, Offer, OfferBar
from cnnviz.gui.offers import rate_to_go_back_with
from cnnviz.gui.settings import Settings
from cnnviz.gui.workbench import Workbench
from cnnviz.training.config import TrainingConfig
from cnnviz.training.runs import dismiss, find_run
from cnnviz.training.session import Phase
from cnnviz.training.trainer import Trainer


@pytest.fixture
def bar(window):
    return window.transport.offers


@pytest.fixture
def told(live):
    """Return what the window tells, good or bad."""
    told = []
    live.message.connect(told.append)
    live.failed.connect(told.append)
    return told


@pytest.fixture
def diverging(monkeypatch):
    """Let the cost of step 6 be none, as long as the learning rate is above 0.0005."""
    differentiate = Trainer._learn

    def learn(self, indices):
        if self.step == 5 and self.learning_rate > 0.0005:
            self.parameters["conv2"]["weight"][:] = math.nan
        return differentiate(self, indices)

    monkeypatch.setattr(Trainer, "_learn", learn)


def test_that_an_interrupted_run_is_offered_and_comes_back_as_it_was(
    window, bar, interrupted, live, random_dataset, wait_until
):
    summary = find_run(str(interrupted)).summary
    window.offers.offer_interrupted()
    assert bar.isVisible()
    assert bar.offer.text == "A run was interrupted at step 3."
    assert f"Escontrela on Strokes, cost {summary.loss:.3g}, saved " in bar.offer.detail
    QTest.mouseClick(bar.accept, Qt.MouseButton.LeftButton)
    wait_until(lambda: live.poll() or live.snapshot)
    assert not bar.isVisible()
    assert not live.is_running
    assert (live.snapshot.step, len(live.snapshot.history.losses)) == (3, 3)
    plain = Trainer(live.config, random_dataset)
    for _ in range(4):
        next(plain.events())
    live.step()
    wait_until(lambda: live.poll() or live.snapshot.step == 4)
    np.testing.assert_array_equal(live.snapshot.parameters.vector, plain.parameters.vector)


def test_that_an_interrupted_run_that_was_declined_is_kept_and_not_offered_again(window, bar, interrupted, live, told):
    window.offers.offer_interrupted()
    QTest.mouseClick(bar.decline, Qt.MouseButton.LeftButton)
    assert not bar.isVisible()
    assert [run.folder for run in live.kept_runs()] == [interrupted]
    assert "Ctrl+Shift+R" in told[-1]
    window.offers.offer_interrupted()
    assert bar.offer is None


def test_that_an_offer_that_another_run_could_not_take_the_place_of_can_still_be_declined(window, bar, interrupted):
    run = find_run(str(interrupted))
    gone = replace(run, summary=replace(run.summary, config=replace(run.summary.config, dataset="/data/gone")))
    window.offers.offer_interrupted()
    window.offers.go_on(gone)
    assert "/data/gone is not there; put it back" in window._notice.text()
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not bar.isVisible()
    assert not find_run(str(interrupted)).was_interrupted


def test_that_esc_declines_unless_something_is_nudged(window, bar, interrupted, live):
    window.offers.offer_interrupted()
    live.choose(Weight("conv1", "bias", (0,)))
    live.nudge_by(1)
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert live.nudge is None
    assert bar.isVisible()
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not bar.isVisible()
    assert not find_run(str(interrupted)).was_interrupted


def test_that_an_interrupted_run_is_offered_until_another_one_is_trained(
    window, bar, interrupted, live, told, wait_until
):
    window.offers.offer_interrupted()
    QTest.keyClick(window, Qt.Key.Key_Right)
    wait_until(lambda: live.poll() or live.snapshot.step == 1)
    assert not bar.isVisible()
    assert "The interrupted run stays" in told[-1]
    assert not find_run(str(interrupted)).was_interrupted


def test_that_where_training_begins_by_itself_the_interrupted_run_is_only_told_of(window, bar, interrupted, live, told):
    live.train()
    window.offers.offer_interrupted()
    assert bar.offer is None
    assert told == ["A run was interrupted at step 3; to go on with it: File > Runs (Ctrl+Shift+R)"]
    assert find_run(str(interrupted)).was_interrupted


def test_that_a_run_that_goes_on_in_another_window_is_not_offered(window, bar, saved_at):
    saved_at(1)
    window.offers.offer_interrupted()
    assert bar.offer is None


def test_that_a_run_that_was_interrupted_before_its_first_step_is_not_offered(window, bar, saved_at, live, wait_until):
    folder = saved_at(1)
    shutil.copytree(folder, folder.with_name("copy"))
    (folder.with_name("copy") / "000002.checkpoint").unlink()
    live.start_run()
    wait_until(lambda: live.poll() or live.snapshot)
    assert [run.was_interrupted for run in live.kept_runs() if run.folder.name == "copy"] == [True]
    window.offers.offer_interrupted()
    assert bar.offer is None


def test_that_the_present_run_stays_where_the_interrupted_one_has_no_data_any_more(
    window, bar, interrupted, live, told, monkeypatch
):
    run = find_run(str(interrupted))
    gone = replace(run.summary, config=replace(run.summary.config, dataset=str(interrupted / "gone")))
    snapshot = live.snapshot
    window.offers.go_on(replace(run, summary=gone))
    assert live.snapshot is snapshot
    assert len(told) == 1
    assert "gone" in told[0]


def test_that_after_divergence_the_way_back_has_a_tenth_of_the_rate_and_the_history_until_there(
    window, bar, diverging, saved_at, live, random_dataset, wait_until
):
    saved_at(5)
    live.train()
    wait_until(lambda: live.poll() or bar.offer)
    plain = Trainer(live.config, random_dataset)
    cost = [next(plain.events()).loss for _ in range(5)][-1]
    assert bar.offer.text == "Training diverged in conv2 at step 5, rate 0.001."
    assert f"Last finite cost {cost:.3g}. Saved at step 5, cost " in bar.offer.detail
    assert bar.accept.text() == "Go back, rate 0.0001"
    assert window._notice_bar.isHidden()  # told once is enough
    QTest.mouseClick(bar.accept, Qt.MouseButton.LeftButton)
    wait_until(lambda: live.poll() or (live.snapshot and live.snapshot.step >= 8))
    assert live.snapshot.history.learning_rates == ((0, 0.001), (5, 0.0001))
    assert len(live.snapshot.history.losses) == live.snapshot.step
    assert window.panels["experiment"].lr.value() == live.config.lr == 0.0001
    assert not bar.isVisible()


def test_that_after_divergence_in_a_single_step_the_way_back_is_at_rest(
    window, bar, diverging, saved_at, live, wait_until
):
    saved_at(5)
    live.step()
    wait_until(lambda: live.poll() or bar.offer)
    QTest.mouseClick(bar.accept, Qt.MouseButton.LeftButton)
    wait_until(lambda: live.poll() or live.snapshot)
    wait_until(lambda: live.poll() or live.status.phase is Phase.PAUSED)
    assert live.snapshot.step == 5


def test_that_esc_resets_nothing_after_divergence(window, bar, diverging, saved_at, live, wait_until):
    saved_at(5)
    live.step()
    wait_until(lambda: live.poll() or bar.offer)
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not bar.isVisible()
    assert live.status.phase is Phase.STOPPED
    assert live.snapshot.step == 5


@pytest.mark.parametrize("way", ["R", "button"])
def test_that_a_reset_after_divergence_withdraws_the_way_back(window, bar, diverging, saved_at, live, wait_until, way):
    saved_at(5)
    live.step()
    wait_until(lambda: live.poll() or bar.offer)
    if way == "R":
        QTest.keyClick(window, Qt.Key.Key_R)
    else:
        QTest.mouseClick(bar.decline, Qt.MouseButton.LeftButton)
    wait_until(lambda: live.poll() or live.snapshot)
    assert (live.snapshot.step, bar.offer) == (0, None)


@pytest.mark.parametrize(
    ("diverged", "saved", "expected"), [(0.003, 0.003, 0.0003), (10.0, 0.001, 0.001), (0.01, 0.002, 0.001)]
)
def test_that_the_way_back_is_at_a_tenth_of_the_rate_or_at_what_it_was_if_that_is_less(diverged, saved, expected):
    assert rate_to_go_back_with(diverged, saved) == expected


def test_that_a_run_whose_process_was_killed_is_gone_on_with_from_its_latest_checkpoint(
    real_process, own, qapp, tmp_path, monkeypatch, wait_until
):
    workbench = Workbench(TrainingConfig.from_preset("zhou", "strokes", train_size=64, test_size=40, epochs=10**4))
    workbench.runs = tmp_path
    window = own(MainWindow(workbench, Settings(theme="dark"), None))
    window.show()
    bar = window.transport.offers
    workbench.start_run()
    workbench.train()
    wait_until(lambda: workbench.poll() or (workbench.saved and workbench.saved.step))
    workbench._thread.engine._process.kill()
    wait_until(lambda: workbench.poll() or bar.offer)
    assert bar.offer.text.startswith("The training process ended unexpectedly (")
    assert bar.accept.text() == f"Go on from step {workbench.saved.step:,}"
    step = workbench.saved.step
    QTest.mouseClick(bar.accept, Qt.MouseButton.LeftButton)
    wait_until(lambda: workbench.poll() or (workbench.snapshot and workbench.snapshot.step > step))
    assert len(workbench.snapshot.history.losses) == workbench.snapshot.step
    dismiss(find_run(str(workbench.saved.folder)))  # of no effect on a run that goes on
    assert (workbench.saved.folder / "running").exists()


PROGRAM = """
import os, signal, sys
from PySide6.QtCore import QTimer
from cnnviz.gui.main_window import MainWindow

def train_and_die(window):
    workbench = window._workbench
    if workbench.snapshot is not None and workbench.saved is None:
        workbench.step()
    if workbench.saved is not None and workbench.snapshot.step > 20:
        os.kill(os.getpid(), signal.SIGKILL)
    elif workbench.saved is not None:
        workbench.train()

def go_on(window):
    bar, workbench = window.transport.offers, window._workbench
    if bar.offer is not None:
        print(bar.offer.text)
        bar.accept.click()
    elif workbench.snapshot is not None and workbench.snapshot.step:
        history = workbench.snapshot.history
        print(workbench.snapshot.step, len(history.losses), workbench.is_running, flush=True)
        window.close()

what, start = sys.argv.pop(1), MainWindow.start
def start_and_act(window):
    start(window)
    timer = QTimer(window)
    timer.timeout.connect(lambda: window.isVisible() and globals()[what](window))
    timer.start(20)
MainWindow.start = start_and_act
from cnnviz.cli import main
sys.exit(main(["gui", "--dataset", "strokes", "--preset", "zhou", *sys.argv[1:]]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_that_after_a_crash_of_the_window_its_run_is_offered_at_the_next_start_and_goes_on(tmp_path):
    folders = {f"XDG_{name}_HOME": str(tmp_path / name) for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    environment = {**os.environ, **folders, "PYTHONPATH": str(Path(cnnviz.__file__).parents[1])}

    def run(*arguments):
        command = [sys.executable, "-c", PROGRAM, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    assert run("train_and_die").returncode == -signal.SIGKILL
    runs = tmp_path / "DATA" / "cnnviz" / "runs"
    (folder,) = runs.iterdir()
    done = run("go_on")
    offered, reached = done.stdout.splitlines()
    step = find_run(str(folder)).summary.step
    assert step > 20
    assert (offered, reached) == (f"A run was interrupted at step {step:,}.", f"{step} {step} False")
    assert done.returncode == 0, done.stderr
    assert list(runs.iterdir()) == [folder]
    assert not (folder / "running").exists()
    picture = tmp_path / "w.png"
    assert run("train_and_die", "--screenshot", str(picture), "--after", "1.5").returncode == 0
    assert list(runs.iterdir()) == [folder]  # pictures leave nothing behind


@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080)])
def test_that_an_offer_takes_no_room_from_the_panels_and_is_seen_whole(make_window, size, qapp):
    window = make_window(size=size)
    seen = [name for name, panel in window.panels.items() if panel.is_seen]
    places = [window.docks[name].geometry() for name in seen]
    bar = window.transport.offers
    back, reset = (Answer(text, "", lambda: None) for text in ("Go back, rate 0.0001", "Reset"))
    text = "Training diverged in conv2 at step 12,345, rate 0.001."
    bar.show_offer(Offer(text, "Last finite cost 1.23e+36. Saved at step 12,000, cost 0.123.", back, reset))
    qapp.processEvents()
    assert [window.docks[name].geometry() for name in seen] == places
    for line in bar._lines:
        assert line.fontMetrics().horizontalAdvance(line.text()) <= line.width()
        assert line.fontMetrics().tightBoundingRect(line.text()).height() <= line.height()
    for button in (bar.accept, bar.decline):
        assert button.width() >= button.sizeHint().width()
        assert window.rect().contains(button.rect().translated(button.mapTo(window, button.rect().topLeft())))


def test_that_the_buttons_of_an_offer_are_reached_by_tab_and_pressed_by_space(
    window, bar, interrupted, live, wait_until
):
    window.offers.offer_interrupted()
    window.transport.speed.setFocus()
    QTest.keyClick(window.transport.speed, Qt.Key.Key_Tab)
    assert bar.accept.hasFocus()
    QTest.keyClick(bar.accept, Qt.Key.Key_Space)
    wait_until(lambda: live.poll() or live.snapshot)
    assert live.snapshot.step == 3


def test_that_a_run_that_failed_before_its_first_checkpoint_but_one_is_not_offered(
    window, bar, keeping, wait_until, monkeypatch
):
    def fail(*args):
        raise ValueError("a fault")

    monkeypatch.setattr(Trainer, "_learn", fail)
    keeping.step()
    wait_until(lambda: keeping.poll() or keeping.status.phase is Phase.STOPPED)
    wait_until(lambda: keeping.poll() or keeping.failure)
    assert keeping.saved.step == 0
    assert bar.offer is None
    assert "ValueError" in window._notice.text()


def test_that_a_bar_without_an_offer_dismisses_nothing(own):
    assert not own(OfferBar()).dismiss()
