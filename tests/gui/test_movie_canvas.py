from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QSignalSpy, QTest

from cnnviz.gui.movie_canvas import MovieCanvas, Plate, arrange
from cnnviz.gui.theme import DARK, signed_colors


def plate(*shape: int, sign: str = "", **options: object) -> Plate:
    values = np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    return Plate("y", "layer", values, lambda *cell: f"cell {cell}", 1.0, sign=sign, **options)


MAPS = [plate(8, 24, 24), plate(8, 20, 20, sign="→")]
CASES = {
    "maps": MAPS,
    "many maps": [plate(64, 24, 24), plate(64, 12, 12, sign="→")],
    "bank": [plate(64, 5, 5, sign=sign, across=8) for sign in ("", "", "→", "")],
    "high bank": [plate(48, 5, 5, across=2), plate(48, 5, 5, sign="→", across=2)],
    "digits": [plate(1, 10, 1, has_digits=True), plate(1, 10, 1, sign="→", has_digits=True)],
    "vectors": [plate(1, 32, 25), plate(1, 32, 4, sign="→")],
    "batch": [plate(128, 28, 28), plate(1, 28, 28, sign="→")],
}


@pytest.fixture
def canvas(own: Callable) -> MovieCanvas:
    canvas = own(MovieCanvas())
    canvas.apply_theme(DARK)
    canvas.resize(390, 250)
    canvas.show()
    canvas.show_plates(MAPS)
    return canvas


@pytest.mark.parametrize("size", [(300, 190), (390, 250), (620, 420)])
@pytest.mark.parametrize("case", CASES)
def test_that_all_tiles_lie_in_the_canvas_and_none_over_another(case, size):
    width, height = size
    placed = arrange(CASES[case], width, height)
    tiles = [tile for place in placed for tile in place.tiles]
    assert len(tiles) == sum(len(each.values) for each in CASES[case])
    assert all(QRect(0, 0, width, height).contains(tile) for tile in tiles)
    assert not any(a.intersects(b) for i, a in enumerate(tiles) for b in tiles[i + 1 :])
    assert all(place.area.contains(tile) for place in placed for tile in place.tiles)
    assert all(a.area.right() < b.area.left() for a, b in pairwise(placed))


def test_that_a_bank_of_filters_keeps_its_rows():
    (place,) = arrange([plate(64, 5, 5, across=8)], 390, 250)
    assert len({tile.top() for tile in place.tiles[:8]}) == 1
    assert place.tiles[8].left() == place.tiles[0].left()


def test_that_more_room_makes_larger_tiles():
    small, large = (arrange(MAPS, width, height)[0].tiles[0] for width, height in ((390, 250), (800, 500)))
    assert large.width() > small.width()


def test_that_tiles_do_not_shrink_for_the_sake_of_their_headings():
    filters = [plate(8, 5, 5, sign=sign) for sign in ("", "", "→", "")]
    assert min(arrange(filters, 300, 190)[0].tiles[0].size().toTuple()) >= 20


def test_that_nothing_is_placed_where_there_is_nothing(canvas):
    assert arrange([], 390, 250) == []
    canvas.show_plates([])
    canvas.grab()


def test_that_a_cell_has_the_colour_of_its_value(canvas):
    shown = canvas.grab().toImage()
    first, last = canvas.placed[0].tiles[0], canvas.placed[0].tiles[-1]
    colors = signed_colors(DARK)
    assert shown.pixel(first.topLeft() + QPoint(1, 1)) == colors[0]
    assert shown.pixel(last.bottomRight() - QPoint(1, 1)) == colors[-1]


def test_that_figures_are_written_where_there_is_room(canvas):
    values = plate(1, 10, 1)
    canvas.show_plates([values])
    shown, tile = canvas.grab().toImage(), canvas.placed[0].tiles[0]
    row = tile.height() // 10
    colors = {shown.pixelColor(x, tile.top() + row // 2).name() for x in range(tile.left(), tile.right())}
    assert QColor("#ffffff").name() in colors or len(colors) > 3


def test_that_the_cell_under_the_mouse_is_told(canvas):
    spy = QSignalSpy(canvas.hovered)
    QTest.mouseMove(canvas, canvas.placed[1].tiles[3].topLeft() + QPoint(1, 1))
    assert spy.at(spy.count() - 1)[0] == f"cell (3, 0, 0): {MAPS[1].values[3, 0, 0]:.4g}".replace("-", "−")
    QTest.mouseMove(canvas, QPoint(1, 1))
    assert spy.at(spy.count() - 1)[0] == ""


def test_that_what_is_told_follows_the_phase_under_a_mouse_at_rest(canvas):
    spy = QSignalSpy(canvas.hovered)
    QTest.mouseMove(canvas, canvas.placed[0].tiles[0].center())
    canvas.show_plates([plate(8, 24, 24)._replace(describe=lambda *cell: "another array")])
    assert spy.at(spy.count() - 1)[0].startswith("another array")


def test_that_a_click_tells_plate_and_tile(canvas):
    spy = QSignalSpy(canvas.clicked)
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.placed[1].tiles[5].center())
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    QTest.mouseClick(canvas, Qt.MouseButton.RightButton, pos=canvas.placed[1].tiles[5].center())
    assert [spy.at(i) for i in range(spy.count())] == [[1, 5]]


def test_that_numbers_that_are_none_are_painted_all_the_same(canvas):
    values = np.full((8, 24, 24), np.nan, np.float32)
    values[1] = np.inf
    canvas.show_plates([plate(8, 24, 24)._replace(values=values, scale=0.0), plate(1, 10, 1)])
    canvas.show_plates([plate(1, 10, 1)._replace(values=values[:2, :5, :1].reshape(1, 10, 1))])
    canvas.grab()
