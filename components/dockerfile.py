"""What a Dockerfile says of itself: its instructions and its stages.

Our own reader: the libraries take lines of a here-document for instructions (docs/decisions/0001-dependencies.md).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pulumi

from .settings import SettingsError

_DIRECTIVE = re.compile(r"#\s*(?P<name>[a-zA-Z][\w-]*)\s*=\s*(?P<value>\S+)\s*")
_HEREDOC = re.compile(r"<<(?P<strip>-?)(?P<quote>[\"']?)(?P<word>[a-zA-Z_]\w*)(?P=quote)")
_WITH_HEREDOCS = frozenset({"ADD", "COPY", "RUN"})
_STAGE = re.compile(r"(?:--\S+\s+)*\S+\s+AS\s+(\S+)", re.IGNORECASE)


@dataclass(frozen=True)
class Instruction:
    """One instruction, its continued lines joined."""

    name: str
    """Its name in upper case, such as `FROM`."""
    value: str
    """What stands behind it."""


def instructions(text: str) -> Iterator[Instruction]:
    """Yield the instructions of a Dockerfile, without comments and without what here-documents hold."""
    lines = iter(text.splitlines())
    escape = _escape(text)
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        joined = line
        while (continued := re.fullmatch(rf"(.*){re.escape(escape)}[ \t]*", joined, re.DOTALL)) is not None:
            # Comments and empty lines in between do not end it.
            following = next((more for more in lines if more.strip() and not more.lstrip().startswith("#")), None)
            if following is None:
                joined = continued[1]
                break
            joined = continued[1] + following
        name, _, value = joined.strip().partition(" ") if " " in joined.strip() else joined.strip().partition("\t")
        if name.upper() in _WITH_HEREDOCS:
            for document in _HEREDOC.finditer(value):
                _skip(lines, document["word"], tabs=bool(document["strip"]))
        yield Instruction(name.upper(), value.strip())


def stages(text: str) -> list[str]:
    """Return the names of a Dockerfile's stages, in lower case as Docker compares them; not all have one."""
    found = (_STAGE.fullmatch(line.value) for line in instructions(text) if line.name == "FROM")
    return [stage[1].lower() for stage in found if stage is not None]


def stage_to_build(dockerfile: str, *, asked: str | None, preferred: str) -> str | None:
    """Return the stage of `dockerfile` to build: the one `asked` for, else `preferred` if it is there, else the last.

    The last one is `None`: it needs no name.

    Raises:
        SettingsError: when the file cannot be read, or has no such stage.
    """
    try:
        text = Path(dockerfile).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise _refused(
            f"dockerfile: cannot be read ({error.strerror}); got {dockerfile!r},"
            " correct backend.context, or give the file's path below it here"
        ) from None
    named = stages(text)
    if asked is None:
        return preferred if preferred in named else None
    if asked.lower() not in named:
        known = f"it has {', '.join(named)}" if named else "none of its stages has a name: remove the key"
        raise _refused(f"stage: is no stage of {dockerfile}; got {asked!r}, {known}")
    return asked.lower()


def _escape(text: str) -> str:
    """Return the character that continues a line: directives stand at the very top, one a line."""
    for line in text.removeprefix("\ufeff").splitlines():
        directive = _DIRECTIVE.fullmatch(line)
        if directive is None:
            break
        if directive["name"].lower() == "escape":
            return directive["value"]
    return "\\"


def _skip(lines: Iterator[str], word: str, *, tabs: bool) -> None:
    for line in lines:
        if (line.lstrip("\t") if tabs else line) == word:
            return


def _refused(rule: str) -> SettingsError:
    return SettingsError(f"Pulumi.{pulumi.get_stack()}.yaml", [f"backend.{rule}"])
