"""What can be operated in a window, found without a list."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QMenu,
    QScrollBar,
    QTabBar,
    QWidget,
)

CONTROLS = (QAbstractButton, QComboBox, QAbstractSpinBox, QAbstractSlider, QLineEdit, QAbstractItemView)


def is_ours(widget: QWidget) -> bool:
    """Return whether a widget is none of those that Qt puts into others."""
    if isinstance(widget, QScrollBar | QMenu) or widget.objectName().startswith("qt_"):
        return False
    parents = []
    while (parent := widget.parentWidget()) is not None:
        parents.append(parent)
        widget = parent
    return not any(isinstance(each, QAbstractSpinBox | QComboBox | QTabBar) for each in parents)


def takes(widget: QWidget, event: str) -> bool:
    """Return whether a class of this program, not of Qt, handles an ``event`` of ``widget``."""
    return any(event in kind.__dict__ for kind in type(widget).__mro__ if kind.__module__.startswith("cnnviz"))


def controls(widget: QWidget) -> list[QWidget]:
    """Return all that can be operated in ``widget``."""
    everything = [each for each in widget.findChildren(QWidget) if is_ours(each)]
    return [
        each
        for each in everything
        if isinstance(each, CONTROLS)
        or takes(each, "mousePressEvent")
        or takes(each, "keyPressEvent")
        or (each.focusPolicy() & Qt.FocusPolicy.TabFocus and takes(each, "paintEvent"))
    ]


def described(control: QWidget) -> str:
    """Return kind and name of a control, for messages."""
    return f"{type(control).__name__} {control.accessibleName() or control.objectName()!r}"
