import json

import pytest

from cnnviz.gui.settings import Settings, load_settings, save_settings


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


@pytest.mark.parametrize("part", ["geometry", "layout", "seal"])
def test_that_a_layout_that_was_tampered_with_never_reaches_qt(part):
    settings = Settings()
    settings.set_window(b"geometry", b"layout")
    setattr(settings, part, "AAAA" + getattr(settings, part))
    assert settings.window() is None
