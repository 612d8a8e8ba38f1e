import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

import cnnviz.data.collection as collection_module
from cnnviz.data.collection import Collection, CollectionError, Ink, OwnDigit, adding, collection_path
from cnnviz.data.drawings import Drawing, read_drawings
from cnnviz.data.preparation import prepare_strokes
from cnnviz.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
SEVEN = [np.array([[0.2, 0.2], [0.8, 0.2], [0.4, 0.9]]), np.array([[0.3, 0.5], [0.7, 0.5]])]
ONE = [np.array([[0.5, 0.1], [0.5, 0.9]])]
IMAGE = np.random.default_rng(3).integers(0, 256, (28, 28)).astype(np.uint8)

only_where_permissions_hold = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "my-digits.json"


def labels(collection):
    return [digit.label for digit in collection.digits.values()]


def key(strokes=SEVEN):
    return Ink(Drawing(strokes, None)).key


def test_that_digits_are_there_again_at_the_next_start(path):
    Collection(path).apply(adding([Drawing(SEVEN, 7), Drawing([], 3, image=IMAGE)]))
    seven, three = Collection(path).digits.values()
    assert (seven.label, three.label) == (7, 3)
    np.testing.assert_array_equal(seven.ink.image, prepare_strokes(SEVEN))
    np.testing.assert_array_equal(three.ink.image, IMAGE)


def test_that_the_file_is_one_that_others_read(path):
    Collection(path).apply(adding([Drawing(SEVEN, 7)]))
    assert json.loads(path.read_text()) == [{"label": 7, "strokes": [stroke.tolist() for stroke in SEVEN]}]
    assert read_drawings(path)[0].label == 7


def test_that_the_same_ink_is_kept_once_and_labelled_anew(path):
    collection = Collection(path)
    collection.apply(adding([Drawing(SEVEN, 1), Drawing(ONE, 1)]))
    collection.apply(adding([Drawing(SEVEN, 7)]))
    assert labels(collection) == labels(Collection(path)) == [7, 1]


def test_that_every_change_can_be_taken_back(path):
    collection = Collection(path)
    collection.apply(adding([Drawing(SEVEN, 1), Drawing(ONE, 1)]))
    relabelled = collection.apply(adding([Drawing(SEVEN, 7)]))
    removed = collection.apply({key(ONE): None})
    assert labels(collection) == [7]
    collection.apply(removed)
    collection.apply(relabelled)
    assert labels(collection) == labels(Collection(path)) == [1, 1]


def test_that_two_windows_lose_nothing_of_each_others(path):
    first, second = Collection(path), Collection(path)
    first.apply(adding([Drawing(SEVEN, 7)]))
    second.apply(adding([Drawing(ONE, 1)]))
    first.apply(adding([Drawing([], 3, image=IMAGE)]))
    assert labels(first) == labels(Collection(path)) == [7, 1, 3]
    second.apply({key(SEVEN): None})
    first.apply(adding([Drawing(ONE, 2)]))
    assert labels(first) == labels(Collection(path)) == [2, 3]


CHANGES = """
import sys
from pathlib import Path
import numpy as np
from cnnviz.data.collection import Collection, Ink, adding
from cnnviz.data.drawings import Drawing
path, number, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
mine = [Drawing([np.array([[0.05 * number, 0.1], [0.5, 0.01 * at]])], at % 10) for at in range(count)]
collection = Collection(path)
print("ready", flush=True)
input()
for at, drawing in enumerate(mine):
    collection.apply(adding([drawing]))
    if at % 4 == 3:
        collection.apply({Ink(mine[at - 1]).key: None})
        collection.apply({Ink(drawing).key: collection.digits[Ink(drawing).key]._replace(label=9)})
    assert collection.fault is None, collection.fault
"""


def test_that_five_processes_at_once_lose_nothing_of_each_others(path):
    command = [sys.executable, "-c", CHANGES, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen([*command, str(n), "24"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        for n in range(1, 6)
    ]
    for process in processes:
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    labels_of_one = [9 if at % 4 == 3 else at % 10 for at in range(24) if at % 4 != 2]
    assert sorted(labels(Collection(path))) == sorted(5 * labels_of_one)
    assert sorted(file.name for file in path.parent.iterdir()) == ["my-digits.json", "my-digits.lock"]


def test_that_a_window_that_does_not_let_go_of_the_file_costs_a_moment_and_no_digit(path, monkeypatch):
    monkeypatch.setattr(collection_module, "PATIENCE_SECONDS", 0.05)
    collection = Collection(path)
    path.parent.mkdir()
    with FileLock(path.with_suffix(".lock")):
        collection.apply(adding([Drawing(SEVEN, 7)]))
        assert collection.fault.startswith("your digits are kept in memory only: another cnnviz holds ")
        assert not path.exists()
    collection.save()
    assert collection.fault is None
    assert labels(collection) == labels(Collection(path)) == [7]


@pytest.mark.parametrize("fault", [OSError(37, "No locks available"), NotImplementedError("no flock")])
def test_that_where_no_lock_can_be_had_digits_are_kept_all_the_same(path, monkeypatch, fault):
    def fail(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(collection_module.FileLock, "acquire", fail)
    collection = Collection(path)
    collection.apply(adding([Drawing(SEVEN, 7)]))
    assert collection.fault is None
    assert labels(Collection(path)) == [7]


def test_that_a_file_without_changes_to_be_written_is_left_alone(path):
    collection = Collection(path)
    collection.apply(adding([Drawing(SEVEN, 7)]))
    before = path.stat().st_ino
    collection.save()
    assert path.stat().st_ino == before


def test_that_what_another_window_cleared_stays_cleared(path):
    first, second = Collection(path), Collection(path)
    first.apply(adding([Drawing(SEVEN, 7)]))
    second.apply({key(SEVEN): None})
    assert not path.exists()
    first.apply(adding([Drawing(ONE, 1)]))
    assert labels(first) == [1]


def test_that_images_made_once_are_not_made_again_when_the_file_is_read_again(path):
    first, second = Collection(path), Collection(path)
    first.apply(adding([Drawing(SEVEN, 7)]))
    ink = first.digits[key()].ink
    second.apply(adding([Drawing(ONE, 1)]))
    first.apply({})
    assert labels(first) == [7, 1]
    assert first.digits[key()].ink is ink


@pytest.mark.parametrize("content", ["[", "{}", '[{"strokes": [[[0, 0], [1, 1]]]}]', "\0\1", '[{"label": 1}]'])
def test_that_a_damaged_file_is_set_aside_with_one_clear_line(path, content):
    path.parent.mkdir()
    path.write_text(content)
    older = path.with_suffix(".damaged-1.json")
    older.write_text("precious")
    collection = Collection(path)
    aside = path.with_suffix(".damaged-2.json")
    assert collection.digits == {}
    assert collection.fault.startswith(f"the file of your digits was damaged and set aside as {aside}: {path}: ")
    assert "\n" not in collection.fault
    collection.apply(adding([Drawing(ONE, 1)]))
    assert (older.read_text(), aside.read_text()) == ("precious", content)
    assert collection.fault is None
    assert labels(Collection(path)) == [1]


def test_that_a_file_damaged_under_an_open_window_costs_it_no_digit(path):
    collection = Collection(path)
    collection.apply(adding([Drawing(SEVEN, 7)]))
    path.write_text("damage")
    collection.apply(adding([Drawing(ONE, 1)]))
    assert "set aside" in collection.fault
    assert labels(collection) == labels(Collection(path)) == [7, 1]


def test_that_digits_saved_from_damage_outlive_another_windows_writing(path, monkeypatch):
    first = Collection(path)
    first.apply(adding([Drawing(SEVEN, 7)]))
    path.write_text("damage")
    with monkeypatch.context() as patch:
        patch.setattr("cnnviz.atomic.os.fsync", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            first.apply({})
    Collection(path).apply(adding([Drawing(ONE, 1)]))
    first.apply({})
    assert labels(first) == labels(Collection(path)) == [1, 7]


def test_that_without_a_place_to_write_digits_are_kept_in_memory(path):
    path.parent.write_text("a file where a folder should be")
    collection = Collection(path)
    assert collection.fault is None
    collection.apply(adding([Drawing(SEVEN, 7)]))
    assert collection.fault.startswith("your digits are kept in memory only: could not create the folder ")
    assert "what should be its folder is a file" in collection.fault
    collection.apply(adding([Drawing(ONE, 1)]))
    assert labels(collection) == [7, 1]
    path.parent.unlink()
    collection.apply(adding([Drawing([], 3, image=IMAGE)]))
    assert collection.fault is None
    assert labels(Collection(path)) == [7, 1, 3]


def test_that_a_full_disk_costs_neither_old_nor_new_digits(path, monkeypatch):
    collection = Collection(path)
    collection.apply(adding([Drawing(SEVEN, 7)]))
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cnnviz.atomic.os.fsync", fail)
    collection.apply(adding([Drawing(ONE, 1)]))
    assert "the disk is full" in collection.fault
    assert path.read_bytes() == before
    assert labels(collection) == [7, 1]
    monkeypatch.undo()
    Collection(path).apply(adding([Drawing([], 3, image=IMAGE)]))
    collection.apply({})
    assert labels(collection) == labels(Collection(path)) == [7, 3, 1]


def test_that_a_file_that_cannot_be_read_is_left_alone(path, tmp_path):
    path.mkdir(parents=True)
    collection = Collection(path)
    assert collection.fault.startswith("your digits are kept in memory only, for their file cannot be read: ")
    collection.apply(adding([Drawing(ONE, 1)]))
    assert path.is_dir()
    assert labels(collection) == [1]
    path.rmdir()
    Collection(path).apply(adding([Drawing(SEVEN, 7)]))
    collection.apply({})
    assert collection.fault is None
    assert labels(collection) == labels(Collection(path)) == [7, 1]


@pytest.mark.timeout(20)
def test_that_a_pipe_in_place_of_the_file_is_not_waited_for(path):
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    assert "found a pipe" in Collection(path).fault
    assert path.is_fifo()


@pytest.mark.parametrize("size", [0, 10 * 2**30], ids=["empty", "10 GiB"])
def test_that_a_file_of_an_impossible_size_is_set_aside_unread(path, size, peak_of):
    def opened():
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as stream:
            stream.truncate(size)  # sparse: takes no room on the disk
        assert "was damaged and set aside" in Collection(path).fault

    assert peak_of(opened) < 2**20


@only_where_permissions_hold
def test_that_a_folder_that_may_not_be_written_is_told_of(path):
    path.parent.mkdir()
    path.parent.chmod(0o500)
    collection = Collection(path)
    collection.apply(adding([Drawing(SEVEN, 7)]))
    assert "not permitted" in collection.fault
    assert labels(collection) == [7]


def test_that_no_more_digits_than_there_is_room_for_are_taken(path, monkeypatch):
    monkeypatch.setattr(collection_module, "MOST", 2)
    collection = Collection(path)
    collection.apply(adding([Drawing(SEVEN, 7), Drawing(ONE, 1)]))
    with pytest.raises(CollectionError, match="expected at most 2 digits of your own, found 3"):
        collection.apply(adding([Drawing([], 3, image=IMAGE)]))
    with pytest.raises(CollectionError, match="expected at most 2 digits, found 3"):
        adding([Drawing(ONE, 1)] * 3)
    collection.apply(adding([Drawing(ONE, 2)]))
    assert labels(collection) == labels(Collection(path)) == [7, 2]


def test_that_no_more_is_taken_than_a_file_of_drawings_may_hold(path, monkeypatch):
    collection = Collection(path)
    collection.apply(adding([Drawing(SEVEN, 7), Drawing([], 3, image=IMAGE)]))
    full = path.stat().st_size
    for module in ("collection", "drawings"):
        monkeypatch.setattr(f"cnnviz.data.{module}.MAX_FILE_BYTES", full + 2)
    with pytest.raises(CollectionError, match="expected your digits to fit into 0 MiB, found 0 MiB with these"):
        collection.apply(adding([Drawing(ONE, 1)]))
    collection.apply({key(SEVEN): None})
    collection.apply(adding([Drawing(SEVEN, 1)]))
    assert labels(collection) == labels(Collection(path)) == [3, 1]
    assert path.stat().st_size == full


def test_that_strokes_in_other_units_are_fitted_into_the_pad_and_recognised_when_they_come_again():
    ink = Ink(Drawing([1e6 + 500 * stroke for stroke in SEVEN], None))
    points = np.concatenate(ink.drawing.strokes)
    np.testing.assert_allclose(points.min(axis=0), [0.1 + 0.8 / 7 / 2, 0.1], atol=1e-3)
    np.testing.assert_allclose(points.max(axis=0), [0.9 - 0.8 / 7 / 2, 0.9], atol=1e-3)
    assert Ink(ink.drawing).key == ink.key
    assert np.abs(ink.image.astype(int) - prepare_strokes(SEVEN)).max() <= 8


def test_that_strokes_around_the_origin_are_moved_onto_the_pad():
    ink = Ink(Drawing([stroke - 0.5 for stroke in SEVEN], None))
    assert np.concatenate(ink.drawing.strokes).min() >= 0


@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1e300])
def test_that_strokes_of_any_scale_keep_their_form(scale):
    ink = Ink(Drawing([scale * stroke for stroke in SEVEN], None))
    assert np.abs(ink.image.astype(int) - prepare_strokes(SEVEN)).max() <= 8


def test_that_a_dot_stays_a_dot():
    assert Ink(Drawing([np.array([[0.3, 0.3]])], None)).drawing.strokes[0].tolist() == [[0.3, 0.3]]
    assert Ink(Drawing([np.array([[-7.0, 9.0]])], None)).drawing.strokes[0].tolist() == [[0.5, 0.5]]


def test_that_strokes_are_learnt_in_several_pens_and_an_image_as_it_is():
    images = Ink(Drawing(SEVEN, None)).training_images
    np.testing.assert_array_equal(images, [prepare_strokes(SEVEN, pen) for pen in (2.0, 2.5, 3.1)])
    np.testing.assert_array_equal(Ink(Drawing([], None, image=IMAGE)).training_images, IMAGE[np.newaxis])


@pytest.mark.parametrize(
    ("drawing", "fault"),
    [
        (Drawing(SEVEN, None), 'item 1: expected a "label" from 0 to 9, found none'),
        (Drawing([np.zeros((10_001, 2))], 1), "item 1: expected at most 10,000 points, found 10,001"),
        (Drawing([], 1, image=np.zeros((28, 28), np.uint8)), "item 1: expected an image with ink, found an empty one"),
    ],
)
def test_that_a_drawing_that_cannot_be_added_is_named(drawing, fault):
    with pytest.raises(UserError) as error:
        adding([Drawing(ONE, 1), drawing])
    assert str(error.value).startswith(fault)


def test_that_of_the_same_ink_twice_the_first_is_added():
    assert [digit.label for digit in adding([Drawing(ONE, 1), Drawing(ONE, 7)]).values()] == [1]


def test_that_digits_are_kept_in_the_users_data_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr("cnnviz.data.collection.platformdirs.user_data_dir", lambda name: str(tmp_path / name))
    assert collection_path() == tmp_path / "cnnviz" / "my-digits.json"


def test_that_a_digit_is_a_label_and_ink():
    assert OwnDigit(7, Ink(Drawing(SEVEN, 7))).ink.drawing.label is None
