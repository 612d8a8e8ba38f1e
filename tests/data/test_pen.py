import numpy as np
import pytest

from cnnviz.data.pen import WIDEST_PEN, render, smooth_path_matrix


def path_through(points, corners=(), spacing=0.5):
    points = np.array(points, float)
    flags = np.isin(np.arange(len(points)), corners)
    return smooth_path_matrix(points, flags, spacing) @ points


def drawn(*paths, pen_width=2.5):
    points = np.concatenate(paths)
    joined = np.ones(len(points) - 1, bool)
    joined[np.cumsum([len(path) for path in paths[:-1]], dtype=int) - 1] = False
    return render(points[None], joined[None], np.array([pen_width]))[0]


def circle(radius, centre=14.0):
    angle = np.linspace(0, 2 * np.pi, 40)
    return centre + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def test_that_a_path_passes_through_every_control_point():
    points = [(2, 3), (10, 4), (12, 15), (5, 20), (20, 24)]
    path = path_through(points, corners=[2])
    for point in points:
        assert np.linalg.norm(path - point, axis=1).min() < 1e-9


def test_that_three_points_make_a_curve_and_a_marked_corner_stays_sharp():
    bend = [(0, 0), (10, 0), (10, 10)]
    beside_both_legs = np.minimum(np.abs(path_through(bend)[:, 1]), np.abs(path_through(bend)[:, 0] - 10))
    assert beside_both_legs.max() > 0.5
    sharp = path_through(bend, corners=[1])
    assert np.minimum(np.abs(sharp[:, 1]), np.abs(sharp[:, 0] - 10)).max() < 1e-9


def test_that_neighbouring_path_points_are_as_close_as_asked_for():
    path = path_through([(0, 0), (3, 18), (20, 20), (21, 2)], spacing=0.6)
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() < 1.5 * 0.6


def test_that_a_path_of_one_point_is_that_point():
    assert path_through([(3, 4)]).tolist() == [[3, 4]]


def test_that_the_matrix_also_serves_moved_control_points():
    points = np.array([(2, 3), (10, 4), (12, 15), (5, 20)], float)
    matrix = smooth_path_matrix(points, np.zeros(4, bool), 0.5)
    np.testing.assert_allclose(matrix @ (2 * points + 7), 2 * (matrix @ points) + 7)


@pytest.mark.parametrize("pen_width", [1.7, 2.5, 4.0])
@pytest.mark.parametrize("row", [13.0, 13.3, 13.5])
def test_that_a_line_is_as_wide_as_the_pen_everywhere(pen_width, row):
    image = drawn(path_through([(4, row), (24, row)]), pen_width=pen_width)
    width = image[:, 7:22].sum(axis=0)
    np.testing.assert_allclose(width, pen_width, atol=0.15)
    assert np.ptp(width) < 0.02


def test_that_a_slanted_line_has_no_beads():
    path = path_through([(4, 5), (24, 22)], spacing=0.75)
    along = drawn(path)[np.rint(path[4:-4, 1]).astype(int), np.rint(path[4:-4, 0]).astype(int)]
    assert along.min() == 1


def test_that_a_single_point_is_a_round_dot():
    image = drawn(np.array([[14.0, 14.0]]), pen_width=4.0)
    assert image.sum() == pytest.approx(np.pi * 2**2, rel=0.05)
    assert image[14, 16] == pytest.approx(0.5, abs=0.01)  # 2 pixels from the middle
    np.testing.assert_allclose(image, image.T, atol=1e-5)


def test_that_a_lifted_pen_leaves_no_ink():
    image = drawn(path_through([(4, 14), (8, 14)]), path_through([(20, 14), (24, 14)]))
    assert image[:, 11:18].max() == 0
    assert image[14, 6] == image[14, 22] == 1


def test_that_the_eye_of_a_small_loop_stays_open():
    assert drawn(circle(2.5))[14, 14] < 0.05


def test_that_points_at_one_place_add_no_ink():
    path = path_through([(4, 14), (24, 14)])
    resting = np.concatenate([path, np.repeat(path[-1:], 30, axis=0)])
    np.testing.assert_allclose(drawn(resting), drawn(path), atol=1e-5)


def test_that_many_digits_are_drawn_as_each_by_itself():
    rng = np.random.default_rng(0)
    points = np.cumsum(rng.normal(0, 0.4, (5, 60, 2)), axis=1) + 14
    joined = rng.random((5, 59)) > 0.1
    pens = rng.uniform(1.7, 4, 5)
    together = render(points, joined, pens)
    alone = np.concatenate([render(points[i : i + 1], joined[i : i + 1], pens[i : i + 1]) for i in range(5)])
    np.testing.assert_array_equal(together, alone)


def test_that_bleeding_moves_the_edge_where_it_is_given_and_nowhere_else():
    points, joined = np.stack([np.linspace(4, 24, 41), np.full(41, 14.0)], axis=1)[None], np.ones((1, 40), bool)
    bleeding = np.zeros((1, 28, 28))
    bleeding[0, 13, 10], bleeding[0, 14, 18] = 0.3, -5.0
    plain, ragged = (render(points, joined, np.array([1.8]), each)[0] for each in (None, bleeding))
    assert plain[13, 10] == pytest.approx(0.4, abs=0.02)
    assert ragged[13, 10] == pytest.approx(0.7, abs=0.02)
    assert ragged[14, 18] == 0
    ragged[13, 10], ragged[14, 18] = plain[13, 10], plain[14, 18]
    assert np.array_equal(ragged, plain)


def test_that_the_widest_pen_bleeds_without_inking_the_whole_image():
    points, joined = np.full((1, 2, 2), 14.0), np.ones((1, 1), bool)
    ink = render(points, joined, np.array([WIDEST_PEN]), np.full((1, 28, 28), 1.0))[0]
    assert ink[14, 16] == 1
    assert not ink[14, 18:].any()
