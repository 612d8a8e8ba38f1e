import errno
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cnnviz.atomic import WriteError, write_atomically
from cnnviz.errors import Cancelled

posix_only = pytest.mark.skipif(os.name != "posix", reason="POSIX file semantics")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def put(content):
    return lambda stream: stream.write(content)


def protect(path, mode):
    path.chmod(mode)
    if os.access(path, os.W_OK):
        pytest.skip("this user may write everywhere")


@pytest.fixture
def old_file(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    return path


def test_that_a_new_file_holds_what_was_written(tmp_path):
    write_atomically(tmp_path / "new.bin", put(b"content"))
    assert (tmp_path / "new.bin").read_bytes() == b"content"
    assert names(tmp_path) == ["new.bin"]


def test_that_an_old_file_is_replaced(old_file):
    write_atomically(str(old_file), put(b"new"))
    assert old_file.read_bytes() == b"new"
    assert names(old_file.parent) == ["file.bin"]


def test_that_the_old_content_stands_until_all_is_written(old_file):
    def write(stream):
        stream.write(b"new")
        stream.flush()
        assert old_file.read_bytes() == b"old"

    write_atomically(old_file, write)
    assert old_file.read_bytes() == b"new"


@pytest.mark.parametrize("fault", [Cancelled(), KeyboardInterrupt(), ValueError("no")])
def test_that_what_the_writer_raises_passes_through_and_leaves_the_old_file_alone(old_file, fault):
    def write(stream):
        stream.write(b"half")
        raise fault

    with pytest.raises(type(fault)) as caught:
        write_atomically(old_file, write)
    assert caught.value is fault
    assert old_file.read_bytes() == b"old"
    assert names(old_file.parent) == ["file.bin"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_that_a_fault_of_the_system_leaves_the_old_file_alone(old_file, monkeypatch, call):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(WriteError, match=r"^could not write .*file\.bin: the disk is full; free some space"):
        write_atomically(old_file, put(b"new"))
    assert old_file.read_bytes() == b"old"
    assert names(old_file.parent) == ["file.bin"]


@posix_only
def test_that_the_file_is_on_the_disk_before_it_is_renamed_and_the_folder_after(old_file, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder"}
    monkeypatch.setattr(os, "fsync", lambda fd: (calls.append(kinds[stat.S_IFMT(os.fstat(fd).st_mode)]), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda *names: (calls.append("rename"), replace(*names)))
    write_atomically(old_file, put(b"new"))
    assert calls == ["file", "rename", "folder"]


@posix_only
@pytest.mark.parametrize(("number", "is_told"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_that_a_fault_of_the_folder_is_told_unless_it_means_not_supported(old_file, monkeypatch, number, is_told):
    fsync = os.fsync

    def fail_on_folders(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fail_on_folders)
    if is_told:
        with pytest.raises(WriteError):
            write_atomically(old_file, put(b"new"))
    else:
        write_atomically(old_file, put(b"new"))
    assert old_file.read_bytes() == b"new"


@posix_only
def test_that_a_limit_met_half_way_leaves_the_old_file_alone(old_file):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(WriteError, match="larger than is permitted"):
            write_atomically(old_file, put(bytes(1_000_000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert old_file.read_bytes() == b"old"
    assert names(old_file.parent) == ["file.bin"]


KILLED = """
import sys
from cnnviz.atomic import write_atomically
for i in range(1_000_000):
    write_atomically(sys.argv[1], lambda stream: stream.write(bytes([i % 256]) * 300_000))
    print("written", flush=True)
"""


@posix_only
def test_that_a_killed_writer_leaves_one_whole_version(tmp_path):
    path = tmp_path / "file.bin"
    for delay in (0.0, 0.003, 0.011):
        command = [sys.executable, "-c", KILLED, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]) as writer:
            writer.stdout.readline()
            time.sleep(delay)
            writer.send_signal(signal.SIGKILL)
        content = path.read_bytes()
        assert len(content) == 300_000
        assert len(set(content)) == 1


def test_that_a_missing_folder_is_named(tmp_path):
    path = tmp_path / "missing" / "file.bin"
    with pytest.raises(WriteError) as caught:
        write_atomically(path, put(b"new"))
    assert str(caught.value) == f"could not write {path}: the folder does not exist; create it or choose another"


def test_that_a_folder_is_not_written(tmp_path):
    with pytest.raises(WriteError, match="it is a folder"):
        write_atomically(tmp_path, put(b"new"))


def test_that_a_file_in_place_of_the_folder_is_told(old_file):
    with pytest.raises(WriteError, match="choose another folder"):
        write_atomically(old_file / "file.bin", put(b"new"))
    assert old_file.read_bytes() == b"old"


@posix_only
def test_that_too_long_a_name_is_told_and_the_longest_possible_one_written(tmp_path):
    with pytest.raises(WriteError, match="the name is too long"):
        write_atomically(tmp_path / ("x" * 256), put(b"new"))
    write_atomically(tmp_path / ("x" * 255), put(b"new"))
    assert names(tmp_path) == ["x" * 255]


@posix_only
def test_that_a_device_is_neither_written_nor_replaced():
    with pytest.raises(WriteError, match="not a regular file"):
        write_atomically(os.devnull, put(b"new"))
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@posix_only
@pytest.mark.parametrize("name", ["file.bin", "new.bin"])
def test_that_a_read_only_folder_is_told(old_file, name):
    protect(old_file.parent, 0o500)
    try:
        with pytest.raises(WriteError, match="not permitted"):
            write_atomically(old_file.parent / name, put(b"new"))
    finally:
        old_file.parent.chmod(0o700)
    assert old_file.read_bytes() == b"old"


@posix_only
def test_that_a_write_protected_file_is_respected(old_file):
    protect(old_file, 0o400)
    with pytest.raises(WriteError, match="not permitted"):
        write_atomically(old_file, put(b"new"))
    assert old_file.read_bytes() == b"old"


@posix_only
def test_that_a_new_file_has_the_bits_that_the_umask_allows(tmp_path):
    umask = os.umask(0o027)
    try:
        write_atomically(tmp_path / "new.bin", put(b"new"))
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "new.bin").stat().st_mode) == 0o640


@posix_only
def test_that_a_replaced_file_keeps_its_bits(old_file):
    old_file.chmod(0o600)
    write_atomically(old_file, put(b"new"))
    assert stat.S_IMODE(old_file.stat().st_mode) == 0o600


@posix_only
def test_that_a_link_stays_and_its_target_is_written(old_file):
    folder = old_file.parent / "elsewhere"
    folder.mkdir()
    for target in (old_file, folder / "not yet.bin"):
        link = folder / "link.bin"
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        write_atomically(link, put(b"new"))
        assert link.is_symlink()
        assert target.read_bytes() == b"new"


@posix_only
def test_that_a_link_to_itself_is_told(tmp_path):
    link = tmp_path / "link.bin"
    link.symlink_to(link)
    with pytest.raises(WriteError, match="symbolic links"):
        write_atomically(link, put(b"new"))
