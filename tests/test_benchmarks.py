"""The commands in tests/benchmarks start, and compare like with like; nothing here depends on how fast anything is."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cnnviz.nn import Parameters, softmax_cross_entropy
from cnnviz.training.presets import PRESETS

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))  # importlib mode leaves it off the path

from tests.benchmarks import against_pytorch, against_textbook, published  # noqa: E402

TRAINING_ZHOU = against_pytorch.CASES[0]
STAND_IN = """
import json, os, sys
print(json.dumps({"torch": "99"}), flush=True)
for line in sys.stdin:
    print(f"{sys.argv[1]} {'OPENBLAS_NUM_THREADS' in os.environ} {line.strip()}", file=sys.stderr)
    print(json.dumps({"seconds_per_call": 2 / int(sys.argv[1])}), flush=True)
"""


@pytest.fixture
def in_no_time(monkeypatch):
    for module in (against_pytorch, against_textbook):
        monkeypatch.setattr(module, "BLOCK_SECONDS", 0.0)
    monkeypatch.setattr(against_pytorch, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(against_textbook, "ROUNDS", 1)


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A process that answers in PyTorch's place: 2 s for a call, divided by its number of threads."""
    worker = tmp_path / "stand_in.py"
    worker.write_text(STAND_IN)
    monkeypatch.setattr(against_pytorch, "WORKER", worker)
    monkeypatch.setattr(against_pytorch, "THREAD_COUNTS", (1, 2))
    monkeypatch.setattr(against_pytorch.os, "cpu_count", lambda: 2)


def test_that_the_comparison_with_pytorch_is_skipped_where_there_is_none(tmp_path):
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(name='torch')")
    outcome = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.against_pytorch"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.fspath(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith(f"skipped: PyTorch is not installed for {sys.executable}; install it there")
    assert len(outcome.stdout.splitlines()) == 1


def test_that_a_python_which_is_not_there_is_named_in_one_line(capsys):
    assert against_pytorch.main(["--torch-python", "/not/there"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("/not/there could not be measured: ")


def test_that_no_rounds_at_all_are_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        against_pytorch.main(["--rounds", "0"])
    assert "--rounds needs 1 or more, got 0" in capsys.readouterr().err


def test_that_pytorch_is_asked_for_the_same_work_with_its_own_choice_of_blas_threads(
    monkeypatch, capfd, in_no_time, stand_in
):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    assert against_pytorch.main(["--only", "training zhou", "--rounds", "2"]) == 0
    out, err = capfd.readouterr()
    request = '{"kind": "training", "preset": "zhou", "batch_size": 1, "seconds": 0.0}'
    assert sorted(err.splitlines()) == 3 * [f"1 False {request}"] + 3 * [f"2 False {request}"]
    (row,) = [line for line in out.splitlines() if line.startswith("training")]
    assert " 1000.000 (2) " in row
    assert row.endswith("1.5  ok")


def test_that_every_round_begins_with_another_side(monkeypatch, in_no_time):
    log = []
    timers = {side: lambda *_, side=side: log.append(side) or 1.0 for side in "abc"}
    assert against_pytorch._time_in_turn(TRAINING_ZHOU, timers, 4) == {side: [1.0] * 4 for side in "abc"}
    assert "".join(log) == "abc" + "abc" + "bca" + "cab" + "abc"


@pytest.mark.parametrize(("ours", "ratio", "verdict"), [(0.002, "1.50", "ok"), (0.00201, "1.49", "missed")])
def test_that_the_ratio_is_that_to_pytorchs_better_number_of_threads(ours, ratio, verdict):
    seconds = {1: [0.003] * 3, 2: [0.004] * 3, "ours": [ours] * 3}
    row = against_pytorch.row(TRAINING_ZHOU, seconds).split()
    figures = [f"{1000 * ours:.3f}", "3.000", "(1)", ratio, ratio, "to", ratio, "1.5", verdict]
    assert row == ["training", "zhou,", "batch", "1", *figures]


def test_that_ratios_are_taken_within_rounds():
    seconds = {1: [0.002, 0.01, 0.09], "ours": [0.001, 0.02, 0.03]}  # the ratio of the medians would be 0.5
    assert " 2.00   0.50 to 3.00 " in against_pytorch.row(TRAINING_ZHOU, seconds)


def test_that_the_comparison_with_loops_has_a_row_for_each_direction_and_each_network(capsys, in_no_time):
    assert against_textbook.main() == 0
    rows = capsys.readouterr().out.splitlines()[3:]
    assert [row.split()[0] for row in rows] == ["conv"] * 4 + ["max"] * 2 + ["training"] * 2
    for row in rows:
        loops, alone, _, batch, _ = row[44:].split()  # a ratio of single calls can be anything on a busy machine
        assert min(float(loops), float(alone), float(batch)) > 0


@pytest.mark.parametrize("preset", ["zhou", "escontrela"])
def test_that_the_published_loops_compute_the_gradients_that_the_network_does(preset):
    rng = np.random.default_rng(5)
    network = PRESETS[preset].build()
    parameters = network.initialize(rng, np.float64)
    parameters.vector[:] += 0.01 * rng.standard_normal(parameters.vector.size)  # biases as well
    image, label = rng.standard_normal((28, 28)), 3
    forward = network.forward(image[np.newaxis, :, :, np.newaxis], parameters)
    expected = Parameters.zeros(network.parameter_shapes, np.float64)
    network.backward(softmax_cross_entropy(forward.logits, np.array([label])).gradient, forward, parameters, expected)
    loops = {"zhou": published.zhou_gradients, "escontrela": published.escontrela_gradients}[preset]
    gradients = loops(image, label, parameters)
    assert {name: set(tensors) for name, tensors in gradients.items()} == {
        name: set(tensors) for name, tensors in network.parameter_shapes.items()
    }
    for name, tensors in gradients.items():
        for key, gradient in tensors.items():
            np.testing.assert_allclose(gradient, expected[name][key], rtol=0, atol=1e-12, err_msg=f"{name} {key}")
