"""Comparisons with PyTorch and with textbook loops: commands, not tests; see ``How fast`` in the README.

BLAS is set up here, as the program itself does it, since this comes before the first import of NumPy.
"""

from cnnviz import processor

processor.configure()
