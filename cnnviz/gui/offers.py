"""What is offered where a run was interrupted, or has failed: to go on with what is kept of it."""

from functools import partial

from PySide6.QtCore import QObject, Signal, Slot

from cnnviz.errors import UserError
from cnnviz.gui.offer_bar import Answer, Offer, OfferBar
from cnnviz.gui.run_text import cost_text, data_text, network_text, time_text
from cnnviz.gui.workbench import Workbench
from cnnviz.training.divergence import Divergence
from cnnviz.training.runs import SavedRun, dismiss, find_run
from cnnviz.training.snapshot import Snapshot

WHERE = "File > Runs (Ctrl+Shift+R)"


class Offers(QObject):
    """Asks, and does what is answered.

    An interrupted run is offered until something else is begun. It counts as ended then, and stays among the runs.
    """

    told = Signal()  # the offer says what had gone wrong

    def __init__(self, workbench: Workbench, bar: OfferBar, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workbench = workbench
        self._bar = bar
        self._interrupted: SavedRun | None = None  # that is offered
        workbench.run_started.connect(self._withdraw)
        workbench.snapshot_arrived.connect(self._see)
        workbench.run_failed.connect(self._offer_to_go_back)

    def offer_interrupted(self) -> None:
        """Offer the newest run that nobody ended; only say that there is one where training goes on already."""
        interrupted = (run for run in self._workbench.kept_runs() if run.was_interrupted)
        run = next((run for run in interrupted if run.summary.step), None)  # without a step nothing is lost
        if run is None:
            return
        summary = run.summary
        what = f"A run was interrupted at step {summary.step:,}"
        if self._workbench.is_running:
            self._workbench.message.emit(f"{what}; to go on with it: {WHERE}")
            return
        facts = [f"{network_text(summary)} on {data_text(summary)}"]
        if summary.loss is not None:
            facts.append(f"cost {cost_text(summary)}")
        self._interrupted = run
        self._bar.show_offer(
            Offer(
                f"{what}.",
                ", ".join([*facts, f"saved {time_text(run.saved_at)}"]),
                Answer("Go on", "Show this run as it was; Space trains on", partial(self.go_on, run)),
                Answer("Not now", f"Leave it among the runs that are kept, {WHERE} (Esc)", self._decline),
                self._decline,
            )
        )

    def go_on(self, run: SavedRun, lr: float | None = None, trains: bool = False) -> None:
        """Go on with a run, at rest or not, with another learning rate or not; say why where that cannot be."""
        offered, self._interrupted = self._interrupted, None
        try:
            self._workbench.resume(run, lr)
        except UserError as error:
            if self._bar.offer is not None:  # another run was to be gone on with
                self._interrupted = offered
            self._workbench.failed.emit(str(error))
            return
        if trains:
            self._workbench.train()
        self._workbench.message.emit(
            f"Back at step {run.summary.step:,} of the run that was saved {time_text(run.saved_at)}"
            + ("" if lr is None else f", at a learning rate of {lr:g}")
        )

    @Slot()
    def _decline(self) -> None:
        run, self._interrupted = self._interrupted, None
        dismiss(run)
        self._workbench.message.emit(f"The interrupted run stays among those that are kept: {WHERE}")

    @Slot(object)
    def _see(self, snapshot: Snapshot) -> None:
        """Offer nothing once another run is trained."""
        if snapshot.step and self._interrupted is not None:
            self._withdraw()

    @Slot()
    def _withdraw(self) -> None:
        self._bar.withdraw()
        if self._interrupted is not None:
            self._decline()

    @Slot()
    def _offer_to_go_back(self) -> None:
        """Offer the newest checkpoint of a run that has failed, where there is one."""
        workbench = self._workbench
        if workbench.saved is None:
            return
        try:
            run = find_run(str(workbench.saved.folder))
        except UserError:  # gone by now
            return
        if workbench.divergence is None and not run.summary.step:
            return  # a reset leads there too
        if workbench.divergence is not None:
            offer = self._after_divergence(workbench.divergence, run)
        else:
            offer = self._after_failure(workbench.failure, run)
        self._bar.show_offer(offer)
        self.told.emit()

    def _after_divergence(self, divergence: Divergence, run: SavedRun) -> Offer:
        diverged, saved, step = divergence.learning_rate, run.summary.learning_rate, run.summary.step
        lr = rate_to_go_back_with(diverged, saved)
        where = f" in {divergence.layer}" if divergence.layer else ""
        good = ""
        if divergence.last_good is not None:
            good = f"Last finite cost {divergence.last_good[1]:.3g}. "
        return self._offer_of(
            f"Training diverged{where} at step {divergence.step:,}, rate {diverged:g}.",
            f"{good}{_saved_text(run)}",
            Answer(
                f"Go back, rate {lr:g}",
                f"Go on from step {step:,} with a learning rate of {lr:g} instead of {diverged:g}",
                partial(self.go_on, run, lr, self._workbench.was_training),
            ),
        )

    def _after_failure(self, failure: str, run: SavedRun) -> Offer:
        what, _, _ = failure.rpartition("; ")  # what to do follows, which the buttons say
        what = what or failure
        return self._offer_of(
            f"{what[0].upper()}{what[1:]}.",
            _saved_text(run),
            Answer(
                f"Go on from step {run.summary.step:,}",
                "Go on with the run where it was saved last",
                partial(self.go_on, run, None, self._workbench.was_training),
            ),
        )

    def _offer_of(self, text: str, detail: str, accepting: Answer) -> Offer:
        reset = Answer("Reset", "Begin anew with the same settings and seed (R)", self._workbench.reset)
        return Offer(text, detail, accepting, reset)


def rate_to_go_back_with(diverged: float, saved: float) -> float:
    """Return a tenth of the learning rate that training ``diverged`` with, but no more than it was ``saved`` with.

    Somebody who has just set ten times the rate, or ten thousand times, wants the one that had been good.
    """
    return min(float(f"{diverged / 10:.6g}"), saved)


def _saved_text(run: SavedRun) -> str:
    cost = "" if run.summary.loss is None else f", cost {cost_text(run.summary)}"
    return f"Saved at step {run.summary.step:,}{cost}."
