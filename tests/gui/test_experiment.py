from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from cnnviz.data.augmentation import LEVELS, Augmentation
from cnnviz.gui.panels.experiment import ExperimentPanel
from cnnviz.training.config import TrainingConfig
from cnnviz.training.presets import PRESETS


@pytest.fixture
def panel(own, workbench):
    return own(ExperimentPanel(workbench))


@pytest.fixture
def started(workbench, monkeypatch):
    configs = []

    def start_run(config=None, parameters=None):
        workbench.config = config
        configs.append(config)
        workbench.run_started.emit()

    monkeypatch.setattr(workbench, "start_run", start_run)
    return configs


def test_that_the_settings_of_the_run_are_shown_and_nothing_is_to_be_applied(panel, workbench):
    assert panel.chosen() == workbench.config
    assert not panel.apply.isEnabled()


def test_that_a_changed_setting_is_applied_with_a_new_run(panel, started):
    panel.batch_size.setValue(64)
    panel.epochs.setValue(5)
    panel.seed.setValue(7)
    panel.train_size.setValue(0)
    panel.ties.setCurrentText("split")
    assert panel.apply.isEnabled()
    panel.apply.click()
    (config,) = started
    assert (config.batch_size, config.epochs, config.seed, config.train_size) == (64, 5, 7, None)
    assert config.ties == "split"
    assert not panel.apply.isEnabled()


def choose(combo, data):
    combo.setCurrentIndex(combo.findData(data))
    combo.activated.emit(combo.currentIndex())


def test_that_images_are_varied_and_made_anew_with_the_next_run(panel, started):
    choose(panel.dataset, "strokes")
    choose(panel.augment, "strong")
    panel.fresh.setChecked(True)
    assert panel.apply.isEnabled()
    panel.apply.click()
    assert (started[0].augment, started[0].fresh) == (LEVELS["strong"], True)
    assert (panel.augment.currentText(), panel.fresh.isChecked()) == ("strong", True)
    choose(panel.augment, "none")
    panel.apply.click()
    assert (started[1].augment, started[1].fresh) == (LEVELS["none"], True)
    panel.fresh.setChecked(False)
    panel.apply.click()
    assert (started[2].augment, started[2].fresh) == (LEVELS["none"], False)


def test_that_fresh_images_of_the_run_are_shown(panel, workbench):
    workbench.config = replace(workbench.config, dataset="strokes", fresh=True)
    panel.show_settings()
    assert panel.fresh.isChecked()
    assert not panel.apply.isEnabled()


def test_that_only_generated_digits_can_be_made_anew(panel):
    choose(panel.dataset, "strokes")
    panel.fresh.setChecked(True)
    choose(panel.dataset, "mnist")
    assert not panel.fresh.isEnabled()
    assert not panel.chosen().fresh
    assert panel.fresh.toolTip().startswith("Only generated digits")
    choose(panel.dataset, "strokes")
    assert panel.fresh.isEnabled()
    assert panel.fresh.toolTip().startswith("Generate new images for each epoch")


def test_that_a_preset_leaves_whether_images_are_made_anew(panel):
    choose(panel.dataset, "strokes")
    panel.fresh.setChecked(True)
    choose(panel.preset, "zhou")
    assert panel.chosen().fresh


def test_that_settings_follow_from_generated_digits_to_others_and_back(panel):
    def settings():
        chosen = panel.chosen()
        return chosen.lr, chosen.schedule, chosen.augment

    choose(panel.dataset, "strokes")
    panel.epochs.setValue(7)
    choose(panel.dataset, "mnist")
    assert settings() == (0.001, "constant", LEVELS["none"])
    assert panel.chosen().epochs == 7
    choose(panel.augment, "strong")
    choose(panel.dataset, "mnist")
    assert panel.chosen().augment == LEVELS["strong"]
    choose(panel.dataset, "strokes")
    assert settings() == (0.003, "cosine", LEVELS["gentle"])


def test_that_an_augmentation_without_a_name_is_shown_and_kept(panel, workbench):
    for degrees in (8, 9):
        workbench.config = replace(workbench.config, augment=Augmentation(rotation=degrees))
        panel.show_settings()
        assert panel.augment.currentText() == "custom"
        assert panel.chosen() == workbench.config
    assert panel.augment.count() == 4


def test_that_the_learning_rate_changes_at_once(panel, workbench):
    panel.lr.setValue(0.02)
    assert workbench.config.lr == 0.02
    assert not panel.apply.isEnabled()


def test_that_the_learning_rate_is_shown_without_needless_zeros(panel):
    panel.lr.setValue(0.0005)
    assert panel.lr.text() == "0.0005"


@pytest.mark.parametrize("preset", list(PRESETS))
def test_that_a_preset_brings_its_own_settings(panel, preset):
    panel.preset.setCurrentIndex(panel.preset.findData(preset))
    panel.preset.activated.emit(panel.preset.currentIndex())
    chosen, usual = panel.chosen(), TrainingConfig.from_preset(preset, "strokes")
    for field in ("optimizer", "lr", "batch_size", "epochs", "train_size", "test_size", "schedule", "ties", "augment"):
        assert getattr(chosen, field) == getattr(usual, field)


def test_that_the_layers_that_can_be_frozen_are_those_of_the_preset(panel, started):
    panel.preset.setCurrentIndex(panel.preset.findData("zhou"))
    panel.preset.activated.emit(panel.preset.currentIndex())
    boxes = {box.text(): box for box in panel._freeze.values()}
    assert list(boxes) == ["conv1", "dense1"]
    boxes["conv1"].setChecked(True)
    panel.apply.click()
    assert started[-1].freeze == ("conv1",)


def test_that_settings_that_do_not_fit_are_told_and_the_run_stays(panel, workbench):
    told = []
    workbench.failed.connect(told.append)
    before = workbench.config
    panel.train_size.setValue(16)
    panel.apply.click()
    assert told == ["batch_size: accepted is 1 to the 16 training images, got 32"]
    assert workbench.config == before


def test_that_mnist_offers_to_be_downloaded_where_it_is_absent(panel, workbench, tmp_path):
    assert panel.download.isHidden()
    workbench.config = replace(workbench.config, data_dir=tmp_path)
    panel.show_settings()
    panel.dataset.setCurrentIndex(panel.dataset.findData("mnist"))
    assert not panel.download.isHidden()
    wanted = []
    panel.download_wanted.connect(lambda: wanted.append(True))
    panel.download.click()
    assert wanted == [True]


def test_that_a_folder_is_shown_under_its_name(panel, workbench):
    workbench.config = replace(workbench.config, dataset="/data/my digits")
    panel.show_settings()
    assert panel.dataset.currentText() == "my digits"
    assert panel.chosen().dataset == "/data/my digits"


def test_that_a_rate_meant_for_another_preset_waits_for_it(panel, workbench):
    panel.preset.setCurrentIndex(panel.preset.findData("zhou"))
    panel.preset.activated.emit(panel.preset.currentIndex())
    before = workbench.config.lr
    panel.lr.setValue(0.3)
    assert workbench.config.lr == before
    assert panel.chosen().lr == 0.3
    assert panel.apply.isEnabled()


@pytest.mark.parametrize(("typed", "rate"), [("1e-4", 0.0001), ("0.02", 0.02), ("1e-05", 0.00001)])
def test_that_a_rate_can_be_typed_as_a_power_of_ten(panel, workbench, typed, rate):
    panel.lr.setFocus()
    panel.lr.selectAll()
    QTest.keyClicks(panel.lr, typed)
    QTest.keyClick(panel.lr, Qt.Key.Key_Return)
    assert workbench.config.lr == pytest.approx(rate)


@pytest.mark.parametrize("typed", ["0", "11", "1e", "e-4"])
def test_that_a_rate_outside_its_range_changes_nothing(panel, workbench, typed):
    before = workbench.config.lr
    panel.lr.selectAll()
    QTest.keyClicks(panel.lr, typed)
    QTest.keyClick(panel.lr, Qt.Key.Key_Return)
    assert workbench.config.lr == before
