import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

import cnnviz.gui.panels.collection as collection_panel
from cnnviz.data.collection_files import read_digits
from cnnviz.data.drawing import Drawing
from cnnviz.data.drawings import read_drawings, write_drawings
from cnnviz.data.idx import IDX_FILES
from cnnviz.errors import Cancelled
from cnnviz.gui import reading_dialog
from cnnviz.gui.digit_gallery import CAPTION, GAP, HEADING, KIND_GAP, MARGIN, SIZES, arrange
from cnnviz.gui.panels.collection import CollectionPanel, count_text, verdict_text
from cnnviz.gui.reading_dialog import ReadingDialog
from cnnviz.gui.theme import DARK, LIGHT, Theme
from cnnviz.gui.workbench import Workbench
from cnnviz.training.snapshot import Snapshot

LEFT = Qt.MouseButton.LeftButton


def drawing(seed: int) -> Drawing:
    return Drawing([np.random.default_rng(seed).uniform(0.1, 0.9, (5, 2))], None)


class Reader:
    """Stands in for a network: takes every image for the same digit."""

    def __init__(self, digit: int) -> None:
        self.digit = digit

    def predict(self, x: np.ndarray, parameters: object, workspace: object) -> np.ndarray:
        return np.tile(np.where(np.arange(10) == self.digit, 0.91, 0.01), (len(x), 1)).astype(np.float32)


@pytest.fixture
def panel(own: Callable[[QWidget], QWidget], workbench: Workbench, snapshot: Snapshot) -> CollectionPanel:
    """Return a panel with three digits, 7, 1 and 7, each taken for a 7."""
    panel = own(CollectionPanel(workbench))
    panel.apply_theme(DARK)
    panel.resize(736, 300)
    panel.show()
    workbench.own_digits.take(replace(snapshot, network=Reader(7)))
    for seed, label in ((1, 7), (2, 1), (3, 7)):
        workbench.own_digits.keep(drawing(seed), label)
    settle(panel)
    yield panel
    workbench.own_digits._work.stop()


@pytest.fixture
def read_in(panel: CollectionPanel, wait_until: Callable[..., None]) -> Callable[[], None]:
    """Return a function that waits until nothing is being read."""
    return lambda: wait_until(lambda: not panel.findChildren(ReadingDialog))


def settle(panel: CollectionPanel) -> None:
    while panel.workbench.own_digits._work.isActive():
        panel.workbench.own_digits._do_some()


def keys_of(panel: CollectionPanel) -> list[str]:
    return [tile.key for tile in panel.gallery.tiles]


def labels(panel: CollectionPanel) -> list[int]:
    return [tile.label for tile in panel.gallery.tiles]


def place(panel: CollectionPanel, key: str) -> QPoint:
    return panel.gallery.tile_rect(key).center()


def press(panel: CollectionPanel, key: Qt.Key) -> None:
    QTest.keyClick(panel.gallery, key)


# Showing


def test_that_an_empty_collection_says_how_to_begin(own, workbench):
    panel = own(CollectionPanel(workbench))
    panel.resize(736, 300)
    panel.show()
    assert panel.empty.isVisible()
    assert "0 to 9" in panel.empty.text()
    assert panel.count.text() == "No digits yet"
    assert not panel.export_button.isEnabled()
    assert not panel.clear_button.isEnabled()
    assert panel.import_button.isEnabled()


def test_that_digits_are_shown_kind_by_kind_with_what_they_are_taken_for(panel):
    assert [(tile.label, tile.taken_for, tile.is_wrong) for tile in panel.gallery.tiles] == [
        (1, 7, True),
        (7, 7, False),
        (7, 7, False),
    ]
    assert panel.count.text() == "3 digits, 2 read right"
    assert not panel.empty.isVisible()


@pytest.mark.parametrize(
    ("count", "right", "text"),
    [
        (0, None, "No digits yet"),
        (1, None, "1 digit"),
        (1, 1, "1 digit, 1 read right"),
        (1200, 9, "1,200 digits, 9 read right"),
    ],
)
def test_that_the_heading_counts(count, right, text):
    assert count_text(count, right) == text


def test_that_the_latest_digit_is_shown_large_and_another_where_it_is_clicked(panel, workbench):
    own = workbench.own_digits
    assert np.array_equal(panel.view.image, own.digits[own.selected].ink.image)
    one = keys_of(panel)[0]
    QTest.mouseClick(panel.gallery.viewport(), LEFT, pos=place(panel, one))
    assert np.array_equal(panel.view.image, own.digits[one].ink.image)
    assert panel.bars.label == 1
    assert panel.bars.winner == 7
    assert panel.verdict.text() == "a 1, read as 7: 91\u00a0%"


def test_that_a_digit_not_read_yet_says_only_what_it_is():
    assert verdict_text(8, None) == "an 8"


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_that_wrong_tiles_are_framed_and_right_ones_are_not(panel, theme: Theme):
    panel.apply_theme(theme)
    _, _, seven = keys_of(panel)
    panel.workbench.own_digits.select(seven)
    picture = panel.gallery.viewport().grab().toImage()
    colors = [QColor(picture.pixel(panel.gallery.tile_rect(key).topLeft())).name() for key in keys_of(panel)]
    assert colors[0] == theme.warning
    assert theme.warning not in colors[1:]
    around = panel.gallery.tile_rect(seven).adjusted(-1, -1, 1, 1)
    assert QColor(picture.pixel(around.left(), around.center().y())).name() == theme.accent


def test_that_what_is_under_the_mouse_is_told(panel):
    said: list[str] = []
    panel.hovered.connect(said.append)
    QTest.mouseMove(panel.gallery.viewport(), place(panel, keys_of(panel)[0]))
    assert said[-1] == "my digit, a 1: read as 7"


def test_that_an_8_under_the_mouse_has_its_own_article(panel):
    said: list[str] = []
    panel.hovered.connect(said.append)
    key = keys_of(panel)[0]
    panel.workbench.own_digits.relabel(key, 8)
    QTest.mouseMove(panel.gallery.viewport(), place(panel, key))
    assert said[-1].startswith("my digit, an 8: ")


def test_that_a_hidden_panel_shows_nothing_and_catches_up(panel, workbench):
    panel.hide()
    workbench.own_digits.keep(drawing(4), 0)
    assert len(keys_of(panel)) == 3
    panel.show()
    assert len(keys_of(panel)) == 4


def test_that_a_snapshot_lets_the_digits_be_read_anew(panel, workbench, snapshot):
    workbench.own_digits._began -= 1.0
    panel.show_snapshot(replace(snapshot, network=Reader(1)))
    settle(panel)
    assert [tile.taken_for for tile in panel.gallery.tiles] == [1, 1, 1]
    assert panel.count.text() == "3 digits, 1 read right"


# Places


def test_that_tiles_follow_each_other_kind_by_kind():
    places = arrange([1, 1, 7], 400, 56)
    second = HEADING + 56 + GAP
    assert [(p.x(), p.y()) for p in places] == [
        (HEADING, 0),
        (second, 0),
        (second + 56 + GAP + KIND_GAP + HEADING, 0),
    ]


def test_that_a_tile_that_would_be_cut_off_begins_the_next_row():
    width = HEADING + 2 * 56 + GAP
    assert [place.y() for place in arrange([1, 1, 1], width, 56)] == [0, 0, 56 + CAPTION + GAP]
    assert [place.y() for place in arrange([1, 1], width - 1, 56)] == [0, 56 + CAPTION + GAP]


def test_that_a_heading_is_not_left_behind_at_the_end_of_a_row():
    places = arrange([1, 1, 7], HEADING + 2 * 56 + GAP, 56)
    assert (places[2].x(), places[2].y()) == (HEADING, 56 + CAPTION + GAP)


def test_that_tiles_are_as_large_as_all_of_them_are_seen_at_once_and_scrolled_otherwise(panel, workbench):
    sides = []
    for count in (3, 10, 200):
        for seed in range(10, 10 + count):
            workbench.own_digits.keep(drawing(seed), 3)
        sides.append(panel.gallery.tile_rect(keys_of(panel)[0]).width())
    assert sides == list(SIZES)
    bar = panel.gallery.verticalScrollBar()
    assert bar.maximum() > 0
    workbench.own_digits.select(keys_of(panel)[-1])
    last = panel.gallery.tile_rect(keys_of(panel)[-1])
    assert panel.gallery.viewport().rect().contains(last)
    seen = [k for k in keys_of(panel) if panel.gallery.tile_rect(k).intersects(panel.gallery.viewport().rect())]
    assert {keys_of(panel)[index] for index in panel.gallery._shown()} >= set(seen)
    assert panel.gallery.tile_at(last.center()).key == keys_of(panel)[-1]
    workbench.own_digits.select(keys_of(panel)[0])
    assert bar.value() <= MARGIN


# Doing


def test_that_a_key_labels_the_selected_digit_anew_and_del_removes_it(panel, workbench):
    one = keys_of(panel)[0]
    QTest.mouseClick(panel.gallery.viewport(), LEFT, pos=place(panel, one))
    press(panel, Qt.Key.Key_9)
    assert workbench.own_digits.digits[one].label == 9
    assert labels(panel) == [7, 7, 9]
    press(panel, Qt.Key.Key_Delete)
    assert one not in workbench.own_digits.digits
    workbench.own_digits.undo()
    workbench.own_digits.undo()
    assert labels(panel) == [1, 7, 7]


def test_that_keys_for_the_selected_digit_are_not_left_to_the_window(panel):
    for key, is_claimed in (
        (Qt.Key.Key_7, True),
        (Qt.Key.Key_Delete, True),
        (Qt.Key.Key_Right, True),
        (Qt.Key.Key_Space, False),
        (Qt.Key.Key_R, False),
    ):
        event = QKeyEvent(QEvent.Type.ShortcutOverride, key, Qt.KeyboardModifier.NoModifier)
        event.ignore()
        QApplication.sendEvent(panel.gallery, event)
        assert event.isAccepted() == is_claimed, key
    panel.workbench.own_digits.clear()
    event = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_7, Qt.KeyboardModifier.NoModifier)
    event.ignore()
    QApplication.sendEvent(panel.gallery, event)
    assert not event.isAccepted()


def test_that_arrows_move_from_tile_to_tile(panel, workbench):
    own = workbench.own_digits
    one, seven, other = keys_of(panel)
    own.select(one)
    for key, expected in (
        (Qt.Key.Key_Left, one),
        (Qt.Key.Key_Right, seven),
        (Qt.Key.Key_Right, other),
        (Qt.Key.Key_Right, other),
        (Qt.Key.Key_Down, other),
        (Qt.Key.Key_Up, other),
    ):
        press(panel, key)
        assert own.selected == expected
    for seed in range(10, 24):
        own.keep(drawing(seed), 8)
    rows: dict[int, list[str]] = {}
    for key in keys_of(panel):
        rows.setdefault(panel.gallery.tile_rect(key).y(), []).append(key)
    first, second, third = rows.values()
    own.select(first[-1])
    press(panel, Qt.Key.Key_Down)
    assert own.selected == nearest(panel, first[-1], second) != second[0]
    press(panel, Qt.Key.Key_Down)
    assert own.selected == third[-1]
    press(panel, Qt.Key.Key_Up)
    assert own.selected == nearest(panel, third[-1], second)


def nearest(panel: CollectionPanel, key: str, row: list[str]) -> str:
    x = panel.gallery.tile_rect(key).x()
    return min(row, key=lambda other: abs(panel.gallery.tile_rect(other).x() - x))


@pytest.mark.parametrize("way", ["double click", "return", "button", "menu"])
def test_that_a_digit_goes_back_to_the_pad(panel, workbench, way):
    wanted: list[Drawing] = []
    panel.drawing_wanted.connect(wanted.append)
    key = keys_of(panel)[0]
    workbench.own_digits.select(key)
    if way == "double click":
        QTest.mouseDClick(panel.gallery.viewport(), LEFT, pos=place(panel, key))
    elif way == "return":
        press(panel, Qt.Key.Key_Return)
    elif way == "button":
        QTest.mouseClick(panel.to_pad, LEFT)
    else:
        menu = panel.menu_for(key)
        menu.actions()[0].trigger()
        menu.deleteLater()
    assert wanted == [workbench.own_digits.digits[key].ink.drawing]


def test_that_the_menu_labels_and_removes(panel, workbench):
    one = keys_of(panel)[0]
    menu = panel.menu_for(one)
    menu.actions()[1].menu().actions()[4].trigger()
    assert workbench.own_digits.digits[one].label == 4
    menu.actions()[-1].trigger()
    assert one not in workbench.own_digits.digits
    menu.deleteLater()


def test_that_a_click_on_a_bar_labels_the_selected_digit_anew(panel, workbench):
    key = keys_of(panel)[0]
    workbench.own_digits.select(key)
    QTest.mouseClick(panel.bars, LEFT, pos=QPoint(4, round(9.5 * panel.bars.height() / 10)))
    assert workbench.own_digits.digits[key].label == 9


def test_that_remove_and_clear_have_buttons(panel, workbench):
    QTest.mouseClick(panel.remove, LEFT)
    assert len(workbench.own_digits.digits) == 2
    QTest.mouseClick(panel.clear_button, LEFT)
    assert panel.count.text() == "No digits yet"
    workbench.own_digits.undo()
    assert panel.count.text() == "2 digits, 1 read right"


def test_that_the_share_goes_to_training_and_is_shown_where_it_was_set_elsewhere(panel, workbench):
    panel.share.setValue(30)
    assert workbench.own_digits.share == 30
    workbench.own_digits.set_share(5)
    assert panel.share.value() == 5
    assert (panel.share.minimum(), panel.share.maximum()) == (0, 50)


# Files


def test_that_digits_go_out_and_come_in_again(panel, workbench, tmp_path, monkeypatch, read_in):
    file, folder = tmp_path / "mine.json", tmp_path / "idx"
    folder.mkdir()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(file), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a: (str(file), ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a: str(folder))
    panel.export_strokes()
    panel.export_idx()
    assert sorted(each.label for each in read_drawings(file)) == [1, 7, 7]
    assert sorted(each.name for each in folder.iterdir()) == sorted(IDX_FILES)
    for bring_in in (panel.import_file, panel.import_folder):
        workbench.own_digits.clear()
        bring_in()
        read_in()
        assert labels(panel) == [1, 7, 7]


def test_that_a_strokes_file_gets_its_extension(panel, tmp_path, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(tmp_path / "mine"), ""))
    panel.export_strokes()
    written = tmp_path / "mine.json"
    assert len(read_drawings(written)) == 3
    panel.workbench.own_digits.remove(keys_of(panel)[0])
    panel.export_strokes()
    assert len(read_drawings(written)) == 3


def test_that_a_name_too_long_for_the_disk_is_told_of(panel, tmp_path, monkeypatch):
    failures: list[str] = []
    panel.workbench.failed.connect(failures.append)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(tmp_path / ("n" * 300)), ""))
    panel.export_strokes()
    (failure,) = failures
    assert "too long" in failure


def test_that_a_cancelled_dialog_changes_nothing(panel, monkeypatch):
    failures: list[str] = []
    panel.workbench.failed.connect(failures.append)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: ("", ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a: ("", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a: "")
    for ask in (panel.import_file, panel.import_folder, panel.export_strokes, panel.export_idx):
        ask()
    assert failures == []
    assert len(keys_of(panel)) == 3


def test_that_a_faulty_item_is_named_in_one_line_and_nothing_is_added(panel, tmp_path, monkeypatch, read_in):
    failures: list[str] = []
    panel.workbench.failed.connect(failures.append)
    path = tmp_path / "faulty.json"
    write_drawings(path, [Drawing(drawing(8).strokes, 3), drawing(9)])
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a: (str(path), ""))
    panel.import_file()
    read_in()
    assert failures == [f'{path}: item 1: expected a "label" from 0 to 9, found none: add what digit it is']
    assert len(keys_of(panel)) == 3
    assert Path(panel.export_dir) == tmp_path


def test_that_a_large_file_is_read_beside_the_window_and_can_be_given_up(
    panel, tmp_path, monkeypatch, wait_until, read_in
):
    path = tmp_path / "many.json"
    write_drawings(path, [replace(drawing(seed), label=1) for seed in range(10, 510)])
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a: (str(path), ""))
    monkeypatch.setattr(reading_dialog, "LONG_MS", 0)
    gate, readers, given_up = threading.Event(), [], []

    def read(source, progress):
        readers.append(threading.get_ident())
        gate.wait(10)
        try:
            return read_digits(source, progress)
        except Cancelled:
            given_up.append(source)
            raise

    monkeypatch.setattr(collection_panel, "read_digits", read)
    panel.import_file()
    (dialog,) = panel.findChildren(ReadingDialog)
    wait_until(dialog.isVisible, 5)
    assert dialog.labelText() == "Reading many.json"
    assert readers[0] != threading.get_ident()
    dialog.canceled.emit()
    gate.set()
    read_in()
    assert len(keys_of(panel)) == 3
    assert given_up == [path]
    panel.import_file()
    read_in()
    assert len(panel.workbench.own_digits.digits) == 503
