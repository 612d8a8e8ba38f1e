"""A button that walks through a table, cell by cell."""

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QPushButton

from cnnviz.gui.number_grid import NumberGrid

PACE_MS = 800  # at each cell


class PlayButton(QPushButton):
    """Moves the cursor of a table on until its last cell; a second press stops it."""

    def __init__(self, grid: NumberGrid) -> None:
        super().__init__("&Play")
        self._grid = grid
        self._timer = QTimer(self)
        self._timer.setInterval(PACE_MS)
        self._timer.timeout.connect(self.advance)
        self.setAutoDefault(False)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName("Play")
        self.setToolTip("Go through all positions, one after the other (Alt+P)")
        self.clicked.connect(self._toggle)

    @Slot()
    def _toggle(self) -> None:
        if self._timer.isActive():
            self.stop()
            return
        self._grid.move_to((0, 0))
        self._timer.start()
        self.setText("Sto&p")

    @Slot()
    def advance(self) -> None:
        """Go to the next cell, or stop at the last."""
        rows, columns = self._grid.values.shape
        following = self._grid.cursor[0] * columns + self._grid.cursor[1] + 1
        if following == rows * columns:
            self.stop()
        else:
            self._grid.move_to(divmod(following, columns))

    def stop(self) -> None:
        """Stay where it is."""
        self._timer.stop()
        self.setText("&Play")

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Stop: nobody watches."""
        self.stop()
