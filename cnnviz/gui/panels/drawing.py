"""The drawing pad, and what the network takes the drawing for."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
from PySide6.QtCore import QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QToolButton, QWidget

from cnnviz.data.drawing import Drawing
from cnnviz.data.preparation import prepare_strokes
from cnnviz.gui import icons
from cnnviz.gui.course import Course, Moment
from cnnviz.gui.digit_picker import DigitPicker
from cnnviz.gui.input_view import SIDE, InputView
from cnnviz.gui.pad import PEN_WIDTH, Pad
from cnnviz.gui.panels.panel import Panel, Row
from cnnviz.gui.probabilities import LARGEST_PITCH, LEAST_PITCH, ProbabilityBars, percent
from cnnviz.gui.strokes import Picture, Sheet, first_points
from cnnviz.gui.theme import GRID, SMALL, Theme
from cnnviz.gui.throttle import Throttle
from cnnviz.gui.tiles import number
from cnnviz.gui.words import with_article
from cnnviz.gui.workbench import Workbench
from cnnviz.training.control import ProbeChoice
from cnnviz.training.snapshot import Snapshot

INVITATION = "Draw a digit"
_NO_NETWORK = "The answer appears as soon as the network is there"
_NOTE_PADDING = 6  # pixels
_NOTE_STYLE = f"background: rgba(0, 0, 0, 190); color: white; font-size: {SMALL}px; padding: 1px {_NOTE_PADDING}px;"
_OFFER = "Use trained\nparameters"
_INPUT = "28 \u00d7 28 input"
_DOT = PEN_WIDTH / 2  # a click with a trembling hand is a dot, not a digit to be enlarged

# A mouse reports up to 125 times a second: each time is answered at once, and what comes faster is put together.
_ANSWER_EVERY = 0.007  # seconds
_FOLLOW_EVERY = 1 / 30  # seconds; no more snapshots than this are made anyway

_BUTTONS = 26  # pixels; height of the row of buttons
_CAPTION = 2 * GRID  # pixels; height of the line under the network's input
_OFFER_HEIGHT = 5 * GRID - 2  # pixels; two lines of small text
_COLUMN = 28 * GRID  # pixels; as wide as buttons and answer are at least where there is room
_BETWEEN = 3 * GRID // 2  # pixels; from the network's input to the bars
_LEAST_ANSWER = 10 * LEAST_PITCH
_LEAST_STACK = _LEAST_ANSWER + GRID + 2 * SIDE + _CAPTION + _OFFER_HEIGHT  # bars over the network's input
_EASY_BARS = 20 * GRID  # pixels; height from which on the network's input may grow as well
_CLEARLY = 1.15  # times as large is worth another arrangement


class DrawingPanel(Panel):
    """A pad, the image that becomes of what is on it, and ten probabilities, while the pen still moves.

    Attributes
    ----------
    pad : Pad
    course : Course
        What the drawing was prepared to while it came about.
    digits : DigitPicker
        Shows digits of the test set on the pad.
    load : QToolButton
        Opens the menu of what else can be shown on the pad.
    note : QLabel
        What picture is on the pad, or which moment of the drawing.
    offer : QPushButton
        Takes trained parameters; there while the network is untrained and something is on the pad.
    follow : QToolButton
        Checked: the drawing is the probe, whenever there is one.
    view : InputView
    bars : ProbabilityBars
    """

    name: ClassVar[str] = "drawing"
    title: ClassVar[str] = "Draw"
    about: ClassVar[str] = (
        "Draw a digit: it is scaled and centred as MNIST's digits are, and the network at its present state says how "
        "likely it takes it for each of the ten. While it learns, the answer to the same drawing changes."
    )

    drawing_changed = Signal()  # something else on the pad; what can be undone and redone may have changed
    drawing_read = Signal()  # the answer now is that to what is on the pad

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench, parent)
        self._image: np.ndarray | None = None  # None: the pad is empty
        self._own = workbench.own_digits
        self._moment: Moment | None = None  # of the drawing, that is looked at; None: the whole
        self._is_untrained = False
        self.course = Course()
        self.digits = DigitPicker(workbench, self)
        self.digits.picked.connect(self.show_picture)
        self._own_choice: ProbeChoice | None = None
        self._answer_soon = Throttle(_ANSWER_EVERY, self)
        self._answer_soon.timeout.connect(self._read_drawing)
        self._follow_soon = Throttle(_FOLLOW_EVERY, self)
        self._follow_soon.timeout.connect(self._follow_drawing)
        self._make_pad()
        self._make_buttons()
        self._make_answer()
        workbench.probe_changed.connect(self._on_probe_changed)
        workbench.run_started.connect(self._answer)
        self._own.changed.connect(self._on_own_digits_changed)
        self._answer()
        self._on_strokes_changed()

    def _make_pad(self) -> None:
        self.pad = Pad(f"{INVITATION}\nor drop a picture", self)
        self.pad.setAccessibleName("Drawing pad")
        self.pad.setToolTip("Draw a digit with mouse, pen or finger, or drop a picture of one")
        self.pad.changed.connect(self._on_strokes_changed)
        self.note = QLabel(self)
        self.note.setAccessibleName("What is on the pad")
        self.note.setStyleSheet(_NOTE_STYLE)
        self.note.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.note.hide()
        self._note = ""

    def _make_buttons(self) -> None:
        self.undo_button = self._button("", "Undo: take back the last stroke, picture, clearing or label (Ctrl+Z)")
        self.undo_button.setAccessibleName("Undo")
        self.undo_button.setIconSize(QSize(16, 16))
        self.undo_button.clicked.connect(self.undo)
        self.clear_button = self._button("Clear", "Clear the pad (Del)")
        self.clear_button.clicked.connect(self.pad.clear)
        self.load = self._button("Load", "Show a test digit or a picture on the pad")
        self.load.setMenu(QMenu(self.load))
        self.load.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.follow = self._button(
            "Follow", "Follow this drawing through the network: feature maps and max-pool routing show it"
        )
        self.follow.setCheckable(True)
        self.follow.setChecked(self.workbench.probe.kind == "drawing")
        self.follow.toggled.connect(self._on_follow_toggled)
        self._buttons = QWidget(self)
        # All four side by side under a small pad.
        self._buttons.setStyleSheet(
            "QToolButton { padding: 3px 0; } QToolButton::menu-indicator { image: none; width: 0; }"
        )
        row = QHBoxLayout(self._buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        row.addWidget(self.undo_button)
        row.addWidget(self.clear_button)
        row.addWidget(self.load)
        row.addStretch(1)
        row.addWidget(self.follow)

    def _button(self, text: str, tooltip: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setAccessibleName(text)
        button.setToolTip(tooltip)
        return button

    def _make_answer(self) -> None:
        self.view = InputView(self)
        self.view.pointed.connect(self._on_pixel_pointed)
        self._caption = QLabel(_INPUT, self)
        self._caption.setProperty("role", "small")
        self._caption.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom)
        self.bars = ProbabilityBars(self)
        self.bars.hovered.connect(self.hovered)
        self.bars.setToolTip(f"{self.bars.toolTip()}.\nSay what it is: click its row, or press its key, 0 to 9.")
        self.bars.chosen.connect(self.label_drawing)
        self.offer = QPushButton(_OFFER, self)
        self.offer.setAccessibleName("Use trained parameters")
        self.offer.setToolTip(
            "This network is untrained and guesses: read the drawing with the trained parameters that come with cnnviz "
            "(Ctrl+Shift+O)"
        )
        self.offer.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
        self.offer.setStyleSheet(f"padding: 0; min-height: 0; font-size: {SMALL}px;")
        self.offer.clicked.connect(self.workbench.open_shipped)
        self.offer.hide()

    # What is on the pad

    @property
    def sheet(self) -> Sheet:
        """What is on the pad: strokes, a picture, or nothing."""
        return self.pad.sheet

    @property
    def image(self) -> np.ndarray | None:
        """What the network is given of all that is on the pad, shape (28, 28), grey levels; None: the pad is empty."""
        return self._image

    @property
    def strokes(self) -> list[np.ndarray]:
        """The strokes, each of shape (n, 2): x to the right, y down, 0 to 1."""
        return self.pad.strokes

    @property
    def can_undo(self) -> bool:
        """Whether there is a stroke, a clearing or a label to take back."""
        return self.pad.can_undo or self._own.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether something was taken back."""
        return self.pad.can_redo or self._own.can_redo

    @Slot()
    def undo(self) -> None:
        """Take back the last stroke, picture or clearing, or the label that came after it."""
        self._own.undo() if self._own.can_undo else self.pad.undo()

    @Slot()
    def redo(self) -> None:
        """Do again what was taken back."""
        self._own.redo() if self._own.can_redo else self.pad.redo()

    @Slot()
    def clear(self) -> None:
        """Empty the pad; ``undo`` brings back what was on it."""
        self.pad.clear()

    @Slot(object)
    def show_picture(self, picture: Picture) -> None:
        """Show a picture on the pad, and what the network takes it for; ``undo`` brings back what was there."""
        self.pad.lay(picture)

    @Slot(object)
    def lay(self, drawing: Drawing) -> None:
        """Put a drawing on the pad instead of what is there; ``undo`` brings that back."""
        if drawing.strokes:
            self.pad.lay_strokes(drawing.strokes)
        else:
            self.show_picture(Picture("my digit", drawing.image, drawing.image))

    @Slot(int)
    def label_drawing(self, label: int) -> None:
        """Say what the drawing is: it becomes one of the user's digits."""
        if (drawing := self._as_drawing()) is not None:
            self._own.keep(drawing, label)
        elif self.pad.is_empty:
            self._own.message.emit(f"Draw a digit first: then {label} says that it is {with_article(label)}")
        else:
            self._own.message.emit("A test digit is not kept: learning from it would spoil the test")

    def _as_drawing(self) -> Drawing | None:
        """Return what is on the pad as it can be kept; None where there is nothing, or a digit of the test set."""
        picture = self.sheet.picture
        if picture is None:
            return None if self.pad.is_empty else Drawing(self.pad.strokes, None)
        return None if picture.label is not None else Drawing([], None, image=picture.prepared)

    @Slot()
    def _on_own_digits_changed(self) -> None:
        self._show_label()
        self.undo_button.setEnabled(self.can_undo)
        self.drawing_changed.emit()

    def _show_label(self) -> None:
        """Mark what the drawing was said to be; under the pen it is still another with each event."""
        drawing = None if self.pad.pen_is_down else self._as_drawing()
        self.bars.show_label(self._own.label_of(drawing))

    def offer_to_load(self, actions: list[QAction]) -> None:
        """Put ``actions`` into the menu of what can be shown on the pad."""
        self.load.menu().addActions(actions)

    def show_moment(self, moment: Moment | None) -> None:
        """Show the drawing, and the network's answer, as they were at a moment of its course; None: as they are."""
        if moment is self._moment:
            return
        self._moment = moment
        self.pad.show_moment(moment and moment.points)
        self._caption.setText(_INPUT if moment is None else f"after {percent(moment.share)}")
        self._show_image()

    @Slot()
    def _on_strokes_changed(self) -> None:
        self._own.sheet = self.pad.sheet
        self._show_label()
        self.undo_button.setEnabled(self.can_undo)
        self.clear_button.setEnabled(not self.pad.is_empty)
        if self.pad.is_empty:  # at once: there is never an answer beside an empty pad
            self._read_drawing()
        else:
            self._answer_soon.request_at_once()
        self.drawing_changed.emit()

    # The answer

    @Slot()
    def _read_drawing(self) -> None:
        """Prepare what is on the pad for the network and ask for its answer."""
        sheet = self.pad.sheet
        self.course.follow(sheet.strokes)
        if sheet.strokes:
            self._image = prepare_strokes(self.pad.strokes, dot_extent=_DOT)
            self.course.record(self.course.total, self._image)
        else:
            self._image = None if sheet.picture is None else sheet.picture.prepared
        self.show_moment(None)
        self._show_image()
        self.drawing_read.emit()
        if self._image is None:
            self._stop_following()

    def prepare_first(self, points: int) -> np.ndarray:
        """Return what the first ``points`` points of the drawing are prepared to, shape (28, 28)."""
        return prepare_strokes(first_points(self.pad.strokes, points), dot_extent=_DOT)

    @property
    def _seen(self) -> np.ndarray | None:
        """What the network is asked about: all that is on the pad, or the moment of the drawing that is looked at."""
        return self._image if self._moment is None else self._moment.image

    def _show_image(self) -> None:
        """Show the image that is asked about, its answer, and its way through the network where that is wanted."""
        self.view.show_image(self._seen)
        self._answer()
        if self._image is not None and self.follow.isChecked():
            self._follow_soon.request()

    @Slot()
    def _answer(self) -> None:
        """Show what the newest network takes the drawing for."""
        probabilities = None if self._image is None else self.workbench.classify(self._seen)
        self.bars.show_probabilities(probabilities, "" if self._image is None else _NO_NETWORK)
        self._write_note(self._note_for(probabilities))
        self._offer_parameters()
        answer = INVITATION
        if self._image is not None:
            answer = _NO_NETWORK if probabilities is None else _in_words(probabilities)
        if answer != self.pad.accessibleDescription():
            self.pad.setAccessibleDescription(answer)

    def _note_for(self, probabilities: np.ndarray | None) -> str:
        """Return what is to be said of what is on the pad; nothing of a drawing."""
        if self._moment is not None:
            return f"after {percent(self._moment.share)} of the path"
        picture = self.pad.sheet.picture
        if picture is None or picture.label is None:
            return picture.title if picture else ""
        read = "" if probabilities is None else f", read as {int(probabilities.argmax())}"
        return f"{picture.title}: {with_article(picture.label)}{read}"

    def _write_note(self, text: str) -> None:
        """Write a line over the lower edge of the pad, which it may be wider than; empty: none."""
        if text != self._note:
            self._note = text
            self._place_note()

    def _place_note(self) -> None:
        middle = self.pad.geometry().center().x()
        room = 2 * (min(middle, self.width() - middle) - GRID - _NOTE_PADDING)
        self.note.setText(self.note.fontMetrics().elidedText(self._note, Qt.TextElideMode.ElideMiddle, room))
        self.note.adjustSize()
        self.note.move(middle - self.note.width() // 2, self.pad.geometry().bottom() + 1 - self.note.height())
        self.note.setVisible(bool(self._note))
        self.note.raise_()

    def _offer_parameters(self) -> None:
        """Offer trained parameters where the answer is that of random ones."""
        snapshot = self.workbench.snapshot
        is_untrained = snapshot is not None and snapshot.step == 0 and not self.workbench.began_from_file
        if is_untrained != self._is_untrained:
            self._is_untrained = is_untrained
            self._arrange()  # with room for the offer, so that nothing moves under the pen when it appears
        self.offer.setVisible(is_untrained and self._image is not None)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Ask anew: the network has learnt."""
        self._answer()

    def numbers(self) -> list[Row]:
        """Return the grey levels that the network is given, and the ten probabilities."""
        if self._image is None:
            return []
        rows: list[Row] = [("what", "row", "column", "value")]
        rows += [("grey level", *place, grey) for place, grey in np.ndenumerate(self._seen)]
        shares = self.bars.probabilities
        return rows + [(f"probability of {n}", None, None, p) for n, p in enumerate(() if shares is None else shares)]

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Catch up with the snapshots that were not shown while the panel was hidden."""
        super().showEvent(event)
        self._answer()

    @Slot()
    def _on_pixel_pointed(self) -> None:
        if self.view.pixel is None or self._image is None:
            self.hovered.emit("")
            return
        row, column = self.view.pixel
        grey = self._seen[row, column]
        text = f"input, ({row}, {column}): grey level {grey}"
        if (snapshot := self.workbench.snapshot) is not None:
            text += f", normalised {number((grey - snapshot.normalization.mean) / snapshot.normalization.std)}"
        self.hovered.emit(text)

    # The probe

    @Slot()
    def start_following(self) -> None:
        """Make the drawing the probe: now, or as soon as there is one."""
        self.follow.setChecked(True)

    @Slot(bool)
    def _on_follow_toggled(self, checked: bool) -> None:
        if checked:
            self._follow_drawing()
        else:
            self._stop_following()

    @Slot()
    def _follow_drawing(self) -> None:
        if self.follow.isChecked() and self._image is not None:
            self._choose(replace(self.workbench.probe, kind="drawing", image=self._seen))

    def _stop_following(self) -> None:
        """Go back to the test digit, if it is the drawing that is followed."""
        if self.workbench.probe.kind == "drawing":
            self._choose(replace(self.workbench.probe, kind="test", image=None))

    def _choose(self, probe: ProbeChoice) -> None:
        self._own_choice = probe
        self.workbench.set_probe(probe)

    @Slot()
    def _on_probe_changed(self) -> None:
        """Keep in step with a probe that was chosen elsewhere."""
        probe = self.workbench.probe
        if probe is self._own_choice:
            return
        self.follow.setChecked(probe.kind == "drawing")
        if probe.kind == "drawing" and probe.image is None:
            self._follow_drawing()

    # The picture

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self.undo_button.setIcon(icons.icon(icons.undo, theme.text))
        self.pad.apply_theme(theme)
        self.bars.apply_theme(theme)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size in the default layout."""
        return QSize(230, 360)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the least size in which all is legible."""
        width = self._least_column()
        height = self.pad.minimumSizeHint().height() + _BUTTONS + _LEAST_ANSWER + 2 * GRID
        return QSize(width + 2 * GRID, height + 2 * GRID)

    def _least_column(self) -> int:
        """Return the width that the buttons need, and the input with the bars beside it."""
        return max(self._buttons.minimumSizeHint().width(), 3 * SIDE + _BETWEEN + self.bars.minimumSizeHint().width())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Arrange everything anew."""
        self._arrange()

    def _arrange(self) -> None:
        """Put the answer under the pad, or to its right where that makes the pad clearly larger."""
        area = self.rect().adjusted(GRID, GRID, -GRID, -GRID)
        answer = max(_LEAST_ANSWER, 3 * area.height() // 10)
        below = min(area.width(), area.height() - _BUTTONS - answer - 2 * GRID)
        column = max(self.bars.minimumSizeHint().width(), 3 * area.width() // 10)
        beside = min(area.width() - column - GRID, area.height() - _BUTTONS - GRID)
        if beside > _CLEARLY * below and beside + GRID + _BUTTONS >= _LEAST_STACK:
            width = max(beside, self._buttons.minimumSizeHint().width())
            self._arrange_pad(area, width, beside)
            area.adjust(width + GRID, 0, 0, 0)
            if area.width() >= 3 * SIDE + _BETWEEN + self.bars.minimumSizeHint().width():
                self._arrange_answer(area)
            else:
                self._stack_answer(area)
        else:
            # One column of one width, in the middle; a smaller pad stands in its middle.
            width = max(below, self._least_column(), min(area.width(), _COLUMN))
            area.adjust((area.width() - width) // 2, 0, 0, 0)
            area.setWidth(width)
            self._arrange_pad(area, width, below)
            self._arrange_answer(area.adjusted(0, below + _BUTTONS + 2 * GRID, 0, 0))

    def _stack_answer(self, area: QRect) -> None:
        """Put the bars into the upper part of a slim ``area``, the network's input and the offer under them.

        The offer's place is kept, so that nothing moves when it goes.
        """
        room = area.height() - GRID - _CAPTION - _OFFER_HEIGHT
        side = max(min(area.width(), room - _EASY_BARS) // SIDE, 2) * SIDE
        height = min(room - side, 10 * LARGEST_PITCH)
        top = area.y() + height + GRID
        self.bars.setGeometry(area.x(), area.y(), area.width(), height)
        self.view.setGeometry(area.x() + (area.width() - side) // 2, top, side, side)
        self._caption.setGeometry(area.x(), top + side, area.width(), _CAPTION)
        self.offer.setGeometry(area.x(), top + side + _CAPTION, area.width(), _OFFER_HEIGHT)

    def _arrange_pad(self, area: QRect, width: int, height: int) -> None:
        """Put the pad, and under it the buttons, into a column of that ``width`` on the left of ``area``."""
        self.pad.setGeometry(area.x() + (width - height) // 2, area.y(), height, height)
        self._place_note()
        self._buttons.setGeometry(area.x(), area.y() + height + GRID, width, _BUTTONS)

    def _arrange_answer(self, area: QRect) -> None:
        """Put the network's input on the left of ``area``, the offer under it, and the bars on the right."""
        least_bars = self.bars.minimumSizeHint().width()
        below = _CAPTION + (_OFFER_HEIGHT if self._is_untrained else 0)
        width = min(area.width() - _BETWEEN - least_bars, area.height() - _CAPTION, 5 * area.width() // 11)
        width = max(width // SIDE, 2) * SIDE
        side = max(min(width, area.height() - below) // SIDE, 2) * SIDE
        self.view.setGeometry(area.x() + (width - side) // 2, area.y(), side, side)
        self._caption.setGeometry(area.x(), area.y() + side, width, _CAPTION)
        self.offer.setGeometry(area.x(), area.y() + side + _CAPTION, width, _OFFER_HEIGHT)
        left = area.x() + width + _BETWEEN
        self.bars.setGeometry(left, area.y(), area.right() + 1 - left, area.height())


def _in_words(probabilities: np.ndarray) -> str:
    best = int(probabilities.argmax())
    return f"looks like {with_article(best)}, {percent(probabilities[best])}"
