"""Folders and a screen of its own for a program that is tried: nothing of the user's is touched."""

import json
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NO_NETWORK = "http://127.0.0.1:9"  # nobody answers there: what is fetched comes to nothing

_SCREEN = {"screens": [{"name": "none", "width": 1366, "height": 768}]}


def private_environment(folder: Path, on_screen: bool = False) -> dict[str, str]:
    """Return an environment in which all that the program keeps is kept below ``folder``, which is filled here.

    The window is on the display that there is (``on_screen``), or on a screen that nobody sees.
    """
    kept = {name: value for name, value in os.environ.items() if name != "CNNVIZ_DATA_DIR"}
    private = {f"XDG_{kind}_HOME": _made(folder / kind.lower()) for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
    places = {"HOME": _made(folder / "home"), "TMPDIR": _made(folder / "tmp")}
    proxies = {f"{kind}_proxy": NO_NETWORK for kind in ("http", "https")}
    python = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    screen = {} if on_screen else {"QT_QPA_PLATFORM": f"offscreen:configfile={_screen(folder / 'screen.json')}"}
    return {**kept, **private, **places, **proxies, **python, **screen, "OPENBLAS_NUM_THREADS": "1"}


def _made(folder: Path) -> str:
    folder.mkdir()
    return str(folder)


def _screen(path: Path) -> Path:
    """Write down for Qt's platform without a display how large its screen is."""
    path.write_text(json.dumps(_SCREEN))
    return path
