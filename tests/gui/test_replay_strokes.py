import json
import sys
from pathlib import Path

import numpy as np
import pytest

from cnnviz.data.drawings import Drawing
from cnnviz.gui.pad import Pad
from cnnviz.resource_files import SHIPPED, resource

sys.path.append(str(Path(__file__).resolve().parents[2]))  # importlib mode leaves it off the path

from tests.benchmarks import replay_strokes

ONE = Drawing([np.array([(5.0, 0), (5, 20)])], 1, 3)
SEVEN = Drawing([np.array([(0.0, 0), (10, 0), (4, 20)])], 7, 4)
FOUR = Drawing([np.array([(4.0, 0), (0, 12), (11, 12)]), np.array([(8.0, 5), (8, 20)])], 4, 4)


def test_that_a_drawing_fills_its_share_of_the_pad_in_the_middle_aspect_kept(own):
    pad = own(Pad(""))
    pad.resize(240, 200)
    strokes = replay_strokes.fit(FOUR.strokes, pad, 0.6)
    assert [[point.toTuple() for point in stroke] for stroke in strokes] == [
        [(111, 40), (87, 112), (153, 112)],
        [(135, 70), (135, 160)],
    ]


def test_that_the_window_reads_what_predict_reads(qapp, random_dataset, monkeypatch):
    monkeypatch.setattr(replay_strokes, "make_application", lambda: qapp)
    drawings = [ONE, SEVEN, FOUR, ONE]
    shown = replay_strokes.replay(drawings, resource(SHIPPED))
    np.testing.assert_array_equal(shown, [1, 7, 4, 1])
    np.testing.assert_array_equal(shown, replay_strokes.predict(drawings, resource(SHIPPED)))


def test_that_digits_are_scored_by_label_and_by_writer():
    result = replay_strokes.compare([ONE, SEVEN, FOUR], np.array([1, 7, 9]), np.array([7, 7, 4]))
    assert result["different"] == 2
    assert result["window"]["accuracy"] == pytest.approx(2 / 3)
    assert result["window"]["by_writer"] == {3: 1.0, 4: 0.5}
    assert result["predict"]["recall"][[1, 4, 7]].tolist() == [0, 1, 1]
    assert result["misread"] == [{"number": 2, "label": 4, "window": 9}]


def test_that_only_labelled_drawings_of_the_writers_asked_for_are_drawn(tmp_path, capsys, monkeypatch):
    path = tmp_path / "s.json"
    items = [(1, 3), (7, 4), (None, 4), (7, 4)]
    path.write_text(json.dumps([{"label": a, "writer": b, "strokes": [[[0, 0], [1, 9]]]} for a, b in items]))
    monkeypatch.setattr(replay_strokes, "replay", lambda drawings, *_: np.array([each.label for each in drawings]))
    assert replay_strokes.main([str(path), "--writers", "4,5", "--json", "-"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["drawings"], result["window"]["accuracy"]) == (2, 1.0)
    assert replay_strokes.main([str(path), "--writers", "9"]) == 1
    assert "expected drawings with labels, found none by these writers" in capsys.readouterr().err
