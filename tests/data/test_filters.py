import numpy as np
import pytest

from cnnviz.data.filters import fill_valleys, greatest_around, label_components, mean_around

PICTURE = np.random.default_rng(0).random((13, 17)).astype(np.float32)


def squares(picture, reach, padding):
    padded = np.pad(picture, reach, **padding)
    size = 2 * reach + 1
    return np.lib.stride_tricks.sliding_window_view(padded, (size, size))


@pytest.mark.parametrize("reach", [0, 1, 3, 20])
def test_that_means_and_greatest_values_are_those_of_the_square_around(reach):
    wanted = squares(PICTURE.astype(float), reach, {"mode": "edge"}).mean(axis=(2, 3))
    np.testing.assert_allclose(mean_around(PICTURE, reach), wanted, atol=1e-6)
    wanted = squares(PICTURE, reach, {"constant_values": -1}).max(axis=(2, 3))
    np.testing.assert_array_equal(greatest_around(PICTURE, reach), wanted)


def test_that_only_what_is_dark_and_narrow_is_filled():
    rows, columns = np.mgrid[:40, :50].astype(np.float32)
    paper = 100 + rows + 2 * columns
    paper[columns > 30 + rows / 2] = 20  # a shadow with a straight edge
    inked = paper.copy()
    inked[10:30, 8:12] = 0
    np.testing.assert_array_equal(fill_valleys(paper, 3), paper)
    filled = fill_valleys(inked, 3)
    np.testing.assert_array_equal(filled[columns > 20], paper[columns > 20])
    assert (filled[inked == 0] >= paper[inked == 0] - 4 * 2).all()
    assert fill_valleys(inked, 1)[20, 10] == 0


def neighbours_by_flooding(mask):
    labels, count = np.zeros(mask.shape, int), 0
    for start in zip(*np.nonzero(mask), strict=True):
        count += not labels[start]
        pending = [] if labels[start] else [start]
        while pending:
            row, column = pending.pop()
            around = np.s_[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
            labels[row, column] = count
            fresh = np.argwhere(mask[around] & (labels[around] == 0))
            pending += [(row - min(row, 1) + i, column - min(column, 1) + j) for i, j in fresh]
            labels[around][mask[around]] = count
    return labels, count


@pytest.mark.parametrize("density", [0, 0.1, 0.3, 0.5, 0.7, 1])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (20, 23)])
def test_that_regions_are_those_found_by_flooding(shape, density):
    for seed in range(5):
        mask = np.random.default_rng(seed).random(shape) < density
        labels, count = label_components(mask)
        wanted, wanted_count = neighbours_by_flooding(mask)
        assert count == wanted_count
        assert len(set(zip(labels.flat, wanted.flat, strict=True))) == len(set(wanted.flat))
        np.testing.assert_array_equal(labels > 0, mask)


def test_that_a_spiral_is_one_region():
    mask = np.zeros((61, 61), bool)
    row, column, length = 30, 30, 2
    for turn in range(28):
        down, across = [(0, 1), (1, 0), (0, -1), (-1, 0)][turn % 4]
        for _ in range(length):
            mask[row, column] = True
            row, column = row + down, column + across
        length += 2 * (turn % 2)
    assert label_components(mask)[1] == 1
