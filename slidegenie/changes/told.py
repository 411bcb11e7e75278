"""What a change does, in lines for a terminal, before it is done."""

from collections.abc import Iterator

from .markdown import counted, limits_lines
from .services import Kind, ServiceChange
from .summary import Changes


def told(changes: Changes) -> Iterator[str]:
    """Yield the lines: services, then data, then limits; nothing where nothing of it changes."""
    lines = [
        *(_service(change) for change in changes.services),
        *(f"data {data.data}: {data.what}" for data in changes.data),
        *(f"files {', '.join(one.files)} ({one.volume}): seen {one.seen}" for one in changes.files),
        *limits_lines(changes.limits),
    ]
    if not lines:
        return
    yield f"what becomes of the services of stack {changes.stack}: {counted(changes)}"
    yield from (f"    {line}" for line in lines)
    if changes.services and not changes.data:
        yield "    data: not touched"


def _service(change: ServiceChange) -> str:
    because = f" ({'; '.join(change.because)})" if change.because and change.kind is not Kind.ADDED else ""
    notes = "".join(f"\n        {note}" for note in change.notes)
    return f"{change.name}: {change.kind.value}{because}{notes}"
