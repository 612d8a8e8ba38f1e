"""How much gradient arrives at a max pooling layer, and how much each tie policy hands back."""

import math

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QRadioButton, QWidget

from cnnviz.explain.layers.maxpool2d import TIE_POLICIES
from cnnviz.explain.routing import Flow, Routing
from cnnviz.gui.pooling import policy_text, ratio_text
from cnnviz.gui.theme import DARK, GRID, Theme, small_font
from cnnviz.nn import TIES

LEAST_ROW = 13  # pixels of a policy's row
_OWN = "in use"  # marks the policy that the run trains with
_CAPTION, _WIDE = "out / in ", 240  # before each ratio, from so many pixels on
_PALE = 0.45  # opacity of what arrives
_LEVEL = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip
_LEFT, _RIGHT = _LEVEL | Qt.AlignmentFlag.AlignLeft, _LEVEL | Qt.AlignmentFlag.AlignRight


class RoutingMeter(QWidget):
    """A row for each tie policy: above what arrives, below what is handed out, from zero to both sides.

    The policy whose row is chosen is the one to be shown.

    Attributes
    ----------
    routing : Routing or None
        What is shown; None: not known yet.
    buttons : dict of QRadioButton
        Tie policy -> the button that chooses it.
    """

    chosen = Signal(str)  # a tie policy
    hovered = Signal(str)  # what is under the mouse, in words; empty when nothing is

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.routing: Routing | None = None
        self._own = ""
        self._theme = DARK
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QRadioButton] = {}
        for ties in TIES:
            button = QRadioButton(ties, self)
            button.setFont(small_font())
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
            button.setAccessibleName(f"Ties: {ties}")
            button.setToolTip(f"{TIE_POLICIES[ties].tip} (what if; Up and Down choose)")
            self._group.addButton(button)
            self.buttons[ties] = button
        self._group.buttonClicked.connect(self._tell_choice)
        self.setAccessibleName("Gradient in and out")
        self.setToolTip(
            "For each tie policy the gradient that arrives (pale) and that is handed out (strong), summed up below and "
            "above zero: routing neither makes nor loses any, unless several tied cells get all of it"
        )
        self.setFont(small_font())
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def apply_theme(self, theme: Theme) -> None:
        """Take on the colours of ``theme``."""
        self._theme = theme
        self.update()

    def show_routing(self, routing: Routing | None, own: str, shown: str) -> None:
        """Show ``routing``, None while it is not known; ``own`` is the policy of the run, ``shown`` the chosen one."""
        self.routing, self._own = routing, own
        self.buttons[shown].setChecked(True)
        for ties, button in self.buttons.items():
            button.setAccessibleDescription("" if routing is None else policy_text(routing, ties))
        self.update()

    @Slot(QAbstractButton)
    def _tell_choice(self, button: QAbstractButton) -> None:
        self.chosen.emit(button.text())

    # Places

    def resizeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Put the buttons at the beginnings of their rows."""
        for ties, button in self.buttons.items():
            row = self._row(ties)
            button.setGeometry(row.x(), row.y(), button.sizeHint().width(), row.height())

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the least height and any width."""
        return QSize(0, LEAST_ROW * len(TIES))

    def _row(self, ties: str) -> QRect:
        index = TIES.index(ties)
        top, bottom = (i * self.height() // len(TIES) for i in (index, index + 1))
        return QRect(0, top, self.width(), bottom - top)

    def _columns(self) -> tuple[int, int]:
        """Return where the bars begin, and where they end."""
        metrics = self.fontMetrics()
        widest = max(button.sizeHint().width() for button in self.buttons.values())
        right = metrics.horizontalAdvance(f"{self._caption()}88.88 \u2713") + GRID
        return widest + metrics.horizontalAdvance(_OWN) + GRID + GRID // 2, self.width() - right

    def _caption(self) -> str:
        """Return what the ratios are called, where there is room for it."""
        return _CAPTION if self.width() > _WIDE else ""

    # Painting

    def bars(self) -> dict[str, tuple[list[QRectF], list[QRectF]]]:
        """Return, for each tie policy, the bars below and above zero: of what arrives, and of what is handed out."""
        routing = self.routing
        flows = [] if routing is None else [routing.arriving, *routing.handed_out.values()]
        if not all(math.isfinite(flow.magnitude) for flow in flows):
            return {}
        below, above = (max((abs(getattr(flow, side)) for flow in flows), default=0.0) for side in ("below", "above"))
        if not below + above > 0:
            return {}
        left, right = self._columns()
        step = (right - left) / (below + above)
        zero = left + below * step

        def pair(flow: Flow, top: float, height: float) -> list[QRectF]:
            return [
                QRectF(zero + min(part, 0.0) * step, top, abs(part) * step, height) for part in (flow.below, flow.above)
            ]

        found = {}
        for ties in TIES:
            row = self._row(ties)
            height = (row.height() - 3) // 2
            top = row.y() + (row.height() - 2 * height) // 2
            found[ties] = pair(routing.arriving, top, height), pair(routing.handed_out[ties], top + height, height)
        return found

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the bars and the ratios."""
        with QPainter(self) as painter:
            painter.fillRect(event.rect(), QColor(self._theme.surface))
            _, right = self._columns()
            if self._own:
                row = self._row(self._own)
                button = self.buttons[self._own]
                painter.setPen(QColor(self._theme.accent))
                painter.drawText(row.adjusted(button.width() + GRID // 2, 0, 0, 0), _LEFT, _OWN)
            for arriving, handed in self.bars().values():
                for bars, opacity in ((arriving, _PALE), (handed, 1.0)):
                    painter.setOpacity(opacity)
                    for bar, color in zip(bars, (self._theme.negative, self._theme.positive), strict=True):
                        painter.fillRect(bar, QColor(color))
                painter.setOpacity(1.0)
            for ties in TIES:
                self._paint_ratio(painter, ties, right)

    def _paint_ratio(self, painter: QPainter, ties: str, left: int) -> None:
        row = self._row(ties).adjusted(left, 0, 0, 0)
        text = "\u2026" if self.routing is None else f"{self._caption()}{ratio_text(self.routing, ties)}"
        painter.setPen(QColor(self._theme.text if self.buttons[ties].isChecked() else self._theme.muted))
        painter.drawText(row, _RIGHT, text)

    # What the user does

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Read out the row under the mouse."""
        index = min(int(event.position().y()) * len(TIES) // max(self.height(), 1), len(TIES) - 1)
        self.hovered.emit("" if self.routing is None else policy_text(self.routing, TIES[max(index, 0)]))

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Let go of the row."""
        self.hovered.emit("")
