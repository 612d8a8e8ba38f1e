"""How a checkpoint is kept: a NumPy archive with the arrays, and JSON for all else.

Like every file it may come from anywhere by the time it is read, so nothing in it is believed before it is checked.
"""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cnnviz.archive import Archive, ArchiveError, reading, write_archive
from cnnviz.atomic import write_atomically
from cnnviz.data import DATASETS
from cnnviz.data.augmentation import Augmentation
from cnnviz.errors import UserError
from cnnviz.foreign import open_foreign
from cnnviz.nn import OPTIMIZERS, Parameters
from cnnviz.training.batches import Ingredient
from cnnviz.training.checkpoint import Checkpoint, CheckpointError
from cnnviz.training.config import TrainingConfig, check_lr
from cnnviz.training.control import own_digits
from cnnviz.training.evaluation import CLASSES, Evaluation
from cnnviz.training.history import Edit, HistoryView, TestPoint
from cnnviz.training.learner import MOST_SHARDS

T = TypeVar("T")

VERSION = 1
MAX_FILE_BYTES = 2**30
MAX_METADATA_BYTES = 16 * 2**20
MAX_FAULT = 200  # characters of a fault that may quote what is in the file

_COUNTS = ("step", "epoch", "step_in_epoch", "epochs")


@dataclass(frozen=True)
class Summary:
    """What can be told of a checkpoint without reading all of it.

    Attributes
    ----------
    config : TrainingConfig
    step, epoch, step_in_epoch, epochs : int
        As in a `Trainer`.
    learning_rate : float
        Before the schedule.
    loss, accuracy : float or None
        Mean cost of the past steps, in nats; share of the test set classified rightly at the latest test. None where
        there was none.
    """

    config: TrainingConfig
    step: int
    epoch: int
    step_in_epoch: int
    epochs: int
    learning_rate: float
    loss: float | None
    accuracy: float | None


def write_checkpoint(path: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Write a file for `read_checkpoint`; WriteError where that fails."""
    metadata, arrays = _metadata(checkpoint), _arrays(checkpoint)
    write_atomically(path, lambda stream: write_archive(stream, metadata, arrays))


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Return what the file holds; CheckpointError where that is no checkpoint. Nothing in it is executed."""
    return _read(Path(path), _parse)


def read_summary(path: str | os.PathLike[str]) -> Summary:
    """Return in short what the file holds; CheckpointError where that is no checkpoint, as far as can be seen."""
    return _read(Path(path), lambda archive: _parse_summary(archive.metadata(MAX_METADATA_BYTES)))


# Writing


def _metadata(checkpoint: Checkpoint) -> dict[str, object]:
    """Return what goes into the JSON."""
    history, config = checkpoint.history, checkpoint.config
    loss, _ = history.past()
    own = checkpoint.own_digits
    return {
        "checkpoint": VERSION,
        "config": {
            **asdict(config),
            "dataset": _from_anywhere(config.dataset),
            "data_dir": config.data_dir and os.path.abspath(config.data_dir),
            "mix": [(_from_anywhere(source), share) for source, share in config.mix],
        },
        "data": list(checkpoint.data),
        **{name: getattr(checkpoint, name) for name in _COUNTS},
        "seconds": checkpoint.seconds,
        "learning_rate": checkpoint.learning_rate,
        "generators": [_generator_fields(state) for state in checkpoint.generators],
        "learning_rates": history.learning_rates,
        "edits": [edit._asdict() for edit in history.edits],
        "own_share": own.share if own else 0.0,
        "numpy": checkpoint.numpy,
        "loss": loss if math.isfinite(loss) else None,
        "accuracy": history.tests[-1].evaluation.accuracy if history.tests else None,
    }


def _from_anywhere(source: str) -> str:
    """Return what names the same images when the program is started in another folder."""
    path = os.path.expanduser(source)
    is_path = os.path.exists(path) and not any(dataset.name == source for dataset in DATASETS)
    return os.path.abspath(path) if is_path else source


def _generator_fields(state: Mapping[str, Any]) -> dict[str, object]:
    """Return the state of a generator of kind SFC64, as numbers."""
    return {**state, "state": [int(word) for word in state["state"]["state"]]}


def _arrays(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    history = checkpoint.history
    scores = [point.evaluation for point in history.tests]
    arrays = {
        "parameters": checkpoint.parameters.vector,
        **{f"moments/{name}": moment for name, moment in checkpoint.moments.items()},
        "losses": history.losses,
        "accuracies": history.accuracies,
        "tests/when": np.array([(point.step, point.epoch) for point in history.tests], np.float64).reshape(-1, 2),
        "tests/loss": np.array([score.loss for score in scores], np.float64),
        "tests/confusion": np.array([score.confusion for score in scores], np.int64).reshape(-1, CLASSES, CLASSES),
        "tests/misread_counts": np.array([len(score.misread) for score in scores], np.int64),
        "tests/misread": np.concatenate([np.empty(0, np.int32), *(score.misread for score in scores)]),
    }
    if checkpoint.own_digits is not None:
        images, labels = checkpoint.own_digits.images.batch(np.arange(len(checkpoint.own_digits.images)))
        arrays |= {"own/images": images, "own/labels": labels}
    return arrays


# Reading


def _read(path: Path, parse: Callable[[Archive], T]) -> T:
    try:
        with open_foreign(path, "a checkpoint", MAX_FILE_BYTES, CheckpointError) as stream, reading():
            return parse(Archive(stream))
    except CheckpointError:
        raise
    except UserError as fault:  # of the archive, or of settings and digits that cannot be
        raise CheckpointError(f"{path}: {str(fault)[:MAX_FAULT]}") from fault


def _parse_summary(metadata: object) -> Summary:
    match metadata:
        case {"checkpoint": int(version)} if version != VERSION:
            raise ArchiveError(f"is a checkpoint of a form other than {VERSION}, which this cnnviz reads; a newer may")
        case {
            "checkpoint": int(),
            "config": dict(config),
            "learning_rate": int() | float() as learning_rate,
            "loss": loss,
            "accuracy": accuracy,
        }:
            check_lr(learning_rate)
            counts = {name: _count(metadata.get(name), name) for name in _COUNTS}
            return Summary(
                config=_parse_config(config),
                learning_rate=learning_rate,
                loss=None if loss is None else _number(loss),
                accuracy=None if accuracy is None else _number(accuracy),
                **counts,
            )
    raise ArchiveError("holds no checkpoint of a run")


def _parse_config(facts: dict[str, Any]) -> TrainingConfig:
    folder = facts["data_dir"]
    config = TrainingConfig(
        **{
            **facts,
            "dataset": _expect(facts["dataset"], str),
            "fresh": _expect(facts["fresh"], bool),
            "data_dir": None if folder is None else Path(_expect(folder, str)),
            "freeze": tuple(_expect(name, str) for name in facts["freeze"]),
            "mix": tuple((_expect(source, str), share) for source, share in facts["mix"]),
            "augment": Augmentation(**facts["augment"]),
        }
    )
    config.check()
    return config


def _parse(archive: Archive) -> Checkpoint:
    metadata = archive.metadata(MAX_METADATA_BYTES)
    summary = _parse_summary(metadata)
    config = summary.config
    shapes = config.build().parameter_shapes
    size = Parameters.zeros(shapes).vector.size
    moments = OPTIMIZERS[config.optimizer].moments
    return Checkpoint(
        config=config,
        data=tuple(_count(number, "data") for number in metadata["data"]),
        **{name: getattr(summary, name) for name in _COUNTS},
        seconds=_number(metadata["seconds"]),
        learning_rate=summary.learning_rate,
        parameters=Parameters(shapes, _array(archive, "parameters", "f4", size)),
        moments={name: _array(archive, f"moments/{name}", "f4", size) for name in moments},
        generators=_parse_generators(metadata["generators"]),
        history=_parse_history(archive, metadata, summary.step),
        own_digits=_parse_own_digits(archive, metadata["own_share"]),
        numpy=_expect(metadata["numpy"], str)[:40],
    )


def _parse_generators(states: list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    if len(states) != MOST_SHARDS:
        raise ArchiveError(f"has {len(states)} generators of random numbers, expected {MOST_SHARDS}")
    parsed = tuple({**state, "state": {"state": np.array(state["state"], np.uint64)}} for state in states)
    for state in parsed:
        np.random.SFC64(0).state = state  # raises for what is none
    return parsed


def _parse_history(archive: Archive, metadata: dict[str, Any], steps: int) -> HistoryView:
    return HistoryView(
        losses=_array(archive, "losses", "f4", steps),
        accuracies=_array(archive, "accuracies", "f4", steps),
        tests=_parse_tests(archive, steps),
        learning_rates=tuple((_count(step, "step"), _number(lr)) for step, lr in metadata["learning_rates"]),
        edits=tuple(_parse_edit(**edit) for edit in metadata["edits"]),
    )


def _parse_edit(step: int, parameter: str, before: float, after: float) -> Edit:
    return Edit(_count(step, "step"), _expect(parameter, str), _number(before), _number(after))


def _parse_tests(archive: Archive, steps: int) -> tuple[TestPoint, ...]:
    when = _array(archive, "tests/when", "f8", None, 2)
    losses = _array(archive, "tests/loss", "f8", len(when))
    confusions = _array(archive, "tests/confusion", "i8", len(when), CLASSES, CLASSES)
    counts = _array(archive, "tests/misread_counts", "i8", len(when))
    misread = _array(archive, "tests/misread", "i4", None)
    samples = confusions.sum(axis=(1, 2))
    wrong = samples - confusions.trace(axis1=1, axis2=2)
    if (confusions < 0).any() or (samples < 1).any() or (counts != wrong).any() or counts.sum() != len(misread):
        raise ArchiveError("holds tests whose numbers contradict each other")
    if (when < 0).any() or (when[:, 0] > steps).any():
        raise ArchiveError("holds tests of steps that were not made")
    ends = counts.cumsum()
    return tuple(
        TestPoint(
            int(step),
            float(epoch),
            Evaluation(int(samples[i]), float(losses[i]), confusions[i], misread[ends[i] - counts[i] : ends[i]]),
        )
        for i, (step, epoch) in enumerate(when)
    )


def _parse_own_digits(archive: Archive, share: float) -> Ingredient | None:
    if not share:
        return None
    labels = _array(archive, "own/labels", "i8", None)
    return own_digits(_array(archive, "own/images", "u1", len(labels), 28, 28), labels, share)


def _array(archive: Archive, name: str, kind: str, *shape: int | None) -> np.ndarray:
    """Return an array of this shape, in which None stands for any length; its numbers are finite."""
    if name not in archive.names:
        raise ArchiveError(f"holds no {name!r}")
    array = archive.array(name, (kind,), archive.size)
    if len(array.shape) != len(shape) or any(n not in (None, m) for n, m in zip(shape, array.shape, strict=True)):
        expected = "x".join("any" if n is None else str(n) for n in shape)
        raise ArchiveError(f"{name} has shape {array.shape}, expected {expected}")
    if kind.startswith("f") and not np.isfinite(array).all():
        raise ArchiveError(f"{name} holds values that are not finite")
    return np.ascontiguousarray(array, np.dtype(kind))


def _count(value: object, name: str) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise ArchiveError(f"says of {name} what cannot be")
    return value


def _number(value: object) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ArchiveError("holds something else where a number should be")
    return float(value)


def _expect(value: Any, kind: type[T]) -> T:
    if type(value) is not kind:
        raise ArchiveError("holds settings that are none")
    return value
