"""Keys that belong to the control that has the focus, not to the window."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox

_ARROWS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down)


class KeyGuard(QObject):
    """Keeps the window's single-key actions from taking what a focused control needs.

    Qt asks every focused widget whether it wants a key for itself before an action gets it; text fields say so for
    letters, but buttons do not for Space, nor sliders for the arrows.
    """

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Claim Space for buttons, arrows for sliders and number fields, and all letters for lists."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            wanted = (
                (isinstance(watched, QAbstractButton | QComboBox) and event.key() == Qt.Key.Key_Space)
                or (isinstance(watched, QAbstractSlider | QAbstractSpinBox | QComboBox) and event.key() in _ARROWS)
                or (isinstance(watched, QAbstractItemView) and not event.modifiers())
            )
            if wanted:
                event.accept()
                return True
        return False
