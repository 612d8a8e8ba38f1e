"""The parameters that come with the program are those that the file beside them tells of."""

import hashlib
import json

import pytest

from cnnviz.commands.evaluate import revive
from cnnviz.data import head, load_dataset
from cnnviz.formats import read_parameters
from cnnviz.resource_files import SHIPPED, resource
from cnnviz.training.evaluation import evaluate


@pytest.fixture(scope="module")
def facts() -> dict:
    return json.loads(resource(SHIPPED).with_suffix(".json").read_text(encoding="utf-8"))


def test_that_they_are_small_and_the_ones_that_were_scored(facts):
    content = resource(SHIPPED).read_bytes()
    assert len(content) <= 1_000_000
    assert hashlib.sha256(content).hexdigest() == facts["sha256"]


def test_that_they_were_made_by_the_command_that_is_told(facts):
    training = json.loads(json.dumps(read_parameters(resource(SHIPPED)).training))
    assert training == facts["training"]
    said = facts["made_by"].split()
    for option in ("preset", "dataset", "train-size", "epochs", "batch-size", "lr", "schedule"):
        assert said[said.index(f"--{option}") + 1] == f"{training[option.replace('-', '_')]:}"
    mixed = [said[place + 1] for place, word in enumerate(said) if word == "--mix"]
    assert mixed == [f"{source}:{share}" for source, share in training["mix"]]


def test_that_they_score_as_is_told(facts):
    saved = read_parameters(resource(SHIPPED))
    score = evaluate(*revive(saved), head(load_dataset("strokes").test, 2000), saved.normalization)
    assert score.accuracy == pytest.approx(facts["scores"]["strokes"]["accuracy"], abs=0.01)
    assert facts["scores"]["mnist"]["accuracy"] >= 0.992
    assert facts["scores"]["held-out writers"]["accuracy"] >= 0.985
