from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QSignalSpy, QTest

from cnnviz.gui.movie_plates import facts_of, plates_of, views_of
from cnnviz.gui.panels.movie import COMING, EMPTY, MoviePanel
from cnnviz.gui.theme import DARK
from cnnviz.gui.workbench import Workbench
from cnnviz.nn import Parameters
from cnnviz.training.session import Phase, Status
from cnnviz.training.snapshot import Snapshot


@pytest.fixture
def make_panel(own: Callable) -> Callable[[Workbench], MoviePanel]:
    def make(workbench: Workbench) -> MoviePanel:
        panel = own(MoviePanel(workbench))
        panel.apply_theme(DARK)
        panel.resize(674, 330)
        panel.show()
        return panel

    return make


@pytest.fixture
def panel(make_panel: Callable, workbench: Workbench, make_snapshot: Callable, wait_until: Callable) -> MoviePanel:
    """Return a panel that shows the movie of the third step of a run that is at rest."""
    panel = make_panel(workbench)
    take(panel, make_snapshot("escontrela", records=True), wait_until)
    return panel


def take(panel: MoviePanel, snapshot: Snapshot, wait_until: Callable) -> None:
    """Hand a snapshot over, and wait for its movie."""
    panel.workbench.snapshot = snapshot
    panel.workbench.snapshot_arrived.emit(snapshot)
    panel.show_snapshot(snapshot)
    wait_until(lambda: panel.movie is not None and panel.movie.record is snapshot.record)


def is_open(panel: MoviePanel) -> bool:
    return panel.canvas.isVisible()


def titles(panel: MoviePanel) -> list[str]:
    return [phase.title for phase in panel.phases]


def go_to(panel: MoviePanel, title: str) -> None:
    panel.player.go_to(titles(panel).index(title))


# What is shown


def test_that_without_a_movie_a_sentence_says_how_to_get_one(make_panel, workbench, snapshot):
    panel = make_panel(workbench)
    panel.show_snapshot(snapshot)
    assert not is_open(panel)
    assert panel._sentence.text() == EMPTY
    assert EMPTY.startswith("Shift+Right goes one training step")
    assert panel.numbers() == []


@pytest.mark.parametrize("preset", ["zhou", "escontrela", "keras"])
def test_that_each_phase_shows_the_arrays_of_the_step(make_panel, workbench, make_snapshot, wait_until, preset):
    panel = make_panel(workbench)
    take(panel, make_snapshot(preset, records=True), wait_until)
    assert len(panel.phases) > 10
    for position, phase in enumerate(panel.phases):
        panel.player.go_to(position)
        expected = plates_of(panel.movie, phase, panel._view)
        assert [plate.title for plate in panel.canvas.plates] == [plate.title for plate in expected]
        for shown, wanted in zip(panel.canvas.plates, expected, strict=True):
            np.testing.assert_array_equal(shown.values, wanted.values)
        assert panel.strip.value() == position
        assert phase.sentence in panel.text.toPlainText()
        assert facts_of(panel.movie, phase, panel._view) in panel.text.toPlainText()


def test_that_a_new_movie_begins_with_the_batch(panel):
    assert panel.player.position == 0
    assert titles(panel)[0] == "The batch"
    assert panel.where.text() == "step 3"


def test_that_the_numbers_are_those_that_are_shown(panel):
    go_to(panel, "conv2 forward")
    heading, *rows = panel.numbers()
    assert heading == ("array", "tile", "row", "column", "value")
    assert len(rows) == 8 * 24 * 24 + 8 * 20 * 20
    values = {row[:4]: row[4] for row in rows}
    assert values["y", 3, 12, 7] == panel.movie.outputs["conv2"][12, 7, 3]
    assert values["x", 3, 12, 7] == panel.movie.outputs["relu1"][12, 7, 3]


def test_that_another_image_of_the_batch_is_followed_in_the_same_phase(panel, wait_until):
    go_to(panel, "conv2 forward")
    before = panel.canvas.plates[0].values
    panel.controls.image.setValue(5)
    wait_until(lambda: panel.movie.image == 5)
    assert titles(panel)[panel.player.position] == "conv2 forward"
    np.testing.assert_array_equal(panel.canvas.plates[1].values[0], panel.movie.outputs["conv2"][:, :, 0])
    assert (panel.canvas.plates[0].values != before).any()


def test_that_an_image_clicked_in_the_batch_is_followed(panel, wait_until):
    QTest.mouseClick(panel.canvas, Qt.MouseButton.LeftButton, pos=panel.canvas.placed[0].tiles[6].center())
    wait_until(lambda: panel.movie.image == 6)
    assert panel.canvas.plates[0].marked == (6,)
    go_to(panel, "conv1 forward")
    QTest.mouseClick(panel.canvas, Qt.MouseButton.LeftButton, pos=panel.canvas.placed[0].tiles[0].center())
    assert panel.controls.image.value() == 6


def test_that_the_part_of_the_parameters_that_was_chosen_stays_for_its_layer(panel):
    go_to(panel, "conv2 back: its parameters")
    views = [view.text for view in views_of(panel.movie.network, panel.phases[panel.player.position])]
    assert [panel.controls.view.itemText(i) for i in range(panel.controls.view.count())] == views
    panel.controls.view.setCurrentIndex(views.index("filter 6"))
    panel.controls.view.activated.emit(views.index("filter 6"))
    np.testing.assert_array_equal(panel.canvas.plates[2].values, panel.movie.gradients["conv2"]["weight"][6])
    go_to(panel, "relu1 back")
    assert not panel.controls.view.isVisible()
    go_to(panel, "Update of conv2")
    assert panel.controls.view.currentText() == "filter 6"
    np.testing.assert_array_equal(panel.canvas.plates[3].values, panel.movie.changes["conv2"]["weight"][6])


def test_that_what_is_under_the_mouse_is_told(panel):
    spy = QSignalSpy(panel.hovered)
    go_to(panel, "conv2 forward")
    QTest.mouseMove(panel.canvas, panel.canvas.placed[1].tiles[3].center())
    assert spy.at(spy.count() - 1)[0].startswith("conv2, channel 3, (")
    QTest.mouseMove(panel.strip, panel.strip.places()[0].center().toPoint())
    assert spy.at(spy.count() - 1)[0] == "The batch"


def test_that_a_movie_left_behind_by_training_says_so(panel):
    later = replace(panel.workbench.snapshot, step=1240)
    panel.workbench.snapshot = later
    panel.workbench.snapshot_arrived.emit(later)
    panel.show_snapshot(later)
    assert panel.where.text() == "step 3 · training at 1,240"
    assert panel.movie.record.step == 3


# Going through it


def test_that_the_buttons_go_from_phase_to_phase(panel):
    controls, last = panel.controls, len(panel.phases) - 1
    for button, expected in (
        (controls._forward, 1),
        (controls._last, last),
        (controls._back, last - 1),
        (controls._first, 0),
    ):
        button.click()
        assert panel.player.position == panel.strip.value() == expected
    assert (controls._back.isEnabled(), controls._forward.isEnabled()) == (False, True)


def test_that_it_plays_through_all_phases_and_rests_behind_the_last(panel, wait_until):
    seen = []
    panel.player.moved.connect(lambda: seen.append(panel.strip.value()))
    panel.player.set_pace(500)
    panel.controls.play.click()
    wait_until(lambda: panel.player.direction == 0)
    assert seen == list(range(1, len(panel.phases)))


def test_that_a_click_on_the_strip_stops_the_play_at_that_phase(panel):
    panel.controls.play.click()
    QTest.mouseClick(panel.strip, Qt.MouseButton.LeftButton, pos=panel.strip.places()[9].center().toPoint())
    assert (panel.player.position, panel.player.direction) == (9, 0)


def test_that_a_hidden_panel_does_not_go_on_playing(panel, wait_until):
    panel.player.set_pace(200)
    panel.controls.play.click()
    panel.hide()
    wait_until(lambda: panel.player.direction == 0)
    assert panel.player.position < panel.player.last


def test_that_the_pace_is_chosen_in_words(panel):
    panel.controls.pace.setCurrentText("4 phases a second")
    assert panel.player._timer.interval() == 250


# Getting it


def test_that_a_step_is_recorded_and_shown_and_training_rests_there(make_panel, live, wait_until):
    panel = make_panel(live)
    panel.advance()
    assert panel._sentence.text() == COMING
    wait_until(lambda: live.poll() or panel.movie)
    assert is_open(panel)
    assert (live.snapshot.step, panel.movie.record.step, live.is_running) == (1, 1, False)
    np.testing.assert_array_equal(panel.movie.after.vector, live.snapshot.parameters.vector)
    np.testing.assert_array_equal(panel.movie.gradients.vector, live.snapshot.gradients.vector)


def test_that_going_on_behind_the_last_phase_records_the_next_step(make_panel, live, wait_until, monkeypatch):
    panel = make_panel(live)
    panel.advance()
    wait_until(lambda: live.poll() or panel.movie)
    panel.advance()
    assert (panel.player.position, live.snapshot.step) == (1, 1)
    panel.player.to_last()
    asked, record = [], live.record
    monkeypatch.setattr(live, "record", lambda: asked.append(True) or record())
    panel.advance()
    panel.advance()  # asked for twice, before it came
    assert len(asked) == 1
    wait_until(lambda: live.poll() or panel.movie.record.step == 2)
    assert (panel.player.position, live.snapshot.step) == (0, 2)


def test_that_the_image_that_was_followed_is_followed_in_the_next_step_too(make_panel, live, wait_until):
    panel = make_panel(live)
    panel.record_step()
    wait_until(lambda: live.poll() or panel.movie)
    panel.controls.image.setValue(7)
    wait_until(lambda: panel.movie.image == 7)
    panel.record_step()
    wait_until(lambda: live.poll() or panel.movie.record.step == 2)
    assert panel.movie.image == panel.controls.image.value() == 7


def test_that_another_run_drops_the_movie(make_panel, live, wait_until):
    panel = make_panel(live)
    panel.record_step()
    wait_until(lambda: live.poll() or panel.movie)
    panel.player.toggle()
    live.reset()
    assert panel.movie is None
    assert panel.player.direction == 0
    assert not is_open(panel)
    wait_until(lambda: live.poll() or live.snapshot)
    assert panel.movie is None
    panel.record_step()
    wait_until(lambda: live.poll() or panel.movie)
    assert panel.movie.record.step == 1


def test_that_a_movie_that_is_still_being_made_when_another_run_begins_is_not_shown(
    make_panel, workbench, make_snapshot, wait_until
):
    panel = make_panel(workbench)
    recorded = make_snapshot("escontrela", records=True)
    workbench.snapshot_arrived.emit(recorded)
    workbench.run_started.emit()
    wait_until(lambda: panel._replayer._thread is None)
    assert panel.movie is None
    assert not is_open(panel)


def test_that_a_step_that_diverges_is_told_as_ever_and_leaves_nothing_awaited(make_panel, live, wait_until):
    panel, failures = make_panel(live), QSignalSpy(live.failed)
    network = live.snapshot.network
    live.start_run(parameters=Parameters(network.parameter_shapes, live.snapshot.parameters.vector * 1e30))
    wait_until(lambda: live.poll() or live.snapshot)
    panel.record_step()
    wait_until(lambda: live.poll() or failures.count())
    assert "training diverged" in failures.at(0)[0]
    wait_until(lambda: live.poll() or panel._sentence.text() == EMPTY)  # with the report after, where it comes in two
    assert panel.movie is None


def test_that_no_step_is_asked_for_during_a_test(make_panel, live):
    panel, told = make_panel(live), QSignalSpy(live.message)
    live._status = Status(Phase.TESTING, 1, 40)
    panel.record_step()
    assert panel._sentence.text() == EMPTY
    assert told.at(0)[0].startswith("The test set is being scored: a step can be recorded after that")


def test_that_a_fault_in_going_through_a_step_is_told(make_panel, workbench, make_snapshot, monkeypatch, wait_until):
    make_panel(workbench)
    failures = QSignalSpy(workbench.failed)

    def fail(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr("cnnviz.gui.replay.Movie.of", fail)
    workbench.snapshot_arrived.emit(make_snapshot("zhou", records=True))
    wait_until(failures.count)
    assert failures.at(0)[0].startswith("step 3 could not be gone through")


def test_that_closing_while_a_movie_is_being_made_leaves_no_thread(make_panel, workbench, make_snapshot):
    panel = make_panel(workbench)
    workbench.snapshot_arrived.emit(make_snapshot("keras", records=True))
    panel.close()
    assert not panel._replayer._thread.isRunning()
