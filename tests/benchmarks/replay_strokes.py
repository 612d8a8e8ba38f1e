"""People's pen strokes, drawn with the mouse on the pad of the real window: what does it read?

Run it in the repository as ``python -m tests.benchmarks.replay_strokes FILE``, with a file of labelled drawings as
``predict --strokes`` takes it, on a display or with ``QT_QPA_PLATFORM=offscreen``. The window opens at 1366 x 768, with
the parameters opened in it. Each drawing is fitted into the pad and drawn by a press, moves and a release at whole
pixels for each stroke; then the likeliest of the ten bars is taken down. Beside it stands what ``predict`` reads in the
very same strokes, unrounded.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtTest import QTest

from cnnviz.commands.console import bar, deliver, percent, recall_line
from cnnviz.commands.evaluate import revive
from cnnviz.data.drawings import Drawing, read_drawings
from cnnviz.data.preparation import prepare_strokes
from cnnviz.errors import UserError
from cnnviz.formats import read_parameters
from cnnviz.gui.app import make_application
from cnnviz.gui.main_window import MainWindow
from cnnviz.gui.pad import Pad
from cnnviz.gui.panels.drawing import DrawingPanel
from cnnviz.gui.settings import Settings
from cnnviz.gui.workbench import Workbench
from cnnviz.resource_files import SHIPPED, resource
from cnnviz.training.config import TrainingConfig

PATIENCE = 60.0  # seconds to wait for what is bound to come
SHARE = 0.75  # of the pad's side, taken by the longer side of a drawing
IMAGES = 40  # of the run that is opened and never goes on
LEFT = Qt.MouseButton.LeftButton


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table, or with ``--json`` one object."""
    args = _parser().parse_args(arguments)
    try:
        drawings = _chosen(read_drawings(args.file), args.writers)[: args.limit]
        path = args.params or resource(SHIPPED)
        result = compare(drawings, replay(drawings, path, args.share), predict(drawings, path))
        deliver(result, args.json, table(result))
    except UserError as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="replay_strokes", description="Draw people's strokes on the window's pad.")
    parser.add_argument("file", type=Path, metavar="FILE", help="labelled drawings, as for predict --strokes")
    parser.add_argument("--params", type=Path, metavar="FILE", help="a parameter file (default: the shipped one)")
    parser.add_argument("--writers", type=_numbers, metavar="N,...", help="only the drawings of these people")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N drawings (of these people)")
    parser.add_argument(
        "--share", type=float, default=SHARE, metavar="X", help=f"of the pad, filled (default: {SHARE})"
    )
    parser.add_argument("--json", metavar="FILE|-", help="write the result as JSON to a file, or to standard output")
    return parser


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _chosen(drawings: Sequence[Drawing], writers: Sequence[int] | None) -> list[Drawing]:
    """Return the labelled drawings of ``writers``, None: of everybody; UserError where there are none."""
    chosen = [each for each in drawings if each.label is not None and (writers is None or each.writer in writers)]
    if not chosen:
        raise UserError("expected drawings with labels, found none by these writers: choose another file, or others")
    return chosen


def predict(drawings: Sequence[Drawing], parameters: Path) -> np.ndarray:
    """Return the digits (N,) that ``predict --strokes`` reads."""
    saved = read_parameters(parameters)
    network, arrays = revive(saved)
    images = np.stack([prepare_strokes(drawing.strokes) for drawing in drawings])
    return network.predict(saved.normalization.apply(images), arrays).argmax(axis=1)


def replay(drawings: Sequence[Drawing], parameters: Path, share: float = SHARE) -> np.ndarray:
    """Return the digits (N,) that the window shows, each drawing with its longer side a ``share`` of the pad's."""
    digits = []
    with _window(parameters) as window, bar(len(drawings), "drawing", " digits", delay=0) as progress_bar:
        hand = Hand(window.drawing)
        for drawing in drawings:
            digits.append(hand.draw(fit(drawing.strokes, window.drawing.pad, share)))
            progress_bar.update()
    return np.array(digits)


@contextmanager
def _window(parameters: Path) -> Iterator[MainWindow]:
    """Open the window with ``parameters``, at rest."""
    app = make_application()
    workbench = Workbench(TrainingConfig.from_preset("escontrela", "strokes", train_size=IMAGES, test_size=IMAGES))
    failures: list[str] = []
    workbench.failed.connect(failures.append)
    window = MainWindow(workbench, Settings(), None)
    try:
        workbench.open(parameters)
        window.start()
        window.resize(1366, 768)
        window.show()
        _wait(lambda: workbench.snapshot or failures)
        if failures:
            raise UserError(failures[0])
        yield window
    finally:
        window.close()
        workbench.close()
        window.deleteLater()
        workbench.deleteLater()
        app.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _wait(until: Callable[[], object]) -> None:
    """Let Qt work until ``until()`` is true; UserError where that never comes."""
    deadline = time.monotonic() + PATIENCE
    while not until():
        if time.monotonic() > deadline:
            raise UserError(
                f"nothing came from the window for {PATIENCE:g} seconds: look at what else the machine does"
            )
        QCoreApplication.processEvents()
        time.sleep(0.0002)


def fit(strokes: Sequence[np.ndarray], pad: Pad, share: float) -> list[list[QPoint]]:
    """Return the whole pixels of ``pad`` where its mouse goes: drawing in the middle, aspect kept."""
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    side = min(pad.width(), pad.height())
    scale = share * side / max((high - low).max(), 1e-9)
    middle = np.array([pad.width(), pad.height()]) / 2
    return [
        [QPoint(x, y) for x, y in np.rint((stroke - (low + high) / 2) * scale + middle).astype(int).tolist()]
        for stroke in strokes
    ]


class Hand:
    """Draws on the pad of a panel with the left button held down, and reads the bars."""

    def __init__(self, panel: DrawingPanel) -> None:
        self._panel = panel
        self._points_read = 0
        panel.drawing_read.connect(self._note_reading)

    def _note_reading(self) -> None:
        self._points_read = self._points()

    def _points(self) -> int:
        return sum(map(len, self._panel.strokes))

    def draw(self, strokes: Sequence[Sequence[QPoint]]) -> int:
        """Draw on the empty pad and return the digit that is the likeliest once all events are read."""
        pad = self._panel.pad
        for stroke in strokes:
            QTest.mousePress(pad, LEFT, pos=stroke[0])
            for point in stroke[1:]:
                QTest.mouseMove(pad, point)
            QTest.mouseRelease(pad, LEFT, pos=stroke[-1])
        _wait(lambda: self._points_read == self._points())
        digit = self._panel.bars.winner
        self._panel.clear()
        return digit


def compare(drawings: Sequence[Drawing], window: np.ndarray, command: np.ndarray) -> dict[str, object]:
    """Return accuracy, recall and accuracy by writer of both, and how many digits (N,) they read in different ways."""
    labels = np.array([drawing.label for drawing in drawings])
    writers = np.array([-1 if drawing.writer is None else drawing.writer for drawing in drawings])
    return {
        "drawings": len(drawings),
        "window": _scores(window == labels, labels, writers),
        "predict": _scores(command == labels, labels, writers),
        "different": int((window != command).sum()),
        "misread": [
            {"number": int(index), "label": int(labels[index]), "window": int(window[index])}
            for index in np.flatnonzero(window != labels)
        ],
    }


def _scores(right: np.ndarray, labels: np.ndarray, writers: np.ndarray) -> dict[str, object]:
    return {
        "accuracy": right.mean(),
        "recall": np.array([right[labels == digit].mean() if digit in labels else np.nan for digit in range(10)]),
        "by_writer": {int(each): right[writers == each].mean() for each in np.unique(writers) if each >= 0},
    }


def table(result: dict[str, object]) -> str:
    """Return the result of ``compare`` in lines for people."""
    lines = [f"{result['drawings']:,} drawings, {result['different']} of them read in different ways"]
    for name in ("window", "predict"):
        scores = result[name]
        lines += [f"{name:<8} accuracy {percent(scores['accuracy'])}", f"{'':<8} {recall_line(scores['recall'])}"]
    by_writer = result["window"]["by_writer"]
    if by_writer:
        lines.append("window, by writer, in %")
        cells = [f"{writer:>3}: {100 * share:5.1f}" for writer, share in by_writer.items()]
        lines += ["  ".join(cells[start : start + 10]) for start in range(0, len(cells), 10)]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
