import math

import numpy as np
import pytest

from cnnviz.data.augmentation import LEVELS, LIMITS, Augmentation, AugmentationError, parse_augmentation

CENTRE = 14


class Extreme:
    """Random numbers that all are the greatest of their range; what is normally distributed is 0."""

    def __init__(self, sign: int = 1) -> None:
        self.sign = sign

    def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> np.ndarray:
        return np.full(shape, high if self.sign > 0 else low)

    def standard_normal(self, shape: tuple[int, ...], dtype: type) -> np.ndarray:
        return np.zeros(shape, dtype)


def some_digits(count: int) -> np.ndarray:
    """Return images with ink in their middle, all of it different."""
    rng = np.random.default_rng(1)
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 6:22, 6:22] = rng.integers(0, 256, (count, 16, 16))
    images[:, 14, 14] = 255
    return images


def bar(width: int) -> np.ndarray:
    """Return an image of an upright line."""
    images = np.zeros((1, 28, 28), np.uint8)
    images[:, 4:24, 14 : 14 + width] = 255
    return images


def looked_up(image: np.ndarray, row: float, column: float) -> float:
    """Return the grey of ``image`` between its pixels, 0 outside."""
    top, left = math.floor(row), math.floor(column)
    total = 0.0
    for y in (top, top + 1):
        for x in (left, left + 1):
            if 0 <= y < 28 and 0 <= x < 28:
                total += (1 - abs(row - y)) * (1 - abs(column - x)) * float(image[y, x])
    return total


def mapped(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return ``image`` with each pixel read where ``matrix`` takes it, as light as it was."""
    grey = np.empty((28, 28))
    for row in range(28):
        for column in range(28):
            y, x = matrix @ (row - CENTRE, column - CENTRE)
            grey[row, column] = looked_up(image, y + CENTRE, x + CENTRE)
    return grey * min(image.max() / grey.max(), 2)


def test_that_images_stay_as_they_are_where_all_is_0():
    images = np.random.default_rng(2).integers(0, 256, (40, 28, 28)).astype(np.uint8)
    assert np.array_equal(Augmentation().apply(np.random.default_rng(0), images), images)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("field", "value", "matrix"),
    [
        ("rotation", 30, lambda a: [[math.cos(a * math.pi / 6), math.sin(a * math.pi / 6)],
                                    [-math.sin(a * math.pi / 6), math.cos(a * math.pi / 6)]]),
        ("scale", 0.25, lambda a: [[1 / (1 + a * 0.25), 0], [0, 1 / (1 + a * 0.25)]]),
        ("slant", 0.5, lambda a: [[1, 0], [a * 0.5, 1]]),
    ],
)  # fmt: skip
def test_that_each_map_goes_as_far_as_it_says(field, value, matrix, sign):
    images = some_digits(3)
    varied = Augmentation(**{field: value}).apply(Extreme(sign), images)
    for image, ours in zip(images, varied, strict=True):
        np.testing.assert_allclose(ours, mapped(image, np.array(matrix(sign))), atol=0.6)


def test_that_a_turned_digit_is_slanted_and_stretched_afterwards():
    images = some_digits(1)
    varied = Augmentation(rotation=20, slant=0.3, scale=0.2).apply(Extreme(), images)
    cos, sin = math.cos(math.pi / 9), math.sin(math.pi / 9)
    matrix = np.diag([1 / 1.2, 1 / 1.2]) @ [[1, 0], [0.3, 1]] @ [[cos, sin], [-sin, cos]]
    np.testing.assert_allclose(varied[0], mapped(images[0], matrix), atol=0.6)


def test_that_a_whole_shift_moves_pixels_and_lets_background_follow():
    images = np.random.default_rng(2).integers(0, 200, (2, 28, 28)).astype(np.uint8)
    images[:, 14, 14] = 255
    varied = Augmentation(shift=3).apply(Extreme(), images)
    assert np.array_equal(varied[:, :25, :25], images[:, 3:, 3:])
    assert not varied[:, 25:].any()
    assert not varied[:, :, 25:].any()


def test_that_shifts_are_as_likely_to_every_side_and_within_their_range():
    dots = np.zeros((3000, 28, 28), np.uint8)
    dots[:, 14, 14] = 255
    varied = Augmentation(shift=3).apply(np.random.default_rng(0), dots).astype(float)
    grid = np.arange(28)
    for profile in (varied.sum(axis=2), varied.sum(axis=1)):
        places = profile @ grid / profile.sum(axis=1) - 14
        assert abs(places.mean()) < 0.15
        assert places.std() == pytest.approx(3 / math.sqrt(3), rel=0.05)
        assert np.abs(places).max() < 3.05


def test_that_elastic_is_the_standard_deviation_of_every_pixel_and_neighbours_go_together():
    ramp = np.tile(np.arange(28, dtype=np.uint8) * 8, (8000, 28, 1))
    varied = Augmentation(elastic=0.8).apply(np.random.default_rng(0), ramp).astype(float)
    moved = (varied - ramp)[:, 4:24, 3:23] / 8
    assert np.abs(moved.mean(axis=0)).max() < 0.1
    np.testing.assert_allclose(moved.std(axis=0), 0.8, rtol=0.05)
    assert np.corrcoef(moved[:, 8, 8], moved[:, 8, 9])[0, 1] > 0.9
    assert np.corrcoef(moved[:, 0, 0], moved[:, 19, 19])[0, 1] < 0.2


@pytest.mark.parametrize(("sign", "width"), [(1, 5), (-1, 3)])
def test_that_a_pen_becomes_wider_and_narrower_by_pixels(sign, width):
    varied = Augmentation(thickness=1).apply(Extreme(sign), bar(4))
    assert varied[0, 14].sum() / 255 == pytest.approx(width, abs=0.02)


def test_that_pens_of_one_batch_go_either_way():
    varied = Augmentation(thickness=1).apply(np.random.default_rng(0), np.repeat(bar(4), 200, axis=0))
    widths = varied[:, 14].sum(axis=1) / 255
    assert widths.mean() == pytest.approx(4, abs=0.15)
    assert widths.min() < 3.1
    assert widths.max() > 4.9


@pytest.mark.parametrize("name", LEVELS)
def test_that_variations_stay_as_light_as_their_image(name):
    images = some_digits(200) // 2 * np.array([1, 2], np.uint8).repeat(100)[:, None, None]
    peaks = LEVELS[name].apply(np.random.default_rng(0), images).max(axis=(1, 2))
    assert np.abs(peaks - images.max(axis=(1, 2)).astype(int)).max() <= 1


def test_that_what_is_shifted_out_of_sight_is_not_brightened_without_end():
    images = np.zeros((1, 28, 28), np.uint8)
    images[0, 0, 0] = 200
    faint = Augmentation(shift=0.9).apply(Extreme(), images)
    assert faint[0, 0, 0] == 4  # 200 * 0.1 * 0.1, twice
    assert not Augmentation(shift=2).apply(Extreme(), images).any()


def test_that_an_empty_image_and_no_image_are_left():
    rng = np.random.default_rng(0)
    assert not LEVELS["strong"].apply(rng, np.zeros((2, 28, 28), np.uint8)).any()
    assert LEVELS["strong"].apply(rng, np.zeros((0, 28, 28), np.uint8)).shape == (0, 28, 28)


def test_that_the_same_random_numbers_vary_alike_and_each_image_its_own_way():
    images = some_digits(40)
    whole = LEVELS["gentle"].apply(np.random.default_rng(7), images)
    assert whole.dtype == np.uint8
    assert np.array_equal(whole, LEVELS["gentle"].apply(np.random.default_rng(7), images.copy()))
    assert not np.array_equal(whole, LEVELS["gentle"].apply(np.random.default_rng(8), images))
    assert (
        len({image.tobytes() for image in LEVELS["gentle"].apply(np.random.default_rng(7), images[:1].repeat(40, 0))})
        == 40
    )


@pytest.mark.parametrize("field", LIMITS)
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, "much", 1000])
def test_that_a_value_outside_its_range_is_refused(field, value):
    with pytest.raises(AugmentationError, match=rf"^accepted is {field} from 0 to {LIMITS[field]:g}, got {value}$"):
        Augmentation(**{field: value})


def test_that_a_text_is_read_and_written():
    assert parse_augmentation("strong") is LEVELS["strong"]
    assert parse_augmentation("rotation=8, elastic=1.2") == Augmentation(rotation=8, elastic=1.2)
    assert all(parse_augmentation(str(level)) == level for level in LEVELS.values())


@pytest.mark.parametrize(
    ("text", "word"),
    [("wild", "wild"), ("", ""), ("shift", "shift"), ("shift=1,spin=2", "spin"), ("shift=x", "shift=x")],
)
def test_that_a_text_that_says_something_else_is_refused_with_the_word(text, word):
    with pytest.raises(AugmentationError, match=rf"^accepted is gentle, strong, or shift, .* got {word}$"):
        parse_augmentation(text)
