"""What the window remembers, as JSON: plain text and numbers, which no reader can be made to execute."""

import base64
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import platformdirs
from PySide6.QtCore import qVersion

from cnnviz.atomic import WriteError, make_own_folder, set_aside, write_atomically
from cnnviz.errors import UserError
from cnnviz.foreign import read_foreign
from cnnviz.gui.transport import SPEED_POSITIONS

MOST_BYTES = 1 << 20  # of the file, which is some kilobytes large
PATH_BYTES = 4096  # what Linux takes
THEMES = ("system", "dark", "light")


class SettingsError(UserError):
    """A file is none with settings."""


@dataclass
class Settings:
    """Remembered choices.

    Attributes
    ----------
    theme : str
        One of ``THEMES``.
    data_dir, export_dir : str
        Folders last used; empty: the usual ones.
    speed : int
        Position of the speed slider; -1: the usual one.
    own_share : int
        Per cent of each training batch that is taken from the user's own digits.
    inspector_back : bool
        Whether the inspector tells the gradient.
    geometry, layout : str
        Qt's description of window and docks, base64; ``seal`` vouches for both.
    qt : str
        The version of Qt that they come from; another one takes none of them.
    seal : str
        Hash over these three. Qt crashes on damaged descriptions, so that one without a matching seal is never handed
        to it.
    """

    theme: str = "system"
    data_dir: str = ""
    export_dir: str = ""
    speed: int = -1
    own_share: int = 10
    inspector_back: bool = False
    geometry: str = ""
    layout: str = ""
    qt: str = ""
    seal: str = ""

    def set_window(self, geometry: bytes, layout: bytes) -> None:
        """Remember the window's place and docks."""
        self.geometry, self.layout = (base64.b64encode(part).decode() for part in (geometry, layout))
        self.qt = qVersion()
        self.seal = self._seal()

    def window(self) -> tuple[bytes, bytes] | None:
        """Return geometry and layout; None where there are none, or none that can be trusted."""
        if not self.layout or self.qt != qVersion() or self.window_is_damaged():
            return None
        return base64.b64decode(self.geometry), base64.b64decode(self.layout)

    def window_is_damaged(self) -> bool:
        """Return whether geometry and layout are not what was once remembered."""
        if not self.qt:
            return False
        try:
            for part in (self.geometry, self.layout):
                base64.b64decode(part, validate=True)
            return self.seal != self._seal()
        except ValueError:
            return True

    def forget_window(self) -> None:
        """Forget the window's place and docks."""
        self.geometry = self.layout = self.qt = self.seal = ""

    def _seal(self) -> str:
        return hashlib.sha256(f"{self.qt}\n{self.geometry}\n{self.layout}".encode()).hexdigest()


def settings_path() -> Path:
    """Return where the settings are kept."""
    return Path(platformdirs.user_config_dir("cnnviz")) / "settings.json"


def load_settings(path: Path) -> tuple[Settings, str | None]:
    """Return the settings in ``path``, and a line about what was wrong with them.

    What is no possible value gets the default, all else stays. A file with something wrong in it is set aside under
    another name, so that nothing in it is lost.
    """
    if not os.path.lexists(path):
        return Settings(), None
    try:
        content = read_foreign(path, "settings", MOST_BYTES, SettingsError)
        settings, wrong = _settings_from(json.loads(content.decode("utf-8")))
    except SettingsError as fault:
        found, _, _ = str(fault).rpartition("found ")[2].partition(";")  # not what should be chosen instead
        settings, wrong, which = Settings(), f"found {found}", "all"
    except UnicodeDecodeError:
        settings, wrong, which = Settings(), "no text", "all"
    except (ValueError, RecursionError) as fault:
        settings, wrong, which = Settings(), str(fault), "all"
    else:
        which = "these"
    if not wrong:
        return settings, None
    return settings, f"the settings in {path} were damaged ({wrong}): {which} are the defaults now; {_kept(path)}"


def reset_settings(path: Path) -> tuple[Settings, str | None]:
    """Return the defaults, and a line about where the settings so far, whatever state they are in, are kept."""
    if not os.path.lexists(path):
        return Settings(), None
    return Settings(), f"The settings are the defaults; {_kept(path, 'before-reset')}"


def _kept(path: Path, *why: str) -> str:
    """Set a file aside, and return where it is now."""
    try:
        return f"the file as it was is kept as {set_aside(path, *why)}"
    except WriteError as fault:
        return str(fault)


def _settings_from(content: object) -> tuple[Settings, str]:
    """Return the settings in ``content``, unknown names left out, and which of them are wrong.

    ValueError where it is something else.
    """
    if not isinstance(content, dict):
        raise ValueError("not a set of names and values")
    values, wrong = {}, []
    for field in fields(Settings):
        if field.name in content:
            value, is_possible = content[field.name], _POSSIBLE.get(field.name)
            if type(value) is type(field.default) and (is_possible is None or is_possible(value)):
                values[field.name] = value
            else:
                wrong.append(field.name)
    settings = Settings(**values)
    if settings.window_is_damaged():
        settings.forget_window()
        wrong.append("window layout")
    return settings, ", ".join(wrong)


def _is_path(text: str) -> bool:
    """Return whether a file system could take ``text``."""
    try:
        return len(os.fsencode(text)) <= PATH_BYTES and "\0" not in text
    except UnicodeEncodeError:
        return False


_POSSIBLE: dict[str, Callable[..., bool]] = {
    "theme": lambda name: name in THEMES,
    "data_dir": _is_path,
    "export_dir": _is_path,
    "speed": lambda position: -1 <= position <= SPEED_POSITIONS,
    "own_share": lambda share: 0 <= share <= 100,
}


def save_settings(settings: Settings, path: Path) -> None:
    """Write the settings; UserError where that fails."""
    make_own_folder(path.parent)
    content = json.dumps(asdict(settings), indent=1).encode()
    write_atomically(path, lambda file: file.write(content))
