"""The one reader of Dockerfiles: their instructions as BuildKit splits them, and the stages they make.

Known to it are lines that go on, comments between them, the `escape` directive, lower-case instructions, and heredocs,
whose content is no instruction however much it looks like one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pulumi

from ..settings import SettingsError

_DIRECTIVE = re.compile(r"#\s*(?P<key>syntax|escape|check)\s*=\s*(?P<value>\S.*)", re.IGNORECASE)
_HEREDOC = re.compile(r"\d*<<(?P<chomp>-?)(?P<name>[^<]+)")
# Words in quotes count as one, and what is escaped is neither blank nor quote.
_WORD = r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+"""
_WORDS = re.compile(rf"\s*({_WORD}(\s+{_WORD})*\s*)?")
_WITH_HEREDOCS = ("RUN", "COPY", "ADD")
_FLAGS = re.compile(r"(?:--\S+\s+)*")


@dataclass(frozen=True)
class Heredoc:
    """A text that follows an instruction, up to a line with its name."""

    name: str
    """The name, without quotes."""
    content: str
    """The text, without the tabs before each line where `<<-` asked for that."""


@dataclass(frozen=True)
class Instruction:
    """One instruction, on however many lines it was written."""

    name: str
    """In upper case: `FROM`, `RUN`, ..."""
    value: str
    """What stands behind the name, options too, on one line."""
    heredocs: tuple[Heredoc, ...] = ()
    """Texts that belong to it."""

    @property
    def command(self) -> str:
        """What RUN gives to the shell: without its options, with its heredocs."""
        command = self.value[_match_end(_FLAGS, self.value) :]
        if len(self.heredocs) == 1 and _HEREDOC.fullmatch(command):
            return self.heredocs[0].content
        return command + "".join(f"\n{heredoc.content}{heredoc.name}" for heredoc in self.heredocs)


def instructions(text: str) -> list[Instruction]:
    """Return the instructions of the Dockerfile `text`, without comments."""
    lines = [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]
    escape = _escape(lines)
    goes_on = re.compile(rf"(?P<kept>^|[^{re.escape(escape)}]){re.escape(escape)}[ \t]*$")
    rest = iter(lines)
    found = []
    for line in rest:
        if logical := _logical(line.lstrip(), rest, goes_on):
            name, _, value = re.sub(r"\s+", " ", logical, count=1).partition(" ")
            instruction = Instruction(name.upper(), value.strip())
            found.append(replace(instruction, heredocs=tuple(_heredocs(instruction, rest))))
    return found


def stages(text: str) -> list[str | None]:
    """Return the stages of the Dockerfile `text` by name, in lower case as Docker compares them; `None` has none."""
    names: list[str | None] = []
    for instruction in instructions(text):
        if instruction.name == "FROM":
            words = instruction.value[_match_end(_FLAGS, instruction.value) :].split()
            named = len(words) == 3 and words[1].lower() == "as"  # noqa: PLR2004 - IMAGE AS NAME
            names.append(words[2].lower() if named else None)
    return names


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
    named = [name for name in stages(text) if name is not None]
    if asked is None:
        return preferred if preferred in named else None
    if asked.lower() not in named:
        known = f"it has {', '.join(named)}" if named else "none of its stages has a name: remove the key"
        raise _refused(f"stage: is no stage of {dockerfile}; got {asked!r}, {known}")
    return asked.lower()


def _escape(lines: list[str]) -> str:
    """Return the character that lets a line go on; directives stand before everything else."""
    for line in lines:
        directive = _DIRECTIVE.match(line)
        if directive is None:
            break
        if directive["key"].lower() == "escape" and directive["value"].strip() == "`":
            return "`"
    return "\\"


def _logical(line: str, rest: Iterator[str], goes_on: re.Pattern[str]) -> str:
    """Return a line with all that it goes on in, blank lines and comments between them left out."""
    if line.startswith("#"):
        return ""
    logical = ""
    while (more := goes_on.search(line)) is not None:
        logical += line[: more.start()] + more["kept"]
        line = next((text for text in rest if text.strip() and not text.lstrip().startswith("#")), "")
    return (logical + line).strip()


def _heredocs(instruction: Instruction, rest: Iterator[str]) -> Iterator[Heredoc]:
    """Take the texts that belong to an instruction from the lines after it."""
    name, value = instruction.name, instruction.value
    if name == "ONBUILD":
        name, _, value = value.partition(" ")
    value = value[_match_end(_FLAGS, value) :]
    # A list is no shell's line: nothing in it asks for a text.
    if name.upper() not in _WITH_HEREDOCS or value.startswith("[") or not _WORDS.fullmatch(value):
        return
    for word in re.findall(_WORD, value):
        if (asked := _HEREDOC.fullmatch(word)) is not None:
            ending = re.sub(r"[\"'\\]", "", asked["name"])
            taken = []
            for line in rest:
                plain = line.lstrip("\t") if asked["chomp"] else line
                if plain == ending:
                    break
                taken.append(f"{plain}\n")
            yield Heredoc(ending, "".join(taken))


def _match_end(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.match(text)
    return found.end() if found else 0


def _refused(rule: str) -> SettingsError:
    return SettingsError(f"Pulumi.{pulumi.get_stack()}.yaml", [f"backend.{rule}"])
