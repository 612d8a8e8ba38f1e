"""``cnnviz convert``: parameter files in another format."""

from argparse import Namespace

from cnnviz.commands.console import say
from cnnviz.formats import read_parameters, write_parameters


def run(args: Namespace) -> int:
    """Read one file and write the other."""
    write_parameters(args.target, read_parameters(args.source))
    say(f"{args.source} written as {args.target}")
    return 0
