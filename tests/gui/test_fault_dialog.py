import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton

from cnnviz.gui.fault_dialog import Fault, FaultDialog


def fault(name: str = "first", **changes: object) -> Fault:
    return Fault(f"An unexpected fault: {name}", "Training goes on.", f"Traceback of the {name}", **changes)


@pytest.fixture
def dialog(own, tmp_path):
    return own(FaultDialog(tmp_path, lambda: "versions and log"))


def shown(dialog) -> list[str]:
    return [label.text() for label in dialog.findChildren(QLabel) if label.isVisible()]


def test_that_it_tells_what_happened_and_what_goes_on_with_the_details_folded(dialog):
    dialog.tell(fault())
    assert shown(dialog)[:2] == ["An unexpected fault: first", "Training goes on."]
    assert not dialog.isModal()
    assert not dialog.details.isVisible()
    folded = dialog.height()
    QTest.mouseClick(dialog.unfold, Qt.MouseButton.LeftButton)
    assert dialog.details.isVisible()
    assert "Traceback of the first" in dialog.details.toPlainText()
    QTest.mouseClick(dialog.unfold, Qt.MouseButton.LeftButton)
    assert not dialog.details.isVisible()
    assert dialog.height() == folded


def test_that_no_line_is_cut_off(dialog, qapp):
    dialog.tell(fault("far too long to fit into one line. " * 8, count=1000))
    dialog.tell(fault("second"))
    qapp.processEvents()
    for label in dialog.findChildren(QLabel):
        assert label.isVisible()
        assert label.height() >= label.heightForWidth(label.width())
        assert dialog.rect().contains(label.geometry())


def test_that_a_second_fault_is_counted_in_the_same_dialog(dialog):
    first = fault()
    dialog.tell(first)
    dialog.tell(fault("second"))
    first.count = 1234
    dialog.count()
    assert shown(dialog)[0] == "An unexpected fault: first"
    assert shown(dialog)[2] == "1,234 times so far; 1 other fault: see the details"
    assert "Traceback of the second" in dialog.details.toPlainText()


def test_that_a_fault_that_ends_training_is_told_before_all_others(dialog):
    dialog.tell(fault())
    dialog.tell(Fault("Training stopped", "R begins anew.", "where", ends_training=True))
    assert shown(dialog)[:3] == ["Training stopped", "R begins anew.", "1 other fault: see the details"]


def test_that_what_was_told_is_not_told_again_once_it_is_closed(dialog):
    dialog.tell(fault())
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    dialog.tell(fault("second"))
    assert [each.headline for each in dialog.faults] == ["An unexpected fault: second"]
    assert not any("other" in line for line in shown(dialog))


def test_that_the_report_holds_all_there_is_and_copying_says_so(dialog):
    dialog.tell(fault(count=3))
    dialog.tell(fault("second"))
    width = dialog.copy.width()
    QTest.mouseClick(dialog.copy, Qt.MouseButton.LeftButton)
    text = QGuiApplication.clipboard().text()
    assert text.startswith("An unexpected fault: first\n(3 x)\nTraceback of the first\n\nAn unexpected fault: second\n")
    assert text.endswith("\n\nversions and log")
    assert (dialog.copy.text(), dialog.copy.width()) == ("Copied", width)
    dialog.close()
    assert dialog.copy.text() == "&Copy report"


def test_that_the_log_folder_is_opened_or_named(dialog, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()) or len(opened) == 1)
    dialog.tell(fault())
    before = shown(dialog)
    QTest.mouseClick(dialog.open_folder, Qt.MouseButton.LeftButton)
    assert opened == [str(tmp_path)]
    assert shown(dialog) == before
    QTest.mouseClick(dialog.open_folder, Qt.MouseButton.LeftButton)
    assert shown(dialog)[-1] == f"No program here opens folders; the logs are in {tmp_path}"


def test_that_every_control_is_named_and_in_reach_of_the_keys(dialog):
    dialog.tell(fault())
    for button in dialog.findChildren(QPushButton):
        assert button.text()
        assert button.toolTip()
        assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert dialog.details.accessibleName()
    assert dialog.accessibleDescription() == "An unexpected fault: first. Training goes on."
