"""Tests that go on for long: short and seeded among the others, at full length as commands (``python -m``)."""

from cnnviz import processor

processor.configure()
