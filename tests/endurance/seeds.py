"""Small valid files of every format, written by the program itself, or by the tools that people have them from."""

import gzip
import io
import pickle
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from cnnviz.data.collection import adding
from cnnviz.data.collection_files import export_strokes
from cnnviz.data.drawing import Drawing
from cnnviz.data.drawings import write_drawings
from cnnviz.data.idx import write_idx_pair
from cnnviz.data.preprocessing import Normalization
from cnnviz.formats import FORMATS, SavedParameters
from cnnviz.formats.params_pkl import ORDER
from cnnviz.formats.saved_parameters import expected_shapes
from cnnviz.gui.settings import Settings, save_settings

SEVEN = [np.array([[0.2, 0.2], [0.8, 0.2], [0.4, 0.9]]), np.array([[0.3, 0.5], [0.7, 0.5]])]
ONE = [np.array([[0.5, 0.1], [0.5, 0.9]])]
UNIPEN = b"""\
.INCLUDE dene.doc
.LEXICON "0" "1" "2"
.SEGMENT DIGIT 0 ? "8"
.COMMENT 8 12  224
.PEN_DOWN
 267  333
 267  336
 290.5  -12
.PEN_UP
.DT 100
.SEGMENT DIGIT 1-2 ? "4"
.PEN_DOWN
 10 20
.PEN_UP
 11 21
.PEN_DOWN
 30.5 -40
 31 41
.PEN_UP
"""


def npz() -> list[bytes]:
    """Return archives of the small network: as this program writes them, and as ``numpy.savez_compressed`` does."""
    facts = {"preset": "zhou", "dataset": "strokes", "seed": 3, "epochs": 3, "own_digits": None}
    plain = FORMATS[0].encode(SavedParameters("zhou", _weights("zhou"), Normalization(127.5, 255), training=facts))
    scored = SavedParameters("zhou", _weights("zhou"), Normalization(33, 78), Normalization(33, 79))
    return [plain, repacked(unpacked(FORMATS[0].encode(scored)), zipfile.ZIP_DEFLATED)]


def unpacked(archive: bytes) -> dict[str, bytes]:
    """Return the members of a zip archive by name."""
    with zipfile.ZipFile(io.BytesIO(archive)) as members:
        return {name: members.read(name) for name in members.namelist()}


def repacked(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip archive with those members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def pkl() -> list[bytes]:
    """Return pickles of the published network in every protocol, in both published forms."""
    weights = _weights("escontrela")
    arrays = [weights[name].astype(np.float64).reshape(-1, 1) if "bias" in name else weights[name] for name in ORDER]
    costs = [np.float64(0.5), np.float64(0.25), 0.125]
    written = FORMATS[1].encode(SavedParameters("escontrela", weights, Normalization(33, 78)))
    return [
        written,
        *(pickle.dumps([arrays, costs], protocol) for protocol in range(6)),
        pickle.dumps(arrays, 2),
    ]


def _weights(architecture: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    shapes = expected_shapes(architecture)
    # Mostly zeros, so that protocols which write bytes as text stay small.
    return {name: (rng.random(shape) < 0.01).astype(np.float32) for name, shape in shapes.items()}


def idx_images() -> list[bytes]:
    """Return three images, plain and gzipped."""
    return _idx()[0]


def idx_labels() -> list[bytes]:
    """Return three labels, plain and gzipped."""
    return _idx()[1]


def _idx() -> list[list[bytes]]:
    images = np.random.default_rng(1).integers(0, 256, (3, 28, 28)).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder, "images"), Path(folder, "labels")
        write_idx_pair(*paths, images, np.array([3, 1, 4]))
        return [[path.read_bytes(), gzip.compress(path.read_bytes(), mtime=0)] for path in paths]


def pictures() -> list[bytes]:
    """Return small pictures in every format that is read, of several modes."""
    levels = np.full((40, 32), 230, np.uint8)
    levels[8:34, 14:18] = 20
    grey = Image.fromarray(levels)
    colours = Image.merge("RGBA", [grey, grey, grey.point(lambda level: 255 - level), grey])
    deep = Image.fromarray(levels.astype(np.uint16) * 257)
    modes = {
        "PNG": (grey, colours, deep, grey.convert("1"), colours.convert("P")),
        "JPEG": (grey, colours.convert("RGB")),
        "BMP": (grey, colours.convert("RGB")),
        "GIF": (grey, colours.convert("P")),
        "WEBP": (colours,),
        "TIFF": (grey, colours, deep),
        "PPM": (grey, colours.convert("RGB"), deep),
    }
    return [_picture(picture, kind) for kind, those in modes.items() for picture in those] + [
        _picture(grey, "TIFF", compression="tiff_lzw"),
        _picture(grey, "TIFF", compression="tiff_deflate"),
        _picture(colours, "PNG", exif=Image.Exif()),
        _picture(colours.convert("RGB"), "JPEG", exif=_turned(), quality=90),
        b"P2\n3 2\n255\n0 9 255\n9 9 0\n",
    ]


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6  # as the camera was held
    return exif


def _picture(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def drawings() -> list[bytes]:
    """Return strokes in JSON, plain and gzipped."""
    image = np.random.default_rng(3).integers(0, 256, (28, 28)).astype(np.uint8)
    items = [Drawing(SEVEN, 7), Drawing(ONE, None, 3), Drawing([], 3, 12, image), Drawing([ONE[0][:1]], 1)]
    return [*_both(lambda path: write_drawings(path, items)), _written(lambda path: write_drawings(path, items[:2]))]


def unipen() -> list[bytes]:
    """Return digits in UNIPEN, plain and gzipped."""
    return [UNIPEN, gzip.compress(UNIPEN, mtime=0)]


def digits() -> list[bytes]:
    """Return a person's digits as strokes, plain and gzipped, and the images of a pair of IDX files."""
    image = np.random.default_rng(4).integers(0, 256, (28, 28)).astype(np.uint8)
    change = adding([Drawing(SEVEN, 7), Drawing(ONE, 1), Drawing([], 3, image=image)])
    return _both(lambda path: export_strokes(path, list(change.values())))


def settings() -> list[bytes]:
    """Return settings at first, and with a window that is remembered."""
    used = Settings(theme="light", data_dir="/somewhere", speed=40)
    used.set_window(b"\x01\xd9\xd0\xcb" + bytes(60), b"\0\0\0\xff" + bytes(200))
    return [_written(lambda path, each=each: save_settings(each, path)) for each in (Settings(), used)]


def _both(write: Callable[[Path], object]) -> list[bytes]:
    content = _written(write)
    return [content, gzip.compress(content, mtime=0)]


def _written(write: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file.json")
        write(path)
        return path.read_bytes()
