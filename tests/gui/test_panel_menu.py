import csv
import io
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QByteArray, QPoint, Qt, QTimer
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QToolButton

from cnnviz.explain.places import Cell, Probability, Weight
from cnnviz.explain.snippets import snippet
from cnnviz.gui.copying import NOTHING, copy_as_numpy, meant
from cnnviz.gui.main_window import MainWindow
from cnnviz.gui.panel_files import ENLARGED, csv_of
from cnnviz.gui.panels import PANELS
from cnnviz.gui.settings import Settings

SVG = "{http://www.w3.org/2000/svg}"
CELL = Cell("conv2", (4, 5, 6))
NAMES = [panel.name for panel in PANELS]


@pytest.fixture
def window(own, live, qapp, tmp_path):
    window = own(MainWindow(live, Settings(theme="dark", export_dir=str(tmp_path)), None))
    window.resize(1366, 768)
    window.show()
    window.activateWindow()
    window.refresh()
    qapp.processEvents()
    return window


@pytest.fixture
def told(live):
    lines = []
    live.message.connect(lines.append)
    live.failed.connect(lambda line: lines.append(f"failed: {line}"))
    return lines


@pytest.fixture
def save_as(monkeypatch):
    """Answer the file dialog with a path; what it proposed and offered is in the list."""
    asked = []

    def answer(path):
        def name(parent, title, proposal, kinds):
            asked.append((title, proposal, kinds))
            return str(path), kinds

        monkeypatch.setattr(QFileDialog, "getSaveFileName", name)
        return asked

    return answer


@pytest.fixture
def menu_of(window):
    """Return a function that gives the entries of a panel's menu by their text, without mnemonics."""
    menus = []

    def entries(name):
        menus.append(window.menus.menu_for(window.panels[name]))
        return {action.text().replace("&", ""): action for action in menus[-1].actions() if action.text()}

    yield entries
    for menu in menus:
        menu.close()
        menu.deleteLater()


def opened():
    """Return the menu that is open, and close it."""
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    menu.close()
    return menu


@pytest.mark.parametrize("name", NAMES)
def test_that_every_panel_has_its_menu_on_a_right_click_the_menu_key_and_a_button_in_its_title(window, name, qapp):
    panel, wanted = window.panels[name], f"Menu of {window.panels[name].title}"
    window.docks[name].raise_()
    qapp.processEvents()
    for reason in (QContextMenuEvent.Reason.Mouse, QContextMenuEvent.Reason.Keyboard):
        place = QPoint(5, 5)
        QApplication.sendEvent(panel, QContextMenuEvent(reason, place, panel.mapToGlobal(place)))
        assert opened().accessibleName() == wanted
    (button,) = [b for b in window.docks[name].findChildren(QToolButton) if b.accessibleName() == wanted]
    assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert opened().accessibleName() == wanted


def test_that_shift_f10_opens_the_menu_of_the_panel_with_the_focus_or_else_of_the_one_under_the_mouse(
    window, told, monkeypatch
):
    key = (Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
    window.panels["evaluation"].test.setFocus()
    QTest.keyClick(window, *key)
    assert opened().accessibleName() == "Menu of Evaluation"
    QApplication.focusWidget().clearFocus()
    monkeypatch.setattr(QApplication, "widgetAt", lambda position: window.panels["network"].canvas)
    QTest.keyClick(window, *key)
    assert opened().accessibleName() == "Menu of Network"
    monkeypatch.setattr(QApplication, "widgetAt", lambda position: window.transport)
    QTest.keyClick(window, *key)
    assert QApplication.activePopupWidget() is None
    assert told[-1].startswith("Point at a panel")


def test_that_a_number_field_keeps_the_menu_of_its_own(window):
    field, wanted = window.panels["experiment"].seed, []
    window.panels["experiment"].menu_wanted.connect(wanted.append)
    QTimer.singleShot(0, lambda: QApplication.activePopupWidget().close())  # which holds everything up
    QApplication.sendEvent(field, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, QPoint(2, 2), QPoint(2, 2)))
    assert wanted == []


def test_that_the_gallery_s_menu_is_that_of_a_digit_where_there_is_one_and_else_the_panel_s(window):
    panel, wanted = window.panels["collection"], []
    panel.menu_wanted.disconnect()
    panel.menu_wanted.connect(wanted.append)
    panel.gallery.customContextMenuRequested.emit(QPoint(3, 3))
    assert len(wanted) == 1


def test_that_a_number_is_copied_as_the_text_that_works_it_out(window, live, menu_of, told):
    live.choose(CELL)
    entries = menu_of("network")
    assert next(iter(entries)) == str(CELL)
    for text, quantity, whole in (
        ("Copy value as NumPy", "value", False),
        ("Copy gradient as NumPy", "gradient", False),
        ("Copy tile as NumPy", "value", True),
        ("Copy gradient of tile as NumPy", "gradient", True),
    ):
        entries[text].trigger()
        assert QGuiApplication.clipboard().text() == snippet(live.snapshot, CELL, quantity, whole), text
        assert "after step 0" in told[-1]
        assert str(CELL) in told[-1]


def test_that_the_number_under_the_mouse_goes_before_the_chosen_one_and_stays_meant_while_the_menu_is_open(
    window, live, menu_of
):
    live.choose(CELL)
    live.point_at(Weight("conv1", "bias", (3,)))
    entries = menu_of("network")
    live.point_at(None)  # the mouse is over the menu now
    entries["Copy value as NumPy"].trigger()
    assert 'parameters["conv1/bias"][3]' in QGuiApplication.clipboard().text()
    assert meant(live) == CELL


def test_that_ctrl_c_copies_the_number_and_with_shift_its_gradient(window, live):
    live.point_at(CELL)
    QTest.keyClick(window, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == snippet(live.snapshot, CELL)
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(window, Qt.Key.Key_C, both)
    assert QGuiApplication.clipboard().text() == snippet(live.snapshot, CELL, "gradient")


def test_that_a_nudged_number_is_set_by_hand_in_what_is_copied_meanwhile(window, live, menu_of):
    weight = Weight("conv1", "weight", (3, 0, 1, 2))
    live.choose(weight)
    live.nudge_to(0.5)
    copy_as_numpy(live, CELL)
    assert 'parameters["conv1/weight"][3, 0, 1, 2] = float("0.5")' in QGuiApplication.clipboard().text()
    live.restore()
    copy_as_numpy(live, CELL)
    assert "by hand" not in QGuiApplication.clipboard().text()


@pytest.mark.parametrize("place", [None, Cell("conv9", (0, 0, 0))])
def test_that_without_a_number_nothing_is_copied_and_a_line_says_how_to_get_one(window, live, menu_of, told, place):
    live.choose(place)
    entries = menu_of("network")
    assert not entries["Copy value as NumPy"].isEnabled()
    QGuiApplication.clipboard().setText("before")
    copy_as_numpy(live, meant(live))
    assert (QGuiApplication.clipboard().text(), told) == ("before", [NOTHING])


def test_that_a_probability_offers_no_gradient(live, menu_of, told):
    live.choose(Probability(3))
    entries = menu_of("network")
    assert entries["Copy value as NumPy"].isEnabled()
    assert not entries["Copy gradient as NumPy"].isEnabled()
    copy_as_numpy(live, Probability(3), "gradient")
    assert "logit" in told[-1]


@pytest.mark.parametrize("name", NAMES)
def test_that_the_picture_of_every_panel_is_saved_as_png_twice_as_fine(window, name, save_as, menu_of, tmp_path, told):
    panel, path = window.panels[name], tmp_path / "picture.png"
    asked = save_as(path)
    menu_of(name)["Save picture as PNG\u2026"].trigger()
    with Image.open(path) as picture:
        picture.load()
        assert picture.size == (ENLARGED * panel.width(), ENLARGED * panel.height())
        assert picture.text["Title"] == panel.title
        assert "preset escontrela, step 0" in picture.text["Description"]
    title, proposal, kinds = asked[0]
    assert (title, kinds) == (f"Save {panel.title}", "PNG picture (*.png)")
    assert proposal == str(tmp_path / f"{name}-step-0.png")
    assert told[-1] == f"{panel.title} written to {path}"


def rendered(svg, size):
    renderer = QSvgRenderer(QByteArray(svg))
    assert renderer.isValid()
    picture = QImage(size, QImage.Format.Format_RGB32)
    picture.fill(0)
    with QPainter(picture) as painter:
        renderer.render(painter)
    return picture


def pixels(image):
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return rows[:, : image.width(), :3].astype(int)


@pytest.mark.parametrize("name", NAMES)
def test_that_the_svg_of_every_panel_looks_like_the_panel_and_holds_its_text_as_text(
    window, live, wait_until, name, save_as, menu_of, tmp_path, qapp
):
    live.step()
    live.evaluate()
    wait_until(lambda: live.poll() or live.snapshot.history.tests)
    window.drawing.pad.lay_strokes([np.array([[0.2, 0.2], [0.8, 0.3], [0.4, 0.9]])])
    window.drawing.label_drawing(3)
    live.choose(CELL)
    if name == "movie":
        window.panels[name].record_step()
        wait_until(lambda: live.poll() or window.panels[name].movie)
        window.panels[name].player.go_to(1)
    window.docks[name].raise_()
    window.refresh()
    qapp.processEvents()
    panel, path = window.panels[name], tmp_path / "picture.svg"
    save_as(path)
    menu_of(name)["Save picture as SVG\u2026"].trigger()
    root = ElementTree.parse(path).getroot()
    assert root.get("viewBox") == f"0 0 {panel.width()} {panel.height()}"
    assert root.find(f"{SVG}title").text == panel.title
    assert len(list(root.iter(f"{SVG}text"))) >= 3
    seen = panel.grab().toImage()
    difference = np.abs(pixels(rendered(path.read_bytes(), seen.size())) - pixels(seen)).max(axis=2)
    assert (difference > 60).mean() < 0.02  # edges of text, which are smoothed another way


def test_that_a_picture_is_copied(window, menu_of):
    menu_of("cost")["Copy picture"].trigger()
    assert QGuiApplication.clipboard().image().width() == ENLARGED * window.panels["cost"].width()


def test_that_a_name_too_long_for_the_disk_is_told_of(window, save_as, menu_of, tmp_path, told):
    save_as(tmp_path / ("n" * 300))
    menu_of("cost")["Save picture as PNG\u2026"].trigger()
    assert told[-1].startswith("failed: ")
    assert "too long" in told[-1]


def test_that_an_extension_is_added_but_never_a_file_replaced_that_nobody_was_asked_about(
    window, save_as, menu_of, tmp_path, told
):
    save_as(tmp_path / "my.picture")
    menu_of("cost")["Save picture as PNG\u2026"].trigger()
    assert (tmp_path / "my.picture.png").exists()
    menu_of("cost")["Save picture as PNG\u2026"].trigger()
    assert told[-1].startswith("failed: ")
    assert "exists already" in told[-1]


def test_that_a_folder_that_is_gone_is_told_in_one_line(window, save_as, menu_of, tmp_path, told):
    save_as(tmp_path / "gone" / "a.svg")
    menu_of("cost")["Save picture as SVG\u2026"].trigger()
    assert told[-1] == f"failed: could not write {tmp_path / 'gone' / 'a.svg'}: " + (
        "the folder does not exist; create it or choose another"
    )


def test_that_the_folder_is_remembered_and_that_giving_up_changes_nothing(window, save_as, menu_of, tmp_path, told):
    save_as("")
    menu_of("cost")["Save picture as SVG\u2026"].trigger()
    assert told == []
    (tmp_path / "other").mkdir()
    save_as(tmp_path / "other" / "a.svg")
    menu_of("cost")["Save picture as SVG\u2026"].trigger()
    asked = save_as("")
    menu_of("cost")["Save picture as SVG\u2026"].trigger()
    assert asked[-1][1] == str(tmp_path / "other" / "cost-step-0.svg")


def test_that_numbers_are_saved_as_utf_8_with_all_their_digits(window, save_as, menu_of, tmp_path, monkeypatch):
    third = np.float32(1) / np.float32(3)
    rows = [("was", "\u00d7"), (third, 1 / 3), (np.float64(0.1), np.int64(-7)), (None, "a, b"), (float("nan"), True)]
    monkeypatch.setattr(window.panels["cost"], "numbers", lambda: rows)
    save_as(tmp_path / "a.csv")
    menu_of("cost")["Save numbers as CSV\u2026"].trigger()
    content = (tmp_path / "a.csv").read_bytes()
    assert content == csv_of(rows)
    read = list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))
    assert read[0] == ["was", "\u00d7"]
    assert np.float32(read[1][0]) == third
    assert read[1][0] == "0.33333334"
    assert float(read[1][1]) == 1 / 3
    assert read[2:] == [["0.1", "-7"], ["", "a, b"], ["nan", "True"]]


@pytest.mark.parametrize("rows", [[], [("only", "a heading")]])
def test_that_of_a_panel_without_numbers_no_file_is_written_and_a_line_says_so(
    window, save_as, menu_of, monkeypatch, told, rows
):
    asked = save_as("")
    monkeypatch.setattr(window.panels["cost"], "numbers", lambda: rows)
    menu_of("cost")["Save numbers as CSV\u2026"].trigger()
    assert asked == []
    assert told == ["Cost and accuracy has no numbers yet: there is nothing to save"]
