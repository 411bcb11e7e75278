"""The one way this program fails."""


class Problem(Exception):
    """Something a person can fix: what is wrong, where, and how to fix it."""
