import pytest
from PySide6.QtCore import QPointF, QRectF

from cnnviz.gui.routing_layout import ARRIVING, BEFORE, CAPTION, MAXIMA, MapShapes, arrange_maps
from cnnviz.gui.theme import GRID

ESCONTRELA = MapShapes((20, 20), (10, 10), 2, 2)
ZHOU = MapShapes((26, 26), (13, 13), 2, 2)
OVERLAPPING = MapShapes((26, 26), (12, 12), 3, 2)
DENSE = MapShapes((27, 27), (26, 26), 2, 1)
SPARSE = MapShapes((26, 26), (9, 9), 2, 3)
ALL = [ESCONTRELA, ZHOU, OVERLAPPING, DENSE, SPARSE]


def maps_of(layout):
    return [map_ for map_, _, _ in layout.maps()]


@pytest.mark.parametrize("shapes", ALL)
@pytest.mark.parametrize("size", [(344, 150), (379, 162), (380, 200), (640, 400), (216, 600), (900, 150)])
def test_that_the_maps_lie_within_the_picture_side_by_side(shapes, size):
    layout = arrange_maps(shapes, *size)
    picture = QRectF(GRID, CAPTION, size[0] - 2 * GRID, size[1] - CAPTION)
    maps = maps_of(layout)
    assert all(picture.contains(map_) for map_ in maps)
    assert layout.before.right() < layout.maxima.left() < layout.maxima.right() < layout.handed_back.left()
    assert layout.arriving.top() - layout.maxima.bottom() >= CAPTION
    assert layout.height <= size[1]


@pytest.mark.parametrize("shapes", ALL)
@pytest.mark.parametrize("ratio", [1.0, 1.25, 1.5, 2.0])
def test_that_every_cell_covers_whole_device_pixels(shapes, ratio):
    layout = arrange_maps(shapes, 380, 200, ratio)
    lengths = [layout.cell, *(edge for map_ in maps_of(layout) for edge in (map_.left(), map_.top()))]
    for length in lengths:
        assert length * ratio == pytest.approx(round(length * ratio), abs=1e-9)
    assert layout.cell > 0


@pytest.mark.parametrize("shapes", ALL)
def test_that_all_maps_have_the_same_pixels_a_cell(shapes):
    layout = arrange_maps(shapes, 380, 200)
    large, small = shapes.before[0] * layout.cell, shapes.windows[0] * layout.cell
    assert [map_.width() for map_ in maps_of(layout)] == [large, small, small, large]


@pytest.mark.parametrize(("shapes", "cell"), [(ESCONTRELA, 6), (ZHOU, 5)])
def test_that_published_networks_get_cells_one_can_see_in_the_default_layout(shapes, cell):
    assert arrange_maps(shapes, 379, 164).cell == cell


@pytest.mark.parametrize("shapes", ALL)
def test_that_the_centre_of_a_window_leads_to_it_in_every_map(shapes):
    layout = arrange_maps(shapes, 380, 200)
    for window in [(0, 0), (4, 7), (shapes.windows[0] - 1, shapes.windows[1] - 1)]:
        assert [layout.window_at(place.center()) for place in layout.places_of(window)] == [window] * 4


def test_that_a_window_of_the_large_maps_covers_its_own_cells():
    layout = arrange_maps(OVERLAPPING, 380, 200)
    place, cell = layout.places_of((4, 7))[0], layout.cell
    assert place == QRectF(layout.before.left() + 14 * cell, layout.before.top() + 8 * cell, 3 * cell, 3 * cell)


def test_that_a_cell_of_two_windows_belongs_to_the_nearer_one():
    layout = arrange_maps(OVERLAPPING, 380, 200)
    shared = QPointF(layout.before.left() + 2.5 * layout.cell, layout.before.top() + layout.cell)  # cell (1, 2)
    assert layout.window_at(shared - QPointF(layout.cell / 4, 0)) == (0, 0)
    assert layout.window_at(shared + QPointF(layout.cell / 4, 0)) == (0, 1)


def test_that_cells_between_windows_and_places_between_maps_lead_nowhere():
    layout = arrange_maps(SPARSE, 380, 200)
    between = QPointF(layout.before.left() + 2.5 * layout.cell, layout.before.top() + layout.cell)
    assert layout.window_at(between) is None
    assert layout.window_at(QPointF(layout.before.right() + 5, layout.before.top() + 5)) is None
    assert layout.window_at(QPointF(-1, -1)) is None


def test_that_cells_that_no_whole_window_covers_lead_nowhere():
    layout = arrange_maps(MapShapes((5, 5), (2, 2), 2, 2), 380, 200)
    corner = layout.before.bottomRight() - QPointF(1, 1)
    assert layout.window_at(corner) is None


@pytest.mark.parametrize("shapes", ALL)
def test_that_every_cell_of_every_map_is_found_at_its_place(shapes):
    layout = arrange_maps(shapes, 380, 200)
    for number, map_ in enumerate(maps_of(layout)):
        rows, columns = shapes.windows if number in (MAXIMA, ARRIVING) else shapes.before
        for row, column in [(0, 0), (rows // 2, columns - 1), (rows - 1, 3)]:
            centre = map_.topLeft() + QPointF(column + 0.5, row + 0.5) * layout.cell
            assert layout.cell_at(centre) == (number, row, column)
    assert layout.cell_at(QPointF(layout.before.right() + 5, layout.before.top() + 5)) is None
    assert layout.cell_at(layout.before.bottomRight()) == (BEFORE, shapes.before[0] - 1, shapes.before[1] - 1)
