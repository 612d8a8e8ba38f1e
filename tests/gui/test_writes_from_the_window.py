"""Whatever the window writes, and however that fails: it says so in the status bar, and training goes on."""

import csv
import errno
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QDialog, QFileDialog

from cnnviz.data.drawing import Drawing
from cnnviz.data.drawings import read_drawings
from cnnviz.data.idx import read_idx_folder
from cnnviz.formats import FORMATS, read_parameters
from cnnviz.gui import panel_files
from cnnviz.gui.app import Screenshot
from cnnviz.gui.dialogs import PreferencesDialog
from cnnviz.gui.main_window import MainWindow
from cnnviz.gui.settings import Settings, load_settings
from cnnviz.training.session import Phase

sys.path.append(str(Path(__file__).resolve().parents[2]))  # importlib mode leaves it off the path

from tests.faulty_disk import FaultyDisk, check_all_faults

FULL = (errno.ENOSPC, False)  # for a moment: what the run itself writes goes on then
ONE = Drawing([np.array([[0.5, 0.1], [0.5, 0.9]])], None)


def is_png(path):
    with Image.open(path) as picture:
        picture.load()


def is_svg(path):
    assert path.read_text("utf-8").rstrip().endswith("</svg>")


def is_table(path):
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8"))))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert len(rows) == 1 + (8 * 25 + 8) + (8 * 8 * 25 + 8)  # two layers with their biases


def export(window, path):
    window.export_parameters()


def keep_digit(window, path):
    own_digits = window._workbench.own_digits
    own_digits._told_fault = None  # so that it is told each time
    own_digits.open(path)
    own_digits.keep(ONE, 1)
    assert [digit.label for digit in own_digits.digits.values()] == [1]  # in memory at least


def choose_light(window, path):
    window._settings_are_lost = False  # so that it is told each time
    window.edit_preferences()


WRITERS = {
    "parameters.npz": (export, read_parameters),
    "parameters.pkl": (export, read_parameters),
    "filters.png": (lambda window, _: window.menus.save_png(window.panels["filters"]), is_png),
    "filters.svg": (lambda window, _: window.menus.save_svg(window.panels["filters"]), is_svg),
    "weights.csv": (lambda window, _: window.menus.save_csv(window.panels["filters"]), is_table),
    "my-digits.json": (keep_digit, read_drawings),
    "digits.json": (lambda window, _: window.panels["collection"].export_strokes(), read_drawings),
    "settings.json": (choose_light, lambda path: json.loads(path.read_text("utf-8"))),
}
"""By the name of the file: what writes it in a window, and what raises where it is not whole."""


@pytest.fixture
def file_dialog(monkeypatch):
    """Let the user name a file, or an existing folder, in every dialog."""

    def answer(path):
        kinds = {
            extension: f"{each.title} (*{each.extensions[0]})" for each in FORMATS for extension in each.extensions
        }
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), kinds.get(path.suffix, "")))
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(path))

    return answer


@pytest.fixture
def busy(make_window, live, tmp_path, monkeypatch):
    """Return a window in which training goes on, with a digit of somebody's."""
    window = make_window(settings_file=tmp_path / "settings" / "settings.json")
    live.own_digits.keep(ONE, 1)
    monkeypatch.setattr(PreferencesDialog, "exec", lambda self: QDialog.DialogCode.Accepted)
    live.set_speed(200.0)
    live.train()
    window.refresh()
    return window


def told_by(window: MainWindow, write: Callable[[], object]) -> str | None:
    """Return the failure that stands in the status bar after ``write``; None where there is none."""
    window._dismiss()
    write()
    is_failure = window._notice_bar.isVisible() and not window._until.isActive()  # a message passes
    return window._notice.text() if is_failure else None


def content_of(is_whole: Callable[[Path], object]) -> Callable[[Path], str]:
    """Return a function that says whether a file is the old one or a new one, which differ from step to step."""

    def read(path: Path) -> str:
        if path.read_bytes() == b"old":
            return "old"
        is_whole(path)
        return "new"

    return read


@pytest.mark.parametrize("name", WRITERS)
def test_that_a_fault_at_any_moment_is_told_and_leaves_the_run_and_the_old_file_alone(
    busy, live, wait_until, file_dialog, tmp_path, monkeypatch, name
):
    write, is_whole = WRITERS[name]
    folder = tmp_path / "settings" if name == "settings.json" else tmp_path / "folder"
    folder.mkdir(exist_ok=True)
    path, disk = folder / name, FaultyDisk()
    file_dialog(path)
    disk.install(monkeypatch)

    def prepare():
        if name != "my-digits.json":  # which would be set aside
            path.write_bytes(b"old")

    check_all_faults(
        folder, disk, prepare, lambda: told_by(busy, lambda: write(busy, path)), path, content_of(is_whole), FULL
    )
    step = live.snapshot.step
    wait_until(lambda: live.poll() or live.status.phase is Phase.FINISHED or live.snapshot.step > step)
    assert live._run.failure is None


def test_that_a_dataset_that_cannot_be_written_whole_leaves_nothing(busy, live, file_dialog, tmp_path, monkeypatch):
    folder, disk = tmp_path / "dataset", FaultyDisk()
    folder.mkdir()
    file_dialog(folder)
    disk.install(monkeypatch)
    panel = busy.panels["collection"]
    check_all_faults(
        folder,
        disk,
        lambda: None,
        lambda: told_by(busy, panel.export_idx),
        folder,
        Path.read_bytes,
        FULL,
    )
    assert read_idx_folder(folder)


def test_that_a_screenshot_that_cannot_be_written_is_told_at_the_end(window, tmp_path, monkeypatch):
    disk, path = FaultyDisk(), tmp_path / "window.png"
    disk.install(monkeypatch)
    monkeypatch.setattr(window, "close", lambda: None)

    def take():
        shot = Screenshot(window, path)
        shot.take()
        return shot.failure

    check_all_faults(tmp_path, disk, lambda: path.write_bytes(b"old"), take, path, content_of(is_png), FULL)


def test_that_settings_that_cannot_be_kept_are_told_at_the_start_and_only_once(make_window, tmp_path, monkeypatch):
    (tmp_path / "a file").touch()
    window = make_window(settings_file=tmp_path / "a file" / "settings.json")
    monkeypatch.setattr(PreferencesDialog, "exec", lambda self: QDialog.DialogCode.Accepted)
    told = told_by(window, window.restore_layout)
    assert told.startswith(
        f"preferences and layout will not be remembered: could not create the folder {tmp_path}/a file"
    )
    assert told_by(window, window.edit_preferences) is None
    (tmp_path / "a file").unlink()
    assert told_by(window, window.edit_preferences) is None
    (tmp_path / "a file" / "settings.json").unlink()
    (tmp_path / "a file").rmdir()
    (tmp_path / "a file").touch()
    assert told_by(window, window.edit_preferences) is not None  # it was well in the meantime


def test_that_a_first_start_keeps_settings_at_once(make_window, tmp_path):
    window = make_window(settings_file=tmp_path / "settings.json")
    assert not window.restore_layout()
    settings, _ = load_settings(tmp_path / "settings.json")
    assert settings.theme == Settings(theme="dark").theme


def test_that_no_empty_file_is_written_for_a_picture_that_cannot_be_made(
    window, live, file_dialog, tmp_path, monkeypatch
):
    file_dialog(tmp_path / "a.png")
    monkeypatch.setattr(panel_files, "ENLARGED", 0)
    told = told_by(window, lambda: window.menus.save_png(window.panels["filters"]))
    assert "the picture could not be made" in told
    assert list(tmp_path.iterdir()) == []
