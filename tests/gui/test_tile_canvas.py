import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cnnviz.explain.places import Cell, Weight
from cnnviz.gui.theme import DARK, LIGHT, signed_colors
from cnnviz.gui.tile_canvas import TileCanvas
from cnnviz.gui.tile_groups import (
    NARROW_LEGEND,
    Box,
    FilterPart,
    Maps,
    Role,
    TileGroup,
    cells_apart,
    filter_bank,
    strip,
)
from cnnviz.gui.tile_layout import FIGURE_CELL, LEGEND, Placed, arrange
from cnnviz.gui.tile_marks import Frames, Marks
from cnnviz.gui.tile_picture import At, TilePicture
from cnnviz.gui.tiles import Coloring, color_pixels, image_of, nice_ceiling, number, shortest


def group(count, height, width, key="layer", **options):
    shape = (height, width, count)
    values = np.arange(count * height * width, dtype=np.float32).reshape(count, height, width)
    return TileGroup(key, shape, Maps(), values, (("layer",), ("shape",)), **options)


def group_of(values, scale=1.0):
    return TileGroup("l", (*values.shape[1:], len(values)), Maps(), values, (("l",), ("",)), scale=scale)


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


@pytest.mark.parametrize(
    ("scale", "text"),
    [
        (0.0, "0"),
        (0.3, ".3"),
        (1.5, "1.5"),
        (20.0, "20"),
        (0.0001, "1e\u22124"),
        (0.00075, ".00075"),
        (0.01, ".01"),
    ],
)
def test_that_a_scale_is_written_short_where_there_is_little_room(scale, text):
    assert shortest(scale) == text


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
    _, many = arrange([group(32, 3, 3), group(64 * 32, 3, 3, run=32)], width, height)
    assert many.area.bottom() < height
    assert many.area.right() < width
    rows = sorted({tile.top() for tile in many.tiles})
    assert [tile.top() for tile in many.tiles] == [rows[i // 64] for i in range(64 * 32)]  # two whole filters in each


def test_that_filters_stand_a_row_a_filter():
    (placed,) = arrange([group(64, 5, 5, run=8)], 700, 260)
    assert len({tile.left() for tile in placed.tiles}) == 8
    assert len({tile.top() for tile in placed.tiles}) == 8
    assert placed.tiles[8].top() > placed.tiles[7].top()


@pytest.fixture
def canvas(own, qapp):
    canvas = own(TileCanvas())
    canvas.apply_theme(DARK)
    canvas.resize(700, 300)
    canvas.show()
    qapp.processEvents()
    return canvas


def move_to(canvas, position):
    QTest.mouseMove(canvas, position)
    QApplication.processEvents()


# Arrays and tiles


def laid(array, lay):
    return TileGroup("l", array.shape, lay, lay(array))


@pytest.mark.parametrize(
    ("shape", "lay"),
    [
        ((4, 3, 2), Maps()),
        ((4, 3, 6), Maps(slice(2, 5))),
        ((64,), strip),
        ((10,), strip),
        ((3, 2, 4, 5), filter_bank),
        ((3, 2, 4, 5), FilterPart(1, slice(0, 2))),
        ((6, 1, 4, 5), FilterPart(slice(2, 5), 0)),
        ((6,), cells_apart),
    ],
)
def test_that_every_cell_knows_which_number_it_shows(shape, lay):
    array = np.random.default_rng(1).random(shape)
    group = laid(array, lay)
    for cell, value in np.ndenumerate(group.values):
        index = group.place_of(*cell).index
        assert array[index] == value
        tile, row, column = cell
        assert group.boxes(tuple(slice(i, i + 1) for i in index)) == [Box(tile, row, row + 1, column, column + 1)]


def test_that_a_key_with_a_slash_stands_for_parameters():
    weights = TileGroup("conv1/weight", (3, 2, 4, 5), filter_bank, np.zeros((6, 4, 5)))
    assert weights.place_of(3, 1, 2) == Weight("conv1", "weight", (1, 1, 1, 2))


def test_that_a_region_is_found_in_every_tile_that_shows_a_part_of_it():
    maps = laid(np.zeros((6, 7, 4)), Maps(slice(1, 4)))
    region = slice(2, 4), slice(3, 7), slice(0, 3)
    assert maps.boxes(region) == [Box(0, 2, 4, 3, 7), Box(1, 2, 4, 3, 7)]
    assert maps.boxes((slice(0, 0), slice(3, 7), slice(0, 4))) == []


# Places


def test_that_small_tiles_stand_in_as_few_columns_as_can_be_seen():
    between, maps = TileGroup("f", (8, 5, 5), Maps(), np.zeros((8, 5, 5)), role=Role.BETWEEN), group(8, 24, 24)
    placed, _ = arrange([between, maps], 200, 220)
    assert len({tile.left() for tile in placed.tiles}) == 1
    many = TileGroup("f", (3, 3, 32), Maps(), np.zeros((32, 3, 3)), role=Role.BETWEEN)
    placed, _ = arrange([many, maps], 200, 220)
    assert len({tile.left() for tile in placed.tiles}) == 3
    assert all(tile.width() >= 9 for tile in placed.tiles)


def test_that_the_captions_of_filters_reach_over_the_maps_behind_them(canvas):
    captions = (("a caption of filters and of maps",),)
    between = TileGroup("f", (5, 5, 8), Maps(), np.zeros((8, 5, 5)), captions, role=Role.BETWEEN)
    maps = TileGroup("m", (24, 24, 8), Maps(), np.zeros((8, 24, 24)))
    placed = arrange([between, maps], 700, 220)
    assert placed[0].area.width() < placed[1].area.width()
    assert placed[1].area.left() - placed[0].area.right() < 10


def test_that_a_cell_stands_behind_each_run_of_tiles():
    weights = group(12, 5, 5, run=3)
    beside = TileGroup("b", (4,), cells_apart, np.zeros((4, 1, 1)), role=Role.BESIDE)
    placed, cells = arrange([weights, beside, group(2, 5, 5)][:2], 400, 300)
    for index, cell in enumerate(cells.tiles):
        former = placed.tiles[3 * index + 2]
        assert former.right() < cell.left()
        assert former.top() <= cell.top() < cell.bottom() <= former.bottom()
        assert all(not cell.intersects(tile) for tile in placed.tiles)
    assert all(placed.area.contains(cell) for cell in cells.tiles)


def test_that_a_larger_canvas_has_larger_tiles():
    small, large = (arrange([group(*s) for s in ESCONTRELA], w, 3 * w // 7) for w in (700, 1400))
    assert large[1].tiles[0].width() > 1.5 * small[1].tiles[0].width()


def test_that_the_number_under_the_mouse_is_told(canvas):
    canvas.set_groups([group(8, 4, 4, "first"), group(2, 4, 4, "second")])
    told = []
    canvas.pointed.connect(told.append)
    tile = canvas.placed[1].tiles[1]
    move_to(canvas, tile.topLeft() + QPoint(tile.width() * 5 // 8, tile.height() // 8))
    assert told == [Cell("second", (0, 2, 1))]
    move_to(canvas, tile.topLeft() + QPoint(tile.width() * 5 // 8 + 1, tile.height() // 8))
    assert told == [Cell("second", (0, 2, 1))]  # once
    move_to(canvas, QPoint(1, 299))
    assert told[1:] == [None]


def test_that_the_picture_shows_the_values_of_every_tile_pixel_by_pixel(own, qapp):
    canvas = own(TileCanvas())
    canvas.apply_theme(DARK)
    canvas.resize(400, 300)
    values = np.array([[[1.0, -1.0], [0.0, 0.5]], [[-0.5, 0.0], [1.0, -0.25]]], np.float32)
    canvas.set_groups([group_of(values)])
    picture = canvas.grab().toImage()
    for tile, tile_values in zip(canvas.placed[0].tiles, values, strict=True):
        expected = color_pixels(tile_values, 1.0, Coloring.SIGNED, DARK)
        for row in range(2):
            for column in range(2):
                x = tile.left() + tile.width() * (8 * column + 1) // 16  # beside the figure in it
                y = tile.top() + tile.height() * (8 * row + 1) // 16
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
    canvas.set_groups([group_of(values)])
    qapp.processEvents()
    for scale, expected in ((1.0, None), (2.0, canvas.rect())):
        painted = Painted(canvas)
        canvas.set_groups([group_of(values + 0.5, scale)])
        qapp.processEvents()
        if expected is None:
            tiles = canvas.placed[0].tiles
            around = (tiles[0] | tiles[1]).adjusted(-1, -1, 1, 1)
            assert painted.area.contains(around)
            assert painted.area.height() < around.height() + 8
        else:
            assert painted.area == expected


def test_that_legends_below_low_groups_stay_when_the_values_change(canvas, qapp):
    groups = [group(1, 40, 10), group(2, 4, 4, scale=31.0)]
    canvas.set_groups(groups)
    before = canvas.grab().toImage()
    canvas.set_groups([group(1, 40, 10), group(2, 4, 4, scale=31.0)])
    qapp.processEvents()
    legend = canvas.placed[1].area
    legend.setTop(legend.bottom() - LEGEND)
    picture = canvas.grab().toImage()
    assert picture.copy(legend) == before.copy(legend)
    assert picture.pixelColor(legend.left(), legend.top() + 8).name() == DARK.negative


def test_that_figures_stand_in_cells_with_room_for_them(canvas):
    values = np.array([[[0.25, -0.5]]] * 2, np.float32)
    values[1] = 0.25
    canvas.set_groups([group_of(values)])
    picture, (written, _) = canvas.grab().toImage(), canvas.placed[0].tiles
    left = QRect(written.topLeft(), written.bottomRight() - QPoint(written.width() // 2, 0))
    colors = {picture.pixelColor(x, y).name() for x in range(left.left(), left.right()) for y in range(*ends(left))}
    assert len(colors) > 5  # of the letters, on one colour
    canvas.set_groups([group(2, 40, 40)])
    tile, picture = canvas.placed[0].tiles[0], canvas.grab().toImage()
    shades = {picture.pixelColor(x, y).rgb() for x in range(tile.left(), tile.right()) for y in range(*ends(tile))}
    assert shades <= set(signed_colors(DARK).tolist())


def ends(rect):
    return rect.top(), rect.bottom() + 1


def test_that_figures_that_could_not_be_read_stay_while_the_colours_change(canvas):
    first, second = (np.full((1, 2, 1), value, np.float32) for value in (0.25, 0.3))
    pictures = []
    for values, figures in ((first, True), (second, False), (second, True)):
        canvas.set_groups([group_of(values)], figures)
        pictures.append(canvas.grab().toImage())
    tile = canvas.placed[0].tiles[0]
    corners = [picture.pixel(tile.topLeft()) for picture in pictures]
    assert corners[0] != corners[1] == corners[2]
    inks = [
        {(x, y) for x in range(tile.left(), tile.right()) for y in range(*ends(tile)) if picture.pixel(x, y) != corner}
        for picture, corner in zip(pictures, corners, strict=True)
    ]
    assert inks[0] == inks[1] != inks[2]


def test_that_other_words_above_are_painted(canvas):
    def titled(words):
        return TileGroup("l", (4, 4, 1), Maps(), np.zeros((1, 4, 4)), ((words, "l"),))

    canvas.set_groups([titled("filter 3")])
    before = canvas.grab().toImage()
    canvas.set_groups([titled("filter 3")])
    assert canvas.grab().toImage() == before
    canvas.set_groups([titled("filter 5")])
    assert canvas.grab().toImage() != before


def test_that_the_figures_of_filters_reach_under_maps_only_where_these_end_higher_up():
    def width(maps):
        filters = TileGroup("f", (5, 5, 8), Maps(), np.zeros((8, 5, 5)), (("f",),), role=Role.BETWEEN)
        placed, _ = arrange([filters, maps], 110, 200)
        return placed.area.width()

    assert width(group(1, 24, 24)) < 20
    assert width(group(8, 24, 24)) >= NARROW_LEGEND


def test_that_the_logits_have_room_for_their_figures():
    (placed,) = arrange([TileGroup("dense2", (10,), strip, np.zeros((1, 10, 1)))], 100, 230)
    assert placed.tiles[0].width() == FIGURE_CELL[0]
    assert placed.tiles[0].height() >= 10 * 14


# Choosing, keys, wheel, marks


def test_that_a_click_beside_the_tiles_chooses_nothing(canvas):
    canvas.set_groups([group(8, 4, 4)])
    chosen = []
    canvas.chosen.connect(chosen.append)
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(1, 299))
    QTest.mouseClick(canvas, Qt.MouseButton.RightButton, pos=canvas.placed[0].tiles[0].center())
    assert chosen == []
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.placed[0].tiles[3].topLeft())
    assert chosen == [Cell("layer", (0, 0, 3))]


def focus(canvas):
    canvas.activateWindow()
    canvas.clearFocus()
    canvas.setFocus(Qt.FocusReason.TabFocusReason)
    QApplication.processEvents()


def test_that_arrows_go_from_cell_to_cell_and_from_tile_to_tile(canvas):
    canvas.set_groups([group(1, 4, 4, "first"), group(4, 3, 3, "second")])
    focus(canvas)
    assert canvas.place == Cell("first", (0, 0, 0))
    QTest.keyClick(canvas, Qt.Key.Key_Down)
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.place == Cell("first", (1, 1, 0))
    QTest.keyClick(canvas, Qt.Key.Key_Left)
    QTest.keyClick(canvas, Qt.Key.Key_Left)
    QTest.keyClick(canvas, Qt.Key.Key_Up)
    QTest.keyClick(canvas, Qt.Key.Key_Up)
    assert canvas.place == Cell("first", (0, 0, 0))  # the end
    for _ in range(3):
        QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.place == Cell("first", (0, 3, 0))
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.place == Cell("second", (0, 0, 0))
    QTest.keyClick(canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    assert canvas.place.index[2] == 1
    for _ in range(2):
        QTest.keyClick(canvas, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    assert canvas.place.layer == "first"
    chosen = []
    canvas.chosen.connect(chosen.append)
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert chosen == [canvas.place]


def test_that_an_arrow_leads_straight_on_and_only_else_to_the_nearest_cell():
    rects = QRect(1, 1, 4, 8), QRect(10, 1, 4, 4), QRect(20, 1, 4, 8)  # the second is lower
    groups = [laid(np.zeros((rect.height() // 4, 1, 1)), Maps()) for rect in rects]
    picture = TilePicture(groups, [Placed(rect, (rect,)) for rect in rects])
    assert picture.neighbour(At(0, 0, 0, 0), Qt.Key.Key_Right) == At(1, 0, 0, 0)
    assert picture.neighbour(At(0, 0, 1, 0), Qt.Key.Key_Right) == At(2, 0, 1, 0)
    without = TilePicture(groups[:2], [Placed(rect, (rect,)) for rect in rects[:2]])
    assert without.neighbour(At(0, 0, 1, 0), Qt.Key.Key_Right) == At(1, 0, 0, 0)


def test_that_every_cell_of_a_chain_can_be_reached_by_keys(canvas):
    low = TileGroup("low", (2, 2, 1), Maps(), np.zeros((1, 2, 2)))
    canvas.set_groups([low, TileGroup("v", (40,), strip, strip(np.zeros(40))), group(3, 2, 2, "maps")])
    focus(canvas)
    todo = [canvas.place]
    reached = {canvas.place: canvas._at}
    while todo:
        place = todo.pop()
        for key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down):
            canvas._at = reached[place]
            QTest.keyClick(canvas, key)
            if canvas.place not in reached:
                reached[canvas.place] = canvas._at
                todo.append(canvas.place)
    assert len(reached) == 4 + 40 + 12


def test_that_the_keys_begin_at_what_was_chosen(canvas):
    canvas.set_groups([group(1, 4, 4, "first"), group(4, 3, 3, "second")])
    canvas.set_marks(Marks(subject=Cell("second", (1, 2, 3))))
    focus(canvas)
    assert canvas.place == Cell("second", (1, 2, 3))
    canvas.clearFocus()
    assert canvas.place is None


def wheel(canvas, position, notches):
    event = QWheelEvent(
        QPointF(position),
        QPointF(canvas.mapToGlobal(position)),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, event)
    return event.isAccepted()


def test_that_the_wheel_turns_only_what_was_chosen(canvas):
    canvas.set_groups([group(2, 4, 4)])
    turned = []
    canvas.turned.connect(turned.append)
    first, second = (tile.topLeft() for tile in canvas.placed[0].tiles)
    assert not wheel(canvas, first, 1)
    canvas.set_marks(Marks(subject=Cell("layer", (0, 0, 0))))
    assert wheel(canvas, first, 1)
    assert wheel(canvas, first, -2)
    assert not wheel(canvas, second, 1)
    assert turned == [1, -2]


def test_that_other_marks_paint_no_more_than_they_touch(canvas, qapp):
    canvas.set_groups([group(2, 20, 20)])
    qapp.processEvents()
    tile = canvas.placed[0].tiles[1]
    painted = Painted(canvas)
    canvas.set_marks(Marks(pointed=Cell("layer", (0, 0, 1))))
    qapp.processEvents()
    assert tile.adjusted(-6, -6, 20, 20).contains(painted.area)
    assert not painted.area.isEmpty()
    painted = Painted(canvas)
    canvas.set_marks(Marks(pointed=Cell("layer", (0, 0, 1))))  # as before
    qapp.processEvents()
    assert painted.area.isEmpty()


def test_that_a_frame_leaves_the_cells_in_it_as_they_are(canvas):
    canvas.set_groups([group(2, 4, 4, scale=31.0)])
    before, tile = canvas.grab().toImage(), canvas.placed[0].tiles[1]
    canvas.set_marks(Marks(Cell("layer", (1, 1, 0)), Cell("layer", (3, 3, 0)), {"layer": (slice(0, 4),) * 3}))
    after = canvas.grab().toImage()
    assert after != before
    for row, column in np.ndindex(4, 4):
        center = canvas.placed[0].cell(Box(1, row, row + 1, column, column + 1), 4, 4).center()
        assert after.pixel(center) == before.pixel(center)
    assert after.copy(tile.adjusted(6, 6, -6, -6)) == before.copy(tile.adjusted(6, 6, -6, -6))


def test_that_filters_that_are_all_lit_have_one_frame_with_their_biases():
    weights = TileGroup("c/weight", (4, 3, 5, 5), filter_bank, np.zeros((12, 5, 5)), run=3)
    biases = TileGroup("c/bias", (4,), cells_apart, np.zeros((4, 1, 1)), role=Role.BESIDE)
    groups = [weights, biases]
    placed = arrange(groups, 400, 300)
    lit = {"c/weight": (slice(0, 4), slice(0, 3), slice(0, 5), slice(0, 5)), "c/bias": (slice(0, 4),)}
    (frame,) = Frames(Marks(lit=lit), groups, placed).lit
    assert all(frame.contains(tile) for place in placed for tile in place.tiles)
    one = {"c/weight": (slice(1, 2), *lit["c/weight"][1:]), "c/bias": (slice(1, 2),)}
    assert len(Frames(Marks(lit=one), groups, placed).lit) == 4


def test_that_another_part_of_the_same_array_moves_the_marks(canvas):
    def filters(shown):
        lay, weights = FilterPart(shown, slice(0, 2)), np.zeros((3, 2, 5, 5), np.float32)
        return TileGroup("c/weight", weights.shape, lay, lay(weights))

    canvas.set_groups([filters(0)])
    bare = canvas.grab().toImage()
    canvas.set_marks(Marks(subject=Weight("c", "weight", (1, 1, 2, 2))))
    assert canvas.grab().toImage() == bare
    canvas.set_groups([filters(1)])
    assert canvas.grab().toImage() != bare
