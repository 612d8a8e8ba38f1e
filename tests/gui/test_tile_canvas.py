import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QRect
from PySide6.QtTest import QTest

from cnnviz.gui.theme import DARK, LIGHT, signed_colors
from cnnviz.gui.tile_canvas import LEGEND, TileCanvas, TileGroup, arrange
from cnnviz.gui.tiles import Coloring, color_pixels, image_of, nice_ceiling, number


def group(count, height, width, **options):
    values = np.arange(count * height * width, dtype=np.float32).reshape(count, height, width)
    return TileGroup(
        "layer", "layer", "shape", values, lambda t, r, c: f"{t} ({r}, {c}) {values[t, r, c]:g}", **options
    )


ESCONTRELA = [
    (1, 28, 28),
    (8, 24, 24),
    (8, 24, 24),
    (8, 20, 20),
    (8, 20, 20),
    (8, 10, 10),
    (1, 32, 4),
    (1, 32, 4),
    (1, 10, 1),
]


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_that_zero_has_the_neutral_colour_and_the_ends_have_their_own(theme):
    pixels = color_pixels(np.array([-2.0, -1.0, 0.0, 1.0, 5.0], np.float32), 1.0, Coloring.SIGNED, theme)
    as_text = [f"#{pixel & 0xFFFFFF:06x}" for pixel in pixels]
    assert as_text == [theme.negative, theme.negative, theme.neutral, theme.positive, theme.positive]


def test_that_opposite_values_are_equally_far_from_zero():
    table = signed_colors(DARK)
    assert len(table) == 255
    pixels = color_pixels(np.array([-0.25, 0.25]), 1.0, Coloring.SIGNED, DARK)
    places = [int(np.flatnonzero(table == pixel)[0]) for pixel in pixels]
    assert places[0] + places[1] == 2 * 127


def test_that_a_scale_of_zero_shows_neutral_not_an_error():
    pixels = color_pixels(np.zeros((2, 2)), 0.0, Coloring.SIGNED, DARK)
    assert np.all(pixels == signed_colors(DARK)[127])


def test_that_grey_levels_are_shown_as_they_are():
    pixels = color_pixels(np.array([0, 100, 255]), 255.0, Coloring.GREY, DARK)
    assert [pixel & 0xFF for pixel in pixels] == [0, 100, 255]


def test_that_an_image_keeps_its_pixels_when_the_array_changes():
    pixels = np.full((2, 3), 0xFF112233, np.uint32)
    image = image_of(pixels)
    pixels[:] = 0
    assert (image.width(), image.height()) == (3, 2)
    assert image.pixel(2, 1) == 0xFF112233


@pytest.mark.parametrize(
    ("value", "ceiling"), [(0.0, 0.0), (0.9, 1.0), (1.0, 1.0), (1.2, 1.5), (0.021, 0.03), (76.0, 100.0), (np.nan, 0.0)]
)
def test_that_a_scale_is_the_next_round_number(value, ceiling):
    assert nice_ceiling(value) == pytest.approx(ceiling)


def test_that_numbers_carry_a_true_minus_sign_and_four_digits():
    assert number(-0.00312345) == "\u22120.003123"


@pytest.mark.parametrize("size", [(710, 290), (1000, 420), (1300, 300), (500, 200)])
def test_that_published_networks_fit_without_overlap(size):
    width, height = size
    placed = arrange([group(*shape) for shape in ESCONTRELA], width, height)
    everything = QRect(0, 0, width, height)
    tiles = [tile for place in placed for tile in place.tiles]
    assert len(tiles) == 1 + 8 * 5 + 3
    assert all(everything.contains(tile) for tile in tiles)
    assert not any(a.intersects(b) for i, a in enumerate(tiles) for b in tiles[i + 1 :])


def test_that_layers_of_as_many_maps_stand_in_as_many_columns():
    placed = arrange([group(8, 26, 26), group(8, 13, 13)], 710, 290)
    columns = [len({tile.left() for tile in place.tiles}) for place in placed]
    assert columns[0] == columns[1]


def test_that_filters_stand_side_by_side_where_one_to_a_row_would_not_fit():
    width, height = 718, 291  # of the filters' panel at 1366x768
    _, many = arrange([group(32, 3, 3), group(64 * 32, 3, 3, columns=32)], width, height)
    assert many.area.bottom() < height
    assert many.area.right() < width
    rows = sorted({tile.top() for tile in many.tiles})
    assert [tile.top() for tile in many.tiles] == [rows[i // 64] for i in range(64 * 32)]  # two whole filters in each


def test_that_filters_stand_a_row_a_filter():
    (placed,) = arrange([group(64, 5, 5, columns=8)], 700, 260)
    assert len({tile.left() for tile in placed.tiles}) == 8
    assert len({tile.top() for tile in placed.tiles}) == 8
    assert placed.tiles[8].top() > placed.tiles[7].top()


def test_that_a_larger_canvas_has_larger_tiles():
    small, large = (arrange([group(*s) for s in ESCONTRELA], w, 3 * w // 7) for w in (700, 1400))
    assert large[1].tiles[0].width() > 1.5 * small[1].tiles[0].width()


def test_that_the_cell_under_the_mouse_is_told_with_its_value(own, qapp):
    canvas = own(TileCanvas())
    canvas.apply_theme(DARK)
    canvas.resize(700, 300)
    canvas.show()
    canvas.set_groups([group(8, 4, 4), group(2, 4, 4)])
    told = []
    canvas.hovered.connect(told.append)
    tile = canvas.placed[1].tiles[1]
    QTest.mouseMove(canvas, tile.topLeft() + QPoint(tile.width() * 5 // 8, tile.height() // 8))
    qapp.processEvents()
    assert told[-1] == "1 (0, 2) 18"
    QTest.mouseMove(canvas, QPoint(1, 299))
    qapp.processEvents()
    assert told[-1] == ""


def test_that_the_picture_shows_the_values_of_every_tile_pixel_by_pixel(own, qapp):
    canvas = own(TileCanvas())
    canvas.apply_theme(DARK)
    canvas.resize(400, 300)
    values = np.array([[[1.0, -1.0], [0.0, 0.5]], [[-0.5, 0.0], [1.0, -0.25]]], np.float32)
    canvas.set_groups([TileGroup("l", "l", "", values, lambda *cell: "", scale=1.0)])
    picture = canvas.grab().toImage()
    for tile, tile_values in zip(canvas.placed[0].tiles, values, strict=True):
        expected = color_pixels(tile_values, 1.0, Coloring.SIGNED, DARK)
        for row in range(2):
            for column in range(2):
                x = tile.left() + tile.width() * (2 * column + 1) // 4
                y = tile.top() + tile.height() * (2 * row + 1) // 4
                assert picture.pixel(x, y) == expected[row, column]


def test_that_the_scale_of_a_narrow_last_group_is_written_whole(own):
    def ink(width):
        canvas = own(TileCanvas())
        canvas.apply_theme(DARK)
        canvas.resize(width, 300)
        canvas.set_groups([group(1, 10, 10, scale=1.0), group(1, 10, 1, scale=0.0075)])
        last = canvas.placed[1].area
        below = range(last.bottom() - LEGEND + 11, last.bottom() + 1)  # the bar of colours
        picture = canvas.grab().toImage()
        first = canvas.placed[0].area.right() + 1
        return sum(picture.pixelColor(x, y).name() != DARK.surface for x in range(first, width) for y in below)

    assert ink(315) == ink(400)


def test_that_values_that_are_not_finite_are_shown_without_a_warning():
    pixels = color_pixels(np.array([np.nan, np.inf, -np.inf], np.float32), 1.0, Coloring.SIGNED, DARK)
    assert [f"#{pixel & 0xFFFFFF:06x}" for pixel in pixels] == [DARK.neutral, DARK.positive, DARK.negative]


class Painted(QObject):
    """Collects what a widget is asked to paint."""

    def __init__(self, widget):
        super().__init__(widget)
        self.area = QRect()
        widget.installEventFilter(self)

    def eventFilter(self, watched, event):  # noqa: N802
        if event.type() == QEvent.Type.Paint:
            self.area |= event.rect()
        return False


def test_that_other_values_paint_the_tiles_and_other_scales_all(own, qapp):
    canvas = own(TileCanvas())
    canvas.apply_theme(DARK)
    canvas.resize(400, 300)
    canvas.show()
    values = np.zeros((2, 5, 5), np.float32)
    canvas.set_groups([TileGroup("l", "l", "", values, lambda *cell: "", scale=1.0)])
    qapp.processEvents()
    for scale, expected in ((1.0, None), (2.0, canvas.rect())):
        painted = Painted(canvas)
        canvas.set_groups([TileGroup("l", "l", "", values + 0.5, lambda *cell: "", scale=scale)])
        qapp.processEvents()
        if expected is None:
            tiles = canvas.placed[0].tiles
            around = (tiles[0] | tiles[1]).adjusted(-1, -1, 1, 1)
            assert painted.area.contains(around)
            assert painted.area.height() < around.height() + 8
        else:
            assert painted.area == expected
