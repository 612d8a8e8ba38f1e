"""Our training steps and predictions against PyTorch's, measured in turn in one run.

Run it in the repository as ``python -m tests.benchmarks.against_pytorch``. PyTorch is installed by hand, beside cnnviz
or in another environment whose Python ``--torch-python`` names. It works in processes of its own, one for each number
of threads, so that its threads and ours do not get into each other's way; while one side is timed the others sleep.

Both sides do the same work: a batch of images ready in memory -> forward, cost, backward, update, cost as a number; for
inference, images -> probabilities. Ours is the trainer's own step, which also picks and normalises the batch.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnviz import processor
from cnnviz.commands.throughput import prediction, seconds_per_call, training
from cnnviz.training.presets import PRESETS

WORKER = Path(__file__).with_name("torch_worker.py")
THREAD_COUNTS = (1, 2, 4)
ROUNDS = 7
BLOCK_SECONDS = 0.25
PAUSE_SECONDS = 0.05  # between blocks: the threads of OpenMP go on spinning for a moment after their work is done
OURS = "ours"
WITHOUT_TORCH = (
    "skipped: PyTorch is not installed for {python}; install it there by hand "
    "(pip install torch --index-url https://download.pytorch.org/whl/cpu), or name a Python that has it "
    "with --torch-python"
)


@dataclass(frozen=True)
class Case:
    """What is compared: ``kind`` is "training" or "inference", ``goal`` the ratio to be reached."""

    kind: str
    preset: str
    batch_size: int
    goal: float

    def __str__(self) -> str:
        return f"{self.kind} {self.preset}, batch {self.batch_size:,}"


CASES = (
    Case("training", "zhou", 1, 1.5),
    Case("training", "escontrela", 32, 1.2),
    Case("training", "escontrela", 128, 1.2),
    Case("training", "keras", 128, 1.0),
    *(Case("inference", preset, count, 1.0) for preset in ("zhou", "escontrela", "keras") for count in (1, 1000)),
)

Timer = Callable[[Case, float], float]
"""Does the work of a case for about so many seconds and returns the seconds that a call took."""


class TorchProcess:
    """PyTorch with a number of threads, in a process that ends when it is closed.

    Attributes
    ----------
    version : str or None
        PyTorch's; None where the process has none.

    Raises
    ------
    RuntimeError
        The process ended without an answer; what it had to say is on standard error.
    """

    def __init__(self, python: str, threads: int) -> None:
        environment = {name: value for name, value in os.environ.items() if name not in processor.BLAS_THREADS}
        self._process = subprocess.Popen(
            [python, os.fspath(WORKER), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.version = self._receive()["torch"]

    def seconds_per_call(self, case: Case, seconds: float) -> float:
        """Time ``case`` there; see ``Timer``."""
        request = {"kind": case.kind, "preset": case.preset, "batch_size": case.batch_size, "seconds": seconds}
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return self._receive()["seconds_per_call"]

    def _receive(self) -> dict[str, object]:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"PyTorch's process ended with {self._process.wait()}")
        return json.loads(line)

    def __enter__(self) -> "TorchProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Compare, print a table and return 0, or 1 where PyTorch cannot be run."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.rounds < 1:
        parser.error(f"--rounds needs 1 or more, got {args.rounds}")
    try:
        with ExitStack() as stack:
            timers: dict[str | int, Timer] = {}
            for threads in (count for count in THREAD_COUNTS if count <= (os.cpu_count() or 1)):
                torch = stack.enter_context(TorchProcess(args.torch_python, threads))
                if torch.version is None:
                    print(WITHOUT_TORCH.format(python=args.torch_python))
                    return 0
                timers[threads] = torch.seconds_per_call
            timers[OURS] = _our_timer()
            cases = [case for case in CASES if case.preset in PRESETS and args.only in str(case)]
            _compare(cases, timers, args.rounds, torch.version)
    except (OSError, RuntimeError) as fault:
        print(f"{args.torch_python} could not be measured: {fault}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Compare the speed of cnnviz with that of PyTorch on this machine.")
    parser.add_argument(
        "--torch-python", default=sys.executable, metavar="PYTHON", help="a Python that has torch (default: this one)"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help="how often each side is timed")
    parser.add_argument("--only", default="", metavar="TEXT", help='only rows with this text, such as "training zhou"')
    return parser


def _our_timer() -> Timer:
    """Return the timer of our side."""
    prepare = {"training": training, "inference": prediction}
    calls: dict[Case, Callable[[], object]] = {}

    def timer(case: Case, seconds: float) -> float:
        if case not in calls:
            calls[case] = prepare[case.kind](case.preset, case.batch_size)
        return seconds_per_call(calls[case], seconds)

    return timer


def _compare(cases: Sequence[Case], timers: Mapping[str | int, Timer], rounds: int, version: str) -> None:
    """Time every case and print its row as soon as it is known."""
    print(f"PyTorch {version}; NumPy {np.__version__}, {processor.blas_library()}; {os.cpu_count()} processors")
    print(f"medians of {rounds} rounds; ratio: PyTorch's time, at its better number of threads, over ours\n")
    print(f"{'':<32}{'ours, ms':>10}{'PyTorch, ms (threads)':>24}{'ratio':>8}{'range':>15}{'goal':>7}")
    for case in cases:
        print(row(case, _time_in_turn(case, timers, rounds)), flush=True)


def _time_in_turn(case: Case, timers: Mapping[str | int, Timer], rounds: int) -> dict[str | int, list[float]]:
    """Return the seconds a call took, round by round; each round begins with another side."""
    sides = list(timers)
    for side in sides:
        timers[side](case, BLOCK_SECONDS)  # warms up
    seconds: dict[str | int, list[float]] = {side: [] for side in sides}
    for i in range(rounds):
        first = i % len(sides)
        for side in sides[first:] + sides[:first]:
            time.sleep(PAUSE_SECONDS)
            seconds[side].append(timers[side](case, BLOCK_SECONDS))
    return seconds


def row(case: Case, seconds: Mapping[str | int, Sequence[float]]) -> str:
    """Return a row of the table from the seconds of each side, round by round; PyTorch's sides are thread counts.

    The ratio is the median of the ratios within each round, which saw the same machine; the lowest and the highest of
    them, behind it, tell how quiet that was.
    """
    medians = {side: statistics.median(values) for side, values in seconds.items()}
    threads = min((side for side in medians if side != OURS), key=medians.__getitem__)
    ratios = [theirs / ours for theirs, ours in zip(seconds[threads], seconds[OURS], strict=True)]
    ratio = statistics.median(ratios)
    theirs = f"{1000 * medians[threads]:.3f} ({threads})"
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    verdict = "ok" if ratio >= case.goal else "missed"
    return f"{case!s:<32}{1000 * medians[OURS]:>10.3f}{theirs:>24}{ratio:>8.2f}{spread:>15}{case.goal:>7.1f}  {verdict}"


if __name__ == "__main__":
    sys.exit(main())
