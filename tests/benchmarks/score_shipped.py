"""Score the parameters that come with the program, and write down how they were made and how they do.

Run it in the repository, after the two commands of the README that make them, as
``python -m tests.benchmarks.score_shipped --drawings FILE --split PARAMS --writers N,...``. It writes
``resources/shipped.json``: the command, the settings that the file of parameters itself holds, its SHA-256, and the
scores on test digits. People's drawings have all been learnt by the shipped parameters, so they are read by ``PARAMS``
instead, made in the same way but without those of the ``--writers``, on whom they are scored in the real window.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from cnnviz.commands.evaluate import revive
from cnnviz.data import load_dataset
from cnnviz.data.drawings import read_drawings
from cnnviz.errors import UserError
from cnnviz.formats import read_parameters
from cnnviz.resource_files import SHIPPED, resource
from cnnviz.training.evaluation import evaluate
from tests.benchmarks.replay_strokes import compare, predict, replay

COMMAND = (
    "python main.py train --preset escontrela --dataset mnist --train-size 60000 --mix strokes:0.1 "
    "--mix pendigits-train.gz:0.1 --augment gentle --epochs 24 --batch-size 64 --lr 0.002 --schedule cosine "
    "--out resources/shipped.npz"
)
SOURCES = (
    "MNIST's 60,000 training digits; digits that cnnviz generates; 7,494 digits by 30 writers from E. Alpaydin and "
    "F. Alimoglu, Pen-Based Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998 (CC BY 4.0), in "
    "their original form, as pendigits-train.gz"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write the file beside the parameters."""
    parser = argparse.ArgumentParser(prog="score_shipped", description="Score the parameters that come with cnnviz.")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="folder of MNIST (default: CNNVIZ_DATA_DIR)")
    parser.add_argument("--drawings", type=Path, required=True, metavar="FILE", help="people's labelled drawings")
    parser.add_argument("--split", type=Path, required=True, metavar="PARAMS", help="made without some of the writers")
    parser.add_argument("--writers", required=True, metavar="N,...", help="whose drawings these have not learnt")
    args = parser.parse_args(arguments)
    path = resource(SHIPPED)
    try:
        scores = {name: _score(path, name, args.data_dir) for name in ("mnist", "strokes")}
        scores["held-out writers"] = _score_split(args)
    except UserError as fault:
        print(fault, file=sys.stderr)
        return 1
    facts = {
        "made_by": COMMAND,
        "made_from": SOURCES,
        "training": read_parameters(path).training,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "scores": scores,
    }
    path.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(scores, indent=1))
    return 0


def _score(path: Path, dataset: str, data_dir: Path | None) -> dict[str, object]:
    """Return the scores of the parameters in ``path`` on the test digits of ``dataset``."""
    saved = read_parameters(path)
    result = evaluate(*revive(saved), load_dataset(dataset, data_dir).test, saved.normalization)
    recall = [round(float(each), 4) for each in result.recall]
    return {"digits": result.samples, "accuracy": result.accuracy, "loss": round(result.loss, 4), "recall": recall}


def _score_split(args: argparse.Namespace) -> dict[str, object]:
    """Return how those are read in the window whom ``args.split`` has not learnt."""
    held_out = [int(each) for each in args.writers.split(",")]
    drawings = [each for each in read_drawings(args.drawings) if each.writer in held_out]
    result = compare(drawings, replay(drawings, args.split), predict(drawings, args.split))
    return {
        "what": "the same command without these writers; their pens replayed as mouse events in the window",
        "writers": held_out,
        "digits": len(drawings),
        "accuracy": round(float(result["window"]["accuracy"]), 4),
        "recall": [round(float(each), 4) for each in result["window"]["recall"]],
    }


if __name__ == "__main__":
    sys.exit(main())
