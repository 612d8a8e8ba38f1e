import json
import os
import sys
from pathlib import Path

import pytest

import cnnviz
from cnnviz.gui.settings import MOST_BYTES, Settings, load_settings, reset_settings, save_settings


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
    assert str(tmp_path / "settings.damaged") in complaint
    assert not path.exists()
    assert (tmp_path / "settings.damaged").exists()


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
    kept = f"the damaged file is kept as {tmp_path / 'settings.damaged'}"
    assert complaint == f"the settings in {path} were damaged ({name}): these are the defaults now; {kept}"
    assert settings == Settings(**{known: entry for known, entry in good.items() if known != name})
    assert json.loads((tmp_path / "settings.damaged").read_text()).keys() >= {name}


@pytest.mark.parametrize("what", ["folder", "FIFO", "huge"])
def test_that_what_is_no_settings_file_is_set_aside_unread(tmp_path, what):
    path = tmp_path / "settings.json"
    if what == "folder":
        path.mkdir()
    elif what == "FIFO" and sys.platform == "win32":
        pytest.skip("there are no FIFOs")
    elif what == "FIFO":
        os.mkfifo(path)
    else:
        with open(path, "wb") as file:
            file.truncate(10 * 2**30)
    settings, complaint = load_settings(path)
    assert settings == Settings()
    expected = f"at most {MOST_BYTES:,} bytes expected" if what == "huge" else "not a regular file"
    assert expected in complaint
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
    assert (tmp_path / "settings.damaged").exists()


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
    kept = tmp_path / "settings.before-reset"
    assert (settings, note) == (Settings(), f"The settings are the defaults; those so far are kept in {kept}")
    assert not path.exists()
    assert json.loads(kept.read_text())["theme"] == "light"


def test_that_nothing_is_read_that_could_be_made_to_execute():
    sources = list(Path(cnnviz.__file__).parent.rglob("*.py"))
    assert len(sources) > 100
    assert [path.name for path in sources if "QSettings" in path.read_text("utf-8")] == []


@pytest.mark.parametrize("part", ["geometry", "layout", "qt", "seal"])
def test_that_a_layout_that_was_tampered_with_never_reaches_qt(part):
    settings = Settings()
    settings.set_window(b"geometry", b"layout")
    setattr(settings, part, "AAAA" + getattr(settings, part))
    assert settings.window() is None
