import numpy as np
import pytest

from cnnviz.nn import OPTIMIZERS, SGD, Adam, AmnesicAdam, Momentum, Optimizer, initial_state


def steps(optimizer: Optimizer, gradients: list, lr: float, start: list) -> np.ndarray:
    """Return the parameters after one update for each of ``gradients``."""
    parameters = np.array(start, float)
    state = initial_state(optimizer, parameters)
    for step, gradient in enumerate(gradients, start=1):
        optimizer.update(parameters, np.array(gradient, float), state, lr, step)
    return parameters


def test_that_sgd_steps_down_the_gradient_by_the_learning_rate():
    np.testing.assert_allclose(steps(SGD(), [[2, -4]], 0.1, [1, 1]), [0.8, 1.4], rtol=1e-15)


def test_that_momentum_carries_nine_tenths_of_the_velocity_on():
    # v = 2, then 0.9 * 2 + 1 = 2.8; w = 1 - 0.1 * (2 + 2.8)
    np.testing.assert_allclose(steps(Momentum(0.9), [[2], [1]], 0.1, [1]), [0.52], rtol=1e-14)


def test_that_momentum_rolls_on_where_the_gradient_has_ended():
    # v = 1, 0.5, 0.25
    np.testing.assert_allclose(steps(Momentum(0.5), [[1], [0], [0]], 1.0, [0]), [-1.75], rtol=1e-14)


def test_that_adams_first_step_is_the_learning_rate_times_the_sign_whatever_the_gradients_size():
    moved = steps(Adam(), [[1e-4, -3, 2e5, 0]], 1e-3, [0, 0, 0, 0])
    np.testing.assert_allclose(moved, [-1e-3, 1e-3, -1e-3, 0], rtol=1.1e-4)  # 1e-8 / 1e-4 falls short by epsilon


def test_that_adams_second_step_divides_the_corrected_mean_by_the_root_of_the_corrected_square():
    adam = Adam(beta1=0.9, beta2=0.99, epsilon=0.0)
    # gradients 1, then 3: mean 0.1, 0.39; square 0.01, 0.0999; corrections 1 - 0.9^2 = 0.19 and 1 - 0.99^2 = 0.0199
    second = 0.39 / 0.19 / np.sqrt(0.0999 / 0.0199)
    np.testing.assert_allclose(steps(adam, [[1], [3]], 0.1, [0]), [-0.1 * (1 + second)], rtol=1e-12)


def test_that_adams_epsilon_is_added_to_the_corrected_root():
    # Kingma and Ba, algorithm 1: with a first gradient g the step is lr * g / (|g| + epsilon)
    np.testing.assert_allclose(steps(Adam(epsilon=0.5), [[1.5, -0.5]], 1.0, [0, 0]), [-0.75, 0.5], rtol=1e-12)


def test_that_a_sequence_of_equal_gradients_moves_adam_by_the_learning_rate_each_time():
    np.testing.assert_allclose(steps(Adam(), [[7]] * 5, 0.01, [1]), [0.95], rtol=1e-8)


def test_that_the_amnesic_adam_forgets_what_came_before():
    after_large = steps(AmnesicAdam(), [[1000], [0.01]], 0.01, [0]) - steps(AmnesicAdam(), [[1000]], 0.01, [0])
    np.testing.assert_allclose(after_large, steps(AmnesicAdam(), [[0.01]], 0.01, [0]), rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "kind", "moments"),
    [
        ("sgd", SGD, ()),
        ("momentum", Momentum, ("velocity",)),
        ("adam", Adam, ("mean", "square")),
        ("adam-published", AmnesicAdam, ()),
    ],
)
def test_that_a_name_leads_to_its_optimizer_and_the_moments_that_a_checkpoint_keeps(name, kind, moments):
    assert isinstance(OPTIMIZERS[name], kind)
    assert OPTIMIZERS[name].moments == moments


@pytest.fixture(params=OPTIMIZERS.values(), ids=OPTIMIZERS)
def optimizer(request) -> Optimizer:
    return request.param


def test_that_moments_start_at_zero_in_the_parameters_type(optimizer):
    for moment in initial_state(optimizer, np.ones(5, np.float32)).values():
        np.testing.assert_array_equal(moment, np.zeros(5, np.float32), strict=True)


def test_that_an_update_changes_parameters_and_state_in_place_and_nothing_else(optimizer, rng):
    parameters, gradient = rng.standard_normal(7), rng.standard_normal(7)
    state = initial_state(optimizer, parameters)
    arrays, before = dict(state), gradient.copy()
    optimizer.update(parameters, gradient, state, 0.1, 1)
    np.testing.assert_array_equal(gradient, before)
    assert state.keys() == arrays.keys()
    assert all(state[name] is arrays[name] and state[name].any() for name in state)


def test_that_a_small_step_lowers_a_bowl(optimizer):
    parameters = np.array([3.0, -2.0])
    state = initial_state(optimizer, parameters)
    for step in range(1, 6):
        optimizer.update(parameters, 2 * parameters, state, 0.01, step)
    assert np.sum(parameters**2) < 13


def test_that_a_learning_rate_of_zero_moves_nothing(optimizer, rng):
    parameters = rng.standard_normal(7)
    before = parameters.copy()
    optimizer.update(parameters, rng.standard_normal(7), initial_state(optimizer, parameters), 0.0, 1)
    np.testing.assert_array_equal(parameters, before)


class TypeRecorder(np.ndarray):
    """An array that notes in which type everything it takes part in is reckoned, wherever the result goes."""

    seen: set[np.dtype]

    def __array_finalize__(self, parent: np.ndarray | None) -> None:
        self.seen = getattr(parent, "seen", set())
        self.seen.add(self.dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, out: tuple = (), **options: object):
        plain = [x.view(np.ndarray) if isinstance(x, TypeRecorder) else x for x in inputs]
        result = getattr(ufunc, method)(*plain, **options)
        self.seen.add(result.dtype)
        if not out:
            return result
        out[0].view(np.ndarray)[...] = result
        return out[0]


def test_that_no_step_on_the_way_leaves_float32(optimizer):
    seen: set[np.dtype] = set()
    gradient = np.full(3, 0.5, np.float32).view(TypeRecorder)
    parameters = np.ones(3, np.float32).view(TypeRecorder)
    state = {
        name: moment.view(TypeRecorder) for name, moment in initial_state(optimizer, np.ones(3, np.float32)).items()
    }
    for array in (gradient, parameters, *state.values()):
        array.seen = seen
    optimizer.update(parameters, gradient, state, 0.01, 1)
    assert seen == {np.dtype(np.float32)}
