"""The articles' worked examples as small live scenes: one lesson a file, and one line here."""

from cnnviz.gui.lessons import convolution, curve, dense, padding, pooling, sobel, softmax, weight_gradient
from cnnviz.gui.lessons.lesson import Lesson, Scene

LESSONS: tuple[Lesson, ...] = (
    convolution.LESSON,
    padding.LESSON,
    sobel.LESSON,
    curve.LESSON,
    pooling.LESSON,
    dense.LESSON,
    softmax.LESSON,
    weight_gradient.LESSON,
)

__all__ = ["LESSONS", "Lesson", "Scene"]
