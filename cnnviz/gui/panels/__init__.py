"""The panels. To add one: a file here, and a line in ``PANELS``."""

from cnnviz.gui.panels.collection import CollectionPanel
from cnnviz.gui.panels.cost import CostPanel
from cnnviz.gui.panels.drawing import DrawingPanel
from cnnviz.gui.panels.evaluation import EvaluationPanel
from cnnviz.gui.panels.experiment import ExperimentPanel
from cnnviz.gui.panels.filters import FiltersPanel
from cnnviz.gui.panels.inspector import InspectorPanel
from cnnviz.gui.panels.movie import MoviePanel
from cnnviz.gui.panels.network import NetworkPanel
from cnnviz.gui.panels.panel import Panel
from cnnviz.gui.panels.reading import ReadingPanel
from cnnviz.gui.panels.routing import RoutingPanel

PANELS: tuple[type[Panel], ...] = (
    DrawingPanel,
    ExperimentPanel,
    NetworkPanel,
    FiltersPanel,
    InspectorPanel,
    MoviePanel,
    ReadingPanel,
    CollectionPanel,
    CostPanel,
    RoutingPanel,
    EvaluationPanel,
)

__all__ = ["PANELS", "Panel"]
