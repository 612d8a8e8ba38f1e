"""The window is closed while something goes on: within two seconds all that it started has ended, and it is saved."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEventLoop, QPoint, Qt, QThread, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QMessageBox

from cnnviz import interrupts
from cnnviz.data.drawing import Drawing
from cnnviz.explain.places import Weight
from cnnviz.gui import download_dialog, picture_dialog
from cnnviz.gui.interrupt_listener import InterruptListener
from cnnviz.gui.main_window import MainWindow
from cnnviz.gui.panels.movie import MoviePanel
from cnnviz.gui.routing_controls import BATCH
from cnnviz.gui.settings import load_settings
from cnnviz.gui.workbench import Workbench
from cnnviz.training.session import Phase

LONGEST = 2.0  # seconds that a window may take to close


@dataclass
class Scene:
    """A window on a run, and what it takes to keep it busy."""

    window: MainWindow
    live: Workbench
    wait_until: Callable[..., None]
    patch: Callable[..., None]
    folder: Path


@pytest.fixture
def scene(make_window, live, wait_until, monkeypatch, tmp_path) -> Scene:
    window = make_window(settings_file=tmp_path / "settings.json")
    return Scene(window, live, wait_until, monkeypatch.setattr, tmp_path)


def go_on(*_: object) -> Iterator[None]:
    """Go on for ever, a millisecond at a time."""
    while True:
        time.sleep(0.001)
        yield


def tell_for_ever(*given: object) -> None:
    """Tell a ``progress`` that comes last, and that may put an end to it."""
    for _ in go_on():
        given[-1](1, 2)


# What may be going on


def training(scene):
    scene.live.train()
    scene.wait_until(lambda: scene.live.poll() or scene.live.snapshot.step > 0)


def loading(scene):
    scene.patch("cnnviz.training.session.load_dataset", tell_for_ever)
    scene.patch("cnnviz.training.worker._Run._take_over", lambda run: None)  # of images that are there already
    scene.live.reset()
    scene.wait_until(lambda: scene.live.poll() or scene.live.status.total)
    assert scene.live.status.phase is Phase.LOADING


def scoring(scene):
    scene.patch("cnnviz.training.trainer.evaluate", tell_for_ever)
    scene.live.evaluate()
    scene.wait_until(lambda: scene.live.poll() or scene.live.status.phase is Phase.TESTING)


def going_through_a_step(scene):
    scene.patch("cnnviz.gui.replay.Movie.of", lambda *_: time.sleep(0.3))
    movie = scene.window.panels[MoviePanel.name]
    scene.window.show_next_phase()
    scene.wait_until(lambda: scene.window.refresh() or any(map(QThread.isRunning, movie.findChildren(QThread))))


def playing_a_movie(scene):
    player = scene.window.panels[MoviePanel.name].player
    scene.window.show_next_phase()
    scene.wait_until(lambda: scene.window.refresh() or player.count)
    player.toggle()
    assert player.direction


def counting_a_batch(scene):
    scene.patch("cnnviz.gui.batch_routing.route_batch", go_on)
    scene.live.step()
    scene.wait_until(lambda: scene.live.poll() or scene.live.snapshot.batch is not None)
    routing = scene.window.panels["routing"]
    routing.show_snapshot(scene.live.snapshot)
    routing.controls.source.setCurrentText(BATCH)
    scene.wait_until(lambda: any(map(QThread.isRunning, routing.findChildren(QThread))))


def reading_a_picture(scene):
    path, begun, read = scene.folder / "seven.png", [], picture_dialog.read_for_pad
    Image.fromarray(np.full((9, 9), 255, np.uint8)).save(path)
    scene.patch(picture_dialog, "read_for_pad", lambda source: (begun.append(True), time.sleep(0.3), read(source)))
    scene.window.read_picture(path)
    scene.wait_until(lambda: begun)


def downloading(scene):
    scene.patch(download_dialog, "download_mnist", tell_for_ever)
    scene.patch("cnnviz.gui.main_window.MNIST", type("Nowhere", (), {"is_available": lambda *_: False}))
    scene.window.download_mnist()
    scene.wait_until(lambda: scene.window.findChild(download_dialog.DownloadThread).isRunning())


def preparing_own_digits(scene):
    own = scene.live.own_digits
    own.open(scene.folder / "my-digits.json")
    for at in range(20):
        own.keep(Drawing([np.array([[0.2, 0.2], [0.8, 0.3 + at / 50]])], None), at % 10)
    assert own._work.isActive()


def nudging(scene):
    training(scene)
    scene.live.choose(Weight("conv1", "weight", (0, 0, 0, 0)))
    scene.live.nudge_by(1)
    assert scene.live.nudge is not None


def a_lesson(scene):
    scene.window.show_lesson(2)


def floating_panels(scene):
    for name in ("network", "cost", "filters"):
        scene.window.docks[name].setFloating(True)
    assert scene.window.docks["cost"].isVisible()


def filling_the_screen(scene):
    scene.window.toggle_full_screen()


def drawing(scene):
    QTest.mousePress(scene.window.drawing.pad, Qt.MouseButton.LeftButton, pos=QPoint(40, 40))
    assert scene.window.drawing.pad.pen_is_down


GOING_ON = (
    training, loading, scoring, going_through_a_step, playing_a_movie, counting_a_batch, reading_a_picture, downloading,
    preparing_own_digits, nudging, a_lesson, floating_panels, filling_the_screen, drawing,
)  # fmt: skip


@pytest.mark.parametrize("begin", GOING_ON, ids=lambda begin: begin.__name__)
def test_that_the_window_closes_in_the_middle_of(begin, scene):
    begin(scene)
    began = time.monotonic()
    scene.window.close()
    assert time.monotonic() - began < LONGEST
    assert not any(map(QThread.isRunning, scene.window.findChildren(QThread)))
    assert [top for top in QApplication.topLevelWidgets() if top.isVisible()] == []
    assert scene.live._thread is None
    assert load_settings(scene.folder / "settings.json")[1] is None


def test_that_closing_twice_remembers_where_floating_panels_were(scene, make_window):
    scene.window.docks["cost"].setFloating(True)
    scene.window.close()
    scene.window.close()
    settings, _ = load_settings(scene.folder / "settings.json")
    again = make_window(settings)
    assert again.restore_layout()
    assert again.docks["cost"].isFloating()
    assert again.docks["cost"].isVisible()


def test_that_digits_that_could_not_be_written_are_when_the_window_closes(scene):
    blocked = scene.folder / "data"
    blocked.write_text("a file where a folder should be")
    scene.live.own_digits.open(blocked / "my-digits.json")
    scene.live.own_digits.keep(Drawing([np.array([[0.2, 0.2], [0.8, 0.3]])], None), 4)
    blocked.unlink()
    scene.window.close()
    assert '"label":4' in (blocked / "my-digits.json").read_text()


# Signals

only_with_signals = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="a signal raised there ends the process")

DIALOGS = {
    "help": MainWindow.show_help,
    "preferences": MainWindow.edit_preferences,
    "file dialog": MainWindow.open_parameters,
    "where to export": MainWindow.export_parameters,
    "question": lambda window: QMessageBox.question(window, "Export parameters", "Do you want to replace it?"),
    "menu": lambda window: window.menuBar().actions()[0].menu().exec(),
    "list of a combo box": lambda window: next(filter(QComboBox.isVisible, window.findChildren(QComboBox))).showPopup(),
}


@contextmanager
def listening(slot: Callable[[], object]) -> Iterator[None]:
    """Have ``slot`` called where the program is asked to end."""
    listener = InterruptListener()
    listener.heard.connect(slot)
    try:
        yield
    finally:
        listener.close()


@only_with_signals
@pytest.mark.parametrize("dialog", DIALOGS)
def test_that_a_signal_closes_the_window_and_what_is_open_before_it(dialog, scene):
    open_before = []

    def interrupt():
        open_before.append(QApplication.activeModalWidget() or QApplication.activePopupWidget())
        signal.raise_signal(signal.SIGTERM)

    def wait_for_the_end():
        with interrupts.put_off(), listening(scene.window.close):
            QTimer.singleShot(0, partial(DIALOGS[dialog], scene.window))
            QTimer.singleShot(50, interrupt)
            scene.wait_until(lambda: not scene.window.isVisible())

    with interrupts.heeded(), pytest.raises(KeyboardInterrupt):
        wait_for_the_end()
    assert len(open_before) == 1
    assert open_before != [None]
    assert [top for top in QApplication.topLevelWidgets() if top.isVisible()] == []


@only_with_signals
def test_that_a_signal_is_heard_by_an_event_loop_that_has_nothing_to_do_and_one_that_came_before(qapp):
    heard = []
    loop = QEventLoop()

    def take(name):
        heard.append(name)
        loop.quit()

    def wait_twice():
        with interrupts.put_off():
            threading.Timer(0.1, signal.pthread_kill, (threading.get_ident(), signal.SIGTERM)).start()
            for name in ("during", "before"):
                with listening(partial(take, name)):
                    loop.exec()

    with interrupts.heeded(), pytest.raises(KeyboardInterrupt):
        wait_twice()
    assert heard == ["during", "before"]
