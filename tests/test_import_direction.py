import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

IMPORT_ALL_WITHOUT_QT = """
import importlib, pkgutil, sys

class NoQt:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("PySide6", "shiboken6", "pyqtgraph"):
            raise ImportError(f"{name} is not for everybody")

sys.meta_path.insert(0, NoQt())
import cnnviz
names = [module.name for module in pkgutil.walk_packages(cnnviz.__path__, "cnnviz.", onerror=None)
         if not module.name.startswith(("cnnviz.gui.", "cnnviz.resources")) and module.name != "cnnviz.__main__"]
names += ["cnnviz.gui", "cnnviz.gui.preflight"]
for name in names:
    importlib.import_module(name)
print(len(names))
"""

TRAIN_WITHOUT_QT = """
import sys
sys.modules["PySide6"] = sys.modules["pyqtgraph"] = None
from cnnviz.cli import main
sys.exit(main("train --preset zhou --dataset strokes --train-size 20 --test-size 10 --epochs 1 --json -".split()))
"""


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"]
    return subprocess.run(
        command, cwd=root, env={**os.environ, "PYTHONPATH": os.fspath(root)}, capture_output=True, text=True, timeout=60
    )


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.fixture
def copy_of_sources(tmp_path):
    shutil.copytree(ROOT / "cnnviz", tmp_path / "cnnviz", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_that_imports_keep_to_the_direction_in_pyproject():
    outcome = lint_imports(ROOT)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "Contracts: 2 kept, 0 broken." in outcome.stdout


AGAINST_THE_DIRECTION = {
    "nn/losses.py": "PySide6",
    "gui/preflight.py": "pyqtgraph",
    "commands/console.py": "PySide6",
    "data/idx.py": "cnnviz.nn",
    "nn/network.py": "cnnviz.data",
    "formats/npz.py": "cnnviz.training",
    "training/trainer.py": "cnnviz.gui",
    "gui/theme.py": "cnnviz.cli",
    "errors.py": "cnnviz.atomic",
}


def test_that_imports_against_the_direction_are_found(copy_of_sources):
    for file, imported in AGAINST_THE_DIRECTION.items():
        path = copy_of_sources / "cnnviz" / file
        path.write_text(f"import {imported}\n{path.read_text()}")
    outcome = lint_imports(copy_of_sources)
    assert outcome.returncode == 1
    for file, imported in AGAINST_THE_DIRECTION.items():
        importer = f"cnnviz.{file.removesuffix('.py').replace('/', '.')}"
        assert f"{importer} -> {imported} " in outcome.stdout


def test_that_a_module_without_a_place_in_the_direction_is_found(copy_of_sources):
    (copy_of_sources / "cnnviz" / "stray.py").touch()
    outcome = lint_imports(copy_of_sources)
    assert outcome.returncode == 1
    assert "stray" in outcome.stdout


def test_that_nothing_outside_the_window_imports_qt():
    outcome = run_python(IMPORT_ALL_WITHOUT_QT)
    assert outcome.returncode == 0, outcome.stderr
    assert int(outcome.stdout) > 40


def test_that_training_runs_where_qt_is_not_installed():
    outcome = run_python(TRAIN_WITHOUT_QT)
    assert outcome.returncode == 0, outcome.stderr
    assert '"steps": 20' in outcome.stdout


def test_that_the_command_line_answers_before_numpy_is_loaded():
    outcome = run_python(
        "import sys; from cnnviz.cli import main; assert main(['--help']) == 0; print('numpy' in sys.modules)"
    )
    assert outcome.stdout.splitlines()[-1] == "False"
