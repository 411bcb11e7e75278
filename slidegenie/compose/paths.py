"""Paths in a Compose file: relative to the checkout where they are in it."""

from pathlib import Path


def inside(path: str | Path, root: Path) -> str:
    """Return `path` relative to `root`, without a leading dot; absolute where it is outside."""
    absolute = root.joinpath(path)
    return str(absolute.relative_to(root)) if absolute.is_relative_to(root) else str(absolute)


def compose_path(path: str | Path, root: Path) -> str:
    """Return `path` as Compose wants it: with a leading dot, so that it is no volume's name."""
    short = inside(path, root)
    return short if short.startswith("/") else f"./{short}"
