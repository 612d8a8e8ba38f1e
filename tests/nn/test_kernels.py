"""The fast paths at sizes where nothing fits: few images at a time, many small products, tiles of every width."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnviz.nn import FRESH, Conv2D, Workspace, kernels

SINGLE = 2e-6  # tolerance in float32, as a share of the largest value: some rounding errors (6e-8) of a few dozen terms


@pytest.fixture(autouse=True)
def crowded(monkeypatch):
    """Cut all work into pieces that are as small as those of large networks are in proportion."""
    monkeypatch.setattr(kernels, "PATCH_VALUES", 100)
    monkeypatch.setattr(kernels, "_UNPACKED", 120)
    monkeypatch.setattr(kernels, "_FEWEST_ROWS", 1)
    forget()
    yield
    forget()


def forget() -> None:
    for cached in (kernels.tile_width, kernels.rows_a_product, kernels._tiling):
        cached.cache_clear()


@st.composite
def cases(draw) -> tuple[Conv2D, np.ndarray, int]:
    """Return a layer, its input and the width of its tiles, a divisor of the number of output columns."""
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    padding = draw(st.sampled_from(["valid", "same"]))
    layer = Conv2D(draw(st.integers(1, 4)), kernel, draw(st.integers(1, 3)), padding, draw(st.booleans()))
    shape = (draw(st.integers(1, 5)), draw(st.integers(3, 9)), draw(st.integers(3, 9)), draw(st.integers(1, 3)))
    columns = layer.output_shape(shape[1:])[1]
    t = draw(st.sampled_from([t for t in range(1, columns + 1) if columns % t == 0]))
    return layer, np.random.default_rng(draw(st.integers(0, 2**32))).standard_normal(shape), t


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, SINGLE)])
@given(case=cases())
@settings(max_examples=150, deadline=None)
def test_that_convolution_and_both_gradients_agree_with_textbook_loops_however_they_are_cut(dtype, tolerance, case):
    layer, x, t = case
    rng = np.random.default_rng(1)
    params = {name: rng.standard_normal(shape) for name, shape in layer.parameter_shapes(x.shape[1:]).items()}
    borders = [
        reference.same_border(n, k, layer.stride) if layer.padding == "same" else (0, 0)
        for n, k in zip(x.shape[1:3], layer.kernel, strict=True)
    ]
    expected = reference.conv2d(
        x, params["weight"], params.get("bias", np.zeros(layer.filters)), layer.stride, *borders
    )
    dy = rng.standard_normal(expected.shape)
    dx, dweight, dbias = reference.conv2d_gradients(dy, x, params["weight"], layer.stride, *borders)

    forget()
    chosen, kernels.tile_width = kernels.tile_width, lambda columns, *_: t if columns % t == 0 else 1
    try:
        workspace = Workspace()
        typed = {name: value.astype(dtype) for name, value in params.items()}
        y, cache = layer.forward(x.astype(dtype), typed, workspace)
        gradients = {name: np.full_like(value, np.nan) for name, value in typed.items()}
        layer.parameter_gradients(dy.astype(dtype), cache, gradients, workspace)
        gradients["x"] = layer.input_gradient(dy.astype(dtype), cache, typed, workspace)
    finally:
        kernels.tile_width = chosen
    gradients["y"] = y
    for name, value in {"y": expected, "x": dx, "weight": dweight, "bias": dbias}.items():
        if name in gradients:
            assert gradients[name].dtype == dtype
            np.testing.assert_allclose(gradients[name], value, rtol=0, atol=tolerance * max(1, abs(value).max()))


@given(st.tuples(st.integers(1, 5), st.integers(2, 7), st.integers(2, 7), st.integers(1, 4)), st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_that_pooling_in_halves_agrees_with_textbook_loops_ties_included(shape, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, shape).astype(np.float32)  # of three values, most windows tie
    y, larger = kernels.max_pool_2x2(x, Workspace())
    np.testing.assert_array_equal(y, reference.max_pool2d(x, 2, 2))
    dy = rng.standard_normal(y.shape).astype(np.float32)
    np.testing.assert_array_equal(
        kernels.unpool_2x2(dy, x, larger, Workspace()), reference.max_pool2d_gradient(dy, x, 2, 2, "first")
    )


@given(st.integers(1, 60), st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32))
@settings(deadline=None)
def test_that_a_stack_of_small_products_is_the_product(rows, inner, columns, seed):
    a, b = (np.random.default_rng(seed).standard_normal(shape) for shape in ((rows, inner), (inner, columns)))
    out = np.full((rows, columns), np.nan)
    kernels.multiply(a, b, out, FRESH)
    np.testing.assert_allclose(out, a @ b, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("rows", "inner", "columns", "expected"),
    [
        (10, 3, 4, 10),  # 120 multiplications: small enough
        (20, 3, 4, 10),
        (21, 3, 4, 7),  # the largest divisor up to 10
        (23, 3, 4, 1),
        (50, 121, 1, 50),  # a single row would be too much: no use in cutting
    ],
)
def test_that_products_are_as_large_as_small_ones_may_be(rows, inner, columns, expected):
    assert kernels.rows_a_product(rows, inner, columns) == expected


def test_that_a_processor_without_kernels_for_small_products_gets_whole_ones(monkeypatch):
    monkeypatch.setattr(kernels, "_UNPACKED", 0)
    forget()
    assert kernels.rows_a_product(1000, 300, 32) == 1000


def test_that_products_that_would_be_too_short_stay_whole(monkeypatch):
    monkeypatch.setattr(kernels, "_FEWEST_ROWS", 8)
    forget()
    assert kernels.rows_a_product(20, 4, 4) == 20  # 120 // 16 = 7 rows at most
    assert kernels.rows_a_product(20, 3, 4) == 10


@pytest.mark.parametrize(
    ("columns", "kernel", "channels", "filters"),
    [
        (24, (5, 5), 1, 8),
        (20, (5, 5), 8, 8),
        (26, (3, 3), 1, 8),
        (24, (3, 3), 32, 64),
        (7, (3, 3), 2, 3),
        (0, (3, 3), 1, 1),
    ],
)
def test_that_tiles_divide_the_columns(columns, kernel, channels, filters):
    t = kernels.tile_width(columns, kernel, channels, filters, 1)
    assert columns % t == 0


def test_that_few_filters_get_wide_tiles_and_many_get_narrow_ones():
    assert kernels.tile_width(20, (5, 5), 8, 8, 1) == 4  # 32 columns, as many as BLAS multiplies at a time
    assert kernels.tile_width(24, (3, 3), 32, 64, 1) == 1
