import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cnnviz.gui import preflight
from cnnviz.gui.preflight import install_command, missing_libraries, qt_platforms, window_problem

ROOT = Path(__file__).resolve().parents[2]
DISPLAY_VARIABLES = ("DISPLAY", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE", "QT_QPA_PLATFORM")

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="windows always open on other systems")


@pytest.fixture
def missing(monkeypatch):
    """Return a set of libraries that the system shall not have."""
    names: set[str] = set()
    monkeypatch.setattr(preflight, "_loads", lambda library: library not in names)
    return names


@pytest.mark.parametrize("command", [[], ["gui"], ["gui", "--preset", "zhou"]])
def test_that_without_a_display_the_program_ends_with_a_sentence(command):
    environment = {name: value for name, value in os.environ.items() if name not in DISPLAY_VARIABLES}
    outcome = subprocess.run(
        [sys.executable, "main.py", *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert outcome.returncode == 1
    assert outcome.stdout == ""
    assert outcome.stderr.startswith("cnnviz: there is no display to open a window on")
    assert len(outcome.stderr.splitlines()) == 1


def test_that_finding_out_does_not_import_qt():
    code = (
        "import sys; from cnnviz.gui.preflight import window_problem; window_problem(); print('PySide6' in sys.modules)"
    )
    outcome = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert outcome.stdout == "False\n", outcome.stderr


@pytest.mark.parametrize(
    ("environment", "platforms"),
    [
        ({}, []),
        ({"DISPLAY": ":0"}, ["xcb"]),
        ({"WAYLAND_DISPLAY": "wayland-0"}, ["wayland"]),
        ({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}, ["wayland", "xcb"]),
        ({"XDG_SESSION_TYPE": "wayland", "DISPLAY": ":0"}, ["wayland", "xcb"]),
        ({"QT_QPA_PLATFORM": "offscreen", "DISPLAY": ":0"}, ["offscreen"]),
        ({"QT_QPA_PLATFORM": "wayland;xcb:option=1"}, ["wayland", "xcb"]),
    ],
)
def test_that_platforms_are_tried_in_the_order_of_qt(environment, platforms):
    assert qt_platforms(environment) == platforms


@pytest.mark.parametrize("platform", ["offscreen", "minimal", "vnc"])
def test_that_platforms_without_a_screen_need_no_display(platform, missing):
    assert window_problem({"QT_QPA_PLATFORM": platform}) is None


def test_that_a_missing_library_is_answered_with_the_line_that_installs_it(missing):
    missing |= {"libEGL.so.1", "libxcb-cursor.so.0", "libxcb-icccm.so.4"}
    problem = window_problem({"DISPLAY": ":0"})
    assert "(libEGL.so.1, libxcb-cursor.so.0, libxcb-icccm.so.4)" in problem
    assert "apt-get install -y libegl1 libxcb-cursor0 libxcb-icccm4" in problem
    assert "\n" not in problem


def test_that_libraries_of_another_platform_are_not_asked_for(missing):
    missing |= {"libxcb-cursor.so.0", "libwayland-client.so.0"}
    assert window_problem({"QT_QPA_PLATFORM": "offscreen"}) is None
    assert missing_libraries(["xcb"]) == ["libxcb-cursor.so.0"]
    assert missing_libraries(["wayland"]) == ["libwayland-client.so.0"]


def test_that_a_user_other_than_root_is_given_sudo(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert install_command(["libGL.so.1"]) == "sudo apt-get install -y libgl1"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert install_command(["libGL.so.1"]) == "apt-get install -y libgl1"


@pytest.mark.parametrize("display", [":987", "no-such-host.invalid:0", "nonsense"])
def test_that_a_display_that_nothing_answers_at_is_named(display):
    if missing_libraries(["xcb"]):
        pytest.skip("the libraries of X are not installed here")
    assert f"the X server DISPLAY={display} cannot be reached" in window_problem({"DISPLAY": display})


def test_that_a_wayland_compositor_is_looked_for_at_its_socket(missing, tmp_path):
    environment = {"WAYLAND_DISPLAY": "wayland-7", "XDG_RUNTIME_DIR": str(tmp_path)}
    assert f"no Wayland compositor answers at {tmp_path / 'wayland-7'}" in window_problem(environment)
    assert window_problem({**environment, "QT_QPA_PLATFORM": "wayland;offscreen"}) is None  # Qt goes on to the next
    with socket.socket(socket.AF_UNIX) as compositor:
        compositor.bind(str(tmp_path / "wayland-7"))
        compositor.listen()
        assert window_problem(environment) is None
        assert window_problem({**environment, "DISPLAY": ":987"}) is None


def test_that_a_missing_binding_is_named(monkeypatch):
    monkeypatch.setattr(preflight.importlib.util, "find_spec", lambda name: None)
    assert "pip install PySide6-Essentials" in window_problem({"DISPLAY": ":0"})


def test_that_a_platform_that_qt_does_not_have_is_refused_with_those_it_has():
    line = window_problem({"QT_QPA_PLATFORM": "foo"})
    assert "names 'foo'" in line
    assert "offscreen" in line
