import re
import shutil

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox

from cnnviz.gui.runs_dialog import RunsDialog
from cnnviz.training.runs import RunError, RunFolder

COLUMNS = ["Network", "Data", "Step", "Epoch", "Cost in nats", "Test accuracy", "Saved", "State"]


@pytest.fixture
def open_dialog(window, live, own, qapp):
    def open_():
        dialog = own(RunsDialog(live, window))
        dialog.show()
        dialog.activateWindow()
        qapp.processEvents()
        return dialog

    return open_


def rows(dialog):
    table = dialog.table
    return [[table.item(row, column).text() for column in range(len(COLUMNS))] for row in range(table.rowCount())]


def states(dialog):
    return [row[COLUMNS.index("State")] for row in rows(dialog)]


@pytest.fixture
def answer(monkeypatch):
    """Answer the question whether to delete, and note what was asked."""
    asked = []

    def use(button):
        monkeypatch.setattr(QMessageBox, "question", lambda *args: asked.append(args[2]) or button)
        return asked

    return use


def test_that_every_run_is_listed_with_where_it_is_the_newest_first(open_dialog, interrupted, saved_at, live):
    saved_at(1)
    dialog = open_dialog()
    here, before = rows(dialog)
    assert [dialog.table.horizontalHeaderItem(column).text() for column in range(8)] == COLUMNS
    assert here[:4] == ["Escontrela", "Strokes", "1", "1 / 2"]
    assert float(here[4]) == pytest.approx(live.snapshot.history.losses[0], rel=0.01)
    assert here[5] == "\u2013"
    assert re.fullmatch(r"\d\d:\d\d", here[6])
    assert [row[-1] for row in (here, before)] == ["in this window", "interrupted"]
    assert before[2] == "3"


def test_that_the_score_and_the_end_of_a_run_are_told(open_dialog, keeping, wait_until):
    keeping.train()
    wait_until(lambda: keeping.poll() or (keeping.saved and keeping.saved.step == 16))
    keeping.start_run()
    wait_until(lambda: keeping.poll() or keeping.snapshot)
    (row,) = rows(open_dialog())
    assert row[2:4] == ["16", "2 / 2"]
    assert re.fullmatch(r"\d+\.\d %", row[5])
    assert row[-1] == "finished"


def test_that_where_no_run_is_kept_it_is_told_when_there_will_be_one(open_dialog):
    dialog = open_dialog()
    assert dialog.table.isHidden()
    assert "No run is kept so far" in dialog._empty.text()
    assert not any(button.isEnabled() for button in (dialog.go_on, dialog.open_folder, dialog.delete))


def test_that_a_run_that_goes_on_can_be_neither_gone_on_with_nor_deleted(open_dialog, saved_at):
    saved_at(1)
    dialog = open_dialog()
    assert [button.isEnabled() for button in (dialog.go_on, dialog.delete, dialog.open_folder)] == [False, False, True]
    QTest.keyClick(dialog.table, Qt.Key.Key_Return)
    assert dialog.chosen is None


@pytest.mark.parametrize("way", ["button", "Enter", "double click"])
def test_that_a_run_is_chosen_to_be_gone_on_with(open_dialog, interrupted, way):
    dialog = open_dialog()
    table = dialog.table
    if way == "button":
        QTest.mouseClick(dialog.go_on, Qt.MouseButton.LeftButton)
    elif way == "Enter":
        table.setFocus()
        QTest.keyClick(table, Qt.Key.Key_Return)
    else:
        place = table.visualItemRect(table.item(0, 2)).center()
        QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert dialog.chosen.folder == interrupted
    assert dialog.result() == 1


def test_that_a_run_is_gone_on_with_from_the_menu(window, interrupted, live, wait_until, monkeypatch):
    monkeypatch.setattr(RunsDialog, "exec", lambda self: self._go_on() or self.result())
    QTest.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    wait_until(lambda: live.poll() or live.snapshot)
    assert live.snapshot.step == 3


def test_that_del_deletes_a_run_once_that_is_confirmed(open_dialog, interrupted, answer):
    shutil.copytree(interrupted, interrupted.with_name("another"))
    dialog = open_dialog()
    asked = answer(QMessageBox.StandardButton.No)
    QTest.keyClick(dialog, Qt.Key.Key_Delete)
    assert dialog.table.rowCount() == 2
    assert re.match(r"Delete the run that was saved \d\d:\d\d at step 3\?", asked[0])
    answer(QMessageBox.StandardButton.Yes)
    QTest.keyClick(dialog, Qt.Key.Key_Delete)
    assert dialog.table.rowCount() == 1
    assert interrupted.exists() + interrupted.with_name("another").exists() == 1
    assert dialog.table.selectedItems()
    QTest.keyClick(dialog, Qt.Key.Key_Delete)
    assert dialog.table.isHidden()


def test_that_a_run_that_cannot_be_deleted_is_told_of(open_dialog, interrupted, answer, monkeypatch):
    def fail(run):
        raise RunError(f"could not delete {run.folder}: Permission denied; delete it by hand")

    monkeypatch.setattr("cnnviz.gui.runs_dialog.delete", fail)
    answer(QMessageBox.StandardButton.Yes)
    dialog = open_dialog()
    dialog.delete.click()
    assert "Permission denied" in dialog._note.text()
    assert dialog.table.rowCount() == 1


def test_that_a_run_that_goes_on_elsewhere_by_now_is_not_deleted(open_dialog, interrupted, answer):
    answer(QMessageBox.StandardButton.Yes)
    dialog = open_dialog()
    folder = RunFolder(interrupted)
    dialog.delete.click()
    assert "is going on; end it first" in dialog._note.text()
    assert states(dialog) == ["going on elsewhere"]
    folder.abandon()
    assert states(open_dialog()) == ["interrupted"]


def test_that_what_is_none_of_a_run_stays_when_it_is_deleted(open_dialog, interrupted, answer):
    (interrupted / "notes.txt").write_text("mine")
    answer(QMessageBox.StandardButton.Yes)
    dialog = open_dialog()
    dialog.delete.click()
    assert [path.name for path in interrupted.iterdir()] == ["notes.txt"]
    assert "not empty" in dialog._note.text()


def test_that_the_folder_of_a_run_is_opened_or_told(open_dialog, interrupted, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()) or len(opened) == 1)
    dialog = open_dialog()
    dialog.open_folder.click()
    assert opened == [str(interrupted)]
    assert str(interrupted) not in dialog._note.text()
    dialog.open_folder.click()
    assert str(interrupted) in dialog._note.text()
