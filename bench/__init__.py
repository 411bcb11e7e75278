"""Measurements whose figures the documentation quotes."""
