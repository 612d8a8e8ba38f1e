"""Faults that a person can do something about."""


class UserError(Exception):
    """A fault told in one line: what was expected, what came, what to do.

    Every module raises a subclass; the command line prints the line and ends with code 1, the window shows it.
    """


class Cancelled(Exception):  # noqa: N818 - a wish of the user's, not an error
    """Raised out of long work whose ``progress`` callback asked it to stop."""
