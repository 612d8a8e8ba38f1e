"""The digits that a person has labelled, and what the network makes of them as it learns."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from cnnviz.data.collection import Change, Collection, CollectionError, Ink, OwnDigit, adding
from cnnviz.data.collection_files import export_idx, export_strokes
from cnnviz.data.drawing import Drawing
from cnnviz.data.pen import SIDE
from cnnviz.explain.what_if import actual
from cnnviz.gui.strokes import MOST_STEPS
from cnnviz.gui.words import digits_text, with_article
from cnnviz.nn import Workspace
from cnnviz.training.evaluation import CLASSES, Evaluation
from cnnviz.training.snapshot import Snapshot

GREATEST_SHARE = 50  # per cent of each batch
DEFAULT_SHARE = 10

_TICK_MS = 20  # between two slices of work; none is longer than the pen can wait
_SLICE = 0.004  # seconds
_AT_ONCE = 64  # images for the network in one slice
_ANSWER_EVERY = 0.2  # seconds; nobody reads faster
_IN_ALL_PENS = 1000  # digits; of more, each is learnt in one pen width only
_LONGEST_TRAIL = 16
_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class _Step(NamedTuple):
    """What takes a change back: it is due where the pad shows the same sheet as when the change was made."""

    sheet: object
    change: Change
    what: str


class OwnDigits(QObject):
    """A collection of labelled digits, with a way back through its changes, and the newest answers to it.

    Images are prepared and answers found in slices of some milliseconds, while somebody looks on (``follow``).

    Attributes
    ----------
    selected : str or None
        Key of the digit that is shown large: the latest, or the one chosen since.
    answers : dict of array, shape (10,)
        Probabilities, by key, as the network had them when it was asked last.
    trails : dict of list of int
        What each digit was taken for since it was labelled, by key, each change once, the first and the newest.
    share : int
        Per cent of each training batch that is taken from here.
    sheet : object
        What the pad shows at present.
    """

    changed = Signal()  # other digits, or other labels
    answered = Signal()  # newer answers
    selected_answered = Signal()  # a newer answer to the selected digit alone
    selected_changed = Signal()
    share_changed = Signal()
    for_training = Signal(object, object, float)  # images (n, 28, 28), labels (n,), share of each batch, 0 to 1
    message = Signal(str)
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.collection = Collection()
        self.selected: str | None = None
        self.answers: dict[str, np.ndarray] = {}
        self.trails: dict[str, list[int]] = {}
        self.share = DEFAULT_SHARE
        self.sheet: object = None
        self._past: list[_Step] = []
        self._future: list[_Step] = []
        self._told_fault: str | None = None
        self._snapshot: Snapshot | None = None  # the newest
        self._wanted: Snapshot | None = None  # the newest that somebody looks at
        self._answered_by: Snapshot | None = None
        self._began = -_ANSWER_EVERY  # when the latest round of answers did
        self._looked_at = -_ANSWER_EVERY  # when the selected digit alone was answered last
        self._unprepared: deque[Ink] = deque()
        self._unanswered: deque[str] = deque()
        self._is_incomplete = False  # whether there are many digits that no network has read yet
        self._is_stale = False  # whether training has other digits than there are
        self._workspace = Workspace(overwrites=True)
        self._work = QTimer(self)
        self._work.setInterval(_TICK_MS)
        self._work.timeout.connect(self._do_some)

    # The digits

    @property
    def digits(self) -> dict[str, OwnDigit]:
        """By the key of their ink, in the order in which they came."""
        return self.collection.digits

    def open(self, path: Path) -> None:
        """Keep the digits in a file from now on, beginning with those that it holds."""
        self.collection = Collection(path)
        self._after_change()

    def finish(self) -> None:
        """Stop working, and write what could not be written before."""
        self._work.stop()
        self.collection.save()

    def label_of(self, drawing: Drawing | None) -> int | None:
        """Return the label under which a drawing is kept; None where it is not."""
        digit = self.digits.get(Ink(drawing).key) if drawing and self.digits else None
        return digit and digit.label

    def keep(self, drawing: Drawing, label: int) -> None:
        """Keep a drawing as a ``label``, or label it anew where it is kept already."""
        change = adding([replace(drawing, label=label)])
        key = next(iter(change))
        _ = change[key].ink.image  # so that it is answered at once
        if key in self.digits:
            self.relabel(key, label)
        elif self._change(change, f"{with_article(label)} kept"):
            self._tell(f"Kept as {with_article(label)}: {self._count(label)}")
        if key in self.digits:
            self.select(key)

    def relabel(self, key: str, label: int) -> None:
        """Say that a digit is another one."""
        digit = self.digits[key]
        now, before = with_article(label), with_article(digit.label)
        if digit.label == label:
            self._tell(f"Kept as {now} already: {self._count(label)}")
        elif self._change({key: digit._replace(label=label)}, f"{now} instead of {before}"):
            self._tell(f"{now.capitalize()} now, no longer {before}: {self._count(label)}")

    def remove(self, key: str) -> None:
        """Take a digit away; its neighbour is selected."""
        label, keys = self.digits[key].label, list(self.in_order())
        place = keys.index(key)
        if self._change({key: None}, f"{with_article(label)} taken away"):
            self.select(next(iter(keys[place + 1 :] or keys[max(place - 1, 0) : place]), None))
            self._tell(f"Taken away: {with_article(label)}; Ctrl+Z puts it back")

    def clear(self) -> None:
        """Take all digits away."""
        if self.digits and self._change(dict.fromkeys(self.digits), "all digits taken away"):
            self.select(None)
            self._tell("All digits of yours taken away; Ctrl+Z puts them back")

    def in_order(self) -> list[str]:
        """Return all keys, the zeros first, each kind in the order in which it came."""
        return sorted(self.digits, key=lambda key: self.digits[key].label)

    def select(self, key: str | None) -> None:
        """Show another digit large."""
        if key != self.selected:
            self.selected = key
            self.selected_changed.emit()

    def take_in(self, read: Change, source: str) -> None:
        """Add what was read from a file or folder of the name ``source``."""
        new = {key: digit for key, digit in read.items() if key not in self.digits}
        known = f"; {len(read) - len(new):,} were here already" if len(new) < len(read) else ""
        if not new or self._change(new, f"{digits_text(len(new))} added from {source}"):
            self.select(next(reversed(read)))
            self._tell(f"{digits_text(len(new))} added from {source}{known}")

    def export_strokes(self, path: Path) -> None:
        """Write all digits as strokes; UserError where that fails."""
        export_strokes(path, list(self.digits.values()))
        self._tell(f"{digits_text(len(self.digits))} of yours written to {path}")

    def export_idx(self, folder: Path) -> None:
        """Write all digits as images, a dataset; UserError where that fails."""
        export_idx(folder, list(self.digits.values()))
        self._tell(f"{digits_text(len(self.digits))} of yours written to {folder}: train --dataset takes that folder")

    def _count(self, label: int) -> str:
        same = sum(digit.label == label for digit in self.digits.values())
        plural = "" if same == 1 else "es" if label == 6 else "s"
        return f"{digits_text(len(self.digits))} of yours ({same:,} {_NAMES[label]}{plural})"

    # The way back

    @property
    def can_undo(self) -> bool:
        """Whether the latest thing done, on the pad or here, was done here."""
        return bool(self._past) and self._past[-1].sheet is self.sheet

    @property
    def can_redo(self) -> bool:
        """Whether the latest thing taken back was taken back here."""
        return bool(self._future) and self._future[-1].sheet is self.sheet

    def undo(self) -> None:
        """Take back the latest change."""
        self._go(self._past, self._future, "Undone")

    def redo(self) -> None:
        """Do again what was taken back."""
        self._go(self._future, self._past, "Redone")

    def _go(self, source: list[_Step], target: list[_Step], told: str) -> None:
        step = source.pop()
        inverse = self._apply(step.change)
        if inverse is not None:
            target.append(_Step(self.sheet, inverse, step.what))
            self.select(next((key for key in reversed(step.change) if key in self.digits), self._a_selection()))
            self._tell(f"{told}: {step.what}; {digits_text(len(self.digits))} of yours")

    def _change(self, change: Change, what: str) -> bool:
        """Make a change that can be taken back; False where it cannot be made, which has been said then."""
        inverse = self._apply(change)
        if inverse is None:
            return False
        self._past.append(_Step(self.sheet, inverse, what))
        del self._past[:-MOST_STEPS]  # each keeps a sheet, with the picture on it
        self._future.clear()
        return True

    def _apply(self, change: Change) -> Change | None:
        before = {key: self.digits[key].label for key in change if key in self.digits}
        try:
            inverse = self.collection.apply(change)
        except CollectionError as fault:
            self.failed.emit(str(fault))
            return None
        for key in change:
            if key not in self.digits or before.get(key) != self.digits[key].label:
                self.trails.pop(key, None)  # another row of the confusion matrix
        self._after_change()
        return inverse

    def _after_change(self) -> None:
        self.answers = {key: answer for key, answer in self.answers.items() if key in self.digits}
        if self.selected not in self.digits:
            self.select(self._a_selection())
        self._unprepared = deque(digit.ink for digit in self.digits.values() if not digit.ink.is_prepared)
        self._is_stale = True
        self._answer_new()
        self.changed.emit()
        self._work.start()

    def _a_selection(self) -> str | None:
        return self.selected if self.selected in self.digits else next(reversed(self.digits), None)

    def _tell(self, line: str) -> None:
        """Say what was done, unless there is a fault that has not been told yet."""
        fault, told = self.collection.fault, self._told_fault
        self._told_fault = fault
        if fault and fault != told:
            self.failed.emit(fault)
        else:
            self.message.emit(line)

    def tell_fault(self) -> None:
        """Say what is wrong with the file, if anything is."""
        if fault := self.collection.fault:
            self._told_fault = fault
            self.failed.emit(fault)

    # The answers

    @Slot(object)
    def take(self, snapshot: Snapshot) -> None:
        """Take the newest network, for digits that are labelled now."""
        self._snapshot = snapshot

    def follow(self, snapshot: Snapshot) -> None:
        """Let a network that somebody looks at answer, as soon as it is worth it; not one that is a mere what-if."""
        self._snapshot = self._wanted = actual(snapshot)
        self._answer_new()
        if not self._work.isActive() and self.digits:
            self._work.start()

    def follow_selected(self, snapshot: Snapshot) -> None:
        """Let a network answer to the selected digit alone, where somebody looks at that only."""
        self._snapshot = snapshot = actual(snapshot)
        digit, now = self.digits.get(self.selected), time.monotonic()
        if digit and digit.ink.is_prepared and now - self._looked_at >= _ANSWER_EVERY:
            self._looked_at = now
            self._answer([self.selected], snapshot)
            self.selected_answered.emit()

    @Slot()
    def forget_answers(self) -> None:
        """Begin anew: another network."""
        self.answers, self.trails = {}, {}
        self._snapshot = self._wanted = self._answered_by = None
        self._unanswered.clear()
        self.answered.emit()

    @property
    def right(self) -> int:
        """How many digits are read as what they are."""
        return sum(int(answer.argmax()) == self.digits[key].label for key, answer in self.answers.items())

    def evaluation(self) -> Evaluation | None:
        """Return the scores of the newest answers; None where there are none."""
        if not self.answers:
            return None
        probabilities = np.stack(list(self.answers.values()))
        labels = np.array([self.digits[key].label for key in self.answers])
        confusion = np.zeros((CLASSES, CLASSES), np.int64)
        np.add.at(confusion, (labels, probabilities.argmax(axis=1)), 1)
        of_label = np.maximum(probabilities[np.arange(len(labels)), labels], np.finfo(np.float32).tiny)
        return Evaluation(len(labels), float(-np.log(of_label, dtype=np.float64).mean()), confusion)

    def _answer_new(self) -> None:
        """Let digits that have no answer yet have one at once, if they are few, so that their trails begin there."""
        new = [key for key, digit in self.digits.items() if key not in self.trails and digit.ink.is_prepared]
        if len(new) > _AT_ONCE:
            self._is_incomplete = True  # though the network may be the same as before
        elif new and self._snapshot is not None:
            self._answer(new, self._snapshot)
            self.answered.emit()

    def _answer(self, keys: Sequence[str], snapshot: Snapshot) -> None:
        images = np.stack([self.digits[key].ink.image for key in keys])
        for key, row in zip(keys, snapshot.classify(images, self._workspace), strict=True):
            self.answers[key] = row
            trail, digit = self.trails.setdefault(key, []), int(row.argmax())
            if not trail or trail[-1] != digit:
                trail.append(digit)
                if len(trail) > _LONGEST_TRAIL:
                    del trail[1]

    # A little at a time

    @Slot()
    def _do_some(self) -> None:
        """Do what is waiting, some milliseconds of it: images first, then answers, then what training is to get."""
        if self._unprepared:
            self._prepare_some()
        elif self._unanswered:
            self._answer_some()
        elif self._is_waiting and time.monotonic() - self._began >= _ANSWER_EVERY:
            self._begin_round()
        elif self._is_stale:
            self._hand_over()
        elif not self._is_waiting:
            self._work.stop()

    @property
    def _is_waiting(self) -> bool:
        """Whether somebody looks at a network that has not answered yet, or not for all digits."""
        is_due = self._wanted is not self._answered_by or self._is_incomplete
        return is_due and self._wanted is not None and bool(self.digits)

    def _prepare_some(self) -> None:
        end = time.perf_counter() + _SLICE
        while self._unprepared and time.perf_counter() < end:
            _ = self._unprepared.popleft().image
        if not self._unprepared:
            self._answer_new()
            self.changed.emit()

    def _begin_round(self) -> None:
        self._began, self._answered_by, self._is_incomplete = time.monotonic(), self._wanted, False
        self._unanswered.extend(self.digits)

    def _answer_some(self) -> None:
        keys = [self._unanswered.popleft() for _ in range(min(len(self._unanswered), _AT_ONCE))]
        present = [key for key in keys if key in self.digits]
        if present:
            self._answer(present, self._answered_by)
        if not self._unanswered:
            self.answered.emit()

    def _hand_over(self) -> None:
        """Let training have all images, once those of every digit are made."""
        digits = list(self.digits.values()) if self.share else []
        in_all_pens = len(digits) <= _IN_ALL_PENS
        end = time.perf_counter() + _SLICE
        images, labels = [np.zeros((0, SIDE, SIDE), np.uint8)], []
        for digit in digits:
            if time.perf_counter() > end and in_all_pens and not digit.ink.is_prepared_for_training:
                return  # to be continued
            images.append(digit.ink.training_images if in_all_pens else digit.ink.image[np.newaxis])
            labels += [digit.label] * len(images[-1])
        self._is_stale = False
        self.for_training.emit(np.concatenate(images), np.array(labels, np.int64), self.share / 100)

    def set_share(self, percent: int) -> None:
        """Take so many per cent of each batch from here, 0 to ``GREATEST_SHARE``."""
        percent = min(max(percent, 0), GREATEST_SHARE)
        if percent != self.share:
            self.share = percent
            self._is_stale = True
            self.share_changed.emit()
            self._work.start()
