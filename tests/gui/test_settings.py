import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import cnnviz
from cnnviz.gui.settings import Settings, load_settings, reset_settings, save_settings


def test_that_what_is_saved_is_loaded(tmp_path):
    settings = Settings(theme="light", data_dir="/data", speed=12)
    settings.set_window(b"\x00geometry", b"\xfflayout")
    save_settings(settings, tmp_path / "deep" / "settings.json")
    loaded, complaint = load_settings(tmp_path / "deep" / "settings.json")
    assert loaded == settings
    assert complaint is None
    assert loaded.window() == (b"\x00geometry", b"\xfflayout")


def test_that_a_first_start_has_defaults_and_nothing_to_complain_about(tmp_path):
    assert load_settings(tmp_path / "settings.json") == (Settings(), None)


@pytest.mark.parametrize(
    "content", ["", "{", "[1, 2]", '{"speed": "fast"}', '{"theme": null}', "[" * 200_000, "\udcff"]
)
def test_that_damaged_settings_are_set_aside_and_named(tmp_path, content):
    path = tmp_path / "settings.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    settings, complaint = load_settings(path)
    assert settings == Settings()
    assert str(tmp_path / "settings.damaged-1.json") in complaint
    assert not path.exists()
    assert (tmp_path / "settings.damaged-1.json").exists()


def test_that_settings_of_a_later_version_are_read_as_far_as_known(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"theme": "dark", "hologram": True}))
    assert load_settings(path) == (Settings(theme="dark"), None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("theme", "solarized"),
        ("speed", -7),
        ("speed", 41),
        ("speed", 10**400),
        ("speed", True),
        ("own_share", 101),
        ("own_share", float("nan")),
        ("inspector_back", 1),
        ("data_dir", "/a\0b"),
        ("data_dir", "x" * 5000),
        ("export_dir", "\ud800"),
        ("layout", 5),
    ],
)
def test_that_an_impossible_value_is_named_and_costs_no_other(tmp_path, name, value):
    path = tmp_path / "settings.json"
    good = {"theme": "light", "speed": 7, "data_dir": "/data"}
    path.write_text(json.dumps({**good, name: value}))
    settings, complaint = load_settings(path)
    kept = f"the file as it was is kept as {tmp_path / 'settings.damaged-1.json'}"
    assert complaint == f"the settings in {path} were damaged ({name}): these are the defaults now; {kept}"
    assert settings == Settings(**{known: entry for known, entry in good.items() if known != name})
    assert json.loads((tmp_path / "settings.damaged-1.json").read_text()).keys() >= {name}


def test_that_settings_that_are_no_text_are_said_to_be_that(tmp_path):
    path = tmp_path / "settings.json"
    path.write_bytes(b"\x93\xe0\x00")
    settings, complaint = load_settings(path)
    assert settings == Settings()
    assert complaint.startswith(f"the settings in {path} were damaged (no text): all are the defaults now; ")


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ("folder", "a folder"),
        ("FIFO", "a pipe"),
        ("huge", "10,737,418,240 bytes, more than the 1 MiB that one has at most"),
        ("dangling link", "no such file"),
    ],
)
def test_that_what_is_no_settings_file_is_set_aside_unread(tmp_path, what, found):
    path = tmp_path / "settings.json"
    if what == "folder":
        path.mkdir()
    elif sys.platform == "win32":
        pytest.skip("there are no FIFOs, and sparse files and links are not for everybody")
    elif what == "FIFO":
        os.mkfifo(path)
    elif what == "dangling link":
        path.symlink_to(tmp_path / "nowhere")
    else:
        with open(path, "wb") as file:
            file.truncate(10 * 2**30)
    settings, complaint = load_settings(path)
    assert settings == Settings()
    kept = tmp_path / "settings.damaged-1.json"
    assert complaint == (
        f"the settings in {path} were damaged (found {found}): all are the defaults now; "
        f"the file as it was is kept as {kept}"
    )
    save_settings(settings, path)
    assert load_settings(path) == (settings, None)


def test_that_a_damaged_window_layout_is_named_and_costs_no_other_setting(tmp_path):
    path = tmp_path / "settings.json"
    settings = Settings(theme="light", speed=12)
    settings.set_window(b"geometry", b"layout")
    settings.layout = "AAAA" + settings.layout
    save_settings(settings, path)
    loaded, complaint = load_settings(path)
    assert "(window layout)" in complaint
    assert loaded == Settings(theme="light", speed=12)
    assert (tmp_path / "settings.damaged-1.json").exists()


def test_that_a_layout_of_another_qt_is_no_damage_but_not_taken(tmp_path, monkeypatch):
    path = tmp_path / "settings.json"
    settings = Settings()
    with monkeypatch.context() as patch:
        patch.setattr("cnnviz.gui.settings.qVersion", lambda: "5.0.0")
        settings.set_window(b"geometry", b"layout")
    save_settings(settings, path)
    loaded, complaint = load_settings(path)
    assert complaint is None
    assert loaded.window() is None


def test_that_a_reset_keeps_the_settings_so_far_beside(tmp_path):
    path = tmp_path / "settings.json"
    assert reset_settings(path) == (Settings(), None)
    save_settings(Settings(theme="light"), path)
    settings, note = reset_settings(path)
    kept = tmp_path / "settings.before-reset-1.json"
    assert (settings, note) == (Settings(), f"The settings are the defaults; the file as it was is kept as {kept}")
    assert not path.exists()
    assert json.loads(kept.read_text())["theme"] == "light"


def test_that_no_settings_are_kept_by_qt():
    sources = {path.name: path.read_text("utf-8") for path in Path(cnnviz.__file__).parent.rglob("*.py")}
    assert len(sources) > 100
    assert [name for name, source in sources.items() if "QSettings(" in source] == []


POISON = """
import os, sys
from pathlib import Path
from PySide6.QtCore import QSettings

class Payload:
    def __reduce__(self):
        return Path.touch, (Path(sys.argv[1]),)

settings = QSettings(os.path.join(os.environ["XDG_CONFIG_HOME"], "QtProject.conf"), QSettings.Format.IniFormat)
for key in ("history", "lastVisited", "qtVersion", "shortcuts", "treeViewHeader", "viewMode"):
    settings.setValue(f"FileDialog/{key}", Payload())
settings.sync()
"""
OPEN_A_FILE_DIALOG = """
import sys
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication, QFileDialog
from cnnviz.gui.app import make_application
app = QApplication([]) if sys.argv[1] == "by itself" else make_application()
QFileDialog().show()
app.processEvents()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the system draws its own file dialog")
@pytest.mark.parametrize("who", ["cnnviz", "by itself"])
def test_that_the_file_dialog_runs_nothing_that_qts_settings_hold(tmp_path, who):
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path), "PYTHONPATH": str(Path(cnnviz.__file__).parents[1])}
    for code, argument in ((POISON, str(tmp_path / "ran")), (OPEN_A_FILE_DIALOG, who)):
        subprocess.run([sys.executable, "-c", code, argument], env=environment, check=True)
    assert (tmp_path / "ran").exists() == (who == "by itself")  # lest the payload be one that never runs


@pytest.mark.parametrize("part", ["geometry", "layout", "qt", "seal"])
def test_that_a_layout_that_was_tampered_with_never_reaches_qt(part):
    settings = Settings()
    settings.set_window(b"geometry", b"layout")
    setattr(settings, part, "AAAA" + getattr(settings, part))
    assert settings.window() is None
