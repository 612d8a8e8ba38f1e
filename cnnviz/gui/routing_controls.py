"""What of max pooling is to be shown: which image, which layer, which channel."""

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QSpinBox, QWidget

from cnnviz.gui.fields import settle
from cnnviz.gui.theme import GRID
from cnnviz.nn import MaxPool2D

_FRAME, _ARROWS = 20, 32  # pixels around the text of a field, and with its arrows
PROBE, BATCH = "Probe", "Batch"


class RoutingControls(QWidget):
    """A row of fields.

    Attributes
    ----------
    source : QComboBox
        The probe, or the newest training batch.
    image : QSpinBox
        Which image of the batch, counted from 0 as in the movie; shown only for a batch.
    layer : QComboBox
        The pooling layer; shown only where there are several.
    channel : QSpinBox
    strongest : QPushButton
    """

    changed = Signal()  # something else is to be shown
    source_changed = Signal()
    strongest_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source = self._combo("Image that is routed", "The probe, or the images of the newest training batch")
        self.source.addItems([PROBE, BATCH])
        self.source.currentTextChanged.connect(self.source_changed)
        self.image = self._spin("image ", "Image of the batch", "Which image of the batch is drawn")
        self.image.setToolTip(f"{self.image.toolTip()} (Shift and wheel over the maps; \u2191 \u2193 in them)")
        self.layer = self._combo("Pooling layer", "Which max pooling layer is shown")
        self.layer.currentTextChanged.connect(self.changed)
        self.channel = self._spin("channel ", "Channel", "Which channel is shown")
        self.strongest = QPushButton("Strongest")
        self.strongest.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.strongest.setAccessibleName("Strongest channel")
        self.strongest.setToolTip("Show the channel at which the largest gradient arrives now")
        self.strongest.clicked.connect(self.strongest_wanted)
        self.kind = QLabel()
        self.kind.setProperty("role", "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        for widget in (self.source, self.image, self.layer, self.channel, self.strongest, self.kind):
            row.addWidget(widget)
        row.addStretch(1)
        self.image.setRange(0, 0)
        self.image.hide()
        self.layer.hide()
        self._room = self.sizeHint().width()

    def _combo(self, name: str, tip: str) -> QComboBox:
        combo = QComboBox()
        combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
        combo.setAccessibleName(name)
        combo.setToolTip(tip)
        return combo

    def _spin(self, prefix: str, name: str, tip: str) -> QSpinBox:
        spin = QSpinBox()
        spin.setPrefix(prefix)
        spin.setWrapping(True)
        spin.setAccessibleName(name)
        spin.setToolTip(tip)
        settle(spin)
        spin.valueChanged.connect(self.changed)
        return spin

    @property
    def is_batch(self) -> bool:
        """Whether the batch is to be shown."""
        return self.source.currentText() == BATCH

    def offer_images(self, count: int) -> None:
        """Offer the images of a batch of ``count``; 0: there is no batch."""
        shown = self.is_batch and count > 0
        if count and count - 1 != self.image.maximum():
            with QSignalBlocker(self.image):
                self.image.setRange(0, count - 1)
            self.fit(self._room)
        if shown == self.image.isHidden():
            self.image.setVisible(shown)
            self.fit(self._room)

    def offer_layers(self, layers: list[str]) -> None:
        """Offer the names of the max pooling layers, of which there is one at least."""
        if [self.layer.itemText(i) for i in range(self.layer.count())] != layers:
            with QSignalBlocker(self.layer):
                self.layer.clear()
                self.layer.addItems(layers)
            self.layer.setVisible(len(layers) > 1)
            self.fit(self._room)

    def offer_channels(self, count: int, chosen: int, pool: MaxPool2D) -> None:
        """Offer the ``count`` channels of the chosen layer, which is ``pool``."""
        with QSignalBlocker(self.channel):
            self.channel.setRange(0, count - 1)
            self.channel.setValue(chosen)
        self.kind.setText(f"{self.layer.currentText()}, {pool.size}\u00d7{pool.size}")
        self.fit(self._room)

    def fit(self, width: int) -> None:
        """Leave out what does not fit into ``width`` pixels.

        That is first the layer's kind, then the last channel and image, the word "image", arrows of fields, letters.
        """
        self._room = width
        for leaves_out in range(6):
            self._leave_out(leaves_out)
            self.layout().invalidate()
            if self.sizeHint().width() <= width:
                break

    def _leave_out(self, count: int) -> None:
        """Leave out the first ``count`` things that can be missed."""
        self.kind.setVisible(count < 1)
        last = self.channel.maximum()
        with QSignalBlocker(self.channel):
            self.channel.setPrefix("channel " if count < 5 else "ch. ")
            self.channel.setSuffix(f"  (0\u2013{last})" if count < 2 else "")
        with QSignalBlocker(self.image):
            self.image.setPrefix("image " if count < 3 else "")
            self.image.setSuffix(f"  (0\u2013{self.image.maximum()})" if count < 2 else "")
        self.channel.setToolTip(f"Which channel is shown, 0 to {last} (wheel over the maps; \u2190 \u2192 in them)")
        for spin in (self.image, self.channel):
            spin.setProperty("role", "compact" if count > 3 else "")
            spin.style().polish(spin)
            text = f"{spin.prefix()}{spin.maximum()}{spin.suffix()}"
            spin.setFixedWidth(spin.fontMetrics().horizontalAdvance(text) + (_FRAME if count > 3 else _ARROWS))
