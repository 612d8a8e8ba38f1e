"""Each control once: found without a list, operated by mouse and keys, in the window and in whatever opens from it."""

from collections.abc import Callable, Iterator

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QWindow
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QDockWidget,
    QLineEdit,
    QMenu,
    QTabBar,
    QWidget,
)

from cnnviz.explain.places import Weight
from cnnviz.gui.main_window import MainWindow
from cnnviz.gui.panels.movie import MoviePanel
from cnnviz.training.config import TrainingConfig
from tests.endurance.monkey_events import LEFT, click, double_click, is_alive, point_at, press_key, turn_wheel
from tests.gui.controls import controls, described

Step = tuple[str, Callable[[], object]]  # what it does, in words, and doing it

WAIT: Step = ("wait", lambda: None)

_LARGE = "keras"
_LOOKS = 2000  # milliseconds, or steps, until what has been begun is there
_MOST_TIMES = 40  # that one control is operated, for what its menu holds
_PATIENCE = 20  # steps to wait for a window that was told to close


class Sweep:
    """Operates everything once. Who iterates over it takes the steps, each with the event loop run after it.

    Attributes
    ----------
    done : set of str
        What was operated.
    missed : dict of str
        What was seen but could not be operated, and why.
    """

    def __init__(self, window: MainWindow, small: TrainingConfig) -> None:
        """``small`` are the settings of a run on few images."""
        self._window = window
        self._small = small
        self.done: set[str] = set()
        self.missed: dict[str, str] = {}

    def __iter__(self) -> Iterator[Step]:
        for prepare in (self._begin, self._fill, self._nudge, self._record, self._draw):
            yield from prepare()
            yield "the layout", self._window.reset_layout
            for dock in self._window.docks.values():
                yield from prepare()  # what other panels have undone
                yield f"show {dock.objectName()}", dock.show
                yield f"raise {dock.objectName()}", dock.raise_
                yield from _while_there(self._operate_all(dock))
            yield from _while_there(self._operate_all(self._window))
            for action in self._actions(self._window.menuBar()):
                yield from _while_there(self._operate_action(action))

    # What has to be there for some controls to be seen

    def _begin(self) -> Iterator[Step]:
        workbench = self._window._workbench
        if workbench.snapshot is None or not workbench.is_running:
            yield from self._run_of(self._small)
            yield "train", workbench.train

    def _fill(self) -> Iterator[Step]:
        """Keep some digits, have two tests, and a network with two pooling layers and more channels than fit."""
        if self._window._workbench.config.preset != _LARGE:
            config = TrainingConfig.from_preset(_LARGE, self._small.dataset)
            yield from self._run_of(config)
            for tests in (1, 2):
                yield "step", self._window._workbench.step
                yield "test", self._window._workbench.evaluate
                yield from self._until(lambda tests=tests: self._tests() >= tests)
        drawing = self._window.drawing
        for digit in range(4 if len(self._window._workbench.own_digits.digits) < 2 else 0):
            stroke = np.array([[0.2, 0.2], [0.8, 0.2 + digit / 10], [0.4, 0.9]])
            yield "strokes", lambda stroke=stroke: drawing.pad.lay_strokes([stroke])
            yield f"it is a {digit}", lambda digit=digit: drawing.label_drawing(digit)

    def _nudge(self) -> Iterator[Step]:
        """Look into two weights, one after the other, and change the second."""
        workbench = self._window._workbench
        if workbench.nudge is None:
            yield from self._run_of(self._small)
            for index in ((0, 0, 1, 1), (1, 0, 2, 2)):
                yield "a weight", lambda index=index: workbench.choose(Weight("conv1", "weight", index))
                yield "up", lambda: workbench.nudge_by(1)

    def _record(self) -> Iterator[Step]:
        """Record a step."""
        movie = self._window.panels[MoviePanel.name]
        if movie.movie is None or movie.is_behind:
            yield from self._run_of(self._small)
            yield "record", movie.record_step
            yield from self._until(lambda: movie.movie is not None and not movie.is_behind)

    def _draw(self) -> Iterator[Step]:
        """Have something on the pad, and a network that has learnt nothing yet, which no number is chosen of."""
        snapshot = self._window._workbench.snapshot
        if snapshot is None or snapshot.step or self._window.drawing.pad.is_empty:
            yield from self._run_of(self._small)
            yield "strokes", lambda: self._window.drawing.pad.lay_strokes([np.array([[0.2, 0.2], [0.8, 0.7]])])
        yield "no number", lambda: self._window._workbench.choose(None)

    def _run_of(self, config: TrainingConfig) -> Iterator[Step]:
        workbench = self._window._workbench
        yield "a run", lambda: workbench.start_run(config)
        yield from self._until(lambda: workbench.snapshot is not None)

    def _until(self, condition: Callable[[], bool]) -> Iterator[Step]:
        for _ in range(_LOOKS):
            if condition():
                return
            yield WAIT

    def _tests(self) -> int:
        snapshot = self._window._workbench.snapshot
        return len(snapshot.history.tests) if snapshot else 0

    # Operating

    def _operate_all(self, root: QWidget) -> Iterator[Step]:
        """Operate all in ``root`` that has not been; what this brings up comes next, and what it takes away is left."""
        while (control := self._next_in(root)) is not None:
            self.done.add(_name(control))
            self.missed.pop(_name(control), None)
            yield from _while_there(self._operate(control))
            yield from self._leave_others(root)

    def _next_in(self, root: QWidget) -> QWidget | None:
        found = [*controls(root), *root.findChildren(QTabBar)] if is_alive(root) else []
        for control in found:
            if _name(control) in self.done or _window(control) is not _window(root):
                continue
            if control.isVisible() and control.isEnabled() and not control.visibleRegion().isEmpty():
                return control
            self.missed[_name(control)] = _obstacle(control)
        return None

    def _operate(self, control: QWidget) -> Iterator[Step]:
        name = _name(control)
        if isinstance(control, QTabBar):
            for index in range(control.count()):
                yield f"tab {index} of {name}", lambda index=index: _click_tab(control, index)
            return
        yield f"point at {name}", lambda: point_at(_handle(control), _place(control))
        yield f"wheel over {name}", lambda: _turn(control)
        if isinstance(control, QAbstractButton):
            yield f"click {name}", lambda: _click(control)
            return
        yield f"click {name}", lambda: _click(control)
        for key in (Qt.Key.Key_Down, Qt.Key.Key_Return) if isinstance(control, QComboBox) else ():
            yield f"key in {name}", lambda key=key: _press(QApplication.activePopupWidget() or control, key)
        if isinstance(control, QLineEdit | QAbstractSpinBox):
            yield f"type into {name}", lambda: _type(control, "3")
        if isinstance(control, QAbstractSlider | QAbstractItemView | QAbstractSpinBox):
            yield f"key in {name}", lambda: _press(control, Qt.Key.Key_Down)
        if not isinstance(control, QComboBox | QAbstractSlider | QLineEdit | QAbstractSpinBox):
            yield f"double click {name}", lambda: double_click(_handle(control), _place(control))
            yield from self._operate_menu_of(control)

    def _operate_menu_of(self, control: QWidget) -> Iterator[Step]:
        """Open the context menu again and again, for one of its entries each time."""
        for _ in range(_MOST_TIMES):
            yield f"right click {_name(control)}", lambda: _click(control, button=Qt.MouseButton.RightButton)
            menu = QApplication.activePopupWidget()
            if not isinstance(menu, QMenu):
                return
            owner = menu.accessibleName() or f"Menu of {_name(control)}"
            action = next((each for each in self._actions(menu) if f"{owner}: {each.text()}" not in self.done), None)
            if action is None:
                yield "close the menu", menu.close
                return
            yield from self._operate_action(action, owner)
            yield from self._leave_others(_window(control))

    def _operate_action(self, action: QAction, owner: str = "menu") -> Iterator[Step]:
        name = f"{owner}: {action.text()}"
        if name in self.done:
            return
        if owner != "menu" or action.isEnabled():
            self.done.add(name)
        if not action.isEnabled():
            if not _is_title(action):
                self.missed[name] = "disabled"
            return
        self.missed.pop(name, None)
        yield f"action {name}", action.trigger
        if owner != "menu":
            yield "close the menu", lambda: _close(QApplication.activePopupWidget())
        yield from self._leave_others(self._window)

    def _actions(self, root: QWidget) -> list[QAction]:
        """Return all entries of a menu and the menus below it, or of the menu bar."""
        found = []
        for action in root.actions():
            if action.menu() is not None:
                found += self._actions(action.menu())
            elif action.text() and action.isVisible() and not action.isSeparator():
                found.append(action)
        return found

    def _leave_others(self, root: QWidget) -> Iterator[Step]:
        """Operate what has opened since, and close it again."""
        while (other := self._other_than(root)) is not None:
            if not isinstance(other, QMenu) and other.windowType() != Qt.WindowType.Popup:
                yield from self._operate_all(other)
            for _ in range(_PATIENCE):
                if not is_alive(other) or not other.isVisible():
                    break
                yield f"Esc in {type(other).__name__}", lambda other=other: _press(other, Qt.Key.Key_Escape)
            else:
                yield f"close {type(other).__name__}", lambda other=other: _close(other)

    def _other_than(self, root: QWidget) -> QWidget | None:
        if (popup := QApplication.activePopupWidget()) is not None:
            return popup
        modal = QApplication.activeModalWidget()
        if modal is not None and is_alive(root) and modal is not _window(root):
            return modal
        dialogs = [each for each in QApplication.topLevelWidgets() if isinstance(each, QDialog) and each.isVisible()]
        below = [each for each in dialogs if is_alive(root) and each is not _window(root) and each is not modal]
        return below[0] if below and (not is_alive(root) or _window(root) is self._window) else None


def _while_there(steps: Iterator[Step]) -> Iterator[Step]:
    """Take steps until what they operate is gone."""
    try:
        yield from steps
    except RuntimeError as error:
        if "already deleted" not in str(error):
            raise


def _name(control: QWidget) -> str:
    text = f" {control.text()!r}" if isinstance(control, QAbstractButton) and not control.accessibleName() else ""
    return f"{_place_name(control)}: {described(control)}{text}"


def _place_name(control: QWidget) -> str:
    """Return the panel or window that ``control`` belongs to, wherever that has been put."""
    place = control
    while not (place.isWindow() or isinstance(place, QDockWidget)):
        place = place.parentWidget()
    return place.windowTitle() or type(place).__name__


def _is_title(action: QAction) -> bool:
    """Return whether this is no entry, but says what the entries of a menu are about: which number."""
    return action in action.associatedObjects()[0].actions()[:1]


def _obstacle(control: QWidget) -> str:
    if not control.isEnabled():
        return "disabled"
    return "hidden" if not control.isVisible() else "out of sight"


def _window(widget: QWidget) -> QWidget:
    return QWidget.window(widget)  # some widgets have something else under this name


def _place(control: QWidget, position: QPoint | None = None) -> QPoint:
    center = control.visibleRegion().boundingRect().center() if position is None else position
    return control.mapTo(_window(control), center)


def _click(control: QWidget, position: QPoint | None = None, button: Qt.MouseButton = LEFT) -> None:
    click(_handle(control), _place(control, position), button)


def _click_tab(bar: QTabBar, index: int) -> None:
    if is_alive(bar) and index < bar.count():
        _click(bar, bar.tabRect(index).center())


def _turn(control: QWidget) -> None:
    turn_wheel(_handle(control), _place(control), QPoint(0, 120))


def _press(widget: QWidget, key: Qt.Key) -> None:
    if handle := _handle(widget):
        press_key(handle, key)


def _type(field: QWidget, text: str) -> None:
    field.setFocus()
    QTest.keyClicks(field, text)
    press_key(_handle(field), Qt.Key.Key_Return)


def _close(widget: QWidget | None) -> None:
    if widget is not None and is_alive(widget):
        widget.close()


def _handle(widget: QWidget) -> QWindow | None:
    return _window(widget).windowHandle()
