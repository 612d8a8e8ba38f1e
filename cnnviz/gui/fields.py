"""What all number fields have in common."""

from PySide6.QtWidgets import QAbstractSpinBox


def settle(field: QAbstractSpinBox) -> None:
    """Align the number with the text of other fields, and let Enter give the keys back to the window."""
    field.lineEdit().setTextMargins(4, 0, 0, 0)
    field.lineEdit().returnPressed.connect(field.clearFocus)
