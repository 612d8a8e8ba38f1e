"""MNIST's test digits, enlarged, written as picture files and read again: how much of the accuracy is left?

Run it in the repository as ``python -m tests.benchmarks.dropped_digits --data-dir DIR``. Each digit is enlarged
tenfold, saved as PNG, read and prepared as ``predict`` and the window do with a dropped picture, and classified.
Beside it stands the accuracy on the digits as they are.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from cnnviz.commands.console import bar, deliver, percent
from cnnviz.commands.evaluate import revive
from cnnviz.data import load_dataset
from cnnviz.data.preparation import prepare_picture, read_picture
from cnnviz.errors import UserError
from cnnviz.formats import SavedParameters, read_parameters
from cnnviz.resource_files import SHIPPED, resource

WAYS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table, or with ``--json`` one object."""
    args = _parser().parse_args(arguments)
    try:
        result = measure(read_parameters(args.params or resource(SHIPPED)), args.data_dir, args.factor, args.limit)
        deliver(result, args.json, table(result))
    except UserError as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


def measure(saved: SavedParameters, data_dir: Path | None, factor: int, limit: int | None) -> dict[str, object]:
    """Return the accuracy on the digits as they are, and by each way of enlarging them on black and white paper."""
    digits = load_dataset("mnist", data_dir).test
    images, labels = digits.batch(np.arange(len(digits))[:limit])
    network, parameters = revive(saved)

    def accuracy(prepared: np.ndarray) -> float:
        answers = network.predict(saved.normalization.apply(prepared), parameters).argmax(axis=1)
        return float((answers == labels).mean())

    result = {"digits": len(images), "factor": factor, "as they are": accuracy(images)}
    for name, way in WAYS.items():
        for paper in ("black", "white"):
            result[f"{name}, on {paper}"] = accuracy(dropped(images, factor, way, paper == "white"))
    return result


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dropped_digits", description="Read enlarged MNIST digits from files.")
    parser.add_argument("--params", type=Path, metavar="FILE", help="a parameter file (default: the shipped one)")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="folder of MNIST (default: CNNVIZ_DATA_DIR)")
    parser.add_argument("--factor", type=int, default=10, metavar="N", help="how often enlarged (default: 10)")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N digits")
    parser.add_argument("--json", metavar="FILE|-", help="write the result as JSON to a file, or to standard output")
    return parser


def dropped(images: np.ndarray, factor: int, way: Image.Resampling, on_white: bool) -> np.ndarray:
    """Return what becomes of images (N, 28, 28), light on black, that are enlarged, saved, read and prepared."""
    prepared = np.empty_like(images)
    with tempfile.TemporaryDirectory() as folder, bar(len(images), "reading", " files") as progress_bar:
        path = Path(folder) / "digit.png"
        for index, image in enumerate(images):
            picture = Image.fromarray(255 - image if on_white else image)
            picture.resize((picture.width * factor, picture.height * factor), way).save(path, compress_level=1)
            prepared[index] = prepare_picture(read_picture(path))
            progress_bar.update()
    return prepared


def table(result: dict[str, object]) -> str:
    """Return the result in lines for people."""
    plain = result["as they are"]
    lines = [f"{result['digits']:,} MNIST test digits, enlarged {result['factor']}-fold, saved as PNG and read again"]
    lines += [
        f"{name:<20} {percent(share):>9}   {100 * (share - plain):+.2f} points"
        for name, share in list(result.items())[2:]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
