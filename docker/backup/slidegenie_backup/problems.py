"""The one way this program fails."""


class Problem(Exception):  # noqa: N818 - an error reads as what happened
    """Something a person can mend: what is wrong, where, and how to fix it."""
