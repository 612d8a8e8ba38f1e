"""The window: transport on top, panels in docks, what is under the mouse at the bottom."""

import logging
import os
import time
from functools import partial
from pathlib import Path
from zlib import crc32

from PySide6.QtCore import QByteArray, QEvent, Qt, QTimer, Slot
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
    QKeyEvent,
    QKeySequence,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QMainWindow,
    QMenu,
    QMessageBox,
    QToolButton,
    QWidget,
)

from cnnviz.data.mnist import MNIST, mnist_folder
from cnnviz.errors import UserError
from cnnviz.formats import FORMATS
from cnnviz.gui.dialogs import PreferencesDialog
from cnnviz.gui.dock import PanelDock
from cnnviz.gui.download_dialog import DownloadDialog
from cnnviz.gui.help_dialog import HelpDialog
from cnnviz.gui.keys import first_stop, keep_key_for_focus
from cnnviz.gui.layout import arrange_docks, resize_docks
from cnnviz.gui.lessons import LESSONS
from cnnviz.gui.lessons_window import LessonsWindow
from cnnviz.gui.nudging import COARSE, FINE
from cnnviz.gui.offers import Offers
from cnnviz.gui.panel_menu import PanelMenus
from cnnviz.gui.panels import PANELS, Panel
from cnnviz.gui.panels.collection import CollectionPanel
from cnnviz.gui.panels.cost import CostPanel
from cnnviz.gui.panels.drawing import DrawingPanel
from cnnviz.gui.panels.experiment import ExperimentPanel
from cnnviz.gui.panels.inspector import InspectorPanel
from cnnviz.gui.panels.movie import MoviePanel
from cnnviz.gui.panels.network import NetworkPanel
from cnnviz.gui.panels.reading import ReadingPanel
from cnnviz.gui.picture_dialog import PictureDialog, picture_in
from cnnviz.gui.reading_dialog import ReadingDialog
from cnnviz.gui.readout import Readout
from cnnviz.gui.runs_dialog import RunsDialog
from cnnviz.gui.settings import Settings, save_settings
from cnnviz.gui.strokes import Picture
from cnnviz.gui.theme import DARK, GRID, LIGHT, Theme, apply_theme, system_theme
from cnnviz.gui.tiles import number
from cnnviz.gui.transport import SPEED_POSITIONS, Transport
from cnnviz.gui.workbench import Workbench
from cnnviz.training.snapshot import Snapshot

log = logging.getLogger(__name__)

PICTURES = "Pictures (*.png *.jpg *.jpeg *.bmp *.gif *.webp *.tif *.tiff *.ppm *.pgm *.pbm);;All files (*)"
LAYOUT_VERSION = crc32(" ".join(panel.name for panel in PANELS).encode()) >> 1  # that of other panels fits no longer
HINT = (  # where nothing else is told: what a newcomer would hardly find
    "Point at any number to see what it is made of, click it to look into it.   "
    "Shift+Right: one step, phase by phase   F2: lessons   F1: all keys"
)
MESSAGE_MS = 10_000  # after which what went well is told no longer, so that there is room for what is under the mouse
TICK_MS = 31  # the display takes what is newest some 32 times a second


class MainWindow(QMainWindow):
    """Shows a workbench.

    Attributes
    ----------
    panels : dict of Panel
        By name.
    docks : dict of PanelDock
        By the name of their panel.
    menus : PanelMenus
    offers : Offers
    """

    def __init__(self, workbench: Workbench, settings: Settings, settings_file: Path | None) -> None:
        super().__init__()
        self.setWindowTitle("cnnviz")
        self.setDockNestingEnabled(True)
        self.setAcceptDrops(True)
        self._workbench = workbench
        self._settings = settings
        self._settings_file = settings_file
        self._settings_are_lost = False
        self._sized = False
        self._pictures_dir = ""
        self._shown: dict[str, tuple[Snapshot, float]] = {}  # panel -> what it shows, and since when
        self.panels: dict[str, Panel] = {panel.name: panel(workbench, self) for panel in PANELS}
        self.docks = {name: PanelDock(panel, self) for name, panel in self.panels.items()}
        self.menus = PanelMenus(workbench, settings, self)
        self.transport = Transport(workbench, self)
        self.addToolBar(self.transport)
        self._make_status_bar()
        self._make_menus()
        self._connect()
        self.offers = Offers(workbench, self.transport.offers, self)
        self.offers.told.connect(self._dismiss)
        self.apply_theme(self._wanted_theme())
        if settings.speed >= 0:
            self.transport.speed.setValue(min(settings.speed, SPEED_POSITIONS))
        workbench.own_digits.set_share(settings.own_share)
        self.inspector.set_back(settings.inspector_back)
        arrange_docks(self, self.docks)
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)  # a coarse one is late by up to a twentieth
        self._timer.timeout.connect(self.refresh)

    @property
    def drawing(self) -> DrawingPanel:
        """The drawing pad's panel."""
        return self.panels[DrawingPanel.name]

    @property
    def inspector(self) -> InspectorPanel:
        """The panel that tells what a number is made of."""
        return self.panels[InspectorPanel.name]

    def start(self) -> None:
        """Begin to show what the workbench does."""
        self._timer.start()

    # Making

    def _make_status_bar(self) -> None:
        self.statusBar().setContentsMargins(GRID - 2, 0, 0, 0)  # in line with the panels; 2 are Qt's own
        self._under_mouse = ""
        self._reading = Readout(HINT, muted=True)
        self._reading.setAccessibleName("Under the mouse")
        self.statusBar().addWidget(self._reading, 1)
        self.statusBar().setSizeGripEnabled(False)
        self.statusBar().setFixedHeight(3 * GRID)  # with a notice as without, so that no panel changes its size
        self._what_if = Readout()
        self._what_if.setAccessibleName("What if")
        self._what_if.hide()
        self.statusBar().addPermanentWidget(self._what_if, 1)
        self._notice = Readout(elide=Qt.TextElideMode.ElideMiddle)  # a cause comes last, after a path
        self._notice.setAccessibleName("Notice")
        dismiss = QToolButton()
        dismiss.setText("\u2715")
        dismiss.setProperty("role", "flat")
        dismiss.setAccessibleName("Dismiss the notice")
        dismiss.setToolTip("Dismiss")
        dismiss.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        dismiss.clicked.connect(self._dismiss)
        self._notice_bar = QWidget()
        row = QHBoxLayout(self._notice_bar)
        row.setContentsMargins(GRID, 0, 0, 0)
        row.addWidget(self._notice, 1)
        row.addWidget(dismiss)
        self._notice_bar.hide()
        self._until = QTimer(self)
        self._until.setSingleShot(True)
        self._until.timeout.connect(self._dismiss)
        self.statusBar().addPermanentWidget(self._notice_bar, 3)

    def _make_menus(self) -> None:
        file = self.menuBar().addMenu("&File")
        self._add(file, "&Open parameters\u2026", "Ctrl+O", self.open_parameters)
        self._add(file, "Open &shipped parameters", "Ctrl+Shift+O", self._workbench.open_shipped)
        self._add(file, "&Export parameters\u2026", "Ctrl+E", self.export_parameters)
        file.addSeparator()
        self._add(file, "&Runs\u2026", "Ctrl+Shift+R", self.show_runs)
        file.addSeparator()
        picture = self._add(file, "Open p&icture\u2026", "Ctrl+I", self.open_picture)
        file.addSeparator()
        self._add(file, "&Download MNIST\u2026", None, self.download_mnist)
        file.addSeparator()
        self._add(file, "&Quit", QKeySequence.StandardKey.Quit, self.close)
        edit = self.menuBar().addMenu("&Edit")
        self._undo = self._add(edit, "&Undo", "Ctrl+Z", self.drawing.undo)
        self._redo = self._add(edit, "&Redo", "Ctrl+Shift+Z", self.drawing.redo)
        self._clear = self._add(edit, "&Clear pad", "Del", self.drawing.clear)
        label = edit.addMenu("This is &a")
        for digit in range(10):
            self._add(label, f"&{digit}", str(digit), partial(self.drawing.label_drawing, digit))
        edit.addSeparator()
        digits = self.drawing.digits
        random = self._add(edit, "Random &test digit", "T", digits.pick_random)
        misread = self._add(edit, "&Misread test digit", "M", digits.pick_misread)
        paste = self._add(edit, "&Paste picture", QKeySequence.StandardKey.Paste, self.paste_picture)
        self.drawing.offer_to_load([random, misread, picture, paste])
        self._offer_edits()
        edit.addSeparator()
        self._add(edit, "Copy &value as NumPy", QKeySequence.StandardKey.Copy, partial(self.menus.copy_meant, "value"))
        self._add(edit, "Copy &gradient as NumPy", "Ctrl+Shift+C", partial(self.menus.copy_meant, "gradient"))
        self._add(edit, "M&enu of the panel", "Shift+F10", self.menus.open_here)
        edit.addSeparator()
        self._add(edit, "&Preferences\u2026", "Ctrl+,", self.edit_preferences)
        run = self.menuBar().addMenu("&Run")
        for action in (self.transport.train, self.transport.step, self.transport.reset, self.transport.new_seed):
            run.addAction(action)
        run.addSeparator()
        movie = self.panels[MoviePanel.name]
        self._add(run, "One step, &phase by phase", "Shift+Right", self.show_next_phase)
        self._add(run, "Phase &before", "Shift+Left", movie.player.back)
        self._add(run, "Play phases, or pa&use", "Shift+Space", movie.player.toggle)
        run.addSeparator()
        self._add(run, "Test &now, or cancel", "Ctrl+T", self._workbench.toggle_evaluation)
        self._make_what_if_menu(run.addMenu("What &if"))
        self._make_view_menu()
        lessons = self.menuBar().addMenu("&Lessons")
        for index, lesson in enumerate(LESSONS):
            key = None if index else "F2"
            self._add(lessons, f"&{index + 1}  {lesson.title}", key, partial(self.show_lesson, index))
        help_ = self.menuBar().addMenu("&Help")
        self._add(help_, "&Help and keys", "F1", self.show_help)

    def _make_what_if_menu(self, menu: QMenu) -> None:
        nudge = self._workbench.nudge_by
        for text, key, sign in (("up", "Up", 1), ("down", "Down", -1)):
            self._add(menu, f"Nudge &{text}", f"Alt+{key}", partial(nudge, sign))
            self._add(menu, f"Nudge {text} a tenth as far", f"Alt+Shift+{key}", partial(nudge, sign * FINE))
            self._add(menu, f"Nudge {text} ten times as far", f"Alt+Pg{key}", partial(nudge, sign * COARSE))
        menu.addSeparator()
        restore = self._add(menu, "&Restore", "Esc", self._workbench.restore)
        keep = self._add(menu, "&Keep", "Ctrl+K", self._workbench.keep)
        self._while_nudged = (restore, keep)
        self._follow_nudge()

    def _make_view_menu(self) -> None:
        view = self.menuBar().addMenu("&View")
        for dock in self.docks.values():
            view.addAction(dock.toggleViewAction())
        view.addSeparator()
        self._add(view, "&Logarithmic cost", "Ctrl+L", self.panels[CostPanel.name].logarithmic.toggle)
        self._add(view, "Inspector: forwards or &back", "B", self._turn_inspector)
        self._add(view, "&Next panel", "F6", partial(self._go_to_panel, 1))
        self._add(view, "&Panel before", "Shift+F6", partial(self._go_to_panel, -1))
        self._add(view, "&Reset layout", None, self.reset_layout)
        self._add(view, "&Full screen", "F11", self.toggle_full_screen)

    def _add(self, menu: QMenu, text: str, key: str | QKeySequence.StandardKey | None, slot: object) -> QAction:
        action = menu.addAction(text)
        if key is not None:
            action.setShortcut(key)
        action.triggered.connect(slot)
        return action

    def _connect(self) -> None:
        workbench = self._workbench
        workbench.run_started.connect(self._dismiss)
        self.drawing.drawing_changed.connect(self._offer_edits)
        workbench.nudge_changed.connect(self._follow_nudge)
        workbench.message.connect(self._show_message)
        workbench.failed.connect(self._show_failure)
        workbench.subject_changed.connect(self._bring_inspector)
        for panel in self.panels.values():
            panel.hovered.connect(self._read)
            self.menus.watch(panel)
        network, experiment = self.panels[NetworkPanel.name], self.panels[ExperimentPanel.name]
        self.panels[ReadingPanel.name].watch(self.drawing)
        network.drawing_wanted.connect(self.drawing.start_following)
        self.panels[CollectionPanel.name].drawing_wanted.connect(self.drawing.lay)
        experiment.download_wanted.connect(self.download_mnist)
        QApplication.styleHints().colorSchemeChanged.connect(self._follow_system)

    # Showing

    @Slot()
    def refresh(self) -> None:
        """Take what is new, and show it in every panel that is seen and due.

        All in one go: one after the other they find in the processor's caches what those before them have used, and
        the window is handed to the screen once. Only while somebody draws it is one at a time, in turns four times as
        short, lest the pen have to wait for all of them.
        """
        draws = self.drawing.pad.pen_is_down
        self._timer.setInterval(TICK_MS // 4 if draws else TICK_MS)
        self._workbench.poll()
        snapshot, now = self._workbench.snapshot, time.monotonic()
        if snapshot is None or self.isMinimized():
            return
        due = [panel for panel in self.panels.values() if self._is_due(panel, snapshot, now)]
        if draws:
            due = sorted(due, key=self._shown_since)[:1]
        for panel in due:
            self._shown[panel.name] = snapshot, now
            panel.show_snapshot(snapshot)

    def _is_due(self, panel: Panel, snapshot: Snapshot, now: float) -> bool:
        shown, since = self._shown.get(panel.name, (None, 0.0))
        is_time = now - since >= panel.interval - TICK_MS / 2000  # at the nearest tick
        return shown is not snapshot and is_time and panel.is_seen

    def _shown_since(self, panel: Panel) -> float:
        return self._shown.get(panel.name, (None, 0.0))[1]

    @Slot()
    def _bring_inspector(self) -> None:
        """Show the number that was chosen."""
        if self._workbench.subject is not None:
            self._raise_inspector()

    @Slot()
    def _turn_inspector(self) -> None:
        """Show the other of the inspector's views, or first of all the inspector."""
        if self.inspector.is_seen:
            self.inspector.toggle_view()
        self._raise_inspector()

    def _raise_inspector(self) -> None:
        dock = self.docks[InspectorPanel.name]
        dock.show()
        dock.raise_()

    def _go_to_panel(self, step: int) -> None:
        """Give the keys to the next panel that is seen, or to the one before, so that Tab need not pass by all others.

        Not to a floating one: that is a window of its own.
        """
        panels = (panel for panel in self.panels.values() if panel.is_seen and panel.window() is self)
        stops = {panel: stop for panel in panels if (stop := first_stop(panel)) is not None}
        focus = self.focusWidget()
        now = next((at for at, panel in enumerate(stops) if panel.isAncestorOf(focus)), -1 if step > 0 else 0)
        if stops:
            list(stops.values())[(now + step) % len(stops)].setFocus(Qt.FocusReason.TabFocusReason)

    @Slot()
    def _offer_edits(self) -> None:
        """Offer only what can be done to the drawing as it is."""
        self._undo.setEnabled(self.drawing.can_undo)
        self._redo.setEnabled(self.drawing.can_redo)
        self._clear.setEnabled(not self.drawing.sheet.is_empty)

    @Slot(str)
    def _read(self, line: str) -> None:
        """Tell what is under the mouse; where that is nothing, and there is room, what could be done."""
        self._under_mouse = line
        has_room = self._what_if.isHidden() and self._notice_bar.isHidden()
        self._reading.setText(line or (HINT if has_room else ""))

    @Slot()
    def _follow_nudge(self) -> None:
        """Say in plain sight that what is shown is not the run; Esc is left to others where nothing is nudged."""
        nudge = self._workbench.nudge
        for action in self._while_nudged:
            action.setEnabled(nudge is not None)
        if nudge is not None:
            change = f"{number(nudge.before)} \u2192 {number(nudge.value)}"
            self._what_if.setText(f"what if: {nudge.place}: {change} (Esc restores)")
        self._what_if.setVisible(nudge is not None)
        self._read(self._under_mouse)

    @Slot(str)
    def _show_message(self, line: str) -> None:
        log.info("%s", line)
        self._show_notice(line, self._theme.text)
        self._until.start(MESSAGE_MS)

    @Slot(str)
    def _show_failure(self, line: str) -> None:
        log.warning("%s", line)
        self._show_notice(line, self._theme.warning)

    def _show_notice(self, line: str, color: str) -> None:
        self._until.stop()
        self._notice.setText(line)
        self._notice.setToolTip(line)  # whole, where the window is too narrow for it
        self._notice.set_color(color)
        self._notice_bar.show()
        self._read(self._under_mouse)

    @Slot()
    def _dismiss(self) -> None:
        self._until.stop()
        self._notice_bar.hide()
        self._read(self._under_mouse)

    # Looks

    def _wanted_theme(self) -> Theme:
        named = {"dark": DARK, "light": LIGHT}
        return named.get(self._settings.theme) or system_theme(QApplication.instance())

    def apply_theme(self, theme: Theme) -> None:
        """Give everything the colours of ``theme``."""
        self._theme = theme
        apply_theme(QApplication.instance(), theme)
        self._what_if.set_color(theme.accent)
        self.transport.apply_theme(theme)
        for dock in self.docks.values():
            dock.apply_theme(theme)
        for lessons in self.findChildren(LessonsWindow):
            lessons.apply_theme(theme)
        self._shown.clear()

    @Slot()
    def _follow_system(self) -> None:
        if self._settings.theme == "system":
            self.apply_theme(self._wanted_theme())

    @Slot()
    def reset_layout(self) -> None:
        """Put every panel back into its first place."""
        self.transport.show()  # should a remembered layout be without it
        arrange_docks(self, self.docks)

    @Slot()
    def toggle_full_screen(self) -> None:
        """Fill the screen, or not."""
        self.showNormal() if self.isFullScreen() else self.showFullScreen()

    def restore_layout(self) -> bool:
        """Take on the remembered place and docks; False where there are none that can be trusted.

        They count as forgotten until Qt has taken them, so that one that crashes Qt does so only once.
        """
        window = self._settings.window()
        if window is None:
            self._save_settings()  # so that it is told now, and not when it ends, where they cannot be written
            return False
        self._settings.forget_window()
        self._save_settings()
        geometry, layout = window
        restored = self.restoreGeometry(QByteArray(geometry)) and self.restoreState(QByteArray(layout), LAYOUT_VERSION)
        self._settings.set_window(geometry, layout)
        self._save_settings()
        self._sized = restored
        return restored

    def event(self, event: QEvent) -> bool:
        """Leave keys to the focused control where it needs them."""
        return keep_key_for_focus(event) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """End a question with Esc, where nothing that has the focus or is nudged wants it."""
        if event.key() != Qt.Key.Key_Escape or not self.transport.offers.dismiss():
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Give the docks their shares once the window has its size."""
        super().showEvent(event)
        if not self._sized:
            self._sized = True
            resize_docks(self, self.docks)

    # Doing

    @Slot()
    def open_parameters(self) -> None:
        """Ask for a parameter file and begin a run from it."""
        patterns = " ".join(f"*{extension}" for each in FORMATS for extension in each.extensions)
        path, _ = QFileDialog.getOpenFileName(
            self, "Open parameters", self._settings.export_dir or str(Path.home()), f"Parameters ({patterns})"
        )
        if path:
            self._try(self._workbench.open, Path(path))

    @Slot()
    def open_picture(self) -> None:
        """Ask for a picture file and show it on the pad."""
        folder = self._pictures_dir or self._settings.export_dir or str(Path.home())
        path, _ = QFileDialog.getOpenFileName(self, "Open picture", folder, PICTURES)
        if path:
            self._pictures_dir = str(Path(path).parent)
            self.read_picture(Path(path))

    @Slot()
    def paste_picture(self) -> None:
        """Show the picture that lies in the clipboard, or the file that was copied there."""
        source = picture_in(QGuiApplication.clipboard().mimeData())
        if source is None:
            self._show_failure("expected a picture in the clipboard, found none: copy a picture or its file first")
        else:
            self.read_picture(source)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Take pictures and their files."""
        if picture_in(event.mimeData()) is not None:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.drawing.pad.show_target(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802
        """Expect nothing any more."""
        self.drawing.pad.show_target(False)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Show the picture on the pad."""
        self.drawing.pad.show_target(False)
        source = picture_in(event.mimeData())
        if source is not None:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.read_picture(source)

    def read_picture(self, source: Path | QImage) -> None:
        """Read a picture, and show it on the pad once it is there; one that is still being read is given up."""
        self._dismiss()  # what was wrong with another picture
        for other in self.findChildren(PictureDialog):
            other.stop()
        dialog = PictureDialog(source, self)
        dialog.arrived.connect(self._show_picture)
        dialog.failed.connect(self._show_failure)
        dialog.start()

    @Slot(object)
    def _show_picture(self, picture: Picture) -> None:
        """Show a picture on the pad; a digit that is typed now is meant for it, not for a digit in the gallery."""
        self.drawing.show_picture(picture)
        self.drawing.pad.setFocus()

    @Slot()
    def export_parameters(self) -> None:
        """Ask where to, and write the newest parameters."""
        snapshot = self._workbench.snapshot
        if snapshot is None:
            self._show_failure("there are no parameters yet: wait until the data are loaded")
            return
        filters = {f"{each.title} (*{each.extensions[0]})": each for each in FORMATS}
        folder = Path(self._settings.export_dir or Path.home())
        proposal = folder / f"{snapshot.config.preset}-step-{snapshot.step}{FORMATS[0].extensions[0]}"
        name, chosen = QFileDialog.getSaveFileName(self, "Export parameters", str(proposal), ";;".join(filters))
        if name:
            path = _with_extension(Path(name), filters[chosen].extensions, proposal)
            is_other = path != Path(name)  # than the one that the dialog has asked about
            if is_other and os.path.exists(path) and not self._may_replace(path):
                return
            self._settings.export_dir = str(path.parent)
            self._try(self._workbench.export, path)

    def _may_replace(self, path: Path) -> bool:
        buttons = QMessageBox.StandardButton
        question = f"{path.name} already exists.\nDo you want to replace it?"
        return QMessageBox.question(self, "Export parameters", question, buttons.Yes | buttons.No) == buttons.Yes

    def _try(self, action: object, path: Path) -> None:
        try:
            action(path)
        except UserError as error:
            self._show_failure(str(error))

    @Slot()
    def show_runs(self) -> None:
        """Let the user go on with a run that is kept."""
        dialog = RunsDialog(self._workbench, self)
        if dialog.exec():
            self.offers.go_on(dialog.chosen)
        dialog.deleteLater()

    @Slot()
    def download_mnist(self) -> None:
        """Fetch MNIST, and train on it once it is there."""
        if MNIST.is_available(self._workbench.config.data_dir):
            self._show_message("MNIST is here already: choose it as data of the experiment")
            return
        dialog = DownloadDialog(mnist_folder(self._workbench.config.data_dir), self)
        dialog.downloaded.connect(self.panels[ExperimentPanel.name].choose_mnist)
        dialog.failed.connect(self._show_failure)
        dialog.start()

    @Slot()
    def show_next_phase(self) -> None:
        """Bring the movie of one step to the front, and go on with it, or begin with that of the next step.

        One that was left behind another tab is gone on with only as long as training has not gone on.
        """
        dock = self.docks[MoviePanel.name]
        movie = dock.panel
        begins = not movie.is_seen and movie.is_behind
        dock.show()
        dock.raise_()
        movie.record_step() if begins else movie.advance()

    @Slot()
    def edit_preferences(self) -> None:
        """Let the user change what is remembered."""
        dialog = PreferencesDialog(self._settings, self)
        if dialog.exec():
            self._settings.theme = dialog.theme.currentData()
            folder = dialog.data_dir.text().strip()
            if folder != self._settings.data_dir:
                self._settings.data_dir = folder
                self._workbench.set_data_dir(Path(folder) if folder else None)
            self.apply_theme(self._wanted_theme())
            self._save_settings()
        dialog.deleteLater()

    @Slot()
    def show_help(self) -> None:
        """Tell what the program is and which keys it knows."""
        dialog = HelpDialog(self)
        dialog.exec()
        dialog.deleteLater()

    def show_lesson(self, index: int) -> None:
        """Open the lesson of that number in ``LESSONS``, in the window of the lessons if there is one."""
        shown = (window for window in self.findChildren(LessonsWindow) if window.isVisible())
        lessons = next(shown, None) or LessonsWindow(self._theme, self)
        lessons.open_lesson(index)
        lessons.show()
        lessons.activateWindow()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Save what is remembered, and end all that goes on, before the window goes."""
        self._timer.stop()
        self._remember()
        self._workbench.own_digits.finish()
        for dialog in self.findChildren(DownloadDialog):
            dialog.stop()
        for dialog in self.findChildren(ReadingDialog):
            dialog.finish()
        for panel in self.panels.values():
            panel.finish()
        for other in self.findChildren(QWidget):
            if other.isWindow() and other.isVisible():  # a floating panel, or a dialog that waits for an answer
                other.close()
        self.hide()  # nobody is to look at a window that waits until the run is saved
        self._workbench.close()
        event.accept()

    def _remember(self) -> None:
        self._settings.speed = self.transport.speed.value()
        self._settings.inspector_back = self.inspector.is_back
        self._settings.own_share = self._workbench.own_digits.share
        if not self.isFullScreen():
            self._settings.set_window(self.saveGeometry().data(), self.saveState(LAYOUT_VERSION).data())
        self._save_settings()

    def _save_settings(self) -> None:
        """Write the settings; say so where that cannot be, but not again as long as it stays so."""
        if self._settings_file is None:
            return
        was_told, self._settings_are_lost = self._settings_are_lost, False
        try:
            save_settings(self._settings, self._settings_file)
        except UserError as error:
            self._settings_are_lost = True
            if not was_told:
                self._show_failure(f"preferences and layout will not be remembered: {error}")


def _with_extension(path: Path, extensions: tuple[str, ...], proposal: Path) -> Path:
    """Return ``path`` with the first of the chosen format's ``extensions`` where it has none that any format knows.

    A proposed name that was kept follows the choice of another format.
    """
    if path.suffix.lower() in extensions:
        return path
    if path == proposal:
        return path.with_suffix(extensions[0])
    known = {extension for each in FORMATS for extension in each.extensions}
    return path if path.suffix.lower() in known else path.with_name(path.name + extensions[0])
