import re

import numpy as np
import pytest

from cnnviz.data.preparation import prepare_picture, prepare_strokes
from cnnviz.data.stages import STAGES, stages_of_drawing, stages_of_picture

PEN = 2.5 / 28
SEVEN = [np.array([(0.1, 0.1), (0.3, 0.1), (0.5, 0.1), (0.3, 0.3), (0.25, 0.5)])]  # small, in the upper left


def extent(image):
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    return rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1


def centre_of_mass(image):
    index = np.arange(28)
    return image.sum(axis=1) @ index / image.sum(), image.sum(axis=0) @ index / image.sum()


def of_the_seven():
    return stages_of_drawing(SEVEN, PEN, prepare_strokes(SEVEN))


def test_that_there_is_an_image_and_one_sentence_for_each_stage():
    images = of_the_seven()
    assert images.shape == (len(STAGES), 28, 28)
    assert images.dtype == np.uint8
    for stage in STAGES:
        assert len(re.findall(r"\.(?:\s|$)", stage.lack)) == 1, stage.lack


def test_that_the_first_stage_is_the_whole_pad_made_small():
    top, left, height, width = extent(of_the_seven()[0])
    assert (top, left) == (1, 1)  # the line in the middle of the path, and half a pen around it
    assert height == pytest.approx((0.4 + PEN) * 28, abs=1.5)
    assert width == pytest.approx((0.4 + PEN) * 28, abs=1.5)


def test_that_a_line_in_the_first_stage_has_the_soft_edges_and_the_width_of_the_pen():
    line = [np.array([(0.5, 0.1), (0.5, 0.9)])]
    column = stages_of_drawing(line, PEN, prepare_strokes(line))[0][14].astype(float) / 255
    assert column.sum() == pytest.approx(2.5, abs=0.15)
    assert ((column > 0) & (column < 1)).any()


def test_that_the_second_stage_fills_the_box_in_the_middle_and_the_third_is_centred_by_mass():
    boxed, centred = of_the_seven()[1:3]
    assert extent(boxed) == (4, 4, 20, 20)
    assert not all(13.5 <= coordinate < 14.5 for coordinate in centre_of_mass(boxed))
    assert extent(centred)[2:] == (20, 20)
    assert all(13.5 <= coordinate < 14.5 for coordinate in centre_of_mass(centred))


def test_that_the_pen_of_a_small_drawing_grows_fat_before_the_last_stage():
    ink = of_the_seven().sum(axis=(1, 2)) / 255
    assert ink[2] > 1.3 * ink[3]


def test_that_the_last_stage_is_what_the_preparation_made():
    prepared = prepare_strokes(SEVEN)
    assert np.array_equal(stages_of_drawing(SEVEN, PEN, prepared)[3], prepared)
    picture = 255 - np.kron(prepared, np.ones((5, 5), np.uint8))
    assert np.array_equal(stages_of_picture(picture, prepare_picture(picture))[3], prepare_picture(picture))


def test_that_dark_on_light_stays_so_where_a_picture_is_only_shrunk_and_is_turned_over_afterwards():
    picture = 255 - np.kron(prepare_strokes(SEVEN), np.ones((5, 5), np.uint8))
    shrunk, boxed = stages_of_picture(picture, prepare_picture(picture))[:2]
    assert np.array_equal(shrunk, 255 - prepare_strokes(SEVEN))
    assert boxed[0, 0] == 0
    assert boxed.max() == 255


def test_that_colors_count_as_their_luminance_before_the_last_stage():
    colors = np.zeros((40, 40, 3), np.uint8)
    colors[...] = (100, 200, 50)
    stages = stages_of_picture(colors, np.zeros((28, 28), np.uint8))
    assert (stages[0] == round(0.299 * 100 + 0.587 * 200 + 0.114 * 50)).all()


def test_that_a_shadow_is_taken_for_ink_until_the_last_stage():
    picture = np.full((140, 140), 230.0)
    picture[40:100, 60:75] = 40
    picture[:, 75:] -= np.linspace(0, 120, 65)
    stages = stages_of_picture(picture, np.zeros((28, 28), np.uint8))
    assert stages[1][4:24, 14:19].mean() > 20


@pytest.mark.parametrize("level", [0, 255])
def test_that_a_picture_without_any_ink_has_empty_stages(level):
    stages = stages_of_picture(np.full((40, 60), level, np.uint8), np.zeros((28, 28), np.uint8))
    assert (stages[0] == level).all()
    assert not stages[1:].any()


def test_that_a_single_click_is_a_dot():
    dot = [np.array([(0.2, 0.2)])]
    shrunk = stages_of_drawing(dot, PEN, prepare_strokes(dot))[0]
    assert shrunk.sum() / 255 == pytest.approx(np.pi * 2.5**2 / 4, rel=0.15)
    assert centre_of_mass(shrunk) == pytest.approx((0.2 * 28 - 0.5, 0.2 * 28 - 0.5), abs=0.02)


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (400, 3)])
def test_that_pictures_of_any_proportions_are_taken(shape):
    picture = np.zeros(shape, np.float32)
    picture[shape[0] // 2, shape[1] // 2] = 3.5
    assert stages_of_picture(picture, np.zeros((28, 28), np.uint8)).shape == (4, 28, 28)


def test_that_levels_far_below_0_as_a_tiff_may_have_them_are_black():
    picture = np.zeros((60, 60), np.float32)
    picture[20:40, 25:35] = -3e38
    stages = stages_of_picture(picture, np.zeros((28, 28), np.uint8))
    assert not stages[0].any()
    assert stages[1][4:24, 9:19].all()
