from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from cnnviz.gui.readout import Readout
from cnnviz.gui.theme import DARK, LIGHT, apply_theme


def shown(readout: Readout, text: str) -> QImage:
    readout.setText(text)
    return readout.grab().toImage()


def test_that_a_readout_stands_on_the_surface_of_what_holds_it(own, qapp):
    readout = own(Readout("17"))
    readout.resize(80, 20)
    for theme in (LIGHT, DARK):
        apply_theme(qapp, theme)
        assert readout.grab().toImage().pixelColor(79, 0).name() == theme.surface


def test_that_a_readout_shows_every_line_and_cuts_each_of_them_off(own, qapp):
    top = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
    readout = own(Readout(alignment=top))
    readout.resize(60, 60)
    one = shown(readout, "first")
    two = shown(readout, "first\nsecond")
    height = readout.fontMetrics().height()
    assert two.copy(0, 0, 60, height) == one.copy(0, 0, 60, height)
    assert two != one
    below = (0, height, 60, height)
    assert shown(readout, "first\n" + 40 * "!").copy(*below) == shown(readout, "1\n" + 50 * "!").copy(*below)


def test_that_a_readout_can_keep_both_ends_of_a_line(own, qapp):
    readout = own(Readout(elide=Qt.TextElideMode.ElideMiddle))
    readout.resize(160, 20)
    middle = 40 * "long "
    line = shown(readout, f"could not be saved {middle} is full")
    assert line != shown(readout, f"could not be saved {middle} is gone")
    assert line != shown(readout, f"could now be saved {middle} is full")
    assert line == shown(readout, f"could not be saved {middle[5:]} is full")
