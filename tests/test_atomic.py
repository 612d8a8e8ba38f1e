import errno
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cnnviz import atomic
from cnnviz.atomic import (
    WriteError,
    check_writable,
    make_folder,
    make_own_folder,
    remove,
    set_aside,
    write_atomically,
)
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


@posix_only
@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_that_what_can_be_no_name_is_told_as_other_faults_are(tmp_path, name):
    for write in (lambda path: write_atomically(path, put(b"new")), check_writable, make_folder):
        with pytest.raises(WriteError, match="no file can have that name"):
            write(f"{tmp_path}/{name}")


def test_that_what_went_wrong_is_told_also_where_the_temporary_file_cannot_be_deleted(old_file, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, "the disk is broken")

    def write(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "unlink", fail)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(old_file, write)


def test_that_a_check_leaves_what_is_there_and_nothing_else(old_file):
    check_writable(old_file)
    check_writable(old_file.with_name("new.bin"))
    assert names(old_file.parent) == ["file.bin"]
    assert old_file.read_bytes() == b"old"
    with pytest.raises(WriteError, match="it is a folder; choose the name of a file"):
        check_writable(old_file.parent)
    with pytest.raises(WriteError, match="the folder does not exist"):
        check_writable(old_file.parent / "missing" / "new.bin")


def test_that_a_folder_is_made_with_those_it_lies_in_and_a_file_in_its_place_told(old_file):
    make_folder(old_file.parent / "deep" / "er")
    make_folder(old_file.parent / "deep" / "er")
    assert (old_file.parent / "deep" / "er").is_dir()
    for folder in (old_file, old_file / "er"):
        with pytest.raises(WriteError, match=f"could not create the folder {folder}: what should be its folder is a "):
            make_folder(folder)


def test_that_what_killed_writers_left_in_a_folder_of_the_program_s_own_goes_after_a_day(tmp_path):
    abandoned, at_work, other = (
        tmp_path / name for name in (f".cnnviz-{'0' * 16}.tmp", f".cnnviz-{'a' * 16}.tmp", ".cnnviz-notes.tmp")
    )
    for path in (abandoned, at_work, other):
        path.write_bytes(b"half")
    for path, hours in ((abandoned, 25), (at_work, 23), (other, 1000)):
        os.utime(path, (time.time() - 3600 * hours,) * 2)
    make_own_folder(tmp_path)
    assert names(tmp_path) == sorted([at_work.name, other.name])


def test_that_the_name_of_a_temporary_file_is_one_that_is_cleared_away_later(old_file):
    def write(_):
        (temporary,) = set(old_file.parent.iterdir()) - {old_file}
        assert atomic.TEMPORARY.fullmatch(temporary.name)

    write_atomically(old_file, write)


def test_that_what_is_set_aside_takes_the_place_of_nothing(tmp_path):
    path = tmp_path / "file.json"
    for number in (1, 2):
        path.write_text(f"damaged {number}")
        assert set_aside(path) == tmp_path / f"file.damaged-{number}.json"
    assert (tmp_path / "file.damaged-1.json").read_text() == "damaged 1"
    with pytest.raises(WriteError, match=r"could not set aside .*file.json: the folder does not exist"):
        set_aside(path)


def test_that_deleting_what_is_not_there_is_no_fault_and_a_folder_is_not_deleted(old_file):
    for _ in range(2):
        remove(old_file)
    assert names(old_file.parent) == []
    with pytest.raises(WriteError, match="could not delete"):
        remove(old_file.parent)
