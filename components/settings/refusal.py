"""How a value is refused: what is allowed, what was got, and what is wrong with it, in one line."""


def refused(wanted: str, value: object, why: str | None = None) -> ValueError:
    """Return the error to raise for `value`, which must be what `wanted` says."""
    return ValueError(f"must be {wanted}; got {value!r}{f' ({why})' if why else ''}")
