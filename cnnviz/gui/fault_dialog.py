"""What is told of a fault that nobody foresaw: what happened, what goes on, and a report to send."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QFont, QFontDatabase, QGuiApplication, QHideEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from cnnviz.gui.theme import GRID, SMALL, TEXT
from cnnviz.logs import discreet

_WIDTH = 72 * GRID
_DETAILS = 32 * GRID  # height
_COPIED_MS = 2_000  # for which it is said
_ABOUT_THE_REPORT = (
    "The report helps whoever mends it. It holds versions, the details and a part of the log; no drawing, "
    "and ~ for your home folder."
)


@dataclass
class Fault:
    """One place where something went wrong.

    Attributes
    ----------
    headline : str
        What happened, in one line.
    comfort : str
        What goes on, and what is kept.
    trace : str
        Where it happened, for those who can mend it.
    ends_training : bool
        Whether that is over with it. Then it is told before all others.
    count : int
        How often.
    """

    headline: str
    comfort: str
    trace: str
    ends_training: bool = False
    count: int = 1


class FaultDialog(QDialog):
    """Tells one fault, and counts those that come while it is open; it stands in nobody's way.

    Attributes
    ----------
    faults : list of Fault
        Told since it was opened.
    details : QPlainTextEdit
        Where they happened.
    unfold, copy, open_folder : QPushButton
    """

    def __init__(self, folder: Path, context: Callable[[], str], parent: QWidget | None = None) -> None:
        """Make it. ``folder`` is that of the logs, ``context`` returns what a report tells beyond the faults."""
        super().__init__(parent)
        self.setWindowTitle("cnnviz: a fault")
        self.faults: list[Fault] = []
        self._folder = folder
        self._context = context
        self._headline, self._comfort, self._count, self._about = (_label() for _ in range(4))
        bold = QFont(self._headline.font())
        bold.setPixelSize(TEXT + 2)
        bold.setWeight(QFont.Weight.DemiBold)
        self._headline.setFont(bold)
        self._count.setProperty("role", "warning")
        self._about.setProperty("role", "muted")
        self.details = _details()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        for widget in (self._headline, self._comfort, self._count, self._about, self.details):
            layout.addWidget(widget)
        layout.addSpacing(GRID)
        layout.addLayout(self._make_buttons())
        self._copied = QTimer(self)
        self._copied.setSingleShot(True)
        self._copied.setInterval(_COPIED_MS)
        self._copied.timeout.connect(self._offer_copy)
        self._offer_copy()
        self._fold(True)

    def _make_buttons(self) -> QHBoxLayout:
        self.unfold = _button("", "Show or hide where it happened (Alt+D)")
        self.unfold.clicked.connect(self._toggle)
        self.copy = _button("", "Copy versions, details and a part of the log, as text (Alt+C)")
        self.copy.clicked.connect(self._copy)
        self.copy.setFixedWidth(16 * GRID)  # whatever it says
        self.open_folder = _button("Open &log folder", f"{discreet(str(self._folder))} (Alt+L)")
        self.open_folder.clicked.connect(self._open_folder)
        close = _button("Close", "Close this message; the program goes on (Esc)")
        close.clicked.connect(self.close)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.unfold)
        row.addStretch(1)
        for button in (self.copy, self.open_folder, close):
            row.addWidget(button)
        return row

    def tell(self, fault: Fault) -> None:
        """Tell ``fault``, or count it where another one is being told."""
        if not self.isVisible():
            self.faults = []
            self._about.setText(_ABOUT_THE_REPORT)
            self._fold(True)
        self.faults.append(fault)
        self.details.setPlainText("\n\n".join(f"{each.headline}\n{each.trace}" for each in self.faults))
        self.count()
        if not self.isVisible():
            self.copy.setFocus()
            self.show()

    def count(self) -> None:
        """Tell how often it has happened by now."""
        told = next((fault for fault in self.faults if fault.ends_training), self.faults[0])
        self._headline.setText(told.headline)
        self._comfort.setText(told.comfort)
        self.setAccessibleDescription(f"{told.headline}. {told.comfort}")
        parts = [f"{told.count:,} times so far"] if told.count > 1 else []
        if others := len(self.faults) - 1:
            parts.append(f"{others} other {'fault' if others == 1 else 'faults'}: see the details")
        self._count.setText("; ".join(parts))
        self._count.setVisible(bool(parts))
        self._fit()

    def report(self) -> str:
        """Return all that is known, as text to be sent."""
        faults = (f"{each.headline}\n({each.count:,} x)\n{each.trace.rstrip()}" for each in self.faults)
        return "\n\n".join((*faults, self._context()))

    @Slot()
    def _toggle(self) -> None:
        self._fold(not self.details.isHidden())

    def _fold(self, folded: bool) -> None:
        self.details.setHidden(folded)
        self.unfold.setText("&Details \u25b8" if folded else "&Details \u25be")
        self._fit()

    def _fit(self) -> None:
        """Be as high as the texts need; folded no higher."""
        for label in (self._headline, self._comfort, self._count, self._about):
            label.ensurePolished()
            label.setFixedHeight(max(0, label.heightForWidth(_WIDTH)))  # wrapped text does not ask for its height
        self.layout().activate()
        needed = self.minimumSizeHint().height()
        self.resize(self.width(), needed if self.details.isHidden() else max(needed, self.height()))

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.report())
        self.copy.setText("Copied")
        self._copied.start()

    @Slot()
    def _offer_copy(self) -> None:
        self.copy.setText("&Copy report")

    @Slot()
    def _open_folder(self) -> None:
        if not self._folder.is_dir() or not QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder))):
            self._about.setText(f"No program here opens folders; the logs are in {self._folder}")
            self._fit()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Leave nothing behind."""
        self._copied.stop()
        self._offer_copy()
        super().hideEvent(event)


def _label() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setMinimumWidth(_WIDTH)
    return label


def _details() -> QPlainTextEdit:
    text = QPlainTextEdit()
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPixelSize(SMALL)
    text.setFont(font)
    text.setReadOnly(True)
    text.setTabChangesFocus(True)
    text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
    text.setMinimumHeight(_DETAILS)
    text.setAccessibleName("Details of the fault")
    text.setToolTip("Where it happened, for those who can mend it")
    return text


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setAutoDefault(False)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
