import numpy as np
import pytest

from cnnviz.data.datasets import ArrayImageSet
from cnnviz.training.batches import Ingredient, mix_in, take_batch

PLACES = np.arange(4000)


def plain(grey: int, label: int) -> ArrayImageSet:
    """Return a set whose images are all of one grey level and mean one digit, but for a last one of another grey."""
    images = np.full((4000, 28, 28), grey, np.uint8)
    images[-1] += 1
    return ArrayImageSet(images, np.full(4000, label))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(4)


def test_that_each_ingredient_gets_its_share_and_the_rest_stays(rng):
    batch = take_batch(plain(10, 1), PLACES)
    ingredients = [Ingredient("a", plain(20, 2), 0.3), Ingredient("b", plain(30, 3), 0.2)]
    mixed = mix_in(batch, ingredients, rng)
    assert np.bincount(mixed.labels)[1:] / 4000 == pytest.approx([0.5, 0.3, 0.2], abs=0.03)
    assert np.array_equal(mixed.images[:, 5, 5] // 10, mixed.labels)
    assert mixed.labels[PLACES[:100]].tolist() != sorted(mixed.labels[PLACES[:100]])


def test_that_every_image_of_an_ingredient_is_as_likely(rng):
    source = ArrayImageSet(np.arange(5, dtype=np.uint8)[:, None, None] * np.ones((28, 28), np.uint8), np.arange(5))
    mixed = mix_in(take_batch(plain(9, 9), PLACES), [Ingredient("a", source, 0.999)], rng)
    assert np.bincount(mixed.labels)[:5] / 4000 == pytest.approx(5 * [0.2], abs=0.03)
    assert np.array_equal(mixed.images[mixed.labels < 5, 0, 0], mixed.labels[mixed.labels < 5])


def test_that_the_title_is_that_of_the_first_image(rng):
    batch = take_batch(plain(10, 1), np.array([17, 3]))
    assert batch.title == "training digit 17"
    assert mix_in(batch, [Ingredient("own digit", plain(1, 1), 1e-9)], rng).title == "training digit 17"
    single = ArrayImageSet(np.zeros((1, 28, 28), np.uint8), np.array([5]))
    assert mix_in(batch, [Ingredient("own digit", single, 1.0)], rng).title == "own digit 0"


def test_that_the_sets_themselves_stay_as_they_are(rng):
    whole, other = plain(10, 1), plain(20, 2)
    mix_in(take_batch(whole, PLACES), [Ingredient("a", other, 1.0)], rng)
    assert (whole.images[:-1] == 10).all()
    assert (other.images[:-1] == 20).all()
