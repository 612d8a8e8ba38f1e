"""Damaged files for every reader: each is read as a fit value or refused by the reader's own error, in one line.

Run it in the repository as ``python -m tests.endurance.fuzz --count 20000``: so many files for each reader, or for
those that are named with ``--reader``. A file that a reader does anything else with, warnings and words of its own
included, or that takes more time or memory than it should, is kept under the name that is printed. ``--seed S``
``--only N`` makes the file number N of that seed again.
"""

import argparse
import faulthandler
import os
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TextIO

from tests.endurance.readers import READERS, Reader

MOST_SECONDS = 1.0  # of the processor's time for one file
HANGS_AFTER = 60.0  # seconds, after which the stack is shown and the process ends
MOST_KEPT = 20  # files that a reader fails at, after which the others are not tried
LONGEST_LINE = 300  # characters, the path not counted
_UNIT = 1 if sys.platform == "darwin" else 1024  # of the system's figure for memory
_NOT_FOR_PEOPLE = ("Traceback", "object at 0x", "Error:", "Exception:")


@dataclass
class Tally:
    """What became of a reader's files; ``faults`` is a line for each that was treated as it must not be."""

    accepted: int = 0
    refused: int = 0
    slowest: float = 0.0  # seconds
    faults: list[str] = field(default_factory=list)


def fuzz(reader: Reader, numbers: range, seed: int, folder: Path, screen: TextIO) -> Tally:
    """Let ``reader`` read the files of those numbers; those that it fails at are kept in ``folder`` and told of."""
    tally, seeds = Tally(), reader.seeds()
    name = reader.name.replace(" ", "-")
    path = folder / f"{name}{reader.suffix}"
    for each in seeds:
        path.write_bytes(each)
        reader.read(path)
    for number in numbers:
        content = reader.mutate(Random(f"{name} {seed} {number}"), seeds)
        path.write_bytes(content)
        memory = peak_memory()
        faulthandler.dump_traceback_later(HANGS_AFTER, exit=True, file=screen)
        fault = _fault_of(reader, path, tally)
        faulthandler.cancel_dump_traceback_later()
        if fault is None and peak_memory() - memory > reader.most_memory:
            fault = f"needed {(peak_memory() - memory) / 2**20:.0f} MiB"
        if fault:
            if len(tally.faults) == MOST_KEPT:
                print(f"{reader.name}: given up", file=screen)
                break
            kept = folder / f"{name}-{seed}-{number}{reader.suffix}"
            kept.write_bytes(content)
            tally.faults.append(f"{reader.name}, seed {seed}, file {number}: {fault[:600]}; {kept}")
            print(tally.faults[-1], file=screen)
    return tally


def peak_memory() -> int:
    """Return the most memory that the process has had so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT


def _fault_of(reader: Reader, path: Path, tally: Tally) -> str | None:
    """Let a file be read, and return what is wrong with how that went; None where it is right."""
    said_before = os.fstat(2).st_size
    start = time.process_time()
    refusal, fault = None, None
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            reader.read(path)
        except reader.errors as error:
            refusal = str(error)
        except BaseException as error:
            fault = f"{type(error).__name__}: {error}"[:300]
    seconds = time.process_time() - start
    tally.slowest = max(tally.slowest, seconds)
    if fault is None:
        tally.accepted += refusal is None
        tally.refused += refusal is not None
    if warned:
        fault = fault or f"warned of {warned[0].category.__name__}: {warned[0].message}"
    if os.fstat(2).st_size > said_before:
        fault = fault or "wrote something on stderr"
    if seconds > MOST_SECONDS:
        fault = fault or f"took {seconds:.1f} s"
    return fault or (refusal is not None and what_is_wrong_with(refusal, path)) or None


def what_is_wrong_with(line: str, path: Path) -> str | None:
    """Return why a refusal's line cannot be shown to a person; None where it can."""
    if not line.isprintable():
        return f"is not one line of text: {line!a}"
    if os.fspath(path.with_suffix("")) not in line:
        return f"does not name the file: {line}"
    if len(line.replace(os.fspath(path), "").replace(os.fspath(path.parent), "")) > LONGEST_LINE:
        return f"is longer than {LONGEST_LINE} characters: {line}"
    if strange := [each for each in _NOT_FOR_PEOPLE if each in line]:
        return f"speaks of {strange[0]!r}: {line}"
    return None


@contextmanager
def _silent(folder: Path) -> Iterator[TextIO]:
    """Let what is written to stderr go into a file, and yield where it would have gone."""
    stderr = os.fdopen(os.dup(2), "w", buffering=1)
    with open(folder / "stderr.txt", "wb") as words:
        os.dup2(words.fileno(), 2)
    try:
        yield stderr
    finally:
        os.dup2(stderr.fileno(), 2)
        stderr.close()


def main(argv: list[str] | None = None) -> int:
    """Fuzz the readers that were asked for; print a table, and return 1 where anything failed."""
    names = [reader.name for reader in READERS]
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000, metavar="N", help="files for each reader")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument("--only", type=int, metavar="N", help="only file number N")
    parser.add_argument("--reader", action="append", choices=names, help="only this one; may be given several times")
    args = parser.parse_args(argv)
    numbers = range(args.count) if args.only is None else range(args.only, args.only + 1)
    folder = Path(tempfile.mkdtemp(prefix="cnnviz-fuzz-"))
    faults = 0
    print(f"{'reader':<16}{'files':>8}{'accepted':>10}{'refused':>10}{'failed':>8}{'slowest':>12}")
    for reader in (each for each in READERS if not args.reader or each.name in args.reader):
        with _silent(folder) as screen:
            tally = fuzz(reader, numbers, args.seed, folder, screen)
        faults += len(tally.faults)
        print(
            f"{reader.name:<16}{len(numbers):>8,}{tally.accepted:>10,}{tally.refused:>10,}{len(tally.faults):>8,}"
            f"{1000 * tally.slowest:>9,.0f} ms",
            flush=True,
        )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
