import math
import threading

import numpy as np
import pytest

from cnnviz import processor
from cnnviz.data.datasets import ArrayImageSet
from cnnviz.data.preprocessing import Normalization
from cnnviz.errors import Cancelled
from cnnviz.nn import EXAMPLES_AT_A_TIME, Dense, Flatten, Network, Parameters
from cnnviz.training.evaluation import Evaluation, evaluate

# Logit k is pixel k of the first row, 0 or 1: a network that says the digit whose pixel is lit.
NETWORK = Network("reader", {"flatten": Flatten(), "dense1": Dense(10)})
PARAMETERS = Parameters.zeros(NETWORK.parameter_shapes)
PARAMETERS["dense1"]["weight"][:, :10] = np.eye(10)
ZERO_TO_ONE = Normalization(0.0, 255.0)

RIGHT = math.log(math.e + 9) - 1  # cost of an image that is taken for what it is
WRONG = math.log(math.e + 9)


def lit(predicted: list[int], labels: list[int]) -> ArrayImageSet:
    images = np.zeros((len(predicted), 28, 28), np.uint8)
    images[np.arange(len(predicted)), 0, predicted] = 255
    return ArrayImageSet(images, np.array(labels))


def test_that_images_are_counted_by_label_and_prediction():
    evaluation = evaluate(NETWORK, PARAMETERS, lit([3, 3, 5, 7], labels=[3, 5, 5, 3]), ZERO_TO_ONE)
    expected = np.zeros((10, 10), int)
    expected[3, 3] = expected[5, 3] = expected[5, 5] = expected[3, 7] = 1
    assert evaluation.confusion.tolist() == expected.tolist()
    assert evaluation.samples == 4
    assert evaluation.accuracy == 0.5


def test_that_the_misread_images_are_named_in_order_however_they_fall_into_chunks(monkeypatch):
    labels = [i % 10 for i in range(5 * EXAMPLES_AT_A_TIME + 3)]
    predicted = [3 if i % 7 == 0 else digit for i, digit in enumerate(labels)]
    wrong = [i for i, digit in enumerate(labels) if predicted[i] != digit]
    for threads in ("1", "3"):
        monkeypatch.setenv(processor.THREADS, threads)
        evaluation = evaluate(NETWORK, PARAMETERS, lit(predicted, labels), ZERO_TO_ONE)
        assert evaluation.misread.tolist() == wrong
        assert evaluation.misread.dtype == np.int32


def test_that_the_loss_is_the_mean_cost_of_an_image_in_nats():
    evaluation = evaluate(NETWORK, PARAMETERS, lit([3, 3, 5], labels=[3, 5, 5]), ZERO_TO_ONE)
    assert evaluation.loss == pytest.approx((2 * RIGHT + WRONG) / 3, rel=1e-6)


def test_that_recall_is_the_share_of_each_digit_found_and_nan_for_one_that_does_not_occur():
    recall = evaluate(NETWORK, PARAMETERS, lit([3, 8, 3, 3, 1], labels=[3, 3, 3, 3, 4]), ZERO_TO_ONE).recall
    assert recall.shape == (10,)
    assert recall[3] == 0.75
    assert recall[4] == 0.0
    assert np.isnan(np.delete(recall, [3, 4])).all()


@pytest.mark.parametrize(
    "count", [1, EXAMPLES_AT_A_TIME - 1, EXAMPLES_AT_A_TIME, EXAMPLES_AT_A_TIME + 1, 3 * EXAMPLES_AT_A_TIME + 7]
)
def test_that_every_image_counts_once_however_they_fall_into_chunks(count):
    labels = [i % 10 for i in range(count)]
    predicted = [i % 7 for i in range(count)]
    evaluation = evaluate(NETWORK, PARAMETERS, lit(predicted, labels), ZERO_TO_ONE)
    right = sum(a == b for a, b in zip(labels, predicted, strict=True))
    assert evaluation.confusion.sum() == count
    assert evaluation.accuracy == right / count
    assert evaluation.loss == pytest.approx((right * RIGHT + (count - right) * WRONG) / count, rel=1e-6)


def test_that_images_are_normalised_as_told():
    images = lit([3], labels=[3])
    assert evaluate(NETWORK, PARAMETERS, images, Normalization(0.0, 51.0)).loss == pytest.approx(
        math.log(1 + 9 * math.exp(-5)), rel=1e-5
    )


def test_that_progress_is_told_after_each_chunk_up_to_the_end(monkeypatch):
    monkeypatch.setenv(processor.THREADS, "1")
    calls = []
    total = 2 * EXAMPLES_AT_A_TIME + 5
    images = lit([1] * total, [1] * total)
    evaluate(NETWORK, PARAMETERS, images, ZERO_TO_ONE, lambda *call: calls.append(call))
    assert calls == [(EXAMPLES_AT_A_TIME, total), (2 * EXAMPLES_AT_A_TIME, total), (total, total), (total, total)]


def test_that_progress_is_told_by_the_callers_thread_whatever_the_number_of_threads(monkeypatch):
    monkeypatch.setenv(processor.THREADS, "3")
    calls = []
    total = 40 * EXAMPLES_AT_A_TIME
    images = lit([1] * total, [1] * total)
    evaluate(NETWORK, PARAMETERS, images, ZERO_TO_ONE, lambda *call: calls.append((threading.get_ident(), *call)))
    assert {thread for thread, _, _ in calls} == {threading.get_ident()}
    assert calls[-1][1:] == (total, total)
    assert [done for _, done, _ in calls] == sorted(done for _, done, _ in calls)


def test_that_the_number_of_threads_changes_no_bit_of_a_score(monkeypatch):
    rng = np.random.default_rng(3)
    parameters = NETWORK.initialize(rng)
    pixels = rng.integers(0, 256, (1000, 28, 28), np.uint8)
    images = ArrayImageSet(pixels, rng.integers(0, 10, 1000))
    scores = []
    for threads in ("1", "2", "3"):
        monkeypatch.setenv(processor.THREADS, threads)
        scores.append(evaluate(NETWORK, parameters, images, ZERO_TO_ONE))
    assert {score.loss for score in scores} == {scores[0].loss}
    assert all(np.array_equal(score.confusion, scores[0].confusion) for score in scores)


def test_that_progress_can_cancel():
    def cancel(done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        evaluate(NETWORK, PARAMETERS, lit([1], [1]), ZERO_TO_ONE, cancel)


def test_that_scores_refuse_writing():
    evaluation = evaluate(NETWORK, PARAMETERS, lit([1], [1]), ZERO_TO_ONE)
    with pytest.raises(ValueError, match="read-only"):
        evaluation.confusion[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        evaluate(NETWORK, PARAMETERS, lit([1], [2]), ZERO_TO_ONE).misread[0] = 1


def test_that_exploded_parameters_give_a_loss_that_is_no_number_and_no_warning():
    huge = PARAMETERS.copy()
    huge["dense1"]["weight"][...] = 3e38
    white = ArrayImageSet(np.full((1, 28, 28), 255, np.uint8), np.array([1]))
    assert not math.isfinite(evaluate(NETWORK, huge, white, ZERO_TO_ONE).loss)


def test_that_a_perfect_score_is_1():
    evaluation = Evaluation(10, 0.0, np.eye(10, dtype=np.int64))
    assert evaluation.accuracy == 1.0
    assert evaluation.recall.tolist() == [1.0] * 10
