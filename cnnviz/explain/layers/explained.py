"""What is to be said of every layer: where its numbers come from, in cells, terms, lines of NumPy and words."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from cnnviz.explain.places import Cell, Weight
from cnnviz.explain.regions import Region
from cnnviz.explain.spot import Spot
from cnnviz.explain.stage import Stage
from cnnviz.explain.terms import Terms
from cnnviz.explain.wording import Explanation
from cnnviz.nn import Layer
from cnnviz.nn.shapes import Shape


@dataclass(frozen=True)
class Explained(ABC):
    """All that is said of one kind of layer; of one that learns there is more, see ``ExplainedWithParameters``.

    Shapes leave out the number of images: (H, W, C) of maps, (D,) behind ``Flatten``.

    Attributes
    ----------
    layer : Layer
        With its options, which show in what is said.
    is_activation : bool
        Whether each number becomes another one by itself, which is shown right behind the number it was made of.
    hands_on_as_it_is : bool
        Whether each number comes out as it went in, be it at another place.
    """

    layer: Layer

    is_activation: ClassVar[bool] = False
    hands_on_as_it_is: ClassVar[bool] = False

    @abstractmethod
    def region_before(self, region: Region, input_shape: Shape) -> Region:
        """Return the box of the input, of ``input_shape``, on which a ``region`` of the output depends."""

    @abstractmethod
    def output_terms(self, stage: Stage, place: Cell) -> Terms:
        """Return what the layer made the value at ``place``, one of its outputs, of."""

    @abstractmethod
    def input_gradient_terms(self, stage: Stage, place: Cell, value: float) -> Terms:
        """Return what the gradient by ``place``, one of the layer's inputs, is made of; ``value`` is the engine's."""

    @abstractmethod
    def forward_code(self, spot: Spot) -> list[str]:
        """Return the lines of NumPy that make ``spot.name`` of ``spot.source``, for one image."""

    @abstractmethod
    def input_gradient_code(self, spot: Spot) -> list[str]:
        """Return the lines of NumPy that make ``spot.source_gradient`` of ``spot.gradient``, for one image."""

    @abstractmethod
    def forward_words(self) -> Explanation:
        """Return how the output y is made of the input x."""

    @abstractmethod
    def input_gradient_words(self) -> Explanation:
        """Return how the gradient by the input x is made of that by the output y."""


class ExplainedWithParameters(Explained):
    """What is to be said of a layer that learns, besides."""

    @abstractmethod
    def cells_multiplied(self, index: tuple[int, ...], input_shape: Shape) -> Region:
        """Return the box of the input, of ``input_shape``, whose cells the weight at ``index`` is multiplied with."""

    @abstractmethod
    def uses(self, stage: Stage, place: Weight) -> Terms:
        """Return all products that the parameter at ``place`` is a factor of, and the outputs that they go to."""

    @abstractmethod
    def parameter_gradient_terms(self, stage: Stage, place: Weight, value: float) -> Terms:
        """Return what the gradient by the parameter at ``place`` is made of; ``value`` is the engine's."""

    @abstractmethod
    def parameter_gradient_code(self, spot: Spot, name: str) -> list[str]:
        """Return the lines of NumPy that make the gradient by the parameter ``name`` of ``spot.gradient``.

        The variable is called ``gradient_name(f"{spot.name}_{name}")``.
        """

    @abstractmethod
    def parameter_gradient_words(self) -> Explanation:
        """Return how the gradients by the parameters are made."""
