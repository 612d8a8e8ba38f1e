"""What this machine computes with: which BLAS, and on how many threads. Decided here, and nowhere else.

Matrices of this size gain little from BLAS's own threads, which take the processor away from a window; so BLAS gets
one, and the parts of a batch are shared out among threads of ours instead.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from cnnviz import interrupts
from cnnviz.errors import UserError

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

THREADS = "CNNVIZ_THREADS"
MOST_THREADS = 64
CPU_FACTS = Path("/proc/cpuinfo")
USEFUL_THREADS = 4  # a batch has no more parts than that
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def configure() -> None:
    """Set up BLAS unless the environment says otherwise; called before NumPy is first imported."""
    for variable in BLAS_THREADS:
        os.environ.setdefault(variable, "1")
    if _takes_amd_for_less():
        os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")


def threads() -> int:
    """Return how many threads shall compute: ``CNNVIZ_THREADS``, or the cores that this process may use, up to four.

    Raises
    ------
    UserError
        The environment asks for something that is no such number.
    """
    wish = os.environ.get(THREADS)
    if not wish:
        return min(cores(), USEFUL_THREADS)
    if not is_thread_count(wish):
        raise UserError(f"{THREADS}: accepted is a whole number from 1 to {MOST_THREADS}, got {wish!r}")
    return int(wish)


def is_thread_count(text: str) -> bool:
    """Return whether ``text`` is a number of threads that can be asked for."""
    return text.isdecimal() and 1 <= int(text) <= MOST_THREADS


def use_threads(count: int) -> None:
    """Compute on so many threads from now on, here and in processes that this one starts."""
    os.environ[THREADS] = str(count)


@contextmanager
def a_core_left() -> Iterator[None]:
    """Compute on all cores but one, which the window needs, unless the environment says otherwise."""
    wish = os.environ.get(THREADS)
    if not wish:
        use_threads(max(1, min(cores() - 1, USEFUL_THREADS)))
    try:
        yield
    finally:
        if not wish:
            del os.environ[THREADS]


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share_out(parts: int, work: Callable[[int, int], None]) -> None:
    """Call ``work(part, runner)`` for each part, 0 to parts - 1, on all threads, and wait for the last.

    ``runner`` tells the threads apart, from 0, which is the caller's; which of them gets a part is chance. Where
    ``work`` raises an exception, parts that nobody has begun are left out, and the exception is raised here. NumPy's
    ``errstate`` is the caller's on all threads.
    """
    if parts == 1:
        return work(0, 0)
    runners = min(threads(), parts)
    pending = deque(range(parts))

    def run(runner: int) -> None:
        while pending:
            try:
                part = pending.popleft()
            except IndexError:  # another one was quicker
                return
            try:
                work(part, runner)
            except BaseException:
                pending.clear()
                raise

    others = []
    if runners > 1:
        import numpy as np

        settings = np.geterr()

        def run_with_settings(runner: int) -> None:
            with np.errstate(**settings):
                run(runner)

        others = [_pool(runners - 1).submit(run_with_settings, runner) for runner in range(1, runners)]
    try:
        run(0)
    finally:
        failures = [other.exception() for other in others]  # waits
    for failure in failures:
        if failure is not None:
            raise failure


@lru_cache
def _pool(size: int) -> "ThreadPoolExecutor":
    """Return ``size`` threads, all of them started."""
    from concurrent.futures import ThreadPoolExecutor, wait  # takes time that ``--help`` has not

    # An interrupt between the start of a thread and the pool's taking note of it would leave one that nobody ever ends,
    # and that the process waits for when it ends.
    with interrupts.put_off():
        pool = ThreadPoolExecutor(size, thread_name_prefix="cnnviz-compute")
        all_there = threading.Barrier(size)
        wait([pool.submit(all_there.wait) for _ in range(size)])
    return pool


def blas_library() -> str:
    """Return name and version of the BLAS that NumPy was built with, such as "scipy-openblas 0.3.30"."""
    import numpy as np

    built_with = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    return f"{built_with.get('name', 'unknown')} {built_with.get('version', '')}".strip()


def blas_threads() -> int | None:
    """Return how many threads the environment leaves BLAS; None where it leaves that to the library."""
    name = blas_library().lower()
    first = {"mkl": "MKL_NUM_THREADS", "accelerate": "VECLIB_MAXIMUM_THREADS"}
    specific = next((variable for key, variable in first.items() if key in name), "OPENBLAS_NUM_THREADS")
    for variable in (specific, "OMP_NUM_THREADS"):
        if (value := os.environ.get(variable, "")).isdecimal():
            return int(value)
    return None


def describe() -> str:
    """Return all of it in one line."""
    per_thread = blas_threads() or "as many as it likes"
    kernels = os.environ.get("OPENBLAS_CORETYPE")
    chosen = f", kernels for {kernels}" if kernels else ""
    count = f"{threads()} {'thread' if threads() == 1 else 'threads'}"
    return f"{count} on {cores()} cores; {blas_library()}, with threads of its own: {per_thread}{chosen}"


def _takes_amd_for_less() -> bool:
    """Return whether this is an AMD processor with AVX-512, for which OpenBLAS takes kernels of half the speed."""
    try:
        facts = CPU_FACTS.read_text()
    except OSError:
        return False
    return "AuthenticAMD" in facts and "avx512vl" in facts
