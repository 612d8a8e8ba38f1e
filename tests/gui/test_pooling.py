from dataclasses import replace

import numpy as np
import pytest

from cnnviz.data.preprocessing import Normalization
from cnnviz.explain.routing import Passage
from cnnviz.gui.pooling import (
    CELL_COLUMNS,
    PooledChannel,
    changed_text,
    invitation,
    policy_text,
    pooling_layers,
    ratio_text,
    strongest_channel,
    sums_text,
    tied_text,
    window_text,
    winners,
)
from cnnviz.gui.tiles import figures, number
from cnnviz.nn import TIES, Dense, Flatten, MaxPool2D, Network
from cnnviz.training.snapshot import Probe, trace

IMAGE = np.zeros((4, 4), np.uint8)
IMAGE[:2, :2] = [[1, 5], [5, 2]]  # window (0, 0): tied at 5
IMAGE[:2, 2:] = [[0, 3], [1, 2]]  # window (0, 1): 3 alone; windows (1, 0) and (1, 1) are silent


def pool(ties="first", image=IMAGE, size=2, stride=2):
    """Return what a network of one pooling layer and one dense layer does to ``image``."""
    layers = {"pool1": MaxPool2D(size, stride, ties), "flatten": Flatten(), "dense1": Dense(10)}
    network = Network("pooling alone", layers, (*image.shape, 1))
    parameters = network.initialize(np.random.default_rng(0))
    traced = trace(network, parameters, Probe(image, 3, "made up"), Normalization(0.0, 1.0))
    return PooledChannel.of(Passage.of(traced, "pool1"), network.layers["pool1"], "pool1", 0), traced


def test_that_the_maps_are_those_of_the_trace(snapshot):
    traced = snapshot.trace
    pooled = PooledChannel.of(Passage.of(traced, "pool1"), snapshot.network.layers["pool1"], "pool1", 3)
    np.testing.assert_array_equal(pooled.before, traced.outputs["relu2"][:, :, 3])
    np.testing.assert_array_equal(pooled.maxima, traced.outputs["pool1"][:, :, 3])
    np.testing.assert_array_equal(pooled.arriving, traced.output_gradients["pool1"][:, :, 3])
    np.testing.assert_array_equal(pooled.handed_back, traced.output_gradients["relu2"][:, :, 3])
    np.testing.assert_array_equal(pooled.windows.max(axis=(2, 3)), pooled.maxima)


def test_that_the_scales_reach_beyond_all_channels(snapshot):
    traced = snapshot.trace
    pooled = PooledChannel.of(Passage.of(traced, "pool1"), snapshot.network.layers["pool1"], "pool1", 3)
    assert np.abs(traced.outputs["relu2"]).max() <= pooled.activation_scale
    assert np.abs(traced.output_gradients["relu2"]).max() <= pooled.gradient_scale
    assert np.abs(traced.output_gradients["pool1"]).max() <= pooled.gradient_scale


def test_that_the_parts_handed_to_the_cells_add_up_to_the_gradient_handed_back(snapshot):
    pooled = PooledChannel.of(Passage.of(snapshot.trace, "pool1"), snapshot.network.layers["pool1"], "pool1", 1)
    collected = np.zeros_like(pooled.handed_back)
    for row, column in np.ndindex(pooled.maxima.shape):
        part = collected[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        part += pooled.handed_by((row, column))
    np.testing.assert_array_equal(collected, pooled.handed_back)


def test_that_a_cell_wins_when_it_is_handed_a_part():
    np.testing.assert_array_equal(winners(np.array([0.0, 0.5, 0.5, 1.0])), [False, True, True, True])


@pytest.mark.parametrize(
    ("ties", "cells"), [("first", [(0, 1)]), ("all", [(0, 1), (1, 0)]), ("split", [(0, 1), (1, 0)])]
)
def test_that_ties_decide_how_many_win(ties, cells):
    pooled, _ = pool(ties)
    assert pooled.winning_cells((0, 0)) == cells
    assert pooled.winning_cells((0, 1)) == [(0, 3)]


def test_that_silent_windows_are_those_of_zeros_only_and_count_as_tied():
    pooled, _ = pool()
    np.testing.assert_array_equal(pooled.silent, [[False, False], [True, True]])
    np.testing.assert_array_equal(pooled.tied, [[True, False], [True, True]])


@pytest.mark.parametrize(("size", "stride"), [(3, 2), (2, 1), (2, 3), (3, 3)])
def test_that_windows_may_overlap_or_leave_cells_out(size, stride):
    image = np.random.default_rng(0).permutation(49).reshape(7, 7).astype(np.uint8)
    pooled, traced = pool(image=image, size=size, stride=stride)
    for row, column in np.ndindex(pooled.maxima.shape):
        top, left = row * stride, column * stride
        np.testing.assert_array_equal(
            pooled.windows[row, column], traced.inputs[top : top + size, left : left + size, 0]
        )
        (cell,) = pooled.winning_cells((row, column))
        assert pooled.before[cell] == pooled.maxima[row, column]
    assert pooled.routing().is_conserved("first")


@pytest.mark.parametrize("own", TIES)
@pytest.mark.parametrize("ties", TIES)
def test_that_another_tie_policy_hands_back_what_the_layer_would_with_it(own, ties):
    usual, traced = pool(own)
    supposed = PooledChannel.of(Passage.of(traced, "pool1"), usual.pool, "pool1", 0, ties)
    layer = MaxPool2D(2, 2, ties)
    _, cache = layer.forward(traced.inputs[np.newaxis], {})
    expected = layer.input_gradient(traced.output_gradients["pool1"][np.newaxis], cache, {})[0, ..., 0]
    np.testing.assert_array_equal(supposed.handed_back, expected)
    np.testing.assert_array_equal(supposed.winners, pool(ties)[0].winners)
    assert (supposed.pool.ties, supposed.is_supposed) == (ties, own != ties)


def test_that_the_routing_of_a_channel_is_that_of_its_windows():
    pooled, _ = pool()
    routing = pooled.routing()
    assert (routing.windows, routing.tied, routing.silent) == (4, pooled.tied.sum(), pooled.silent.sum())
    assert routing.arriving.total == pytest.approx(pooled.arriving.sum())
    assert routing.collected["first"] == pytest.approx(pooled.handed_back.sum())
    assert routing.changed is None


def test_that_the_sums_are_told():
    pooled, _ = pool("all")
    arriving, back = (
        f"{g.sum(dtype=float):#.3g}".replace("-", "\u2212") for g in (pooled.arriving, pooled.handed_back)
    )
    assert sums_text(pooled.routing(), "all") == f"in {arriving}, out {back}"
    assert arriving != back


@pytest.mark.parametrize(("ties", "shown"), [("first", "1.00 \u2713"), ("split", "1.00 \u2713"), ("all", None)])
def test_that_only_sums_that_agree_are_ticked_off(ties, shown):
    pooled, _ = pool()
    size = np.abs(pooled.arriving.astype(float))
    handed = size[0, 0] * 2 + size[0, 1] + size[1].sum() * 4
    assert ratio_text(pooled.routing(), ties) == (shown or f"{handed / size.sum():.2f}")


def test_that_no_ratio_is_told_where_nothing_arrives_or_what_arrives_is_not_finite():
    pooled, _ = pool()
    for gradient in (0.0, np.inf, np.nan):
        routing = replace(pooled, arriving=np.full_like(pooled.arriving, gradient)).routing()
        assert ratio_text(routing, "first") == "\u2013"
        assert "out / in" not in policy_text(routing, "first")


def test_that_all_without_ties_is_ticked_off():
    pooled, _ = pool("all", image=np.arange(16, dtype=np.uint8).reshape(4, 4))
    assert ratio_text(pooled.routing(), "all") == "1.00 \u2713"


def test_that_a_policy_is_told_with_its_sums_magnitudes_and_ratio():
    routing = pool()[0].routing()
    text = policy_text(routing, "all")
    assert text.startswith(f"all: sum {number(routing.arriving.total)} arrives, {number(routing.collected['all'])} is ")
    assert text.endswith(f": out / in {routing.ratio('all'):.2f}")


@pytest.mark.parametrize(
    ("changed", "text"), [(None, ""), (0, "0 new winners"), (1, "1 new winner"), (1200, "1,200 new winners")]
)
def test_that_new_winners_are_counted(changed, text):
    routing = pool()[0].routing()
    counts = None if changed is None else dict.fromkeys(TIES, changed)
    assert changed_text(replace(routing, changed=counts), "first") == text


def test_that_tiny_sums_are_set_as_other_numbers_are():
    before, arriving = pool()[0].before, np.full((2, 2), -2.42e-5, np.float32)
    routing = replace(pool()[0], before=before, arriving=arriving).routing()
    assert sums_text(routing, "first") == "in \u22129.68e\u22125, out \u22129.68e\u22125"


@pytest.mark.parametrize(
    ("tied", "silent", "text"),
    [
        (0, 0, "0\u00a0% tied"),
        (1, 0, "<\u20091\u00a0% tied"),
        (999, 500, "99\u00a0% tied, 50\u00a0% all zero"),
        (1000, 1000, "100\u00a0% tied, 100\u00a0% all zero"),
    ],
)
def test_that_ties_and_silent_windows_are_told_in_per_cent(tied, silent, text):
    assert tied_text(replace(pool()[0].routing(), windows=1000, tied=tied, silent=silent)) == text


def test_that_only_windows_with_another_winner_count_as_changed():
    later = IMAGE.copy()
    later[0, 2] = 9  # window (0, 1): now the first cell wins
    later[0, 1] = 7  # window (0, 0): its first cell still wins, but alone
    before, now = pool()[0], pool(image=later)[0]
    assert now.routing(before.before).changed == {"first": 1, "all": 2, "split": 2}
    assert before.routing(before.before).changed == {"first": 0, "all": 0, "split": 0}


def test_that_the_table_holds_every_cell_of_every_window():
    pooled, traced = pool("split")
    heading, *rows = pooled.rows()
    assert heading == CELL_COLUMNS
    assert len(rows) == 16
    gradient = traced.output_gradients["pool1"][0, 0, 0]
    assert rows[1] == (0, 0, 5.0, gradient, 0, 1, 5.0, 0.5, gradient / 2)
    handed = np.zeros((4, 4))
    for *_, row, column, value, _, part in rows:
        assert value == traced.inputs[row, column, 0]
        handed[row, column] += part
    np.testing.assert_allclose(handed, traced.input_gradient[..., 0], rtol=1e-6)


def test_that_the_status_text_names_the_place_the_maximum_and_the_gradient():
    pooled, _ = pool()
    gradient = f"{pooled.arriving[0, 1]:.4g}".replace("-", "\u2212")
    assert window_text(pooled, (0, 1)) == f"pool1, channel 0, window (0, 1): max 3 at (0, 3); gradient {gradient}"


@pytest.mark.parametrize(
    ("ties", "what"), [("first", "max 5 at (0, 1), tied;"), ("all", "max 5 at (0, 1) and (1, 0), tied;")]
)
def test_that_the_status_text_tells_ties(ties, what):
    assert what in window_text(pool(ties)[0], (0, 0))


def test_that_the_status_text_counts_more_than_two_winners():
    pooled, _ = pool("all", image=np.full((2, 2), 4, np.uint8))
    assert "max 4 at 4 cells, tied;" in window_text(pooled, (0, 0))


def test_that_the_status_text_of_a_silent_window_names_no_winner():
    assert "window (1, 0): all zero; gradient" in window_text(pool()[0], (1, 0))


def test_that_the_strongest_channel_has_the_largest_sum_of_magnitudes():
    gradients = np.zeros((2, 2, 3))
    gradients[0, 0, 0] = 5
    gradients[:, :, 2] = -2
    assert strongest_channel(gradients) == 2


def test_that_pooling_layers_are_found_by_what_they_are(snapshot):
    assert pooling_layers(snapshot.network) == ["pool1"]
    assert pooling_layers(Network("flat", {"flatten": Flatten(), "dense1": Dense(10)})) == []


@pytest.mark.parametrize(("size", "what"), [(2, "its four values"), (3, "its nine values"), (1, "its one value")])
def test_that_the_invitation_counts_the_values(size, what):
    assert what in invitation(pool(image=np.zeros((4, 4), np.uint8), size=size)[0])


def test_that_minus_zero_is_zero():
    assert figures(-0.0, 3) == "0"
