"""What a change does, as Markdown for a pull request's comment.

Names come from the code of whoever proposes the change: none of them may be read as anything but text.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from .services import Kind
from .stock import ImageChange, LimitsChange
from .summary import Changes

_LONGEST = 160
_MOST = 40
"""Lines of one list; a comment has an end."""
_WORDS = re.compile(r"[^\x20-\x7e\u00a0-\u024f→…]|[<>`]")


def markdown(changes: Changes) -> str:
    """Return what a change does to one stack."""
    return "\n".join(_lines(changes)) + "\n"


def counted(changes: Changes) -> str:
    """Return how many services meet which fate, in one line."""
    kinds = [change.kind for change in changes.services]
    told = [f"{kinds.count(kind)} {kind.value}" for kind in Kind if kind in kinds]
    return ", ".join(told) if told else "no service is touched"


def limits_lines(limits: LimitsChange) -> Iterator[str]:
    """Yield a line for memory and CPUs of all servers where they change."""
    memory, cpus = limits.memory_mib, limits.cpus
    if memory[0] != memory[1]:
        yield f"memory of all servers: {memory[0]} → {memory[1]} MiB ({memory[1] - memory[0]:+d})"
    if cpus[0] != cpus[1]:
        yield f"CPUs of all servers: {cpus[0]:g} → {cpus[1]:g} ({cpus[1] - cpus[0]:+g})"


def _lines(changes: Changes) -> Iterator[str]:
    yield f"### Stack {_code(changes.stack)}: {counted(changes)}"
    if changes.services:
        yield from ("", "| service | what happens | because of |", "|---|---|---|")
        for service in changes.services:
            notes = "".join(f"; {_text(note)}" for note in service.notes)
            because = "<br>".join(_code(why) for why in service.because)
            yield f"| {_code(service.name)} | {service.kind.value}{notes} | {because} |"
    yield from _list("Data", (f"{_code(data.data)}: {_text(data.what)}" for data in changes.data))
    yield from _list(
        "Files that change while what reads them runs",
        (f"{_code(one.volume)}: {_codes(one.files)}; seen {one.seen}" for one in changes.files),
    )
    yield from _list("Images", (_image(image) for image in changes.images))
    yield from _list("Networks", (f"{_code(one.name)}: {_text(one.what)}" for one in changes.networks))
    yield from _list("Who may newly reach whom", _reach(changes))
    yield from _list(
        "Published ports",
        (
            f"{_code(one.service)}: {word} {_codes(ports)}"
            for one in changes.ports
            for word, ports in (("new", one.added), ("no longer", one.removed))
            if ports
        ),
    )
    yield from _list("Routes", _routes(changes))
    yield from _list("Limits", limits_lines(changes.limits))
    yield from _list(
        "Container policy",
        (
            *(_text(note) for note in changes.policy.notes),
            *(f"**new**: {_code(finding)}" for finding in changes.policy.new),
            *(f"gone: {_code(finding)}" for finding in changes.policy.gone),
        ),
    )
    yield from _list("Secrets", (f"{_code(secret.name)}: {_text(secret.what)}" for secret in changes.secrets))
    yield from _list("Also", (_code(other) for other in changes.others))


def _list(title: str, items: Iterable[str]) -> Iterator[str]:
    listed = list(items)
    if not listed:
        return
    yield from ("", f"**{title}**", "")
    yield from (f"- {item}" for item in listed[:_MOST])
    if len(listed) > _MOST:
        yield f"- and {len(listed) - _MOST} more"


def _image(image: ImageChange) -> str:
    before, after = (_code(name) if name else "none" for name in (image.before, image.after))
    names = after if before == after else f"{before} → {after}"
    if image.built_from:
        how = f", built anew: {_codes(image.built_from)}"
    elif image.after and not image.digest:
        how = ", by tag: its digest is decided where it is pulled or built"
    else:
        how = ""
    return f"{names}{how} (for {_codes(image.services)})"


def _reach(changes: Changes) -> Iterator[str]:
    for one in changes.reach:
        if one.others:
            yield f"{_code(one.service)} ↔ {_codes(one.others)}"
        if one.outside:
            yield f"{_code(one.service)} has a way out of the stack"


def _routes(changes: Changes) -> Iterator[str]:
    for route in changes.routes:
        if route.before is None:
            yield f"{_code(route.name)}: new, {_code(route.after or '')}"
        elif route.after is None:
            yield f"{_code(route.name)}: removed"
        else:
            yield f"{_code(route.name)}: {_code(route.before)} → {_code(route.after)}"


def _codes(texts: Sequence[str]) -> str:
    most = 8
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(_code(text) for text in texts[:most]) + more


def _code(text: str) -> str:
    # A bar ends a cell of a table even between backticks.
    return f"`{_plain(text).replace('|', '¦') or ' '}`"


def _text(text: str) -> str:
    """Return text outside of backticks: no link or emphasis comes of it, and nobody is called by it."""
    escaped = re.sub(r"([\\*_\[\]|~])", r"\\\1", _plain(text))
    # A forge looks for these after it has read the Markdown, and a backslash is gone by then.
    return re.sub("([@#])", "\\1\u200b", escaped)


def _plain(text: str) -> str:
    cleaned = _WORDS.sub("'", " ".join(text.split()))
    return cleaned if len(cleaned) <= _LONGEST else f"{cleaned[: _LONGEST - 1]}…"
