import gzip
import io
import os
import socket
import subprocess
import sys
import zlib

import pytest

from cnnviz import foreign
from cnnviz.errors import UserError
from cnnviz.foreign import open_foreign, read_foreign, size_text, unpacked


class SheetError(UserError):
    pass


def read(path, max_bytes=100):
    return read_foreign(path, "a sheet", max_bytes, SheetError)


def refusal(path):
    with pytest.raises(SheetError) as caught:
        read(path)
    return str(caught.value)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "sheet"
    path.write_bytes(b"content")
    return path


def test_that_a_file_of_up_to_the_agreed_size_is_read(file):
    assert read(file, 7) == b"content"


def test_that_a_larger_file_is_refused_with_both_sizes(file):
    os.truncate(file, 10 * 2**30)  # sparse: takes no room on the disk
    assert refusal(file) == (
        f"{file}: expected a sheet, found 10,737,418,240 bytes, more than the 100 bytes that one has at most; "
        "choose another file"
    )


def test_that_an_empty_file_is_refused(file):
    file.write_bytes(b"")
    assert refusal(file) == f"{file}: expected a sheet, found an empty file; copy it again"


def test_that_a_missing_file_is_named(tmp_path):
    assert refusal(tmp_path / "none").endswith("none: expected a sheet, found no such file; check the name")
    assert refusal(tmp_path / "none" / "none").endswith("found no such file; check the name")


def test_that_what_is_no_file_is_named_without_opening_it(tmp_path, monkeypatch):
    monkeypatch.setattr("builtins.open", lambda *_, **__: pytest.fail("was opened"))
    assert "found a folder; choose a file" in refusal(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "found a pipe; write what it gives into a file" in refusal(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # the name of a socket must be short
        listener.bind("socket")
        assert "found a socket; choose a file" in refusal(tmp_path / "socket")
    assert "found a device; choose a file" in refusal("/dev/zero")


@pytest.mark.timeout(10)
def test_that_a_pipe_which_takes_the_place_of_a_file_is_not_waited_for(file, monkeypatch):
    status = os.stat(file)
    file.unlink()
    os.mkfifo(file)
    monkeypatch.setattr(foreign, "_status", lambda _: status)
    assert "found a pipe" in refusal(file)


def test_that_a_link_to_a_file_is_followed_and_one_to_itself_is_named(file, tmp_path):
    (tmp_path / "link").symlink_to(file)
    assert read(tmp_path / "link") == b"content"
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "found a link that leads back to itself; choose the file itself" in refusal(tmp_path / "loop")


def test_that_impossible_names_are_told_in_one_line(tmp_path):
    assert "found a name with a character that no name can have" in refusal(f"{tmp_path}/a\0b")
    assert "found a name with a character that no name can have" in refusal(f"{tmp_path}/\ud800")
    assert "found a name that is too long" in refusal(f"{tmp_path}/{'a' * 300}")
    for name in ("a\0b", "\ud800", "two\nlines", "\x1b[2J", "\u202etxt.exe"):
        assert refusal(f"{tmp_path}/{name}").isprintable()


PERMISSION_DENIED = """
import os, sys
from cnnviz.foreign import read_foreign
from cnnviz.errors import UserError
os.chdir(sys.argv[1])  # the folders above it may be closed
if os.geteuid() == 0:
    os.setuid(65534)
try:
    read_foreign("sheet", "a sheet", 100, UserError)
except UserError as fault:
    print(fault)
"""


def test_that_a_file_without_permission_is_named(file):
    file.chmod(0)
    file.parent.chmod(0o755)
    # In a process of its own, for root may read everything.
    command = [sys.executable, "-c", PERMISSION_DENIED, file.parent]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert "expected a sheet, found one that may not be read; ask for permission" in outcome.stdout


def test_that_a_disk_that_fails_while_it_is_read_is_told_of(file):
    with (
        pytest.raises(SheetError, match="found a disk that cannot be read there; "),
        open_foreign(file, "a sheet", 100, SheetError),
    ):
        raise OSError(5, "Input/output error")


def test_that_other_faults_of_the_system_are_told_in_its_words(file):
    with (
        pytest.raises(SheetError, match=r"found it cannot be read \(Odd\)"),
        open_foreign(file, "a sheet", 100, SheetError),
    ):
        raise OSError(99, "Odd")


@pytest.mark.parametrize(
    ("count", "text"), [(100, "100 bytes"), (2**10, "1 KiB"), (64 * 2**20, "64 MiB"), (3 * 2**29, "1.5 GiB")]
)
def test_that_sizes_are_told_as_people_do(count, text):
    assert size_text(count) == text


def test_that_gzipped_content_is_unpacked_and_other_content_is_left_as_it_is():
    content = os.urandom(300_000)
    for stream in (io.BytesIO(content[:1] + content), io.BytesIO(gzip.compress(content[:1] + content))):
        assert unpacked(stream).read() == content[:1] + content


@pytest.mark.parametrize("size", [1, 100, 2**17])
def test_that_content_is_unpacked_in_parts_of_any_size(size):
    content = bytes(100_000) + os.urandom(100_000)
    stream = unpacked(io.BytesIO(gzip.compress(content)))
    assert b"".join(iter(lambda: stream.read(size), b"")) == content


def test_that_packed_parts_in_a_row_are_one_content_with_zeros_as_padding():
    parts = gzip.compress(b"one ") + gzip.compress(b"") + gzip.compress(b"two") + bytes(100_000)
    assert unpacked(io.BytesIO(parts)).read() == b"one two"


@pytest.mark.parametrize("cut", [1, 4, 8, 12, 40])
def test_that_packed_content_that_ends_too_early_is_refused(cut):
    with pytest.raises(zlib.error, match="end too early"):
        unpacked(io.BytesIO(gzip.compress(os.urandom(100))[:-cut])).read()


def test_that_damaged_packed_content_is_refused():
    packed = bytearray(gzip.compress(os.urandom(100)))
    packed[-5] ^= 1
    with pytest.raises(zlib.error, match="incorrect data check"):
        unpacked(io.BytesIO(packed)).read()
    with pytest.raises(zlib.error, match="incorrect header check"):
        unpacked(io.BytesIO(gzip.compress(b"one") + b"rubbish")).read()


def test_that_a_packed_file_of_nothing_but_headers_is_given_up():
    with pytest.raises(zlib.error, match="more than 10,000 packed parts"):
        unpacked(io.BytesIO(gzip.compress(b"") * 10_001)).read()
    endless_name = b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * 2**22
    with pytest.raises(zlib.error, match="end too early"):
        unpacked(io.BytesIO(endless_name)).read(1)
