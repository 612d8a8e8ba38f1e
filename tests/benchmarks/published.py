"""Training in the style of the two articles: one image at a time, one loop for each index.

Written after Zhou, "CNNs, Part 2" (sections 3 to 5), and Escontrela, "CNNs from the ground up" (step 4): the same loops
around the same NumPy calls, in float64, less what has no part in the time (printing, plotting, reading files). Each
function returns the gradients that one image gives, layer -> parameter -> array.
"""

from collections.abc import Iterator, Mapping

import numpy as np

Arrays = Mapping[str, Mapping[str, np.ndarray]]
Gradients = dict[str, dict[str, np.ndarray]]


def zhou_gradients(image: np.ndarray, label: int, parameters: Arrays) -> Gradients:
    """Go both ways through Zhou's network, maps of shape (H, W, F), for a normalised ``image`` of shape (28, 28)."""
    filters, dense = parameters["conv1"]["weight"][:, 0], parameters["dense1"]
    convolved = np.zeros((26, 26, len(filters)))
    for region, i, j in _regions(image, 26, 3, 1):
        convolved[i, j] = np.sum(region * filters, axis=(1, 2))
    pooled = np.zeros((13, 13, len(filters)))
    for region, i, j in _regions(convolved, 13, 2, 2):
        pooled[i, j] = np.amax(region, axis=(0, 1))
    vector = pooled.transpose(2, 0, 1).flatten()  # the article flattens (H, W, F); ours is PyTorch's order

    dtotals = _softmax(dense["weight"] @ vector + dense["bias"])
    dtotals[label] -= 1
    dpooled = (dense["weight"].T @ dtotals).reshape(len(filters), 13, 13).transpose(1, 2, 0)
    dconvolved = np.zeros_like(convolved)
    for region, i, j in _regions(convolved, 13, 2, 2):
        largest = np.amax(region, axis=(0, 1))
        for i2 in range(2):
            for j2 in range(2):
                for f in range(len(filters)):
                    if region[i2, j2, f] == largest[f]:
                        dconvolved[2 * i + i2, 2 * j + j2, f] = dpooled[i, j, f]
    dfilters = np.zeros_like(filters)
    for region, i, j in _regions(image, 26, 3, 1):
        for f in range(len(filters)):
            dfilters[f] += dconvolved[i, j, f] * region
    return {
        "conv1": {"weight": dfilters[:, np.newaxis]},
        "dense1": {"weight": dtotals[:, np.newaxis] @ vector[np.newaxis], "bias": dtotals},
    }


def _regions(image: np.ndarray, positions: int, size: int, stride: int) -> Iterator[tuple[np.ndarray, int, int]]:
    for i in range(positions):
        for j in range(positions):
            yield image[i * stride : i * stride + size, j * stride : j * stride + size], i, j


def _softmax(totals: np.ndarray) -> np.ndarray:
    exponentials = np.exp(totals)
    return exponentials / np.sum(exponentials)


def escontrela_gradients(image: np.ndarray, label: int, parameters: Arrays) -> Gradients:
    """Go both ways through Escontrela's network, maps of shape (C, H, W), for ``image`` of shape (28, 28)."""
    conv1, conv2, dense1, dense2 = (parameters[name] for name in ("conv1", "conv2", "dense1", "dense2"))
    maps1 = _convolution(image[np.newaxis], conv1["weight"], conv1["bias"])
    maps1[maps1 <= 0] = 0
    maps2 = _convolution(maps1, conv2["weight"], conv2["bias"])
    maps2[maps2 <= 0] = 0
    pooled = _max_pooling(maps2)
    vector = pooled.flatten()
    hidden = dense1["weight"] @ vector + dense1["bias"]
    hidden[hidden <= 0] = 0

    dtotals = _softmax(dense2["weight"] @ hidden + dense2["bias"])
    dtotals[label] -= 1
    dhidden = dense2["weight"].T @ dtotals
    dhidden[hidden <= 0] = 0
    dpooled = (dense1["weight"].T @ dhidden).reshape(pooled.shape)
    dmaps2 = _max_pooling_backward(dpooled, maps2)
    dmaps2[maps2 <= 0] = 0
    dmaps1, conv2_gradients = _convolution_backward(dmaps2, maps1, conv2["weight"])
    dmaps1[maps1 <= 0] = 0
    _, conv1_gradients = _convolution_backward(dmaps1, image[np.newaxis], conv1["weight"])
    return {
        "conv1": conv1_gradients,
        "conv2": conv2_gradients,
        "dense1": {"weight": np.outer(dhidden, vector), "bias": dhidden},
        "dense2": {"weight": np.outer(dtotals, hidden), "bias": dtotals},
    }


def _convolution(image: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    size = filters.shape[-1]
    positions = image.shape[-1] - size + 1
    out = np.zeros((len(filters), positions, positions))
    for f in range(len(filters)):
        for y in range(positions):
            for x in range(positions):
                out[f, y, x] = np.sum(filters[f] * image[:, y : y + size, x : x + size]) + bias[f]
    return out


def _convolution_backward(
    dout: np.ndarray, image: np.ndarray, filters: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    size = filters.shape[-1]
    dimage, dfilters, dbias = np.zeros_like(image), np.zeros_like(filters), np.zeros(len(filters))
    for f in range(len(filters)):
        for y in range(dout.shape[1]):
            for x in range(dout.shape[2]):
                dfilters[f] += dout[f, y, x] * image[:, y : y + size, x : x + size]
                dimage[:, y : y + size, x : x + size] += dout[f, y, x] * filters[f]
        dbias[f] = np.sum(dout[f])
    return dimage, {"weight": dfilters, "bias": dbias}


def _max_pooling(image: np.ndarray) -> np.ndarray:
    channels, height, width = image.shape
    out = np.zeros((channels, height // 2, width // 2))
    for c in range(channels):
        for y in range(height // 2):
            for x in range(width // 2):
                out[c, y, x] = np.max(image[c, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2])
    return out


def _max_pooling_backward(dout: np.ndarray, image: np.ndarray) -> np.ndarray:
    dimage = np.zeros_like(image)
    for c in range(len(dout)):
        for y in range(dout.shape[1]):
            for x in range(dout.shape[2]):
                window = image[c, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
                row, column = np.unravel_index(np.nanargmax(window), window.shape)
                dimage[c, 2 * y + row, 2 * x + column] = dout[c, y, x]
    return dimage
