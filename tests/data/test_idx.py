import gzip
import os
import struct
import tracemalloc

import numpy as np
import pytest

from cnnviz.data.datasets import DataError
from cnnviz.data.idx import IDX_FILES, read_idx_folder, read_idx_images, read_idx_labels
from cnnviz.errors import Cancelled

IMAGES = np.arange(3 * 28 * 28, dtype=np.uint8).reshape(3, 28, 28)
LABELS = np.array([5, 0, 9], dtype=np.uint8)


def header(*shape):
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


def idx(values):
    return header(*values.shape) + values.tobytes()


def write_folder(folder, train=(IMAGES, LABELS), test=(IMAGES[:2], LABELS[:2])):
    for name, values in zip(IDX_FILES, (*train, *test), strict=True):
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx(values)))
    return folder


def refusal(read, path):
    """Return the error's line, after checking what holds of all of them."""
    with pytest.raises(DataError) as caught:
        read(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: expected ")
    assert ", found " in line
    assert "\n" not in line
    return line


@pytest.fixture
def file(tmp_path):
    return tmp_path / "some-file"


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_that_content_decides_whether_a_file_is_unpacked(tmp_path, pack):
    for name in ("file", "file.gz"):
        (tmp_path / name).write_bytes(pack(idx(IMAGES)))
        images = read_idx_images(tmp_path / name)
        assert images.dtype == np.uint8
        np.testing.assert_array_equal(images, IMAGES)


def test_that_labels_are_read_in_order(file):
    file.write_bytes(idx(LABELS))
    labels = read_idx_labels(str(file))
    assert labels.dtype == np.uint8
    assert labels.tolist() == [5, 0, 9]


def test_that_images_of_any_size_are_read_row_by_row(file):
    file.write_bytes(header(1, 2, 3) + bytes([1, 2, 3, 4, 5, 6]))
    assert read_idx_images(file).tolist() == [[[1, 2, 3], [4, 5, 6]]]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_that_a_file_cut_at_any_byte_is_refused(file, pack):
    whole = pack(idx(LABELS))
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        refusal(read_idx_labels, file)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_that_a_byte_after_the_values_is_refused(file, pack):
    file.write_bytes(pack(idx(LABELS) + b"\0"))
    assert "found more bytes after them" in refusal(read_idx_labels, file)


def test_that_bytes_after_the_packed_content_are_refused(file):
    file.write_bytes(gzip.compress(idx(LABELS)) + b"more")
    refusal(read_idx_labels, file)


def test_that_every_flipped_byte_of_a_packed_file_is_noticed_or_harmless(file):
    whole = gzip.compress(idx(LABELS), mtime=0)
    refused = 0
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        file.write_bytes(damaged)
        try:
            assert read_idx_labels(file).tolist() == LABELS.tolist()
        except DataError:
            refused += 1
    assert refused >= len(whole) - 6  # time stamp, compression level, operating system


def test_that_swapped_files_are_told_apart_by_their_magic_numbers(file):
    file.write_bytes(idx(IMAGES))
    assert "magic number 0x00000801 of IDX labels, found 0x00000803 (IDX images)" in refusal(read_idx_labels, file)
    file.write_bytes(idx(np.zeros(100, np.uint8)))
    assert "magic number 0x00000803 of IDX images, found 0x00000801 (IDX labels)" in refusal(read_idx_images, file)


def test_that_other_content_is_refused_by_its_magic_number(file):
    file.write_bytes(b"<!DOCTYPE html><html>not here</html>")
    assert "found 0x3c21444f" in refusal(read_idx_images, file)


def test_that_an_empty_file_is_refused(file):
    file.write_bytes(b"")
    assert "expected an IDX file of images, found an empty file;" in refusal(read_idx_images, file)


def test_that_a_file_without_items_is_refused(file):
    file.write_bytes(header(0, 28, 28))
    assert "expected at least one" in refusal(read_idx_images, file)


def test_that_a_label_above_nine_is_refused_with_its_position(file):
    file.write_bytes(idx(np.array([1, 10, 255], np.uint8)))
    assert "expected labels from 0 to 9, found label 10 at position 1;" in refusal(read_idx_labels, file)


def refusal_and_memory(file):
    tracemalloc.start()
    try:
        line = refusal(read_idx_images, file)
        return line, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize("shape", [(2**32 - 1,) * 3, (60_000, 28, 28)])
def test_that_a_huge_declared_size_is_refused_before_memory_is_taken(file, pack, shape):
    file.write_bytes(pack(header(*shape) + bytes(1000)))
    line, memory = refusal_and_memory(file)
    assert "expected at most 536,870,912 values" in line or "found a file of only" in line
    assert memory < 2**20


def test_that_a_larger_file_than_the_program_takes_is_refused_though_its_header_is_true(file):
    with open(file, "wb") as stream:
        stream.write(header(685_000, 28, 28))
        stream.truncate(16 + 685_000 * 28 * 28)  # sparse: takes no room on the disk
    line, memory = refusal_and_memory(file)
    assert "expected at most 536,870,912 values, found 537,040,000 declared in its header" in line
    assert memory < 2**20


def test_that_a_gzip_bomb_is_not_unpacked_further_than_its_header_says(file):
    file.write_bytes(gzip.compress(header(1, 28, 28) + bytes(200_000_000), 1))
    line, memory = refusal_and_memory(file)
    assert "found more bytes after them" in line
    assert memory < 2**20


def test_that_what_is_not_a_file_is_refused_at_once(tmp_path):
    assert "found a folder;" in refusal(read_idx_images, tmp_path)
    assert "found no such file;" in refusal(read_idx_images, tmp_path / "missing")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_that_a_pipe_is_refused_without_waiting_for_its_writer(file):
    os.mkfifo(file)
    assert "found a pipe;" in refusal(read_idx_images, file)


def test_that_a_folder_gives_a_training_and_a_test_set(tmp_path):
    train, test = read_idx_folder(write_folder(tmp_path))
    assert (len(train), len(test)) == (3, 2)
    images, labels = train.batch(np.array([2, 0]))
    np.testing.assert_array_equal(images, IMAGES[[2, 0]])
    assert labels.tolist() == [9, 5]
    assert labels.dtype == np.int64
    assert not train.in_random_order


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("mark", ["-idx", ".idx"])
def test_that_the_usual_spellings_of_names_are_found(tmp_path, suffix, mark):
    for path in list(write_folder(tmp_path).iterdir()):
        path.rename(tmp_path / (path.name.removesuffix(".gz").replace("-idx", mark) + suffix))
    assert len(read_idx_folder(tmp_path)[0]) == 3


def test_that_a_folder_unpacked_into_folders_is_read(tmp_path):
    for path in list(write_folder(tmp_path).iterdir()):
        name = path.name.removesuffix(".gz")
        (tmp_path / name).mkdir()
        path.rename(tmp_path / name.replace("-idx", ".idx"))
    assert len(read_idx_folder(tmp_path)[0]) == 3


def test_that_missing_files_are_named(tmp_path):
    assert "found none of them; choose a folder that holds them" in refusal(read_idx_folder, tmp_path)
    write_folder(tmp_path)
    (tmp_path / f"{IDX_FILES[3]}.gz").unlink()
    assert "found no t10k-labels-idx1-ubyte;" in refusal(read_idx_folder, tmp_path)
    assert "found none of them" in refusal(read_idx_folder, tmp_path / "missing")


def test_that_images_and_labels_must_be_as_many(tmp_path):
    write_folder(tmp_path, test=(IMAGES, LABELS[:2]))
    with pytest.raises(DataError, match=r"t10k-labels\S+: expected 3 labels, one for each image of t10k-\S+, found 2;"):
        read_idx_folder(tmp_path)


def test_that_images_of_a_folder_must_be_28_by_28(tmp_path):
    write_folder(tmp_path, train=(IMAGES[:, :20], LABELS))
    with pytest.raises(DataError, match=r"train-images\S+: expected images of 28x28 pixels, found 20x28;"):
        read_idx_folder(tmp_path)


def test_that_progress_counts_the_bytes_of_all_four_files(tmp_path):
    reports = []
    read_idx_folder(write_folder(tmp_path), lambda done, total: reports.append((done, total)))
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    done = [done for done, _ in reports]
    assert done == sorted(done)
    assert reports[-1] == (size, size)
    assert {total for _, total in reports} == {size}


def test_that_reading_can_be_cancelled(tmp_path):
    def cancel(*_):
        raise Cancelled

    with pytest.raises(Cancelled):
        read_idx_folder(write_folder(tmp_path), cancel)
