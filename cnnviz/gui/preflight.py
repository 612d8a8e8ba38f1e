"""Whether a window can be opened, found out without Qt, which ends the whole process where it cannot.

The libraries are those that the platform plugins of Qt 6 are linked with (``ldd`` on PySide6's ``plugins/platforms``).
"""

import ctypes
import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

# Shared library -> Debian package that holds it.
_EVERYWHERE = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}
_ON_PLATFORM = {
    "xcb": {
        "libxcb-cursor.so.0": "libxcb-cursor0",
        "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
        "libxcb-icccm.so.4": "libxcb-icccm4",
        "libxcb-image.so.0": "libxcb-image0",
        "libxcb-keysyms.so.1": "libxcb-keysyms1",
        "libxcb-randr.so.0": "libxcb-randr0",
        "libxcb-render-util.so.0": "libxcb-render-util0",
        "libxcb-shape.so.0": "libxcb-shape0",
        "libxcb-xkb.so.1": "libxcb-xkb1",
        "libX11-xcb.so.1": "libx11-xcb1",
        "libxcb-shm.so.0": "libxcb-shm0",
        "libxcb-sync.so.1": "libxcb-sync1",
        "libxcb-xfixes.so.0": "libxcb-xfixes0",
    },
    "wayland": {
        "libwayland-client.so.0": "libwayland-client0",
        "libwayland-cursor.so.0": "libwayland-cursor0",
    },
}
_REMEDY = "xvfb-run -a python main.py, or work without a window: python main.py train --help"
NO_DISPLAY = (
    "there is no display to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is set); start from a desktop, "
    f"log in with ssh -X, use {_REMEDY}"
)


def window_problem(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return in one sentence why no window can be opened, and what to do; None where nothing stands in the way."""
    if importlib.util.find_spec("PySide6") is None:
        return "the window needs the Python package PySide6-Essentials; install it: pip install PySide6-Essentials"
    if not sys.platform.startswith("linux"):
        return None
    platforms = qt_platforms(environment)
    if not platforms:
        return NO_DISPLAY
    # Qt takes the first that works.
    problems = [_platform_problem(platform, environment) for platform in platforms]
    return None if None in problems else problems[0]


def qt_platforms(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the platforms that Qt would try on Linux, in its order (QGuiApplication, ``QT_QPA_PLATFORM``)."""
    if chosen := environment.get("QT_QPA_PLATFORM"):
        return [entry.partition(":")[0] for entry in chosen.split(";")]
    has_wayland = environment.get("WAYLAND_DISPLAY") or environment.get("XDG_SESSION_TYPE") == "wayland"
    return (["wayland"] if has_wayland else []) + (["xcb"] if environment.get("DISPLAY") else [])


def missing_libraries(platforms: Iterable[str]) -> list[str]:
    """Return the shared libraries that these platforms need and the system cannot load."""
    needed = list(_EVERYWHERE)
    for platform in platforms:
        needed += _ON_PLATFORM.get(platform, {})
    return [library for library in needed if not _loads(library)]


def install_command(libraries: Iterable[str]) -> str:
    """Return the line that installs shared libraries on Debian and its relatives."""
    known = _EVERYWHERE | {name: package for group in _ON_PLATFORM.values() for name, package in group.items()}
    prefix = "sudo " if hasattr(os, "geteuid") and os.geteuid() else ""
    return f"{prefix}apt-get install -y {' '.join(known[library] for library in libraries)}"


def _platform_problem(platform: str, environment: Mapping[str, str]) -> str | None:
    # A Qt that came another way than from PyPI keeps its plugins elsewhere; then there is nothing to compare with.
    if (known := _qt_plugins()) and platform.partition("-")[0] not in known:
        return f"QT_QPA_PLATFORM names {platform!r}, which Qt does not have here; unset it, or take {', '.join(known)}"
    if missing := missing_libraries([platform]):
        names = ", ".join(missing)
        remedy = f"install them: {install_command(missing)}"
        if shutil.which("apt-get") is None:
            remedy = f"install the packages that hold them (on Debian and Ubuntu: {install_command(missing)})"
        return f"the window needs system libraries that are missing ({names}); {remedy}"
    if platform == "xcb":
        return _x_problem(environment)
    return _wayland_problem(environment) if platform == "wayland" else None


def _qt_plugins() -> list[str]:
    """Return the names of the platforms that the installed Qt has plugins for, without importing it."""
    (package,) = importlib.util.find_spec("PySide6").submodule_search_locations
    plugins = Path(package, "Qt", "plugins", "platforms").glob("libq*.so")
    return sorted(path.name.removeprefix("libq").removesuffix(".so").partition("-")[0] for path in plugins)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _x_problem(environment: Mapping[str, str]) -> str | None:
    """Connect to the X server as Qt does, through libxcb, which knows all forms of DISPLAY and the permissions."""
    display = environment.get("DISPLAY")
    if not display:
        return NO_DISPLAY
    xcb = ctypes.CDLL("libxcb.so.1")
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(os.fsencode(display), None)
    failed = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    if failed:
        return f"the X server DISPLAY={display} cannot be reached; correct DISPLAY, use {_REMEDY}"
    return None


def _wayland_problem(environment: Mapping[str, str]) -> str | None:
    name = environment.get("WAYLAND_DISPLAY") or "wayland-0"
    path = Path(environment.get("XDG_RUNTIME_DIR", ""), name)  # an absolute name replaces the folder
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(os.fspath(path))
    except OSError:
        return f"no Wayland compositor answers at {path}; correct WAYLAND_DISPLAY or XDG_RUNTIME_DIR, use {_REMEDY}"
    return None
