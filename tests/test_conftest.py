import os
import subprocess
import sys
from pathlib import Path

CONFTEST = Path(__file__).with_name("conftest.py")

LEAKS_A_THREAD = """
import threading

def test_that_leaks():
    stop = threading.Event()
    threading.Thread(target=stop.wait, name="forgotten", daemon=True).start()
"""
ENDS_ITS_THREAD = """
import threading

def test_that_is_tidy():
    threading.Timer(0.2, int).start()
"""


def run_pytest(folder: Path, test: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_bytes(CONFTEST.read_bytes())
    (folder / "test_sample.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", os.fspath(folder)]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_that_a_test_which_leaves_a_thread_alive_fails(tmp_path):
    outcome = run_pytest(tmp_path, LEAKS_A_THREAD)
    assert outcome.returncode == 1
    assert "left running: forgotten" in outcome.stdout


def test_that_a_test_whose_thread_is_about_to_end_passes(tmp_path):
    outcome = run_pytest(tmp_path, ENDS_ITS_THREAD)
    assert outcome.returncode == 0, outcome.stdout
