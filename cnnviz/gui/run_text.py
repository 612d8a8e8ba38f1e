"""Kept runs in words."""

import time
from pathlib import Path

from cnnviz.data import DATASETS
from cnnviz.training.checkpoint_file import Summary
from cnnviz.training.presets import PRESETS


def network_text(summary: Summary) -> str:
    """Return the title of the preset."""
    return PRESETS[summary.config.preset].title


def data_text(summary: Summary) -> str:
    """Return the title of the dataset, or the name of its folder."""
    dataset = summary.config.dataset
    titles = {source.name: source.title for source in DATASETS}
    return titles.get(dataset) or Path(dataset).name or dataset


def epoch_text(summary: Summary) -> str:
    """Return which epoch it is, of how many, such as "1 / 2"."""
    return f"{min(summary.epoch + 1, summary.epochs)} / {summary.epochs}"


def cost_text(summary: Summary) -> str:
    """Return the cost in nats, with three figures."""
    return "\u2013" if summary.loss is None else f"{summary.loss:.3g}"


def accuracy_text(summary: Summary) -> str:
    """Return the share of the test set in per cent."""
    return "\u2013" if summary.accuracy is None else f"{summary.accuracy:.1%}".replace("%", " %")


def time_text(seconds: float) -> str:
    """Return when that was, in seconds since the epoch: today's time, or another day's date with it."""
    then, now = time.localtime(seconds), time.localtime()
    day = "" if then[:3] == now[:3] else f"{then.tm_mday} {time.strftime('%b', then)} "
    year = "" if then.tm_year == now.tm_year else f"{then.tm_year} "
    return f"{day}{year}{time.strftime('%H:%M', then)}"
