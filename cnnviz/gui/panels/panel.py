"""What every panel is: a function of one snapshot."""

from typing import ClassVar

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QWidget

from cnnviz.gui.theme import Theme
from cnnviz.gui.workbench import Workbench
from cnnviz.training.snapshot import Snapshot

Row = tuple[object, ...]


class Panel(QWidget):
    """A part of the window that shows something of the network.

    A panel is made once, is given the newest snapshot while it is visible, and keeps no state of training of its own.
    What the user does in it goes to the workbench.

    Attributes
    ----------
    name : str
        Identifier, for the remembered layout.
    title : str
        Heading.
    about : str
        Two sentences on what one sees, shown on the (i).
    interval : float
        Seconds that pass at least from one snapshot to the next, for pictures that gain nothing from more.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    interval: ClassVar[float] = 0.0

    hovered = Signal(str)  # what is under the mouse, for the status bar; empty when nothing is
    menu_wanted = Signal(QPoint)  # at this place of the screen

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.workbench = workbench
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(self.title)
        self.setAccessibleDescription(self.about)

    @property
    def is_seen(self) -> bool:
        """Whether anything of the panel is on the screen: behind another tab it is visible to Qt all the same."""
        return self.isVisible() and not self.visibleRegion().isEmpty()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show ``snapshot``; called at most some 30 times a second, only while the panel is seen."""

    def numbers(self) -> list[Row]:
        """Return what is shown as the rows of a table, the first of them its heading; empty where there is nothing."""
        return []

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        """Ask for the menu, unless a field of the panel has shown one of its own."""
        self.menu_wanted.emit(event.globalPos())

    def catch_up(self) -> None:
        """Look at what else has changed while the panel was not seen; called when it comes to the front."""

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``; called before the first snapshot and whenever they change."""

    def finish(self) -> None:
        """End what the panel does beside the window's thread; called when the window closes."""
