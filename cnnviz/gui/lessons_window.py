"""The window of the lessons: their list at the left, one of them beside it."""

from itertools import pairwise

from PySide6.QtCore import QEvent, QSize, Qt, Slot
from PySide6.QtGui import QFont, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from cnnviz.gui.keys import keep_key_for_focus
from cnnviz.gui.lessons import LESSONS, Scene
from cnnviz.gui.theme import GRID, Theme

_SIZE = QSize(960, 680)
_LIST = 28 * GRID  # width
_LINE = 4 * GRID  # height of a line of the list
_HOW = "To change a number turn the wheel over it, or click it and type."
_HEADING = 20  # pixels


class LessonsWindow(QDialog):
    """Shows one lesson at a time; closed, it is gone.

    Attributes
    ----------
    list : QListWidget
        The titles.
    scene : Scene
        The live part of the lesson that is open.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Lessons")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._theme = theme
        self.list = QListWidget()
        for number, lesson in enumerate(LESSONS, start=1):
            item = QListWidgetItem(f"{number}  {lesson.title}", self.list)
            item.setSizeHint(QSize(0, _LINE))
        self.list.setFixedWidth(_LIST)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setAccessibleName("Lessons")
        self.list.setToolTip("All lessons: Up and Down go from one to the next")
        self.scene: Scene | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        row.setSpacing(3 * GRID)
        row.addWidget(self.list)
        row.addLayout(self._make_page(), 1)
        self.resize(_SIZE)
        self.list.currentRowChanged.connect(self._open)

    def _make_page(self) -> QVBoxLayout:
        self._title, self._sentences, self._attempt, self._source = (QLabel() for _ in range(4))
        font = QFont(self._title.font())
        font.setPixelSize(_HEADING)
        font.setBold(True)
        self._title.setFont(font)
        self._source.setProperty("role", "small")
        self._attempt.setProperty("role", "hint")
        for label in (self._sentences, self._attempt):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.RichText)
        self.previous = self._button("\u2190 Previous", "The lesson before (Alt+Left)", "Alt+Left", -1)
        self.next = self._button("Next \u2192", "The next lesson (Alt+Right)", "Alt+Right", 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        buttons.addWidget(self._source, 1)
        buttons.addWidget(self.previous)
        buttons.addWidget(self.next)
        self._page = QVBoxLayout()
        self._page.setSpacing(2 * GRID)
        for part in (self._title, self._sentences, self._attempt):
            self._page.addWidget(part)
        self._page.addStretch(1)
        self._page.addLayout(buttons)
        return self._page

    def _button(self, text: str, tip: str, key: str, step: int) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        QShortcut(QKeySequence(key), self, button.click)
        button.setAccessibleName(tip.partition(" (")[0])
        button.setToolTip(tip)
        button.clicked.connect(lambda: self.list.setCurrentRow(self.list.currentRow() + step))
        return button

    def open_lesson(self, index: int) -> None:
        """Open the lesson of that number in ``LESSONS``."""
        self.list.setCurrentRow(index)

    @Slot(int)
    def _open(self, index: int) -> None:
        lesson, old = LESSONS[index], self.scene
        if old is not None:
            self._page.removeWidget(old)
            if old.isAncestorOf(QApplication.focusWidget()):
                self.list.setFocus()
            old.hide()
            old.deleteLater()
        self._title.setText(lesson.title)
        self._sentences.setText(lesson.sentences)
        self._attempt.setText(f"<b>Try:</b> {lesson.attempt}")
        self._source.setText(f"{_HOW}\nWorked example: {lesson.source}")
        self.previous.setEnabled(index > 0)
        self.next.setEnabled(index < len(LESSONS) - 1)
        self.scene = lesson.make_scene()
        self.scene.apply_theme(self._theme)
        self._page.insertWidget(2, self.scene, 100)
        for first, second in pairwise([self.list, *self.scene.stops, self.previous, self.next]):
            self.setTabOrder(first, second)

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        if self.scene is not None:
            self.scene.apply_theme(theme)

    def event(self, event: QEvent) -> bool:
        """Leave keys to the focused control where it needs them."""
        return keep_key_for_focus(event) or super().event(event)
