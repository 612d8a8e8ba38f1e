"""cnnviz: watch a convolutional network learn, every number traceable to the arithmetic behind it."""

__version__ = "0.1.0"
