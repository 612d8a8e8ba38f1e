"""Faults that a person can do something about."""


class UserError(Exception):
    """A fault told in one line: what was expected, what came, what to do.

    Every module raises a subclass; the command line prints the line and ends with code 1, the window shows it. Names of
    files and what a file says may hold anything: characters that would break the line or steer a terminal are escaped.
    """

    def __str__(self) -> str:
        return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in super().__str__())


class Cancelled(Exception):  # noqa: N818 - a wish of the user's, not an error
    """Raised out of long work whose ``progress`` callback asked it to stop."""
