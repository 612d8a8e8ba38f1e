"""``cnnviz predict``: pictures and pen strokes."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from cnnviz.commands.console import bar, check_json_destination, deliver, percent, recall_line
from cnnviz.commands.evaluate import revive
from cnnviz.data.drawings import Drawing, read_drawings
from cnnviz.data.preparation import PreparationError, prepare_picture, read_picture
from cnnviz.formats import SavedParameters, read_parameters
from cnnviz.resource_files import SHIPPED, resource
from cnnviz.training.evaluation import CLASSES


@dataclass(frozen=True)
class _Item:
    """A prepared image: where it comes from, its pixels (28, 28), and the digit that it is meant to be, if told."""

    source: dict[str, object]
    image: np.ndarray
    label: int | None = None


def run(args: Namespace) -> int:
    """Prepare, classify and report."""
    if not args.images and args.strokes is None:
        args.parser.error("nothing to look at: name pictures, or a file of pen strokes with --strokes FILE")
    check_json_destination(args.json)
    saved = read_parameters(args.params or resource(SHIPPED))
    drawings = read_drawings(args.strokes) if args.strokes else []
    items = list(_prepare(args, drawings))
    probabilities = _classify(np.stack([item.image for item in items]), saved)
    result = _result(items, probabilities)
    deliver(result, args.json, _summary(result))
    return 0


def _prepare(args: Namespace, drawings: list[Drawing]) -> Iterator[_Item]:
    with bar(len(args.images) + len(drawings), "preparing", " images") as progress_bar:
        for path in args.images:
            grey = read_picture(path)
            with _naming(str(path)):
                yield _Item({"file": str(path)}, prepare_picture(grey))
            progress_bar.update()
        for index, drawing in enumerate(drawings):
            with _naming(f"{args.strokes}: item {index}"):
                yield _Item({"index": index}, drawing.prepared(), drawing.label)
            progress_bar.update()


@contextmanager
def _naming(source: str) -> Iterator[None]:
    """Put where an image came from in front of what is wrong with it."""
    try:
        yield
    except PreparationError as fault:
        raise PreparationError(f"{source}: {fault}") from fault


def _classify(images: np.ndarray, saved: SavedParameters) -> np.ndarray:
    """Return the probabilities (N, 10) of images (N, 28, 28)."""
    network, parameters = revive(saved)
    return network.predict(saved.normalization.apply(images), parameters)


def _result(items: list[_Item], probabilities: np.ndarray) -> dict[str, object]:
    """Return what is written as JSON; accuracy and recall only where there are labels."""
    digits = probabilities.argmax(axis=1)
    results = [
        {**item.source, "digit": digit, "probabilities": row}
        for item, digit, row in zip(items, digits.tolist(), probabilities, strict=True)
    ]
    labelled = np.array([item.label is not None for item in items])
    if not labelled.any():
        return {"results": results}
    labels = np.array([item.label for item in items if item.label is not None])
    right = digits[labelled] == labels
    recall = [right[labels == digit].mean() if (labels == digit).any() else np.nan for digit in range(CLASSES)]
    return {"results": results, "accuracy": right.mean(), "recall": np.array(recall)}


def _summary(result: dict[str, object]) -> str:
    lines = [
        f"{each.get('file', each.get('index'))}: {each['digit']} ({percent(float(each['probabilities'].max()))})"
        for each in result["results"]
    ]
    if "accuracy" in result:
        lines += [f"accuracy {percent(result['accuracy'])}", recall_line(result["recall"])]
    return "\n".join(lines)
