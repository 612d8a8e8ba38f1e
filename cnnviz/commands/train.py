"""``cnnviz train``: a whole run without a window."""

import math
import os
import re
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import chain, count
from pathlib import Path

from cnnviz import interrupts
from cnnviz.atomic import WriteError, check_writable
from cnnviz.commands.console import check_json_destination, deliver, percent, recall_line, say, show
from cnnviz.commands.datasets import load_images_with_bar, load_with_bar
from cnnviz.commands.kept_runs import (
    account_of_divergence,
    account_of_interruption,
    call_to_resume,
    check_resumption,
    list_runs,
)
from cnnviz.commands.observed_run import ObservedRun
from cnnviz.data import Dataset, ImageSet, default_dataset
from cnnviz.data.augmentation import AugmentationError, parse_augmentation
from cnnviz.data.mixing import check_images
from cnnviz.errors import Cancelled, UserError
from cnnviz.formats import SavedParameters, encode_parameters, write_parameters
from cnnviz.nn import Network, Parameters
from cnnviz.training.autosave import Autosave
from cnnviz.training.config import ConfigError, TrainingConfig
from cnnviz.training.divergence import DivergenceError
from cnnviz.training.presets import DEFAULT_PRESET, PRESETS
from cnnviz.training.resumption import resume_run
from cnnviz.training.runs import RunFolder, find_run, runs_folder, saved_runs
from cnnviz.training.trainer import Trainer

_SETTINGS = (
    *("epochs", "batch_size", "optimizer", "schedule", "lr", "ties"),
    *("seed", "train_size", "test_size", "data_dir"),
)


def run(args: Namespace) -> int:
    """Train as the options say, and report."""
    if args.list_presets:
        show("\n\n".join(_describe_preset(name) for name in PRESETS))
        return 0
    if args.list_runs:
        show(list_runs(saved_runs()))
        return 0
    autosave = Autosave(runs_folder())
    try:
        trainer = _prepare(args) if args.resume is None else _take_up(args, autosave)
        with interrupts.put_off():  # from where the run has a folder until it is saved in there
            if args.resume is None:
                _give_folder(autosave, trainer)
            say(_header(trainer))
            observed = ObservedRun(trainer, autosave)
            observed.run()
    except KeyboardInterrupt:
        raise Cancelled(account_of_interruption(args, autosave)) from None
    except DivergenceError as fault:
        raise UserError(account_of_divergence(fault, autosave)) from fault
    out = None if args.out is None else _write_somewhere(args.out, _saved(trainer))
    deliver(_result(trainer, observed, out), args.json, _summary(trainer, observed))
    return 0 if out == args.out else 1


def _prepare(args: Namespace) -> Trainer:
    """Return the trainer, after refusing whatever would make the run end in vain."""
    with _settings_as_options(args):
        config = _config(args)
        _check_destinations(args, config)
        for source, _ in config.mix:
            check_images(source, config.data_dir)
        dataset, mixed_in = _load(config)
        return Trainer(config, dataset, mixed_in=mixed_in)


def _take_up(args: Namespace, autosave: Autosave) -> Trainer:
    """Return the trainer of the run that is to be gone on with, likewise, and have it saved where it was."""
    run = find_run(args.resume)
    with _settings_as_options(args):
        check_resumption(args, run)
    _check_destinations(args, run.summary.config)
    trainer, folder, notice = resume_run(run.folder, args.data_dir or run.summary.config.data_dir, _load)
    if args.epochs is not None:
        trainer.epochs = args.epochs
    autosave.keep_in(folder, trainer)
    if args.lr is not None:
        trainer.learning_rate = args.lr
    say(f"going on with run {run.name} after step {trainer.step:,}")
    if notice is not None:
        say(notice)
    if trainer.epoch == trainer.epochs:
        say(f"nothing is left to be learnt, all {trainer.epochs} epochs were made; --epochs adds to them")
    return trainer


def _give_folder(autosave: Autosave, trainer: Trainer) -> None:
    """Have a new run saved in a folder of its own, and say how it is called."""
    with suppress(UserError):  # tried again with the first step, and told then
        folder = RunFolder.create(runs_folder(), trainer.config)
        autosave.keep_in(folder)
        say(f"run {folder.path.name}: saved as it goes; {call_to_resume(folder.path)} goes on with it")


def _load(config: TrainingConfig) -> tuple[Dataset, Sequence[ImageSet]]:
    """Return the images that the settings name, with bars while they are read."""
    dataset = load_with_bar(config.dataset, config.data_dir)
    return dataset, [load_images_with_bar(source, config.data_dir) for source, _ in config.mix]


def _check_destinations(args: Namespace, config: TrainingConfig) -> None:
    """Refuse files for the results that cannot be written, or one for both."""
    check_json_destination(args.json)
    if args.out is None:
        return
    _check_format(args.out, config)
    check_writable(args.out)
    if args.json not in (None, "-") and os.path.realpath(args.json) == os.path.realpath(args.out):
        args.parser.error(f"argument --json: {args.json} is the file of --out as well; name another one")


@contextmanager
def _settings_as_options(args: Namespace) -> Iterator[None]:
    """Refuse a setting outside its range as argparse does an option."""
    try:
        yield
    except ConfigError as fault:
        option = f"--{fault.field.replace('_', '-')}"
        args.parser.error(f"argument {option}{str(fault).removeprefix(fault.field)}")
    except AugmentationError as fault:
        args.parser.error(f"argument --augment: {fault}")


def _config(args: Namespace) -> TrainingConfig:
    return TrainingConfig.from_preset(
        args.preset or DEFAULT_PRESET,
        args.dataset or default_dataset(args.data_dir),
        freeze=tuple(name for name in re.split(r"[,\s]+", args.freeze) if name) if args.freeze else None,
        augment=parse_augmentation(args.augment) if args.augment is not None else None,
        fresh=args.fresh,
        mix=tuple(map(_parse_mix, args.mix)) if args.mix else None,
        **{name: getattr(args, name) for name in _SETTINGS},
    )


def _parse_mix(text: str) -> tuple[str, float]:
    """Return source and share of one ``--mix``."""
    source, _, share = text.rpartition(":")
    try:
        if source:
            return source, float(share)
    except ValueError:
        pass
    raise ConfigError("mix", "SOURCE:SHARE, such as strokes:0.3", text)


def _saved(trainer: Trainer) -> SavedParameters:
    """Return the trained parameters together with what is needed to use them."""
    history = trainer.history.view()
    config = replace(trainer.config, epochs=trainer.epochs)
    facts = config.for_file(trainer.step, history.learning_rates, history.edits)
    return SavedParameters(parameters=trainer.parameters.flat(), **facts)


def _check_format(path: Path, config: TrainingConfig) -> None:
    """Raise FormatError where no format has the extension of ``path``, or the one that has cannot hold the network."""
    zeros = Parameters.zeros(config.build().parameter_shapes)
    encode_parameters(path, SavedParameters(parameters=zeros.flat(), **config.for_file(0, ())))


def _write_somewhere(path: Path, saved: SavedParameters) -> Path | None:
    """Write parameters that took long to be learnt: to ``path``, or else to where they can be written; say where.

    Returns
    -------
    Path or None
        Where they are; None where they could be written nowhere.
    """
    try:
        write_parameters(path, saved)
    except WriteError as fault:
        refuge = _write_elsewhere(path, saved)
        where = f"the parameters are in {refuge} instead" if refuge else "nor could the parameters be written elsewhere"
        say(f"cnnviz: {fault}; {where}")
        return refuge
    say(f"parameters written to {path}")
    return path


def _write_elsewhere(path: Path, saved: SavedParameters) -> Path | None:
    """Write parameters into the first folder that takes them, under a name that is free there; return the file."""
    for find_folder in (os.getcwd, Path.home, tempfile.gettempdir):
        with suppress(WriteError, OSError, RuntimeError):  # nor need there be such a folder
            plain = Path(find_folder()) / path.name
            others = (plain.with_stem(f"{plain.stem}-{number}") for number in count(2))
            refuge = next(name for name in chain([plain], others) if not os.path.lexists(name))
            write_parameters(refuge, saved)
            return refuge
    return None


def _result(trainer: Trainer, observed: ObservedRun, out: Path | None) -> dict[str, object]:
    return {
        "preset": trainer.config.preset,
        "dataset": trainer.config.dataset,
        "seed": trainer.config.seed,
        "epochs": trainer.epoch,
        "steps": trainer.step,
        "samples": observed.samples,
        "seconds": trainer.seconds,
        "samples_per_second": observed.samples_per_second,
        "train_loss": observed.train_loss,
        "test_loss": observed.evaluation.loss,
        "test_accuracy": observed.evaluation.accuracy,
        "recall": observed.evaluation.recall,
        "out": out,
    }


def _summary(trainer: Trainer, observed: ObservedRun) -> str:
    scores = observed.evaluation
    return (
        f"test accuracy {percent(scores.accuracy)}, loss {scores.loss:.4f}, on {scores.samples:,} images; "
        f"trained in {trainer.seconds:.1f} s, {observed.samples_per_second:,.0f} images/s\n"
        f"{recall_line(scores.recall)}"
    )


def _header(trainer: Trainer) -> str:
    config, (_, lr) = trainer.config, trainer.history.view().learning_rates[-1]
    frozen = f", frozen: {', '.join(config.freeze)}" if config.freeze else ""
    mixed = "".join(f", {share:g} of them from {source}" for source, share in config.mix)
    varied = f", varied by {config.augment}" if config.augment else ""
    ties = f", ties: {config.ties}" if config.ties != config.recipe.ties else ""
    fresh = ", drawn anew each epoch" if config.fresh else ""
    return (
        f"{config.recipe.title} on {config.dataset}: {len(trainer.train):,} images to learn from{mixed}{fresh}, "
        f"{len(trainer.test):,} to be tested on\n"
        f"{_layer_table(trainer.network)}\n"
        f"{config.optimizer}, learning rate {lr:g} ({config.schedule}), {trainer.epochs} epochs of "
        f"{trainer.steps_per_epoch:,} steps, batch size {config.batch_size}, seed {config.seed}{ties}{frozen}{varied}"
    )


def _describe_preset(name: str) -> str:
    preset = PRESETS[name]
    return f"{name}: {preset.description}\n{_layer_table(preset.build())}"


def _layer_table(network: Network) -> str:
    """Return a line for each layer: name, kind, shape of its output, number of its parameters."""
    rows = [("input", "", network.input_shape, 0)]
    for name, layer in network.layers.items():
        count = sum(math.prod(shape) for shape in network.parameter_shapes.get(name, {}).values())
        rows.append((name, type(layer).__name__, network.output_shapes[name], count))
    lines = [
        f"  {name:<8} {kind:<10} {'x'.join(map(str, shape)):>10} {f'{count:,}' if count else '':>10}"
        for name, kind, shape, count in rows
    ]
    return "\n".join([*lines, f"  {network.parameter_count:,} parameters"])
