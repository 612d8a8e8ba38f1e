from collections.abc import Callable

import numpy as np
import pytest

from cnnviz.gui.digit_picker import NO_TEST, NONE_MISREAD, DigitPicker
from cnnviz.gui.strokes import Picture
from cnnviz.gui.workbench import Workbench
from cnnviz.training.control import ProbeChoice
from cnnviz.training.session import Phase, Status


@pytest.fixture
def picker(live: Workbench) -> DigitPicker:
    picker = DigitPicker(live)
    yield picker
    picker.deleteLater()


@pytest.fixture
def picked(picker: DigitPicker) -> list[Picture]:
    pictures: list[Picture] = []
    picker.picked.connect(pictures.append)
    return pictures


def test_that_a_random_test_digit_becomes_the_probe_and_comes_with_a_snapshot(
    picker: DigitPicker, picked: list[Picture], live: Workbench, random_dataset, wait_until: Callable[..., None]
) -> None:
    picker.pick_random()
    assert live.probe.kind == "test"
    wait_until(lambda: live.poll() or picked)
    index = live.probe.index % 40
    assert (picked[0].title, picked[0].label) == (f"test digit {index}", random_dataset.test.labels[index])
    for pixels in (picked[0].prepared, picked[0].pixels):
        assert np.array_equal(pixels, random_dataset.test.images[index])
    live.step()
    wait_until(lambda: live.poll() or live.snapshot.step == 1)
    assert len(picked) == 1


def test_that_random_digits_are_different_ones(
    picker: DigitPicker, picked: list[Picture], live: Workbench, wait_until: Callable[..., None]
) -> None:
    for count in range(1, 6):
        picker.pick_random()
        wait_until(lambda count=count: live.poll() or len(picked) == count)
    assert len({picture.title for picture in picked}) > 1


def test_that_a_digit_is_not_shown_when_another_probe_was_chosen_meanwhile(
    picker: DigitPicker, picked: list[Picture], live: Workbench, wait_until: Callable[..., None]
) -> None:
    picker.pick_random()
    index = live.probe.index
    live.set_probe(ProbeChoice("training"))
    live.step()
    wait_until(lambda: live.poll() or live.snapshot.step == 1)
    assert picked == []
    live.set_probe(ProbeChoice("test", index))
    live.step()
    wait_until(lambda: live.poll() or live.snapshot.step == 2)
    assert picked == []


def test_that_before_any_test_one_line_says_how_to_get_one(
    picker: DigitPicker, picked: list[Picture], live: Workbench
) -> None:
    told: list[str] = []
    live.message.connect(told.append)
    before = live.probe
    picker.pick_misread()
    assert told == [NO_TEST]
    assert "Ctrl+T" in NO_TEST
    assert live.probe is before


def test_that_the_misread_digits_come_one_after_the_other_and_then_from_the_first_again(
    picker: DigitPicker, picked: list[Picture], live: Workbench, wait_until: Callable[..., None]
) -> None:
    live.evaluate()
    wait_until(lambda: live.poll() or live.snapshot.history.tests)
    evaluation = live.snapshot.history.tests[-1].evaluation
    misread = evaluation.misread.tolist()
    assert len(misread) == 40 - np.trace(evaluation.confusion)
    for count in range(1, len(misread) + 2):
        picker.pick_misread()
        wait_until(lambda count=count: live.poll() or len(picked) == count)
    assert [picture.title for picture in picked] == [f"test digit {index}" for index in [*misread, misread[0]]]
    for picture in picked:
        assert live.classify(picture.prepared).argmax() != picture.label


def test_that_a_test_without_errors_is_told(
    picker: DigitPicker, live: Workbench, wait_until: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    live.evaluate()
    wait_until(lambda: live.poll() or live.snapshot.history.tests)
    told: list[str] = []
    live.message.connect(told.append)
    object.__setattr__(live.snapshot.history.tests[-1].evaluation, "misread", np.empty(0, np.int32))
    picker.pick_misread()
    assert told == [NONE_MISREAD]


def test_that_where_the_run_has_ended_one_line_says_so(
    picker: DigitPicker, live: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    live.failed.connect(told.append)
    monkeypatch.setattr(live, "_status", Status(Phase.STOPPED))
    before = live.probe
    picker.pick_random()
    assert "R (Reset) begins anew" in told[0]
    assert live.probe is before
