import numpy as np
import pytest

from cnnviz.gui.course import MOST_MOMENTS, Course, way_to


def image(value: int) -> np.ndarray:
    return np.full((28, 28), value % 256, np.uint8)


def points_of(course: Course) -> list[int]:
    return [moment.points for moment in course.moments(image(0))]


def line(count: int, y: float = 0.5) -> list[tuple[float, float]]:
    return [(index / 1000, y) for index in range(count)]


def drawn(course: Course, stroke: list[tuple[float, float]], before: tuple = ()) -> tuple:
    """Draw ``stroke`` point by point, each prepared to an image that shows how many points there were."""
    growing: list[tuple[float, float]] = []
    strokes = (*before, growing)
    for point in stroke:
        growing.append(point)
        course.follow(strokes)
        course.record(course.total, image(course.total))
    return strokes


def test_that_every_state_of_a_short_drawing_is_kept_with_its_share_of_the_path():
    course = Course()
    drawn(course, [(0.0, 0.0), (0.0, 0.1), (0.0, 0.4)])
    moments = course.moments(image(99))
    assert [moment.points for moment in moments] == [1, 2, 3]
    assert [moment.share for moment in moments] == pytest.approx([0, 0.25, 1])
    assert [int(moment.image[0, 0]) for moment in moments] == [1, 2, 99]


def test_that_the_way_through_the_air_does_not_count():
    assert way_to([[(0.0, 0.0), (0.1, 0.0)], [(0.9, 0.9), (0.9, 0.6)]]).tolist() == pytest.approx([0, 0.25, 0.25, 1])


def test_that_dots_lie_at_even_steps_of_the_way():
    assert way_to([[(0.2, 0.2)], [(0.7, 0.7)]]).tolist() == [0.5, 1]


def test_that_a_long_drawing_is_thinned_out_evenly():
    course = Course()
    drawn(course, line(1000))
    points = points_of(course)
    assert MOST_MOMENTS / 2 <= len(points) <= MOST_MOMENTS + 1
    gaps = np.diff(points)
    assert gaps[:-1].max() <= 2 * gaps[:-1].min()
    assert (points[0], points[-1]) == (1, 1000)


def test_that_undo_shortens_the_course_and_keeps_what_is_still_true():
    course = Course()
    first = drawn(course, line(5))
    drawn(course, line(7, 0.8), first)
    assert points_of(course) == list(range(1, 13))
    course.follow(first)
    assert points_of(course) == [1, 2, 3, 4, 5]
    assert [int(moment.image[0, 0]) for moment in course.moments(image(99))] == [1, 2, 3, 4, 99]


def test_that_another_stroke_after_undo_does_not_inherit_the_images_of_the_one_before():
    course = Course()
    first = drawn(course, line(5))
    drawn(course, line(7, 0.8), first)
    course.follow((*first, line(7, 0.2)))
    assert points_of(course) == [1, 2, 3, 4, 5, 12]


def test_that_what_is_missing_is_told_until_there_is_no_large_gap():
    course = Course()
    course.follow((line(1000),))
    asked = []
    while (points := course.missing()) is not None:
        asked.append(points)
        course.record(points, image(points))
    assert len(asked) <= MOST_MOMENTS
    assert np.diff([0, *points_of(course)]).max() <= 2 * -(-1000 // MOST_MOMENTS) + 1


def test_that_nothing_is_missing_of_what_was_recorded_event_by_event():
    course = Course()
    drawn(course, line(400))
    assert course.missing() is None


def test_that_without_strokes_there_is_no_course():
    course = Course()
    drawn(course, line(4))
    course.follow(())
    assert course.moments(image(1)) == []
    assert course.missing() is None
