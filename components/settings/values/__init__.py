"""Kinds of values of the settings, one file each: what is allowed, and how a wrong one is refused."""
