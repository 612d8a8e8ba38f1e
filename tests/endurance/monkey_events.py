"""Mouse and keys, as the window system reports them: to a window, so that Qt itself finds the widget that gets them.

A window may go with the press of a key or a button. Widgets of Qt's own making have to be looked up again after each
event: what stands for one in Python does not learn that it was deleted.
"""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QCursor, QGuiApplication, QKeyEvent, QWindow
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def is_there(window: QWindow) -> bool:
    """Return whether Qt still has this window."""
    return any(each is window for each in QGuiApplication.allWindows())


def is_alive(widget: QWidget) -> bool:
    """Return whether Qt still has this widget."""
    return any(each is widget for each in QApplication.allWidgets())


def click(window: QWindow, place: QPoint, button: Qt.MouseButton = LEFT, keys: Qt.KeyboardModifier = NONE) -> None:
    """Press and let go."""
    drag(window, [place], button, keys)


def double_click(window: QWindow, place: QPoint) -> None:
    """Click twice."""
    click(window, place)
    if is_there(window):
        QTest.mouseDClick(window, LEFT, NONE, place)


def drag(
    window: QWindow, way: Sequence[QPoint], button: Qt.MouseButton = LEFT, keys: Qt.KeyboardModifier = NONE
) -> None:
    """Press at the first point, go along all others, and let go at the last; elsewhere, where the window goes."""
    QCursor.setPos(window.mapToGlobal(way[0]))  # a menu compares with it whether the mouse has moved since it opened
    QTest.mousePress(window, button, keys, way[0])
    for point in way[1:]:
        if is_there(window):
            QTest.mouseMove(window, point)
    rest = [window] if is_there(window) else QGuiApplication.topLevelWindows()[:1]
    for other in rest:
        QTest.mouseRelease(other, button, keys, way[-1])


def point_at(window: QWindow, place: QPoint) -> None:
    """Move the mouse there."""
    QTest.mouseMove(window, place)


def turn_wheel(window: QWindow, place: QPoint, angle: QPoint, keys: Qt.KeyboardModifier = NONE) -> None:
    """Turn the wheel by ``angle``, in eighths of a degree."""
    QTest.wheelEvent(window, QPointF(place), angle, QPoint(), keys)


def press_key(window: QWindow, key: Qt.Key, keys: Qt.KeyboardModifier = NONE) -> None:
    """Press a key and let it go; with modifiers, each of them before, at which a menu goes.

    A popup gets the keys of all windows, so that they can be sent to one that stays.
    """
    stays = window
    if window.type() in (Qt.WindowType.Popup, Qt.WindowType.ToolTip):
        windows = QGuiApplication.topLevelWindows()
        stays = next(each for each in windows if each.isVisible() and each.type() == Qt.WindowType.Window)
    if keys != NONE and stays.type() == Qt.WindowType.Dialog:  # which may end by itself while Qt's test library, that
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):  # presses one key after the other, works on it
            QApplication.sendEvent(stays, QKeyEvent(kind, key, keys))
        return
    QTest.keyPress(stays, key, keys)
    if is_there(stays):
        QTest.keyRelease(stays, key, keys)
