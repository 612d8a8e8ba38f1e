"""A phase of a step in words: what is reckoned, by which formula, and by which lines of the program."""

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QFrame, QTextBrowser, QWidget

from cnnviz.explain.phases import StepPhase
from cnnviz.explain.sources import Source
from cnnviz.gui.theme import DARK, GRID, SMALL, Theme


class PhaseText(QTextBrowser):
    """Title, sentence, formula, shapes and code of a phase; scrolls where they need more room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = DARK
        self._phase: StepPhase | None = None
        self._facts = ""
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setAccessibleName("What this phase does")
        self.setToolTip("Sentence, formula, shapes and code of this phase; scroll for more")
        for each in (self, self.viewport()):
            each.setAcceptDrops(False)  # a dropped picture is the window's
        self.document().setDocumentMargin(0)
        self.setViewportMargins(0, 0, GRID // 2, 0)

    def show_phase(self, phase: StepPhase, facts: str) -> None:
        """Tell of ``phase``; ``facts``: what else there is to say about its numbers."""
        is_other = phase is not self._phase
        self._phase, self._facts = phase, facts
        self._write()
        if is_other:
            self.verticalScrollBar().setValue(0)
            self.setAccessibleDescription(f"{phase.title}. {phase.sentence} {phase.formula}. {phase.shapes}. {facts}")

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        self._write()

    def _write(self) -> None:
        if self._phase is not None:
            kept = self.verticalScrollBar().value()
            self.setHtml(html_of(self._phase, self._facts, self._theme))
            self.verticalScrollBar().setValue(kept)


def html_of(phase: StepPhase, facts: str, theme: Theme) -> str:
    """Return the text as HTML that Qt understands."""
    formula = "<br>".join(_unbreakable(line) for line in phase.formula.split("\n"))
    parts = [
        f"<p style='margin:0; font-weight:600'>{escape(phase.title)}</p>",
        f"<p style='margin:{GRID // 2}px 0 0 0'>{escape(phase.sentence)}</p>",
        f"<p style='margin:{GRID}px 0 0 0; color:{theme.accent}'>{formula}</p>",
        f"<p style='margin:{GRID}px 0 0 0; color:{theme.muted}; font-size:{SMALL}px'>{_unbreakable(phase.shapes)}</p>",
    ]
    if facts:
        parts.append(f"<p style='margin:{GRID}px 0 0 0'>{escape(facts)}</p>")
    return "".join(parts + [_code(source, theme) for source in phase.sources])


def _unbreakable(text: str) -> str:
    """Return a line that is broken only where it has two spaces, or behind a sign that is in no brackets."""
    depth, parts = 0, []
    for index, character in enumerate(text):
        depth += (character in "[(") - (character in ")]")
        may_break = depth == 0 and text[index - 1] in "=·→+ " and text[index + 1 : index + 2] != " "
        parts.append("\u00a0" if character == " " and not may_break else escape(character))
    return "".join(parts).replace("/", "\u2060/\u2060")  # joined, or Qt would break a line behind it


def _code(source: Source, theme: Theme) -> str:
    """Return the lines of a function under a heading, with their numbers in the file."""
    family = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family()
    heading = (
        f"<p style='margin:{2 * GRID}px 0 0 0; font-size:{SMALL}px'><b>{escape(source.name)}</b> "
        f"<span style='color:{theme.muted}'>{escape(source.place)}</span></p>"
    )
    if not source.lines:
        return f"{heading}<p style='color:{theme.muted}'>The source is not part of this installation.</p>"
    width = len(str(source.lines[-1][0]))
    lines = "\n".join(
        f"<span style='color:{theme.muted}'>{line:>{width}}</span>  {escape(text)}" for line, text in source.lines
    )
    style = f'margin:{GRID // 2}px 0 0 0; font-family:"{family}"; font-size:{SMALL}px'
    return f"{heading}<pre style='{style}'>{lines}</pre>"
