"""Whoever has no mouse, or does not see the screen, gets everywhere: asked of the whole window and its dialogs."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QDialogButtonBox

from cnnviz.gui.dialogs import PreferencesDialog
from cnnviz.gui.download_dialog import DownloadDialog
from cnnviz.gui.help_dialog import KEYS, HelpDialog
from cnnviz.gui.keys import is_one_of_several
from cnnviz.gui.panels import PANELS
from cnnviz.gui.picture_dialog import PictureDialog
from cnnviz.gui.runs_dialog import RunsDialog
from cnnviz.gui.settings import Settings

sys.path.append(str(Path(__file__).resolve().parents[2]))  # importlib mode leaves it off the path

from tests.gui.controls import controls, described

MOST_TABS = 400

# What is clicked but not reached by Tab, and what does the same by keys.
OTHERWISE = {"ProbabilityBars": "the keys 0 to 9, or in the gallery", "MovieCanvas": "the field Image"}


@pytest.fixture
def window(make_window, qapp):
    window = make_window()
    window.drawing.pad.lay_strokes([np.array([[0.2, 0.2], [0.8, 0.3], [0.4, 0.9]])])
    window.drawing.label_drawing(3)
    window.refresh()
    qapp.processEvents()
    return window


def is_described(control):
    """Return whether it has a name, and says what it does; pictures do so where no tooltip covers them."""
    return bool(control.accessibleName() and (control.toolTip() or control.accessibleDescription()))


def reached_by_tab(window):
    """Return the widgets that come by, one after the other, while Tab is pressed."""
    reached = []
    for _ in range(MOST_TABS):
        focus = QApplication.focusWidget()
        QTest.keyClick(focus or window, Qt.Key.Key_Tab)
        focus = QApplication.focusWidget()
        if focus in reached:
            return reached
        reached.append(focus)
    raise AssertionError(f"Tab does not come round: {described(focus)}")


def reached_by_arrows(buttons):
    """Return those of several buttons, only one of which is down, that the arrow keys lead to from there."""
    reached = []
    for button in buttons:
        for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Left):
            button.setFocus()
            way = []
            while (focus := QApplication.focusWidget()) not in way:
                way.append(focus)
                QTest.keyClick(focus, key)
            reached += way
    return reached


def test_that_every_control_of_the_window_says_what_it_is_and_what_it_does(window):
    everything = controls(window)
    assert len(everything) > 60
    assert [described(each) for each in everything if not is_described(each)] == []


@pytest.mark.parametrize("name", [panel.name for panel in PANELS])
def test_that_every_control_of_a_panel_is_reached_by_tab_and_arrows(window, name, qapp):
    dock = window.docks[name]
    dock.raise_()
    qapp.processEvents()
    window.refresh()
    reached = reached_by_tab(window)
    reached += reached_by_arrows([each for each in reached if is_one_of_several(each)])
    reached += reached_by_tab(window)  # what a choice among these has brought up
    operated = [each for each in controls(dock) if each.isVisible() and each.isEnabled()]
    missed = [each for each in operated if each not in reached and type(each).__name__ not in OTHERWISE]
    assert [described(each) for each in missed] == []


def test_that_every_control_of_the_bar_is_reached_by_tab(window):
    reached = reached_by_tab(window)
    assert [described(each) for each in controls(window.transport) if each.isVisible() and each not in reached] == []


def test_that_tab_leaves_every_control_again(window):
    for control in controls(window):
        if control.isVisible() and control.isEnabled() and control.focusPolicy() & Qt.FocusPolicy.TabFocus:
            control.setFocus()
            QTest.keyClick(control, Qt.Key.Key_Tab)
            assert QApplication.focusWidget() is not control, described(control)


def test_that_a_click_leaves_the_keys_to_the_window(window):
    kinds = QAbstractButton | QComboBox
    clicked = [each for each in controls(window) if isinstance(each, kinds)]
    taking = [described(each) for each in clicked if each.focusPolicy() & Qt.FocusPolicy.ClickFocus]
    assert taking == []


@pytest.mark.parametrize("kind", [HelpDialog, PreferencesDialog, DownloadDialog, PictureDialog, RunsDialog])
def test_that_every_control_of_a_dialog_says_what_it_is_and_what_it_does(window, own, live, kind, tmp_path):
    first = {
        PreferencesDialog: [Settings()],
        DownloadDialog: [tmp_path],
        PictureDialog: [tmp_path],
        RunsDialog: [live],
    }.get(kind, [])
    dialog = own(kind(*first, window))
    everything = controls(dialog)
    assert everything
    own_names = [each for each in everything if each.accessibleName() or getattr(each, "text", str)()]
    assert [described(each) for each in everything if each not in own_names] == []
    standard = [button for box in dialog.findChildren(QDialogButtonBox) for button in box.buttons()]  # Qt names these
    assert [described(each) for each in everything if each not in standard and not each.toolTip()] == []


def test_that_the_help_names_every_key_of_the_menus_and_the_bar(window):
    actions = window.findChildren(type(window.transport.train))
    shortcuts = {action.shortcut().toString() for action in actions if not action.shortcut().isEmpty()}
    untold = {key for key in shortcuts if not any(is_told(key, *row) for row in told_keys())}
    assert untold - {str(digit) for digit in range(10)} - {"Ctrl+Q"} == set()


def told_keys():
    return [row for groups in KEYS for rows in groups.values() for row in rows]


def is_told(key, keys, what):
    named = re.split(r"[ ,;:()]+", f"{keys} {what}")
    return key in (*named, keys) or (key.replace("Shift+", "") in named and "with Shift" in what)


def test_that_a_key_goes_from_panel_to_panel_and_back(window):
    def owner():
        focus = QApplication.focusWidget()
        return next((name for name, panel in window.panels.items() if panel.isAncestorOf(focus)), None)

    seen = [name for name, panel in window.panels.items() if panel.is_seen]
    window.drawing.pad.setFocus()
    assert owner() == seen[0] == "drawing"
    went = []
    for _ in seen:
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_F6)
        went.append(owner())
    assert went == [*seen[1:], seen[0]]
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_F6, Qt.KeyboardModifier.ShiftModifier)
    assert owner() == seen[-1]
