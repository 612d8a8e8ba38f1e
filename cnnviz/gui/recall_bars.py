"""How many of each digit were recognised: ten bars."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter

from cnnviz.gui.score_picture import CAPTION, ScorePicture, draw_upright, share_text, write
from cnnviz.gui.theme import Theme
from cnnviz.training.evaluation import CLASSES

LEFT, RIGHT = 40, 2  # pixels: caption and figures of the axis; room for the last bar
BOTTOM = 2 * CAPTION  # digits and their caption
ROOM_FOR_FIGURES = 21  # pixels a bar from which on its figure stands above it


class RecallBars(ScorePicture):
    """A bar a digit: the share of its images that were recognised."""

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a comfortable size."""
        return QSize(160, 140)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the size below which bars cannot be told apart."""
        return QSize(LEFT + RIGHT + 9 * CLASSES, BOTTOM + CAPTION + 40)

    def bar(self, digit: int) -> QRectF:
        """Return where the bar of ``digit`` stands; of no height where the digit does not occur."""
        field = self._field(digit)
        recall = 0.0 if self.evaluation is None else float(self.evaluation.recall[digit])
        height = field.height() * recall if recall == recall else 0.0  # NaN: no image of that digit
        inset = max(field.width() // 8, 1)
        return QRectF(field.left() + inset, field.bottom() - height, field.width() - 2 * inset, height)

    def part_at(self, position: QPointF) -> int | None:
        """Return the digit whose bar, or room for a bar, is at ``position``."""
        fields = (self._field(digit).adjusted(0, 0, 0, CAPTION) for digit in range(CLASSES))
        return next((digit for digit, field in enumerate(fields) if field.contains(position)), None)

    def describe(self, part: int) -> str:
        """Return the recall of digit ``part`` in figures."""
        row = self.evaluation.confusion[part]
        if not row.sum():
            return f"no {part} among the {self.kind}"
        return f"recall of {part}: {share_text(int(row[part]), int(row.sum()))}"

    def paint(self, painter: QPainter, theme: Theme, pointed: int | None) -> None:
        """Draw axes and bars."""
        self._paint_axis(painter, theme)
        for digit in range(CLASSES):
            field = self._field(digit)
            label = QRectF(field.left(), field.bottom() + 1, field.width(), CAPTION)
            write(painter, label, str(digit), theme.text if digit == pointed else theme.muted)
            if self.evaluation is not None:
                self._paint_bar(painter, theme, digit, pointed in (None, digit))

    def _paint_axis(self, painter: QPainter, theme: Theme) -> None:
        plot = self._plot()
        for share in (0, 50, 100):
            y = round(plot.bottom() - plot.height() * share / 100)
            painter.setPen(QColor(theme.line))
            painter.drawLine(round(plot.left()), y, round(plot.right()), y)
            figure = QRectF(0, y - CAPTION / 2, plot.left() - 4, CAPTION)
            write(painter, figure, str(share), theme.muted, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        draw_upright(painter, QRectF(0, plot.top() - CAPTION, CAPTION, plot.height() + 2 * CAPTION), "recall, %")
        write(painter, QRectF(plot.left(), plot.bottom() + CAPTION, plot.width(), CAPTION), "digit", theme.muted)

    def _paint_bar(self, painter: QPainter, theme: Theme, digit: int, bright: bool) -> None:
        bar, color = self.bar(digit), QColor(theme.accent)
        color.setAlphaF(1.0 if bright else 0.55)
        painter.fillRect(bar, color)
        if self._plot().width() >= ROOM_FOR_FIGURES * CLASSES and bar.height():
            above = self._field(digit)
            above.setTop(bar.top() - CAPTION)
            above.setHeight(CAPTION)
            write(painter, above, f"{100 * self.evaluation.recall[digit]:.0f}", theme.text)

    def _plot(self) -> QRectF:
        return QRectF(LEFT, CAPTION, self.width() - LEFT - RIGHT, self.height() - CAPTION - BOTTOM)

    def _field(self, digit: int) -> QRectF:
        plot = self._plot()
        width = plot.width() / CLASSES
        left, right = (round(plot.left() + width * edge) for edge in (digit, digit + 1))
        return QRectF(left, plot.top(), right - left, plot.height())
