"""Keys that belong to the control that has the focus, not to the window; and where a key takes the focus."""

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QAbstractSpinBox, QApplication, QComboBox, QWidget

_ARROWS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down)


def keep_key_for_focus(event: QEvent) -> bool:
    """Claim a key for the focused control if the window's single-key actions would take what it needs.

    Before an action gets a key Qt asks the focused widget, and those around it, whether they want it. Text fields say
    so for letters by themselves, but buttons do not for Space, nor sliders for the arrows, nor buttons that exclude
    each other.
    """
    if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
        return False
    focus, key = QApplication.focusWidget(), event.key()
    if key in _ARROWS:
        wanted = isinstance(focus, QAbstractSlider | QAbstractSpinBox | QComboBox) or is_one_of_several(focus)
    else:
        wanted = key == Qt.Key.Key_Space and isinstance(focus, QAbstractButton | QComboBox)
    if wanted:
        event.accept()
    return wanted


def is_one_of_several(widget: QWidget | None) -> bool:
    """Return whether this is a button of several of which one is down: Tab comes to that one, arrows to the others."""
    if not isinstance(widget, QAbstractButton) or not widget.isCheckable():
        return False
    return widget.autoExclusive() or (widget.group() is not None and widget.group().exclusive())


def first_stop(widget: QWidget) -> QWidget | None:
    """Return the first control within ``widget`` that Tab comes to; None where there is none."""
    stop = widget.nextInFocusChain()
    while stop is not widget:
        takes_tab = bool(stop.focusPolicy() & Qt.FocusPolicy.TabFocus)
        if takes_tab and widget.isAncestorOf(stop) and stop.isVisible() and stop.isEnabled():
            return stop
        stop = stop.nextInFocusChain()
    return None
