"""Durations as the Docker provider writes them; any other spelling shows as a change in each preview."""

_SECOND = 1000
_ROUNDING = 1e-6


def go_duration(seconds: float) -> str:
    """Return `seconds` in the form of Go's `time.Duration.String`: `500ms`, `30s`, `1m30s`, `1h0m0s`.

    Raises:
        ValueError: for a duration that is not positive or finer than a millisecond.
    """
    milliseconds = round(seconds * _SECOND)
    if milliseconds <= 0 or abs(milliseconds - seconds * _SECOND) > _ROUNDING:
        raise ValueError(f"a duration must be positive and in whole milliseconds, like 0.5; got {seconds}")
    if milliseconds < _SECOND:
        return f"{milliseconds}ms"
    whole, fraction = divmod(milliseconds, _SECOND)
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    tail = f"{secs}.{fraction:03d}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{tail}"
    return f"{minutes}m{tail}" if minutes else tail
