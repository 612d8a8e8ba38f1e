"""Files of every kind that the program reads, whole and damaged, and places to write to, some of them impossible."""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import QFileDialog

from cnnviz.data.collection import OwnDigit, adding
from cnnviz.data.collection_files import export_strokes
from cnnviz.data.drawing import Drawing
from cnnviz.data.idx import IDX_PAIRS, write_idx_pair
from cnnviz.formats import SavedParameters, write_parameters
from cnnviz.training.config import TrainingConfig

_EXTENSIONS = (".npz", ".pkl", ".png", ".svg", ".csv", ".json", "", ".txt")


@dataclass(frozen=True)
class Zoo:
    """Paths by what they are for.

    Attributes
    ----------
    files : list of Path
        To be opened: parameters, pictures, drawings, tables; whole, cut off, scrambled, empty, absent, no files at all.
    pictures : list of Path
        Those among them that are whole pictures.
    datasets : list of Path
        Folders of IDX files; the first is whole, and small.
    places : list of Path
        To write to, without an extension; some cannot be written.
    """

    files: list[Path]
    pictures: list[Path]
    datasets: list[Path]
    places: list[Path]


def build(folder: Path, rng: np.random.Generator) -> Zoo:
    """Make all of them below ``folder``."""
    folder.mkdir()
    pictures = _pictures(folder)
    whole = [*_parameter_files(folder), _drawings(folder, rng), *pictures]
    damaged = [copy for path in whole for copy in _damaged(path, rng)]
    odd = [folder / "absent.npz", folder / f"{'n' * 300}.png", folder, folder / "empty.npz", Path("/dev/null")]
    odd[3].write_bytes(b"")
    good, broken, bare = (folder / name for name in ("dataset", "broken-dataset", "no-dataset"))
    _dataset(good, rng)
    _dataset(broken, rng)
    for path in broken.iterdir():
        path.write_bytes(path.read_bytes()[:-100])
    bare.mkdir()
    images = [path for path in good.iterdir() if "images" in path.name]
    out = folder / "out"
    out.mkdir()
    (folder / "file").write_text("no folder")
    places = [
        *(out / f"written-{number}" for number in range(6)),
        *(out / "absent" / "x", folder / "file" / "x", out / ("n" * 300), Path("/proc/x"), out),
    ]
    return Zoo(whole + damaged + odd + images, pictures, [good, broken, bare, folder / "absent"], places)


class Answers:
    """Answers the program's file dialogs, which Qt's static functions open, at random or with nothing (Cancel).

    Attributes
    ----------
    rng : random.Random
        Of the event that is under way.
    """

    def __init__(self, zoo: Zoo) -> None:
        self._zoo = zoo
        self.rng = random.Random(0)

    def install(self) -> None:
        """Take the place of the dialogs."""
        QFileDialog.getOpenFileName = staticmethod(self._to_open)
        QFileDialog.getSaveFileName = staticmethod(self._to_save)
        QFileDialog.getExistingDirectory = staticmethod(self._folder)

    def _to_open(self, *_: object, **__: object) -> tuple[str, str]:
        return ("" if self.rng.random() < 0.1 else str(self.rng.choice(self._zoo.files))), ""

    def _to_save(self, *arguments: object, **__: object) -> tuple[str, str]:
        chosen = self.rng.choice(str(arguments[3] if len(arguments) > 3 else "").split(";;"))
        if self.rng.random() < 0.1:
            return "", ""
        return f"{self.rng.choice(self._zoo.places)}{self.rng.choice(_EXTENSIONS)}", chosen

    def _folder(self, *_: object, **__: object) -> str:
        kind = self.rng.random()
        if kind < 0.1:
            return ""
        return str(self.rng.choice(self._zoo.datasets if kind < 0.7 else self._zoo.places))


def _parameter_files(folder: Path) -> list[Path]:
    paths = []
    for preset in ("escontrela", "zhou"):
        config = TrainingConfig.from_preset(preset, "strokes")
        parameters = config.build().initialize(np.random.default_rng(3))
        saved = SavedParameters(parameters=parameters.flat(), **config.for_file(0, ((0, config.lr),), ()))
        paths.append(folder / f"{preset}.npz")
        write_parameters(paths[-1], saved)
        if preset == "escontrela":
            paths.append(folder / f"{preset}.pkl")
            write_parameters(paths[-1], saved)
    return paths


def _pictures(folder: Path) -> list[Path]:
    paths = []
    for name, width, height in (
        ("seven.png", 60, 80),
        ("wide.jpg", 900, 300),
        ("dot.png", 1, 1),
        ("large.png", 2400, 1600),
    ):
        picture = QImage(width, height, QImage.Format.Format_RGB32)
        picture.fill(QColor("white"))
        painter = QPainter(picture)
        painter.setPen(QPen(QColor("black"), max(1, height // 10)))
        painter.drawPolyline([picture.rect().topLeft(), picture.rect().topRight(), picture.rect().bottomLeft()])
        painter.end()
        paths.append(folder / name)
        assert picture.save(str(paths[-1]))
    return paths


def _drawings(folder: Path, rng: np.random.Generator) -> Path:
    drawings = [Drawing([rng.random((9, 2))], int(label)) for label in rng.integers(0, 10, 12)]
    digits: list[OwnDigit] = [digit for digit in adding(drawings).values() if digit is not None]
    path = folder / "drawings.json"
    export_strokes(path, digits)
    return path


def _damaged(path: Path, rng: np.random.Generator) -> list[Path]:
    """Return copies of which one is cut off, one scrambled, and one is named as something else."""
    content = path.read_bytes()
    scrambled = bytearray(content)
    for place in rng.integers(0, len(content), 20):
        scrambled[place] ^= 1 << int(rng.integers(8))
    variants = {
        f"cut-{path.name}": content[: len(content) * 2 // 3],
        f"scrambled-{path.name}": bytes(scrambled),
        f"disguised-{path.stem}{'.npz' if path.suffix != '.npz' else '.png'}": content,
    }
    for name, changed in variants.items():
        path.with_name(name).write_bytes(changed)
    return [path.with_name(name) for name in variants]


def _dataset(folder: Path, rng: np.random.Generator) -> None:
    folder.mkdir()
    for (images, labels), count in zip(IDX_PAIRS, (300, 60), strict=True):
        noise = rng.integers(0, 256, (count, 28, 28)).astype(np.uint8)
        write_idx_pair(folder / images, folder / labels, noise, rng.integers(0, 10, count).astype(np.uint8))
