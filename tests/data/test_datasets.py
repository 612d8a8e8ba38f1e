import gzip
import struct

import numpy as np
import pytest

from cnnviz.data import DATASETS, is_renewable, load_dataset
from cnnviz.data.datasets import ArrayImageSet, DataError, Renewable, head, part_of
from cnnviz.data.idx import IDX_FILES
from cnnviz.data.strokes import StrokesImageSet

IMAGES = np.arange(5 * 28 * 28, dtype=np.uint8).reshape(5, 28, 28)
LABELS = np.array([3, 1, 4, 1, 5], dtype=np.uint8)


@pytest.fixture
def image_set():
    return ArrayImageSet(IMAGES, LABELS)


@pytest.fixture
def idx_folder(tmp_path):
    folder = tmp_path / "my digits"
    folder.mkdir()
    for name in IDX_FILES:
        values = IMAGES if "images" in name else LABELS
        shape = struct.pack(f">{values.ndim}I", *values.shape)
        (folder / f"{name}.gz").write_bytes(gzip.compress(bytes([0, 0, 8, values.ndim]) + shape + values.tobytes()))
    return folder


def test_that_a_batch_holds_the_images_and_labels_asked_for(image_set):
    images, labels = image_set.batch(np.array([4, 0, 4]))
    np.testing.assert_array_equal(images, IMAGES[[4, 0, 4]])
    assert labels.tolist() == [5, 3, 5]
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)


def test_that_a_batch_may_be_changed_without_changing_the_set(image_set):
    images, labels = image_set.batch(np.arange(5))
    images[:] = 7
    labels[:] = 7
    np.testing.assert_array_equal(image_set.images, IMAGES)
    assert image_set.labels.tolist() == LABELS.tolist()


def test_that_images_and_labels_must_be_as_many():
    with pytest.raises(ValueError, match="5 images cannot carry 4 labels"):
        ArrayImageSet(IMAGES, LABELS[:4])


def test_that_a_head_has_the_first_items_only(image_set):
    first = head(image_set, 2)
    assert len(first) == 2
    assert first.batch(np.array([1, 0]))[1].tolist() == [1, 3]
    for index in (2, -1):
        with pytest.raises(IndexError, match=f"index {index} is outside the first 2 items"):
            first.batch(np.array([0, index]))


def test_that_a_head_may_be_as_long_as_the_set(image_set):
    assert len(head(image_set, 5)) == 5


def test_that_a_head_is_stored_in_the_order_of_its_set():
    assert head(ArrayImageSet(IMAGES, LABELS, in_random_order=True), 2).in_random_order
    assert not head(ArrayImageSet(IMAGES, LABELS), 2).in_random_order


def test_that_a_head_without_a_size_is_the_set_itself(image_set):
    assert head(image_set, None) is image_set


def test_that_a_head_longer_than_the_set_is_refused_with_both_numbers(image_set):
    with pytest.raises(DataError, match="6 images were asked for, but the set has only 5"):
        head(image_set, 6)


@pytest.mark.parametrize("size", [0, -1])
def test_that_an_empty_head_is_refused(image_set, size):
    with pytest.raises(DataError, match="at least 1 image"):
        head(image_set, size)


def test_that_a_head_of_generated_digits_can_be_made_anew_and_that_of_others_not(image_set):
    first = head(StrokesImageSet(40, seed=3), 20)
    before = first.batch(np.arange(20))[0]
    first.begin_epoch(1)
    assert not np.array_equal(first.batch(np.arange(20))[0], before)
    assert not isinstance(head(image_set, 2), Renewable)


def test_that_a_part_of_longer_work_reports_within_the_whole():
    reports = []
    part_of(lambda done, total: reports.append((done, total)), 30, 100)(5, 10)
    part_of(None, 30, 100)(5, 10)
    assert reports == [(35, 100)]


@pytest.mark.parametrize("source", DATASETS, ids=lambda source: source.name)
def test_that_a_source_says_whether_it_can_load(source, tmp_path):
    assert all([source.name, source.title, source.description])
    if source.is_available(tmp_path):
        dataset = source.load(tmp_path, None)
        assert (dataset.name, dataset.title) == (source.name, source.title)
        images, labels = dataset.train.batch(np.array([3, 0, 2]))
        assert (images.shape, images.dtype) == ((3, 28, 28), np.uint8)
        assert (labels.shape, labels.dtype) == ((3,), np.int64)
    else:
        with pytest.raises(DataError, match=r"expected .*, found .*; "):
            source.load(tmp_path, None)


def test_that_strokes_need_no_files_and_mnist_does(tmp_path):
    available = {source.name: source.is_available(tmp_path) for source in DATASETS}
    assert available["strokes"]
    assert not available["mnist"]


@pytest.mark.parametrize("source", DATASETS, ids=lambda source: source.name)
def test_that_a_source_says_whether_its_images_can_be_made_anew(source, idx_folder):
    train = source.load(idx_folder, None).train
    assert is_renewable(source.name) == source.renewable == isinstance(train, Renewable)


def test_that_the_images_of_a_folder_cannot_be_made_anew(idx_folder):
    assert not is_renewable(str(idx_folder))


def test_that_names_are_unique():
    assert len({source.name for source in DATASETS}) == len(DATASETS)


def test_that_a_dataset_is_loaded_by_its_name_from_a_folder(idx_folder):
    dataset = load_dataset("mnist", idx_folder)
    assert (dataset.name, dataset.title) == ("mnist", "MNIST")
    assert (len(dataset.train), len(dataset.test)) == (5, 5)


def test_that_a_folder_of_idx_files_is_a_dataset_named_after_it(idx_folder, monkeypatch):
    monkeypatch.chdir(idx_folder)
    for name in (idx_folder, str(idx_folder), "."):
        dataset = load_dataset(name)
        assert (dataset.name, dataset.title) == ("my digits", "my digits")
        assert dataset.test.batch(np.array([2]))[1].tolist() == [4]


def test_that_a_name_wins_over_a_folder_called_the_same(tmp_path, monkeypatch):
    (tmp_path / "strokes").mkdir()
    monkeypatch.chdir(tmp_path)
    assert len(load_dataset("strokes").train) == 60_000


def test_that_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(DataError, match=r"expected a dataset \(strokes, mnist.*\) or a folder .*, found fashion;"):
        load_dataset("fashion")


def test_that_a_folder_without_idx_files_is_refused(tmp_path):
    with pytest.raises(DataError, match="found none of them; choose a folder that holds them"):
        load_dataset(tmp_path)


def test_that_loading_reports_its_progress(idx_folder):
    reports = []
    load_dataset(idx_folder, progress=lambda done, total: reports.append((done, total)))
    assert reports[-1][0] == reports[-1][1] > 0
