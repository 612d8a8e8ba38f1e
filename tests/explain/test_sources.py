from pathlib import Path

import cnnviz
from cnnviz.explain import sources
from cnnviz.explain.sources import source_of
from cnnviz.nn import Conv2D, ReLU, kernels

ROOT = Path(cnnviz.__file__).parents[1]


def test_that_lines_are_those_of_the_file_under_their_numbers():
    for function in (kernels.correlate, kernels.filter_gradient, Conv2D.forward, ReLU.input_gradient):
        source = source_of(function)
        lines = (ROOT / source.file).read_text(encoding="utf-8").splitlines()
        assert source.lines
        for number, text in source.lines:
            assert lines[number - 1].strip() == text.strip()
        assert source.lines[0][1].startswith("def ")


def test_that_a_source_tells_its_name_and_place():
    source = source_of(Conv2D.forward)
    first, last = source.lines[0][0], source.lines[-1][0]
    assert source.name == "Conv2D.forward"
    assert source.place == f"cnnviz/nn/layers/conv2d.py, lines {first}–{last}"


def test_that_a_long_docstring_is_left_out_and_a_line_stays():
    assert '"""' not in "".join(text for _, text in source_of(kernels.filter_gradient).lines)
    assert '"""Slide ``filters``' in "".join(text for _, text in source_of(kernels.correlate).lines)


def test_that_code_without_its_source_is_named_all_the_same(monkeypatch):
    def fail(function: object) -> None:
        raise OSError("could not get source code")

    monkeypatch.setattr(sources.inspect, "getsourcelines", fail)
    source = source_of.__wrapped__(kernels.correlate)
    assert source.lines == ()
    assert source.place == "cnnviz/nn/kernels.py"
