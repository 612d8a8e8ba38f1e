"""Somebody without any idea at mouse and keyboard: every control once, then random events while a network trains.

    python -m tests.endurance.monkey --count 100000 --seed 7

The program runs in a process of its own, with private folders for settings, data and logs. What is looked for: a
crash, an exception that nobody caught, a warning of Qt, a window that does not answer for two seconds, a file written
outside these folders, and anything that grows: threads, processes, windows, timers, objects, memory. ``--on-screen``
opens the window on the display that there is; otherwise nothing is seen of it.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.endurance import audit
from tests.endurance.surroundings import ROOT, private_environment

TOLD = 50  # latest events that are printed where something went wrong
TOLD_LINES = 80  # of what the processes wrote on stderr

_ALARMS = re.compile(r"^Traceback|Fatal Python error|Segmentation|\bWarning:|\bERROR\b", re.MULTILINE)


def main(argv: Sequence[str] | None = None) -> int:
    """Let the monkey in, and return 0 where it has found nothing."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.monkey", description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=5000, metavar="N", help="random events (default: 5000)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of all that is random (default: 1)")
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), metavar="T", help="at most, for the random events (default: any)"
    )
    parser.add_argument("--on-screen", action="store_true", help="open the window on the display")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="cnnviz-monkey-") as name:
        return _run(Path(name).resolve(), args)


def _run(folder: Path, args: argparse.Namespace) -> int:
    writes = folder / "foreign-writes.txt"
    audit.arrange(folder / "start", writes, folder)
    errors = folder / "stderr.txt"
    environment = private_environment(folder, args.on_screen)
    print(f"seed {args.seed}, {args.count} events", flush=True)
    with errors.open("wb") as stream:
        code = subprocess.call(
            [
                sys.executable,
                "-m",
                "tests.endurance.monkey_run",
                str(folder),
                *map(str, (args.count, args.seed, args.seconds)),
            ],
            cwd=folder,
            env={**environment, "PYTHONPATH": os.pathsep.join([str(folder / "start"), str(ROOT)])},
            stderr=stream,
        )
    text = errors.read_text(errors="replace")
    faults = [f"{match.group()!r} on stderr" for match in [_ALARMS.search(text)] if match]
    faults += [f"outside its folders: {line}" for line in _lines(writes)]
    if code:
        faults.append(f"exit code {code}")
    for fault in faults:
        print(f"FAULT {fault}")
    if faults:
        print("the latest events:", *_lines(folder / "events.txt")[-TOLD:], sep="\n  ")
        print("on stderr:", *text.splitlines()[-TOLD_LINES:], sep="\n  ")
        for path in (folder / "state").rglob("*"):  # where faulthandler writes to once the program has begun
            if path.is_file() and "most recent call first" in (trace := path.read_text(errors="replace")):
                print(f"{path.name}:", *trace.splitlines()[-TOLD_LINES:], sep="\n  ")
        print(f"to see it again: python -m tests.endurance.monkey --count {args.count} --seed {args.seed}")
    return int(bool(faults))


def _lines(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines() if path.exists() else []


if __name__ == "__main__":
    sys.exit(main())
