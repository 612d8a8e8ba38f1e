"""The lines of this program that reckoned something."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cnnviz

_ROOT = Path(cnnviz.__file__).parents[1]


@dataclass(frozen=True)
class Source:
    """A function as it stands in its file.

    Attributes
    ----------
    name : str
        Such as "Conv2D.forward".
    file : str
        From the package on, such as "cnnviz/nn/kernels.py".
    lines : tuple of (int, str)
        Number in the file and text, without the indentation that all share; a docstring of several lines is left out.
        Empty where only compiled code is there.
    """

    name: str
    file: str
    lines: tuple[tuple[int, str], ...]

    @property
    def place(self) -> str:
        """Where it is, such as "cnnviz/nn/kernels.py, lines 152–168"."""
        if not self.lines:
            return self.file
        return f"{self.file}, lines {self.lines[0][0]}–{self.lines[-1][0]}"


@cache
def source_of(function: Callable[..., object]) -> Source:
    """Return the lines of ``function``, one of this package."""
    file = Path(inspect.getfile(function)).relative_to(_ROOT).as_posix()
    try:
        lines, first = inspect.getsourcelines(function)
    except OSError:  # an installation without its sources
        return Source(function.__qualname__, file, ())
    text = textwrap.dedent("".join(lines))
    left_out = _docstring_lines(text)
    numbered = [(first + i, line) for i, line in enumerate(text.splitlines()) if i not in left_out]
    return Source(function.__qualname__, file, tuple(numbered))


def _docstring_lines(text: str) -> range:
    """Return which lines of a function, from 0, are a docstring of more than one line."""
    first = ast.parse(text).body[0].body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    if not is_docstring or first.end_lineno == first.lineno:
        return range(0)
    return range(first.lineno - 1, first.end_lineno)
