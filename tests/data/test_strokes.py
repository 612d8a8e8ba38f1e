import numpy as np
import pytest

from cnnviz.data.strokes import CHUNK, STROKES, StrokesImageSet
from cnnviz.data.strokes.generator import PEN_MEDIAN, choose_pens, parse_path
from cnnviz.data.strokes.templates import FORMS

COUNT = 2000


@pytest.fixture(scope="module")
def images_and_labels():
    return StrokesImageSet(COUNT, seed=3).batch(np.arange(COUNT))


@pytest.fixture(scope="module")
def images(images_and_labels):
    return images_and_labels[0]


def holes(image):
    """Return the number of dark pixels that ink shuts in."""
    dark = np.pad(image < 128, 1, constant_values=True)
    outside = np.zeros_like(dark)
    outside[0] = True
    while True:
        grown = outside.copy()
        for axis in (0, 1):
            for step in (-1, 1):
                grown |= np.roll(outside, step, axis)
        grown &= dark
        if (grown == outside).all():
            return (dark & ~outside).sum()
        outside = grown


def test_that_a_batch_holds_grey_images_and_their_labels(images_and_labels):
    images, labels = images_and_labels
    assert images.shape == (COUNT, 28, 28)
    assert images.dtype == np.uint8
    assert labels.shape == (COUNT,)
    assert labels.dtype == np.int64


def test_that_items_do_not_depend_on_the_order_they_are_asked_for_in(images_and_labels):
    images, labels = images_and_labels
    order = np.random.default_rng(0).permutation(COUNT)
    image_set = StrokesImageSet(COUNT, seed=3)
    for part in np.array_split(order, 7):
        some_images, some_labels = image_set.batch(part)
        np.testing.assert_array_equal(some_images, images[part])
        np.testing.assert_array_equal(some_labels, labels[part])


def test_that_items_do_not_depend_on_the_size_of_the_set(images):
    np.testing.assert_array_equal(StrokesImageSet(70, seed=3).batch(np.arange(70))[0], images[:70])


def test_that_each_epoch_has_other_images_of_the_same_seed(images_and_labels):
    indices = np.arange(CHUNK + 30)
    image_set = StrokesImageSet(COUNT, seed=3)
    seen = []
    for epoch in (0, 1, 2):
        image_set.begin_epoch(epoch)
        seen.append(image_set.batch(indices))
    np.testing.assert_array_equal(seen[0][0], images_and_labels[0][indices])
    np.testing.assert_array_equal(seen[0][1], images_and_labels[1][indices])
    assert len({image.tobytes() for images, _ in seen for image in images}) == 3 * len(indices)
    other = StrokesImageSet(CHUNK + 1, seed=3)  # of another size, asked for in another order
    other.begin_epoch(2)
    np.testing.assert_array_equal(other.batch(np.array([CHUNK, 7]))[0], seen[2][0][[CHUNK, 7]])
    image_set.begin_epoch(0)
    np.testing.assert_array_equal(image_set.batch(indices)[0], seen[0][0])


def test_that_an_epoch_that_has_begun_already_is_not_made_again(monkeypatch):
    image_set = StrokesImageSet(COUNT, seed=3)
    image_set.batch(np.arange(5))
    monkeypatch.setattr("cnnviz.data.strokes.generate_digits", lambda *_: pytest.fail("made again"))
    image_set.begin_epoch(0)
    image_set.batch(np.arange(5))


def test_that_another_seed_writes_other_digits(images):
    others = StrokesImageSet(100, seed=4).batch(np.arange(100))[0]
    assert not (others[:, None] == images[None, :100]).all(axis=(2, 3)).any()


def test_that_no_image_comes_twice(images):
    assert len({image.tobytes() for image in images}) == COUNT


@pytest.mark.parametrize("index", [-1, 300])
def test_that_an_index_outside_is_refused(index):
    with pytest.raises(IndexError, match="0 to 299"):
        StrokesImageSet(300, seed=1).batch(np.array([0, index]))


def test_that_an_empty_batch_is_empty():
    images, labels = StrokesImageSet(300, seed=1).batch(np.array([], int))
    assert images.shape == (0, 28, 28)
    assert labels.shape == (0,)


def test_that_digits_are_evenly_shared_out_in_random_order(images_and_labels):
    labels = images_and_labels[1]
    np.testing.assert_array_equal(np.bincount(labels), [COUNT // 10] * 10)
    assert (labels[:CHUNK] != labels[CHUNK : 2 * CHUNK]).mean() > 0.8
    assert (np.diff(labels) == 0).mean() == pytest.approx(0.1, abs=0.03)


def test_that_ink_fills_the_box_of_20_pixels(images):
    inked = images > 0
    heights = inked.any(axis=2).sum(axis=1)
    widths = inked.any(axis=1).sum(axis=1)
    assert (np.maximum(heights, widths) == 20).mean() > 0.999


def test_that_the_peak_is_255(images):
    assert (images.max(axis=(1, 2)) == 255).all()


def test_that_centres_of_mass_are_at_14(images):
    index = np.arange(28)
    mass = images.sum(axis=(1, 2), dtype=float)
    for axis in (1, 2):
        centre = images.sum(axis=axis, dtype=float) @ index / mass
        assert (np.abs(centre - 14) <= 0.5).all()
        assert centre.mean() == pytest.approx(14, abs=0.05)


def test_that_grey_levels_are_distributed_as_in_mnist(images):
    assert images.mean() == pytest.approx(33.3, abs=1.5)
    assert images.std() == pytest.approx(78.6, abs=2.0)


@pytest.mark.parametrize("angle", [0, 30, 45, 90])
def test_that_a_straight_line_takes_any_pen_whatever_its_direction(angle):
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    along = np.linspace(0, 1, 60)
    aside = 0.002 * np.sin(7 * along)  # no hand draws a line without any area
    points = np.stack([cos * along - sin * aside, sin * along + cos * aside], axis=1)
    pens = choose_pens(np.random.default_rng(0), np.repeat(points[None], 500, axis=0), np.ones((500, 59), bool))
    assert np.median(pens) == pytest.approx(PEN_MEDIAN, rel=0.05)
    assert pens.max() > 1.8 * PEN_MEDIAN


def test_that_pens_leave_loops_open(images_and_labels):
    images, labels = images_and_labels
    eights = images[labels == 8]
    assert np.mean([holes(image) >= 3 for image in eights]) > 0.95


@pytest.mark.parametrize("digit", range(10))
def test_that_each_digit_has_several_forms_inside_the_box(digit):
    assert len(FORMS[digit]) >= 9
    for frequency, path in FORMS[digit]:
        assert frequency > 0
        points = np.concatenate([stroke for stroke, _ in parse_path(path)])
        assert np.abs(points).max() <= 0.5
        assert np.ptp(points[:, 1]) >= 0.5


def test_that_a_path_is_read_as_strokes_of_points_with_corners():
    (first, first_corners), (second, second_corners) = parse_path("0,0 50,100! 100,0 | 50,50")
    assert first.tolist() == [[-0.5, -0.5], [0, 0.5], [0.5, -0.5]]
    assert first_corners.tolist() == [False, True, False]
    assert second.tolist() == [[0, 0]]
    assert second_corners.tolist() == [False]


def test_that_the_dataset_is_there_without_any_file_and_before_any_digit_is_drawn(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("cnnviz.data.strokes.generate_digits", None)
        dataset = STROKES.load(None, None)
    assert STROKES.is_available(None)
    assert (len(dataset.train), len(dataset.test)) == (60_000, 10_000)
    assert dataset.train.in_random_order
    first, other = dataset.train.batch(np.arange(5))[0], dataset.test.batch(np.arange(5))[0]
    assert not np.array_equal(first, other)
