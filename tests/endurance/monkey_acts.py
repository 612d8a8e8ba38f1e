"""What the monkey does at random: events of mouse and keyboard at real places, so that Qt itself finds who gets them.

Whatever happens is decided by numbers drawn before, from a generator of the event's own, so that an event that finds
another window than in an earlier run leaves all later choices as they were.
"""

import random
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QPointF, QSize, Qt, QUrl
from PySide6.QtGui import (
    QAction,
    QCursor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
    QInputMethodEvent,
    QKeySequence,
    QWindow,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDockWidget,
    QLineEdit,
    QMenu,
    QTabBar,
    QWidget,
)

from cnnviz.gui.main_window import MainWindow
from cnnviz.gui.pad import Pad
from cnnviz.gui.theme import DARK, LIGHT
from tests.endurance.monkey_events import click, double_click, drag, is_there, point_at, press_key, turn_wheel
from tests.endurance.monkey_files import Zoo
from tests.gui.controls import controls, described

_TEXTS = (
    *("0", "1", "7", "-1", "0.001", "1e-4", "1e9", "100000", "nan", "inf", "-", "1.5.2", "0x10"),
    *("\u0663", "\u00e9\u00df", "  ", "9" * 30, "\u00e9" * 3000, "../../etc", "/absent"),
)
_KEYS = [
    *(getattr(Qt.Key, f"Key_{name}") for name in ("Left", "Right", "Up", "Down", "Home", "End", "PageUp", "PageDown")),
    *(getattr(Qt.Key, f"Key_{name}") for name in ("Space", "Return", "Enter", "Tab", "Backtab", "Backspace", "Delete")),
    *(getattr(Qt.Key, f"Key_{name}") for name in ("Escape", "F1", "F2", "F5", "F6", "F10", "F11", "Menu", "Plus")),
    *(getattr(Qt.Key, f"Key_{name}") for name in (*"0123456789", *"ABCEIKLMOQRTVYZ", "Minus", "Comma", "Period")),
]
_MODIFIERS = (
    *[Qt.KeyboardModifier.NoModifier] * 4,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ShiftModifier,
)
_BUTTONS = (*[Qt.MouseButton.LeftButton] * 6, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton)
_SIZES = ((1366, 768), (1920, 1080), (1024, 600), (800, 480), (3000, 500), (500, 1400), (1366, 768))

Act = Callable[[random.Random], str]


class Hands:
    """Does one random thing after the other to the window, and says what.

    Parameters
    ----------
    window : MainWindow
    zoo : Zoo
    """

    def __init__(self, window: MainWindow, zoo: Zoo) -> None:
        self._window = window
        self._zoo = zoo
        self._touch_screen = QTest.createTouchDevice()
        self._acts: list[tuple[float, Act]] = [
            (24, self._click),
            (5, self._double_click),
            (8, self._drag),
            (8, self._draw),
            (8, self._wheel),
            (6, self._point),
            (14, self._press_key),
            (8, self._press_shortcut),
            (5, self._type),
            (4, self._choose),
            (5, self._trigger),
            (4, self._drag_dock),
            (2, self._move_dock),
            (2, self._show_or_hide_dock),
            (2, self._resize),
            (1, self._change_state),
            (2, self._drop),
            (2, self._fill_clipboard),
            (1, self._change_theme),
            (2, self._touch),
            (4, self._go_on),
            (0.1, self._end_training_process),
        ]

    def do(self, rng: random.Random) -> str:
        """Do something, and return what that was."""
        popup, modal = QApplication.activePopupWidget(), QApplication.activeModalWidget()
        if (popup or modal) and rng.random() < 0.25:  # lest all time be spent in dialogs
            return self._send_key(popup or modal, Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier)
        weights, acts = zip(*self._acts, strict=True)
        return rng.choices(acts, weights)[0](rng)

    # The mouse

    def _click(self, rng: random.Random) -> str:
        spot, button = self._spot(rng), rng.choice(_BUTTONS)
        click(spot.handle, spot.position, button, rng.choice(_MODIFIERS))
        return f"click {button.name} {spot.name}"

    def _double_click(self, rng: random.Random) -> str:
        spot = self._spot(rng)
        double_click(spot.handle, spot.position)
        return f"double click {spot.name}"

    def _point(self, rng: random.Random) -> str:
        spot = self._spot(rng)
        QCursor.setPos(spot.handle.mapToGlobal(spot.position))
        point_at(spot.handle, spot.position)
        return f"point {spot.name}"

    def _wheel(self, rng: random.Random) -> str:
        spot = self._spot(rng)
        turn = QPoint(rng.choice((0, 0, 0, 120, -120)), rng.choice((120, -120, 30, -30, 1200, -1200)))
        turn_wheel(spot.handle, spot.position, turn, rng.choice(_MODIFIERS))
        return f"wheel {spot.name}"

    def _drag(self, rng: random.Random) -> str:
        spot = self._spot(rng)
        way = [QPoint(rng.randint(-60, 60), rng.randint(-60, 60)) for _ in range(rng.randint(1, 6))]
        drag(spot.handle, [spot.position, *(spot.position + each for each in way)], rng.choice(_BUTTONS))
        return f"drag {spot.name}"

    def _draw(self, rng: random.Random) -> str:
        pad = rng.choice([each for each in self._window.findChildren(Pad) if each.isVisible()] or [self._window])
        corners = [(rng.random(), rng.random()) for _ in range(rng.randint(1, 12))]
        window = QWidget.window(pad)
        way = [pad.mapTo(window, QPoint(int(x * pad.width()), int(y * pad.height()))) for x, y in corners]
        drag(window.windowHandle(), way)
        return f"draw {len(way)} points"

    def _touch(self, rng: random.Random) -> str:
        spot, fingers = self._spot(rng), rng.randint(1, 2)
        way = [QPoint(rng.randint(-40, 40), rng.randint(-40, 40)) for _ in range(rng.randint(1, 4))]
        places = [spot.position, *(spot.position + each for each in way)]
        kinds = ["press", *["move"] * (len(places) - 2), "release"]
        for kind, place in zip(kinds, places, strict=True):
            if is_there(spot.handle):
                sequence = QTest.touchEvent(spot.handle, self._touch_screen, False)
                for finger in range(fingers):
                    getattr(sequence, kind)(finger, place + QPoint(30 * finger, 0), spot.handle)
                sequence.commit()
        return f"touch {spot.name}"

    # The keyboard

    def _press_key(self, rng: random.Random) -> str:
        key, modifiers, window = rng.choice(_KEYS), rng.choice(_MODIFIERS), self._arena(rng)
        return self._send_key(window, key, modifiers)

    def _press_shortcut(self, rng: random.Random) -> str:
        shortcuts = [each.shortcut() for each in self._window.findChildren(QAction) if not each.shortcut().isEmpty()]
        keys = rng.choice([each for each in shortcuts if each != QKeySequence(QKeySequence.StandardKey.Quit)])
        combination = keys[0]
        return self._send_key(self._arena(rng), combination.key(), combination.keyboardModifiers())

    def _type(self, rng: random.Random) -> str:
        text, window = rng.choice(_TEXTS), self._arena(rng)
        fields = [
            each for each in controls(window) if each.isVisible() and isinstance(each, QLineEdit | QAbstractSpinBox)
        ]
        if not fields:
            return f"type {text[:20]!r}: no field"
        field = rng.choice(fields)
        field.setFocus()
        QTest.keySequence(window, QKeySequence(QKeySequence.StandardKey.SelectAll))
        if text.isascii():
            QTest.keyClicks(field, text[:40])
        else:  # which keyboards have no key for
            entry = QInputMethodEvent()
            entry.setCommitString(text)
            QApplication.sendEvent(field, entry)
        name = described(field)
        press_key(window.windowHandle(), rng.choice((Qt.Key.Key_Return, Qt.Key.Key_Tab)))
        return f"type {text[:20]!r} into {name}"

    def _send_key(self, window: QWidget, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> str:
        kind = type(window).__name__
        if handle := window.windowHandle():
            press_key(handle, key, modifiers)
        return f"key {modifiers.name} {Qt.Key(key).name} in {kind}"

    # Choices

    def _choose(self, rng: random.Random) -> str:
        """Choose an entry of a list, as with its popup, of which there are many: data, presets, test digits."""
        combos = [each for each in self._arena(rng).findChildren(QComboBox) if each.isVisible() and each.isEnabled()]
        share = rng.random()
        if not combos:
            return "choose: no list"
        combo = rng.choice(combos)
        index = int(share * combo.count())
        combo.setCurrentIndex(index)
        combo.activated.emit(index)
        return f"choose {index} of {described(combo)}"

    def _trigger(self, rng: random.Random) -> str:
        actions = [
            each for each in self._window.menuBar().findChildren(QAction) if each.isEnabled() and not each.menu()
        ]
        action = rng.choice(actions)
        if QApplication.activeModalWidget() is None:
            action.trigger()
        return f"action {action.text()!r}"

    def _go_on(self, rng: random.Random) -> str:
        """Train, or begin anew where a run has ended, so that what follows happens during training."""
        workbench = self._window._workbench
        if workbench.is_running:
            return "go on"
        keys = rng.choice((Qt.Key.Key_Space, Qt.Key.Key_R))
        self._window.drawing.pad.setFocus()
        self._send_key(self._window, keys, Qt.KeyboardModifier.NoModifier)
        workbench.train()
        return "train"

    def _end_training_process(self, rng: random.Random) -> str:
        """Kill it, as a system without memory does."""
        thread = self._window._workbench._thread
        if thread is not None:
            thread.engine._process.kill()
        return "the training process is killed"

    # Docks and windows

    def _drag_dock(self, rng: random.Random) -> str:
        docks = [each for each in self._window.docks.values() if each.isVisible()]
        goal = QPointF(rng.random() * 1.1, rng.random() * 1.1)
        if not docks:
            return "drag dock: none is there"
        dock = rng.choice(docks)
        window = QWidget.window(dock)
        start = dock.titleBarWidget().mapTo(window, QPoint(30, 8))
        area = self._window
        end = window.mapFromGlobal(
            area.mapToGlobal(QPoint(int(goal.x() * area.width()), int(goal.y() * area.height())))
        )
        drag(
            window.windowHandle(), [start + (end - start) * (step / 8) for step in range(9)], Qt.MouseButton.LeftButton
        )
        return f"drag dock {dock.objectName()}"

    def _move_dock(self, rng: random.Random) -> str:
        first, second = rng.sample(list(self._window.docks.values()), 2)
        kind = rng.randrange(4)
        if kind == 0:
            self._window.tabifyDockWidget(first, second)
        elif kind == 1:
            self._window.splitDockWidget(first, second, rng.choice(list(Qt.Orientation)))
        elif kind == 2:
            first.setFloating(not first.isFloating())
        else:
            area = rng.choice((Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea))
            self._window.addDockWidget(area, first)
        return f"move dock {first.objectName()} {kind} {second.objectName()}"

    def _show_or_hide_dock(self, rng: random.Random) -> str:
        dock: QDockWidget = rng.choice(list(self._window.docks.values()))
        rng.choice((dock.close, dock.show, dock.show, dock.raise_, dock.toggleViewAction().trigger))()
        return f"show or hide {dock.objectName()}"

    def _resize(self, rng: random.Random) -> str:
        size, window = QSize(*rng.choice(_SIZES)), self._arena(rng)
        window.resize(size)
        return f"resize {type(window).__name__} {size.width()}x{size.height()}"

    def _change_state(self, rng: random.Random) -> str:
        show = rng.choice((self._window.showMinimized, self._window.showMaximized, self._window.showFullScreen))
        show()
        if show != self._window.showMinimized or rng.random() < 0.7:
            self._window.showNormal()
        return f"state {show.__name__}"

    # From outside

    def _drop(self, rng: random.Random) -> str:
        data, what = self._data(rng)
        place = QPoint(int(rng.random() * self._window.width()), int(rng.random() * self._window.height()))
        rest = (data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
        entering = QDragEnterEvent(place, Qt.DropAction.CopyAction | Qt.DropAction.MoveAction, *rest)
        QApplication.sendEvent(self._window, entering)
        if rng.random() < 0.3:
            QApplication.sendEvent(self._window, QDragLeaveEvent())
            return f"drag {what} over"
        if entering.isAccepted():
            dropping = QDropEvent(QPointF(place), Qt.DropAction.CopyAction | Qt.DropAction.MoveAction, *rest)
            QApplication.sendEvent(self._window, dropping)
        return f"drop {what}"

    def _fill_clipboard(self, rng: random.Random) -> str:
        data, what = self._data(rng)
        QGuiApplication.clipboard().setMimeData(data)
        if rng.random() < 0.6:
            self._send_key(self._window, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
        return f"clipboard {what}"

    def _data(self, rng: random.Random) -> tuple[QMimeData, str]:
        data, kind, path = QMimeData(), rng.randrange(5), Path(rng.choice(self._zoo.files))
        if kind == 0:
            data.setImageData(QImage(str(rng.choice(self._zoo.pictures))))
        elif kind == 1:
            data.setUrls([QUrl.fromLocalFile(str(path))])
        elif kind == 2:
            data.setUrls([QUrl("http://127.0.0.1:9/7.png"), QUrl("file:")])
        elif kind == 3:
            data.setText(rng.choice(_TEXTS))
        else:
            data.setData("application/x-qt-image", b"no image")
        return data, f"{('image', 'file', 'address', 'text', 'rubbish')[kind]} {path.name[:40] if kind == 1 else ''}"

    def _change_theme(self, rng: random.Random) -> str:
        theme = rng.choice((DARK, LIGHT))
        self._window.apply_theme(theme)
        return "theme"

    # Where

    def _arena(self, rng: random.Random) -> QWidget:
        """Return the window that a person would turn to: a popup, a dialog that wants an answer, or any."""
        share, chance = rng.random(), rng.random()
        front = QApplication.activePopupWidget() or QApplication.activeModalWidget()
        if front is not None and chance < 0.9:
            return front
        windows = [each for each in QApplication.topLevelWidgets() if each.isVisible() and each.windowHandle()]
        others = sorted((each for each in windows if each is not self._window), key=described)
        return self._window if share < 0.7 or not others else others[int((share - 0.7) / 0.3 * len(others))]

    def _spot(self, rng: random.Random) -> "Spot":
        window = self._arena(rng)
        x, y, share, anywhere = (rng.random() for _ in range(4))
        operable = [] if anywhere < 0.15 else _operable(window)
        widget = operable[int(share * len(operable))] if operable else window
        area = widget.visibleRegion().boundingRect()
        place = widget.mapTo(window, area.topLeft() + QPoint(int(x * area.width()), int(y * area.height())))
        return Spot(window.windowHandle(), place, described(widget))


class Spot:
    """A place in a window.

    Attributes
    ----------
    handle : QWindow
    position : QPoint
    name : str
        Of the control that is there.
    """

    def __init__(self, handle: QWindow, position: QPoint, name: str) -> None:
        self.handle, self.position, self.name = handle, position, name


def _operable(window: QWidget) -> list[QWidget]:
    if isinstance(window, QMenu):
        return []
    kinds = QTabBar | QMenu | QAbstractItemView
    extra = [each for each in window.findChildren(QWidget) if isinstance(each, kinds) and not each.isWindow()]
    return [each for each in [*controls(window), *extra] if each.isVisible() and QWidget.window(each) is window]
