"""What a workflow wrote, as text in a comment: whoever proposes a change has written it and nobody has looked at it."""

import lzma
import re
import unicodedata
import zipfile
import zlib
from io import BytesIO

from .run import Kind, PullRequest

MOST_BYTES = 2**20
"""Of an artifact, and of the file in it."""
_MOST_CHARACTERS = 50_000
"""Of a comment's text; the forge takes 65,536."""
_CUT = "\n[cut here: the run has all of it]"
_SHOWN_AS = "\N{REPLACEMENT CHARACTER}"
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, KeyError, RuntimeError, NotImplementedError, OSError, EOFError),
    ValueError,
)
"""What an archive may be that is broken, encrypted, packed in a way nobody knows, or none."""


def text_in(archive: bytes, kind: Kind) -> str | None:
    """Return the text of the one file that counts in an artifact; `None` where there is none of at most `MOST_BYTES`.

    It is read in memory: no other file and no path of the archive means anything.
    """
    try:
        with zipfile.ZipFile(BytesIO(archive)) as packed, packed.open(f"{kind}.txt") as file:
            content = file.read(MOST_BYTES + 1)
    except _UNREADABLE:
        return None
    return None if len(content) > MOST_BYTES else content.decode("utf-8", "replace")


def harmless(text: str) -> str:
    """Return text that ends no block of code, calls nobody, hides nothing and is not longer than a comment may be."""
    # Much more is never shown.
    lines = text[: 2 * _MOST_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    seen = "".join(letter if letter in "\n\t" or _is_seen(letter) else _SHOWN_AS for letter in lines)
    safe = re.sub("`{3,}", "'''", seen)
    safe = safe.replace("<!--", "<! --")
    # `name@sha256:...` calls nobody.
    safe = re.sub(r"(?<!\w)@(?=\w)", "@ ", safe)
    if len(safe) > _MOST_CHARACTERS or len(text) > 2 * _MOST_CHARACTERS:
        return safe[:_MOST_CHARACTERS] + _CUT
    return safe


def marker(kind: Kind) -> str:
    """Return the first line of the comment of a kind, which nobody sees."""
    return f"<!-- slidegenie:{kind} -->"


def comment(kind: Kind, pull: PullRequest, text: str | None, run: str) -> str:
    """Return the comment. `text` is `None` where it is too much to show; `run` is the address of the run."""
    about = f"`{pull.head.sha[:12]}`, proposed for `{pull.base.sha[:12]}`"
    # All that ran there is the change's own, the program that wrote the text too.
    said = f"Its own code wrote this, in [a run]({run}) {kind.circumstances}: it is no check of it."
    if text is None:
        shown = f"What the run wrote is no text of at most {MOST_BYTES // 2**20} MiB, and is not shown."
    elif text.strip():
        shown = f"```text\n{harmless(text)}\n```"
    else:
        shown = "Nothing changes."
    return f"{marker(kind)}\n### {kind.heading}\n\n{about}. {said}\n\n{shown}\n"


def _is_seen(letter: str) -> bool:
    """Tell whether a reader sees a character as what it is: controls, marks of direction and others are not."""
    return unicodedata.category(letter)[0] != "C" and unicodedata.category(letter) not in ("Zl", "Zp")
