"""Colours, type and spacing: one place for how the program looks."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

from cnnviz.resource_files import resource

GRID = 8  # pixels; every margin and gap is a multiple or a half of it
TEXT = 13  # pixels: all running text
SMALL = 11  # pixels: axes, captions inside pictures


@dataclass(frozen=True)
class Theme:
    """One set of colours.

    Attributes
    ----------
    name : {"dark", "light"}
    window, surface, raised : str
        Behind the panels; the panels; buttons and fields.
    line : str
        Hairlines between things.
    text, muted : str
        Text, and text of second rank.
    accent, on_accent : str
        The one colour that says "here", and text on it.
    warning : str
        For what went wrong.
    neutral : str
        Zero, on the diverging map.
    positive, negative : str
        The ends of the diverging map (orange and blue: told apart by every kind of colour vision).
    """

    name: str
    window: str
    surface: str
    raised: str
    line: str
    text: str
    muted: str
    accent: str
    on_accent: str
    warning: str
    neutral: str
    positive: str
    negative: str


@cache
def signed_colors(theme: Theme) -> np.ndarray:
    """Return the diverging map, shape (255,), uint32 0xffRRGGBB; entry 127 is zero."""
    stops = [theme.negative, _mixed(theme.negative, theme.neutral, 0.45), theme.neutral]
    stops += [_mixed(theme.positive, theme.neutral, 0.45), theme.positive]
    return _table(pg.ColorMap([0.0, 0.25, 0.5, 0.75, 1.0], [QColor(stop) for stop in stops]), 255)


@cache
def magnitude_colors() -> np.ndarray:
    """Return a perceptually even map for values from 0 up, shape (256,), uint32 0xffRRGGBB."""
    return _table(pg.colormap.get("viridis"), 256)


@cache
def grey_colors() -> np.ndarray:
    """Return black to white for images, shape (256,), uint32 0xffRRGGBB."""
    levels = np.arange(256, dtype=np.uint32)
    return np.uint32(0xFF000000) | levels << 16 | levels << 8 | levels


DARK = Theme(
    name="dark",
    window="#14161a",
    surface="#1c1f25",
    raised="#2a2e37",
    line="#3f4654",
    text="#e8eaee",
    muted="#9aa1ae",
    accent="#2ec4b6",
    on_accent="#06211e",
    warning="#ff7b72",
    neutral="#2b2f38",
    positive="#ffab40",
    negative="#4da3ff",
)
LIGHT = Theme(
    name="light",
    window="#eceef2",
    surface="#ffffff",
    raised="#f3f5f8",
    line="#bcc4cf",
    text="#1b1f27",
    muted="#5d6675",
    accent="#0b7f75",
    on_accent="#ffffff",
    warning="#b3261e",
    neutral="#f1f2f4",
    positive="#c2570c",
    negative="#1259b8",
)


def system_theme(app: QApplication) -> Theme:
    """Return the theme that the desktop asks for; dark where it does not say."""
    return LIGHT if app.styleHints().colorScheme() == Qt.ColorScheme.Light else DARK


def text_font() -> QFont:
    """Return the font of all running text, with figures of equal width."""
    return _font(TEXT)


def small_font() -> QFont:
    """Return the font of captions, with figures of equal width."""
    return _font(SMALL)


def apply_theme(app: QApplication, theme: Theme) -> None:
    """Give every widget of ``app`` the theme's colours and fonts."""
    pg.setConfigOptions(background=theme.surface, foreground=theme.muted, imageAxisOrder="row-major", antialias=False)
    app.setFont(text_font())
    app.setPalette(_palette(theme))
    app.setStyleSheet(_stylesheet(theme))


def _font(pixels: int) -> QFont:
    font = QFont(QApplication.font())
    font.setPixelSize(pixels)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def _mixed(a: str, b: str, share: float) -> str:
    """Return the colour a ``share`` of the way from ``a`` to ``b``."""
    first, second = QColor(a), QColor(b)
    parts = [(getattr(first, p)(), getattr(second, p)()) for p in ("red", "green", "blue")]
    return QColor(*(round(x + share * (y - x)) for x, y in parts)).name()


def _table(colors: pg.ColorMap, size: int) -> np.ndarray:
    red, green, blue = colors.getLookupTable(nPts=size, alpha=False).astype(np.uint32).T
    return np.uint32(0xFF000000) | red << 16 | green << 8 | blue


def _palette(theme: Theme) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for roles, color in (
        ((role.Window,), theme.window),
        ((role.Base, role.ToolTipBase), theme.surface),
        ((role.Button, role.AlternateBase), theme.raised),
        ((role.Mid, role.Dark), theme.line),
        ((role.WindowText, role.Text, role.ButtonText, role.ToolTipText, role.BrightText), theme.text),
        ((role.PlaceholderText,), theme.muted),
        ((role.Highlight, role.Accent, role.Link), theme.accent),
        ((role.HighlightedText,), theme.on_accent),
    ):
        for each in roles:
            palette.setColor(each, QColor(color))
    for each in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, each, QColor(theme.muted))
    return palette


def _url(name: str) -> str:
    """Return a resource as style sheets name it."""
    return resource(name).as_posix()


def _stylesheet(theme: Theme) -> str:
    return f"""
    QMainWindow, QDialog {{ background: {theme.window}; }}
    QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
    QMainWindow::separator {{ background: {theme.window}; width: 6px; height: 6px; }}
    QMainWindow::separator:hover {{ background: {theme.accent}; }}
    QSplitter::handle {{ background: transparent; }}
    QSplitter::handle:hover {{ background: {theme.accent}; }}
    QToolTip {{ background: {theme.raised}; color: {theme.text}; border: 1px solid {theme.line}; padding: 4px; }}
    QDockWidget > QWidget {{ background: {theme.surface}; }}
    #panelTitle {{ background: {theme.surface}; }}
    #offer {{ border-left: 3px solid {theme.accent}; }}
    #panelTitle QLabel {{ font-weight: 600; }}
    QTabBar {{ qproperty-drawBase: 0; }}
    QTabBar::tab {{ background: {theme.window}; color: {theme.muted}; border: none; padding: 4px 16px;
        border-bottom: 2px solid {theme.window}; }}
    QTabBar::tab:selected {{ background: {theme.surface}; color: {theme.text}; border-bottom-color: {theme.accent}; }}
    QTabBar::tab:hover {{ color: {theme.accent}; }}
    QLabel[role="muted"] {{ color: {theme.muted}; }}
    QLabel[role="warning"] {{ color: {theme.warning}; }}
    QLabel[role="small"] {{ color: {theme.muted}; font-size: {SMALL}px; }}
    QLabel[role="hint"] {{ background: {theme.surface}; border-left: 3px solid {theme.accent}; padding: 8px 12px; }}
    QListWidget {{ background: {theme.surface}; border: none; outline: none; padding: 4px; }}
    QListWidget::item {{ padding: 6px 8px; border-radius: 4px; }}
    QListWidget::item:hover {{ color: {theme.accent}; }}
    QListWidget::item:selected {{ background: {theme.accent}; color: {theme.on_accent}; }}
    QTableWidget {{ background: {theme.surface}; border: none; outline: none; }}
    QTableWidget::item {{ padding: 0 5px; }}  /* Fusion adds 3 */
    QTableWidget::item:selected {{ background: {theme.accent}; color: {theme.on_accent}; }}
    QHeaderView {{ background: {theme.surface}; }}
    QHeaderView::section {{ background: {theme.surface}; color: {theme.muted}; border: none; padding: 8px; }}
    QToolBar {{ background: {theme.surface}; border: none; padding: 4px 8px; spacing: 6px; }}
    QMenuBar {{ background: {theme.surface}; }}
    QStatusBar {{ background: {theme.surface}; color: {theme.muted}; }}
    QStatusBar::item {{ border: none; }}
    QPushButton, QToolButton, QComboBox, QAbstractSpinBox, QLineEdit {{
        background: {theme.raised}; border: 1px solid {theme.line}; border-radius: 4px; padding: 3px 8px;
        min-height: 18px; }}
    QPushButton:hover, QToolButton:hover, QComboBox:hover {{ border-color: {theme.accent}; }}
    QPushButton:focus, QToolButton:focus, QComboBox:focus, QAbstractSpinBox:focus, QLineEdit:focus {{
        border-color: {theme.accent}; }}
    QPushButton:pressed, QToolButton:pressed, QToolButton:checked, QPushButton:checked {{
        background: {theme.accent}; color: {theme.on_accent}; border-color: {theme.accent}; }}
    QPushButton:disabled, QToolButton:disabled, QComboBox:disabled, QAbstractSpinBox:disabled {{
        color: {theme.muted}; }}
    QPushButton[role="primary"], QToolButton[role="primary"] {{
        background: {theme.accent}; color: {theme.on_accent}; border-color: {theme.accent}; font-weight: 600; }}
    QPushButton[role="primary"]:disabled {{
        background: {theme.raised}; color: {theme.muted}; border-color: {theme.line}; }}
    QToolButton[role="flat"] {{ background: transparent; border: none; padding: 0 4px; color: {theme.muted}; }}
    QToolButton[role="flat"][current="true"] {{ color: {theme.text}; }}
    QToolButton[role="flat"]:hover {{ color: {theme.accent}; }}
    QComboBox {{ combobox-popup: 0; }}  /* a list, not a menu, whose chosen line would be dark on dark */
    QComboBox::drop-down {{ border: none; width: 20px; }}
    QComboBox::down-arrow, QAbstractSpinBox::down-arrow {{ image: url({_url("chevron-down.svg")}); width: 12px; }}
    QAbstractSpinBox::up-arrow {{ image: url({_url("chevron-up.svg")}); width: 12px; }}
    QAbstractSpinBox {{ padding: 3px 2px; }}
    QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ background: transparent; border: none; width: 14px; }}
    QAbstractSpinBox[role="compact"] {{ padding: 3px 0; }}
    QAbstractSpinBox[role="compact"]::up-button, QAbstractSpinBox[role="compact"]::down-button {{ width: 0; }}
    QAbstractSpinBox[role="compact"]::up-arrow, QAbstractSpinBox[role="compact"]::down-arrow {{ image: none; }}
    QComboBox QAbstractItemView {{ background: {theme.raised}; border: 1px solid {theme.line}; outline: none;
        selection-background-color: {theme.accent}; selection-color: {theme.on_accent}; }}
    QCheckBox::indicator {{ width: 13px; height: 13px; border: 1px solid {theme.muted}; border-radius: 3px;
        background: {theme.raised}; }}
    QCheckBox::indicator:disabled {{ border-color: {theme.line}; background: transparent; }}
    QCheckBox::indicator:hover, QCheckBox::indicator:focus {{ border-color: {theme.accent}; }}
    QCheckBox::indicator:checked {{ background: {theme.accent}; border-color: {theme.accent};
        image: url({_url("check.svg")}); }}
    QRadioButton::indicator {{ width: 9px; height: 9px; border: 1px solid {theme.muted}; border-radius: 5px;
        background: {theme.raised}; }}
    QRadioButton::indicator:hover, QRadioButton::indicator:focus {{ border-color: {theme.accent}; }}
    QRadioButton::indicator:checked {{ background: {theme.accent}; border-color: {theme.accent}; }}
    QRadioButton:focus {{ color: {theme.accent}; }}
    QMenu {{ background: {theme.raised}; border: 1px solid {theme.line}; padding: 4px; }}
    QMenu::item {{ padding: 4px 24px; border-radius: 3px; }}
    QMenu::item:selected, QMenuBar::item:selected {{ background: {theme.accent}; color: {theme.on_accent}; }}
    QMenu::separator {{ height: 1px; background: {theme.line}; margin: 4px 8px; }}
    QScrollArea, QScrollArea > QWidget > QWidget {{ background: transparent; border: none; }}
    QScrollBar:vertical {{ background: transparent; width: 8px; }}
    QScrollBar::handle:vertical {{ background: {theme.line}; border-radius: 4px; min-height: 24px; }}
    QScrollBar::add-line:vertical, QScrollBar::sub-line:vertical {{ height: 0; }}
    QAbstractScrollArea::corner {{ background: transparent; }}
    QScrollBar:horizontal {{ background: transparent; height: 8px; }}
    QScrollBar::handle:horizontal {{ background: {theme.line}; border-radius: 4px; min-width: 24px; }}
    QScrollBar::add-line:horizontal, QScrollBar::sub-line:horizontal {{ width: 0; }}
    QProgressBar {{ background: {theme.raised}; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }}
    QProgressBar::chunk {{ background: {theme.accent}; border-radius: 3px; }}
    QSlider::groove:horizontal {{ background: {theme.line}; height: 4px; border-radius: 2px; }}
    QSlider::sub-page:horizontal {{ background: {theme.accent}; border-radius: 2px; }}
    QSlider::handle:horizontal {{ background: {theme.text}; width: 12px; margin: -4px 0; border-radius: 6px; }}
    QSlider::handle:horizontal:focus {{ background: {theme.accent}; }}
    """
