"""The command line: which commands there are, and how each of them ends.

Nothing but the standard library is imported here, so that ``--help`` is instant; the module of a command is imported
when that command is run. Exit codes are 0 for done, 1 for failed (one line says why), 2 for a wrong call, and what a
shell reports for a signal that asked for the end (130: Ctrl+C, 143: SIGTERM) and for a reader that went away (141).
"""

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from cnnviz import __version__, interrupts, processor
from cnnviz.errors import Cancelled, UserError

FAILED = 1
READER_GONE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in ``argv`` and return its exit code.

    None: the process's own arguments; then it has nothing to do afterwards but to end, and a signal ends it at once.
    """
    with interrupts.heeded(for_good=argv is None):
        try:
            return _outcome(argv)
        except KeyboardInterrupt:
            return _fail("interrupted", interrupts.exit_code())


def _outcome(argv: Sequence[str] | None) -> int:
    try:
        processor.configure()
        _make_output_forgiving()
        code = _run(argv)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except SystemExit as wish:  # argparse has shown help, or told what is wrong with the call
        return int(wish.code or 0)
    except BrokenPipeError:
        return _leave_broken_pipe()
    except Cancelled as reason:
        return _fail(str(reason) or "interrupted", interrupts.exit_code())
    except UserError as fault:
        return _fail(str(fault))
    except Exception as fault:
        if interrupts.first() is not None:  # what becomes of a KeyboardInterrupt in the midst of other people's code
            return _fail("interrupted", interrupts.exit_code())
        return _fail(_account_of(fault))


def _run(argv: Sequence[str] | None) -> int:
    parser = build_parser()
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in ("-h", "--help", "--version")):
        arguments.insert(0, "gui")
    args = parser.parse_args(arguments)
    if getattr(args, "threads", None) is not None:
        processor.use_threads(args.threads)
    with interrupts.put_off():  # NumPy takes an interrupt while it is being imported for an installation gone wrong
        command = importlib.import_module(f"cnnviz.commands.{args.command}")
    return command.run(args)


def _make_output_forgiving() -> None:
    """Let names that the terminal's encoding does not have be shown in escapes instead of failing."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")


def _leave_broken_pipe() -> int:
    """End quietly after the reader of the output went away, as when piping into ``head``."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter still flushes on its way out
    return READER_GONE


def _fail(line: str, code: int = FAILED) -> int:
    if sys.stderr is not None:
        print(f"cnnviz: {line}", file=sys.stderr)
    return code


def _account_of(fault: Exception) -> str:
    """Return one line about a fault that no part of the program foresaw."""
    if os.environ.get("CNNVIZ_DEBUG"):
        return "".join(traceback.format_exception(fault)).rstrip()
    if isinstance(fault, ModuleNotFoundError):
        return f"the Python package {fault.name} is missing; install cnnviz with its requirements: pip install -e ."
    text = " ".join(f"{type(fault).__name__}: {fault}".split())
    return f"unexpected fault: {text}; run with CNNVIZ_DEBUG=1 for the traceback"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; it leaves the command's name in ``command``, None where none was given."""
    parser = argparse.ArgumentParser(
        prog="cnnviz",
        description="Watch a convolutional network learn. Without a command the window opens (gui).",
    )
    parser.add_argument("--version", action="version", version=f"cnnviz {__version__}")
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for add_command in COMMANDS:
        add_command(commands)
    return parser


def _add(commands: argparse._SubParsersAction, name: str, summary: str, epilog: str = "") -> argparse.ArgumentParser:
    """Add the parser of a command; the command finds it in ``args.parser``, to refuse a call with its ``error``."""
    description = f"{summary[0].upper()}{summary[1:]}."
    parser = commands.add_parser(name, help=summary, description=description, epilog=epilog, allow_abbrev=False)
    parser.set_defaults(command=name, parser=parser)
    return parser


def _add_gui(commands: argparse._SubParsersAction) -> None:
    parser = _add(commands, "gui", "open the window")
    _add_preset(parser)
    _add_dataset(parser)
    parser.add_argument("--params", type=Path, metavar="FILE", help="begin with the parameters in this file")
    parser.add_argument("--start", action="store_true", help="train at once, without waiting for Space")
    parser.add_argument("--screenshot", type=Path, metavar="FILE.png", help="write a picture of the window and quit")
    parser.add_argument("--after", type=float, metavar="SECONDS", help="when to take the picture (default: 5)")
    _add_threads(parser)
    parser.add_argument(
        "--reset-settings",
        action="store_true",
        help="begin with the default layout and preferences; the file of those so far is kept under another name",
    )


def _add_train(commands: argparse._SubParsersAction) -> None:
    parser = _add(
        commands,
        "train",
        "train a network without a window",
        epilog="Settings that are not given are those of the preset; --list-presets shows the networks. The run saves "
        "itself as it goes; with --resume only --epochs, --lr, --data-dir, --out, --json and --threads can be given.",
    )
    parser.add_argument("--list-presets", action="store_true", help="show the networks with their layers, and end")
    parser.add_argument("--list-runs", action="store_true", help="show the runs that were kept, and end")
    parser.add_argument(
        "--resume", metavar="RUN", help="go on with a run where it was saved: its name, its folder, or last"
    )
    _add_preset(parser)
    _add_dataset(parser)
    parser.add_argument("--train-size", type=int, metavar="N", help="train with the first N images")
    parser.add_argument("--test-size", type=int, metavar="N", help="test with the first N images")
    parser.add_argument("--epochs", type=int, metavar="N", help="how often each image is seen")
    parser.add_argument("--batch-size", type=int, metavar="N", help="images a step")
    parser.add_argument("--optimizer", metavar="NAME", help="sgd, momentum or adam")
    parser.add_argument("--schedule", metavar="NAME", help="of the learning rate: constant, linear or cosine")
    parser.add_argument("--lr", type=float, metavar="X", help="learning rate")
    parser.add_argument("--ties", metavar="NAME", help="who gets the gradient where maxima tie: first, all or split")
    parser.add_argument("--seed", type=int, metavar="N", help="of the first weights and of the order (default: 0)")
    parser.add_argument("--freeze", metavar="LAYER,...", help="layers that do not learn, such as conv1")
    parser.add_argument(
        "--mix",
        action="append",
        metavar="SOURCE:SHARE",
        help="take this share of the images from another dataset, or from a file of labelled pen strokes, such as "
        "strokes:0.3; may be given several times",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="generate new images each epoch, of a dataset such as strokes"
    )
    parser.add_argument(
        "--augment",
        nargs="?",
        const="gentle",
        metavar="HOW",
        help="vary each image at random: gentle (also where HOW is left out), strong, none, or ranges such as "
        "shift=1,rotation=8,scale=0.1,slant=0.1,thickness=0.3,elastic=0.8 (pixels, degrees, parts, tangents)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the parameters, in the format of the extension")
    _add_threads(parser)
    _add_json(parser)


def _add_evaluate(commands: argparse._SubParsersAction) -> None:
    parser = _add(commands, "evaluate", "score trained parameters on the test images of a dataset")
    parser.add_argument("params", type=Path, metavar="PARAMS", help="a parameter file")
    _add_dataset(parser)
    parser.add_argument("--test-size", type=int, metavar="N", help="test with the first N images")
    _add_threads(parser)
    _add_json(parser)


def _add_predict(commands: argparse._SubParsersAction) -> None:
    parser = _add(commands, "predict", "say which digits pictures or pen strokes show")
    parser.add_argument("images", type=Path, nargs="*", metavar="IMAGE", help="a picture of one digit")
    parser.add_argument("--params", type=Path, metavar="FILE", help="a parameter file (default: the shipped one)")
    parser.add_argument(
        "--strokes",
        type=Path,
        metavar="FILE",
        help='JSON: [{"label": 4, "strokes": [[[x, y], ...], ...]}, ...], x to the right, y down, labels optional; '
        "or UNIPEN, such as the UCI pen digits; either may be gzipped",
    )
    _add_json(parser)


def _add_convert(commands: argparse._SubParsersAction) -> None:
    parser = _add(commands, "convert", "write a parameter file in another format")
    parser.add_argument("source", type=Path, metavar="IN", help="a parameter file")
    parser.add_argument("target", type=Path, metavar="OUT", help="the file to write, in the format of its extension")


def _add_data(commands: argparse._SubParsersAction) -> None:
    data = _add(commands, "data", "list, download or look at datasets")
    actions = data.add_subparsers(title="actions", dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="which datasets there are, and how to get them")
    download = actions.add_parser("download", help="fetch a dataset from its mirrors")
    download.add_argument("dataset", choices=["mnist"])
    preview = actions.add_parser("preview", help="draw a contact sheet: the first images of each digit")
    preview.add_argument("dataset", metavar="D", help="name of a dataset, or a folder that holds IDX files")
    preview.add_argument("--out", type=Path, required=True, metavar="FILE.png", help="the picture to write")
    for parser in actions.choices.values():
        _add_data_dir(parser)
        parser.set_defaults(parser=parser)


def _add_benchmark(commands: argparse._SubParsersAction) -> None:
    parser = _add(commands, "benchmark", "measure how fast each network trains and predicts on this machine")
    parser.add_argument("--preset", metavar="P,...", help="only these networks, such as zhou")
    parser.add_argument("--window", action="store_true", help="also with a live window, and how smoothly that runs")
    parser.add_argument("--seconds", type=float, metavar="S", help="how long the window is measured (default: 10)")
    _add_threads(parser)
    _add_json(parser)


def _add_doctor(commands: argparse._SubParsersAction) -> None:
    _add(commands, "doctor", "show versions, libraries, display and folders, and what is wrong with them")


def _add_preset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", metavar="P", help="network and settings, such as zhou (default: escontrela)")


def _add_dataset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dataset",
        metavar="D",
        help="strokes, mnist, or a folder that holds IDX files (default: mnist if it is there, else strokes)",
    )
    _add_data_dir(parser)


def _add_data_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder of MNIST (default: CNNVIZ_DATA_DIR, else the cache folder)"
    )


def _add_threads(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--threads", type=_thread_count, metavar="N", help="compute on so many threads; the results stay the same"
    )


def _thread_count(text: str) -> int:
    if not processor.is_thread_count(text):
        raise argparse.ArgumentTypeError(f"accepted is 1 to {processor.MOST_THREADS}, got {text}")
    return int(text)


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", metavar="FILE|-", help="write the result as JSON to a file, or to standard output")


COMMANDS = (
    _add_gui,
    _add_train,
    _add_evaluate,
    _add_predict,
    _add_convert,
    _add_data,
    _add_benchmark,
    _add_doctor,
)
