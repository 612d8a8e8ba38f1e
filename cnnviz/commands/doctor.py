"""``cnnviz doctor``: what the program finds on this machine."""

import os
import platform
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import platformdirs

from cnnviz import __version__, processor
from cnnviz.commands.console import show
from cnnviz.data.collection import collection_path
from cnnviz.data.mnist import MNIST, mnist_folder
from cnnviz.gui.preflight import install_command, missing_libraries, qt_platforms, window_problem
from cnnviz.logs import log_folder

PACKAGES = ("numpy", "PySide6-Essentials", "pyqtgraph", "pillow", "platformdirs", "filelock", "tqdm")


def run(args: Namespace) -> int:
    """Show a table; 1 where the window could not be opened."""
    problem = window_problem()
    rows: list[tuple[str, Callable[[], str]]] = [
        ("cnnviz", lambda: __version__),
        ("Python", lambda: f"{platform.python_version()} ({sys.executable})"),
        ("system", platform.platform),
        *((package, lambda package=package: _version(package)) for package in PACKAGES),
        ("processor", processor.describe),
        ("display", _display),
        ("libraries", _libraries),
        ("settings folder", lambda: _folder(platformdirs.user_config_path("cnnviz"))),
        ("data folder", lambda: _folder(collection_path().parent)),
        ("cache folder", lambda: _folder(platformdirs.user_cache_path("cnnviz"))),
        ("log folder", lambda: _folder(log_folder())),
        ("MNIST", _mnist),
        ("window", lambda: problem or "can be opened"),
    ]
    show("\n".join(f"{name:<20} {_finding(look)}" for name, look in rows))
    return 1 if problem else 0


def _finding(look: Callable[[], str]) -> str:
    """Return what ``look`` finds; a look that fails is itself a finding."""
    try:
        return look()
    except Exception as fault:
        return f"cannot be found out ({type(fault).__name__}: {fault})"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return f"missing; pip install {package}"


def _display() -> str:
    if not sys.platform.startswith("linux"):
        return "of the system"
    names = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return ", ".join(f"{name}={os.environ[name]}" for name in names if os.environ.get(name)) or "none"


def _libraries() -> str:
    if not sys.platform.startswith("linux"):
        return "come with the packages"
    missing = missing_libraries(qt_platforms() or ["xcb"])
    return f"missing {', '.join(missing)}; {install_command(missing)}" if missing else "all there"


def _folder(path: Path) -> str:
    """Return whether something can be written there, without leaving anything behind."""
    there = path
    while not os.path.exists(there):
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            return f"{path} (writable)"
    except OSError as fault:
        return f"{path} cannot be written: {fault.strerror}"


def _mnist() -> str:
    folder = mnist_folder()
    return f"in {folder}" if MNIST.is_available(None) else f"not in {folder}; python main.py data download mnist"
