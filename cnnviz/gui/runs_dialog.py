"""The runs that are kept, to be gone on with or deleted."""

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMessageBox,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cnnviz.errors import UserError
from cnnviz.gui.run_text import accuracy_text, cost_text, data_text, epoch_text, network_text, time_text
from cnnviz.gui.theme import GRID
from cnnviz.gui.workbench import Workbench
from cnnviz.training.runs import SavedRun, delete

_SIZE = QSize(832, 400)
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_COLUMNS = {
    "Network": _LEFT,
    "Data": _LEFT,
    "Step": _RIGHT,
    "Epoch": _RIGHT,
    "Cost in nats": _RIGHT,
    "Test accuracy": _RIGHT,
    "Saved": _RIGHT,
    "State": _LEFT,
}
_EMPTY = (
    "No run is kept so far. Training saves itself every half minute, and whenever it rests:\n"
    "from then on it can be gone on with here."
)
_HOW = "The newest ten runs are kept. Going on with one saves the present one first."


class RunsDialog(QDialog):
    """Lists the runs, the one saved last first.

    Attributes
    ----------
    table : QTableWidget
        A row for each.
    go_on, open_folder, delete : QPushButton
    chosen : SavedRun or None
        What to go on with, once the dialog was accepted.
    """

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Runs")
        self.chosen: SavedRun | None = None
        self._workbench = workbench
        self._runs: list[SavedRun] = []
        self._make_table()
        self._empty = QLabel(_EMPTY, alignment=Qt.AlignmentFlag.AlignCenter)
        self._empty.setProperty("role", "muted")
        self._note = QLabel()
        self._note.setProperty("role", "small")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.table, 1)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self._note)
        layout.addSpacing(GRID)
        layout.addLayout(self._make_buttons())
        QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self, self.delete.click)
        self._list()
        self.resize(_SIZE)

    def _make_table(self) -> None:
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setHorizontalHeaderLabels(list(_COLUMNS))
        for column, alignment in enumerate(_COLUMNS.values()):
            self.table.horizontalHeaderItem(column).setTextAlignment(alignment)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        for part, name in ((header, "Columns"), (self.table.verticalHeader(), "Rows")):
            part.setAccessibleName(name)
            part.setToolTip("What is told of each run")
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        header.setSectionsClickable(False)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        self.table.setAccessibleName("Runs")
        self.table.setToolTip("Double click or Enter goes on with a run")
        self.table.itemSelectionChanged.connect(self._offer)
        self.table.cellDoubleClicked.connect(self._go_on)

    def _make_buttons(self) -> QHBoxLayout:
        self.go_on = self._button("Go on", "Show this run as it was; Space trains on (Enter)", self._go_on)
        self.go_on.setDefault(True)
        self.go_on.setProperty("role", "primary")
        self.open_folder = self._button("Open folder", "Show the folder with the files of this run", self._open_folder)
        self.delete = self._button("Delete\u2026", "Delete all that is kept of this run (Del)", self._delete)
        close = self._button("Close", "Leave everything as it is (Esc)", self.reject)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        for button in (self.open_folder, self.delete):
            row.addWidget(button)
        row.addStretch(1)
        for button in (self.go_on, close):
            row.addWidget(button)
        return row

    def _button(self, text: str, tip: str, slot: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.setToolTip(tip)
        button.setAccessibleName(text.rstrip("\u2026"))
        button.clicked.connect(slot)
        return button

    # The list

    def _list(self, row: int = 0) -> None:
        """Show the runs as they are now, and choose the one in a row."""
        self._runs = self._workbench.kept_runs()
        self.table.setRowCount(len(self._runs))
        for at, run in enumerate(self._runs):
            for column, (text, alignment) in enumerate(zip(self._row(run), _COLUMNS.values(), strict=True)):
                item = QTableWidgetItem(text)
                item.setTextAlignment(alignment)
                self.table.setItem(at, column, item)
        self.table.setVisible(bool(self._runs))
        self._empty.setVisible(not self._runs)
        self._note.setText(_HOW if self._runs else "")
        self.table.selectRow(min(row, len(self._runs) - 1))
        self._offer()

    def _row(self, run: SavedRun) -> list[str]:
        summary = run.summary
        texts = (network_text, data_text, epoch_text, cost_text, accuracy_text)
        network, data, epoch, cost, accuracy = (text(summary) for text in texts)
        step, saved = f"{summary.step:,}", time_text(run.saved_at)
        return [network, data, step, epoch, cost, accuracy, saved, self._state(run)]

    def _state(self, run: SavedRun) -> str:
        if run.is_running:
            saved = self._workbench.saved
            return "in this window" if saved is not None and saved.folder == run.folder else "going on elsewhere"
        if run.was_interrupted:
            return "interrupted"
        return "finished" if run.summary.epoch >= run.summary.epochs else "stopped"

    @property
    def _selected(self) -> SavedRun | None:
        rows = self.table.selectionModel().selectedRows()
        return self._runs[rows[0].row()] if rows else None

    @Slot()
    def _offer(self) -> None:
        """Offer only what can be done to the chosen run."""
        run = self._selected
        self.open_folder.setEnabled(run is not None)
        for button in (self.go_on, self.delete):
            button.setEnabled(run is not None and not run.is_running)

    # What can be done

    @Slot()
    def _go_on(self) -> None:
        if self.go_on.isEnabled():
            self.chosen = self._selected
            self.accept()

    @Slot()
    def _open_folder(self) -> None:
        folder = str(self._selected.folder)
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(folder)):
            self._note.setText(f"No program to show folders with was found; it is {folder}")

    @Slot()
    def _delete(self) -> None:
        run, buttons = self._selected, QMessageBox.StandardButton
        question = (
            f"Delete the run that was saved {time_text(run.saved_at)} at step {run.summary.step:,}?\n"
            "It cannot be gone on with any more."
        )
        if QMessageBox.question(self, "Delete run", question, buttons.Yes | buttons.No, buttons.No) != buttons.Yes:
            return
        row = self.table.currentRow()
        try:
            delete(run)
        except UserError as error:
            self._list(row)
            self._note.setText(str(error))
        else:
            self._list(row)
