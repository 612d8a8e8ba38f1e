"""What the window works on: the process that trains, the current run in it, and the newest snapshot of that."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal

from cnnviz.data import check_dataset
from cnnviz.data.preprocessing import Normalization
from cnnviz.errors import UserError
from cnnviz.explain.places import Place, Weight, exists, value_at, values_of
from cnnviz.explain.what_if import WhatIf, actual, again, obstacle, what_if
from cnnviz.formats import SavedParameters, read_parameters, write_parameters
from cnnviz.gui.own_digits import OwnDigits
from cnnviz.gui.tiles import largest_magnitude, nice_ceiling, number
from cnnviz.gui.training_thread import TrainingThread
from cnnviz.nn import Parameters, Workspace
from cnnviz.resource_files import SHIPPED, resource
from cnnviz.training.autosave import Saved
from cnnviz.training.config import ConfigError, TrainingConfig
from cnnviz.training.control import ProbeChoice, check_value, own_digits
from cnnviz.training.divergence import Divergence
from cnnviz.training.engine import Engine, Run
from cnnviz.training.presets import PRESETS
from cnnviz.training.runs import RunError, SavedRun, find_run, saved_runs
from cnnviz.training.session import Phase, Status
from cnnviz.training.snapshot import Snapshot

log = logging.getLogger(__name__)

NOTCHES = 10  # that make up the scale of an array
NOTHING_CHOSEN = "click a weight, a bias or a pixel of the input first; then Alt+Up and Alt+Down nudge it"
_OF_THE_PRESET = (
    *("preset", "optimizer", "schedule", "lr", "epochs", "batch_size", "train_size", "test_size"),
    *("freeze", "ties"),
)


class Workbench(QObject):
    """Holds the run that the panels show, and takes their wishes.

    It lives in the GUI thread, which waits neither for the process that trains nor for the thread that listens to it.
    ``poll`` is called by the window's timer and hands the newest snapshot on.

    Attributes
    ----------
    config : TrainingConfig
        Of the current run.
    snapshot : Snapshot or None
        What is to be shown: the newest, or, while a number is nudged, what would be with it; None until the data are
        loaded.
    probe : ProbeChoice
        The image that is followed through the network.
    began_from_file : bool
        Whether the current run began from parameters that were opened, not from random ones.
    own_digits : OwnDigits
        What the user has labelled.
    subject : Place or None
        The number that was chosen to be looked into.
    pointed : Place or None
        The number under the mouse, in whichever panel.
    runs : Path or None
        Where runs are kept, to be gone on with; None: nowhere.
    was_training : bool
        Whether training was meant to go on by itself, also where the run has ended meanwhile.
    nudge : WhatIf or None
        What would be with the number that is nudged. Meanwhile the run rests, and knows nothing of it.
    """

    run_started = Signal()  # another run: other settings, seed or parameters
    snapshot_arrived = Signal(object)
    status_changed = Signal(object)
    probe_changed = Signal()
    saved_changed = Signal()  # there is another checkpoint of the run
    run_failed = Signal()  # the run has ended by itself; ``failed`` has told why
    subject_changed = Signal()
    pointed_changed = Signal()
    nudge_changed = Signal()  # a number is nudged, or further, or no more
    message = Signal(str)  # something went well: one line
    failed = Signal(str)  # something went wrong: one line
    faulted = Signal(str, str)  # training ended by what nobody foresaw, also told by ``failed``; and the trace

    def __init__(self, config: TrainingConfig, engine: Engine | None = None) -> None:
        """Take an engine that has already been started, or start one with the first run; close it in either case."""
        super().__init__()
        self.config = config
        self.snapshot: Snapshot | None = None
        self.probe = ProbeChoice("test", 17)  # a 4 of the strokes, a 7 of MNIST: more to see than in the first, a 1
        self.subject: Place | None = None
        self.pointed: Place | None = None
        self.nudge: WhatIf | None = None
        self.runs: Path | None = None
        self._goes_on = False  # after the nudge
        self._thread = TrainingThread(engine, self) if engine else None
        self._run: Run | None = None
        self._failure: str | None = None  # of the current run, once it has been told
        self._saved: Saved | None = None  # of the current run, once it has been told
        self._is_save_fault_told = False
        self._notice: str | None = None  # of the current run, once it has been told
        self.was_training = False
        self._status = Status(Phase.LOADING)
        self._was_running = False
        self.began_from_file = False
        self._workspace = Workspace(overwrites=True)  # for drawings
        self._steps_per_second: float | None = None
        self._own_digits: tuple[np.ndarray, np.ndarray, float] | None = None  # images, labels, share
        self._own_digits_learnt: dict[str, object] | None = None  # the latest that this run was given
        self.own_digits = OwnDigits(self)
        self.own_digits.message.connect(self.message)
        self.own_digits.failed.connect(self.failed)
        self.own_digits.for_training.connect(self.set_own_digits)
        self.snapshot_arrived.connect(self.own_digits.take)
        self.run_started.connect(self.own_digits.forget_answers)

    # The run

    def start_run(self, config: TrainingConfig | None = None, parameters: Parameters | None = None) -> None:
        """Begin anew with ``config`` (None: the same settings), at rest; the run so far is given up.

        UserError where the settings are wrong or the dataset is not there; the run so far stays.
        """
        config = config or self.config
        self._begin(config, config, parameters)

    def resume(self, run: SavedRun, lr: float | None = None) -> None:
        """Go on with a kept run where it was saved last, at rest; with the learning rate ``lr``, if any is given.

        UserError where that cannot be; the run so far stays.
        """
        if find_run(str(run.folder)).is_running:
            raise RunError(f"the run {run.name} is going on already, here or in another window; end it there first")
        settings, lr_then = self._with_data_at_hand(run.summary.config), run.summary.learning_rate
        self._begin(settings, replace(settings, lr=lr or lr_then), resume=run.folder)
        if lr is not None and lr != lr_then:
            self._run.control.set_learning_rate(lr)

    def _begin(
        self,
        settings: TrainingConfig,
        shown: TrainingConfig,
        parameters: Parameters | None = None,
        resume: Path | None = None,
    ) -> None:
        """Begin a run with ``settings``, or go on with the one in the folder ``resume``, which has these.

        ``shown`` are the settings as they have become since that one began; a reset takes these.
        """
        shown.check()
        if not self._has_loaded_for(settings):
            check_dataset(settings.dataset, settings.data_dir)
        engine = self._live_engine()
        self._run = engine.begin(settings, parameters, self._steps_per_second, self.probe, self.runs, resume)
        self._own_digits_learnt = None
        if self._own_digits is not None:
            self._pass_own_digits_on()
        log.info("a run begins: %s", shown if resume is None else f"{shown}, as kept in {resume}")
        self.config = shown
        self._goes_on = self.was_training = False
        self._end_nudge()
        self.snapshot = None
        self._failure = self._saved = self._notice = None
        self.began_from_file = parameters is not None
        self.run_started.emit()
        self.saved_changed.emit()
        # At once, not with the next poll: until then what an ended run refused would still be refused.
        self._status, self._was_running = self._run.status, False
        self.status_changed.emit(self._status)

    def _with_data_at_hand(self, settings: TrainingConfig) -> TrainingConfig:
        """Return ``settings`` with the folder that data are looked for in, or their own one where only that has them.

        A run brings the folder of its data, which may have been moved since.
        """
        here = replace(settings, data_dir=self.config.data_dir)
        try:
            check_dataset(here.dataset, here.data_dir)
        except UserError:
            return settings
        return here

    def kept_runs(self) -> list[SavedRun]:
        """Return the runs that are kept, the one saved last first."""
        return [] if self.runs is None else saved_runs(self.runs)

    def try_run(self, config: TrainingConfig) -> None:
        """Begin anew with ``config``; where that cannot be, say why and leave the run so far alone."""
        try:
            self.start_run(config)
        except UserError as error:
            self.failed.emit(str(error))

    def _has_loaded_for(self, config: TrainingConfig) -> bool:
        """Return whether the engine holds the dataset of ``config``, so that a reset need not load it again."""
        if self._thread is None or not self._thread.engine.is_alive or self.snapshot is None:
            return False
        current = self.snapshot.config
        return (current.dataset, current.data_dir) == (config.dataset, config.data_dir)

    def _live_engine(self) -> Engine:
        """Return the engine, or a new one where there is none or it was lost; UserError where it cannot be started."""
        if self._thread is None or not self._thread.engine.is_alive:
            engine = Engine()
            self.close()
            self._thread = TrainingThread(engine, self)
        if not self._thread.isRunning():
            self._thread.start()
        return self._thread.engine

    def close(self) -> None:
        """End the current run, the process it is in, and the thread."""
        self._run = None
        if self._thread is not None:
            self._thread.finish()
            self._thread.deleteLater()
            self._thread = None

    def poll(self) -> None:
        """Take the newest snapshot and status, if there are new ones."""
        if self._run is None:
            return
        # In this order: a run has the snapshot of where it pauses ready before it says that it did.
        status, snapshot = self._run.status, self._run.take()
        if (status, self.is_running) != (self._status, self._was_running):
            self._status, self._was_running = status, self.is_running
            self.status_changed.emit(status)
        if snapshot is not None:
            self.snapshot = snapshot
            if self.nudge is not None:
                self._nudge_again(snapshot)
            self.snapshot_arrived.emit(snapshot)
        if status.phase is Phase.FINISHED:
            self.was_training = False
        self._tell_what_is_saved()
        if self._run.failure != self._failure:
            self._failure = self._run.failure
            self.snapshot = self.nudge or self.newest  # what was kept last has got lost
            self.failed.emit(self._failure)
            if self._run.trace is not None:
                self.faulted.emit(self._failure, self._run.trace)
            self.run_failed.emit()

    def _tell_what_is_saved(self) -> None:
        """Tell of a new checkpoint, and of the one it went on from; of a fault only once, however often it comes."""
        run = self._run
        if run.notice is not None and run.notice != self._notice:
            self._notice = run.notice
            self.failed.emit(run.notice)
        if run.saved != self._saved:
            self._saved = run.saved
            self.saved_changed.emit()
        if run.save_fault is not None and not self._is_save_fault_told:
            self._is_save_fault_told = True
            self.failed.emit(run.save_fault)
        elif run.save_fault is None and run.saved is not None and self._is_save_fault_told:
            self._is_save_fault_told = False
            self.message.emit(f"The run can be saved again, and was at step {run.saved.step:,}")

    @property
    def status(self) -> Status:
        """Where the worker is."""
        return self._status

    @property
    def saved(self) -> Saved | None:
        """The newest checkpoint of the current run."""
        return self._saved

    @property
    def divergence(self) -> Divergence | None:
        """Where the current run diverged, if it did."""
        return None if self._run is None else self._run.divergence

    @property
    def failure(self) -> str | None:
        """What has ended the current run, in one line, once it has been told."""
        return self._failure

    @property
    def is_running(self) -> bool:
        """Whether training goes on by itself."""
        return self._run is not None and self._run.control.is_running

    # Transport

    def toggle(self) -> None:
        """Train, or pause."""
        if self.is_alive():
            self.pause() if self.is_running else self.train()

    def train(self) -> None:
        """Train until told otherwise."""
        self._end_nudge()
        if self._run is not None:
            self.was_training = True
            self._run.control.run()

    def pause(self) -> None:
        """Rest after the current step, also when nothing is nudged any more."""
        self._goes_on = self.was_training = False
        if self._run is not None:
            self._run.control.pause()

    def step(self) -> None:
        """Learn one batch, then rest; not during a test, after which all steps of a held key would follow."""
        if self.is_alive() and self._status.phase is not Phase.TESTING:
            self._end_nudge()
            self.was_training = False
            self._run.control.step()

    def record(self) -> bool:
        """Learn one batch that is recorded, then rest; False where that cannot be, as during a test."""
        if not self.is_alive():
            return False
        if self._status.phase is Phase.TESTING:
            self.message.emit("The test set is being scored: a step can be recorded after that (Ctrl+T cancels it)")
            return False
        self._end_nudge()
        self.was_training = False
        self._run.control.record()
        return True

    def reset(self) -> None:
        """Begin anew with the same seed."""
        self.try_run(self.config)

    def reset_with_new_seed(self) -> None:
        """Begin anew from other random weights."""
        self.try_run(replace(self.config, seed=int(np.random.default_rng().integers(100_000))))

    def set_speed(self, steps_per_second: float | None) -> None:
        """Set the pace; None: as fast as possible."""
        self._steps_per_second = steps_per_second
        if self._run is not None:
            self._run.control.set_speed(steps_per_second)

    def set_learning_rate(self, lr: float) -> None:
        """Change the learning rate from the next step on; a reset keeps it."""
        config = replace(self.config, lr=lr)
        config.check()
        self.config = config
        if self._run is not None:
            self._run.control.set_learning_rate(lr)

    def set_data_dir(self, folder: Path | None) -> None:
        """Look for datasets in ``folder`` from the next run on; None: in the usual place."""
        self.config = replace(self.config, data_dir=folder)

    def set_own_digits(self, images: np.ndarray, labels: np.ndarray, share: float) -> None:
        """Mix these digits into training from the next step on, in this run and all later ones; ConfigError if wrong.

        ``images`` are uint8 (n, 28, 28), ``labels`` (n,), ``share`` is the part of each batch that they make up on
        average. They replace those set before; n = 0 or a share of 0 stands for none.
        """
        own_digits(images, labels, share)
        self._own_digits = (images.copy(), labels.copy(), share)
        if self._run is not None:
            self._pass_own_digits_on()

    def _pass_own_digits_on(self) -> None:
        images, _, share = self._own_digits
        self._run.control.set_own_digits(*self._own_digits)
        if len(images) and share:
            self._own_digits_learnt = {"images": len(images), "share": share}

    def set_probe(self, probe: ProbeChoice) -> None:
        """Follow another image."""
        self.probe = probe
        if self._run is not None:
            self._run.control.set_probe(probe)
        self.probe_changed.emit()

    def choose(self, place: Place | None) -> None:
        """Look into the number at ``place``; None: into none. Another one that is nudged is restored."""
        if self.nudge is not None and place != self.nudge.place:
            self.restore()
        self.subject = place
        self.subject_changed.emit()

    def point_at(self, place: Place | None) -> None:
        """Tell which number is under the mouse."""
        if place != self.pointed:
            self.pointed = place
            self.pointed_changed.emit()

    # What if

    @property
    def newest(self) -> Snapshot | None:
        """The newest snapshot of the run as it is, whatever is shown."""
        return None if self.snapshot is None else actual(self.snapshot)

    def nudge_by(self, notches: float) -> None:
        """Make the chosen number larger, or smaller, by some ``notch``."""
        if self._can_nudge():
            value, notch = value_at(self.snapshot, self.subject), self.notch()
            before = value_at(self.newest, self.subject)
            wanted = value + notches * notch
            # There and back again ends where it began, whatever rounding makes of it.
            self.nudge_to(before if abs(wanted - before) < 1e-3 * notch else wanted)

    def nudge_to(self, value: float) -> None:
        """Show what would be if the chosen number were ``value``; the run rests meanwhile."""
        if not self._can_nudge():
            return
        try:
            check_value(value)
        except ConfigError as error:
            self.failed.emit(str(error))
            return
        if self.nudge is None and self.is_running:
            self.pause()
            self._goes_on = True
        self.snapshot = self.nudge = what_if(self.newest, self.subject, value)
        self.nudge_changed.emit()

    def notch(self) -> float:
        """Return by how much one notch changes the chosen number."""
        return notch_of(self.newest, self.subject)

    def restore(self) -> None:
        """Nudge no more; the run, which knows nothing of it, goes on if it did before."""
        if self.nudge is not None:
            goes_on = self._goes_on and self._status.phase is not Phase.FINISHED  # by a test that was under way
            self._end_nudge()
            if goes_on:
                self.train()

    def keep(self) -> None:
        """Make the nudged parameter part of the run, which goes on if it did before; say why where that cannot be."""
        nudge = self.nudge
        if nudge is None or not self.is_alive():
            return
        if nudge.value == nudge.before:
            self.restore()
            return
        if not isinstance(nudge.place, Weight):
            self.failed.emit(
                "a pixel cannot be kept: it is given, not learnt; only weights and biases are the network's"
            )
            return
        self._run.control.set_parameter(nudge.place.layer, nudge.place.name, nudge.place.index, nudge.value)
        self.restore()
        self.snapshot = nudge  # until the run has it too
        before, after, exact = number(nudge.before), number(nudge.value), str(np.float32(nudge.before))
        self.message.emit(f"{nudge.place}: {before} \u2192 {after} is part of the run; to go back, keep {exact} again")

    def _can_nudge(self) -> bool:
        """Return whether there is a number to be nudged; say what is missing."""
        if self.newest is None or self.subject is None or not exists(self.newest, self.subject):
            self.message.emit(NOTHING_CHOSEN)
            return False
        if complaint := obstacle(self.subject):
            self.message.emit(complaint)
            return False
        return True

    def _nudge_again(self, newest: Snapshot) -> None:
        """Nudge the same number of the newest snapshot; restore it where there is no such number any more."""
        nudge = again(self.nudge, newest)
        if nudge is None:
            self.restore()
        else:
            self.snapshot = self.nudge = nudge
            self.nudge_changed.emit()

    def _end_nudge(self) -> None:
        """Show the run as it is, and let it rest or go on as it does."""
        if self.nudge is not None:
            self.nudge, self._goes_on = None, False
            self.snapshot = self.newest
            self.nudge_changed.emit()

    def evaluate(self) -> None:
        """Score on the test set, now."""
        if self.is_alive():
            self._run.control.evaluate()

    def toggle_evaluation(self) -> None:
        """Score on the test set, or leave out the test that is under way."""
        self.cancel_evaluation() if self._status.phase is Phase.TESTING else self.evaluate()

    def cancel_evaluation(self) -> None:
        """Leave out the evaluation that is under way."""
        if self._run is not None:
            self._run.control.cancel_evaluation()

    # Parameters

    def classify(self, image: np.ndarray) -> np.ndarray | None:
        """Return the ten probabilities for ``image`` (28, 28) grey levels by what is shown; None where nothing is."""
        return None if self.snapshot is None else self.classify_all(image[np.newaxis], self.snapshot)[0]

    def classify_all(self, images: np.ndarray, snapshot: Snapshot) -> np.ndarray:
        """Return the probabilities, shape (N, 10), for ``images`` (N, 28, 28) grey levels by one of the snapshots."""
        return snapshot.classify(images, self._workspace)

    def saved_parameters(self) -> SavedParameters:
        """Return the newest parameters as they are written to files; UserError where there are none yet."""
        snapshot = self.newest
        if snapshot is None:
            raise UserError("there are no parameters yet: wait until the data are loaded")
        facts = snapshot.config.for_file(snapshot.step, snapshot.history.learning_rates, snapshot.history.edits)
        if self._own_digits_learnt is not None:  # nobody else has them: the settings alone do not lead here
            facts["training"]["own_digits"] = self._own_digits_learnt
        return SavedParameters(parameters=snapshot.parameters.flat(), **facts)

    def export(self, path: Path) -> None:
        """Write the newest parameters to ``path``; UserError where that fails."""
        write_parameters(path, self.saved_parameters())
        self.message.emit(f"Parameters after step {self.newest.step:,} written to {path}")

    def open(self, path: Path) -> None:
        """Begin a run from the parameters in ``path``; UserError where they cannot be read."""
        self._begin_from(path)
        self.message.emit(f"Parameters read from {path}")

    def open_shipped(self) -> None:
        """Begin a run from the trained parameters that come with the program; say why where that fails."""
        before = self.config.preset
        try:
            self._begin_from(resource(SHIPPED))
        except UserError as error:
            self.failed.emit(str(error))
        else:
            preset = self.config.preset
            network = "" if preset == before else f", with their network, that of {PRESETS[preset].title}"
            self.message.emit(
                f"The trained parameters that come with cnnviz are in use{network}; R begins without them"
            )

    def _begin_from(self, path: Path) -> None:
        saved = read_parameters(path)
        config = replace(self.config, **_settings_for(saved, self.config))
        network = config.build()
        self.start_run(config, Parameters.from_flat(network.parameter_shapes, saved.parameters))

    def is_alive(self) -> bool:
        """Return whether there is a run that can go on; tell how to get one where it has ended."""
        if self._run is None or self._status.phase is Phase.STOPPED:
            way = "" if self._saved is None else ", File > Runs (Ctrl+Shift+R) goes back to what is saved"
            self.failed.emit(f"this run has ended and cannot go on; R (Reset) begins anew{way}")
            return False
        return True


def notch_of(snapshot: Snapshot, place: Place) -> float:
    """Return by how much one notch changes the number at ``place``: a tenth of the scale of all those beside it.

    That of the run: a what-if changes no scale.
    """
    return (nice_ceiling(largest_magnitude(values_of(actual(snapshot), place))) or 1.0) / NOTCHES


def _settings_for(saved: SavedParameters, current: TrainingConfig) -> dict[str, object]:
    """Return the settings that differ from ``current`` when its parameters are replaced by ``saved``."""
    if _fits(current.preset, saved.architecture, saved.normalization):
        return {}
    for name in PRESETS:
        if _fits(name, saved.architecture, saved.normalization):
            fresh = TrainingConfig.from_preset(name, current.dataset)
            return {field: getattr(fresh, field) for field in _OF_THE_PRESET}
    raise UserError(
        f"no preset has the network {saved.architecture} with images normalised by {saved.normalization.mean:g} and "
        f"{saved.normalization.std:g}; this program can evaluate the file, but not train on from it"
    )


def _fits(preset: str, architecture: str, normalization: Normalization) -> bool:
    return PRESETS[preset].architecture == architecture and PRESETS[preset].normalization == normalization
