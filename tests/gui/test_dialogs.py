from pathlib import Path

import pytest
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QDialog, QLabel

from cnnviz.data.datasets import DataError
from cnnviz.gui import download_dialog
from cnnviz.gui.dialogs import PreferencesDialog
from cnnviz.gui.download_dialog import DownloadDialog
from cnnviz.gui.help_dialog import KEYS, HelpDialog
from cnnviz.gui.main_window import MainWindow
from cnnviz.gui.settings import Settings, load_settings


@pytest.fixture
def window(own, live):
    return own(MainWindow(live, Settings(theme="dark", data_dir=""), None))


@pytest.fixture
def download(monkeypatch):
    """Take the place of the download by something that the test describes."""

    def use(function):
        monkeypatch.setattr(download_dialog, "download_mnist", function)

    return use


def heard(dialog):
    told = []
    dialog.downloaded.connect(lambda: told.append("downloaded"))
    dialog.failed.connect(told.append)
    return told


def test_that_a_download_goes_where_the_run_looks(window, live, download, tmp_path, wait_until, monkeypatch):
    asked = []
    download(lambda folder, progress: asked.append(folder))
    live.set_data_dir(tmp_path)
    window.download_mnist()
    wait_until(lambda: asked)
    assert asked == [tmp_path]
    (dialog,) = window.findChildren(DownloadDialog)
    dialog._thread.wait()


def test_that_a_download_shows_how_far_it_is_and_tells_its_end(window, download, wait_until):
    download(lambda folder, progress: progress(1_000_000, 11_594_722))
    dialog = DownloadDialog(Path("somewhere"), window)
    told, shown = heard(dialog), []
    dialog._thread.progressed.connect(lambda done, total: shown.append((done, total)))
    dialog.start()
    wait_until(lambda: told)
    assert told == ["downloaded"]
    assert shown == [(1_000_000, 11_594_722)]


def test_that_a_download_that_failed_is_told_in_one_line(window, download, wait_until):
    def fail(folder, progress):
        raise DataError("no mirror answered")

    download(fail)
    dialog = DownloadDialog(Path("somewhere"), window)
    told = heard(dialog)
    dialog.start()
    wait_until(lambda: told)
    assert told == ["no mirror answered"]


def test_that_a_cancelled_download_ends_its_thread_and_tells_nothing(window, download, wait_until):
    reached = []

    def forever(folder, progress):
        while True:
            progress(0, 10)
            reached.append(True)

    download(forever)
    dialog = DownloadDialog(Path("somewhere"), window)
    told, thread = heard(dialog), dialog._thread
    dialog.start()
    wait_until(lambda: reached)
    dialog.canceled.emit()
    assert thread.isFinished()
    assert told == []


def test_that_preferences_left_alone_change_nothing(window, live, tmp_path, monkeypatch):
    live.set_data_dir(tmp_path)
    monkeypatch.setattr(PreferencesDialog, "exec", lambda self: QDialog.DialogCode.Accepted)
    window.edit_preferences()
    assert live.config.data_dir == tmp_path


def test_that_preferences_take_effect_and_are_remembered(own, live, tmp_path, monkeypatch):
    file = tmp_path / "settings.json"
    window = own(MainWindow(live, Settings(theme="dark"), file))

    def choose(self):
        self.theme.setCurrentIndex(self.theme.findData("light"))
        self.data_dir.setText(str(tmp_path))
        return QDialog.DialogCode.Accepted

    monkeypatch.setattr(PreferencesDialog, "exec", choose)
    window.edit_preferences()
    assert live.config.data_dir == tmp_path
    settings, _ = load_settings(file)
    assert (settings.theme, settings.data_dir) == ("light", str(tmp_path))
    assert window.palette().window().color().lightness() > 200


def test_that_the_help_names_every_key(own, window):
    dialog = own(HelpDialog(window))
    shown = "".join(label.text() for label in dialog.findChildren(QLabel))
    for key, what in (row for groups in KEYS for rows in groups.values() for row in rows):
        assert f"<b>{key}</b>" in shown
        assert what in shown


def test_that_no_line_of_the_help_is_cut_off(own, window, qapp):
    dialog = own(HelpDialog(window))
    dialog.show()
    qapp.processEvents()
    (text,) = dialog.findChildren(QLabel)
    assert text.height() >= text.heightForWidth(text.width())
    assert dialog.rect().contains(text.geometry())
    document = QTextDocument()
    document.setDefaultFont(text.font())
    document.setHtml(text.text())
    document.setTextWidth(text.width())
    assert document.size().width() <= text.width()
    assert dialog.height() < 700


def test_that_closing_the_window_ends_a_download(window, download, wait_until):
    reached = []

    def forever(folder, progress):
        while True:
            progress(0, 10)
            reached.append(True)

    download(forever)
    window.download_mnist()
    (dialog,) = window.findChildren(DownloadDialog)
    wait_until(lambda: reached)
    window.close()
    assert dialog._thread.isFinished()
