from collections.abc import Callable
from dataclasses import replace

import pytest

from cnnviz.explain.phases import StepPhase
from cnnviz.gui.phase_text import PhaseText, html_of
from cnnviz.gui.theme import DARK, LIGHT


@pytest.fixture
def phases(make_movie: Callable) -> dict[str, StepPhase]:
    return make_movie("escontrela")[1]


@pytest.fixture
def text(own: Callable) -> PhaseText:
    text = own(PhaseText())
    text.apply_theme(DARK)
    text.resize(258, 260)
    text.show()
    return text


def plain(text: PhaseText) -> str:
    return text.toPlainText().replace("\u00a0", " ").replace("\u2060", "")


def test_that_everything_about_a_phase_is_there(text, phases):
    for phase in phases.values():
        text.show_phase(phase, "a fact")
        shown = plain(text)
        assert phase.title in shown
        assert phase.sentence in shown
        for line in phase.formula.split("\n"):
            assert line in shown
        assert phase.shapes in shown
        assert "a fact" in shown
        for source in phase.sources:
            assert f"{source.name} {source.place}" in shown
            for number, code in source.lines:
                assert f"{number}  {code}".rstrip() in shown


def test_that_a_formula_is_not_broken_within_brackets_or_fractions(phases):
    html = html_of(phases["conv2 forward"], "", DARK)
    assert "x[i\u00a0+\u00a0r,\u00a0j\u00a0+\u00a0c,\u00a0k]\u00a0· w[f,\u00a0k,\u00a0r,\u00a0c]\u00a0+ b[f]" in html
    assert "∂L\u2060/\u2060∂y" in html_of(phases["relu1 back"], "", DARK)


def test_that_another_phase_is_read_from_its_top_and_the_same_one_where_one_was(text, phases):
    text.show_phase(phases["Cost"], "")
    text.verticalScrollBar().setValue(40)
    text.show_phase(phases["Cost"], "another image")
    assert text.verticalScrollBar().value() == 40
    text.show_phase(phases["Softmax"], "")
    assert text.verticalScrollBar().value() == 0


def test_that_the_text_takes_on_other_colours(text, phases):
    text.show_phase(phases["Cost"], "")
    text.apply_theme(LIGHT)
    assert LIGHT.accent in text.toHtml()
    assert DARK.accent not in text.toHtml()


def test_that_a_screen_reader_is_told_the_phase_but_for_its_code(text, phases):
    phase = phases["relu1 forward"]
    text.show_phase(phase, "")
    assert text.accessibleDescription().startswith(f"{phase.title}. {phase.sentence} {phase.formula}.")
    assert "def " not in text.accessibleDescription()


def test_that_code_that_is_not_there_is_said_to_be_missing(text, phases):
    phase = phases["relu1 forward"]
    text.show_phase(replace(phase, sources=(replace(phase.sources[0], lines=()),)), "")
    assert "The source is not part of this installation." in plain(text)
