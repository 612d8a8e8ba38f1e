"""The buttons and fields by which one goes through the movie of a step."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal, Slot
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSpinBox, QToolButton, QWidget

from cnnviz.gui import icons
from cnnviz.gui.fields import settle
from cnnviz.gui.player import Player
from cnnviz.gui.theme import DARK, GRID, Theme

PACES = ((0.25, "1 phase in 4 s"), (0.5, "1 phase in 2 s"), (1.0, "1 phase a second"), (2.0, "2 phases a second"))
PACES += ((4.0, "4 phases a second"),)
_USUAL = 1  # index of a pace at which a sentence can be read
_PACE_WIDTH, _IMAGE_WIDTH, _VIEW_WIDTH = 18 * GRID, 20 * GRID, 13 * GRID

Drawing = Callable[[QPainter], None]


class MovieControls(QWidget):
    """Transport of the movie, pace, image of the batch, and the part of a layer's parameters that is shown.

    Attributes
    ----------
    image : QSpinBox
    view : QComboBox
        Hidden while there is nothing to choose.
    """

    record_wanted = Signal()
    image_chosen = Signal(int)
    view_chosen = Signal(int)

    def __init__(self, player: Player, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._player = player
        self._theme = DARK
        self._icons: dict[QToolButton, Drawing] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        for button in self._make_buttons():
            row.addWidget(button)
        for field in self._make_fields():
            row.addWidget(field)
        row.addStretch(1)
        player.turned.connect(self._show_direction)
        player.moved.connect(self._show_ends)

    def _make_buttons(self) -> list[QToolButton]:
        player, back = self._player, icons.mirrored
        record = self._button(icons.record, "Next step", "Go one step, and through its phases")
        record.clicked.connect(self.record_wanted)
        self._first = self._button(back(icons.to_end), "First phase", "First phase")
        self._back = self._button(back(icons.step), "Phase before", "Phase before (Shift+Left)")
        self.rewind = self._button(back(icons.play), "Play backwards", "Play backwards, or pause")
        self.play = self._button(icons.play, "Play", "Play, or pause (Shift+Space)")
        self._forward = self._button(icons.step, "Next phase", "Next phase (Shift+Right)")
        self._last = self._button(icons.to_end, "Last phase", "Last phase")
        self._first.clicked.connect(player.to_first)
        self._back.clicked.connect(player.back)
        self.rewind.clicked.connect(player.toggle_backwards)
        self.play.clicked.connect(player.toggle)
        self._forward.clicked.connect(player.forward)
        self._last.clicked.connect(player.to_last)
        return [record, self._first, self._back, self.rewind, self.play, self._forward, self._last]

    def _button(self, draw: Drawing, name: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setIconSize(QSize(14, 14))
        button.setAccessibleName(name)
        button.setToolTip(tip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the space bar to training
        button.setFixedWidth(3 * GRID + 4)
        button.setStyleSheet("padding: 3px 0")
        self._icons[button] = draw
        return button

    def _make_fields(self) -> list[QWidget]:
        self.pace = QComboBox()
        self.pace.addItems([text for _, text in PACES])
        self.pace.setAccessibleName("Pace of the movie")
        self.pace.setToolTip("How long a phase is shown while the movie is played")
        self.pace.currentIndexChanged.connect(self._set_pace)
        self.pace.setCurrentIndex(_USUAL)
        self.image = QSpinBox()
        self.image.setPrefix("image ")
        self.image.setWrapping(True)
        self.image.setAccessibleName("Image of the batch")
        self.image.setToolTip("Which image of the batch is followed; the gradients by parameters are of all of them")
        settle(self.image)
        self.image.valueChanged.connect(self.image_chosen)
        self.view = QComboBox()
        self.view.setAccessibleName("Parameters shown")
        self.view.setToolTip("Which parameters of this layer are shown")
        self.view.activated.connect(self.view_chosen)
        for box in (self.pace, self.view):
            box.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
        for box, width in ((self.pace, _PACE_WIDTH), (self.image, _IMAGE_WIDTH), (self.view, _VIEW_WIDTH)):
            box.setFixedWidth(width)
        kept = self.view.sizePolicy()
        kept.setRetainSizeWhenHidden(True)  # so that nothing moves
        self.view.setSizePolicy(kept)
        return [self.pace, self.image, self.view]

    def show_images(self, count: int, image: int) -> None:
        """Offer ``count`` images, of which ``image`` is shown."""
        with QSignalBlocker(self.image):
            self.image.setRange(0, count - 1)
            self.image.setSuffix(f"  (0\u2013{count - 1})")
            self.image.setValue(image)
        self.image.setEnabled(count > 1)

    def show_views(self, texts: Sequence[str], chosen: int) -> None:
        """Offer the parts of a layer's parameters; none: hide the choice."""
        with QSignalBlocker(self.view):
            if list(texts) != [self.view.itemText(i) for i in range(self.view.count())]:
                self.view.clear()
                self.view.addItems(list(texts))
            self.view.setCurrentIndex(chosen)
        self.view.setVisible(bool(texts))

    def apply_theme(self, theme: Theme) -> None:
        """Draw the icons in the colours of ``theme``."""
        self._theme = theme
        for button, draw in self._icons.items():
            button.setIcon(icons.icon(draw, theme.text))
        self._show_direction()

    @Slot(int)
    def _set_pace(self, index: int) -> None:
        self._player.set_pace(PACES[index][0])

    @Slot()
    def _show_direction(self) -> None:
        """Show a pause sign on the button that pauses."""
        for button, direction in ((self.play, 1), (self.rewind, -1)):
            plays = self._player.direction == direction
            button.setIcon(icons.icon(icons.pause if plays else self._icons[button], self._theme.text))

    @Slot()
    def _show_ends(self) -> None:
        """Offer only what leads somewhere."""
        for button in (self._first, self._back):
            button.setEnabled(self._player.position > 0)
        for button in (self._forward, self._last):
            button.setEnabled(self._player.position < self._player.last)
