import time

from PySide6.QtCore import QObject
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cnnviz.gui.throttle import Throttle


def test_that_a_throttle_fires_once_for_many_requests_and_keeps_its_distance(qapp: QApplication) -> None:
    parent = QObject()
    throttle = Throttle(0.04, parent)
    times: list[float] = []
    throttle.timeout.connect(lambda: times.append(time.monotonic()))
    for _ in range(3):
        throttle.request()
        throttle.request()
        while throttle.isActive():
            QTest.qWait(1)
    assert len(times) == 3
    assert times[2] - times[0] >= 2 * 0.04 - 0.005


def test_that_a_throttle_fires_within_the_call_where_that_is_wanted_and_not_too_soon(qapp: QApplication) -> None:
    parent = QObject()
    throttle = Throttle(0.04, parent)
    times: list[float] = []
    throttle.timeout.connect(lambda: times.append(time.monotonic()))
    throttle.request_at_once()
    assert len(times) == 1
    throttle.request_at_once()
    throttle.request_at_once()
    assert len(times) == 1
    while throttle.isActive():
        QTest.qWait(1)
    assert len(times) == 2
    assert times[1] - times[0] >= 0.04 - 0.005
