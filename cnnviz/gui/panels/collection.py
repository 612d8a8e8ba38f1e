"""The user's own digits: a gallery, what the network makes of them, and how much it learns from them."""

import os
from functools import partial
from pathlib import Path
from typing import ClassVar

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSpinBox,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from cnnviz.data.collection_files import read_digits
from cnnviz.errors import UserError
from cnnviz.gui.digit_gallery import DigitGallery, Tile
from cnnviz.gui.fields import settle
from cnnviz.gui.input_view import SIDE, InputView
from cnnviz.gui.own_digits import GREATEST_SHARE
from cnnviz.gui.panels.panel import Panel, Row
from cnnviz.gui.probabilities import ProbabilityBars, percent
from cnnviz.gui.reading_dialog import ReadingDialog
from cnnviz.gui.theme import GRID, Theme
from cnnviz.gui.words import digits_text, with_article
from cnnviz.gui.workbench import Workbench
from cnnviz.training.evaluation import CLASSES
from cnnviz.training.snapshot import Snapshot

EMPTY = "No digits of yours yet.\nDraw one on the pad and press the key of what it is, 0 to 9: it is kept here."
_VIEW = 5 * SIDE
_ANY_FILE = "Drawings and IDX files (*.json *.gz *ubyte);;All files (*)"


class CollectionPanel(Panel):
    """Shows every digit that was labelled, wrong ones marked, and one of them large."""

    name: ClassVar[str] = "collection"
    title: ClassVar[str] = "My digits"
    about: ClassVar[str] = (
        "The digits that you have labelled: under each stands what the network takes it for at present, framed where "
        "that is wrong. A share of every training batch is taken from here, so that the network learns your hand."
    )
    interval: ClassVar[float] = 0.1

    drawing_wanted = Signal(object)  # back on the pad

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench, parent)
        self._own = workbench.own_digits
        self.export_dir = str(Path.home())
        self._make_head()
        self._make_gallery()
        self._make_detail()
        self._lay_out()
        self._own.changed.connect(self._show_digits)
        self._own.answered.connect(self._show_digits)
        self._own.selected_answered.connect(self._show_selection)
        self._own.selected_changed.connect(self._show_selection)
        self._own.share_changed.connect(self._show_share)

    # Making

    def _make_head(self) -> None:
        self.count = QLabel()
        self.count.setStyleSheet("font-weight: 600;")
        self.share = QSpinBox()
        self.share.setRange(0, GREATEST_SHARE)
        self.share.setSuffix(" %")
        self.share.setSingleStep(5)
        self.share.setValue(self._own.share)
        self.share.setAccessibleName("Share of each batch")
        self.share.setToolTip("How much of each training batch is taken from your digits; 0: they are not learnt")
        self.share.setKeyboardTracking(False)
        self.share.valueChanged.connect(self._own.set_share)
        settle(self.share)
        self.import_button = self._menu_button(
            "Import",
            "Add digits from a file of strokes, or from images with labels",
            (
                ("Strokes, or images with labels\u2026", self.import_file),
                ("Folder of IDX files\u2026", self.import_folder),
            ),
        )
        self.export_button = self._menu_button(
            "Export",
            "Write your digits for other programs, or for train --dataset",
            (("Strokes, JSON\u2026", self.export_strokes), ("Images, IDX folder\u2026", self.export_idx)),
        )
        self.clear_button = self._button("Clear", "Take all of your digits away (Ctrl+Z puts them back)")
        self.clear_button.clicked.connect(self._own.clear)

    def _button(self, text: str, tooltip: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setAccessibleName(text)
        button.setToolTip(tooltip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
        return button

    def _menu_button(self, text: str, tooltip: str, entries: tuple[tuple[str, object], ...]) -> QToolButton:
        button = self._button(text, tooltip)
        menu = QMenu(button)
        for entry, slot in entries:
            menu.addAction(entry).triggered.connect(slot)
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return button

    def _make_gallery(self) -> None:
        self.gallery = DigitGallery()
        self.gallery.selected.connect(self._own.select)
        self.gallery.relabelled.connect(self._own.relabel)
        self.gallery.removed.connect(self._own.remove)
        self.gallery.opened.connect(self._put_on_pad)
        self.gallery.hovered.connect(self.hovered)
        self.gallery.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.gallery.customContextMenuRequested.connect(self._show_menu)
        self.empty = QLabel(EMPTY)
        self.empty.setProperty("role", "muted")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)

    def _make_detail(self) -> None:
        self.view = InputView()
        self.view.setFixedSize(_VIEW, _VIEW)
        self.view.setAccessibleName("The selected digit")
        self.view.setToolTip("The selected digit as the network gets it")
        self.bars = ProbabilityBars()
        self.bars.setFixedHeight(_VIEW)
        self.bars.setToolTip(
            "How likely the network takes the selected digit for each of the ten; click to label it anew"
        )
        self.bars.hovered.connect(self.hovered)
        self.bars.chosen.connect(self._relabel_selected)
        self.verdict = QLabel()
        self.to_pad = self._button("To the pad", "Put this digit back on the pad (double click, or Return)")
        self.to_pad.clicked.connect(lambda: self._put_on_pad(self._own.selected))
        self.remove = self._button("Remove", "Take this digit away (Del in the gallery; Ctrl+Z puts it back)")
        self.remove.clicked.connect(lambda: self._own.remove(self._own.selected))

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(GRID)
        head.addWidget(self.count, 1)
        caption = QLabel("Share of each batch")
        caption.setProperty("role", "muted")
        for widget in (caption, self.share, self.import_button, self.export_button, self.clear_button):
            head.addWidget(widget)
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        buttons.addWidget(self.to_pad)
        buttons.addWidget(self.remove)
        buttons.addStretch(1)
        pictures = QHBoxLayout()
        pictures.setSpacing(3 * GRID // 2)
        pictures.addWidget(self.view, 0, Qt.AlignmentFlag.AlignTop)
        pictures.addWidget(self.bars, 1)
        self._detail = QWidget()
        self._detail.setFixedWidth(_VIEW + 3 * GRID // 2 + 14 * GRID)
        detail = QVBoxLayout(self._detail)
        detail.setContentsMargins(0, GRID // 2, 0, 0)
        detail.setSpacing(GRID)
        detail.addLayout(pictures)
        detail.addWidget(self.verdict)
        detail.addLayout(buttons)
        detail.addStretch(1)
        full = QWidget()
        body = QHBoxLayout(full)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(2 * GRID)
        body.addWidget(self.gallery, 1)
        body.addWidget(self._detail)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(full)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, 0, GRID, GRID // 2)
        layout.setSpacing(GRID)
        layout.addLayout(head)
        layout.addWidget(self._pages, 1)

    # Showing

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Let the network of ``snapshot`` read the digits."""
        self._own.follow(snapshot)

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self.gallery.apply_theme(theme)
        self.bars.apply_theme(theme)

    def numbers(self) -> list[Row]:
        """Return what each digit is, and how likely the network takes it for each of the ten, once it has read it."""
        digits, answers = self._own.digits, self._own.answers
        if not digits:
            return []
        heading = ("number", "label", *(f"probability of {digit}" for digit in range(CLASSES)))
        unread = (None,) * CLASSES
        return [
            heading,
            *((n, digits[key].label, *answers.get(key, unread)) for n, key in enumerate(self._own.in_order(), 1)),
        ]

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Show what there is."""
        super().showEvent(event)
        self.catch_up()

    def catch_up(self) -> None:
        """Show the digits as they are now."""
        self._show_all()
        self._show_selected()

    @Slot()
    def _show_digits(self) -> None:
        if self.is_seen:
            self.catch_up()

    def _show_all(self) -> None:
        digits, answers = self._own.digits, self._own.answers
        self._pages.setCurrentIndex(bool(digits))
        self.count.setText(count_text(len(digits), self._own.right if len(answers) == len(digits) else None))
        for button in (self.export_button, self.clear_button):
            button.setEnabled(bool(digits))
        self.gallery.show_tiles(
            [
                Tile(key, digits[key].ink, digits[key].label, int(answers[key].argmax()) if key in answers else None)
                for key in self._own.in_order()
            ]
        )

    @Slot()
    def _show_selection(self) -> None:
        if self.is_seen:
            self._show_selected()

    def _show_selected(self) -> None:
        key = self._own.selected
        self.gallery.select(key)
        digit = self._own.digits.get(key)
        if digit is None:
            return
        self.view.show_image(digit.ink.image)
        answer = self._own.answers.get(key)
        self.bars.show_probabilities(answer)
        self.bars.show_label(digit.label)
        self.verdict.setText(verdict_text(digit.label, answer))

    @Slot()
    def _show_share(self) -> None:
        self.share.setValue(self._own.share)

    # Doing

    @Slot(str)
    def _put_on_pad(self, key: str) -> None:
        self.drawing_wanted.emit(self._own.digits[key].ink.drawing)

    @Slot(int)
    def _relabel_selected(self, label: int) -> None:
        self._own.relabel(self._own.selected, label)

    @Slot(QPoint)
    def _show_menu(self, position: QPoint) -> None:
        tile = self.gallery.tile_at(position)
        place = self.gallery.viewport().mapToGlobal(position)
        if tile is not None:
            self.menu_for(tile.key).popup(place)
        else:
            self.menu_wanted.emit(place)

    def menu_for(self, key: str) -> QMenu:
        """Return the menu of what can be done to a digit."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Put on the &pad").triggered.connect(lambda: self._put_on_pad(key))
        labels = menu.addMenu("It is &a")
        for label in range(10):
            labels.addAction(f"&{label}").triggered.connect(lambda _=False, label=label: self._own.relabel(key, label))
        menu.addSeparator()
        menu.addAction("&Remove").triggered.connect(lambda: self._own.remove(key))
        return menu

    @Slot()
    def import_file(self) -> None:
        """Ask for a file, and add what is in it."""
        path, _ = QFileDialog.getOpenFileName(self, "Import digits", self.export_dir, _ANY_FILE)
        self._import_from(path)

    @Slot()
    def import_folder(self) -> None:
        """Ask for a folder, and add what is in its IDX files."""
        self._import_from(QFileDialog.getExistingDirectory(self, "Import digits", self.export_dir))

    def _import_from(self, path: str) -> None:
        """Read a file or a folder, and add what is in it once that is known."""
        if not path:
            return
        source = Path(path)
        self.export_dir = str(source.parent)
        dialog = ReadingDialog("Import digits", source.name, partial(read_digits, source), self)
        dialog.arrived.connect(partial(self._own.take_in, source=source.name))
        dialog.failed.connect(self.workbench.failed)
        dialog.start()

    @Slot()
    def export_strokes(self) -> None:
        """Ask for a file, and write the strokes into it."""
        proposal = str(Path(self.export_dir) / "my-digits.json")
        path, _ = QFileDialog.getSaveFileName(self, "Export strokes", proposal, "Strokes (*.json)")
        if path and not Path(path).suffix:
            path = f"{path}.json"
            if os.path.exists(path):  # the dialog has asked about another name
                self.workbench.failed.emit(f"{path} exists already: name it with its extension to replace it")
                return
        self._try(self._own.export_strokes, path)

    @Slot()
    def export_idx(self) -> None:
        """Ask for a folder, and write the images into it."""
        folder = QFileDialog.getExistingDirectory(self, "Export images: choose an empty folder", self.export_dir)
        self._try(self._own.export_idx, folder)

    def _try(self, action: object, path: str) -> None:
        if not path:
            return
        self.export_dir = str(Path(path).parent)
        try:
            action(Path(path))
        except UserError as error:
            self.workbench.failed.emit(str(error))


def count_text(count: int, right: int | None) -> str:
    """Return such as "12 digits, 9 read right"; ``right`` is None as long as not all were read."""
    digits = digits_text(count) if count else "No digits yet"
    return digits if right is None or not count else f"{digits}, {right:,} read right"


def verdict_text(label: int, answer: object) -> str:
    """Return what a digit is, and what it is taken for."""
    meant = with_article(label)
    if answer is None:
        return meant
    best = int(answer.argmax())
    return f"{meant}, read as {best}: {percent(answer[best])}"
