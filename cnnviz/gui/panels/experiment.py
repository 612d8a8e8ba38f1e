"""The settings of the run. Learning rate changes at once; everything else with a reset."""

import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import ClassVar

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from cnnviz.data import DATASETS, is_renewable
from cnnviz.data.augmentation import LEVELS, Augmentation
from cnnviz.data.mnist import MNIST
from cnnviz.gui.fields import settle
from cnnviz.gui.panels.panel import Panel, Row
from cnnviz.gui.theme import GRID
from cnnviz.gui.workbench import Workbench
from cnnviz.nn import OPTIMIZERS, SCHEDULES, TIES
from cnnviz.training.config import LARGEST_LR, LARGEST_SEED, TrainingConfig
from cnnviz.training.presets import PRESETS

LARGEST_BATCH = 1000  # images; larger ones would take gigabytes of memory and let every click wait for seconds
FOLDER = "Folder\u2026"
OTHERWISE = "custom"


class _RateBox(QDoubleSpinBox):
    """A number field that leaves out zeros at the end, 0.001 instead of 0.001000, and understands 1e-4."""

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Accept what is a number in the range, and let anything be typed that may become one."""
        if re.fullmatch(r"[0-9.,eE+-]*", text) is None:
            return QValidator.State.Invalid, text, position
        number, is_number = self.locale().toDouble(text)
        fits = is_number and self.minimum() <= number <= self.maximum()
        return (QValidator.State.Acceptable if fits else QValidator.State.Intermediate), text, position

    def valueFromText(self, text: str) -> float:  # noqa: N802
        """Return the number that ``text`` is."""
        return self.locale().toDouble(text)[0]

    def textFromValue(self, value: float) -> str:  # noqa: N802
        """Return ``value`` as short as it can be."""
        return self.locale().toString(value, "g", 6)


class ExperimentPanel(Panel):
    """What is trained, on what, and how."""

    name: ClassVar[str] = "experiment"
    title: ClassVar[str] = "Experiment"
    about: ClassVar[str] = (
        "The settings of the run. The learning rate changes while training goes on; all others take effect with "
        "Apply, which begins anew."
    )

    download_wanted = Signal()

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench, parent)
        self._freeze: dict[str, QCheckBox] = {}
        self._make_fields()
        body = QWidget()
        body.setLayout(self._make_grid())
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        self.apply = QPushButton("Apply and reset")
        self.apply.setToolTip("Begin anew with these settings")
        self.apply.setAccessibleName("Apply and reset")
        self.apply.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.apply.clicked.connect(self.apply_settings)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, GRID)
        layout.setSpacing(GRID // 2)
        layout.addWidget(scroll, 1)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(GRID, 0, GRID, 0)
        buttons.addWidget(self.apply)
        layout.addLayout(buttons)
        workbench.run_started.connect(self.show_settings)
        self.show_settings()

    def _make_fields(self) -> None:
        self.preset = self._combo("Preset", [(p.title, p.name) for p in PRESETS.values()])
        self.preset.activated.connect(self._take_preset)
        self.dataset = self._combo("Dataset", [(s.title, s.name) for s in DATASETS] + [(FOLDER, FOLDER)])
        for index, source in enumerate(DATASETS):
            self.dataset.setItemData(index, source.description, Qt.ItemDataRole.ToolTipRole)
        self.dataset.activated.connect(self._choose_dataset)
        self.download = QPushButton("Download MNIST\u2026")
        self._name(self.download, "Download MNIST", "Fetch MNIST (11.6 MB) into the folder that it is looked for in")
        self.download.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.download.clicked.connect(self.download_wanted)
        self.fresh = QCheckBox("Fresh")
        self.fresh.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.fresh.toggled.connect(self._mark)
        self._augmentations = dict(LEVELS)
        self.augment = self._combo("Augmentation", [(name, name) for name in self._augmentations])
        self._name(
            self.augment,
            "Augmentation",
            "Shift, turn, stretch, slant and bend each image a little, another way whenever it is learnt; "
            "takes effect with Apply and reset",
        )
        self.lr = _RateBox()
        self.lr.setProperty("role", "compact")
        self.lr.setDecimals(6)
        self.lr.setRange(0.000001, LARGEST_LR)
        self.lr.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        self.lr.setKeyboardTracking(False)
        self.lr.valueChanged.connect(self._change_learning_rate)
        self._name(
            self.lr,
            "Learning rate",
            f"Size of the steps down the gradient, up to {LARGEST_LR:g}; changes at once, while training",
        )
        self.optimizer = self._combo("Optimiser", [(name, name) for name in OPTIMIZERS])
        self.schedule = self._combo("Schedule", [(name, name) for name in SCHEDULES])
        self.ties = self._combo("Ties", [(name, name) for name in TIES])
        self._name(
            self.ties,
            "Ties",
            "Who gets the gradient where several cells of a pooling window hold its maximum: the first of them, all of "
            "them in full, or all in equal parts; takes effect with Apply and reset",
        )
        for combo in (self.augment, self.ties):
            combo.setMinimumContentsLength(2)  # they share a row with both their captions
        self.epochs = self._spin("Epochs", 1, 1000, "How often all training images are seen")
        self.batch_size = self._spin("Batch size", 1, LARGEST_BATCH, "How many images share one step")
        self.seed = self._spin("Seed", 0, min(LARGEST_SEED, 2**31 - 1), "Of the first weights and the images' order")
        self.train_size = self._spin("Training images", 0, 60_000, "The first so many training images; all: every one")
        self.train_size.setSpecialValueText("all")

    def _make_grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(GRID, 0, GRID, 0)
        grid.setHorizontalSpacing(GRID // 2)
        grid.setVerticalSpacing(GRID // 2)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        rows = (
            (("Preset", self.preset),),
            (("Data", self._side_by_side(self.dataset, self.fresh)),),
            (("", self.download),),
            (("Augment", self.augment), ("Ties", self.ties)),
            (("Rate", self._side_by_side(self.lr, self.schedule)),),
            (("Optimiser", self.optimizer),),
            (("Batch", self.batch_size), ("Epochs", self.epochs)),
            (("Images", self.train_size), ("Seed", self.seed)),
        )
        for row, fields in enumerate(rows):
            for place, (caption, field) in enumerate(fields):
                if caption:
                    grid.addWidget(self._caption(caption, field), row, 2 * place)
                grid.addWidget(field, row, 2 * place + 1, 1, 1 if len(fields) == 2 else 3)
        grid.addWidget(self._caption("Freeze"), len(rows), 0, Qt.AlignmentFlag.AlignTop)
        self._frozen_box = QWidget()
        self._frozen_grid = QGridLayout(self._frozen_box)
        self._frozen_grid.setContentsMargins(0, 0, 0, 0)
        self._frozen_grid.setSpacing(GRID // 2)
        grid.addWidget(self._frozen_box, len(rows), 1, 1, 3)
        grid.setRowStretch(len(rows) + 1, 1)
        return grid

    def _side_by_side(self, *fields: QWidget) -> QWidget:
        """Return fields of one row that need no caption of their own."""
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        for field in fields:
            row.addWidget(field)
        box.setFocusProxy(fields[0])
        return box

    def _caption(self, text: str, field: QWidget | None = None) -> QLabel:
        label = QLabel(text)
        label.setProperty("role", "muted")
        if field is not None:
            label.setBuddy(field)
        return label

    def _name(self, field: QWidget, name: str, tip: str) -> None:
        if isinstance(field, QAbstractSpinBox):
            settle(field)
            field.setMinimumWidth(48)  # two of them share a row of a narrow panel
        field.setAccessibleName(name)
        field.setToolTip(tip)

    def _combo(self, name: str, items: list[tuple[str, str]]) -> QComboBox:
        combo = QComboBox()
        combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the window
        for text, data in items:
            combo.addItem(text, data)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.setMinimumContentsLength(3)  # some share a row of a narrow panel with another field
        self._name(combo, name, f"{name}; takes effect with Apply and reset")
        combo.currentIndexChanged.connect(self._mark)
        return combo

    def _spin(self, name: str, least: int, most: int, tip: str) -> QSpinBox:
        spin = QSpinBox()
        spin.setRange(least, most)
        spin.setProperty("role", "compact")  # no buttons but room for the number; wheel and arrow keys remain
        self._name(spin, name, f"{tip}; takes effect with Apply and reset")
        spin.valueChanged.connect(self._mark)
        return spin

    @Slot()
    def show_settings(self) -> None:
        """Show the settings of the current run."""
        self._show(self.workbench.config)

    def _show(self, config: TrainingConfig) -> None:
        blockers = [QSignalBlocker(field) for field in self._fields()]
        self.preset.setCurrentIndex(self.preset.findData(config.preset))
        self.preset.setToolTip(config.recipe.description)
        self._select_dataset(config.dataset)
        self._generated = is_renewable(config.dataset)
        self.fresh.setChecked(config.fresh)
        self._select_augmentation(config.augment)
        self.lr.setValue(config.lr)
        self.optimizer.setCurrentText(config.optimizer)
        self.schedule.setCurrentText(config.schedule)
        self.ties.setCurrentText(config.ties)
        self.epochs.setValue(config.epochs)
        self.batch_size.setValue(config.batch_size)
        self.seed.setValue(config.seed)
        self.train_size.setValue(config.train_size or 0)
        self._offer_layers(config)
        del blockers
        self._mark()

    def _fields(self) -> list[QWidget]:
        combos = [self.preset, self.dataset, self.augment, self.optimizer, self.schedule, self.ties]
        return [*combos, self.fresh, self.lr, self.epochs, self.batch_size, self.seed, self.train_size]

    def _select_dataset(self, name: str) -> None:
        if (index := self.dataset.findData(name)) < 0:  # a folder
            index = self.dataset.count() - 1
            self.dataset.insertItem(index, Path(name).name or name, name)
        self.dataset.setCurrentIndex(index)

    def _select_augmentation(self, augmentation: Augmentation) -> None:
        """Show one that has a name, or another one, such as the command line can ask for, as what it is."""
        if augmentation not in self._augmentations.values():
            if OTHERWISE not in self._augmentations:
                self.augment.addItem(OTHERWISE, OTHERWISE)
            self._augmentations[OTHERWISE] = augmentation
        names = [name for name, known in self._augmentations.items() if known == augmentation]
        self.augment.setCurrentIndex(self.augment.findData(names[0]))

    def _offer_layers(self, config: TrainingConfig) -> None:
        for box in self._freeze.values():
            self._frozen_grid.removeWidget(box)
            box.deleteLater()
        self._freeze = {}
        for place, layer in enumerate(config.build().parameter_shapes):
            box = QCheckBox(layer)
            box.setChecked(layer in config.freeze)
            self._name(box, f"Freeze {layer}", f"Leave {layer} as it is; takes effect with Apply and reset")
            box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            box.toggled.connect(self._mark)
            self._frozen_grid.addWidget(box, place // 2, place % 2)
            self._freeze[layer] = box

    @Slot()
    def _take_preset(self) -> None:
        """Fill in the preset's own settings; data, whether they are fresh, and seed stay."""
        dataset = self.workbench.config.dataset if self.dataset.currentData() == FOLDER else self.dataset.currentData()
        kept = {field: getattr(self.chosen(), field) for field in ("fresh", "seed")}
        self._show(TrainingConfig.from_preset(self.preset.currentData(), dataset, **kept))

    @Slot()
    def _choose_dataset(self) -> None:
        if self.dataset.currentData() == FOLDER:
            folder = QFileDialog.getExistingDirectory(self, "Folder with IDX files")
            self._select_dataset(folder or self.workbench.config.dataset)
        if is_renewable(self.dataset.currentData()) != self._generated:
            self._fit_to_dataset()
        self._mark()

    def _fit_to_dataset(self) -> None:
        """Fill in what the preset does otherwise where digits are generated, or are not any more."""
        chosen = self.chosen()
        usual = TrainingConfig.from_preset(chosen.preset, chosen.dataset)
        self._show(replace(chosen, **{name: getattr(usual, name) for name in usual.recipe.for_generated}))

    @Slot(float)
    def _change_learning_rate(self, lr: float) -> None:
        """Change the rate of the run, unless it is meant for other settings that are yet to be applied."""
        config = self.workbench.config
        if (self.preset.currentData(), self.optimizer.currentData()) == (config.preset, config.optimizer):
            self.workbench.set_learning_rate(lr)
        self._mark()

    def chosen(self) -> TrainingConfig:
        """Return the settings as they stand in the fields."""
        return replace(
            self.workbench.config,
            preset=self.preset.currentData(),
            dataset=self.dataset.currentData(),
            fresh=self.fresh.isChecked(),
            augment=self._augmentations[self.augment.currentData()],
            optimizer=self.optimizer.currentData(),
            schedule=self.schedule.currentData(),
            ties=self.ties.currentData(),
            lr=self.lr.value(),
            epochs=self.epochs.value(),
            batch_size=self.batch_size.value(),
            seed=self.seed.value(),
            train_size=self.train_size.value() or None,
            test_size=PRESETS[self.preset.currentData()].test_size,
            freeze=tuple(layer for layer, box in self._freeze.items() if box.isChecked()),
        )

    def numbers(self) -> list[Row]:
        """Return the settings of the run, by the names that ``train`` on the command line has for them."""
        facts = asdict(self.workbench.config) | {"augment": str(self.workbench.config.augment)}
        return [("setting", "value"), *((name, _plain(value)) for name, value in facts.items())]

    @Slot()
    def _mark(self) -> None:
        """Say whether there is anything to apply, and offer what the dataset can."""
        self._offer_fresh(is_renewable(self.dataset.currentData()))
        differs = self.chosen() != self.workbench.config
        self.apply.setEnabled(differs)
        self.apply.setProperty("role", "primary" if differs else "")
        self.apply.style().polish(self.apply)
        absent = self.dataset.currentData() == MNIST.name and not MNIST.is_available(self.workbench.config.data_dir)
        self.download.setVisible(absent)

    def _offer_fresh(self, can: bool) -> None:
        blocker = QSignalBlocker(self.fresh)
        self.fresh.setChecked(can and self.fresh.isChecked())
        del blocker
        self.fresh.setEnabled(can)
        tip = "Generate new images for each epoch; takes effect with Apply and reset"
        if not can:
            tip = "Only generated digits, such as Strokes, can be new in each epoch"
        self._name(self.fresh, "Fresh images each epoch", tip)

    @Slot()
    def apply_settings(self) -> None:
        """Begin anew with the settings as they stand."""
        self.workbench.try_run(self.chosen())

    @Slot()
    def choose_mnist(self) -> None:
        """Select MNIST, now that it is there, and begin anew on it."""
        self._select_dataset(MNIST.name)
        self._mark()
        self.apply_settings()


def _plain(value: object) -> object:
    """Return a setting as one entry of a table."""
    return " ".join(map(str, value)) if isinstance(value, tuple) else value
