"""Whatever writes a file, and however that fails: the old file or the new one, and one line that says why."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))  # importlib mode leaves it off the path

from tests.faulty_disk import FAULTS, FaultyDisk, check_all_faults  # noqa: E402
from tests.writers import WRITERS  # noqa: E402

posix_only = pytest.mark.skipif(os.name != "posix", reason="POSIX file semantics")
each_writer = pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
each_writer_of_a_file = pytest.mark.parametrize("writer", [each for each in WRITERS if each.file], ids=lambda w: w.name)


@pytest.fixture(autouse=True)
def _other_places(monkeypatch, tmp_path_factory):
    """Let what cannot be written be written to a folder of its own, and not to this machine's."""
    refuge = tmp_path_factory.mktemp("refuge")
    monkeypatch.chdir(refuge)
    monkeypatch.setenv("HOME", str(refuge))
    monkeypatch.setattr(tempfile, "tempdir", str(refuge))


@each_writer
@pytest.mark.parametrize("fault", FAULTS)
def test_that_a_fault_at_any_moment_leaves_the_old_file_or_the_new_one(writer, fault, tmp_path, monkeypatch):
    disk, path = FaultyDisk(), tmp_path / writer.file
    disk.install(monkeypatch)
    check_all_faults(tmp_path, disk, lambda: writer.prepare(path), lambda: writer.write(path), path, writer.read, fault)


def run_on_real_disk(kind: str, folder: Path, *wrapper: str) -> None:
    """Let all writers meet a real fault, in a process that ``wrapper`` starts; skip where that cannot be."""
    command = [*wrapper, sys.executable, "-m", "tests.real_disks", kind, str(folder)]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    if outcome.returncode and "Traceback" not in outcome.stderr:
        pytest.skip(f"cannot be arranged here: {outcome.stderr.strip()}")
    assert outcome.returncode == 0, outcome.stderr
    assert len(outcome.stdout.splitlines()) == 2 * len(WRITERS) - 1


@posix_only
def test_that_a_limit_of_the_size_of_files_costs_nothing_old(tmp_path):
    run_on_real_disk("limit", tmp_path)


@posix_only
def test_that_missing_permissions_cost_nothing_old(tmp_path):
    powers = "-dac_override,-dac_read_search"
    wrapper = ["setpriv", "--bounding-set", powers, "--inh-caps", powers] if os.geteuid() == 0 else []
    if wrapper and shutil.which(wrapper[0]) is None:
        pytest.skip("needs setpriv to take root's powers away")
    run_on_real_disk("permission", tmp_path, *wrapper)


@posix_only
@pytest.mark.parametrize("kind", ["full", "read-only"])
def test_that_a_disk_that_is_full_or_read_only_costs_nothing_old(kind, tmp_path):
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare to mount a small disk")
    mount = f'mount -t tmpfs -o size=4m none {tmp_path} && exec "$@"'
    run_on_real_disk(kind, tmp_path, "unshare", "--mount", "--map-root-user", "sh", "-c", mount, "sh")


TARGETS = {
    "in a missing folder": "the folder does not exist; create it or choose another",
    "a folder": "it is a folder; choose the name of a file",
    "a link to a file": None,
    "a link to nothing": None,
    "a link to itself": "Too many levels of symbolic links; choose another place",
    "a pipe": "it is not a regular file; choose another place",
    "a full device": "it is not a regular file; choose another place",
    "of too long a name": "the name is too long; choose a shorter one",
}


def make_target(kind: str, path: Path) -> Path:
    """Make such a thing at ``path``, or return another path that is such a thing."""
    if kind == "in a missing folder":
        return path.parent / "missing" / path.name
    if kind == "of too long a name":
        return path.with_name("x" * 256 + path.name)
    if kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a full device":
        path.symlink_to("/dev/full")
    elif kind == "a link to itself":
        path.symlink_to(path)
    else:
        elsewhere = path.parent / "elsewhere"
        elsewhere.mkdir()
        path.symlink_to(elsewhere / "file")
    return path


def what_is(path: Path) -> object:
    """Return what kind of file there is, and where a link leads; never what is in it."""
    status = path.lstat() if os.path.lexists(path) else None
    return status and (stat.S_IFMT(status.st_mode), os.readlink(path) if path.is_symlink() else None)


def all_in(folder: Path) -> list[Path]:
    """Return all files and folders but for locks, which are empty and stay."""
    return sorted(path for path in folder.rglob("*") if path.suffix != ".lock")


@posix_only
@each_writer_of_a_file
@pytest.mark.parametrize("kind", TARGETS)
def test_that_only_files_are_replaced_and_links_followed(writer, kind, tmp_path):
    path, cause = make_target(kind, tmp_path / writer.file), TARGETS[kind]
    if kind == "a link to a file":
        writer.prepare(path)
        assert what_is(path)[1], "preparing it has replaced the link"
    before, there = what_is(path), all_in(tmp_path)
    if kind == "in a missing folder" and writer.folder_is_own:
        cause = None  # it is made
    if kind == "of too long a name" and writer.name == "download":
        cause = None  # has names of its own
    if kind in ("a folder", "a pipe", "a full device") and writer.name == "digits of a person":
        cause = "their file cannot be read"  # which comes first
    told = writer.write(path)
    if cause is None:
        assert told is None
        assert before in (None, what_is(path))
    else:
        assert cause in told
        assert str(path) in told
        assert len(told.splitlines()) == 1
        assert what_is(path) == before
        assert all_in(tmp_path) == there
    assert not list(tmp_path.rglob(".cnnviz-*"))
