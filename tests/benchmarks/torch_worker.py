"""PyTorch's side of ``against_pytorch``: a process of its own, run by any Python that has torch.

It is started with a number of threads, answers each line of JSON on standard input with one on standard output, and
sleeps in between. Its first line is ``{"torch": version}``, with null for the version where torch is not there.
Networks, optimisers and settings are PyTorch's as its tutorials write them: eager, all defaults.
"""

import itertools
import json
import sys
import time
from collections.abc import Callable
from functools import cache

try:
    import torch
    from torch import nn
except ModuleNotFoundError:
    torch = None

WARM_UP_SECONDS = 0.3
IMAGES = 1024  # to take batches from; a single batch would soon be learnt by heart


def main() -> None:
    """Answer requests until standard input ends."""
    _answer({"torch": torch and torch.__version__})
    if torch is None:
        return
    torch.set_num_threads(int(sys.argv[1]))
    for line in sys.stdin:
        request = json.loads(line)
        call = _prepare(request["kind"], request["preset"], request["batch_size"])
        _answer({"seconds_per_call": _seconds_per_call(call, request["seconds"])})


def _answer(message: dict[str, object]) -> None:
    print(json.dumps(message), flush=True)


@cache
def _prepare(kind: str, preset: str, batch_size: int) -> Callable[[], object]:
    """Return what is timed, warmed up."""
    torch.manual_seed(0)
    call = {"training": _training, "inference": _inference}[kind](NETWORKS[preset](), preset, batch_size)
    _seconds_per_call(call, WARM_UP_SECONDS)
    return call


def _seconds_per_call(call: Callable[[], object], seconds: float) -> float:
    """Return the time that a call takes, as ``cnnviz.commands.throughput`` does."""
    began, count = time.perf_counter(), 0
    while not count or time.perf_counter() - began < seconds:
        call()
        count += 1
    return (time.perf_counter() - began) / count


def _training(network: "nn.Module", preset: str, batch_size: int) -> Callable[[], float]:
    """Return a training step: normalised images ready in memory -> both passes, update, cost as a number."""
    optimizer = OPTIMIZERS[preset](network.parameters())
    images = max(IMAGES, batch_size)
    x, labels = torch.randn(images, 1, 28, 28), torch.randint(0, 10, (images,))
    batches = itertools.cycle(list(zip(x.split(batch_size), labels.split(batch_size), strict=True)))

    def step() -> float:
        images, labels = next(batches)
        optimizer.zero_grad()
        cost = nn.functional.cross_entropy(network(images), labels)
        cost.backward()
        optimizer.step()
        return cost.item()

    return step


def _inference(network: "nn.Module", preset: str, batch_size: int) -> Callable[[], object]:
    """Return a function that gives the probabilities of ``batch_size`` images."""
    network.eval()
    x = torch.randn(batch_size, 1, 28, 28)

    def predict() -> object:
        with torch.inference_mode():
            return network(x).softmax(1)

    return predict


def _zhou() -> "nn.Module":
    return nn.Sequential(nn.Conv2d(1, 8, 3, bias=False), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1352, 10))


def _escontrela() -> "nn.Module":
    return nn.Sequential(
        nn.Conv2d(1, 8, 5),
        nn.ReLU(),
        nn.Conv2d(8, 8, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(800, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def _keras() -> "nn.Module":
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(9216, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
    )


NETWORKS = {"zhou": _zhou, "escontrela": _escontrela, "keras": _keras}
OPTIMIZERS = {
    "zhou": lambda parameters: torch.optim.SGD(parameters, lr=0.005),
    "escontrela": lambda parameters: torch.optim.Adam(parameters, lr=0.001),
    "keras": lambda parameters: torch.optim.Adam(parameters, lr=0.001),
}

if __name__ == "__main__":
    main()
