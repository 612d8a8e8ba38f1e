"""Where the panels stand, at first and after *Reset layout*."""

from itertools import pairwise

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow

from cnnviz.gui.dock import PanelDock

# Columns from left to right, each with its share of the width and, top to bottom, its panels with their shares of the
# height. A panel that is not named here lies behind another one as a tab: see TABS; otherwise the very last one.
COLUMNS: tuple[tuple[int, tuple[tuple[str, int], ...]], ...] = (
    (310, (("drawing", 300), ("experiment", 350))),
    (674, (("network", 276), ("filters", 374))),
    (372, (("cost", 188), ("routing", 262), ("evaluation", 200))),
)
TABS = {"inspector": "filters", "movie": "filters", "reading": "filters", "collection": "filters"}


def arrange_docks(window: QMainWindow, docks: dict[str, PanelDock]) -> None:
    """Put every dock into its default place and show it."""
    for dock in docks.values():
        dock.setFloating(False)  # while the window still knows it: afterwards it would stay a window of its own
        window.removeDockWidget(dock)
    columns = [[docks[name] for name, _ in panels] for _, panels in COLUMNS]
    window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, columns[0][0])
    for left, right in pairwise(columns):
        window.splitDockWidget(left[0], right[0], Qt.Orientation.Horizontal)
    for column in columns:
        for above, below in pairwise(column):
            window.splitDockWidget(above, below, Qt.Orientation.Vertical)
    named = {dock.panel.name: dock for column in columns for dock in column}
    for name, dock in docks.items():
        if name not in named:
            window.tabifyDockWidget(named.get(TABS.get(name), columns[-1][-1]), dock)
        dock.show()
    for front in named.values():
        front.raise_()
    resize_docks(window, docks)


def resize_docks(window: QMainWindow, docks: dict[str, PanelDock]) -> None:
    """Give the columns and rows their shares of the window."""
    firsts = [docks[panels[0][0]] for _, panels in COLUMNS]
    window.resizeDocks(firsts, [share for share, _ in COLUMNS], Qt.Orientation.Horizontal)
    for _, panels in COLUMNS:
        window.resizeDocks([docks[n] for n, _ in panels], [share for _, share in panels], Qt.Orientation.Vertical)
