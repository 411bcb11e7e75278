"""What a person or a log reads."""

import datetime


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"==> {text}", flush=True)  # noqa: T201 - this is the console


def megabytes(size: float) -> str:
    """Return a size for people."""
    return f"{size / 1e6:.1f} MB"


def moment(seconds: float) -> str:
    """Return a point in time for people."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
