import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import cnnviz.gui
from cnnviz import __version__, cli, interrupts, processor
from cnnviz.atomic import WriteError
from cnnviz.cli import main
from cnnviz.commands import benchmark, console, observed_run, train
from cnnviz.commands.console import percent, to_json
from cnnviz.data import ArrayImageSet, Dataset, default_dataset
from cnnviz.data.augmentation import LEVELS, Augmentation
from cnnviz.data.idx import IDX_FILES
from cnnviz.errors import Cancelled, UserError
from cnnviz.formats import read_parameters, write_parameters
from cnnviz.nn import TIES
from cnnviz.training.presets import PRESETS

ROOT = Path(__file__).resolve().parents[1]
SMALL = ["--dataset", "strokes", "--train-size", "40", "--test-size", "30"]
STROKES = [{"label": 1, "strokes": [[[5, 0], [5, 20]]]}, {"label": 7, "strokes": [[[0, 0], [10, 0], [4, 20]]]}]

posix_only = pytest.mark.skipif(os.name != "posix", reason="signals and pipes end processes in another way there")


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "main.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch, tmp_path):
    for name in ("CNNVIZ_DATA_DIR", "CNNVIZ_DEBUG", "DISPLAY", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a folder with the parameters and the result of a short run of Escontrela's network."""
    folder = tmp_path_factory.mktemp("trained")
    result = ["--out", folder / "p.npz", "--json", folder / "train.json"]
    assert run("train", "--preset", "escontrela", *SMALL, "--epochs", 1, *result) == 0
    return folder


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that a failed command has to say."""
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


class TestTrain:
    def test_that_its_json_has_the_agreed_keys(self, trained):
        result = json.loads((trained / "train.json").read_text())
        assert list(result) == [
            "preset", "dataset", "seed", "epochs", "steps", "samples", "seconds", "samples_per_second",
            "train_loss", "test_loss", "test_accuracy", "recall", "out",
        ]  # fmt: skip
        assert result["preset"] == "escontrela"
        assert result["dataset"] == "strokes"
        assert (result["seed"], result["epochs"], result["steps"], result["samples"]) == (0, 1, 2, 40)
        assert result["samples_per_second"] == pytest.approx(40 / result["seconds"])
        assert 2.2 < result["train_loss"] < 2.4
        assert len(result["recall"]) == 10
        assert result["out"] == str(trained / "p.npz")

    def test_that_a_digit_without_images_has_no_recall(self, capsys):
        assert run("train", "--preset", "zhou", *SMALL[:4], "--test-size", 3, "--epochs", 1, "--json", "-") == 0
        recall = json.loads(capsys.readouterr().out)["recall"]
        assert recall.count(None) >= 7

    def test_that_the_number_of_threads_changes_no_bit(self, tmp_path, capsys, monkeypatch):
        monkeypatch.setenv(processor.THREADS, "1")  # what the option changes is taken back after the test
        results = []
        for threads in (1, 2):
            options = ("--preset", "keras", *SMALL[:4], "--train-size", 64, "--batch-size", 64, "--epochs", 1)
            assert run("train", *options, "--threads", threads, "--out", tmp_path / "p.npz", "--json", "-") == 0
            assert processor.threads() == threads
            loss = json.loads(capsys.readouterr().out)["test_loss"]
            weights = read_parameters(tmp_path / "p.npz").parameters
            results.append((loss, *(array.tobytes() for array in weights.values())))
        assert results[0] == results[1]

    @pytest.mark.parametrize("count", ["0", "65", "two"])
    def test_that_an_impossible_number_of_threads_is_a_wrong_call(self, count, capsys):
        assert run("train", *SMALL, "--threads", count) == 2
        assert f"argument --threads: accepted is 1 to 64, got {count}" in capsys.readouterr().err

    def test_that_it_writes_what_it_was_trained_with(self, trained):
        saved = read_parameters(trained / "p.npz")
        assert saved.architecture == "escontrela"
        assert saved.normalization == PRESETS["escontrela"].normalization
        assert (saved.training["dataset"], saved.training["steps"]) == ("strokes", 2)

    def test_that_it_mixes_in_drawings_from_a_file(self, tmp_path, capsys):
        (tmp_path / "a:b.json").write_text('[{"label": 1, "strokes": [[[0, 0], [0, 9]]]}]')
        mix = ["--mix", f"{tmp_path / 'a:b.json'}:0.2", "--mix", "strokes:0.1"]
        options = [*SMALL, "--epochs", 1, "--out", tmp_path / "p.npz"]
        assert run("train", "--preset", "zhou", *options, *mix) == 0
        saved = read_parameters(tmp_path / "p.npz")
        assert saved.training["mix"] == [["a:b.json", 0.2], ["strokes", 0.1]]
        assert f"40 images to learn from, 0.2 of them from {tmp_path / 'a:b.json'}, 0.1" in capsys.readouterr().err

    def test_that_it_draws_fresh_images_in_the_second_epoch(self, trained, tmp_path):
        def train(epochs, *options):
            path = tmp_path / "p.npz"
            assert run("train", "--preset", "escontrela", *SMALL, "--epochs", epochs, *options, "--out", path) == 0
            return read_parameters(path)

        once, twice, again = train(1, "--fresh"), train(2, "--fresh"), train(2)
        assert once.parameters["conv1/weight"].tobytes() == train(1).parameters["conv1/weight"].tobytes()
        assert not np.array_equal(twice.parameters["conv1/weight"], again.parameters["conv1/weight"])
        assert (twice.training["fresh"], again.training["fresh"]) == (True, False)

    def test_that_fresh_images_of_what_is_not_generated_are_a_wrong_call(self, monkeypatch, capsys):
        images = ArrayImageSet(np.zeros((40, 28, 28), np.uint8), np.zeros(40))
        monkeypatch.setattr(train, "load_with_bar", lambda *_: Dataset("mnist", "MNIST", images, images))
        assert run("train", "--preset", "zhou", "--dataset", "mnist", "--fresh") == 2
        line = "argument --fresh: accepted is a dataset that is generated, such as strokes, got mnist alone"
        assert line in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("how", "expected"),
        [
            (["none"], LEVELS["none"]),
            ([], LEVELS["gentle"]),
            (["shift=1,rotation=8"], Augmentation(shift=1, rotation=8)),
        ],
    )
    def test_that_it_varies_images_and_writes_how(self, how, expected, trained, tmp_path):
        options = [*SMALL, "--epochs", 1, "--out", tmp_path / "p.npz"]
        assert run("train", "--preset", "escontrela", "--augment", *how, *options) == 0
        ours, usual = read_parameters(tmp_path / "p.npz"), read_parameters(trained / "p.npz")
        assert Augmentation(**ours.training["augment"]) == expected
        assert Augmentation(**usual.training["augment"]) == LEVELS["gentle"]
        is_same = np.array_equal(ours.parameters["conv1/weight"], usual.parameters["conv1/weight"])
        assert is_same == (expected == LEVELS["gentle"])

    def test_that_what_is_to_be_mixed_in_and_is_not_there_is_told_before_anything_is_read(self, monkeypatch, capsys):
        monkeypatch.setattr(train, "load_with_bar", lambda *_: pytest.fail("work was begun"))
        assert run("train", "--preset", "zhou", *SMALL, "--mix", "strokes:0.1", "--mix", "nowhere:0.2") == 1
        assert "expected a dataset (strokes, mnist), a folder with IDX files or a file" in capsys.readouterr().err

    @pytest.mark.parametrize("ties", [None, *TIES])
    def test_that_it_trains_with_a_tie_policy_and_writes_which(self, ties, trained, tmp_path, capsys):
        options = [*SMALL, "--epochs", 1, "--out", tmp_path / "p.npz"]
        if ties is not None:
            options += ["--ties", ties]
        assert run("train", "--preset", "escontrela", *options) == 0
        assert (f"seed 0, ties: {ties}" in capsys.readouterr().err) == (ties in ("all", "split"))
        ours, usual = read_parameters(tmp_path / "p.npz"), read_parameters(trained / "p.npz")
        assert ours.training["ties"] == (ties or "first")
        is_same = np.array_equal(ours.parameters["conv1/weight"], usual.parameters["conv1/weight"])
        assert is_same == (ours.training["ties"] == "first")

    def test_that_the_same_seed_ends_in_the_same_bytes(self, trained, tmp_path):
        assert run("train", "--preset", "escontrela", *SMALL, "--epochs", 1, "--out", tmp_path / "again.npz") == 0
        assert (tmp_path / "again.npz").read_bytes() == (trained / "p.npz").read_bytes()

    def test_that_its_header_lists_layers_shapes_and_counts(self, capsys):
        assert run("train", "--preset", "zhou", *SMALL, "--epochs", 1) == 0
        captured = capsys.readouterr()
        assert "conv1    Conv2D        26x26x8         72" in captured.err
        assert "13,602 parameters" in captured.err
        assert "epoch 1/1: cost " in captured.err
        assert captured.out.startswith("test accuracy ")

    def test_that_it_looks_back_every_hundred_steps_as_zhou_does(self, capsys):
        sizes = ["--train-size", 230, "--test-size", 10, "--epochs", 1]
        assert run("train", "--preset", "zhou", "--dataset", "strokes", *sizes) == 0
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("[Step ")]
        assert [line.partition(" past 100 steps: loss ")[0] for line in lines] == ["[Step 100]", "[Step 200]"]
        assert all(line.endswith(" %") and " | accuracy " in line for line in lines)

    def test_that_its_bar_shows_the_cost(self, capsys):
        assert run("train", "--preset", "zhou", "--dataset", "strokes", "--train-size", 150, *SMALL[4:]) == 0
        assert "epoch 1/3" in (shown := capsys.readouterr().err)
        assert ", cost " in shown

    def test_that_long_epochs_give_no_more_than_twenty_lines(self, monkeypatch, capsys):
        monkeypatch.setattr(observed_run, "LINES_PER_EPOCH", 1)
        sizes = ["--train-size", 250, "--test-size", 10, "--epochs", 2]
        assert run("train", "--preset", "zhou", "--dataset", "strokes", *sizes) == 0
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("[Step ")]
        assert [line.split("]")[0] for line in lines] == ["[Step 300"]

    def test_that_frozen_layers_keep_their_first_weights(self, tmp_path):
        for epochs in (1, 2):
            path = tmp_path / f"{epochs}.npz"
            assert run("train", "--preset", "zhou", *SMALL, "--epochs", epochs, "--freeze", "conv1", "--out", path) == 0
        once, twice = (read_parameters(tmp_path / f"{epochs}.npz").parameters for epochs in (1, 2))
        np.testing.assert_array_equal(once["conv1/weight"], twice["conv1/weight"])
        assert (once["dense1/weight"] != twice["dense1/weight"]).any()

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("p.foo", "extension '.foo' is not that of a parameter file; known are .npz (NumPy archive), .pkl"),
            ("p.pkl", "a .pkl file holds the escontrela network only, not zhou"),
            ("nowhere/p.npz", "the folder does not exist; create it or choose another"),
        ],
    )
    def test_that_a_file_that_cannot_be_written_is_refused_before_training(
        self, name, message, tmp_path, monkeypatch, capsys
    ):
        monkeypatch.setattr(train, "load_with_bar", lambda *_: pytest.fail("work was begun"))
        assert run("train", "--preset", "zhou", *SMALL, "--out", tmp_path / name) == 1
        assert f"{tmp_path / name}: {message}" in error_line(capsys)
        assert list(tmp_path.iterdir()) == []

    def test_that_parameters_find_a_refuge_where_their_folder_goes_away_meanwhile(self, tmp_path, monkeypatch, capsys):
        here, home, gone = (tmp_path / name for name in ("here", "home", "gone"))
        for folder in (here, home, gone):
            folder.mkdir()
        monkeypatch.chdir(here)
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setattr(train, "say", lambda line: gone.exists() and gone.rmdir())  # while training goes on
        calls = [here / "p.npz", here / "p-2.npz"]
        for refuge in calls:
            gone.mkdir(exist_ok=True)
            assert run("train", "--preset", "zhou", *SMALL, "--epochs", 1, "--out", gone / "p.npz", "--json", "-") == 1
            assert json.loads(capsys.readouterr().out)["out"] == str(refuge)
        assert [path.name for path in sorted(here.iterdir())] == ["p-2.npz", "p.npz"]
        assert read_parameters(calls[1]).architecture == "zhou"
        monkeypatch.undo()
        monkeypatch.chdir(here)
        monkeypatch.setattr(train, "write_parameters", self._full_but_for(home))
        monkeypatch.setenv("HOME", str(home))
        assert run("train", "--preset", "zhou", *SMALL, "--epochs", 1, "--out", here / "q.npz") == 1
        captured = capsys.readouterr()
        line = next(line for line in captured.err.splitlines() if line.startswith("cnnviz: "))
        assert line == f"cnnviz: could not write {here / 'q.npz'}: full; the parameters are in {home / 'q.npz'} instead"
        assert "test accuracy" in captured.out
        assert (home / "q.npz").is_file()

    @staticmethod
    def _full_but_for(folder):
        def write(path, saved):
            if path.parent != folder:
                raise WriteError(f"could not write {path}: full")
            write_parameters(path, saved)

        return write

    def test_that_a_result_is_not_lost_with_the_place_for_the_parameters(self, tmp_path, monkeypatch, capsys):
        monkeypatch.setattr(train, "write_parameters", self._full_but_for(None))
        assert run("train", "--preset", "zhou", *SMALL, "--epochs", 1, "--out", tmp_path / "p.npz") == 1
        captured = capsys.readouterr()
        assert "test accuracy" in captured.out
        assert "p.npz: full; nor could the parameters be written elsewhere" in captured.err

    def test_that_the_result_may_not_take_the_place_of_the_parameters(self, tmp_path, capsys):
        (tmp_path / "link.json").symlink_to(tmp_path / "p.npz")
        for name in ("p.npz", "link.json"):
            options = ("--out", tmp_path / "p.npz", "--json", tmp_path / name)
            assert run("train", "--preset", "zhou", *SMALL, *options) == 2
            assert f"argument --json: {tmp_path / name} is the file of --out as well" in capsys.readouterr().err

    def test_that_a_folder_or_device_is_refused_as_result_file(self, tmp_path, capsys):
        (tmp_path / "folder.npz").mkdir()
        assert run("train", "--preset", "zhou", *SMALL, "--out", tmp_path / "folder.npz") == 1
        assert "it is a folder; choose the name of a file" in error_line(capsys)
        assert run("train", "--preset", "zhou", *SMALL, "--json", os.devnull) == 1
        assert "it is not a regular file" in error_line(capsys)

    @pytest.mark.parametrize(
        ("setting", "message"),
        [
            (["--lr", "0"], "argument --lr: accepted is a number above 0"),
            (["--lr", "nan"], "argument --lr: accepted is a number above 0"),
            (["--batch-size", "41"], "argument --batch-size: accepted is 1 to the 40 training images, got 41"),
            (["--optimizer", "best"], "argument --optimizer: accepted is one of sgd, momentum, adam"),
            (["--schedule", "best"], "argument --schedule: accepted is one of constant, linear, cosine"),
            (["--ties", "last"], "argument --ties: accepted is one of first, all, split, got last"),
            (["--freeze", "conv9"], "argument --freeze: accepted is layers among conv1, dense1, got conv9"),
            (["--preset", "best"], "argument --preset: accepted is one of escontrela, zhou"),
            (["--epochs", "few"], "argument --epochs: invalid int value: 'few'"),
            (["--mix", "strokes"], "argument --mix: accepted is SOURCE:SHARE, such as strokes:0.3, got strokes"),
            (["--mix", "strokes:much"], "argument --mix: accepted is SOURCE:SHARE, such as strokes:0.3, got strokes:m"),
            (["--mix", "strokes:1.5"], "argument --mix: accepted is a share above 0 and below 1, got 1.5"),
            (["--mix", "a:0.5", "--mix", "b:0.6"], "argument --mix: accepted is shares that add up to less than 1"),
            (
                ["--augment", "wild"],
                "argument --augment: accepted is none, gentle, strong, or shift, rotation, scale, slant, ",
            ),
            (["--augment", "shift=1,spin=2"], "with numbers, as in shift=1,rotation=8, got spin"),
            (["--augment", "shift=9"], "argument --augment: accepted is shift from 0 to 8, got 9"),
            (["--optimi", "sgd"], "unrecognized arguments: --optimi sgd"),
        ],
    )
    def test_that_a_setting_outside_its_range_is_a_wrong_call(self, setting, message, capsys):
        assert run("train", "--preset", "zhou", *SMALL, *setting) == 2
        assert message in capsys.readouterr().err

    def test_that_divergence_fails_and_writes_nothing(self, tmp_path, capsys):
        assert run("train", "--preset", "zhou", *SMALL, "--lr", 10, "--out", tmp_path / "p.npz") == 1
        assert "cnnviz: training diverged" in capsys.readouterr().err
        assert not (tmp_path / "p.npz").exists()

    def test_that_presets_are_listed_with_shapes_and_counts(self, capsys):
        assert run("train", "--list-presets") == 0
        listed = capsys.readouterr().out
        assert all(f"{name}: " in listed for name in PRESETS)
        assert "105,634 parameters" in listed
        assert "13,602 parameters" in listed

    def test_that_the_default_is_mnist_only_where_it_is_at_hand(self, tmp_path):
        assert default_dataset(tmp_path) == "strokes"
        for name in IDX_FILES:
            (tmp_path / name).touch()
        assert default_dataset(tmp_path) == "mnist"


class TestEvaluateAndConvert:
    def test_that_evaluating_what_was_written_gives_the_score_of_the_training(self, trained, capsys):
        result = json.loads((trained / "train.json").read_text())
        assert run("evaluate", trained / "p.npz", "--dataset", "strokes", "--test-size", 30, "--json", "-") == 0
        scores = json.loads(capsys.readouterr().out)
        assert list(scores) == ["samples", "accuracy", "loss", "recall", "confusion"]
        assert (scores["samples"], scores["accuracy"]) == (30, result["test_accuracy"])
        assert scores["loss"] == result["test_loss"]
        assert scores["recall"] == result["recall"]
        assert np.sum(scores["confusion"]) == 30

    def test_that_converting_to_pkl_and_back_changes_no_score(self, trained, tmp_path, capsys):
        assert run("convert", trained / "p.npz", tmp_path / "p.pkl") == 0
        assert run("convert", tmp_path / "p.pkl", tmp_path / "p.npz") == 0
        accuracies = []
        for path in (trained / "p.npz", tmp_path / "p.pkl", tmp_path / "p.npz"):
            capsys.readouterr()
            assert run("evaluate", path, "--dataset", "strokes", "--test-size", 200, "--json", "-") == 0
            accuracies.append(json.loads(capsys.readouterr().out)["accuracy"])
        assert accuracies == [accuracies[0]] * 3
        before, after = (read_parameters(folder / "p.npz").parameters for folder in (trained, tmp_path))
        assert all(np.array_equal(before[name], after[name]) for name in before)

    def test_that_the_summary_shows_the_confusion_matrix(self, trained, capsys):
        assert run("evaluate", trained / "p.npz", "--dataset", "strokes", "--test-size", 30) == 0
        shown = capsys.readouterr().out
        assert f"{trained / 'p.npz'} on strokes: accuracy " in shown
        assert len(shown.splitlines()) == 14

    @pytest.mark.parametrize("command", [["evaluate", "{}", *SMALL[:2]], ["convert", "{}", "x.npz"]])
    def test_that_a_file_that_is_not_there_is_named(self, command, tmp_path, capsys):
        path = tmp_path / "gone.npz"
        assert run(*(part.format(path) for part in command)) == 1
        assert error_line(capsys).startswith(f"cnnviz: {path}: expected a parameter file (")

    def test_that_converting_to_an_unknown_extension_names_the_known(self, trained, tmp_path, capsys):
        assert run("convert", trained / "p.npz", tmp_path / "p.h5") == 1
        assert "extension '.h5' is not that of a parameter file" in error_line(capsys)


class TestPredict:
    def test_that_strokes_with_labels_are_scored(self, trained, tmp_path, capsys):
        (tmp_path / "s.json").write_text(json.dumps(STROKES))
        assert run("predict", "--params", trained / "p.npz", "--strokes", tmp_path / "s.json", "--json", "-") == 0
        result = json.loads(capsys.readouterr().out)
        assert list(result) == ["results", "accuracy", "recall"]
        assert [list(each) for each in result["results"]] == [["index", "digit", "probabilities"]] * 2
        digits = [each["digit"] for each in result["results"]]
        assert digits == [int(np.argmax(each["probabilities"])) for each in result["results"]]
        right = [digits[0] == 1, digits[1] == 7]
        assert result["accuracy"] == np.mean(right)
        assert result["recall"] == [None, right[0], None, None, None, None, None, right[1], None, None]
        assert sum(result["results"][0]["probabilities"]) == pytest.approx(1, abs=1e-5)

    def test_that_pictures_have_no_score(self, trained, tmp_path, capsys):
        grey = np.full((60, 50), 250, np.uint8)
        grey[10:50, 22:28] = 20
        Image.fromarray(grey).save(tmp_path / "one.png")
        assert run("predict", "--params", trained / "p.npz", tmp_path / "one.png", "--json", "-") == 0
        result = json.loads(capsys.readouterr().out)
        assert list(result) == ["results"]
        assert list(result["results"][0]) == ["file", "digit", "probabilities"]
        assert result["results"][0]["file"] == str(tmp_path / "one.png")

    def test_that_a_picture_and_the_same_strokes_are_prepared_alike(self, trained, tmp_path, capsys):
        grey = np.full((60, 50), 255, np.uint8)
        grey[10:50, 23:28] = 0
        Image.fromarray(grey).save(tmp_path / "one.png")
        (tmp_path / "s.json").write_text(json.dumps([{"strokes": [[[5, 0], [5, 20]]]}]))
        arguments = [
            "--params",
            trained / "p.npz",
            tmp_path / "one.png",
            "--strokes",
            tmp_path / "s.json",
            "--json",
            "-",
        ]
        assert run("predict", *arguments) == 0
        picture, strokes = json.loads(capsys.readouterr().out)["results"]
        np.testing.assert_allclose(picture["probabilities"], strokes["probabilities"], atol=0.02)

    def test_that_without_anything_to_look_at_the_call_is_wrong(self, capsys):
        assert run("predict") == 2
        assert "nothing to look at" in capsys.readouterr().err

    def test_that_a_blank_picture_is_named(self, trained, tmp_path, capsys):
        Image.new("L", (30, 30), 255).save(tmp_path / "blank.png")
        assert run("predict", "--params", trained / "p.npz", tmp_path / "blank.png") == 1
        assert error_line(capsys).startswith(f"cnnviz: {tmp_path / 'blank.png'}: expected a digit")

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "found an empty file"),
            ("[" * 100_000, "item 0: expected {"),
            ("{}", "expected a list of drawings"),
            ("[]", "expected a list of drawings"),
            ("[3]", 'item 0: expected an object with "strokes"'),
            ('[{"strokes": [[[1, 2]]]}, {"label": 4}]', 'item 1: expected an object with "strokes"'),
            ('[{"stroke": [[[1, 2]]]}]', 'item 0: expected an object with "strokes"'),
            ('[{"label": 10, "strokes": [[[1, 2]]]}]', "expected a label from 0 to 9, found 10"),
            ('[{"label": true, "strokes": [[[1, 2]]]}]', "expected a label from 0 to 9, found true"),
            ('[{"label": "4", "strokes": [[[1, 2]]]}]', 'expected a label from 0 to 9, found "4"'),
            ('[{"strokes": []}]', "expected a list of strokes, found []"),
            ('[{"strokes": [[]]}]', "expected a stroke, a list of points [x, y], found []"),
            ('[{"strokes": [[[1, 2, 3]]]}]', "expected points of two finite numbers, [x, y], found [1, 2, 3]"),
            ('[{"strokes": [[[1, NaN]]]}]', "expected points of two finite numbers"),
            ('[{"strokes": [[[1, 1e999]]]}]', "expected points of two finite numbers"),
            (f'[{{"strokes": [[[1, 1{"0" * 400}]]]}}]', "expected points of two finite numbers"),
            ('[{"strokes": [[[true, 1]]]}]', "expected points of two finite numbers"),
        ],
    )
    def test_that_a_file_of_strokes_is_read_strictly(self, content, message, trained, tmp_path, capsys):
        path = tmp_path / "s.json"
        path.write_text(content)
        assert run("predict", "--params", trained / "p.npz", "--strokes", path) == 1
        line = error_line(capsys)
        assert line.startswith(f"cnnviz: {path}: ")
        assert message in line


class TestData:
    def test_that_the_list_says_how_to_get_what_is_missing(self, capsys):
        assert run("data", "list") == 0
        strokes, mnist = capsys.readouterr().out.splitlines()
        assert strokes.startswith("strokes ")
        assert strokes.endswith("always there")
        assert mnist.startswith("mnist ")
        assert "python main.py data download mnist" in mnist

    def test_that_a_preview_is_a_picture(self, tmp_path, capsys):
        assert run("data", "preview", "strokes", "--out", tmp_path / "sheet.png") == 0
        with Image.open(tmp_path / "sheet.png") as sheet:
            assert (sheet.format, sheet.mode) == ("PNG", "L")
        assert capsys.readouterr().out == ""

    def test_that_a_preview_is_refused_before_the_data_are_read(self, tmp_path, capsys):
        assert run("data", "preview", "nothing", "--out", tmp_path / "sheet.jpg") == 1
        assert "ends in .png" in error_line(capsys)
        assert run("data", "preview", "nothing", "--out", tmp_path / "nowhere" / "sheet.png") == 1
        assert "the folder does not exist" in error_line(capsys)

    def test_that_a_missing_dataset_says_how_to_get_it(self, tmp_path, capsys):
        assert run("train", "--preset", "zhou", "--dataset", "mnist", "--data-dir", tmp_path) == 1
        assert "python main.py data download mnist" in error_line(capsys)

    def test_that_an_interrupted_download_says_what_is_kept(self, monkeypatch, tmp_path, capsys):
        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr("cnnviz.commands.data.download_mnist", interrupted)
        assert run("data", "download", "mnist", "--data-dir", tmp_path) == 130
        assert "interrupted; complete files are kept" in error_line(capsys)

    def test_that_a_download_shows_its_bytes(self, monkeypatch, tmp_path, capsys):
        def download(folder, progress):
            progress(11_000_000, 11_594_722)
            time.sleep(0.6)
            progress(11_594_722, 11_594_722)
            return folder

        monkeypatch.setattr(console, "is_terminal", lambda _: True)
        monkeypatch.setattr("cnnviz.commands.data.download_mnist", download)
        assert run("data", "download", "mnist", "--data-dir", tmp_path) == 0
        shown = capsys.readouterr().err
        assert "MNIST: 100%" in shown
        assert "11.6M/11.6M" in shown
        assert f"MNIST is in {tmp_path}" in shown


class TestGui:
    def test_that_the_window_is_opened_with_the_options(self, monkeypatch, tmp_path):
        calls, engines = [], []

        def open_window(engine, logbook, **options):
            assert engine.is_alive
            assert logbook.complaint is None
            engines.append(engine)
            calls.append(options)
            return 0

        monkeypatch.setattr("cnnviz.commands.gui.window_problem", lambda: None)
        app = SimpleNamespace(run=open_window)
        monkeypatch.setattr(cnnviz.gui, "app", app, raising=False)
        picture = tmp_path / "w.png"
        arguments = ["--preset", "zhou", "--dataset", "strokes", "--start", "--screenshot", picture, "--after", "2.5"]
        assert run("gui", *arguments) == 0
        assert run() == 0
        nothing = {
            "preset": None, "dataset": None, "data_dir": None, "params": None, "start": False, "screenshot": None,
            "after": 5.0, "fresh_settings": False,
        }  # fmt: skip
        given = {"preset": "zhou", "dataset": "strokes", "start": True, "screenshot": picture, "after": 2.5}
        assert calls == [{**nothing, **given}, nothing]
        assert not any(engine.is_alive for engine in engines)

    @pytest.mark.parametrize(
        ("options", "code", "message"),
        [
            (["--preset", "best"], 2, "argument --preset: accepted is one of escontrela, zhou"),
            (["--after", "3"], 2, "argument --after: has no meaning without --screenshot"),
            (["--screenshot", "w.png", "--after", "nan"], 2, "argument --after: accepted is a number of seconds"),
            (["--screenshot", "w.jpg"], 2, "argument --screenshot: accepted is a name that ends in .png"),
            (["--screenshot", "nowhere/w.png"], 1, "the folder does not exist"),
            (["--dataset", "best"], 1, "expected a dataset (strokes, mnist) or a folder"),
            (["--dataset", "mnist", "--data-dir", "nowhere"], 1, "python main.py data download mnist"),
            (
                ["--params", "gone.npz"],
                1,
                "gone.npz: expected a parameter file (NumPy archive), found no such file; check the name",
            ),
        ],
    )
    def test_that_a_bad_option_is_refused_before_a_window_opens(self, options, code, message, monkeypatch, capsys):
        monkeypatch.setattr("cnnviz.commands.gui.window_problem", lambda: pytest.fail("the window came first"))
        assert run("gui", *options) == code
        assert message in capsys.readouterr().err

    def test_that_parameters_of_another_network_are_refused(self, trained, capsys):
        assert run("gui", "--preset", "zhou", "--params", trained / "p.npz") == 1
        assert "holds the network escontrela, preset zhou does not" in error_line(capsys)


class TestBenchmarkAndDoctor:
    def test_that_the_benchmark_measures_every_preset_that_is_not_a_published_variant(self, monkeypatch, capsys):
        for name, value in {"WARM_UP_SECONDS": 0, "BLOCK_SECONDS": 0, "TRAINING_BLOCKS": 3}.items():
            monkeypatch.setattr(benchmark, name, value)
        assert run("benchmark", "--json", "-") == 0
        result = json.loads(capsys.readouterr().out)
        general = {"sgemm_gflops", "threads", "blas", "blas_threads"}
        assert set(result) == {name for name in PRESETS if "published" not in name} | general
        assert result["zhou"]["batch_size"] == 1
        figures = result["escontrela"]
        assert figures["samples_per_second"] == pytest.approx(32_000 / figures["ms_per_step"])
        assert figures["gflops"] == pytest.approx(2 * 2_461_440 * figures["samples_per_second"] / 1e9)
        assert figures["share"] == pytest.approx(figures["gflops"] / result["sgemm_gflops"])
        assert 0 < figures["inference"]["ms_batch_1"] < figures["inference"]["ms_batch_1000"]

    def test_that_the_benchmark_has_a_table_for_people(self, monkeypatch, capsys):
        inference = {"ms_batch_1": 0.1234, "ms_batch_1000": 56.78}
        figures = {"batch_size": 32, "ms_per_step": 2.5, "samples_per_second": 12_800.0, "gflops": 63.0, "share": 0.5}
        monkeypatch.setattr(
            benchmark,
            "measure_presets",
            lambda _: {
                "escontrela": {**figures, "inference": inference},
                "sgemm_gflops": 126.0,
                "threads": 2,
                "blas": "some BLAS",
                "blas_threads": None,
            },
        )
        assert run("benchmark") == 0
        table = capsys.readouterr().out
        assert table.splitlines()[2].split() == [
            "escontrela",
            "32",
            "2.500",
            "12,800",
            "63.0",
            "50.0%",
            "0.123",
            "56.8",
        ]
        assert "126 GFLOP/s" in table
        assert "on 2 threads at once" in table
        assert table.splitlines()[-1] == processor.describe()

    def test_that_the_benchmark_adds_what_the_window_costs_on_demand(self, monkeypatch, capsys):
        monkeypatch.setattr(benchmark, "measure_presets", lambda names: {"measured": names})
        monkeypatch.setattr(benchmark, "_table", lambda result: f"measured {result['measured']}")
        monkeypatch.setattr(benchmark, "window_problem", lambda: None)
        monkeypatch.setattr("cnnviz.gui.live_benchmark.measure", lambda name, seconds, _: {name: seconds})
        monkeypatch.setattr("cnnviz.gui.live_benchmark.summary", lambda name, _: f"{name} seen live")
        for options, window in (
            ((), {"escontrela": {"escontrela": 10.0}}),
            (("--preset", "zhou", "--seconds", "3"), {"zhou": {"zhou": 3.0}}),
        ):
            assert run("benchmark", "--window", "--json", "-", *options) == 0
            assert json.loads(capsys.readouterr().out)["window"] == window
        assert run("benchmark", "--window", "--preset", "zhou") == 0
        assert capsys.readouterr().out.splitlines() == ["measured ['zhou']", "zhou seen live"]

    def test_that_the_benchmark_keeps_to_the_presets_that_are_named(self, monkeypatch, capsys):
        monkeypatch.setattr(benchmark, "measure_presets", lambda names: {"measured": names})
        monkeypatch.setattr(benchmark, "_table", lambda result: "")
        assert run("benchmark", "--preset", "zhou,escontrela-published", "--json", "-") == 0
        assert json.loads(capsys.readouterr().out) == {"measured": ["zhou", "escontrela-published"]}

    @pytest.mark.parametrize(
        ("options", "code", "message"),
        [
            (["--preset", "lenet"], 2, "argument --preset: accepted are some of escontrela, zhou"),
            (["--seconds", "3"], 2, "argument --seconds: has no meaning without --window"),
            (["--window", "--seconds", "0"], 2, "argument --seconds: accepted is a number of seconds above 0"),
            (["--window"], 1, "there is no display to open a window on"),
        ],
    )
    def test_that_the_benchmark_refuses_what_it_cannot_do_before_it_begins(
        self, options, code, message, monkeypatch, capsys
    ):
        monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
        monkeypatch.setattr(benchmark, "measure_presets", lambda _: pytest.fail("it began"))
        assert run("benchmark", *options) == code
        assert message in capsys.readouterr().err

    def test_that_the_doctor_fails_where_no_window_could_open(self, monkeypatch, capsys):
        monkeypatch.setattr("cnnviz.commands.doctor.window_problem", lambda: "there is no display")
        assert run("doctor") == 1
        report = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
        assert report["cnnviz"] == __version__
        assert report["numpy"] == np.__version__
        assert report["window"] == "there is no display"
        for folder in ("settings", "data", "cache", "log"):
            assert re.fullmatch(r"folder .*cnnviz.* \(writable\)", report[folder].strip())
        assert report["MNIST"].startswith("not in ")

    def test_that_the_doctor_survives_what_it_cannot_find_out(self, monkeypatch, capsys):
        monkeypatch.setattr("cnnviz.commands.doctor.window_problem", lambda: None)
        monkeypatch.setattr("cnnviz.commands.doctor.processor.describe", lambda: 1 / 0)
        assert run("doctor") == 0
        assert "processor            cannot be found out (ZeroDivisionError" in capsys.readouterr().out


class TestHowCommandsEnd:
    def test_that_a_result_whose_file_cannot_be_written_any_more_goes_to_standard_output(
        self, trained, tmp_path, monkeypatch, capsys
    ):
        def fail(path, write):
            raise WriteError(f"could not write {path}: full")

        monkeypatch.setattr(console, "write_atomically", fail)
        options = ("--dataset", "strokes", "--test-size", 30, "--json", tmp_path / "result.json")
        assert run("evaluate", trained / "p.npz", *options) == 1
        captured = capsys.readouterr()
        assert json.loads(captured.out)["samples"] == 30
        line = f"cnnviz: could not write {tmp_path / 'result.json'}: full; the result is on standard output instead"
        assert captured.err.splitlines() == [line]

    @pytest.mark.parametrize(
        ("fault", "code", "line"),
        [
            (UserError("the file is damaged; take another"), 1, "cnnviz: the file is damaged; take another"),
            (Cancelled("interrupted; nothing was written"), 130, "cnnviz: interrupted; nothing was written"),
            (KeyboardInterrupt(), 130, "cnnviz: interrupted"),
            (
                ZeroDivisionError("a\nb"),
                1,
                "cnnviz: unexpected fault: ZeroDivisionError: a b; run with CNNVIZ_DEBUG=1 for the traceback",
            ),
            (
                ModuleNotFoundError("No module named 'numpy'", name="numpy"),
                1,
                "cnnviz: the Python package numpy is missing; install cnnviz with its requirements: pip install -e .",
            ),
        ],
    )
    def test_that_every_fault_is_one_line_and_a_code(self, fault, code, line, monkeypatch, capsys):
        def fail(_):
            raise fault

        monkeypatch.setattr(cli, "_run", fail)
        assert main([]) == code
        assert error_line(capsys) == line

    def test_that_what_an_interrupt_breaks_is_told_as_the_interrupt(self, monkeypatch, capsys):
        def import_numpy(_):
            try:
                signal.raise_signal(signal.SIGTERM)
            except KeyboardInterrupt:
                raise ImportError("you should not try to import numpy from its source directory") from None

        monkeypatch.setattr(cli, "_run", import_numpy)
        assert main([]) == 143
        assert error_line(capsys) == "cnnviz: interrupted"

    def test_that_a_traceback_is_shown_where_it_is_asked_for(self, monkeypatch, capsys):
        monkeypatch.setenv("CNNVIZ_DEBUG", "1")
        monkeypatch.setattr(cli, "_run", lambda _: 1 / 0)
        assert main([]) == 1
        assert "Traceback (most recent call last)" in capsys.readouterr().err

    def test_that_the_version_is_told(self, capsys):
        assert main(["--version"]) == 0
        assert capsys.readouterr().out == f"cnnviz {__version__}\n"

    @pytest.mark.parametrize("command", [["--help"], ["train", "--help"], ["data", "preview", "--help"]])
    def test_that_help_is_no_failure(self, command, capsys):
        assert main(command) == 0
        assert capsys.readouterr().out.startswith("usage: cnnviz")

    def test_that_an_unknown_command_is_a_wrong_call(self, capsys):
        assert main(["dance"]) == 2
        assert "invalid choice: 'dance'" in capsys.readouterr().err

    @posix_only
    @pytest.mark.parametrize("number", interrupts.SIGNALS)
    def test_that_an_interrupt_ends_training_with_one_line_and_no_file(self, tmp_path, number):
        path = tmp_path / "p.npz"
        process = start("train", "--preset", "zhou", "--dataset", "strokes", "--epochs", "100", "--out", str(path))
        shown = ""
        while "seed 0" not in shown:
            shown += process.stderr.readline()
        process.send_signal(number)
        out, rest = process.communicate(timeout=30)
        assert process.returncode == 128 + number
        assert out == ""
        assert re.fullmatch(
            r"cnnviz: interrupted after step [1-9][\d,]*; train --resume \S+-zhou-strokes-\w+ --out \S+p\.npz "
            "goes on from there",
            rest.splitlines()[-1],
        )
        assert list(tmp_path.iterdir()) == []

    @posix_only
    def test_that_a_reader_that_goes_away_is_left_in_peace(self):
        process = start("train", "--list-presets")
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=30) == 141
        process.stderr.close()

    def test_that_numbers_that_are_none_become_null(self):
        assert to_json({"a": np.array([1.5, np.nan]), "b": float("inf"), "c": np.int64(3)}) == (
            '{"a": [1.5, null], "b": null, "c": 3}'
        )

    def test_that_a_share_of_nothing_is_a_dash(self):
        assert (percent(0.98764), percent(float("nan"))) == ("98.76 %", "-")

    def test_that_a_full_disk_under_the_output_is_told(self):
        if not Path("/dev/full").exists():
            pytest.skip("there is no /dev/full here")
        with open("/dev/full", "w") as full:
            command = [sys.executable, "main.py", "data", "list"]
            outcome = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        assert outcome.returncode == 1
        assert outcome.stderr.startswith("cnnviz: could not write to standard output: the disk is full")
