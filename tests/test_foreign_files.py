"""What every reader of files from elsewhere owes to a person, whatever the file: see ``READERS``."""

import json
import os
import pickle
import re
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from cnnviz.cli import main
from cnnviz.training.checkpoint import CheckpointError
from cnnviz.training.checkpoint_file import read_checkpoint
from tests.endurance import seeds
from tests.endurance.attacks import attacks_on, programs
from tests.endurance.fuzz import what_is_wrong_with
from tests.endurance.readers import READERS

MIB = 2**20
SECONDS = 1.0  # within which a file is refused
ENDS = 80  # bytes of a file that is not the smallest, at whose ends it is cut off at each of them
ROOT = Path(__file__).resolve().parents[1]

each_reader = pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name.replace(" ", "-"))
each_chosen = pytest.mark.parametrize(
    "reader", [each for each in READERS if each.is_chosen], ids=lambda reader: reader.name.replace(" ", "-")
)


@each_reader
def test_that_every_valid_file_is_accepted(reader, tmp_path):
    for number, content in enumerate(reader.seeds()):
        path = tmp_path / f"valid-{number}{reader.suffix}"
        path.write_bytes(content)
        reader.read(path)


def refusal(reader, path):
    start = time.process_time()  # others may be at work on this machine; what waits for ever meets the test's timeout
    with pytest.raises(reader.errors) as caught:
        reader.read(path)
    assert time.process_time() - start < SECONDS
    line = str(caught.value)
    assert what_is_wrong_with(line, path) is None
    return line


def make_nothing(path):
    pass


def make_folder(path):
    path.mkdir()


def make_pipe(path):
    os.mkfifo(path)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        folder = os.open(path.parent, os.O_RDONLY)  # the name of a socket must be short
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
        os.close(folder)


def make_endless(path):
    path.symlink_to("/dev/zero")


def make_loop(path):
    path.symlink_to(path)


def make_empty(path):
    path.write_bytes(b"")


def make_ten_gigabytes(path):
    with open(path, "wb") as stream:
        stream.truncate(10 * 2**30)  # sparse: takes no room on the disk


def make_closed(path):
    path.write_bytes(b"x")
    path.chmod(0)


NO_FILES = {
    make_nothing: "found no such file",
    make_folder: "found a folder",
    make_pipe: "found a pipe",
    make_socket: "found a socket",
    make_endless: "found a device",
    make_loop: "found a link that leads back to itself",
    make_empty: "found an empty file",
    make_ten_gigabytes: "found 10,737,418,240 bytes, more than the",
    make_closed: "found one that may not be read",
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes and devices with names are POSIX's")
@pytest.mark.timeout(20)
@each_reader
@pytest.mark.parametrize("make", NO_FILES)
def test_that_what_is_no_such_file_is_refused_at_once_in_one_line(reader, make, tmp_path, peak_of):
    if make is make_nothing and not reader.is_chosen:
        pytest.skip("is not there at the first start")
    if make is make_closed and os.geteuid() == 0:
        pytest.skip("root may read everything; tests/test_foreign.py drops its rights")
    if make is make_loop and reader.name == "own digits":
        pytest.skip("is taken for no file so far, until it is written")
    path = tmp_path / f"no-file{reader.suffix}"
    make(path)
    line = refusal(reader, path)
    assert peak_of(lambda: not os.path.lexists(path) or refusal(reader, path)) < MIB
    if reader.name == "settings":
        assert "settings" in line
    elif reader.name == "own digits in" and make is make_folder:
        assert "found no such pair" in line
    else:
        assert NO_FILES[make] in line


@each_chosen
@pytest.mark.parametrize("name", ["a\0b", "two\nlines", "\x1b[2J", "\udcff", "n" * 300])
def test_that_a_name_which_is_none_does_not_break_the_line(reader, name, tmp_path):
    with pytest.raises(reader.errors) as caught:
        reader.read(Path(f"{tmp_path}/{name}{reader.suffix}"))
    assert str(caught.value).isprintable()


def cuts(content, is_smallest):
    """Return where a file is cut off: the smallest everywhere, others near their ends and now and then between."""
    length = len(content.rstrip(b"\n"))  # what is only a line's end may be missing
    if is_smallest and length < 2**15:
        return range(length)
    ends = {*range(min(ENDS, length)), *range(max(length - ENDS, 0), length)}
    return sorted(ends | set(range(0, length, length // ENDS + 1)))


def line_of(reader, path):
    """Return what the reader refuses a file with; None where it accepts it."""
    try:
        reader.read(path)
    except reader.errors as fault:
        return str(fault)


@pytest.mark.timeout(300)
@each_reader
def test_that_a_file_cut_off_at_any_byte_is_refused(reader, tmp_path):
    """But for readers that say otherwise of themselves: there it is refused or gives what is fit for use."""
    path = tmp_path / f"cut{reader.suffix}"
    contents = sorted(reader.seeds(), key=len)
    for content in contents:
        for length in cuts(content, content is contents[0]):
            path.write_bytes(content[:length])
            line = line_of(reader, path)
            if line is None:
                assert reader.reads_prefixes, f"{length} of {len(content)} bytes were taken for a whole file"
            else:
                assert what_is_wrong_with(line, path) is None, length


def attempts(reader, paths):
    command = [sys.executable, "-m", "tests.endurance.attempt", reader.name, *map(os.fspath, paths)]
    environment = {**os.environ, "PYTHONPATH": os.fspath(ROOT)}
    outcome = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)
    assert outcome.stderr == ""
    assert outcome.returncode == 0
    return map(json.loads, outcome.stdout.splitlines())


@pytest.mark.timeout(300)
@each_reader
def test_that_a_file_made_to_do_harm_is_refused_at_once_unexecuted_in_little_memory(reader, tmp_path):
    marker, paths = tmp_path / "executed", []
    for name, content in attacks_on(reader, os.fspath(marker)):
        paths.append(tmp_path / f"{name}{reader.suffix}")
        paths[-1].write_bytes(content)
    outcomes = dict(zip(paths, attempts(reader, paths), strict=True))
    assert len(outcomes) >= 25
    for path, outcome in outcomes.items():
        assert outcome["line"] is not None, path.name
        assert what_is_wrong_with(outcome["line"], path) is None
        assert outcome["seconds"] < SECONDS, path.name
        assert outcome["bytes"] < 300 * MIB, path.name
        path.unlink(missing_ok=True)
    assert not marker.exists()


def test_that_the_programs_are_programs(tmp_path):
    """In careless hands they do harm, so that the test before can fail."""
    marker = tmp_path / "executed"
    harmful = []
    for name, content in programs(os.fspath(marker)):
        with suppress(Exception):
            pickle.loads(content)
        if marker.exists():
            harmful.append(name)
            marker.rmdir()
    assert len(harmful) >= 16


def test_that_impossible_settings_in_a_checkpoint_are_a_fault_of_that_checkpoint(tmp_path):
    members = seeds.unpacked(seeds.checkpoints()[0])
    path = tmp_path / "run.checkpoint"
    text = members["cnnviz.npy"]
    path.write_bytes(seeds.repacked(members | {"cnnviz.npy": text.replace(b'"seed": 3', b'"seed":-3')}))
    with pytest.raises(CheckpointError, match=rf"^{re.escape(os.fspath(path))}: seed: accepted is"):
        read_checkpoint(path)


BAD_FILES = {
    "pipe": make_pipe,
    "folder": make_folder,
    "none": make_nothing,
    "huge": make_ten_gigabytes,
    "rubbish": lambda path: path.write_bytes(b"\0rubbish\n" * 1000),
    "program": lambda path: path.write_bytes(next(programs("executed"))[1]),
}
CALLS = {
    "evaluate": (".npz", "evaluate {} --dataset strokes --test-size 10"),
    "predict-params": (".pkl", "predict --params {} {}"),
    "predict-picture": (".png", "predict {}"),
    "predict-strokes": (".json", "predict --strokes {}"),
    "convert": (".npz", "convert {} {}.pkl"),
    "train-mix": (".json", "train --preset zhou --dataset strokes --train-size 10 --test-size 10 --mix {}:0.5"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", BAD_FILES)
def test_that_a_command_on_such_a_file_ends_with_code_1_and_one_line(call, kind, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    suffix, words = CALLS[call]
    path = tmp_path / f"{kind}{suffix}"
    BAD_FILES[kind](path)
    assert main(words.replace("{}", os.fspath(path)).split()) == 1
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert re.fullmatch(r"cnnviz: .+\n", stderr), stderr
    assert "unexpected fault" not in stderr
    assert not (tmp_path / "executed").exists()
