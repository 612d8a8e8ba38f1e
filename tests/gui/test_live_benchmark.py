import math
import os
import time

import pytest
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from cnnviz.errors import UserError
from cnnviz.gui import live_benchmark
from cnnviz.gui.live_probes import FrameCounter, LoopProbe, PenProbe, spread
from cnnviz.gui.panels.drawing import DrawingPanel
from cnnviz.gui.panels.network import NetworkPanel
from cnnviz.gui.theme import DARK


@pytest.fixture
def owner(qapp):
    """Own what a test measures with, until it ends."""
    owner = QObject()
    yield owner
    owner.deleteLater()


@pytest.fixture
def short(monkeypatch, random_dataset):
    """Measure for an instant, on few images."""
    monkeypatch.setattr(live_benchmark, "ROUNDS", 1)
    monkeypatch.setattr(live_benchmark, "WARM_UP", 0.2)
    monkeypatch.setattr(live_benchmark, "TEST_IMAGES", 40)
    monkeypatch.setattr(live_benchmark, "default_dataset", lambda _: "strokes")


def test_that_a_spread_tells_the_middle_the_slowest_hundredth_and_the_slowest():
    assert spread([*range(101)]) == {"median": 50.0, "p99": 99.0, "longest": 100.0}


def test_that_a_spread_of_nothing_is_not_a_number():
    assert all(math.isnan(value) for value in spread([]).values())


def test_that_a_stall_of_the_event_loop_is_one_long_delay(owner, wait_until):
    probe = LoopProbe(owner)
    wait_until(lambda: probe.delays)
    time.sleep(0.2)
    before = len(probe.delays)
    wait_until(lambda: len(probe.delays) > before)
    probe.stop()
    assert 150 < probe.delays[before] < 2000


def test_that_a_picture_painted_twice_is_one_frame(owner, own, workbench, snapshot, zhou_snapshot):
    panel = own(NetworkPanel(workbench))
    panel.apply_theme(DARK)
    panel.resize(600, 300)
    counter = FrameCounter(panel.canvas, owner)
    panel.grab()
    assert counter.frames == 0
    for shown in (snapshot, zhou_snapshot):
        panel.show_snapshot(shown)
        panel.grab()
        panel.grab()
    assert counter.frames == 2


def test_that_a_stroke_counts_once_the_bars_are_painted_with_its_answer(owner, own, workbench, snapshot, wait_until):
    workbench.snapshot = snapshot
    panel = own(DrawingPanel(workbench))
    panel.apply_theme(DARK)
    panel.show()
    probe = PenProbe(panel, owner)
    wait_until(lambda: len(probe.delays) > 5)
    probe.stop()
    assert all(0 < delay < 10_000 for delay in probe.delays)
    assert len(panel.strokes[0]) > 5
    counted = len(probe.delays)
    panel.view.repaint()  # with no other answer than before
    QApplication.processEvents()
    panel.view.repaint()
    QApplication.processEvents()
    assert len(probe.delays) <= counted + 1


def test_that_strokes_do_not_count_while_no_bars_are_painted(owner, own, workbench, snapshot, wait_until):
    workbench.snapshot = snapshot
    panel = own(DrawingPanel(workbench))
    readings = []
    panel.drawing_read.connect(lambda: readings.append(1))
    probe = PenProbe(panel, owner)
    wait_until(lambda: len(readings) > 3)
    probe.stop()
    assert not probe.delays


def test_that_a_measurement_tells_what_training_and_window_reach(short):
    parts = []
    figures = live_benchmark.measure("zhou", 0.6, lambda: parts.append(1))
    assert len(parts) == 3
    assert figures["ratio"] == figures["steps_per_second_with_window"] / figures["steps_per_second_without"]
    assert 0 < figures["frames_per_second"] < 1000
    for delays in (figures["loop_delay_ms"], figures["pen_to_bars_ms"]):
        assert 0 <= delays["median"] <= delays["p99"] <= delays["longest"]
    assert figures["memory_mb"]["window"] > 30
    text = live_benchmark.summary("zhou", figures)
    assert text.startswith("zhou with a live window: ")
    assert f"frames shown    {figures['frames_per_second']:.1f} /s" in text


def test_that_a_window_closed_too_early_is_told_in_one_sentence(short):
    QTimer.singleShot(0, close_every_window_soon)
    with pytest.raises(UserError, match="leave the window alone"):
        live_benchmark.measure("zhou", 0.6)


def close_every_window_soon():
    windows = [window for window in QApplication.topLevelWidgets() if window.isVisible()]
    if not windows:
        QTimer.singleShot(20, close_every_window_soon)
    for window in windows:
        window.close()


def test_that_data_that_cannot_be_loaded_end_the_measurement(short, monkeypatch):
    def fail(*args):
        raise UserError("the data are gone")

    monkeypatch.setattr("cnnviz.training.session.load_dataset", fail)
    with pytest.raises(UserError, match="the data are gone"):
        live_benchmark.measure("zhou", 0.6)


def test_that_the_memory_of_started_processes_counts_as_that_of_workers():
    before = live_benchmark.resident_memory()
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.read(reader, 1)
        os._exit(0)
    try:
        assert live_benchmark.resident_memory()["workers"] > before["workers"]
    finally:
        os.write(writer, b"x")
        os.waitpid(child, 0)
        os.close(reader)
        os.close(writer)
