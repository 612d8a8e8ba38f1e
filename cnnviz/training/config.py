"""What a training run is made of, checked before anything starts."""

import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from numbers import Integral, Real
from pathlib import Path

from cnnviz.data import is_renewable
from cnnviz.data.augmentation import LEVELS, Augmentation
from cnnviz.errors import UserError
from cnnviz.nn import OPTIMIZERS, SCHEDULES, TIES, Network
from cnnviz.training.history import Edit
from cnnviz.training.presets import PRESETS, Preset

LARGEST_SEED = 2**32 - 1
LARGEST_LR = 10.0

QUOTED_CHARS = 100  # of a value that is refused


class ConfigError(UserError):
    """A setting outside its range.

    Attributes
    ----------
    field : str
        Name of the setting.
    """

    def __init__(self, field: str, accepted: str, got: object) -> None:
        self.field = field
        found = str(got)
        found = found if len(found) <= QUOTED_CHARS else f"{found[:QUOTED_CHARS]}..."  # a damaged file can say anything
        super().__init__(f"{field}: accepted is {accepted}, got {found}")


def check_lr(lr: float) -> None:
    """Raise ConfigError where ``lr`` cannot be a learning rate."""
    if not (isinstance(lr, Real) and math.isfinite(lr) and 0 < lr <= LARGEST_LR):
        raise ConfigError("lr", f"a number above 0 and up to {LARGEST_LR:g}", lr)


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of a run; with the same ones, every run ends in the same bits.

    Attributes
    ----------
    preset : str
        Name in ``PRESETS``.
    dataset : str
        Name of a dataset, or a folder that holds IDX files.
    data_dir : Path or None
        Folder of the dataset's files; None: ``CNNVIZ_DATA_DIR`` or the cache folder.
    train_size, test_size : int or None
        The first so many images of each set; None: all.
    epochs, batch_size : int
    optimizer, schedule : str
        Names in ``cnnviz.nn.OPTIMIZERS`` and ``SCHEDULES``.
    lr : float
        Learning rate before the schedule.
    seed : int
        Of initial parameters and of the order of images.
    freeze : tuple of str
        Layers whose parameters stay as they are.
    ties : str
        Name in ``cnnviz.nn.TIES``: which of several equal cells max pooling hands the gradient to.
    mix : tuple of (str, float)
        Sources as `cnnviz.data.mixing.load_images` takes them, each with the share of images that comes from there on
        average.
    fresh : bool
        Whether datasets that are generated, also those mixed in, draw new images for each epoch.
    augment : Augmentation
        How images are varied when they are learnt, whatever they come from.
    """

    preset: str
    dataset: str
    optimizer: str
    schedule: str
    lr: float
    epochs: int
    batch_size: int
    train_size: int | None
    test_size: int | None
    ties: str
    data_dir: Path | None = None
    seed: int = 0
    freeze: tuple[str, ...] = ()
    mix: tuple[tuple[str, float], ...] = ()
    fresh: bool = False
    augment: Augmentation = LEVELS["none"]

    @classmethod
    def from_preset(cls, preset: str, dataset: str, **changes: object) -> "TrainingConfig":
        """Return the settings of ``preset`` for ``dataset`` with those of ``changes`` that are not None.

        ConfigError where they are wrong.
        """
        _check_name("preset", PRESETS, preset)
        recipe = PRESETS[preset]
        config = cls(
            preset=preset,
            dataset=dataset,
            optimizer=recipe.optimizer,
            schedule=recipe.schedule,
            lr=recipe.lr,
            epochs=recipe.epochs,
            batch_size=recipe.batch_size,
            train_size=recipe.train_size,
            test_size=recipe.test_size,
            ties=recipe.ties,
        )
        if is_renewable(dataset):
            config = replace(config, **recipe.for_generated)
        config = replace(config, **{name: value for name, value in changes.items() if value is not None})
        config.check()
        return config

    @property
    def recipe(self) -> Preset:
        """The preset that ``preset`` names."""
        return PRESETS[self.preset]

    def build(self) -> Network:
        """Return the network."""
        return self.recipe.build(self.ties)

    def check(self) -> None:
        """Raise ConfigError for the first setting outside its range."""
        _check_name("preset", PRESETS, self.preset)
        _check_name("optimizer", OPTIMIZERS, self.optimizer)
        _check_name("schedule", SCHEDULES, self.schedule)
        _check_name("ties", TIES, self.ties)
        check_lr(self.lr)
        self._check_counts()
        if not (isinstance(self.seed, Integral) and 0 <= self.seed <= LARGEST_SEED):
            raise ConfigError("seed", f"a whole number from 0 to {LARGEST_SEED}", self.seed)
        if self.train_size is not None:
            self.check_batch(self.train_size)
        self._check_frozen()
        self._check_mix()

    def check_batch(self, available: int) -> None:
        """Raise ConfigError when a batch is larger than the ``available`` training images."""
        if self.batch_size > available:
            raise ConfigError("batch_size", f"1 to the {available} training images", self.batch_size)

    def _check_counts(self) -> None:
        for field in ("epochs", "batch_size", "train_size", "test_size"):
            value = getattr(self, field)
            if value is None and field in ("train_size", "test_size"):
                continue
            if not (isinstance(value, Integral) and value >= 1):
                raise ConfigError(field, "a whole number of 1 or more", value)

    def _check_frozen(self) -> None:
        trainable = list(self.recipe.build().parameter_shapes)
        for layer in self.freeze:
            if layer not in trainable:
                raise ConfigError("freeze", f"layers among {', '.join(trainable)}", layer)
        if set(self.freeze) == set(trainable):
            raise ConfigError("freeze", "all layers but at least one", ", ".join(self.freeze))

    def _check_mix(self) -> None:
        shares = [share for _, share in self.mix]
        for share in shares:
            if not (isinstance(share, Real) and 0 < share < 1):
                raise ConfigError("mix", "a share above 0 and below 1", share)
        if sum(shares) >= 1:
            raise ConfigError("mix", "shares that add up to less than 1", f"{sum(shares):g}")

    def for_file(
        self, steps: int, learning_rates: tuple[tuple[int, float], ...], edits: Iterable[Edit] = ()
    ) -> dict[str, object]:
        """Return what a file says of parameters trained with these settings for ``steps`` steps, beside their values.

        ``learning_rates`` and ``edits`` are those that the history holds: the first rate and every change by hand, and
        every parameter set by hand; where there are such edits, the settings alone do not lead to these parameters.
        What is returned are the arguments of ``cnnviz.formats.SavedParameters`` by name. Folders of this machine are
        left out: they are nobody else's business.
        """
        facts = asdict(self)
        del facts["data_dir"]
        facts["dataset"] = _last_name(self.dataset)
        facts["mix"] = [(_last_name(source), share) for source, share in self.mix]
        if edited := [edit._asdict() for edit in edits]:
            facts["edits"] = edited
        return {
            "architecture": self.recipe.architecture,
            "normalization": self.recipe.normalization,
            "test_normalization": self.recipe.test_normalization,
            "training": {**facts, "steps": steps, "learning_rates": learning_rates},
        }


def _last_name(path: str) -> str:
    """Return what a file or folder is called, also where it is "." or ".."; a dataset's name stays as it is."""
    return os.path.basename(os.path.abspath(os.path.expanduser(path)))


def _check_name(field: str, known: Iterable[str], name: str) -> None:
    if name not in known:
        raise ConfigError(field, f"one of {', '.join(known)}", name)
