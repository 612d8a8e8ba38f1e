"""What the window remembers, as JSON: plain text and numbers, which no reader can be made to execute."""

import base64
import binascii
import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import platformdirs
from PySide6.QtCore import qVersion

from cnnviz.atomic import make_own_folder, write_atomically


@dataclass
class Settings:
    """Remembered choices.

    Attributes
    ----------
    theme : {"system", "dark", "light"}
    data_dir, export_dir : str
        Folders last used; empty: the usual ones.
    speed : int
        Position of the speed slider.
    own_share : int
        Per cent of each training batch that is taken from the user's own digits.
    inspector_back : bool
        Whether the inspector tells the gradient.
    geometry, layout : str
        Qt's description of window and docks, base64; ``seal`` vouches for both.
    seal : str
        Hash over geometry, layout and Qt's version. Qt crashes on damaged descriptions, so that one without a matching
        seal is never handed to it.
    """

    theme: str = "system"
    data_dir: str = ""
    export_dir: str = ""
    speed: int = -1
    own_share: int = 10
    inspector_back: bool = False
    geometry: str = ""
    layout: str = ""
    seal: str = ""

    def set_window(self, geometry: bytes, layout: bytes) -> None:
        """Remember the window's place and docks."""
        self.geometry, self.layout = (base64.b64encode(part).decode() for part in (geometry, layout))
        self.seal = self._seal()

    def window(self) -> tuple[bytes, bytes] | None:
        """Return geometry and layout; None where there are none or they cannot be trusted."""
        if not self.layout or self.seal != self._seal():
            return None
        try:
            return base64.b64decode(self.geometry, validate=True), base64.b64decode(self.layout, validate=True)
        except binascii.Error:
            return None

    def forget_window(self) -> None:
        """Forget the window's place and docks."""
        self.geometry = self.layout = self.seal = ""

    def _seal(self) -> str:
        return hashlib.sha256(f"{qVersion()}\n{self.geometry}\n{self.layout}".encode()).hexdigest()


def settings_path() -> Path:
    """Return where the settings are kept."""
    return Path(platformdirs.user_config_dir("cnnviz")) / "settings.json"


def load_settings(path: Path) -> tuple[Settings, str | None]:
    """Return the settings in ``path``, and a line about what was wrong with them.

    A damaged file is set aside under another name, so that nothing in it is lost, and defaults are returned.
    """
    try:
        return _settings_from(json.loads(path.read_text("utf-8"))), None
    except FileNotFoundError:
        return Settings(), None
    except OSError as error:
        return Settings(), f"the settings in {path} cannot be read ({error.strerror}); the defaults are used"
    except (ValueError, RecursionError) as error:
        aside = path.with_suffix(".damaged")
        try:
            path.replace(aside)
        except OSError:
            return Settings(), f"the settings in {path} cannot be read ({error}); the defaults are used"
        return Settings(), f"the settings were damaged ({error}) and set aside as {aside}; the defaults are used"


def _settings_from(content: object) -> Settings:
    """Return the settings in ``content``, unknown names left out; ValueError where it is something else."""
    if not isinstance(content, dict):
        raise ValueError("not a set of names and values")
    values = {field.name: content[field.name] for field in fields(Settings) if field.name in content}
    for field in fields(Settings):
        if type(values.get(field.name, field.default)) is not type(field.default):
            raise ValueError(f"{field.name} is not what this program writes")
    return Settings(**values)


def save_settings(settings: Settings, path: Path) -> None:
    """Write the settings; UserError where that fails."""
    make_own_folder(path.parent)
    content = json.dumps(asdict(settings), indent=1).encode()
    write_atomically(path, lambda file: file.write(content))
