import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from cnnviz.data import drawings, unipen
from cnnviz.data.drawings import Drawing, DrawingsError, read_drawings, write_drawings
from cnnviz.data.preparation import prepare_strokes

SEVEN = [np.array([[0.2, 0.2], [0.8, 0.2], [0.4, 0.9]]), np.array([[0.3, 0.5], [0.7, 0.5]])]

UNIPEN = """.INCLUDE        dene.doc

.LEXICON "0" "1" "2"
.HIERARCHY      DIGIT

.SEGMENT DIGIT    0 ? "8"
.COMMENT 8 12  224
.PEN_DOWN
 267  333
 267  336
.PEN_UP
.DT 100
.SEGMENT DIGIT 1-2 ? "4"
.PEN_DOWN
 10 20
.PEN_UP
 11 21
.PEN_DOWN
 30.5 -40
 31 41

.PEN_UP
"""
STROKES = [{"label": 7, "writer": 3, "strokes": [[[0, 0], [10, 0], [4, 20]]]}, {"strokes": [[[1, 2]], [[3, 4]]]}]


@pytest.fixture
def write(tmp_path):
    def write(content, name="drawings"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def as_lists(items):
    return [(each.label, each.writer, [stroke.tolist() for stroke in each.strokes]) for each in items]


def test_that_json_gives_strokes_labels_and_writers(write):
    assert as_lists(read_drawings(write(json.dumps(STROKES)))) == [
        (7, 3, [[[0, 0], [10, 0], [4, 20]]]),
        (None, None, [[[1, 2]], [[3, 4]]]),
    ]


def test_that_unipen_gives_digits_writers_and_strokes_with_y_down(write):
    assert as_lists(read_drawings(write(UNIPEN))) == [
        (8, 12, [[[267, -333], [267, -336]]]),
        (4, None, [[[10, -20]], [[30.5, 40], [31, -41]]]),
    ]


def test_that_a_unipen_segment_without_a_label_has_none(write):
    (drawing,) = read_drawings(write(".SEGMENT DIGIT 0\n.PEN_DOWN\n1 2\n.PEN_UP\n"))
    assert drawing.label is None


def test_that_lines_may_end_as_on_windows(write):
    assert as_lists(read_drawings(write(UNIPEN.replace("\n", "\r\n")))) == as_lists(read_drawings(write(UNIPEN)))


@pytest.mark.parametrize("text", [UNIPEN, json.dumps(STROKES)])
def test_that_gzipped_files_are_known_by_their_content(text, write):
    packed = read_drawings(write(gzip.compress(text.encode()), "packed.txt"))
    assert as_lists(packed) == as_lists(read_drawings(write(text)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (" 267  336\n", " 267\n", "line 10: expected a point of two finite numbers, x y, found '267'"),
        (" 267  336\n", "1 2 3\n", "line 10: expected a point of two finite numbers, x y, found '1 2 3'"),
        (" 267  336\n", "1 nan\n", "line 10: expected a point of two finite numbers, x y, found '1 nan'"),
        (" 267  336\n", "1e999 2\n", "line 10: expected a point of two finite numbers"),
        (" 267  336\n", "7" * 5000, "line 10: expected a point of two finite numbers, x y, found '7777"),
        (" 267  336\n", "\x1b[2J\n", r"line 10: expected a point of two finite numbers, x y, found '\x1b[2J'"),
        (" 267  336\n", ".PEN_DOWN\n", "line 10: expected .PEN_DOWN after .SEGMENT or .PEN_UP, found it elsewhere"),
        (".INCLUDE", ".PEN_DOWN", "line 1: expected .PEN_DOWN after .SEGMENT"),
        (".INCLUDE", ".PEN_UP", "line 1: expected .PEN_UP after .PEN_DOWN, found it elsewhere"),
        (
            '"8"',
            '"a"',
            """line 6: expected .SEGMENT DIGIT 0-1 ? "4" after the end of a stroke, found '.SEGMENT DIGIT""",
        ),
        (" 336\n.PEN_UP", " 336", "line 12: expected .SEGMENT DIGIT"),
        ("DIGIT 1-2", "WORD 1-2", "line 13: expected .SEGMENT DIGIT"),
        (" 267  333\n 267  336\n", "", "line 11: the digit before has no points between .PEN_DOWN and .PEN_UP"),
        (UNIPEN[UNIPEN.index(".SEGMENT") :], "", "expected digits that begin with .SEGMENT DIGIT"),
        ("\n.PEN_UP\n", "\n", "expected .PEN_UP at the end of the last stroke"),
    ],
)
def test_that_what_is_wrong_in_unipen_is_told_in_one_line_with_its_number(old, new, message, write):
    path = write(new.join(UNIPEN.rsplit(old, 1)))
    with pytest.raises(DrawingsError) as caught:
        read_drawings(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: {message}")
    assert line.isprintable()
    assert len(line) < 300 + len(str(path))


@pytest.mark.parametrize("content", [gzip.compress(UNIPEN.encode())[:-20], b"\x1f\x8bnonsense"])
def test_that_damaged_gzipped_data_are_named(content, write):
    path = write(content)
    with pytest.raises(DrawingsError, match="expected whole gzipped data, found damage: copy the file anew"):
        read_drawings(path)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_that_no_more_is_read_than_the_limit(pack, write, monkeypatch):
    monkeypatch.setattr(drawings, "MAX_FILE_BYTES", 2**20)
    path = write(pack(b" " * (2**20 + 1)))
    with pytest.raises(
        DrawingsError, match=r"found 1,048,577 bytes, more than the 1 MiB|unpacked it is larger than 1 MiB"
    ):
        read_drawings(path)


@pytest.mark.parametrize("text", [UNIPEN, json.dumps([{"strokes": [[[1, 2]]]}] * 3)])
def test_that_no_more_drawings_are_taken_than_the_limit(text, write, monkeypatch):
    path = write(text)
    count = len(read_drawings(path))
    monkeypatch.setattr(drawings, "MOST_DRAWINGS", count)
    assert len(read_drawings(path)) == count
    monkeypatch.setattr(drawings, "MOST_DRAWINGS", 1)
    with pytest.raises(DrawingsError, match=r"expected at most 1 drawings with .* found more; divide it"):
        read_drawings(path)


def test_that_no_more_strokes_are_taken_than_the_limit(write, monkeypatch):
    path = write(json.dumps(STROKES))
    monkeypatch.setattr(drawings, "MOST_STROKES", 3)
    assert len(read_drawings(path)) == 2
    monkeypatch.setattr(drawings, "MOST_STROKES", 2)
    with pytest.raises(DrawingsError, match=r"100,000 drawings with 2 strokes, found more"):
        read_drawings(path)


def test_that_one_drawing_is_no_longer_than_the_limit(write, monkeypatch):
    path = write(json.dumps([{"strokes": [[[1, 2]] * 5000]}, {"strokes": [[[1, 2]] * 9]}]))
    assert [len(each.strokes[0]) for each in read_drawings(path)] == [5000, 9]
    monkeypatch.setattr(drawings, "_ITEM_LENGTHS", (100, 1000))
    with pytest.raises(DrawingsError, match=r"item 0: .* of at most 1,000 characters, found something else: a longer"):
        read_drawings(path)


def test_that_a_line_of_unipen_that_is_none_is_not_taken_apart(write):
    path = write('.SEGMENT DIGIT 0 ? "1"\n.PEN_DOWN\n' + "1 " * 6000)
    with pytest.raises(DrawingsError, match="line 3: expected at most 10,000 characters, found 12,000; leave it out"):
        read_drawings(path)


def test_that_unipen_without_a_digit_is_not_read_to_its_end(write):
    with pytest.raises(DrawingsError, match="line 200001: expected a digit in at most 200,000 lines, found more"):
        read_drawings(write(".\n" * 300_000))


def test_that_lists_of_any_depth_are_refused_in_one_line(write):
    for depth in (*range(880, 1000, 3), 3000, 100_000):  # where one part of Python gives up, and then another
        with pytest.raises(DrawingsError, match=r"item 0: expected .*, found ") as caught:
            read_drawings(write("[" * depth + "]" * depth))
        assert str(caught.value).isprintable()


def test_that_every_digit_of_unipen_may_have_as_many_lines(write, monkeypatch):
    monkeypatch.setattr(unipen, "_MOST_LINES", 15)
    assert len(read_drawings(write(UNIPEN))) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 900 + "]" * 900, "item 0: expected an object .*, found "),
        ("[1,", "item 0: expected an object"),
        ('[{"strokes": [[[1, 2]]]} {', "item 0: expected , or ] after it, found {$"),
        ('[{"strokes": [[[1, 2]]]},]', "item 1: expected .* found something else: Expecting value at character 0"),
        ('[{"strokes": [[[1, 2]]]}] 7', "expected nothing after the list of drawings, found 7"),
        ('[{"strokes": [[[1, 2]]]}', "item 0: expected , or ] after it, found the end of the file$"),
        (b"[\xff]", "found bytes that are no text"),
        ('[{"label": 1' + "0" * 5000 + "}]", "found something else: a number of thousands of digits"),
    ],
)
def test_that_what_is_wrong_in_json_is_told_by_its_item(text, message, write):
    with pytest.raises(DrawingsError, match=message) as caught:
        read_drawings(write(text))
    assert len(str(caught.value)) < 400


def test_that_what_else_a_drawing_says_is_passed_over_but_strokes_and_an_image_are_one_too_many(write):
    (drawing,) = read_drawings(write('[{"id": 8, "strokes": [[[1, 2]]], "pen": {"width": [3]}, "label": 4}]'))
    assert (drawing.label, drawing.strokes[0].tolist()) == (4, [[1, 2]])
    with pytest.raises(DrawingsError, match='item 0: expected an object with "strokes"'):
        read_drawings(write(json.dumps([{"strokes": [[[1, 2]]], "image": [[255] * 28] * 28}])))


@pytest.mark.parametrize("writer", ['"x"', "1.5", "true"])
def test_that_a_writer_is_a_number(writer, write):
    with pytest.raises(DrawingsError, match=r"item 0: expected a number for the writer, found"):
        read_drawings(write(f'[{{"writer": {writer}, "strokes": [[[1, 2]]]}}]'))


def test_that_a_folder_is_no_file_of_drawings(tmp_path):
    with pytest.raises(DrawingsError, match="expected a file of drawings, found a folder; choose a file"):
        read_drawings(tmp_path)


def test_that_the_real_pen_digits_have_their_published_numbers():
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    path = Path(os.environ.get("CNNVIZ_TEST_DATA", beside)) / "pendigits" / "pendigits-train.gz"
    if not path.exists():
        pytest.skip(f"needs {path}")
    items = read_drawings(path)
    assert len(items) == 7494
    assert sum(len(each.strokes) for each in items) == 9433
    assert {each.writer for each in items} == set(range(1, 31))
    assert np.bincount([each.label for each in items]).tolist() == [780, 779, 780, 719, 780, 720, 720, 778, 719, 719]


def image() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (28, 28)).astype(np.uint8)


def test_that_written_drawings_are_read_again_as_they_were(tmp_path):
    path = tmp_path / "drawings.json"
    write_drawings(path, [Drawing(SEVEN, 7), Drawing(SEVEN[:1], None), Drawing([], 3, 12, image())])
    seven, unlabelled, picture = read_drawings(path)
    assert [(each.label, each.writer) for each in (seven, unlabelled, picture)] == [(7, None), (None, None), (3, 12)]
    for written, read in zip(SEVEN, seven.strokes, strict=True):
        np.testing.assert_array_equal(read, written)
    assert seven.image is None
    assert picture.strokes == []
    np.testing.assert_array_equal(picture.image, image())


def test_that_strokes_are_prepared_and_an_image_is_taken_as_it_is():
    np.testing.assert_array_equal(Drawing(SEVEN, 7).prepared(), prepare_strokes(SEVEN))
    np.testing.assert_array_equal(Drawing([], 7, image=image()).prepared(), image())
    pens = [2.0, 3.1]
    np.testing.assert_array_equal(
        Drawing(SEVEN, 7).prepared_with_pens(pens), [prepare_strokes(SEVEN, pen) for pen in pens]
    )
    np.testing.assert_array_equal(Drawing([], 7, image=image()).prepared_with_pens(pens), [image(), image()])


@pytest.mark.parametrize(
    ("item", "finding"),
    [
        ({"label": 1, "image": [[0] * 28] * 27}, "expected an image of 28 rows of 28 grey levels from 0 to 255"),
        ({"label": 1, "image": [[0] * 27] * 28}, "expected an image of 28 rows"),
        ({"label": 1, "image": [[256] * 28] * 28}, "expected an image of 28 rows"),
        ({"label": 1, "image": [[0.5] * 28] * 28}, "expected an image of 28 rows"),
        ({"label": 1, "image": [[True] * 28] * 28}, "expected an image of 28 rows"),
        ({"label": 1, "image": [[0] * 28] * 28}, "expected an image with ink, found an empty one"),
        (
            {"label": 1, "image": image().tolist(), "strokes": [[[0, 0], [1, 1]]]},
            'expected an object with "strokes" (or',
        ),
        ({"label": 1}, 'expected an object with "strokes" (or "image")'),
    ],
)
def test_that_an_image_that_is_none_is_refused_by_its_item(tmp_path, item, finding):
    path = tmp_path / "drawings.json"
    path.write_text(json.dumps([{"strokes": [[[0, 0], [1, 1]]]}, item]))
    with pytest.raises(DrawingsError) as error:
        read_drawings(path)
    assert str(error.value).startswith(f"{path}: item 1: {finding}")
