"""Where the files are that come with the program: icons, style, trained parameters."""

from pathlib import Path

from cnnviz.errors import UserError

SHIPPED = "shipped.npz"
"""The trained parameters that come with the program."""

_PACKAGE = Path(__file__).parent
_FOLDERS = (
    _PACKAGE / "resources",  # as installed from a wheel
    _PACKAGE.parent / "resources",  # in the repository, where the folder lies beside the package
)


class ResourceError(UserError):
    """A file that should have come with the program is not there."""


def resource(name: str) -> Path:
    """Return the path of the resource ``name``, such as "shipped.npz"; ResourceError where it is missing."""
    for folder in _FOLDERS:
        if (path := folder / name).is_file():
            return path
    raise ResourceError(f"{name} should have come with cnnviz but is in none of its folders; install the program again")
