import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from cnnviz import processor
from cnnviz.errors import UserError


@pytest.fixture
def threads(monkeypatch):
    """Return a function that sets the number of threads for the length of a test."""
    return lambda count: monkeypatch.setenv(processor.THREADS, str(count))


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("parts", [0, 1, 2, 3, 50])
def test_that_each_part_is_worked_on_once(threads, count, parts):
    threads(count)
    done = np.zeros(parts, int)

    def work(part: int, runner: int) -> None:
        assert 0 <= runner < count
        done[part] += 1

    processor.share_out(parts, work)
    np.testing.assert_array_equal(done, np.ones(parts, int))


def test_that_two_threads_work_at_the_same_time_each_under_its_number(threads):
    threads(2)
    meeting = threading.Barrier(2, timeout=10)  # passes only if both are there
    runners = {}

    def work(part: int, runner: int) -> None:
        meeting.wait()
        runners[runner] = threading.get_ident()

    processor.share_out(2, work)
    assert runners[0] == threading.get_ident() != runners[1]


def test_that_no_more_threads_work_than_were_asked_for(threads):
    threads(2)
    seen = set()
    processor.share_out(200, lambda part, runner: seen.add(threading.get_ident()))
    assert len(seen) <= 2


def test_that_every_thread_handles_floating_point_faults_as_the_caller_does(threads):
    threads(2)
    meeting = threading.Barrier(2, timeout=10)
    settings = []

    def work(part: int, runner: int) -> None:
        meeting.wait()
        settings.append(np.geterr()["over"])

    with np.errstate(over="call"):
        processor.share_out(2, work)
    assert settings == ["call", "call"]


@pytest.mark.parametrize("faulty", [0, 1, 30])
def test_that_a_fault_is_raised_once_all_threads_have_come_to_rest(threads, faulty):
    threads(3)
    working = []

    def work(part: int, runner: int) -> None:
        working.append(part)
        try:
            if part == faulty:
                raise ZeroDivisionError
        finally:
            working.remove(part)

    with pytest.raises(ZeroDivisionError):
        processor.share_out(60, work)
    assert working == []


def test_that_after_a_fault_no_further_part_is_begun(threads):
    threads(1)
    begun = []

    def work(part: int, runner: int) -> None:
        begun.append(part)
        if part == 2:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        processor.share_out(10, work)
    assert begun == [0, 1, 2]


@pytest.mark.parametrize("faulty", [0, 1])
def test_that_a_fault_on_one_thread_keeps_the_other_from_going_on(threads, faulty):
    threads(2)
    meeting = threading.Barrier(2, timeout=10)
    begun = []

    def work(part: int, runner: int) -> None:
        begun.append(part)
        if part < 2:
            meeting.wait()
        if runner == faulty:
            raise ZeroDivisionError
        time.sleep(0.05)  # until the other one has failed

    with pytest.raises(ZeroDivisionError):
        processor.share_out(100, work)
    assert sorted(begun) == [0, 1]


@pytest.mark.parametrize("wish", ["0", "-1", "65", "two", "1.5", " "])
def test_that_an_impossible_number_of_threads_is_refused(monkeypatch, wish):
    monkeypatch.setenv(processor.THREADS, wish)
    with pytest.raises(UserError, match="CNNVIZ_THREADS: accepted is a whole number from 1 to 64, got"):
        processor.threads()


def test_that_without_a_wish_the_cores_are_used_up_to_four(monkeypatch):
    monkeypatch.delenv(processor.THREADS, raising=False)
    for cores, expected in [(1, 1), (2, 2), (4, 4), (16, 4)]:
        monkeypatch.setattr(processor, "cores", lambda cores=cores: cores)
        assert processor.threads() == expected


def test_that_a_window_leaves_one_core_alone_unless_told_otherwise(monkeypatch):
    monkeypatch.delenv(processor.THREADS, raising=False)
    for cores, expected in [(1, 1), (2, 1), (4, 3), (16, 4)]:
        monkeypatch.setattr(processor, "cores", lambda cores=cores: cores)
        with processor.a_core_left():
            assert processor.threads() == expected
        assert processor.THREADS not in os.environ
    monkeypatch.setenv(processor.THREADS, "7")
    with processor.a_core_left():
        assert processor.threads() == 7
    assert processor.threads() == 7


def started_with(**environment: str) -> str:
    """Return what a new process, in which BLAS was set up, finds in its environment."""
    names = f"(*processor.BLAS_THREADS, {processor.THREADS!r})"
    code = (
        f"import os; from cnnviz import processor; processor.configure(); print([os.environ.get(n) for n in {names}])"
    )
    clean = {name: value for name, value in os.environ.items() if name not in processor.BLAS_THREADS}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env={**clean, **environment}, capture_output=True, text=True, check=True).stdout


def test_that_blas_gets_one_thread_unless_the_environment_says_otherwise():
    assert started_with().startswith("['1', '1', '1', '1'")
    assert started_with(OPENBLAS_NUM_THREADS="3").startswith("['3', '1', '1', '1'")


INTERRUPTED_START = """
import signal, sys, threading
from cnnviz import interrupts, processor

start = threading.Thread.start

def start_and_be_interrupted(self):
    start(self)
    signal.raise_signal(signal.SIGINT)

threading.Thread.start = start_and_be_interrupted
processor.use_threads(3)
with interrupts.heeded():
    try:
        processor.share_out(3, lambda part, runner: None)
    except KeyboardInterrupt:
        print("interrupted")
"""


@pytest.mark.skipif(os.name != "posix", reason="a signal that a process raises there ends it")
def test_that_an_interrupt_while_threads_are_started_leaves_none_that_the_process_waits_for():
    command = [sys.executable, "-c", INTERRUPTED_START]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    assert outcome.stdout == "interrupted\n"


def test_that_setting_up_blas_does_not_import_numpy():
    code = "import sys; from cnnviz import processor; processor.configure(); sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_that_amd_processors_with_avx_512_are_given_the_kernels_for_it(monkeypatch, tmp_path):
    facts = tmp_path / "cpuinfo"
    monkeypatch.setattr(processor, "CPU_FACTS", facts)
    for vendor, flags, expected in [
        ("AuthenticAMD", "avx2 avx512f avx512vl", "SkylakeX"),
        ("AuthenticAMD", "avx2", None),
        ("GenuineIntel", "avx2 avx512f avx512vl", None),
    ]:
        monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
        facts.write_text(f"vendor_id : {vendor}\nflags : {flags}\n")
        processor.configure()
        assert os.environ.get("OPENBLAS_CORETYPE") == expected
        monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)


def test_that_all_of_it_is_told_in_one_line(threads):
    threads(3)
    assert processor.describe().startswith(f"3 threads on {processor.cores()} cores; ")
    threads(1)
    assert processor.describe().startswith("1 thread on ")
