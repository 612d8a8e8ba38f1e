"""Run cnnviz from the repository: ``python main.py`` opens the window, ``python main.py --help`` shows the rest."""

import sys

from cnnviz.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
