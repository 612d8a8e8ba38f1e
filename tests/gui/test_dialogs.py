import gzip
import hashlib
import os
import random
import time
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocument
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QLabel, QPushButton

from cnnviz.data.datasets import DataError
from cnnviz.data.download import PublishedFile, download_mnist
from cnnviz.data.idx import IDX_FILES
from cnnviz.gui import download_dialog
from cnnviz.gui.dialogs import PreferencesDialog
from cnnviz.gui.download_dialog import DownloadDialog, Pace, progress_text
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
    window.show()
    dialog.start()
    wait_until(lambda: reached)
    QTest.qWaitForWindowActive(dialog)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert thread.isFinished()
    assert told == []


def small_files_and_their_mirror():
    """Return files as they are published, and what a mirror of theirs answers, in pieces."""
    packed = {f"{name}.gz": gzip.compress(os.urandom(60_000)) for name in IDX_FILES[:2]}
    files = tuple(
        PublishedFile(
            name.removesuffix(".gz"),
            len(content),
            60_000,
            hashlib.sha256(content).hexdigest(),
            hashlib.sha256(gzip.decompress(content)).hexdigest(),
        )
        for name, content in packed.items()
    )

    def deliver(handler):
        content = packed[handler.path.removeprefix("/mnist/")]
        handler.send_response(200)
        handler.end_headers()
        for start in range(0, len(content), 6_000):
            handler.wfile.write(content[start : start + 6_000])
            time.sleep(0.005)

    return packed, files, deliver


def test_that_at_whatever_moment_it_is_cancelled_only_whole_files_stay_and_nothing_is_told(
    window, download, serve, tmp_path, qapp
):
    packed, files, deliver = small_files_and_their_mirror()
    mirrors, moments, ends = [serve(deliver).url], random.Random(6), []
    download(lambda folder, progress: download_mnist(folder, progress, mirrors, files))
    for trial in range(20):
        folder = tmp_path / str(trial)
        dialog = DownloadDialog(folder, window)
        told, thread = heard(dialog), dialog._thread
        dialog.start()
        end = time.monotonic() + moments.uniform(0.0, 0.4)
        while time.monotonic() < end:
            qapp.processEvents()
            time.sleep(0.002)
        told_before = list(told)
        if not told:
            dialog.findChild(QPushButton).click()
            assert thread.isFinished()
        qapp.processEvents()
        assert told == told_before  # what was under way when it was cancelled is of no use
        found = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}
        assert found.items() <= packed.items()
        ends.append("cancelled" if not told else told[0])
    assert set(ends) == {"cancelled", "downloaded"}


@pytest.mark.parametrize("end", ["done", "failed"])
def test_that_the_end_of_a_download_that_was_cancelled_in_the_same_moment_is_passed_over(window, download, qapp, end):
    def work(folder, progress):
        if end == "failed":
            raise DataError("no mirror answered")

    download(work)
    dialog = DownloadDialog(Path("somewhere"), window)
    told, thread = heard(dialog), dialog._thread
    dialog.start()
    thread.wait()  # it has told its end, which waits to be heard
    dialog.stop()
    qapp.processEvents()
    assert told == []


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (None, ""),
        (1_400_000.0, ", 1.4 MB/s, 6 s left"),
        (12_300.0, ", 12.3 kB/s, 11 min left"),
        (0.0, ", waiting for the server"),
    ],
)
def test_that_a_download_tells_how_fast_it_is_and_how_long_it_will_take(rate, text):
    assert progress_text(3_200_000, 11_594_722, rate) == f"Downloading MNIST: 3.2 of 11.6 MB{text}"


def test_that_the_pace_is_that_of_the_latest_seconds():
    pace = Pace()
    pace.note(10.0, 0)
    pace.note(10.2, 100)
    assert pace.rate is None  # too short a time to tell
    pace.note(11.0, 500)
    assert pace.rate == 500.0
    for second in range(12, 20):
        pace.note(float(second), 500)
    assert pace.rate == 0.0


def test_that_the_dialog_of_a_download_does_not_grow_with_its_text(own, window, qapp):
    dialog = own(DownloadDialog(Path("somewhere"), window))
    dialog.show()
    qapp.processEvents()
    width = dialog.width()
    dialog._pace.note(time.monotonic() - 2.0, 0)
    dialog._show_progress(11_100_000, 11_594_722)
    qapp.processEvents()
    assert " left" in dialog.labelText()
    assert dialog.width() == width


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
