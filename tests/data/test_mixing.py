import json
import re

import numpy as np
import pytest

from cnnviz.data import load_dataset
from cnnviz.data.datasets import DataError
from cnnviz.data.drawings import DrawingsError
from cnnviz.data.mixing import PEN_WIDTHS, check_images, load_images
from cnnviz.data.preparation import prepare_strokes

ONE = [[[5, 0], [5, 10]]]
BAR = [[[0, 5], [10, 5], [20, 4]]]


@pytest.fixture
def write(tmp_path):
    def write_drawings(content: object) -> str:
        path = tmp_path / "drawings.json"
        path.write_text(json.dumps(content))
        return str(path)

    return write_drawings


def test_that_a_drawing_becomes_an_image_with_each_pen_width(write):
    images = load_images(write([{"label": 1, "strokes": ONE}, {"label": 7, "strokes": BAR}]))
    pixels, labels = images.batch(np.arange(len(images)))
    assert labels.tolist() == [1, 1, 1, 7, 7, 7]
    assert pixels.dtype == np.uint8
    expected = [prepare_strokes([np.array(stroke[0])], width) for stroke in (ONE, BAR) for width in PEN_WIDTHS]
    assert np.array_equal(pixels, expected)
    assert pixels[0].sum() < pixels[1].sum() < pixels[2].sum()


@pytest.mark.parametrize("name", ["n" * 5000, "~nobody-of-this-name/digits"])
def test_that_a_name_that_no_file_can_have_is_refused_as_one_that_none_has(name):
    with pytest.raises(DataError, match="found no"):
        check_images(name)


def test_that_progress_counts_drawings(write):
    told = []
    load_images(write(2 * [{"label": 1, "strokes": ONE}]), progress=lambda *counts: told.append(counts))
    assert told == [(1, 2), (2, 2)]


def test_that_a_drawing_without_a_label_is_named(write):
    path = write([{"label": 1, "strokes": ONE}, {"strokes": ONE}])
    with pytest.raises(DataError, match=rf"^{re.escape(path)}: item 1: expected a \"label\", .* add it$"):
        load_images(path)


def test_that_a_damaged_file_is_told_as_one_of_drawings(write):
    with pytest.raises(DrawingsError, match="expected a list of drawings"):
        load_images(write(17))


@pytest.mark.parametrize("name", ["n" * 300, "~nobody-of-this-name/digits.json", "a\0b"])
def test_that_a_name_that_cannot_be_is_refused_as_one_that_is_not_there(name):
    with pytest.raises(DataError, match=r"expected a dataset .*, found no "):
        load_images(name)


def test_that_a_name_stands_for_the_training_images_of_that_dataset():
    ours, theirs = load_images("strokes"), load_dataset("strokes").train
    assert np.array_equal(ours.batch(np.arange(3))[0], theirs.batch(np.arange(3))[0])


def test_that_a_folder_stands_for_its_idx_files(tmp_path):
    with pytest.raises(DataError, match="expected four IDX files"):
        load_images(str(tmp_path))


def test_that_what_is_not_there_is_told_with_what_can_be():
    with pytest.raises(DataError, match=r"expected a dataset \(strokes, mnist\), a folder .* found no nowhere.json"):
        load_images("nowhere.json")
