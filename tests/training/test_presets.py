import numpy as np
import pytest

from cnnviz.data.preprocessing import Normalization
from cnnviz.nn import MaxPool2D
from cnnviz.training.config import TrainingConfig
from cnnviz.training.presets import PRESETS

# name: (optimizer, learning rate, batch size, epochs, training images, test images, parameters, tie policy)
PUBLISHED = {
    "zhou": ("sgd", 0.005, 1, 3, None, None, 13_602, "first"),
    "zhou-published": ("sgd", 0.005, 1, 3, 1000, 1000, 13_602, "all"),
    "escontrela": ("adam", 0.001, 32, 2, 50_000, None, 105_634, "first"),
    "escontrela-published": ("adam-published", 0.01, 32, 2, 50_000, None, 105_634, "first"),
    "keras": ("adam", 0.002, 128, 8, None, None, 1_199_882, "first"),
}


def test_that_every_preset_has_its_figures_below():
    assert set(PRESETS) == set(PUBLISHED)


@pytest.mark.parametrize("name", PRESETS)
def test_that_a_preset_is_the_published_experiment(name):
    preset = PRESETS[name]
    network = preset.build()
    pools = {layer.ties for layer in network.layers.values() if isinstance(layer, MaxPool2D)}
    settings = (preset.optimizer, preset.lr, preset.batch_size, preset.epochs, preset.train_size, preset.test_size)
    assert (*settings, network.parameter_count, *pools) == PUBLISHED[name]
    assert preset.schedule == ("cosine" if name == "keras" else "constant")


@pytest.mark.parametrize("name", PRESETS)
def test_that_a_preset_is_listed_under_its_name_and_makes_valid_settings(name):
    assert PRESETS[name].name == name
    assert PRESETS[name].title
    assert PRESETS[name].description
    TrainingConfig.from_preset(name, "strokes").check()


@pytest.mark.parametrize("name", ["zhou", "zhou-published"])
def test_that_zhou_shifts_grey_levels_to_plus_minus_a_half(name):
    greys = np.array([[[0, 51, 255]]], np.uint8)
    assert PRESETS[name].normalization.apply(greys).ravel() == pytest.approx([-0.5, -0.3, 0.5])
    assert PRESETS[name].test_normalization is None


def test_that_keras_example_shifts_grey_levels_to_0_to_1():
    assert PRESETS["keras"].normalization == Normalization(0, 255)


def test_that_escontrela_normalises_by_the_truncated_mean_and_deviation_of_the_training_set():
    assert PRESETS["escontrela"].normalization == Normalization(33, 78)
    assert PRESETS["escontrela"].test_normalization is None


def test_that_escontrela_as_published_scores_with_the_figures_of_the_test_set():
    assert PRESETS["escontrela-published"].normalization == Normalization(33, 78)
    assert PRESETS["escontrela-published"].test_normalization == Normalization(33, 79)
