import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QImage, QPixmap, QRegion
from PySide6.QtTest import QTest

from cnnviz.gui.probabilities import ProbabilityBars
from cnnviz.gui.theme import DARK


class Painted(QObject):
    """Collects what a widget is asked to paint."""

    def __init__(self, widget):
        super().__init__(widget)
        self.region = QRegion()
        widget.installEventFilter(self)

    def eventFilter(self, watched, event):  # noqa: N802
        if event.type() == QEvent.Type.Paint:
            self.region += event.region()
        return False

    def take(self, qapp):
        qapp.processEvents()
        region, self.region = self.region, QRegion()
        return region


@pytest.fixture
def bars(own, qapp):
    bars = own(ProbabilityBars())
    bars.apply_theme(DARK)
    bars.resize(120, 200)
    bars.show()
    qapp.processEvents()
    return bars


def shares(**others: float) -> np.ndarray:
    probabilities = np.full(10, 0.02)
    probabilities[3] = 0.5
    for digit, share in others.items():
        probabilities[int(digit[1:])] = share
    return probabilities


def test_that_only_rows_that_look_another_way_are_painted(bars, qapp):
    bars.show_probabilities(shares())
    painted = Painted(bars)
    painted.take(qapp)
    bars.show_probabilities(shares(_7=0.3))
    region = painted.take(qapp)
    assert region.boundingRect().getRect() == (0, 140, 120, 20)
    bars.show_probabilities(shares(_7=0.300001))
    assert painted.take(qapp).isEmpty()
    bars.show_probabilities(shares(_7=0.9))  # it wins, so digit 3 does no longer
    assert painted.take(qapp) == QRegion(0, 60, 120, 20) + QRegion(0, 140, 120, 20)


def test_that_an_empty_pad_is_not_painted_again_and_again(bars, qapp):
    painted = Painted(bars)
    painted.take(qapp)
    bars.show_probabilities(None)
    assert painted.take(qapp).isEmpty()
    bars.show_probabilities(None, "no network yet")
    assert painted.take(qapp).contains(bars.rect())
    bars.show_probabilities(shares(), "no network yet")
    assert painted.take(qapp).contains(bars.rect())


def test_that_bars_painted_row_by_row_look_as_painted_at_once(bars, qapp, own):
    other = own(ProbabilityBars())
    other.apply_theme(DARK)
    other.resize(bars.size())
    screen = QPixmap(bars.size())
    painted = Painted(bars)
    rng = np.random.default_rng(3)
    for sharpness in (1.0, 3.0, 30.0):
        probabilities = rng.random(10) ** sharpness
        probabilities /= probabilities.sum()
        bars.show_probabilities(probabilities)
        region = painted.take(qapp)
        bars.render(screen, region.boundingRect().topLeft(), region)
        other.show_probabilities(probabilities)
        assert as_image(screen) == as_image(other.grab())


def as_image(pixmap: QPixmap) -> QImage:
    return pixmap.toImage().convertToFormat(QImage.Format.Format_RGB32)


def test_that_a_clicked_row_is_chosen_unless_the_bars_are_empty(bars):
    chosen = []
    bars.chosen.connect(chosen.append)
    click = QPoint(3, round(6.5 * bars._pitch()))
    QTest.mouseClick(bars, Qt.MouseButton.LeftButton, pos=click)
    bars.show_probabilities(shares())
    QTest.mouseClick(bars, Qt.MouseButton.LeftButton, pos=click)
    QTest.mouseClick(bars, Qt.MouseButton.RightButton, pos=click)
    assert chosen == [6]


def test_that_the_digit_it_was_said_to_be_has_a_ring(bars):
    bars.show_probabilities(shares())
    before = bars.grab().toImage()
    bars.show_label(4)
    # Left of the digit itself, which is written in another colour too.
    after, pitch = bars.grab().toImage(), bars._pitch()
    changed = {y // pitch for y in range(10 * pitch) for x in range(3) if before.pixel(x, y) != after.pixel(x, y)}
    assert 4 in changed
    assert changed <= {3, 4, 5}
    bars.show_label(None)
    assert bars.grab().toImage() == before


@pytest.fixture
def by_keys(own, qapp):
    bars = own(ProbabilityBars())
    bars.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    bars.resize(88, 220)
    bars.show_probabilities(np.array([0.02] * 7 + [0.8, 0.03, 0.03]))
    bars.show()
    bars.activateWindow()
    qapp.processEvents()
    bars.clearFocus()
    bars.setFocus(Qt.FocusReason.TabFocusReason)
    qapp.processEvents()
    return bars


def test_that_keys_point_at_digits_from_the_likeliest_on_and_choose(by_keys):
    pointed, chosen = [], []
    by_keys.pointed.connect(pointed.append)
    by_keys.chosen.connect(chosen.append)
    assert by_keys.accessibleDescription().startswith("digit 7: ")
    for _ in range(3):
        QTest.keyClick(by_keys, Qt.Key.Key_Down)
    assert pointed == [8, 9]
    QTest.keyClick(by_keys, Qt.Key.Key_Up)
    QTest.keyClick(by_keys, Qt.Key.Key_Return)
    assert chosen == [8]
    by_keys.clearFocus()
    assert pointed[-1] is None
