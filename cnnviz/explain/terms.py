"""What a number is made of: factors as the engine had them, and how they make the number."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np

from cnnviz.explain.places import Place

Index = tuple[int, ...]


class Operation(Enum):
    """How factors make a number."""

    SUM = "sum"  # the products of the factors, added up, and the constant
    MAXIMUM = "maximum"  # the largest of the only factor's values and the constant
    SCALING = "scaling"  # (first - second) / third
    SOFTMAX = "softmax"  # of the exponentials, the second last factor, the chosen one divided by their sum
    EACH = "each"  # no sum: each product goes into another number


@dataclass(frozen=True, eq=False)
class Factor:
    """Numbers of one kind, as they lie.

    Attributes
    ----------
    name : str
        What they are, such as "relu1" or "filter 3".
    values : array
        (channels, rows, columns), (rows, columns) or (n,); of a constant (1, 1, 1).
    place : callable
        Index in ``values`` -> the place of that number; None where it has none, such as a zero of the border.
    """

    name: str
    values: np.ndarray
    place: Callable[[Index], Place | None]


@dataclass(frozen=True, eq=False)
class Terms:
    """What the number at a place is made of.

    Attributes
    ----------
    place : Place
        Whose value, or whose gradient.
    value : float
        The engine's number.
    operation : Operation
    factors : tuple of Factor
        All of one shape: the same index in each belongs to the same term.
    sentence : str
        How the number comes about, in words.
    constant : Factor or None
        What is added once: a bias.
    goes_to : Factor or None
        What an activation makes of the number, where one comes next; of ``EACH`` the numbers that the products are
        part of.
    chosen : int
        Of a softmax, which of the numbers it is.
    """

    place: Place
    value: float
    operation: Operation
    factors: tuple[Factor, ...]
    sentence: str
    constant: Factor | None = None
    goes_to: Factor | None = None
    chosen: int = 0

    @cached_property
    def products(self) -> np.ndarray:
        """The terms, float64, in the shape of the factors; of a single factor its values."""
        with np.errstate(over="ignore", invalid="ignore"):  # of a network that is about to diverge
            return np.prod([factor.values.astype(np.float64) for factor in self.factors], axis=0)

    @cached_property
    def total(self) -> float:
        """The number as its factors make it, in float64: ``value`` but for rounding."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return float(_TOTALS[self.operation](self))

    def rows(self) -> list[tuple[object, ...]]:
        """Return the terms as the rows of a table, its heading first, the constant and the number itself last."""
        has_products = self.operation in (Operation.SUM, Operation.EACH) and len(self.factors) > 1
        columns = [factor.values for factor in self.factors] + ([self.products] if has_products else [])
        names = [factor.name for factor in self.factors] + (["product"] if has_products else [])
        rows: list[tuple[object, ...]] = [("place", *names)]
        for index in np.ndindex(self.factors[0].values.shape):
            rows.append((_words(self.factors[0].place(index)), *(float(values[index]) for values in columns)))
        empty = ("",) * (len(columns) - 1)
        if self.constant is not None:
            rows.append((self.constant.name, *empty, self.constant_value))
        rows.append((str(self.place), *empty, self.value))
        return rows

    @property
    def constant_value(self) -> float:
        """The constant; 0 where there is none."""
        return 0.0 if self.constant is None else float(self.constant.values.item())


def _sum(terms: Terms) -> float:
    return terms.products.sum() + terms.constant_value


def _maximum(terms: Terms) -> float:
    values = terms.products if terms.constant is None else np.append(terms.products, terms.constant_value)
    return values.max()


def _scaling(terms: Terms) -> float:
    grey, mean, deviation = (float(factor.values.item()) for factor in terms.factors)
    return (grey - mean) / deviation


def _softmax(terms: Terms) -> float:
    exponentials = terms.factors[-2].values.astype(np.float64)
    return exponentials[terms.chosen] / exponentials.sum()


_TOTALS: dict[Operation, Callable[[Terms], float]] = {
    Operation.SUM: _sum,
    Operation.MAXIMUM: _maximum,
    Operation.SCALING: _scaling,
    Operation.SOFTMAX: _softmax,
    Operation.EACH: lambda terms: terms.value,
}


def _words(place: Place | None) -> str:
    return "" if place is None else str(place)


def single(name: str, value: float, place: Place | None = None) -> Factor:
    """Return one number as a factor of shape (1, 1, 1)."""
    return Factor(name, np.reshape(np.asarray(value), (1, 1, 1)), lambda index: place)


def nowhere(index: Index) -> None:
    """Return no place: these numbers are kept nowhere."""
