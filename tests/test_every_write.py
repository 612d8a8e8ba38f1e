"""Whatever writes a file, and however that fails: the old file or the new one, and one line that says why."""

import ast
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
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


MODES_OF_READING = ("r", "rb", "rt")
DEEDS = {
    *("write_text", "write_bytes", "unlink", "rename", "renames", "rmdir", "removedirs", "rmtree", "touch", "truncate"),
    *("symlink_to", "hardlink_to", "symlink", "link", "mkfifo", "makedirs", "mkdir", "fdopen", "copyfileobj"),
    *("savez", "savez_compressed", "savetxt", "tofile", "memmap", "open_memmap", "dump", "writestr", "extract"),
    *("extractall", "TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "TemporaryDirectory"),
    *("mkstemp", "mkdtemp", "FileHandler", "RotatingFileHandler", "TimedRotatingFileHandler", "FileLock"),
    *("QFile", "QSaveFile", "QSettings", "QTemporaryFile", "QTemporaryDir", "QLockFile", "setFileName", "QImageWriter"),
    *("QPdfWriter", "SVGExporter", "ImageExporter", "CSVExporter", "urlretrieve", "shelve", "sqlite3"),
}
"""Names of what writes, wherever they come from."""

DEEDS_OF_MODULES = {
    "os": {"open", "remove", "replace", "write", "chmod", "ftruncate"},
    "shutil": {"copy", "copy2", "copyfile", "copytree", "move"},
    "np": {"save"},
    "faulthandler": {"enable", "dump_traceback_later"},
    "logging": {"basicConfig"},
}
"""Names that stand for writing in these modules alone."""


def deeds_in(source: str) -> Iterator[str]:
    """Yield, for every call that may change what is on the disk, what is called."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        owner, _, name = called.rpartition(".")
        if name == "open" and owner != "os":
            given = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
            modes = [a.value for a in given if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if any(re.fullmatch(r"[rwaxbt+]{1,3}", mode) and mode not in MODES_OF_READING for mode in modes):
                yield f"{called} to write"
        elif (
            name in DEEDS
            or name in DEEDS_OF_MODULES.get(owner, ())
            or (name in ("save", "replace") and _is_given_a_path(name, node))
        ):
            yield called


def _is_given_a_path(name: str, call: ast.Call) -> bool:
    """Tell QPainter.save() and str.replace(old, new) from what writes: that gets one argument, or a format as well."""
    keywords = {keyword.arg for keyword in call.keywords}
    return len(call.args) == 1 and not keywords if name == "replace" else bool(call.args)


ALLOWED = {
    ("atomic", "open to write"): "here everything is written",
    ("atomic", "os.open"): "to try whether a file is protected, and to synchronise a folder",
    ("atomic", "os.chmod"): "of the temporary file",
    ("atomic", "os.replace"): "here everything is written",
    ("atomic", "os.unlink"): "of temporary files",
    ("atomic", "os.makedirs"): "folders are made here",
    ("atomic", "os.rename"): "files are set aside here",
    ("atomic", "path.unlink"): "files are deleted here",
    ("atomic", "tempfile.TemporaryFile"): "to try whether a folder can be written; it has no name",
    ("archive", "archive.writestr"): "into a stream that the atomic writer gives",
    ("data.preview", "Image.fromarray(pixels).save"): "into a stream that the atomic writer gives",
    ("gui.panel_files", "picture.save"): "into memory",
    ("cli", "os.open"): "/dev/null, in place of an output that nobody reads any more",
    ("commands.doctor", "tempfile.TemporaryFile"): "to try whether a folder can be written; it has no name",
    ("foreign", "os.open"): "to read, as an opener",
    ("data.collection", "FileLock"): "locks are empty files",
    ("training.runs", "FileLock"): "locks are empty files",
    ("training.runs", "(path / _MARK).touch"): "a mark is an empty file",
    ("training.runs", "(self.path / _MARK).unlink"): "a mark is an empty file",
    ("training.runs", "(run.folder / _MARK).unlink"): "a mark is an empty file",
    ("training.runs", "path.unlink"): "old generations of a run",
    ("training.runs", "os.unlink"): "old runs",
    ("training.runs", "folder.rmdir"): "old runs",
    ("logs", "open to write"): "a trace, which grows as the process ends",
    ("logs", "faulthandler.enable"): "a trace, which grows as the process ends",
    ("logs", "self.folder.mkdir"): "without it there is no log, which stops nothing",
    ("logs", "path.replace"): "sets the trace of a crash aside",
    ("logs", "path.unlink"): "old logs",
    ("training.shared_memory", "os.ftruncate"): "memory without a name",
    ("training.shared_memory", "tempfile.TemporaryFile"): "memory without a name",
    ("training.worker", "os.fdopen"): "a pipe",
}
"""By module and call: why it need not go through `cnnviz.atomic`."""


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT / "cnnviz").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def modules() -> Iterator[tuple[str, str]]:
    """Yield the name of each module and its source."""
    for path in sorted((ROOT / "cnnviz").rglob("*.py")):
        yield _name(path), path.read_text("utf-8")


def test_that_nothing_is_written_but_through_the_atomic_writer():
    found = {(module, deed) for module, source in modules() for deed in deeds_in(source)}
    assert found - ALLOWED.keys() == set(), "use cnnviz.atomic, or tell in ALLOWED why not"
    assert ALLOWED.keys() - found == set(), "no longer there"


@pytest.mark.parametrize(
    "call",
    [
        *('open(p, "w")', 'path.open("ab")', 'gzip.open(p, mode="wb")', "os.open(p, flags)", 'path.write_text("a")'),
        *("path.unlink()", "os.remove(p)", "a.rename(b)", "os.replace(a, b)", "path.replace(b)", "shutil.rmtree(p)"),
        *(
            "picture.save(p)",
            'picture.save(p, "PNG")',
            "np.savez(p, a=a)",
            "json.dump(a, f)",
            "svg.setFileName(p)",
        ),
        *("QSettings()", "tempfile.mkstemp()", "logging.FileHandler(p)"),
    ],
)
def test_that_such_calls_would_be_found(call):
    assert list(deeds_in(call))


@pytest.mark.parametrize(
    "call",
    ["open(p)", 'open(p, "rb")', "painter.save()", 'text.replace("a", "b")', "replace(config, lr=1)", "a.remove(b)"],
)
def test_that_other_calls_would_not(call):
    assert not list(deeds_in(call))


IN_TESTS_OF_THE_WINDOW = {"gui.app", "gui.panel_menu", "gui.settings"}
"""What tests/gui/test_writes_from_the_window.py lets fail."""

SILENT = {"logs"}
"""What need not tell a fault: the report of a crash is shown in a dialog in any case."""


def test_that_every_module_that_writes_is_among_the_writers():
    writing = {module for module, source in modules() if "write_atomically(" in source} - {"atomic"}
    assert writing == {writer.module for writer in WRITERS} | IN_TESTS_OF_THE_WINDOW | SILENT


KILLED_AT_EACH_CALL = """
import os, sys
from itertools import count
from pathlib import Path
from cnnviz.atomic import write_atomically
from tests.faulty_disk import FaultyDisk
path, content = Path(sys.argv[1]), bytes(range(256)) * 400
for number in count(1):
    path.write_bytes(b"old")
    child = os.fork()
    if child == 0:
        disk = FaultyDisk()
        disk.install()
        disk.kill_at(number)
        write_atomically(path, lambda stream: (stream.write(content[:50_000]), stream.write(content[50_000:])))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    state = {b"old": "old", content: "new"}.get(path.read_bytes(), "a third thing")
    left = [other for other in path.parent.iterdir() if other != path]
    print("killed" if os.WIFSIGNALED(status) else "ended", state, len(left), flush=True)
    for other in left:
        other.unlink()
    if not os.WIFSIGNALED(status):
        break
"""


@posix_only
def test_that_a_writer_killed_between_any_two_calls_leaves_the_old_file_or_the_new_one(tmp_path):
    command = [sys.executable, "-c", KILLED_AT_EACH_CALL, str(tmp_path / "file.bin")]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert outcome.stderr == ""
    killed, ended = outcome.stdout.splitlines()[:-1], outcome.stdout.splitlines()[-1]
    assert ended == "ended new 0"
    assert len(killed) > 6
    # A file that waits to be cleared away stays at most, and none once the new one is in its place.
    assert set(killed) == {"killed old 0", "killed old 1", "killed new 0"}
    assert killed == sorted(killed, key=lambda line: "new" in line)
