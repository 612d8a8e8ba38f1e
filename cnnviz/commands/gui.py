"""``cnnviz gui``: the window."""

import math
from argparse import Namespace

from cnnviz import interrupts, processor
from cnnviz.atomic import check_writable
from cnnviz.data import check_dataset
from cnnviz.errors import UserError
from cnnviz.formats import read_parameters
from cnnviz.gui.preflight import window_problem
from cnnviz.logs import Logbook
from cnnviz.training.engine import Engine
from cnnviz.training.presets import PRESETS

DEFAULT_AFTER_SECONDS = 5.0


def run(args: Namespace) -> int:
    """Open the window; what is wrong with the call is said in the terminal before."""
    _check(args)
    if problem := window_problem():
        raise UserError(problem)
    # An interrupt in the midst of Qt would be lost, or break what comes in; the window listens for it by itself.
    with (
        interrupts.put_off(),
        Logbook("window") as logbook,
        processor.a_core_left(),
        Engine() as engine,  # which comes up while Qt does
    ):
        from cnnviz.gui import app  # Qt comes in here and nowhere else

        return app.run(
            engine,
            logbook,
            preset=args.preset,
            dataset=args.dataset,
            data_dir=args.data_dir,
            params=args.params,
            start=args.start,
            screenshot=args.screenshot,
            after=DEFAULT_AFTER_SECONDS if args.after is None else args.after,
            fresh_settings=args.reset_settings,
        )


def _check(args: Namespace) -> None:
    if args.preset is not None and args.preset not in PRESETS:
        args.parser.error(f"argument --preset: accepted is one of {', '.join(PRESETS)}, got {args.preset}")
    _check_screenshot(args)
    if args.dataset is not None:
        check_dataset(args.dataset, args.data_dir)
    if args.params is not None:
        _check_parameters(args)


def _check_screenshot(args: Namespace) -> None:
    if args.after is not None and args.screenshot is None:
        args.parser.error("argument --after: has no meaning without --screenshot FILE.png")
    if args.after is not None and not (math.isfinite(args.after) and args.after >= 0):
        args.parser.error(f"argument --after: accepted is a number of seconds from 0 on, got {args.after}")
    if args.screenshot is not None:
        if args.screenshot.suffix.lower() != ".png":
            args.parser.error(f"argument --screenshot: accepted is a name that ends in .png, got {args.screenshot}")
        check_writable(args.screenshot)


def _check_parameters(args: Namespace) -> None:
    saved = read_parameters(args.params)
    if args.preset is not None and saved.architecture != PRESETS[args.preset].architecture:
        raise UserError(
            f"{args.params} holds the network {saved.architecture}, preset {args.preset} does not; leave out --preset"
        )
