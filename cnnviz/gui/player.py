"""Going through numbered pictures: one by one, or at a pace, forwards or backwards."""

from PySide6.QtCore import QObject, QTimer, Signal, Slot


class Player(QObject):
    """Knows which of ``count`` pictures is shown.

    Attributes
    ----------
    count : int
    position : int
        From 0; 0 also where there are no pictures.
    direction : int
        1 while it plays forwards, -1 while backwards, 0 at rest.
    """

    moved = Signal()  # to another picture, or to others
    turned = Signal()  # another direction

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.count = self.position = self.direction = 0
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._advance)
        self.set_pace(1.0)

    @property
    def last(self) -> int:
        """The number of the last picture."""
        return max(self.count - 1, 0)

    def load(self, count: int) -> None:
        """Begin with the first of ``count`` pictures, at rest."""
        self.pause()
        self.count, self.position = count, 0
        self.moved.emit()

    def go_to(self, position: int) -> None:
        """Show the picture at ``position``, or the nearest that there is."""
        position = min(max(position, 0), self.last)
        if position != self.position:
            self.position = position
            self.moved.emit()

    @Slot()
    def forward(self) -> None:
        """Rest at the next picture."""
        self.pause()
        self.go_to(self.position + 1)

    @Slot()
    def back(self) -> None:
        """Rest at the picture before."""
        self.pause()
        self.go_to(self.position - 1)

    @Slot()
    def to_first(self) -> None:
        """Rest at the first picture."""
        self.pause()
        self.go_to(0)

    @Slot()
    def to_last(self) -> None:
        """Rest at the last picture."""
        self.pause()
        self.go_to(self.last)

    def set_pace(self, per_second: float) -> None:
        """Play so many pictures a second."""
        self._timer.setInterval(round(1000 / per_second))

    @Slot()
    def toggle(self) -> None:
        """Play, or pause where it plays; at the end from the beginning on."""
        self._toggle(1)

    @Slot()
    def toggle_backwards(self) -> None:
        """Play backwards, or pause where it does; at the beginning from the end on."""
        self._toggle(-1)

    def _toggle(self, direction: int) -> None:
        if self.direction == direction or self.count < 2:
            self.pause()
            return
        if self.position == (self.last if direction > 0 else 0):
            self.go_to(0 if direction > 0 else self.last)
        self._turn(direction)
        self._timer.start()

    @Slot()
    def pause(self) -> None:
        """Rest where it is."""
        self._timer.stop()
        self._turn(0)

    def _turn(self, direction: int) -> None:
        if direction != self.direction:
            self.direction = direction
            self.turned.emit()

    @Slot()
    def _advance(self) -> None:
        self.go_to(self.position + self.direction)
        if self.position in (0, self.last):
            self.pause()
