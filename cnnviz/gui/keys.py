"""Keys that belong to the control that has the focus, not to the window."""

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QAbstractSpinBox, QApplication, QComboBox

_ARROWS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down)


def keep_key_for_focus(event: QEvent) -> bool:
    """Claim a key for the focused control if the window's single-key actions would take what it needs.

    Before an action gets a key Qt asks the focused widget, and those around it, whether they want it. Text fields say
    so for letters by themselves, but buttons do not for Space, nor sliders for the arrows.
    """
    if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
        return False
    focus, key = QApplication.focusWidget(), event.key()
    wanted = (isinstance(focus, QAbstractButton | QComboBox) and key == Qt.Key.Key_Space) or (
        isinstance(focus, QAbstractSlider | QAbstractSpinBox | QComboBox) and key in _ARROWS
    )
    if wanted:
        event.accept()
    return wanted
