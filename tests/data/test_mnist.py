import os
from pathlib import Path

import numpy as np
import platformdirs
import pytest

from cnnviz.data.datasets import DataError
from cnnviz.data.idx import IDX_FILES
from cnnviz.data.mnist import MNIST, mnist_folder


@pytest.fixture
def no_environment(monkeypatch):
    monkeypatch.delenv("CNNVIZ_DATA_DIR", raising=False)


def test_that_the_folder_given_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("CNNVIZ_DATA_DIR", "/from/environment")
    assert mnist_folder("/given") == Path("/given")
    assert mnist_folder() == Path("/from/environment")


@pytest.mark.parametrize("value", [None, ""])
def test_that_the_cache_is_the_usual_folder(monkeypatch, no_environment, value):
    if value is not None:
        monkeypatch.setenv("CNNVIZ_DATA_DIR", value)
    assert mnist_folder() == Path(platformdirs.user_cache_dir("cnnviz")) / "mnist"


def test_that_a_tilde_is_the_home_folder():
    assert mnist_folder("~/digits") == Path.home() / "digits"


def test_that_it_is_available_once_all_four_files_are_there(tmp_path):
    for name in IDX_FILES:
        assert not MNIST.is_available(tmp_path)
        (tmp_path / f"{name}.gz").touch()
    assert MNIST.is_available(tmp_path)


def test_that_its_absence_is_told_with_the_three_ways_to_mend_it(tmp_path):
    with pytest.raises(DataError) as caught:
        MNIST.load(tmp_path, None)
    line = str(caught.value)
    assert line.startswith(f"{tmp_path}: expected four IDX files named as MNIST's")
    assert '"python main.py data download mnist"' in line
    assert '"Download MNIST"' in line
    assert "--data-dir DIR" in line
    assert "\n" not in line


@pytest.fixture(scope="module")
def mnist():
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("CNNVIZ_TEST_DATA", beside)) / "mnist"
    if not MNIST.is_available(folder):
        pytest.skip(f"needs the four MNIST files in {folder}")
    return MNIST.load(folder, None)


def test_that_the_real_one_has_its_published_sizes(mnist):
    assert (len(mnist.train), len(mnist.test)) == (60_000, 10_000)


def test_that_the_real_one_begins_with_its_well_known_labels(mnist):
    assert mnist.train.batch(np.arange(5))[1].tolist() == [5, 0, 4, 1, 9]
    assert mnist.test.batch(np.arange(5))[1].tolist() == [7, 2, 1, 0, 4]


def test_that_the_real_one_has_its_well_known_mean_grey_level(mnist):
    images, _ = mnist.train.batch(np.arange(60_000))
    assert images.mean() == pytest.approx(33.318, abs=0.001)
