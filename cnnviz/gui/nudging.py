"""What a number is nudged with: a field to type and step in, and a name to pull at."""

from PySide6.QtCore import QEvent, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QMouseEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractSpinBox, QWidget

from cnnviz.gui.fields import settle
from cnnviz.gui.readout import Readout
from cnnviz.gui.tiles import number
from cnnviz.gui.wheel import NOTCH

PIXELS_PER_NOTCH = 12.0  # of the mouse
FINE, COARSE = 0.1, 10.0  # notches, with Shift and with Ctrl
_DIRECTIONS = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}


def fineness(modifiers: Qt.KeyboardModifier) -> float:
    """Return how many notches one step is: fewer with Shift, more with Ctrl."""
    if modifiers & Qt.KeyboardModifier.ShiftModifier:
        return FINE
    return COARSE if modifiers & Qt.KeyboardModifier.ControlModifier else 1.0


def wheel_notches(event: QWheelEvent) -> float:
    """Return how many notches a wheel was turned; with some modifiers it is said to have been turned sideways."""
    delta = event.angleDelta()
    return (delta.y() or delta.x()) / NOTCH * fineness(event.modifiers())


class ValueField(QAbstractSpinBox):
    """A number with four digits, whatever its size; Up and Down nudge it."""

    nudged = Signal(float)  # by so many notches
    typed = Signal(float)  # another value

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value = 0.0
        self._is_edited = False  # of its own: with Enter Qt forgets that a text was modified before it says so
        self.setProperty("role", "compact")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        settle(self)
        self.lineEdit().textEdited.connect(self._note_edit)
        self.editingFinished.connect(self._take)

    def show_value(self, value: float) -> None:
        """Show ``value``, unless somebody is typing another one."""
        self._value = value
        text = number(value)
        if not self._is_edited and self.lineEdit().text() != text:
            self.lineEdit().setText(text)

    @Slot()
    def _note_edit(self) -> None:
        self._is_edited = True

    @Slot()
    def _take(self) -> None:
        if not self._is_edited:
            return
        text, self._is_edited = self.lineEdit().text(), False
        self.lineEdit().setText(number(self._value))  # what comes of it is shown as soon as it is there
        try:
            value = float(text.replace("\u2212", "-").replace(",", "."))
        except ValueError:
            return
        self.typed.emit(value)

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:  # noqa: N802
        """Allow both directions."""
        return QAbstractSpinBox.StepEnabledFlag.StepUpEnabled | QAbstractSpinBox.StepEnabledFlag.StepDownEnabled

    def stepBy(self, steps: int) -> None:  # noqa: N802
        """Nudge by so many notches; as page keys and screen readers ask for it."""
        self.nudged.emit(float(steps))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Nudge with Up and Down, finer with Shift and coarser with Ctrl; Escape forgets what was typed."""
        if event.key() == Qt.Key.Key_Escape and self._is_edited:
            self._is_edited = False
            self.show_value(self._value)
        elif event.key() in _DIRECTIONS:
            self.nudged.emit(_DIRECTIONS[event.key()] * fineness(event.modifiers()))
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Claim Escape while something is typed, which would otherwise restore the number."""
        if event.type() == QEvent.Type.ShortcutOverride and event.key() == Qt.Key.Key_Escape and self._is_edited:
            event.accept()
            return True
        return super().event(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Leave the wheel to the whole bar."""
        event.ignore()


class DragName(Readout):
    """The name of a number, to be pulled to the right or the left for as long as the button is down."""

    pulled = Signal(float)  # so many notches further
    released = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._names = ("", "")
        self._grip: QPoint | None = None
        self._has_pulled = False
        self.setCursor(Qt.CursorShape.SizeHorCursor)

    def show_name(self, name: str, short: str) -> None:
        """Show ``name``, or, where there is no room for it, ``short``."""
        self._names = (name, short)
        self.setAccessibleDescription(name)
        self._write()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Take the name that fits."""
        super().resizeEvent(event)
        self._write()

    def _write(self) -> None:
        texts = [f"\u2194 {name}" for name in self._names]  # an arrow: it can be pulled
        fits = self.fontMetrics().horizontalAdvance(texts[0]) <= self.width()
        self.setText(texts[0] if fits else texts[1])

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Take hold."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._grip, self._has_pulled = event.globalPosition().toPoint(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Pull."""
        if self._grip is None:
            return
        position = event.globalPosition().toPoint()
        pixels, self._grip = position.x() - self._grip.x(), position
        if pixels:
            self._has_pulled = True
            self.pulled.emit(pixels / PIXELS_PER_NOTCH * fineness(event.modifiers()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Let go."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._let_go()

    def event(self, event: QEvent) -> bool:
        """Let go as well where the mouse is taken away, such as by a dialog."""
        if event.type() == QEvent.Type.UngrabMouse:
            self._let_go()
        return super().event(event)

    def _let_go(self) -> None:
        had_pulled, self._grip, self._has_pulled = self._has_pulled, None, False
        if had_pulled:
            self.released.emit()
