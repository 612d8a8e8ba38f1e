import pytest

from cnnviz.nn import SCHEDULES


@pytest.mark.parametrize(
    ("name", "start", "middle", "end"), [("constant", 1, 1, 1), ("linear", 1, 0.5, 0), ("cosine", 1, 0.5, 0)]
)
def test_that_the_factor_at_start_middle_and_end_is_right(name, start, middle, end):
    assert [SCHEDULES[name](progress) for progress in (0.0, 0.5, 1.0)] == pytest.approx([start, middle, end], abs=1e-15)


def test_that_the_cosine_falls_slowly_first():
    assert SCHEDULES["cosine"](0.25) == pytest.approx((2 + 2**0.5) / 4)


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_that_no_schedule_ever_rises_or_leaves_zero_to_one(schedule):
    factors = [schedule(i / 100) for i in range(101)]
    assert factors == sorted(factors, reverse=True)
    assert min(factors) >= 0
    assert max(factors) <= 1
