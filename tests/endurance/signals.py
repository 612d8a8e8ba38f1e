"""Real processes of the program get signals at random moments of their whole life: each has to end in order.

Run it in the repository as ``python -m tests.endurance.signals --count 200 [--seed S]``. ``--only N`` repeats one.
What is looked for: an exit code of 128 and the signal, no traceback, no process left behind, no half-written file,
settings that can be read, and an end at all. How long the slowest took is told; it depends on what else is going on.
With ``--windows N`` so many windows share one person's folders instead, and are all asked to end at the same moment.
"""

import argparse
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]
MOST_SECONDS = 30.0  # from the signal to the end, after which a process counts as hanging, on a busy machine too
_LIFE = 3.0  # seconds, in which the moments lie
_KILL_WINDOW, _KILL_TRAINING, _TWICE = "kill -9 of the window", "kill -9 of the training process", "two signals"

# What is run, how many of ten times.
COMMANDS = (
    (("gui", "--dataset", "strokes", "--start"), 5),
    (("train", "--dataset", "strokes", "--epochs", "50", "--out", "{folder}/p.npz"), 1),
    (("evaluate", "{root}/resources/shipped.npz", "--dataset", "strokes"), 1),
    (("data", "download", "mnist"), 1),
    (("benchmark", "--preset", "zhou"), 1),
    (("benchmark", "--preset", "zhou", "--window", "--seconds", "3"), 1),
)
_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Case:
    """A command, what is done to it, with which signal, and how many seconds after its start."""

    command: tuple[str, ...]
    deed: str
    number: int
    delay: float

    def __str__(self) -> str:
        name = signal.Signals(self.number).name
        return f"{' '.join(self.command[:2])}: {self.deed}, {name} after {self.delay:.3f} s"


def case(seed: int, number: int) -> Case:
    """Return the case of that number."""
    random = Random(f"{seed} {number}")
    (command, _) = random.choices(COMMANDS, [weight for _, weight in COMMANDS])[0]
    deeds = ["one signal", _TWICE]
    weights = [7, 1]
    if command[0] == "gui":
        deeds += [_KILL_WINDOW, _KILL_TRAINING]
        weights += [1, 1]
    return Case(command, random.choices(deeds, weights)[0], random.choice(_NUMBERS), random.uniform(0, _LIFE))


def try_out(case: Case, folder: Path, proxy: str) -> tuple[str | None, float]:
    """Return what was wrong with the end of a process, in one line, None where nothing was; and its seconds."""
    process = _start(case, folder, proxy)
    time.sleep(case.delay)
    children = _descendants(process.pid)
    ended_by_itself = process.poll() is not None
    began = time.monotonic()
    _do(case, process, children)
    try:
        _, errors = process.communicate(timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return f"still there after {MOST_SECONDS:g} s", MOST_SECONDS
    seconds = time.monotonic() - began
    fault = (
        _fault_of_code(case, process.returncode, ended_by_itself or _was_starting(errors))
        or _fault_of_words(errors)
        or _fault_of_files(folder)
        or _left_behind(children)
    )
    return fault, seconds


def _start(case: Case, folder: Path, proxy: str) -> subprocess.Popen[str]:
    environment = os.environ | {
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONPATH": str(ROOT),
        "PYTHONFAULTHANDLER": "1",
        "https_proxy": proxy,
        **{f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "STATE", "CACHE")},
    }
    command = [part.format(folder=folder, root=ROOT) for part in case.command]
    return subprocess.Popen(
        [sys.executable, str(ROOT / "main.py"), *command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_all,
    )


def _heed_all() -> None:
    """Undo what shells do to jobs in the background, in case this is one."""
    for number in _NUMBERS:
        signal.signal(number, signal.SIG_DFL)


def _do(case: Case, process: subprocess.Popen[str], children: list[int]) -> None:
    """Send what the case sends; after the end of the training process the window goes on, and gets its signal later."""
    if case.deed == _KILL_WINDOW:
        process.kill()
        return
    if case.deed == _KILL_TRAINING:
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        time.sleep(0.3)
    process.send_signal(case.number)
    if case.deed == _TWICE:
        process.send_signal(case.number)


def _fault_of_code(case: Case, code: int, ended_by_itself: bool) -> str | None:
    if case.deed == _KILL_WINDOW:
        return None if ended_by_itself or code == -signal.SIGKILL else f"exit code {code}"
    # Before the program listens, and once it has nothing left to do, a signal ends it without a word.
    fit = {128 + case.number, -case.number}
    if ended_by_itself:
        fit |= {0, 1}
    return None if code in fit else f"exit code {code}"


def _was_starting(errors: str) -> bool:
    """Return whether Python itself was interrupted in its start, which it shows, and tells with a code of 1."""
    return "Traceback" in errors and "KeyboardInterrupt" in errors and str(ROOT) not in errors


def _fault_of_words(errors: str) -> str | None:
    """Find what no user should read; while Python itself starts, before the program does, it is Python's."""
    suspicious = ("Fatal Python error", "QThread: Destroyed", "QBackingStore", "terminate called", "core dumped")
    if found := next((each for each in suspicious if each in errors), None):
        return f"it says {found!r}"
    if "Traceback" in errors and re.search(rf"{re.escape(str(ROOT))}/cnnviz/(?!__)", errors):
        return f"a traceback: {errors.splitlines()[-1]}"
    return None


def _fault_of_files(folder: Path) -> str | None:
    for path in folder.rglob("*"):
        if path.name.startswith("core") or (path.name.startswith(".cnnviz-") and path.suffix == ".tmp"):
            return f"left {path.name}"
    settings = folder / "config" / "cnnviz" / "settings.json"
    try:
        json.loads(settings.read_text()) if settings.exists() else None
    except ValueError:
        return "damaged settings"
    return None


def _left_behind(children: list[int]) -> str | None:
    """Wait a moment for processes that were started, which end with the window."""
    deadline = time.monotonic() + MOST_SECONDS
    while alive := [child for child in children if _is_alive(child)]:
        if time.monotonic() > deadline:
            return f"{len(alive)} process left behind"
        time.sleep(0.02)
    return None


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in map(int, children.read_text().split()):
                found += [child, *_descendants(child)]
    return found


def try_together(count: int, folder: Path) -> list[str]:
    """Open so many windows on the same folders, end all at once, and return a line for each that did not in order."""
    each = Case(COMMANDS[0][0], "one signal", signal.SIGTERM, 0.0)
    processes = [_start(each, folder, "") for _ in range(count)]
    settings, deadline = folder / "config" / "cnnviz", time.monotonic() + MOST_SECONDS
    while not all(len(_descendants(process.pid)) == 1 for process in processes) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1.0)  # of training
    children = [child for process in processes for child in _descendants(process.pid)]
    for process in processes:
        process.send_signal(each.number)
    faults = []
    for process in processes:
        _, errors = process.communicate(timeout=MOST_SECONDS)
        faults.append(_fault_of_code(each, process.returncode, False) or _fault_of_words(errors))
    faults += [_fault_of_files(folder), _left_behind(children)]
    if [path.name for path in settings.iterdir()] != ["settings.json"]:
        faults.append(f"beside the settings: {sorted(path.name for path in settings.iterdir())}")
    return [fault for fault in faults if fault is not None]


@contextmanager
def silent_proxy() -> Iterator[str]:
    """Yield the address of a proxy that takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def take() -> None:
            with suppress(OSError):
                while True:
                    taken.append(server.accept()[0])

        thread = threading.Thread(target=take, name="proxy", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in taken:
                connection.close()


def sweep(cases: list[tuple[int, Case]]) -> tuple[list[str], list[float]]:
    """Try ``cases``, and return a line for each that ended as it must not, and how many seconds each took to end."""
    faults, times = [], []
    with silent_proxy() as proxy:
        for number, each in cases:
            with tempfile.TemporaryDirectory(prefix="cnnviz-signals-") as folder:
                fault, seconds = try_out(each, Path(folder), proxy)
                times.append(seconds)
                if fault is not None:
                    faults.append(f"{number}: {each}: {fault}")
                    print(faults[-1], flush=True)
    return faults, times


def main() -> int:
    """Run from the command line; 1 where anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int)
    parser.add_argument("--windows", type=int)
    args = parser.parse_args()
    if args.windows is not None:
        with tempfile.TemporaryDirectory(prefix="cnnviz-windows-") as folder:
            faults = try_together(args.windows, Path(folder))
        print(f"{args.windows} windows at once, {len(faults)} faults", *faults, sep="\n")
        return 1 if faults else 0
    numbers = range(args.count) if args.only is None else [args.only]
    faults, times = sweep([(number, case(args.seed, number)) for number in numbers])
    print(
        f"{len(numbers)} processes, {len(faults)} ended as they must not; from the signal to the end "
        f"{statistics.median(times):.2f} s (median), {max(times):.2f} s (longest)"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
