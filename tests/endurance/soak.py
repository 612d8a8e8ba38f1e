"""Training with the window for minutes: does anything grow, and does the window stay as quick as it was?

    python -m tests.endurance.soak --seconds 600

Escontrela's network learns generated digits as fast as it can, while somebody draws, turns to other panels and points
at numbers now and then. The program runs in a process of its own with private folders. Every few seconds one line tells
what there is; the verdict is on the last two thirds.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.endurance.surroundings import private_environment


def main(argv: Sequence[str] | None = None) -> int:
    """Train for so long, and return 0 where nothing has grown."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=120.0, metavar="T", help="of training (default: 120)")
    parser.add_argument("--on-screen", action="store_true", help="open the window on the display")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="cnnviz-soak-") as folder:
        return subprocess.call(
            [sys.executable, "-m", "tests.endurance.soak_run", str(args.seconds)],
            cwd=folder,
            env=private_environment(Path(folder).resolve(), args.on_screen),
        )


if __name__ == "__main__":
    sys.exit(main())
