import re
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt, QThread
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QFileDialog,
    QMessageBox,
    QTabBar,
)

from cnnviz.explain.places import Cell, Weight
from cnnviz.formats import read_parameters
from cnnviz.gui import main_window
from cnnviz.gui.layout import COLUMNS
from cnnviz.gui.main_window import HINT, TICK_MS, MainWindow, _with_extension
from cnnviz.gui.panels import PANELS, Panel
from cnnviz.gui.panels.filters import GRADIENTS
from cnnviz.gui.routing_controls import BATCH
from cnnviz.gui.settings import Settings, load_settings
from cnnviz.gui.theme import DARK, LIGHT, apply_theme
from cnnviz.gui.workbench import Workbench
from cnnviz.training.session import Phase, Status


def test_that_every_panel_has_a_name_a_title_and_two_sentences_about_itself():
    assert len({panel.name for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        assert panel.title
        assert len(re.findall(r"\.(?:\s|$)", panel.about)) == 2, panel.about


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_that_every_panel_shows_either_network_in_either_theme(
    own, workbench, qapp, panel, theme, snapshot, zhou_snapshot, untrained_snapshot, resumed_snapshot
):
    apply_theme(qapp, theme)
    one = own(panel(workbench))
    one.apply_theme(theme)
    one.resize(380, 300)
    one.show()
    pictures = []
    for each in (untrained_snapshot, snapshot, zhou_snapshot, resumed_snapshot, snapshot):
        workbench.snapshot = each
        one.show_snapshot(each)
        qapp.processEvents()
        pictures.append(one.grab().toImage())
    assert all(picture.size() == pictures[0].size() for picture in pictures)
    colors = {pictures[-1].pixel(x, y) for x in range(0, 380, 3) for y in range(0, 300, 3)}
    assert len(colors) > 4
    apply_theme(qapp, DARK)


@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080)])
def test_that_in_the_default_layout_all_panels_are_seen_whole(make_window, size, qapp):
    window = make_window(size=size)
    assert (window.width(), window.height()) == size
    places = {}
    for name in (name for _, column in COLUMNS for name, _ in column):
        dock = window.docks[name]
        assert dock.isVisible(), name
        panel = window.panels[name]
        assert panel.width() >= panel.minimumSizeHint().width(), name
        assert panel.height() >= panel.minimumSizeHint().height(), name
        assert window.rect().contains(dock.geometry()), name
        places[name] = dock.geometry()
    names = list(places)
    overlaps = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if places[a].intersects(places[b])]
    assert overlaps == []
    shown = [bar for bar in window.findChildren(QTabBar) if bar.isVisible()]
    used = sum(place.width() * place.height() for place in [*places.values(), *shown])
    assert used > 0.85 * size[0] * size[1]


@pytest.mark.parametrize(("size", "least"), [((1366, 768), 190), ((1920, 1080), 260)])
def test_that_the_pad_is_large_enough_to_draw_on(make_window, size, least):
    pad = make_window(size=size).drawing.pad
    assert pad.width() == pad.height() >= least


def test_that_space_trains_and_pauses(window, live, wait_until):
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert live.is_running
    wait_until(lambda: live.poll() or live.snapshot.step > 0)
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert not live.is_running


def test_that_the_right_arrow_learns_one_batch(window, live, wait_until):
    QTest.keyClick(window, Qt.Key.Key_Right)
    wait_until(lambda: live.poll() or live.snapshot.step == 1)


def test_that_shift_right_goes_one_step_and_through_its_phases(window, live, wait_until):
    shift, movie = Qt.KeyboardModifier.ShiftModifier, window.panels["movie"]
    assert not movie.is_seen
    QTest.keyClick(window, Qt.Key.Key_Right, shift)
    wait_until(lambda: live.poll() or movie.movie)
    assert movie.is_seen
    assert (live.snapshot.step, movie.player.position) == (1, 0)
    QTest.keyClick(window, Qt.Key.Key_Right, shift)
    QTest.keyClick(window, Qt.Key.Key_Right, shift)
    QTest.keyClick(window, Qt.Key.Key_Left, shift)
    live.poll()
    assert (live.snapshot.step, movie.player.position) == (1, 1)
    QTest.keyClick(window, Qt.Key.Key_Space, shift)
    assert movie.player.direction == 1
    QTest.keyClick(window, Qt.Key.Key_Space, shift)
    assert movie.player.direction == 0
    assert not live.is_running


def test_that_a_movie_behind_another_tab_is_gone_on_with_unless_training_has_gone_on(window, live, wait_until):
    movie = window.panels["movie"]
    window.show_next_phase()
    wait_until(lambda: live.poll() or movie.movie)
    window.docks["filters"].raise_()
    window.show_next_phase()
    assert movie.is_seen
    assert (movie.movie.record.step, movie.player.position) == (1, 1)
    window.docks["filters"].raise_()
    live.step()
    wait_until(lambda: live.poll() or live.snapshot.step == 2)
    window.show_next_phase()
    wait_until(lambda: live.poll() or movie.movie.record.step == 3)
    assert movie.player.position == 0


def test_that_closing_in_the_middle_of_a_movie_is_clean(window, live, wait_until):
    movie = window.panels["movie"]
    window.show_next_phase()
    wait_until(lambda: live.poll() or movie.movie)
    movie.player.toggle()
    movie.controls.image.setValue(3)
    window.close()
    assert movie.player.direction == 0


def test_that_r_begins_anew_with_the_same_seed_and_shift_r_with_another(window, live, wait_until):
    QTest.keyClick(window, Qt.Key.Key_Right)
    wait_until(lambda: live.poll() or live.snapshot.step == 1)
    QTest.keyClick(window, Qt.Key.Key_R)
    wait_until(lambda: live.poll() or live.snapshot)
    assert (live.snapshot.step, live.config.seed) == (0, 5)
    QTest.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ShiftModifier)
    assert live.config.seed != 5


def test_that_keys_typed_into_a_field_stay_there(window, live):
    field = window.panels["experiment"].batch_size
    field.setFocus()
    for key in (Qt.Key.Key_R, Qt.Key.Key_Right, Qt.Key.Key_Space, Qt.Key.Key_Delete):
        QTest.keyClick(field, key)
    live.poll()
    assert live.snapshot.step == 0
    assert not live.is_running


def test_that_a_focused_button_keeps_the_space_bar(window, live):
    button = window.panels["filters"].shown
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert not live.is_running
    button.hidePopup()


def test_that_a_digit_drawn_with_the_mouse_is_read_and_cleared_with_delete(window, live, wait_until):
    pad = window.drawing.pad
    centre = pad.rect().center()
    QTest.mousePress(pad, Qt.MouseButton.LeftButton, pos=centre + QPoint(0, -50))
    for y in range(-50, 51, 10):
        QTest.mouseMove(pad, centre + QPoint(0, y))
    wait_until(lambda: window.drawing.bars.probabilities is not None)
    QTest.mouseRelease(pad, Qt.MouseButton.LeftButton, pos=centre + QPoint(0, 50))
    assert window.drawing.bars.probabilities.sum() == pytest.approx(1, abs=1e-5)
    QTest.keyClick(window, Qt.Key.Key_Delete)
    assert window.drawing.strokes == []
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert len(window.drawing.strokes) == 1


def test_that_a_drawing_asked_for_is_followed_through_the_network(window, live, wait_until):
    pad = window.drawing.pad
    QTest.mouseClick(pad, Qt.MouseButton.LeftButton, pos=pad.rect().center())
    network = window.panels["network"]
    network.kind.setCurrentText("Drawing")
    network.kind.activated.emit(network.kind.currentIndex())
    wait_until(lambda: live.poll() or live.snapshot.trace.probe.title == "drawing")


def test_that_ctrl_e_writes_the_parameters_and_ctrl_o_reads_them(window, live, wait_until, tmp_path, monkeypatch):
    target = tmp_path / "mine"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(target), a[-1].split(";;")[0]))
    QTest.keyClick(window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    written = read_parameters(tmp_path / "mine.npz")
    np.testing.assert_array_equal(written.parameters["conv1/weight"], live.snapshot.parameters["conv1"]["weight"])
    live.reset_with_new_seed()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a: (str(tmp_path / "mine.npz"), ""))
    QTest.keyClick(window, Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier)
    wait_until(lambda: live.poll() or live.snapshot)
    np.testing.assert_array_equal(live.snapshot.parameters["conv1"]["weight"], written.parameters["conv1/weight"])


def test_that_a_name_too_long_for_the_disk_is_told_of(window, tmp_path, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(tmp_path / ("n" * 300)), a[-1].split(";;")[0]))
    window.export_parameters()
    assert "too long" in window._notice.text()


def test_that_what_went_wrong_is_told_in_the_window_and_can_be_dismissed(window, tmp_path, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a: (str(tmp_path / "none.npz"), ""))
    window.open_parameters()
    assert window._notice_bar.isVisible()
    assert "none.npz" in window._notice.text()
    window._dismiss()
    assert not window._notice_bar.isVisible()


def test_that_a_run_just_gone_on_with_has_neither_batch_nor_gradients_until_the_next_step(
    window, resumed_snapshot, snapshot, live, qapp
):
    filters, routing = window.panels["filters"], window.panels["routing"]
    filters.shown.setCurrentText(GRADIENTS)
    routing.controls.source.setCurrentText(BATCH)
    for each, is_there in ((resumed_snapshot, False), (snapshot, True)):
        live.snapshot = each
        window.refresh()
        for panel in window.panels.values():
            panel.show_snapshot(each)
        qapp.processEvents()
        assert filters.note.isHidden() == is_there
        assert (routing._pooled is not None) == is_there
        assert all((row[-1] != "") == is_there for row in filters.numbers()[1:])
    routing.finish()


def test_that_hidden_panels_are_left_alone_and_brought_up_to_date_when_shown(window, live, wait_until, qapp):
    filters = window.panels["filters"]
    shown = []
    original = filters.show_snapshot
    filters.show_snapshot = lambda snapshot: (shown.append(snapshot.step), original(snapshot))
    window.docks["filters"].close()
    live.step()
    wait_until(lambda: window.refresh() or live.snapshot.step == 1)
    assert shown == []
    window.docks["filters"].show()
    window.docks["filters"].raise_()
    wait_until(lambda: window.refresh() or 1 in shown)


def test_that_a_panel_behind_another_tab_is_left_alone_until_it_comes_to_the_front(window, live, wait_until):
    reading = window.panels["reading"]
    shown, caught_up = [], []
    reading.show_snapshot = lambda snapshot: shown.append(snapshot.step)
    reading.catch_up = lambda: caught_up.append(True)
    live.step()
    wait_until(lambda: window.refresh() or live.snapshot.step == 1)
    assert not reading.is_seen
    assert (shown, caught_up) == ([], [])
    window.docks["reading"].raise_()
    wait_until(lambda: window.refresh() or 1 in shown)
    assert caught_up
    assert not window.panels["filters"].is_seen


def test_that_the_status_bar_reads_out_what_is_under_the_mouse(window, live, qapp):
    window.refresh()
    canvas = window.panels["network"].canvas
    QTest.mouseMove(canvas, canvas.placed[2].tiles[0].center())
    qapp.processEvents()
    assert re.match(r"conv1, channel 0, \(\d+, \d+\): \S+   gradient \S+", window._reading.text())


def test_that_the_status_bar_tells_what_can_be_done_where_nothing_else_is_told(window, live):
    assert window._reading.text() == HINT
    window.panels["network"].hovered.emit("conv1")
    assert window._reading.text() == "conv1"
    window._show_message("exported")
    window.panels["network"].hovered.emit("")
    assert window._reading.text() == ""
    window._dismiss()
    assert window._reading.text() == HINT
    window.refresh()
    live.choose(Weight("conv1", "bias", (0,)))
    live.nudge_by(1)
    assert window._reading.text() == ""
    live.restore()
    assert window._reading.text() == HINT


def test_that_the_layout_is_remembered_and_can_be_reset(make_window, live, tmp_path, qapp):
    file = tmp_path / "settings.json"
    first = make_window(settings_file=file)
    first.docks["filters"].close()
    first.close()
    settings, complaint = load_settings(file)
    assert complaint is None
    live.start_run()
    second = MainWindow(live, settings, file)
    try:
        assert second.restore_layout()
        second.show()
        qapp.processEvents()
        assert not second.docks["filters"].isVisible()
        second.reset_layout()
        assert second.docks["filters"].isVisible()
    finally:
        second.close()
        second.deleteLater()


def test_that_a_layout_of_other_panels_is_not_restored(make_window, own, live, tmp_path, monkeypatch):
    file = tmp_path / "settings.json"
    make_window(settings_file=file).close()
    settings, _ = load_settings(file)
    live.start_run()
    monkeypatch.setattr("cnnviz.gui.main_window.LAYOUT_VERSION", 7)
    assert not own(MainWindow(live, settings, file)).restore_layout()
    monkeypatch.undo()
    assert own(MainWindow(live, load_settings(file)[0], file)).restore_layout()


def test_that_closing_ends_the_counting_of_a_batch_in_a_panel_that_floats(window, live, wait_until, monkeypatch):
    def count_on(*given):
        while True:
            time.sleep(0.001)
            yield None

    monkeypatch.setattr("cnnviz.gui.batch_routing.route_batch", count_on)
    window.docks["routing"].setFloating(True)
    live.step()
    wait_until(lambda: live.poll() or live.snapshot.batch is not None)
    routing = window.panels["routing"]
    routing.show_snapshot(live.snapshot)
    routing.controls.source.setCurrentText(BATCH)
    wait_until(lambda: routing.findChild(QThread).isRunning())
    window.close()
    assert not routing.findChild(QThread).isRunning()


def test_that_closing_in_the_middle_of_training_is_clean(window, live, wait_until):
    live.train()
    wait_until(lambda: live.poll() or live.snapshot.step > 0)
    window.close()
    assert not live.is_running


def test_that_nobody_sees_a_window_that_waits_for_the_end_of_training(window, live, monkeypatch):
    seen = []
    close = live.close
    monkeypatch.setattr(live, "close", lambda: (seen.append(window.isVisible()), close()))
    window.close()
    assert seen == [False]


def test_that_the_progress_tells_what_is_saved(window, keeping, saved_at, wait_until):
    saved_at(2)
    assert window.transport.where.toolTip().startswith("Saved at step 2; File > Runs (Ctrl+Shift+R)")
    keeping.start_run()
    assert window.transport.where.toolTip() == ""
    wait_until(lambda: keeping.poll() or keeping.snapshot)


def test_that_a_finished_run_can_be_trained_on(window, live, wait_until):
    live.train()
    wait_until(lambda: live.poll() or live.status.phase is Phase.FINISHED)
    steps = live.snapshot.step
    assert "Space trains 2 more epochs" in window.transport.where.text()
    QTest.keyClick(window, Qt.Key.Key_Space)
    wait_until(lambda: live.poll() or live.snapshot.step > steps)
    assert live.snapshot.epochs == 4


def test_that_before_the_first_step_a_sentence_says_what_space_does(window, live):
    live.snapshot_arrived.emit(live.snapshot)
    assert window.transport.where.text().startswith("Press Space: ")


def test_that_the_window_offers_no_way_to_lose_the_bar(window, qapp):
    menu = window.createPopupMenu()  # Qt's own, on a right click beside the panels
    offered = {action.text() for action in menu.actions() if action.isVisible()}
    assert offered - {""} == {dock.panel.title for dock in window.docks.values()}
    menu.deleteLater()
    window.transport.hide()
    window.reset_layout()
    assert window.transport.isVisible()


def test_that_a_floated_panel_is_docked_again_by_a_reset_of_the_layout(window, qapp):
    for dock in window.docks.values():
        dock.setFloating(True)
    window.reset_layout()
    qapp.processEvents()
    assert [name for name, dock in window.docks.items() if dock.isFloating()] == []


def test_that_a_clicked_control_leaves_space_to_training(window, live):
    for control in (
        window.panels["experiment"].preset,
        window.panels["evaluation"].test,
        window.panels["routing"].canvas,
    ):
        assert not control.focusPolicy() & Qt.FocusPolicy.ClickFocus


@pytest.mark.parametrize(
    ("typed", "extensions", "written"),
    [
        ("mine", (".npz",), "mine.npz"),
        ("run.v2", (".pkl", ".pickle"), "run.v2.pkl"),
        ("mine.pkl", (".npz",), "mine.pkl"),
        ("mine.pickle", (".pkl", ".pickle"), "mine.pickle"),
        ("escontrela-step-3.npz", (".pkl", ".pickle"), "escontrela-step-3.pkl"),
    ],
)
def test_that_a_name_without_extension_gets_that_of_the_chosen_format(typed, extensions, written):
    proposal = Path("escontrela-step-3.npz")
    assert _with_extension(Path(typed), extensions, proposal) == Path(written)


def test_that_a_file_that_the_dialog_did_not_ask_about_is_not_replaced_unasked(window, tmp_path, monkeypatch):
    (tmp_path / "mine.npz").write_bytes(b"precious")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(tmp_path / "mine"), a[-1].split(";;")[0]))
    monkeypatch.setattr(QMessageBox, "question", lambda *a: QMessageBox.StandardButton.No)
    window.export_parameters()
    assert (tmp_path / "mine.npz").read_bytes() == b"precious"


def test_that_the_button_says_what_space_does_however_fast_one_changes_ones_mind(window, live, wait_until):
    live.set_speed(30.0)
    for wish in (live.reset, live.toggle, live.step):
        wish()
    wait_until(lambda: window.refresh() or live.status.phase is Phase.PAUSED)
    assert window.transport.train.text() == "Train"


def test_that_the_button_follows_a_run_and_pause_between_two_looks_at_an_unchanged_status(window, live):
    live.close()
    control = SimpleNamespace(is_running=True)
    known = {"failure": None, "saved": None, "save_fault": None, "notice": None}
    live._run = SimpleNamespace(status=Status(Phase.PAUSED), take=lambda: None, control=control, **known)
    window.refresh()
    assert window.transport.train.text() == "Pause"
    control.is_running = False
    window.refresh()
    assert window.transport.train.text() == "Train"
    live._run = None


def test_that_what_went_well_is_told_for_a_while_and_what_went_wrong_until_it_is_dismissed(
    window, monkeypatch, wait_until, qapp
):
    monkeypatch.setattr(main_window, "MESSAGE_MS", 1)
    window._show_message("written")
    assert window._notice_bar.isVisible()
    wait_until(lambda: not window._notice_bar.isVisible())
    window._show_message("written")
    window._show_failure("not written")
    QTest.qWait(20)
    assert window._notice_bar.isVisible()


def test_that_a_long_notice_takes_no_room_from_the_panels(window, qapp):
    before = window.docks["network"].geometry()
    window._show_failure("what was expected, what came, what to do " * 20)
    qapp.processEvents()
    assert window.docks["network"].geometry() == before
    assert window._notice.toolTip() == "what was expected, what came, what to do " * 20


def test_that_a_panel_without_a_place_of_its_own_joins_the_last_column_as_a_tab(own, live, monkeypatch, qapp):
    class Extra(Panel):
        name = "extra"
        title = "Extra"
        about = "A panel of somebody's own. It needs no place in the layout."

    monkeypatch.setattr("cnnviz.gui.main_window.PANELS", (*PANELS, Extra))
    window = own(MainWindow(live, Settings(theme="dark"), None))
    window.resize(1366, 768)
    window.show()
    qapp.processEvents()
    assert window.docks["extra"] in window.tabifiedDockWidgets(window.docks["evaluation"])


class Clock:
    """Stands in for the module ``time``."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


def test_that_panels_are_shown_with_each_tick_or_as_often_as_their_interval_says(window, snapshot, monkeypatch):
    clock, shown = Clock(), []
    monkeypatch.setattr("cnnviz.gui.main_window.time", clock)
    monkeypatch.setattr(window._workbench, "poll", lambda: None)
    for panel in window.panels.values():
        monkeypatch.setattr(panel, "show_snapshot", lambda _, name=panel.name: shown.append(name))
    ticks = 600
    for _ in range(ticks):
        clock.now += TICK_MS / 1000
        window._workbench.snapshot = replace(snapshot)
        window.refresh()
    hidden = [name for name, panel in window.panels.items() if not panel.is_seen]
    assert hidden == ["inspector", "movie", "reading", "collection"]
    assert "reading" not in shown
    for panel in (panel for panel in window.panels.values() if panel.is_seen):
        if panel.interval:
            assert shown.count(panel.name) / ticks == pytest.approx(TICK_MS / 1000 / panel.interval, rel=0.1)
        else:
            assert shown.count(panel.name) == ticks


def test_that_figures_are_written_as_often_as_they_can_be_read_and_always_at_rest(window, snapshot, monkeypatch):
    clock = Clock()
    monkeypatch.setattr("cnnviz.gui.readout.time", clock)
    monkeypatch.setattr(Workbench, "is_running", True)
    monkeypatch.setattr(Workbench, "status", Status(Phase.TRAINING))
    network, cost = window.panels["network"], window.panels["cost"]
    texts = []
    for step in range(1, 31):
        clock.now += 0.02
        shown = at_step(snapshot, step)
        for each in (window.transport, network, cost):
            each.show_snapshot(shown)
        texts.append((window.transport.where.text(), network.answer.text(), cost.past.text()))
    for column in zip(*texts, strict=True):
        assert 5 <= len(set(column)) <= 6
    monkeypatch.setattr(Workbench, "is_running", False)
    for each in (window.transport, network, cost):
        each.show_snapshot(at_step(snapshot, 31))
    assert "step 31 /" in window.transport.where.text()
    assert "cost 3.100" in network.answer.text()
    assert "past 31 steps" in cost.past.text()


def at_step(snapshot, step):
    losses = np.full(step, 0.5, np.float32)
    history = snapshot.history._replace(losses=losses, accuracies=losses)
    trace = replace(snapshot.trace, loss=step / 10)
    return replace(snapshot, step=step, step_in_epoch=step, trace=trace, history=history)


def draw_a_line(window):
    pad = window.drawing.pad
    centre = pad.rect().center()
    QTest.mousePress(pad, Qt.MouseButton.LeftButton, pos=centre + QPoint(0, -40))
    for y in range(-30, 41, 10):
        QTest.mouseMove(pad, centre + QPoint(0, y))
    QTest.mouseRelease(pad, Qt.MouseButton.LeftButton, pos=centre + QPoint(0, 40))


def kept(window):
    return [digit.label for digit in window._workbench.own_digits.digits.values()]


def test_that_one_key_keeps_the_drawing_another_corrects_it_and_ctrl_z_takes_it_back(window, wait_until):
    draw_a_line(window)
    QTest.keyClick(window, Qt.Key.Key_7)
    assert kept(window) == [7]
    assert window._notice.text() == "Kept as a 7: 1 digit of yours (1 seven)"
    QTest.keyClick(window, Qt.Key.Key_1)
    assert kept(window) == [1]
    for digits in ([7], []):
        QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert kept(window) == digits
    assert len(window.drawing.strokes) == 1
    wait_until(lambda: not window._workbench.own_digits._work.isActive())


def test_that_digits_typed_into_fields_label_nothing(window):
    draw_a_line(window)
    window.docks["collection"].raise_()
    fields = [field for field in window.findChildren(QAbstractSpinBox) if field.isEnabled()]
    assert len(fields) > 5
    for field in fields:
        field.setFocus()
        QTest.keyClick(field, Qt.Key.Key_7)
    assert kept(window) == []


def test_that_keys_in_the_gallery_are_for_the_selected_digit_and_not_for_the_pad(window, wait_until):
    draw_a_line(window)
    QTest.keyClick(window, Qt.Key.Key_7)
    window.drawing.clear()
    draw_a_line(window)
    window.docks["collection"].raise_()
    gallery = window.panels["collection"].gallery
    gallery.setFocus()
    QTest.keyClick(gallery, Qt.Key.Key_9)
    QTest.keyClick(gallery, Qt.Key.Key_Delete)
    assert kept(window) == []
    assert len(window.drawing.strokes) == 1
    QTest.keyClick(gallery, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert kept(window) == [9]
    wait_until(lambda: not window._workbench.own_digits._work.isActive())


def test_that_a_digit_of_the_gallery_comes_back_to_the_pad(window, wait_until):
    draw_a_line(window)
    QTest.keyClick(window, Qt.Key.Key_1)
    window.drawing.clear()
    window.docks["collection"].raise_()
    QTest.keyClick(window.panels["collection"].gallery, Qt.Key.Key_Return)
    assert len(window.drawing.strokes) == 1
    wait_until(lambda: not window._workbench.own_digits._work.isActive())


def test_that_the_share_of_own_digits_is_remembered(make_window, live, tmp_path):
    window = make_window(Settings(own_share=25), tmp_path / "settings.json")
    assert window.panels["collection"].share.value() == 25
    window.panels["collection"].share.setValue(40)
    window.close()
    assert load_settings(tmp_path / "settings.json")[0].own_share == 40
    live.own_digits._work.stop()


def test_that_a_number_that_is_chosen_brings_the_inspector_to_the_front(window, live, qapp):
    assert not window.inspector.is_seen
    window.docks["inspector"].close()
    live.choose(Cell("conv2", (10, 11, 3)))
    qapp.processEvents()
    assert window.inspector.is_seen
    assert window.inspector.terms.place == live.subject
    window.docks["filters"].raise_()
    live.choose(None)
    qapp.processEvents()
    assert not window.inspector.is_seen


def test_that_the_key_of_the_inspector_brings_it_before_it_turns_it_round(window, qapp):
    QTest.keyClick(window, Qt.Key.Key_B)
    qapp.processEvents()
    assert window.inspector.is_seen
    assert not window.inspector.is_back
    QTest.keyClick(window, Qt.Key.Key_B)
    assert window.inspector.is_back


def test_that_keys_turn_the_inspector_round_and_go_back(window, live, qapp):
    for place in (Cell("conv1", (1, 2, 3)), Cell("conv2", (10, 11, 3))):
        live.choose(place)
        qapp.processEvents()
    QTest.keyClick(window, Qt.Key.Key_B)
    assert window.inspector.is_back
    QTest.keyClick(window, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert live.subject == Cell("conv1", (1, 2, 3))
    QTest.keyClick(window, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert live.subject == Cell("conv2", (10, 11, 3))
    assert live.snapshot.step == 0
    QTest.keyClick(window, Qt.Key.Key_B)
    assert not window.inspector.is_back


def test_that_the_inspector_s_view_is_remembered(make_window, tmp_path):
    file = tmp_path / "settings.json"
    window = make_window(Settings(theme="dark"), file)
    window.inspector.set_back(True)
    window.close()
    settings, _ = load_settings(file)
    assert settings.inspector_back
    assert make_window(settings, file).inspector.is_back
