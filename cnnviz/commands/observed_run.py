"""A training run that is followed in a terminal."""

import time

from tqdm import tqdm

from cnnviz.commands.console import bar, percent, say
from cnnviz.training.evaluation import Evaluation
from cnnviz.training.history import WINDOW
from cnnviz.training.trainer import StepDone, Trainer

LINES_PER_EPOCH = 20


class ObservedRun:
    """Runs a trainer to its end with a bar on stderr and, as in Zhou's article, a look back every 100 steps.

    Attributes
    ----------
    seconds : float
        Spent on training alone.
    samples : int
        Images learnt.
    train_loss : float
        Mean cost over the latest whole epoch, in nats, of each image before the update that it led to.
    evaluation : Evaluation or None
        On the test set, after the latest whole epoch.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.seconds = 0.0
        self.samples = 0
        self.train_loss = float("nan")
        self.evaluation: Evaluation | None = None
        self._trainer = trainer
        self._events = trainer.events(self._testing)
        self._bar: tqdm
        # In long epochs a multiple of the window, so that a terminal is not flooded.
        self._steps_between_lines = WINDOW * -(-trainer.steps_per_epoch // (WINDOW * LINES_PER_EPOCH))

    @property
    def samples_per_second(self) -> float:
        """Training throughput."""
        return self.samples / self.seconds

    def run(self) -> None:
        """Train and test, epoch by epoch."""
        for epoch in range(1, self._trainer.epochs + 1):
            title = f"epoch {epoch}/{self._trainer.epochs}"
            with bar(len(self._trainer.train), title, " images", delay=0) as self._bar:
                self.train_loss = self._train_epoch()
            with bar(len(self._trainer.test), "testing", " images") as self._bar:
                self.evaluation = next(self._events).evaluation
            say(
                f"{title}: cost {self.train_loss:.3f} | test loss {self.evaluation.loss:.4f} | "
                f"test accuracy {percent(self.evaluation.accuracy)}"
            )

    def _train_epoch(self) -> float:
        """Return the mean cost."""
        total = 0.0
        left = len(self._trainer.train)
        while left:
            began = time.perf_counter()
            step = next(self._events)
            self.seconds += time.perf_counter() - began
            samples = min(left, self._trainer.config.batch_size)
            left -= samples
            total += step.loss * samples
            self._show(step, samples)
        self.samples += len(self._trainer.train)
        return total / len(self._trainer.train)

    def _show(self, step: StepDone, samples: int) -> None:
        self._bar.set_postfix_str(f"cost {step.loss:.3f}", refresh=False)
        self._bar.update(samples)
        if step.step % self._steps_between_lines == 0:
            loss, accuracy = self._trainer.history.view().past()
            say(f"[Step {step.step}] past {WINDOW} steps: loss {loss:.3f} | accuracy {100 * accuracy:.0f} %")

    def _testing(self, done: int, total: int) -> None:
        self._bar.update(done - self._bar.n)
