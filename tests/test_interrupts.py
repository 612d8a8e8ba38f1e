import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cnnviz import interrupts
from cnnviz.interrupts import PATIENCE_SECONDS, SIGNALS, check, exit_code, first, heeded, ignore, put_off

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a signal that a process raises there ends it")


@pytest.fixture(autouse=True)
def handlers_of_their_own():
    """Let no handler outlive its test."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def clock(monkeypatch):
    """Stand in for the time; the test moves it on."""

    class Clock:
        now = 100.0

    monkeypatch.setattr(interrupts.time, "monotonic", lambda: Clock.now)
    return Clock


@pytest.fixture
def ends(monkeypatch):
    """Return the codes with which the process would have ended at once."""
    codes = []
    monkeypatch.setattr(interrupts.os, "_exit", codes.append)
    return codes


@pytest.mark.parametrize("number", SIGNALS)
def test_that_each_signal_that_asks_for_the_end_raises_and_is_remembered(number):
    with heeded():
        assert first() is None
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        assert (first(), exit_code()) == (number, 128 + number)
        with pytest.raises(KeyboardInterrupt):
            check()


def test_that_afterwards_signals_are_heeded_as_before_and_forgotten_by_the_next_run():
    before = [signal.getsignal(number) for number in SIGNALS]
    with heeded(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    assert [signal.getsignal(number) for number in SIGNALS] == before
    with heeded():
        check()


def test_that_a_process_with_nothing_left_to_do_is_ended_at_once():
    with heeded(for_good=True):
        pass
    assert {signal.getsignal(number) for number in SIGNALS} == {signal.SIG_DFL}


def test_that_what_is_to_be_ignored_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with heeded(for_good=True):
        signal.raise_signal(signal.SIGHUP)
        assert first() is None
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_that_another_thread_than_the_first_does_without():
    done = []

    def work():
        with heeded(), put_off():
            done.append(interrupts._state.put_off)

    with heeded():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert first() == signal.SIGINT
    assert done == [0]


def test_that_an_interrupt_that_is_put_off_comes_at_the_end_of_the_outermost_part():
    done = []

    def work():
        with put_off():
            with put_off():
                signal.raise_signal(signal.SIGTERM)
                done.append("inner")
            done.append("outer")
        done.append("after")

    with heeded(), pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["inner", "outer"]


def test_that_a_fault_is_not_hidden_by_an_interrupt_that_was_put_off():
    def work():
        with put_off():
            signal.raise_signal(signal.SIGTERM)
            raise ValueError("fault")

    with heeded(), pytest.raises(ValueError, match="fault"):
        work()


def test_that_the_same_wish_twice_is_one_and_a_later_one_ends_the_process(clock, ends):
    with heeded():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        clock.now += 0.9 * PATIENCE_SECONDS
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGHUP)
        assert ends == []
        clock.now += 0.2 * PATIENCE_SECONDS
        signal.raise_signal(signal.SIGTERM)
        assert ends == [143]


def test_that_a_process_that_ignores_them_is_not_disturbed():
    ignore()
    for number in SIGNALS:
        signal.raise_signal(number)


def test_that_a_process_started_meanwhile_is_deaf_from_its_first_moment_on():
    code = "import os, signal; os.kill(os.getpid(), signal.SIGTERM); print('alive')"
    with interrupts.held_back():
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.communicate(timeout=30)[0] == b"alive\n"
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_that_an_interrupt_before_the_program_listens_shows_no_traceback():
    code = (
        "import signal, sys; sys.modules['cnnviz.cli'] = None\n"
        "try: import cnnviz.__main__\n"
        "except ImportError: signal.raise_signal(signal.SIGINT)"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (outcome.returncode, outcome.stderr) == (-signal.SIGINT, b"")
