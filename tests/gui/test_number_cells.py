import pytest
from PySide6.QtGui import QFontMetrics

from cnnviz.gui.number_cells import fitting_figures
from cnnviz.gui.theme import small_font


@pytest.mark.parametrize(
    ("value", "pattern", "shown"),
    [
        (-0.0012345, "\u22120.001234", "\u22120.001234"),
        (-0.0012345, "\u22120.0012", "\u22120.0012"),
        (-0.0012345, "\u2212.001", "\u2212.001"),
        (-0.0012345, "\u2212.00", "\u2026"),
        (12.345, "12.3", "12.3"),
        (12.345, "12", "12"),
        (12.345, "1", "\u2026"),
    ],
)
def test_that_figures_are_rounded_to_the_width_and_never_cut(qapp, value, pattern, shown):
    metrics = QFontMetrics(small_font())
    assert fitting_figures(value, metrics, metrics.horizontalAdvance(pattern) + 4) == shown
