"""``cnnviz benchmark``: how fast each network trains here, and what a live window costs it."""

import math
import statistics
import time
from argparse import Namespace
from collections.abc import Iterator

import numpy as np

from cnnviz import blas
from cnnviz.commands.console import bar, check_json_destination, deliver
from cnnviz.data import ArrayImageSet, Dataset
from cnnviz.errors import UserError
from cnnviz.gui.preflight import window_problem
from cnnviz.training.config import TrainingConfig
from cnnviz.training.presets import DEFAULT_PRESET, PRESETS
from cnnviz.training.trainer import StepDone, Trainer

IMAGES = 4096
WARM_UP_SECONDS = 0.3
SECONDS_PER_PRESET = 2.0
BLOCK_SECONDS = 0.1
WINDOW_SECONDS = 10.0
PUBLISHED = "-published"
"""Ends the names of variants that differ in figures, not in the amount of work."""


def run(args: Namespace) -> int:
    """Measure the presets one by one; with the window first, before measuring fills the memory."""
    _check(args)
    names = _names(args.preset) or [name for name in PRESETS if not name.endswith(PUBLISHED)]
    with_window = _with_window(_names(args.preset) or [DEFAULT_PRESET], args.seconds) if args.window else None
    result: dict[str, object] = {}
    with bar(len(names), "measuring", " presets") as progress_bar:
        for name in names:
            result[name] = measure(name)
            progress_bar.update()
    lines = [_line(name, figures) for name, figures in result.items()]
    result |= {"blas": blas.library(), "threads": blas.threads()}
    lines.append(f"{result['blas']}, threads: {result['threads'] or 'as many as it likes'}")
    if with_window is not None:
        result["window"], texts = with_window
        lines += texts
    deliver(result, args.json, "\n".join([_HEADING, *lines]))
    return 0


def _check(args: Namespace) -> None:
    check_json_destination(args.json)
    if unknown := set(_names(args.preset)) - set(PRESETS):
        args.parser.error(f"argument --preset: accepted are some of {', '.join(PRESETS)}, got {', '.join(unknown)}")
    if args.seconds is not None and not args.window:
        args.parser.error("argument --seconds: has no meaning without --window")
    if args.seconds is not None and not (math.isfinite(args.seconds) and args.seconds > 0):
        args.parser.error(f"argument --seconds: accepted is a number of seconds above 0, got {args.seconds}")
    if args.window and (problem := window_problem()):
        raise UserError(problem)


def _names(presets: str | None) -> list[str]:
    return presets.split(",") if presets else []


def _with_window(names: list[str], seconds: float | None) -> tuple[dict[str, object], list[str]]:
    """Return the figures of each preset with a live window, and the same in words."""
    from cnnviz.gui import live_benchmark  # Qt comes in here and nowhere else

    figures = {}
    with bar(len(names) * live_benchmark.PARTS, "measuring with the window", " parts", delay=0) as progress_bar:
        for name in names:
            figures[name] = live_benchmark.measure(name, seconds or WINDOW_SECONDS, progress_bar.update)
    return figures, [live_benchmark.summary(*item) for item in figures.items()]


_HEADING = f"{'preset':<12} {'batch size':>10} {'ms a step':>10} {'images/s':>10}"


def _line(name: str, figures: dict[str, float]) -> str:
    batch_size, ms_per_step, samples_per_second = figures.values()
    return f"{name:<12} {batch_size:>10} {ms_per_step:>10.3f} {samples_per_second:>10,.0f}"


def measure(preset: str) -> dict[str, float]:
    """Train on noise and return ``batch_size``, ``ms_per_step`` and ``samples_per_second``.

    The time of a step is the median over blocks of some tenths of a second, so that what else the machine does
    in between counts little.
    """
    config = TrainingConfig.from_preset(preset, "noise", train_size=IMAGES, test_size=1, epochs=10**6)
    trainer = Trainer(config, _noise())
    steps = (event for event in trainer.events() if isinstance(event, StepDone))
    _spend(steps, WARM_UP_SECONDS)
    blocks = []
    for _ in range(max(1, round(SECONDS_PER_PRESET / BLOCK_SECONDS))):
        blocks.append(_spend(steps, BLOCK_SECONDS))
    step_seconds = statistics.median(blocks)
    return {
        "batch_size": trainer.config.batch_size,
        "ms_per_step": 1000 * step_seconds,
        "samples_per_second": trainer.config.batch_size / step_seconds,
    }


def _spend(steps: Iterator[StepDone], seconds: float) -> float:
    """Train for about so many seconds, at least a step, and return the seconds a step took."""
    began, count = time.perf_counter(), 0
    while not count or time.perf_counter() - began < seconds:
        next(steps)
        count += 1
    return (time.perf_counter() - began) / count


def _noise() -> Dataset:
    """Return digits without a meaning: light and dark as in MNIST, at random places."""
    rng = np.random.default_rng(0)
    images = np.where(rng.random((IMAGES, 28, 28)) < 0.15, 255, 0).astype(np.uint8)
    image_set = ArrayImageSet(images, rng.integers(0, 10, IMAGES), in_random_order=True)
    return Dataset("noise", "Noise", image_set, image_set)
