from dataclasses import replace

import numpy as np
import pytest

import cnnviz.gui.own_digits as module
from cnnviz.data.collection_files import read_digits
from cnnviz.data.drawing import Drawing
from cnnviz.data.drawings import write_drawings
from cnnviz.data.mixing import PEN_WIDTHS
from cnnviz.data.preparation import prepare_strokes
from cnnviz.errors import UserError
from cnnviz.gui.own_digits import OwnDigits
from cnnviz.gui.strokes import MOST_STEPS

SEVEN = Drawing([np.array([[0.2, 0.2], [0.8, 0.2], [0.4, 0.9]])], None)
ONE = Drawing([np.array([[0.5, 0.1], [0.5, 0.9]])], None)
PICTURE = Drawing([], None, image=np.random.default_rng(3).integers(0, 256, (28, 28)).astype(np.uint8))


def bring_in(own, path):
    own.take_in(read_digits(path), path.name)


@pytest.fixture
def own(qapp):
    digits = OwnDigits()
    digits.lines, digits.faults, digits.handed = [], [], []
    digits.message.connect(digits.lines.append)
    digits.failed.connect(digits.faults.append)
    digits.for_training.connect(lambda *what: digits.handed.append(what))
    yield digits
    digits._work.stop()
    digits.deleteLater()


def labels(own):
    return [digit.label for digit in own.digits.values()]


def work(own):
    """Let all that waits be done."""
    while own._work.isActive():
        own._do_some()


class Reader:
    """Stands in for a network: takes every image for the same digit."""

    def __init__(self, digit):
        self.digit, self.asked = digit, 0

    def predict(self, x, parameters, workspace):
        self.asked += len(x)
        return np.tile(np.where(np.arange(10) == self.digit, 0.91, 0.01), (len(x), 1)).astype(np.float32)


def taking_for(snapshot, digit):
    """Return a snapshot whose network takes every image for ``digit``."""
    return replace(snapshot, network=Reader(digit))


@pytest.fixture
def at_any_pace(monkeypatch):
    monkeypatch.setattr(module, "_ANSWER_EVERY", 0.0)


# Labelling


def test_that_a_drawing_is_kept_with_a_line_that_counts(own):
    own.keep(ONE, 1)
    own.keep(SEVEN, 7)
    own.keep(PICTURE, 7)
    assert own.lines == [
        "Kept as a 1: 1 digit of yours (1 one)",
        "Kept as a 7: 2 digits of yours (1 seven)",
        "Kept as a 7: 3 digits of yours (2 sevens)",
    ]
    assert own.digits[own.selected].ink.image is not None
    assert own.label_of(PICTURE) == 7


@pytest.mark.parametrize(("label", "line"), [(8, "Kept as an 8: 2 digits of yours (2 eights)"), (6, "(2 sixes)")])
def test_that_the_line_is_english(own, label, line):
    own.keep(ONE, label)
    own.keep(SEVEN, label)
    assert own.lines[-1].endswith(line)


def test_that_another_key_corrects_the_label_of_the_same_drawing(own):
    own.keep(SEVEN, 1)
    own.keep(SEVEN, 7)
    assert labels(own) == [7]
    assert own.lines[-1] == "A 7 now, no longer a 1: 1 digit of yours (1 seven)"
    own.keep(SEVEN, 7)
    assert own.lines[-1] == "Kept as a 7 already: 1 digit of yours (1 seven)"


def test_that_every_change_is_taken_back_and_done_again_in_turn(own, tmp_path):
    write_drawings(tmp_path / "more.json", [Drawing(PICTURE.strokes, 4, image=PICTURE.image)])
    states = []
    for change in (
        lambda: own.keep(SEVEN, 1),
        lambda: own.keep(SEVEN, 7),
        lambda: own.keep(ONE, 1),
        lambda: bring_in(own, tmp_path / "more.json"),
        lambda: own.remove(own.selected),
        own.clear,
    ):
        states.append(sorted(labels(own)))
        change()
    assert labels(own) == []
    for state in reversed(states):
        assert own.can_undo
        own.undo()
        assert sorted(labels(own)) == state
    assert not own.can_undo
    for state in (*states[1:], []):
        own.redo()
        assert sorted(labels(own)) == state
    assert not own.can_redo


def test_that_the_way_back_is_no_longer_than_that_of_the_pad(own):
    own.keep(SEVEN, 7)
    for change in range(MOST_STEPS + 3):
        own.relabel(own.selected, change % 2)
    steps = 0
    while own.can_undo:
        own.undo()
        steps += 1
    assert steps == MOST_STEPS
    assert labels(own) == [0]


def test_that_what_is_taken_back_is_named(own):
    own.keep(SEVEN, 7)
    own.undo()
    assert own.lines[-1] == "Undone: a 7 kept; 0 digits of yours"
    own.redo()
    assert own.lines[-1] == "Redone: a 7 kept; 1 digit of yours"


def test_that_a_label_is_taken_back_only_before_what_was_drawn_later(own):
    first, second = object(), object()
    own.sheet = first
    own.keep(SEVEN, 7)
    own.sheet = second
    assert not own.can_undo
    own.sheet = first
    assert own.can_undo
    own.undo()
    assert own.can_redo
    own.sheet = second
    assert not own.can_redo


def test_that_a_new_change_leaves_nothing_to_be_done_again(own):
    own.keep(SEVEN, 7)
    own.undo()
    own.keep(ONE, 1)
    assert not own.can_redo


def test_that_the_neighbour_of_a_removed_digit_is_selected(own):
    for drawing, label in ((SEVEN, 7), (PICTURE, 4), (ONE, 1)):
        own.keep(drawing, label)
    one, four, seven = own.in_order()
    own.select(four)
    own.remove(four)
    assert own.selected == seven
    own.remove(seven)
    assert own.selected == one
    own.remove(one)
    assert own.selected is None


def test_that_no_more_than_there_is_room_for_are_taken_with_one_line(own, monkeypatch):
    monkeypatch.setattr("cnnviz.data.collection.MOST", 1)
    own.keep(SEVEN, 7)
    own.keep(ONE, 1)
    assert labels(own) == [7]
    assert own.faults == ["expected at most 1 digits of your own, found 2 with these: take some away first"]
    assert not own.can_undo or own.undo() is None
    assert labels(own) == []


# Files


def test_that_digits_are_kept_from_start_to_start(own, tmp_path):
    own.open(tmp_path / "mine.json")
    own.keep(SEVEN, 7)
    later = OwnDigits()
    later.open(tmp_path / "mine.json")
    assert labels(later) == [7]
    assert later.selected == own.selected
    later._work.stop()


def test_that_a_place_that_cannot_be_written_is_told_of_once_and_the_digits_stay(own, tmp_path):
    (tmp_path / "file").write_text("")
    own.open(tmp_path / "file" / "mine.json")
    own.keep(SEVEN, 7)
    own.keep(ONE, 1)
    assert labels(own) == [7, 1]
    assert len(own.faults) == 1
    assert own.faults[0].startswith("your digits are kept in memory only: ")
    assert own.lines == ["Kept as a 1: 2 digits of yours (1 one)"]


def test_that_a_damaged_file_is_told_of_at_the_start(own, tmp_path):
    (tmp_path / "mine.json").write_text("damage")
    own.open(tmp_path / "mine.json")
    own.tell_fault()
    assert "set aside" in own.faults[0]


def test_that_only_what_is_new_is_imported(own, tmp_path):
    write_drawings(tmp_path / "more.json", [Drawing(SEVEN.strokes, 1), Drawing(ONE.strokes, 1)])
    own.keep(SEVEN, 7)
    bring_in(own, tmp_path / "more.json")
    assert labels(own) == [7, 1]
    assert own.lines[-1] == "1 digit added from more.json; 1 were here already"


def test_that_of_a_file_with_a_fault_nothing_is_imported(own, tmp_path):
    write_drawings(tmp_path / "more.json", [Drawing(SEVEN.strokes, 7), Drawing(ONE.strokes, None)])
    with pytest.raises(UserError, match='item 1: expected a "label"'):
        bring_in(own, tmp_path / "more.json")
    assert labels(own) == []


def test_that_exported_digits_come_back(own, tmp_path):
    own.keep(SEVEN, 7)
    own.keep(PICTURE, 4)
    own.export_strokes(tmp_path / "out.json")
    own.export_idx(tmp_path)
    before = dict(own.digits)
    own.clear()
    bring_in(own, tmp_path / "out.json")
    assert list(own.digits) == list(before)
    own.clear()
    bring_in(own, tmp_path)
    images = [digit.ink.image for digit in own.digits.values()]
    np.testing.assert_array_equal(images, [digit.ink.image for digit in before.values()])


# Answers


def test_that_the_answers_are_those_of_the_network(own, workbench, snapshot):
    own.keep(SEVEN, 7)
    own.keep(PICTURE, 4)
    own.follow(snapshot)
    work(own)
    workbench.snapshot = snapshot
    for key, digit in own.digits.items():
        np.testing.assert_allclose(own.answers[key], workbench.classify(digit.ink.image), rtol=1e-4, atol=1e-6)


def test_that_a_digit_labelled_now_is_answered_at_once(own, snapshot):
    own.take(taking_for(snapshot, 3))
    own.keep(SEVEN, 7)
    assert own.answers[own.selected].argmax() == 3
    assert own.trails[own.selected] == [3]


@pytest.mark.usefixtures("at_any_pace")
def test_that_the_trail_leads_from_what_a_digit_was_taken_for_when_it_was_labelled(own, snapshot):
    own.take(taking_for(snapshot, 3))
    own.keep(SEVEN, 7)
    for digit in (3, 1, 1, 7):
        own.follow(taking_for(snapshot, digit))
        work(own)
    assert own.trails[own.selected] == [3, 1, 7]
    own.keep(SEVEN, 9)
    assert own.trails[own.selected] == [7]
    for digit in range(100):
        own.follow(taking_for(snapshot, digit % 10))
        work(own)
    assert len(own.trails[own.selected]) == 16
    assert (own.trails[own.selected][0], own.trails[own.selected][-1]) == (7, 9)


@pytest.mark.usefixtures("at_any_pace")
def test_that_where_only_the_selected_digit_is_looked_at_only_it_is_read(own, snapshot):
    own.keep(SEVEN, 7)
    own.keep(ONE, 1)
    other = taking_for(snapshot, 5)
    own.follow_selected(other)
    assert other.network.asked == 1
    assert own.answers[own.selected].argmax() == 5


def test_that_answers_are_not_asked_for_more_often_than_anybody_reads(own, snapshot):
    own.keep(SEVEN, 7)
    first, second = taking_for(snapshot, 5), taking_for(snapshot, 6)
    own.follow(first)
    own._do_some()
    own.follow(second)
    for _ in range(5):
        own._do_some()
    assert second.network.asked == 0
    assert own.answers[own.selected].argmax() == 5
    own._began -= 1.0
    work(own)
    assert own.answers[own.selected].argmax() == 6


@pytest.mark.usefixtures("at_any_pace")
def test_that_many_digits_are_read_some_at_a_time(own, snapshot, monkeypatch, tmp_path):
    rng = np.random.default_rng(1)
    many = [Drawing([], 3, image=rng.integers(1, 256, (28, 28)).astype(np.uint8)) for _ in range(150)]
    write_drawings(tmp_path / "many.json", many)
    bring_in(own, tmp_path / "many.json")
    work(own)
    network = taking_for(snapshot, 5)
    own.follow(network)
    sizes = []
    while own._work.isActive():
        before = network.network.asked
        own._do_some()
        sizes.append(network.network.asked - before)
    assert max(sizes) <= 64
    assert network.network.asked == 150
    assert own.evaluation().confusion[3, 5] == 150


@pytest.mark.usefixtures("at_any_pace")
def test_that_many_digits_that_come_to_a_network_at_rest_are_read_by_it(own, snapshot, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_AT_ONCE", 4)
    monkeypatch.setattr(module, "_ANSWER_EVERY", 0.0)
    own.keep(SEVEN, 7)
    own.follow(taking_for(snapshot, 7))
    work(own)
    rng = np.random.default_rng(1)
    write_drawings(tmp_path / "more.json", [Drawing([rng.random((5, 2))], 4) for _ in range(9)])
    bring_in(own, tmp_path / "more.json")
    work(own)
    assert len(own.answers) == 10
    own.clear()
    own.undo()
    work(own)
    assert len(own.answers) == 10


def test_that_the_scores_are_those_of_the_answers(own, snapshot):
    assert own.evaluation() is None
    own.keep(SEVEN, 7)
    own.keep(ONE, 1)
    own.follow(taking_for(snapshot, 7))
    work(own)
    score = own.evaluation()
    assert (score.samples, score.accuracy, own.right) == (2, 0.5, 1)
    assert (score.confusion[7, 7], score.confusion[1, 7], score.confusion.sum()) == (1, 1, 2)
    assert score.loss == pytest.approx(-(np.log(0.91) + np.log(0.01)) / 2)


def test_that_another_run_begins_without_answers(own, snapshot):
    own.take(taking_for(snapshot, 7))
    own.keep(SEVEN, 7)
    own.forget_answers()
    assert (own.answers, own.trails) == ({}, {})
    own.keep(ONE, 1)
    assert own.answers == {}


# Training


def test_that_training_gets_strokes_in_all_pens_and_pictures_as_they_are(own):
    own.keep(SEVEN, 7)
    own.keep(PICTURE, 4)
    work(own)
    images, digits, share = own.handed[-1]
    np.testing.assert_array_equal(images[:3], [prepare_strokes(SEVEN.strokes, pen) for pen in PEN_WIDTHS])
    np.testing.assert_array_equal(images[3], PICTURE.image)
    assert (digits.tolist(), share) == ([7, 7, 7, 4], 0.1)


def test_that_the_share_is_handed_over_and_kept_within_bounds(own):
    own.keep(SEVEN, 7)
    own.set_share(30)
    work(own)
    assert own.handed[-1][2] == 0.3
    own.set_share(90)
    assert own.share == 50
    own.set_share(0)
    work(own)
    assert (len(own.handed[-1][0]), own.handed[-1][2]) == (0, 0.0)


def test_that_removed_digits_are_learnt_no_more(own):
    own.keep(SEVEN, 7)
    work(own)
    own.clear()
    work(own)
    assert len(own.handed[-1][0]) == 0


def test_that_of_very_many_each_is_learnt_in_one_pen(own, monkeypatch):
    monkeypatch.setattr(module, "_IN_ALL_PENS", 1)
    own.keep(SEVEN, 7)
    own.keep(ONE, 1)
    work(own)
    np.testing.assert_array_equal(own.handed[-1][0], [prepare_strokes(d.strokes) for d in (SEVEN, ONE)])


def test_that_labelled_digits_reach_the_training_that_goes_on(live, wait_until):
    live.own_digits.keep(SEVEN, 7)
    live.own_digits.set_share(50)
    wait_until(lambda: live._run is not None and live._own_digits is not None and live._own_digits[2] == 0.5)
    assert live._own_digits[1].tolist() == [7, 7, 7]
    wait_until(lambda: not live.own_digits._work.isActive())


def test_that_no_collection_is_touched_unasked(workbench):
    assert workbench.own_digits.collection._path is None
