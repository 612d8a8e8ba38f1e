"""Pictures from elsewhere: through the file dialog, dropped, pasted."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QCoreApplication, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from cnnviz.data.drawing import Drawing
from cnnviz.data.preparation import PreparationError, prepare_picture, prepare_strokes, read_picture
from cnnviz.errors import UserError
from cnnviz.gui import picture_dialog, reading_dialog
from cnnviz.gui.main_window import MainWindow
from cnnviz.gui.picture_dialog import PASTED, PictureDialog, picture_in, read_for_pad
from cnnviz.gui.theme import DARK
from cnnviz.gui.workbench import Workbench

SEVEN = [np.array([(10, 10), (50, 8), (90, 10), (60, 60), (40, 120)], float)]
CONTROL = Qt.KeyboardModifier.ControlModifier


def paper(factor: int = 5) -> np.ndarray:
    """Return a dark seven on light paper, uint8 (28 factor, 28 factor)."""
    return 255 - np.kron(prepare_strokes(SEVEN), np.ones((factor, factor), np.uint8))


def colored(alpha: np.ndarray | None = None) -> np.ndarray:
    """Return the seven in red, on white or, with ``alpha``, on nothing."""
    dark = paper() < 128
    pixels = np.zeros((*dark.shape, 4), np.uint8)
    pixels[...] = (255, 255, 255, 255)
    pixels[dark] = (150, 20, 20, 255)
    if alpha is not None:
        pixels[..., 3] = alpha
    return pixels


def as_qimage(pixels: np.ndarray) -> QImage:
    height, width = pixels.shape[:2]
    return QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "seven.png"
    Image.fromarray(paper()).save(path)
    return path


@pytest.fixture
def rest(window: MainWindow, wait_until: Callable[..., None]) -> Callable[[], None]:
    """Return a function that waits until no picture is being read."""
    return lambda: wait_until(lambda: not window.findChildren(PictureDialog))


def mime(*paths: Path, image: QImage | None = None) -> QMimeData:
    data = QMimeData()
    if paths:
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    if image is not None:
        data.setImageData(image)
    return data


HOW = (Qt.DropAction.CopyAction,)
WITH = (Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)


def drag(window: MainWindow, data: QMimeData) -> bool:
    """Drag ``data`` to the pad; return whether it is taken."""
    enter = QDragEnterEvent(window.drawing.pad.mapTo(window, QPoint(50, 50)), *HOW, data, *WITH)
    enter.ignore()
    QCoreApplication.sendEvent(window, enter)
    return enter.isAccepted()


def drop(window: MainWindow, data: QMimeData) -> bool:
    """Drag ``data`` to the pad and let it go there; return whether it is taken."""
    is_taken = drag(window, data)
    if is_taken:
        place = window.drawing.pad.mapTo(window, QPointF(50, 50))
        QCoreApplication.sendEvent(window, QDropEvent(place, *HOW, data, *WITH))
    return is_taken


# Reading


def test_that_a_file_is_read_and_prepared_as_by_predict(file: Path) -> None:
    picture = read_for_pad(file)
    assert picture.title == "seven.png"
    assert np.array_equal(picture.prepared, prepare_picture(read_picture(file)))
    assert np.array_equal(picture.pixels, paper())


@pytest.mark.parametrize("alpha", [None, "ink alone"])
def test_that_a_pasted_picture_is_read_as_its_file_would_be(tmp_path: Path, alpha: str | None) -> None:
    pixels = colored() if alpha is None else colored(np.where(paper() < 128, 255, 0))
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    pasted, read = read_for_pad(as_qimage(pixels)), read_for_pad(tmp_path / "picture.png")
    assert pasted.title == PASTED
    assert np.array_equal(pasted.prepared, read.prepared)
    assert np.array_equal(pasted.pixels, read.pixels)
    assert pasted.prepared.max() == 255


@pytest.mark.parametrize("width", [1, 3, 61, 62])
def test_that_the_rows_of_a_pasted_picture_of_any_width_are_told_apart(width: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (5, width, 4)).astype(np.uint8)
    assert np.array_equal(picture_dialog._rgba(as_qimage(pixels)), pixels)


def test_that_a_large_picture_is_kept_no_larger_than_the_pad_shows_it(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.fromarray(paper(60)).save(path)
    assert max(read_for_pad(path).pixels.shape) <= 600


@pytest.mark.parametrize("level", [20, 250])
def test_that_ink_on_nothing_is_shown_on_paper_on_which_it_is_seen(tmp_path: Path, level: int) -> None:
    pixels = np.full((*paper().shape, 4), level, np.uint8)
    pixels[..., 3] = 255 - paper()
    path = tmp_path / "ink.png"
    Image.fromarray(pixels).save(path)
    shown = read_for_pad(path).pixels
    assert (shown[0, 0] == (255 if level < 128 else 0)).all()
    assert (shown[paper() == 0] == level).all()


def test_that_a_picture_without_ink_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "blank.png"
    Image.fromarray(np.full((50, 50), 200, np.uint8)).save(path)
    with pytest.raises(PreparationError, match=r"^blank\.png: expected .*no ink"):
        read_for_pad(path)


def test_that_of_what_is_dropped_local_files_come_first_and_other_links_are_passed_over(file: Path) -> None:
    image = as_qimage(colored())
    assert picture_in(mime(file, image=image)) == file
    web = mime(image=image)
    web.setUrls([QUrl("https://example.org/seven.png")])
    assert isinstance(picture_in(web), QImage)
    assert picture_in(mime()) is None
    assert picture_in(None) is None


# In the window


def test_that_a_picture_chosen_in_the_dialog_is_shown_and_read(
    window: MainWindow, file: Path, rest: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a: (str(file), ""))
    QTest.keyClick(window, Qt.Key.Key_I, CONTROL)
    rest()
    assert window.drawing.sheet.picture.title == "seven.png"
    assert np.array_equal(window.drawing.view.image, prepare_picture(paper()))
    assert window.drawing.bars.probabilities is not None


def test_that_a_dropped_file_is_shown_and_read(window: MainWindow, file: Path, rest: Callable[[], None]) -> None:
    assert drop(window, mime(file))
    rest()
    assert window.drawing.sheet.picture.title == "seven.png"


def test_that_a_picture_can_be_dropped_on_any_part_of_the_window(window: MainWindow) -> None:
    assert not [child for child in window.findChildren(QWidget) if child.acceptDrops()]


def test_that_a_key_after_a_dropped_picture_labels_it_and_no_digit_in_the_gallery(
    window: MainWindow, file: Path, rest: Callable[[], None]
) -> None:
    own, gallery = window._workbench.own_digits, window.panels["collection"].gallery
    own.keep(Drawing(SEVEN, None), 3)
    window.docks["collection"].raise_()
    QApplication.processEvents()
    gallery.setFocus()
    drop(window, mime(file))
    rest()
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_7)
    assert [digit.label for digit in own.digits.values()] == [3, 7]


def test_that_what_was_wrong_with_one_picture_is_not_told_beside_the_next(
    window: MainWindow, file: Path, rest: Callable[[], None]
) -> None:
    window._show_failure("notes.txt: expected a picture")
    drop(window, mime(file))
    rest()
    assert not window._notice_bar.isVisible()


def test_that_the_dialog_for_pictures_opens_where_the_last_one_was(
    window: MainWindow, file: Path, rest: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = []
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a: (folders.append(a[2]), (str(file), ""))[1])
    for _ in range(2):
        window.open_picture()
        rest()
    assert folders[1] == str(file.parent) != folders[0]


def test_that_the_pad_shows_while_a_picture_is_dragged_that_it_goes_there(window: MainWindow, file: Path) -> None:
    pad = window.drawing.pad
    drag(window, mime(file))
    assert pad.grab().toImage().pixelColor(1, 30).name() == DARK.accent
    QCoreApplication.sendEvent(window, QDragLeaveEvent())
    assert pad.grab().toImage().pixelColor(1, 30).name() == "#000000"
    drop(window, mime(file))
    assert pad.grab().toImage().pixelColor(1, 30).name() == "#000000"


def test_that_dropped_text_is_left_alone(window: MainWindow) -> None:
    data = QMimeData()
    data.setText("seven")
    assert not drop(window, data)


@pytest.mark.parametrize("what", ["file", "image"])
def test_that_ctrl_v_pastes_a_copied_file_or_picture(
    window: MainWindow, file: Path, rest: Callable[[], None], what: str
) -> None:
    clipboard = QGuiApplication.clipboard()
    clipboard.setMimeData(mime(file) if what == "file" else mime(image=as_qimage(colored())))
    QTest.keyClick(window, Qt.Key.Key_V, CONTROL)
    rest()
    clipboard.clear()
    assert window.drawing.sheet.picture.title == ("seven.png" if what == "file" else PASTED)


def test_that_without_a_picture_in_the_clipboard_one_line_says_so(window: MainWindow) -> None:
    QGuiApplication.clipboard().clear()
    window.paste_picture()
    assert "found none" in window._notice.text()


def test_that_a_refused_file_is_told_and_nothing_is_lost(
    window: MainWindow, tmp_path: Path, rest: Callable[[], None]
) -> None:
    pad = window.drawing.pad
    QTest.mouseClick(pad, Qt.MouseButton.LeftButton, pos=pad.rect().center())
    path = tmp_path / "notes.txt"
    path.write_text("no picture")
    drop(window, mime(path))
    rest()
    assert "notes.txt: expected a PNG" in window._notice.text()
    assert "\n" not in window._notice.text()
    assert len(window.drawing.strokes) == 1


def test_that_any_fault_of_a_decoder_is_told_in_one_line(
    window: MainWindow, file: Path, rest: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> np.ndarray:
        raise MemoryError("too much")

    monkeypatch.setattr(picture_dialog, "read_picture", fail)
    window.read_picture(file)
    rest()
    assert "MemoryError: too much" in window._notice.text()


class Gate:
    """Holds up the reading of pictures until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_open = False
        self.entered: list[str] = []
        monkeypatch.setattr(picture_dialog, "read_picture", self._read)

    def _read(self, path: Path) -> np.ndarray:
        self.entered.append(path.name)
        while not self.is_open:
            QTest.qSleep(2)
        return read_picture(path)


def test_that_a_giant_from_the_clipboard_is_refused_before_its_pixels_are_unpacked(peak_of: Callable[..., int]) -> None:
    giant = QImage(20_000, 20_000, QImage.Format.Format_Mono)  # 50 MB; 1.6 GB in colours

    def refuse() -> None:
        with pytest.raises(UserError, match="pasted picture: expected a picture of at most 40 megapixels, found 400"):
            read_for_pad(giant)

    assert peak_of(refuse) < 2**20


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch)


def test_that_a_picture_that_takes_long_can_be_cancelled_and_is_then_passed_over(
    window: MainWindow,
    file: Path,
    gate: Gate,
    rest: Callable[[], None],
    wait_until: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading_dialog, "LONG_MS", 20)
    window.read_picture(file)
    (dialog,) = window.findChildren(PictureDialog)
    wait_until(dialog.isVisible, 2)  # by itself Qt would wait for 4 seconds
    assert dialog.labelText() == "Reading seven.png"
    QTest.qWaitForWindowActive(dialog)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    gate.is_open = True
    rest()
    assert window.drawing.sheet.is_empty


def test_that_of_two_pictures_read_at_once_the_later_one_is_shown(
    window: MainWindow, file: Path, gate: Gate, rest: Callable[[], None], wait_until: Callable[..., None]
) -> None:
    other = file.with_name("other.png")
    other.write_bytes(file.read_bytes())
    window.read_picture(other)
    window.read_picture(file)
    wait_until(lambda: len(gate.entered) == 2)
    gate.is_open = True
    rest()
    assert window.drawing.sheet.picture.title == "seven.png"
    assert not window.drawing.can_redo
    window.drawing.undo()
    assert window.drawing.sheet.is_empty


def test_that_closing_the_window_waits_for_the_picture_that_is_being_read(
    window: MainWindow, file: Path, gate: Gate, wait_until: Callable[..., None]
) -> None:
    window.read_picture(file)
    (dialog,) = window.findChildren(PictureDialog)
    wait_until(lambda: gate.entered)
    later = threading.Timer(0.1, setattr, (gate, "is_open", True))
    later.start()
    window.close()
    assert dialog._thread.isFinished()
    later.join()


# Test digits


def test_that_t_and_m_show_test_digits_on_the_pad_which_become_the_probe(
    window: MainWindow, live: Workbench, wait_until: Callable[..., None]
) -> None:
    QTest.keyClick(window, Qt.Key.Key_T)
    wait_until(lambda: window.refresh() or not window.drawing.sheet.is_empty)
    first = window.drawing.sheet.picture
    assert window.drawing.note.text().startswith(f"{first.title}: a")
    assert np.array_equal(live.snapshot.trace.probe.image, window.drawing.view.image)
    QTest.keyClick(window, Qt.Key.Key_M)
    assert "Ctrl+T" in window._notice.text()
    QTest.keyClick(window, Qt.Key.Key_T, CONTROL)
    wait_until(lambda: window.refresh() or live.snapshot.history.tests)
    QTest.keyClick(window, Qt.Key.Key_M)
    wait_until(lambda: window.refresh() or window.drawing.sheet.picture is not first)
    assert window.drawing.bars.winner != window.drawing.sheet.picture.label
    window.drawing.undo()
    assert window.drawing.sheet.picture is first


def test_that_t_typed_into_a_field_stays_there(window: MainWindow, live: Workbench) -> None:
    before = live.probe
    field = window.panels["experiment"].batch_size
    field.setFocus()
    for key in (Qt.Key.Key_T, Qt.Key.Key_M):
        QTest.keyClick(field, key)
    assert live.probe is before


def test_that_the_pad_offers_in_a_menu_what_can_be_shown_on_it(window: MainWindow) -> None:
    texts = [action.text().replace("&", "") for action in window.drawing.load.menu().actions()]
    assert texts == ["Random test digit", "Misread test digit", "Open picture\u2026", "Paste picture"]


def test_that_ctrl_shift_o_opens_the_shipped_parameters(
    window: MainWindow, live: Workbench, wait_until: Callable[..., None]
) -> None:
    pad = window.drawing.pad
    QTest.mouseClick(pad, Qt.MouseButton.LeftButton, pos=pad.rect().center() - QPoint(5, 5))
    QTest.keyClick(window, Qt.Key.Key_O, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    wait_until(lambda: live.poll() or live.snapshot)
    assert live.began_from_file
    assert "come with cnnviz" in window._notice.text()
    assert len(window.drawing.strokes) == 1
