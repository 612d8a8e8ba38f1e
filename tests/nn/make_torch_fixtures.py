"""Write fixtures/*.npz: the cases of torch_cases.py, computed by PyTorch in float64.

Needed only where a case is added: ``pip install torch==2.13.0 numpy``, then ``python tests/nn/make_torch_fixtures.py``.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch_cases as cases
from torch import nn
from torch.nn import functional

FIXTURES = Path(__file__).with_name("fixtures")


class Zhou(nn.Module):
    """Conv 8@3x3, max pooling, dense 10."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, bias=False)
        self.dense1 = nn.Linear(1352, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        return self.dense1(functional.max_pool2d(self.conv1(x), 2).flatten(1))


class Escontrela(nn.Module):
    """Twice conv 8@5x5 and ReLU, max pooling, dense 128 and ReLU, dense 10."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5)
        self.conv2 = nn.Conv2d(8, 8, 5)
        self.dense1 = nn.Linear(800, 128)
        self.dense2 = nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        maps = functional.relu(self.conv2(functional.relu(self.conv1(x))))
        hidden = functional.relu(self.dense1(functional.max_pool2d(maps, 2).flatten(1)))
        return self.dense2(hidden)


NETWORKS = {"zhou": Zhou, "escontrela": Escontrela}
OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "momentum": lambda parameters, lr: torch.optim.SGD(parameters, lr, momentum=0.9),
    "adam": torch.optim.Adam,
}


def leaf(array: np.ndarray) -> torch.Tensor:
    """Return a tensor that collects a gradient."""
    return torch.from_numpy(array).requires_grad_()


def convolutions() -> Iterator[tuple[str, np.ndarray]]:
    """Yield output and gradients of each convolution, channels first."""
    for i, case in enumerate(cases.CONVOLUTIONS):
        x, weight, bias = map(leaf, cases.convolution_arrays(case))
        y = functional.conv2d(x, weight, bias, case.stride, case.padding)
        y.backward(torch.from_numpy(cases.output_gradient(tuple(y.shape))))
        for name, tensor in {"y": y, "dx": x.grad, "dweight": weight.grad, "dbias": bias.grad}.items():
            yield f"conv{i}.{name}", tensor.detach().numpy()


def poolings() -> Iterator[tuple[str, np.ndarray]]:
    """Yield output and input gradient of each pooling, channels first."""
    for i, (size, stride) in enumerate(cases.POOLINGS):
        x = leaf(cases.pooling_input())
        y = functional.max_pool2d(x, size, stride)
        y.backward(torch.from_numpy(cases.output_gradient(tuple(y.shape))))
        yield f"pool{i}.y", y.detach().numpy()
        yield f"pool{i}.dx", x.grad.numpy()


def fresh(name: str) -> tuple[nn.Module, dict[str, torch.Tensor]]:
    """Return a network with the initial parameters of ``torch_cases``, and these under the engine's names."""
    network = NETWORKS[name]().double()
    parameters = {key.replace(".", "/"): tensor for key, tensor in network.named_parameters()}
    with torch.no_grad():
        for key, value in cases.initial_parameters(name).items():
            parameters[key].copy_(torch.from_numpy(value))
    return network, parameters


def one_batch(name: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield logits, cost and all gradients for the first batch."""
    network, parameters = fresh(name)
    images, labels = cases.batches(0)
    x = leaf(images)
    logits = network(x)
    cost = functional.cross_entropy(logits, torch.from_numpy(labels))
    cost.backward()
    yield f"{name}.logits", logits.detach().numpy()
    yield f"{name}.cost", cost.detach().numpy()
    yield f"{name}.gradient.input", cases.witness(x.grad.numpy())
    for key, tensor in parameters.items():
        yield f"{name}.gradient.{key.replace('/', '.')}", cases.witness(tensor.grad.numpy())


def training(name: str, optimizer: str, lr: float) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the costs of a few steps and the parameters after them."""
    network, parameters = fresh(name)
    rule, costs = OPTIMIZERS[optimizer](network.parameters(), lr=lr), []
    for step in range(cases.STEPS):
        images, labels = cases.batches(step)
        rule.zero_grad()
        cost = functional.cross_entropy(network(torch.from_numpy(images)), torch.from_numpy(labels))
        cost.backward()
        rule.step()
        costs.append(cost.item())
    yield f"{name}.{optimizer}.costs", np.array(costs)
    for key, tensor in parameters.items():
        yield f"{name}.{optimizer}.{key.replace('/', '.')}", cases.witness(tensor.detach().numpy())


def main() -> None:
    """Write both files."""
    FIXTURES.mkdir(exist_ok=True)
    np.savez_compressed(FIXTURES / "layers.npz", **dict(convolutions()), **dict(poolings()))
    results = {}
    for name in NETWORKS:
        results |= one_batch(name)
        for optimizer, lr in cases.OPTIMIZERS.items():
            results |= training(name, optimizer, lr)
    np.savez_compressed(FIXTURES / "networks.npz", **results)


if __name__ == "__main__":
    main()
