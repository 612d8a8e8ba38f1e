"""``cnnviz evaluate``: scoring a parameter file."""

from argparse import Namespace

import numpy as np

from cnnviz.commands.console import bar, check_json_destination, deliver, follow, percent, recall_line
from cnnviz.commands.datasets import load_with_bar
from cnnviz.data import default_dataset, head
from cnnviz.formats import SavedParameters, read_parameters
from cnnviz.nn import ARCHITECTURES, Network, Parameters
from cnnviz.training.evaluation import Evaluation, evaluate


def run(args: Namespace) -> int:
    """Score the parameters on the test images."""
    check_json_destination(args.json)
    saved = read_parameters(args.params)
    network, parameters = revive(saved)
    name = args.dataset or default_dataset(args.data_dir)
    images = head(load_with_bar(name, args.data_dir).test, args.test_size)
    normalization = saved.test_normalization or saved.normalization
    with bar(len(images), "testing", " images") as progress_bar:
        scores = evaluate(network, parameters, images, normalization, follow(progress_bar))
    deliver(_result(scores), args.json, f"{args.params} on {name}: {_summary(scores)}")
    return 0


def revive(saved: SavedParameters) -> tuple[Network, Parameters]:
    """Return the network of a parameter file, ready to run."""
    network = ARCHITECTURES[saved.architecture]()
    return network, Parameters.from_flat(network.parameter_shapes, saved.parameters)


def _result(scores: Evaluation) -> dict[str, object]:
    return {
        "samples": scores.samples,
        "accuracy": scores.accuracy,
        "loss": scores.loss,
        "recall": scores.recall,
        "confusion": scores.confusion,
    }


def _summary(scores: Evaluation) -> str:
    heading = "digit taken for 0 to 9 (columns)"
    rows = [f"{digit:>5} {''.join(f'{count:>6}' for count in row)}" for digit, row in enumerate(scores.confusion)]
    return "\n".join(
        [
            f"accuracy {percent(scores.accuracy)}, loss {scores.loss:.4f}, on {scores.samples:,} images",
            recall_line(scores.recall),
            heading,
            f"{'':>5} {''.join(f'{digit:>6}' for digit in np.arange(10))}",
            *rows,
        ]
    )
