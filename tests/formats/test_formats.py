import os
import re

import pytest

from cnnviz import atomic
from cnnviz.atomic import WriteError
from cnnviz.data.preprocessing import Normalization
from cnnviz.formats import FORMATS, MAX_FILE_BYTES, FormatError, SavedParameters, read_parameters, write_parameters

EXTENSIONS = [extension for each in FORMATS for extension in each.extensions]
each_extension = pytest.mark.parametrize("extension", EXTENSIONS)
each_format = pytest.mark.parametrize("file_format", FORMATS, ids=lambda each: each.name)


def test_that_no_two_formats_share_a_name_or_an_extension():
    assert len({each.name for each in FORMATS}) == len(FORMATS)
    assert len(set(EXTENSIONS)) == len(EXTENSIONS)
    assert all(re.fullmatch(r"\.[a-z0-9]+", extension) for extension in EXTENSIONS)
    assert all(each.title for each in FORMATS)


@each_extension
def test_that_what_is_written_is_read_again_bit_by_bit(extension, tmp_path, escontrela, assert_equal_parameters):
    path = tmp_path / f"trained{extension}"
    write_parameters(path, escontrela)
    found = read_parameters(path)
    assert_equal_parameters(found, escontrela)
    assert found.normalization == Normalization(33, 78)
    assert found.test_normalization == escontrela.test_normalization


@each_format
def test_that_the_same_parameters_give_the_same_bytes(file_format, escontrela):
    assert file_format.encode(escontrela) == file_format.encode(escontrela)


@each_format
def test_that_reading_and_writing_again_gives_the_same_bytes(file_format, escontrela):
    data = file_format.encode(escontrela)
    assert file_format.encode(file_format.decode(data)) == data


def test_that_the_extension_may_be_in_capitals(tmp_path, zhou, assert_equal_parameters):
    write_parameters(str(tmp_path / "TRAINED.NPZ"), zhou)
    assert_equal_parameters(read_parameters(tmp_path / "TRAINED.NPZ"), zhou)


@pytest.mark.parametrize("name", ["trained.pt", "trained", ".npz"])
def test_that_an_unknown_extension_is_refused_with_the_known_ones(name, tmp_path, zhou):
    message = r"known are \.npz \(NumPy archive\), \.pkl/\.pickle \(Escontrela's params\.pkl\)$"
    with pytest.raises(FormatError, match=message):
        read_parameters(tmp_path / name)
    with pytest.raises(FormatError, match=message):
        write_parameters(tmp_path / name, zhou)


@each_extension
def test_that_a_missing_file_is_named(extension, tmp_path):
    path = tmp_path / f"absent{extension}"
    with pytest.raises(
        FormatError, match=f"^{re.escape(str(path))}: expected a parameter file .*, found no such file; "
    ):
        read_parameters(path)


@each_extension
def test_that_a_folder_is_refused(extension, tmp_path):
    path = tmp_path / f"folder{extension}"
    path.mkdir()
    with pytest.raises(FormatError, match="found a folder; choose a file"):
        read_parameters(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes with a place in a folder are POSIX's")
@pytest.mark.timeout(10)
@each_extension
def test_that_a_pipe_is_refused_instead_of_waited_for(extension, tmp_path):
    path = tmp_path / f"pipe{extension}"
    os.mkfifo(path)
    with pytest.raises(FormatError, match="found a pipe; "):
        read_parameters(path)


@each_extension
def test_that_a_huge_file_is_refused_unread(extension, tmp_path, peak_memory):
    path = tmp_path / f"huge{extension}"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with (
        peak_memory() as peak,
        pytest.raises(FormatError, match="found 67,108,865 bytes, more than the 64 MiB that one has at most"),
    ):
        read_parameters(path)
    assert peak.bytes < 2**20


@each_extension
@pytest.mark.parametrize("content", [b"", b"\0", b"\n" * 100, b"PK\3\4", b"<html>not found</html>"])
def test_that_a_file_of_something_else_is_refused(extension, content, tmp_path):
    path = tmp_path / f"other{extension}"
    path.write_bytes(content)
    with pytest.raises(FormatError) as caught:
        read_parameters(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@each_extension
def test_that_a_failed_write_leaves_the_old_file(extension, tmp_path, escontrela, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    path = tmp_path / f"trained{extension}"
    path.write_bytes(b"the old content")
    monkeypatch.setattr(atomic.os, "fsync", fail)
    with pytest.raises(WriteError, match="disk is full"):
        write_parameters(path, escontrela)
    assert path.read_bytes() == b"the old content"
    assert os.listdir(tmp_path) == [path.name]


def test_that_parameters_the_format_cannot_hold_leave_the_old_file(tmp_path, zhou):
    path = tmp_path / "trained.pkl"
    path.write_bytes(b"the old content")
    with pytest.raises(FormatError, match=r"escontrela network only, not zhou; save as \.npz"):
        write_parameters(path, zhou)
    assert path.read_bytes() == b"the old content"


def test_that_a_format_converts_to_every_other_that_can_hold_the_network(escontrela, assert_equal_parameters):
    for source in FORMATS:
        for target in FORMATS:
            converted = target.decode(target.encode(source.decode(source.encode(escontrela))))
            assert isinstance(converted, SavedParameters)
            assert_equal_parameters(converted, escontrela)
