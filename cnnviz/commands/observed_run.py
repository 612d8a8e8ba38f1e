"""A training run that is followed in a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from tqdm import tqdm

from cnnviz import interrupts
from cnnviz.commands.console import bar, percent, say
from cnnviz.training.autosave import Autosave
from cnnviz.training.evaluation import Evaluation
from cnnviz.training.history import WINDOW
from cnnviz.training.trainer import StepDone, Trainer

LINES_PER_EPOCH = 20


class ObservedRun:
    """Runs a trainer to its end with a bar on stderr and, as in Zhou's article, a look back every 100 steps.

    It saves itself as it goes, and begins wherever the trainer is.

    Attributes
    ----------
    evaluation : Evaluation or None
        On the test set, after the latest whole epoch.
    """

    def __init__(self, trainer: Trainer, autosave: Autosave) -> None:
        self.evaluation: Evaluation | None = None
        self._trainer = trainer
        self._autosave = autosave
        self._events = trainer.events(self._testing)
        self._bar: tqdm
        self._has_told_fault = False
        # In long epochs a multiple of the window, so that a terminal is not flooded.
        self._steps_between_lines = WINDOW * -(-trainer.steps_per_epoch // (WINDOW * LINES_PER_EPOCH))

    @property
    def samples(self) -> int:
        """Images learnt in all, also before the run was gone on with."""
        total = len(self._trainer.train)
        return self._trainer.epoch * total + self._samples_in_epoch

    @property
    def samples_per_second(self) -> float:
        """Training throughput; NaN before the first step."""
        return self.samples / self._trainer.seconds if self._trainer.seconds else float("nan")

    @property
    def train_loss(self) -> float:
        """Mean cost over the latest whole epoch, in nats, of each image before the update that it led to."""
        trainer = self._trainer
        sizes = np.full(trainer.steps_per_epoch, trainer.config.batch_size)
        sizes[-1] += len(trainer.train) - sizes.sum()
        end = trainer.epoch * trainer.steps_per_epoch
        losses = trainer.history.view().losses[end - trainer.steps_per_epoch : end]
        return float(np.average(losses.astype(np.float64), weights=sizes))

    def run(self) -> None:
        """Train and test, epoch by epoch, and save the end.

        Raises
        ------
        KeyboardInterrupt
            The end was asked for. The step under way was made, and the run is saved.
        DivergenceError
        """
        with interrupts.put_off(), self._saved_at_the_end():
            while self._trainer.epoch < self._trainer.epochs:
                self._run_epoch()
            if self.evaluation is None:  # a run that had ended before
                self.evaluation = self._known_score() or self._trainer.score()

    def _run_epoch(self) -> None:
        trainer = self._trainer
        title = f"epoch {trainer.epoch + 1}/{trainer.epochs}"
        with bar(len(trainer.train), title, " images", delay=0, done=self._samples_in_epoch) as self._bar:
            while trainer.step_in_epoch < trainer.steps_per_epoch:
                self._autosave.before_step(trainer)
                step = next(self._events)
                self._autosave.after_step(trainer)
                self._show(step)
                interrupts.check()
        with bar(len(trainer.test), "testing", " images") as self._bar:
            self.evaluation = next(self._events).evaluation
        self._autosave.at_rest(trainer)
        say(
            f"{title}: cost {self.train_loss:.3f} | test loss {self.evaluation.loss:.4f} | "
            f"test accuracy {percent(self.evaluation.accuracy)}"
        )

    @contextmanager
    def _saved_at_the_end(self) -> Iterator[None]:
        """Keep where the run ends, unless it fails: then what it was before is kept."""
        is_good = False
        try:
            yield
            is_good = True
        except KeyboardInterrupt:  # which comes between two steps only
            is_good = True
            raise
        finally:
            self._autosave.end(self._trainer if is_good else None)
            self._tell_fault()

    @property
    def _samples_in_epoch(self) -> int:
        return min(self._trainer.step_in_epoch * self._trainer.config.batch_size, len(self._trainer.train))

    def _known_score(self) -> Evaluation | None:
        tests = self._trainer.history.view().tests
        return tests[-1].evaluation if tests and tests[-1].step == self._trainer.step else None

    def _show(self, step: StepDone) -> None:
        self._bar.set_postfix_str(f"cost {step.loss:.3f}", refresh=False)
        self._bar.update(self._samples_in_epoch - self._bar.n)
        self._tell_fault()
        if step.step % self._steps_between_lines == 0:
            loss, accuracy = self._trainer.history.view().past()
            say(f"[Step {step.step}] past {WINDOW} steps: loss {loss:.3f} | accuracy {100 * accuracy:.0f} %")

    def _tell_fault(self) -> None:
        """Say once why the run cannot be saved."""
        if self._autosave.fault is not None and not self._has_told_fault:
            self._has_told_fault = True
            say(self._autosave.fault)

    def _testing(self, done: int, total: int) -> None:
        interrupts.check()
        self._bar.update(done - self._bar.n)
