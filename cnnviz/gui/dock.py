"""A panel in a frame that can be moved, floated and closed."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QSize, Qt, Slot
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QLabel, QToolButton, QToolTip, QWidget

from cnnviz.gui import icons
from cnnviz.gui.keys import keep_key_for_focus
from cnnviz.gui.panels.panel import Panel
from cnnviz.gui.theme import GRID, Theme


class PanelDock(QDockWidget):
    """The frame of one panel: its title, an (i), and buttons for its menu, to float and to close."""

    def __init__(self, panel: Panel, parent: QWidget) -> None:
        super().__init__(panel.title, parent)
        self.panel = panel
        self.setObjectName(f"dock-{panel.name}")
        self.setWidget(panel)
        self._buttons: dict[QToolButton, Callable[[QPainter], None]] = {}
        self.setTitleBarWidget(self._make_title_bar())
        self.visibilityChanged.connect(self._tell_panel)

    def event(self, event: QEvent) -> bool:
        """Leave keys to the focused control where it needs them; a floating dock is a window of its own."""
        return keep_key_for_focus(event) or super().event(event)

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``, and so does the panel."""
        for button, draw in self._buttons.items():
            button.setIcon(icons.icon(draw, theme.muted))
        self.panel.apply_theme(theme)

    def _make_title_bar(self) -> QWidget:
        bar = QWidget()
        bar.setObjectName("panelTitle")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(bar)
        row.setContentsMargins(GRID, GRID // 2, GRID // 2, GRID // 2)
        row.setSpacing(GRID // 2)
        row.addWidget(QLabel(self.panel.title))
        self._about = self._button(icons.info, f"What one sees in {self.panel.title}", self._explain)
        self._about.setToolTip(f"<p>{self.panel.about}</p>")
        row.addWidget(self._about)
        row.addStretch(1)
        self._menu = self._button(icons.menu, f"Menu of {self.panel.title}", self._show_menu)
        self._menu.setToolTip(f"Copy and save what {self.panel.title} shows (right click, Shift+F10)")
        row.addWidget(self._menu)
        row.addWidget(self._button(icons.detach, f"Float {self.panel.title}", self._toggle_floating))
        row.addWidget(self._button(icons.close, f"Close {self.panel.title}; the View menu brings it back", self.close))
        return bar

    def _button(self, draw: Callable[[QPainter], None], name: str, slot: Callable[[], object]) -> QToolButton:
        button = QToolButton()
        button.setProperty("role", "flat")
        button.setIconSize(QSize(14, 14))
        button.setAccessibleName(name)
        button.setToolTip(name)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(slot)
        self._buttons[button] = draw
        return button

    @Slot(bool)
    def _tell_panel(self, is_in_front: bool) -> None:
        if is_in_front:
            self.panel.catch_up()

    @Slot()
    def _explain(self) -> None:
        position = self._about.mapToGlobal(self._about.rect().bottomLeft())
        QToolTip.showText(position, self._about.toolTip(), self._about)

    @Slot()
    def _show_menu(self) -> None:
        self.panel.menu_wanted.emit(self._menu.mapToGlobal(self._menu.rect().bottomLeft()))

    @Slot()
    def _toggle_floating(self) -> None:
        self.setFloating(not self.isFloating())
