"""The process that is this program: ``python -m cnnviz``, and the scripts ``cnnviz`` and ``cnnviz-gui``."""

import signal
import sys

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until `main` listens: Python's own would show a traceback

from cnnviz.cli import main  # the longest part of the start

if __name__ == "__main__":
    sys.exit(main())
