"""How far a wheel was turned."""

from PySide6.QtGui import QWheelEvent

NOTCH = 120  # eighths of a degree: one click of a wheel, as Qt counts it


class Wheel:
    """Counts whole notches, also of wheels and pads that turn by less at a time."""

    def __init__(self) -> None:
        self._turned = 0

    def notches(self, event: QWheelEvent) -> int:
        """Return how many notches ``event`` completes, up counting positive; what is left over counts with the next."""
        self._turned += event.angleDelta().y()
        notches = int(self._turned / NOTCH)
        self._turned -= notches * NOTCH
        return notches

    def forget(self) -> None:
        """Leave out what was turned so far."""
        self._turned = 0
