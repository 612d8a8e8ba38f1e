import contextlib
import json
import os
import pickle
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnviz.archive import METADATA, write_archive
from cnnviz.atomic import WriteError
from cnnviz.data.augmentation import LEVELS
from cnnviz.training.checkpoint import Checkpoint, CheckpointError
from cnnviz.training.checkpoint_file import MAX_FILE_BYTES, read_checkpoint, read_summary, write_checkpoint
from cnnviz.training.control import NewValue, own_digits
from cnnviz.training.trainer import Trainer

posix_only = pytest.mark.skipif(os.name != "posix", reason="there are no such files")


@pytest.fixture
def rich(make_config, make_dataset, take_steps) -> Checkpoint:
    """Return a checkpoint in which everything is there that can be."""
    changes = {"batch_size": 8, "optimizer": "adam", "freeze": ("conv1",), "mix": (("some/a.json", 0.25),)}
    config = make_config("zhou", **changes, augment=LEVELS["strong"], data_dir=Path("some/where"), seed=2**32 - 1)
    trainer = Trainer(config, make_dataset(), mixed_in=[make_dataset(train=9).train])
    take_steps(trainer, 6)
    trainer.learning_rate = 0.1 + 0.2
    trainer.set_parameter(NewValue("dense1", "bias", (3,), 0.1))
    trainer.own_digits = own_digits(np.full((2, 28, 28), 7, np.uint8), np.array([3, 4]), 0.3)
    trainer.score()
    trainer.epochs = 7
    return replace(trainer.checkpoint(), seconds=12.5, numpy="1.26.4")


@pytest.fixture
def written(rich, tmp_path) -> Path:
    write_checkpoint(tmp_path / "c.checkpoint", rich)
    return tmp_path / "c.checkpoint"


def contents(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return all fields as what can be compared."""
    own = checkpoint.own_digits
    return {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)} | {
        "parameters": (checkpoint.parameters.shapes, checkpoint.parameters.vector.tobytes()),
        "moments": {name: moment.tobytes() for name, moment in checkpoint.moments.items()},
        "generators": [
            {**state, "state": [int(word) for word in state["state"]["state"]]} for state in checkpoint.generators
        ],
        "history": [part.tobytes() if isinstance(part, np.ndarray) else repr(part) for part in checkpoint.history],
        "own_digits": own and (own.name, own.share, own.images.images.tobytes(), own.images.labels.tolist()),
    }


def altered(path: Path, rich: Checkpoint, arrays: dict | None = None, **facts: Any) -> Path:
    """Write the checkpoint anew with some entries replaced, left out where they are None."""
    with np.load(path) as archive:
        old = {name: archive[name] for name in archive.files}
    metadata = json.loads(old.pop(METADATA).tobytes()) | facts
    merged = old | (arrays or {})
    with path.open("wb") as stream:
        write_archive(stream, metadata, {name: array for name, array in merged.items() if array is not None})
    return path


def refusal(path: Path, read: Any = read_checkpoint) -> str:
    with pytest.raises(CheckpointError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_that_everything_comes_back_to_the_bit(rich, written):
    whole = replace(rich, config=replace(rich.config, data_dir=Path("some/where").absolute()))
    assert contents(read_checkpoint(written)) == contents(whole)


def test_that_files_are_found_again_from_another_folder(rich, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    (tmp_path / "ink.json").touch()
    mix = (("ink.json", 0.1), ("strokes", 0.2))
    write_checkpoint("c.checkpoint", replace(rich, config=replace(rich.config, dataset="digits", mix=mix)))
    monkeypatch.chdir("/")
    config = read_summary(tmp_path / "c.checkpoint").config
    assert (config.dataset, config.data_dir) == (str(tmp_path / "digits"), tmp_path / "some/where")
    assert config.mix == ((str(tmp_path / "ink.json"), 0.1), ("strokes", 0.2))


def test_that_a_run_that_has_not_begun_comes_back(make_trainer, tmp_path):
    checkpoint = make_trainer("keras", batch_size=8).checkpoint()
    write_checkpoint(tmp_path / "c.checkpoint", checkpoint)
    assert contents(read_checkpoint(tmp_path / "c.checkpoint")) == contents(checkpoint)
    summary = read_summary(tmp_path / "c.checkpoint")
    assert (summary.step, summary.loss, summary.accuracy) == (0, None, None)


def test_that_a_summary_tells_what_a_list_of_runs_shows(rich, written):
    summary = read_summary(written)
    assert (summary.step, summary.epoch, summary.step_in_epoch, summary.epochs) == (6, 1, 1, 7)
    assert (summary.config.preset, summary.config.seed, summary.learning_rate) == ("zhou", 2**32 - 1, 0.1 + 0.2)
    assert summary.loss == pytest.approx(rich.history.losses.mean())
    assert summary.accuracy == rich.history.tests[-1].evaluation.accuracy


def test_that_a_summary_is_read_without_the_arrays(written, rich):
    altered(written, rich, {"parameters": None, "losses": None})
    assert read_summary(written).step == 6
    refusal(written)


def test_that_the_same_checkpoint_is_the_same_file_and_an_archive_that_numpy_opens(rich, written, tmp_path):
    write_checkpoint(tmp_path / "again", rich)
    assert (tmp_path / "again").read_bytes() == written.read_bytes()
    with np.load(written, allow_pickle=False) as archive:
        assert np.array_equal(archive["parameters"], rich.parameters.vector)


def test_that_what_was_read_cannot_be_changed_by_accident(written):
    checkpoint = read_checkpoint(written)
    for array in (checkpoint.parameters.vector, checkpoint.moments["mean"], checkpoint.history.losses):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_that_a_checkpoint_that_cannot_be_written_says_so_and_leaves_the_old_one(written, rich, tmp_path, monkeypatch):
    before = written.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(WriteError, match="disk is full"):
        write_checkpoint(written, replace(rich, step=7))
    assert written.read_bytes() == before


# What is refused


def test_that_a_file_that_ends_anywhere_before_its_end_is_refused(written):
    whole = written.read_bytes()
    for length in sorted({*range(0, len(whole), 997), *range(200), *range(len(whole) - 200, len(whole))}):
        written.write_bytes(whole[:length])
        refusal(written)


def test_that_a_flipped_bit_is_refused_or_changes_nothing(written, rich):
    whole, expected = bytearray(written.read_bytes()), contents(rich)
    rng = np.random.default_rng(0)
    for place in rng.integers(8 * len(whole), size=300):
        flipped = whole.copy()
        flipped[place // 8] ^= 1 << (place % 8)
        written.write_bytes(flipped)
        with contextlib.suppress(CheckpointError):
            assert contents(read_checkpoint(written)) == expected


def test_that_what_is_no_file_of_that_size_is_refused_at_once(tmp_path):
    assert "expected a checkpoint, found no such file" in refusal(tmp_path / "none")
    assert "expected a checkpoint, found a folder" in refusal(tmp_path)
    with (tmp_path / "huge").open("wb") as stream:
        stream.truncate(MAX_FILE_BYTES + 1)
    assert "expected a checkpoint, found " in refusal(tmp_path / "huge")


@posix_only
def test_that_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "expected a checkpoint, found a pipe" in refusal(tmp_path / "pipe")


class _Payload:
    def __reduce__(self) -> tuple:
        return os.mkdir, ("executed",)


def test_that_nothing_in_it_is_executed(written, rich, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    altered(written, rich)
    member = np.array([_Payload()], dtype=object)
    np.savez(tmp_path / "c.npz", **{METADATA: np.frombuffer(b"{}", np.uint8), "parameters": member})
    refusal(tmp_path / "c.npz")
    (tmp_path / "c.pkl").write_bytes(pickle.dumps(_Payload()))
    refusal(tmp_path / "c.pkl")
    assert not (tmp_path / "executed").exists()


def test_that_a_parameter_file_is_no_checkpoint(written):
    with written.open("wb") as stream:
        write_archive(stream, {"architecture": "zhou"}, {})
    assert refusal(written).endswith("holds no checkpoint of a run")
    refusal(written, read_summary)


def test_that_a_checkpoint_of_another_form_is_told_as_one(written, rich):
    assert "is a checkpoint of a form other than 1" in refusal(altered(written, rich, checkpoint=2), read_summary)


@pytest.mark.parametrize("name", ["parameters", "moments/mean", "losses", "accuracies", "tests/loss"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_that_numbers_that_are_none_are_refused(written, rich, name, value):
    with np.load(written) as archive:
        array = archive[name].copy()
    array[-1] = value
    assert f"{name} holds values that are not finite" in refusal(altered(written, rich, {name: array}))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"parameters": np.zeros(5, np.float32)}, "parameters has shape (5,), expected 13602"),
        ({"parameters": np.zeros(13602)}, "holds an array of 'f8', expected f4"),
        ({"parameters": None}, "holds no 'parameters'"),
        ({"moments/square": None}, "holds no 'moments/square'"),
        ({"losses": np.zeros(7, np.float32)}, "losses has shape (7,), expected 6"),
        ({"tests/confusion": np.zeros((2, 10, 10), np.int64)}, "tests whose numbers contradict each other"),
        ({"tests/misread_counts": np.zeros(2, np.int64)}, "tests whose numbers contradict each other"),
        ({"tests/misread": np.zeros(3, np.int32)}, "tests whose numbers contradict each other"),
        ({"tests/when": np.array([[5.0, 1.0], [7.0, 1.4]])}, "holds tests of steps that were not made"),
        ({"own/labels": np.array([3, 40])}, "own_digits: accepted is labels from 0 to 9"),
        ({"own/images": np.zeros((3, 28, 28), np.uint8)}, "own/images has shape"),
    ],
)
def test_that_arrays_that_cannot_be_are_refused(written, rich, arrays, message):
    assert message in refusal(altered(written, rich, arrays))


@pytest.mark.parametrize(
    "facts",
    [
        {"step": -1},
        {"step": 6.0},
        {"step": True},
        {"step": 10**30},
        {"step_in_epoch": None},
        {"seconds": "long"},
        {"learning_rate": 0},
        {"learning_rate": "fast"},
        {"loss": "low"},
        {"accuracy": []},
        {"generators": []},
        {"generators": [{}, {}]},
        {"data": ["x"]},
        {"learning_rates": [[0]]},
        {"edits": [{"step": 0}]},
        {"numpy": 2},
        {"config": {}},
        {"config": None},
        {"own_share": 2.0},
    ],
)
def test_that_facts_that_cannot_be_are_refused(written, rich, facts):
    refusal(altered(written, rich, **facts))


@pytest.mark.parametrize(
    "wrong",
    [
        {"preset": "best"},
        {"preset": []},
        {"dataset": 3},
        {"epochs": 0},
        {"batch_size": "many"},
        {"lr": float(11)},
        {"seed": -1},
        {"freeze": [3]},
        {"mix": [["a"]]},
        {"augment": {"spin": 1}},
        {"data_dir": 5},
        {"fresh": 1},
        {"more": 1},
    ],
)
def test_that_settings_that_cannot_be_are_refused(written, rich, wrong):
    with np.load(written) as archive:
        config = json.loads(archive[METADATA].tobytes())["config"]
    refusal(altered(written, rich, config=config | wrong), read_summary)
