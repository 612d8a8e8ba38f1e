"""``cnnviz benchmark``: how fast each network trains and predicts here, and how near that is to the machine's best.

On demand also what a live window costs, which is measured by the window's own ``live_benchmark``.
"""

import math
import statistics
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence

from cnnviz import interrupts, processor
from cnnviz.commands.console import bar, check_json_destination, deliver
from cnnviz.commands.throughput import Yardstick, prediction, seconds_per_call, training
from cnnviz.errors import UserError
from cnnviz.gui.preflight import window_problem
from cnnviz.training.presets import DEFAULT_PRESET, PRESETS

WARM_UP_SECONDS = 0.3
BLOCK_SECONDS = 0.1
TRAINING_BLOCKS = 20
PREDICTION_BLOCKS = 7
PREDICTED_AT_ONCE = (1, 1000)
WINDOW_SECONDS = 10.0
PUBLISHED = "-published"
"""Ends the names of variants that differ in figures, not in the amount of work."""


def run(args: Namespace) -> int:
    """Measure the presets one by one; with the window first, before measuring fills the memory."""
    named = args.preset.split(",") if args.preset else []
    _check(args, named)
    window, lines = _measure_window(named or [DEFAULT_PRESET], args.seconds) if args.window else ({}, [])
    result = measure_presets(named or [name for name in PRESETS if not name.endswith(PUBLISHED)])
    if args.window:
        result["window"] = window
    deliver(result, args.json, "\n".join([_table(result), *lines]))
    return 0


def _check(args: Namespace, named: Sequence[str]) -> None:
    check_json_destination(args.json)
    for name in named:
        if name not in PRESETS:
            args.parser.error(f"argument --preset: accepted are some of {', '.join(PRESETS)}, got {name}")
    if args.seconds is not None and not args.window:
        args.parser.error("argument --seconds: has no meaning without --window")
    if args.seconds is not None and not (math.isfinite(args.seconds) and args.seconds > 0):
        args.parser.error(f"argument --seconds: accepted is a number of seconds above 0, got {args.seconds}")
    if args.window and (problem := window_problem()):
        raise UserError(problem)


def _measure_window(presets: Sequence[str], seconds: float | None) -> tuple[dict[str, object], list[str]]:
    """Return the figures of each preset with a live window, and the same in words."""
    with interrupts.put_off():
        from cnnviz.gui import live_benchmark  # Qt comes in here and nowhere else

    figures = {}
    with (
        interrupts.put_off(),  # within Qt it would get lost; the measurement looks for it by itself
        processor.a_core_left(),
        bar(len(presets) * live_benchmark.PARTS, "measuring with the window", " parts", delay=0) as progress_bar,
    ):
        for name in presets:
            figures[name] = live_benchmark.measure(name, seconds or WINDOW_SECONDS, progress_bar.update)
    return figures, [live_benchmark.summary(*item) for item in figures.items()]


def measure_presets(presets: Sequence[str]) -> dict[str, object]:
    """Return the figures of each of ``presets`` by its name, and those that concern all of them.

    ``sgemm_gflops`` is the rate of the ``Yardstick`` on as many ``threads`` as training has, sampled all through the
    run; ``share`` is the part of it that training reaches: ``gflops`` are the products that a step cannot do without
    (``Network.training_multiply_adds``) over all the time that it takes.
    """
    yardstick = Yardstick(processor.threads())
    figures = {}
    with bar(len(presets), "measuring", " presets") as progress_bar:
        for name in presets:
            figures[name] = _measure_training(name, yardstick)
            figures[name]["inference"] = _measure_inference(name)
            progress_bar.update()
    for each in figures.values():
        each["share"] = each["gflops"] / yardstick.gflops
    return {
        **figures,
        "sgemm_gflops": yardstick.gflops,
        "threads": processor.threads(),
        "blas": processor.blas_library(),
        "blas_threads": processor.blas_threads(),
    }


def _measure_training(preset: str, yardstick: Yardstick) -> dict[str, object]:
    """Return the figures of training, and let ``yardstick`` take its samples in between."""
    batch_size, network = PRESETS[preset].batch_size, PRESETS[preset].build()
    seconds = _median_seconds(training(preset), TRAINING_BLOCKS, yardstick.sample)
    images_per_second = batch_size / seconds
    return {
        "batch_size": batch_size,
        "ms_per_step": 1000 * seconds,
        "samples_per_second": images_per_second,
        "gflops": 2 * network.training_multiply_adds * images_per_second / 1e9,
    }


def _measure_inference(preset: str) -> dict[str, float]:
    return {
        f"ms_batch_{count}": 1000 * _median_seconds(prediction(preset, count), PREDICTION_BLOCKS)
        for count in PREDICTED_AT_ONCE
    }


def _median_seconds(call: Callable[[], object], blocks: int, between: Callable[[], None] | None = None) -> float:
    """Return the seconds that a call takes: the median over ``blocks``, so that what else the machine does is left out.

    ``between`` is called before each of them.
    """
    seconds_per_call(call, WARM_UP_SECONDS)
    seconds = []
    for _ in range(blocks):
        if between is not None:
            between()
        seconds.append(seconds_per_call(call, BLOCK_SECONDS))
    return statistics.median(seconds)


_HEADING = (
    f"{'':<12}{'training':>12}{'':42}{'inference, ms for':>22}\n"
    f"{'preset':<12}{'batch size':>12}{'ms a step':>12}{'images/s':>10}{'GFLOP/s':>10}{'share':>10}"
    f"{'1 image':>12}{'1,000':>10}"
)


def _table(result: Mapping[str, object]) -> str:
    """Return what ``measure_presets`` found, for people."""
    lines = [_line(name, figures) for name, figures in result.items() if name in PRESETS]
    threads = result["threads"]
    summary = (
        f"Share: of {result['sgemm_gflops']:.0f} GFLOP/s, the best that a product of 1024x1024 matrices (float32) "
        f"reaches here on {threads} {'thread' if threads == 1 else 'threads'} at once.\n"
        f"{processor.describe()}"
    )
    return "\n".join([_HEADING, *lines, "", summary])


def _line(name: str, figures: Mapping[str, object]) -> str:
    inference = figures["inference"]
    return (
        f"{name:<12}{figures['batch_size']:>12}{figures['ms_per_step']:>12.3f}{figures['samples_per_second']:>10,.0f}"
        f"{figures['gflops']:>10.1f}{figures['share']:>10.1%}"
        f"{inference['ms_batch_1']:>12.3f}{inference['ms_batch_1000']:>10.1f}"
    )
