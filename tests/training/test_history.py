import numpy as np
import pytest

from cnnviz.training.evaluation import Evaluation
from cnnviz.training.history import Edit, History, HistoryView, TestPoint


def scores(loss: float) -> Evaluation:
    return Evaluation(1, loss, np.eye(10, dtype=np.int64))


def test_that_a_view_holds_every_step_in_order_past_every_growth_of_the_arrays():
    history = History()
    for step in range(5000):
        history.append(step / 4 + 1, step % 2 + 1)
    view = history.view()
    assert view.losses.tolist() == [step / 4 + 1 for step in range(5000)]
    assert view.accuracies.tolist() == [step % 2 + 1 for step in range(5000)]


@pytest.mark.parametrize("length", [0, 10, 1024])
def test_that_a_view_is_not_changed_by_later_steps(length):
    history = History()
    for _ in range(length):
        history.append(1.0, 0.25)
    view = history.view()
    for _ in range(2000):
        history.append(2.0, 0.75)
    history.append_test(TestPoint(length, 1.0, scores(1.0)))
    history.append_learning_rate(length, 0.1)
    assert view.losses.tolist() == [1.0] * length
    assert view.accuracies.tolist() == [0.25] * length
    assert view.tests == ()
    assert view.learning_rates == ()


def test_that_a_view_refuses_writing():
    history = History()
    history.append(1.0, 1.0)
    view = history.view()
    for values in (view.losses, view.accuracies):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 0.0


def test_that_a_view_costs_no_copy():
    history = History()
    history.append(1.0, 1.0)
    assert np.shares_memory(history.view().losses, history.view().losses)


def test_that_the_past_is_the_mean_of_the_last_steps():
    history = HistoryView(np.array([9.0, 1.0, 3.0]), np.array([0.0, 0.5, 1.0]), (), ())
    assert history.past(2) == (2.0, 0.75)
    assert history.past(3) == (pytest.approx(13 / 3), 0.5)
    assert history.past() == history.past(3)


def test_that_a_run_without_steps_has_no_past():
    assert np.isnan(History().view().past()).all()


def test_that_a_second_score_at_the_same_step_takes_the_place_of_the_first():
    history = History()
    for step, loss in ((10, 2.0), (20, 1.5), (20, 1.0)):
        history.append_test(TestPoint(step, step / 10, scores(loss)))
    assert [(point.step, point.evaluation.loss) for point in history.view().tests] == [(10, 2.0), (20, 1.0)]


def test_that_only_the_last_of_several_learning_rates_set_between_two_steps_is_kept():
    history = History()
    for step, lr in ((0, 0.1), (5, 0.2), (5, 0.3), (5, 0.4), (9, 0.1)):
        history.append_learning_rate(step, lr)
    assert history.view().learning_rates == ((0, 0.1), (5, 0.4), (9, 0.1))


def test_that_every_edit_is_kept_also_the_second_one_of_a_parameter_between_two_steps():
    history = History()
    before = history.view()
    edits = tuple(Edit(7, "dense/weight[3,4]", value, value + 1) for value in (0.25, 1.25))
    for edit in edits:
        history.append_edit(edit)
    assert history.view().edits == edits
    assert before.edits == ()


def test_that_what_is_new_since_any_view_makes_another_history_the_same():
    ours, theirs, seen = History(), History(), History().view()
    rng = np.random.default_rng(4)
    for step in range(3000):
        ours.append(rng.random(), rng.random())
        for _ in range(rng.integers(0, 3) * (step % 50 == 0)):
            ours.append_test(TestPoint(step, step / 10, scores(rng.random())))
            ours.append_learning_rate(step, rng.random())
            ours.append_edit(Edit(step, "conv1/bias[3]", 0.0, rng.random()))
        if rng.random() < 0.1:
            view = ours.view()
            news, seen = view.since(seen), view
            assert len(news.losses) <= 200
            theirs.extend(news)
            assert theirs.view().losses.tolist() == view.losses.tolist()
            assert theirs.view().accuracies.tolist() == view.accuracies.tolist()
            assert theirs.view().tests == view.tests
            assert theirs.view().learning_rates == view.learning_rates
            assert theirs.view().edits == view.edits


def test_that_what_is_new_holds_only_what_is_new():
    history = History()
    for step in range(4):
        history.append(step, 0.5)
        history.append_test(TestPoint(step, step / 4, scores(1.0)))
    seen = history.view()
    history.append_test(TestPoint(3, 0.75, scores(0.5)))
    news = history.view().since(seen)
    assert len(news.losses) == 0
    assert (news.kept_tests, [point.evaluation.loss for point in news.tests]) == (3, [0.5])
    history.append(4, 0.5)
    assert history.view().since(seen).losses.tolist() == [4]
