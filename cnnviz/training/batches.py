"""What a step learns from: images of the dataset, and others that take the place of some."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cnnviz.data.datasets import ImageSet


@dataclass(frozen=True)
class Ingredient:
    """Images that take the place of some of each batch.

    Attributes
    ----------
    name : str
        What one of them is called, such as "own digit".
    images : ImageSet
    share : float
        The probability, for each image of a batch, to be replaced by one of these, any of them as likely.
    """

    name: str
    images: ImageSet
    share: float


class Batch(NamedTuple):
    """Images to learn from.

    Attributes
    ----------
    images : array, uint8, shape (n, 28, 28)
    labels : array, int64, shape (n,)
    title : str
        Of the first image, such as "training digit 17".
    """

    images: np.ndarray
    labels: np.ndarray
    title: str


def take_batch(images: ImageSet, indices: np.ndarray) -> Batch:
    """Return the training images at ``indices`` (n,)."""
    return Batch(*images.batch(indices), f"training digit {indices[0]}")


def mix_in(batch: Batch, ingredients: Sequence[Ingredient], rng: np.random.Generator) -> Batch:
    """Return ``batch``, whose arrays are changed, with images replaced by those of ``ingredients``.

    At most one ingredient gets each place, so their shares add up to 1 at most.
    """
    chance = rng.random(len(batch.labels))
    title, reached = batch.title, 0.0
    for ingredient in ingredients:
        before, reached = reached, reached + ingredient.share
        places = np.flatnonzero((chance >= before) & (chance < reached))
        if not len(places):
            continue
        indices = rng.integers(len(ingredient.images), size=len(places))
        batch.images[places], batch.labels[places] = ingredient.images.batch(indices)
        if places[0] == 0:
            title = f"{ingredient.name} {indices[0]}"
    return batch._replace(title=title)
