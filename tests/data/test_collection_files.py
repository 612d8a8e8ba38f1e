import gzip

import numpy as np
import pytest

from cnnviz.data import load_dataset
from cnnviz.data.collection import adding
from cnnviz.data.collection_files import export_idx, export_strokes, read_digits
from cnnviz.data.datasets import DataError
from cnnviz.data.drawings import Drawing
from cnnviz.data.idx import IDX_FILES, read_idx_images, read_idx_labels, write_idx_pair
from cnnviz.errors import UserError


def digits(count):
    """Return ``count`` different digits, in turn strokes and images, of the kinds 0, 1, 2, 0, 1, 2, ..."""
    rng = np.random.default_rng(5)
    drawings = []
    for index in range(count):
        strokes, image = [rng.uniform(0, 1, (4, 2))], rng.integers(1, 256, (28, 28)).astype(np.uint8)
        drawings.append(Drawing([], index % 3, image=image) if index % 2 else Drawing(strokes, index % 3))
    return list(adding(drawings).values())


def contents(change):
    return sorted((digit.label, digit.ink.image.tobytes()) for digit in change)


def test_that_exported_images_are_a_dataset_with_every_sixth_digit_of_a_kind_for_tests(tmp_path):
    own = digits(40)
    export_idx(tmp_path, own)
    dataset = load_dataset(str(tmp_path))
    assert (len(dataset.train), len(dataset.test)) == (34, 6)
    assert sorted(dataset.test.labels) == [0, 0, 1, 1, 2, 2]
    np.testing.assert_array_equal(dataset.test.images[0], own[15].ink.image)
    assert contents(read_digits(tmp_path).values()) == contents(own)


@pytest.mark.parametrize("name", ["train-labels-idx1-ubyte", "t10k-images.idx3-ubyte.gz"])
def test_that_a_dataset_is_not_written_over_another_one(tmp_path, name):
    (tmp_path / name).write_text("precious")
    with pytest.raises(DataError, match=f"expected a folder without a dataset, found {name}; choose an empty folder"):
        export_idx(tmp_path, digits(3))
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "precious"


@pytest.mark.parametrize("count", [1, 2, 5])
def test_that_few_digits_make_a_dataset_too(tmp_path, count):
    export_idx(tmp_path, digits(count))
    dataset = load_dataset(str(tmp_path))
    assert (len(dataset.train), len(dataset.test)) == (max(count - 1, 1), 1)
    assert len(read_digits(tmp_path)) == count


def test_that_exported_strokes_come_back_as_the_same_ink(tmp_path):
    own = digits(7)
    export_strokes(tmp_path / "mine.json", own)
    change = read_digits(tmp_path / "mine.json")
    assert [(key, digit.label) for key, digit in change.items()] == [(digit.ink.key, digit.label) for digit in own]


@pytest.mark.parametrize("chosen", [0, 1])
def test_that_either_file_of_a_pair_brings_the_other(tmp_path, chosen):
    own = digits(9)
    export_idx(tmp_path, own)
    (tmp_path / IDX_FILES[1]).rename(tmp_path / "train-labels.idx1-ubyte")
    (tmp_path / IDX_FILES[0]).rename(tmp_path / "train-images.idx3-ubyte")
    name = ("train-images.idx3-ubyte", "train-labels.idx1-ubyte")[chosen]
    assert len(read_digits(tmp_path / name)) == 8


def test_that_a_packed_file_finds_a_plain_partner(tmp_path):
    export_idx(tmp_path, digits(9))
    plain = tmp_path / IDX_FILES[0]
    (tmp_path / f"{IDX_FILES[0]}.gz").write_bytes(gzip.compress(plain.read_bytes()))
    assert len(read_digits(tmp_path / f"{IDX_FILES[0]}.gz")) == 8


def test_that_one_pair_in_a_folder_is_enough(tmp_path):
    export_idx(tmp_path, digits(9))
    (tmp_path / IDX_FILES[3]).unlink()
    assert len(read_digits(tmp_path)) == 8


def test_that_an_empty_image_is_named_by_its_item(tmp_path):
    images = np.full((3, 28, 28), 9, np.uint8)
    images[1] = 0
    write_idx_pair(tmp_path / "my-images", tmp_path / "my-labels", images, np.array([1, 2, 3]))
    with pytest.raises(UserError, match=r"my-images: item 1: expected an image with ink"):
        read_digits(tmp_path / "my-images")


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("my-images", r"my-images: expected my-labels beside it, found no such file"),
        ("mine", r'mine: expected "images" or "labels" in the name of an IDX file'),
        ("text", r"text: expected a list of drawings in JSON"),
        ("none", r"none: expected a file of drawings, found no such file; check the name"),
        ("empty", r"empty: expected IDX files train-images-idx3-ubyte and train-labels-idx1-ubyte"),
    ],
)
def test_that_what_cannot_be_read_is_told_in_one_line(tmp_path, name, fault):
    for each in ("my-images", "mine"):
        write_idx_pair(tmp_path / each, tmp_path / "x", np.ones((1, 28, 28), np.uint8), np.array([1]))
    (tmp_path / "text").write_text("no digits")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=fault) as error:
        read_digits(tmp_path / name)
    assert "\n" not in str(error.value)


def test_that_a_written_pair_is_read_as_it_was(tmp_path):
    images = np.random.default_rng(1).integers(0, 256, (5, 28, 28)).astype(np.uint8)
    write_idx_pair(tmp_path / "i", tmp_path / "l", images, np.array([3, 1, 4, 1, 5]))
    np.testing.assert_array_equal(read_idx_images(tmp_path / "i"), images)
    np.testing.assert_array_equal(read_idx_labels(tmp_path / "l"), [3, 1, 4, 1, 5])
