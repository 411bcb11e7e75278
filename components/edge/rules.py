"""Which requests are led to a service, in the language of Traefik's rules."""

import json
import re
from collections.abc import Sequence

_PATH = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,=:@-]+)+/?")
"""What a path may say: characters that are the same in every spelling, and no parameters."""
_SLASH = "(?:/|%2f)"
_PARAMETERS = "(?:(?:;|%3b)[^/]*)?"
_BETWEEN = f"(?:{_PARAMETERS}{_SLASH})+"
"""Between two segments: some servers drop parameters (`;x`), take several slashes for one, or `%2F` for a slash."""
_END = "(?:/|;|%2f|%3b|$)"
_DISGUISED = f"(?i){_SLASH}[.]{{1,2}}{_END}"
"""A way up that Traefik left alone, as its slash is written `%2F` or parameters follow; some servers go that way."""


def check_path(who: str, what: str, path: str) -> None:
    """Refuse a `path` that is not the only spelling of itself."""
    segments = path.strip("/").split("/")
    if not _PATH.fullmatch(path) or {".", ".."} & set(segments):
        raise ValueError(
            f"{who}: {what} must start with a slash and name something, like /reports, in letters, digits and"
            f" ._~!$&'()*+,=:@-; got {path!r}"
        )


def rule(domain: str, path: str | None = None, hidden: Sequence[str] = ()) -> str:
    """Return the rule for what is at or below `path` under `domain`, without what is at or below each `hidden` path.

    `hidden` paths are below `path`, whether they begin with it or not. They are hidden in every spelling that a server
    may take for the same: upper case, further slashes, parameters, encoded characters.
    """
    parts = [matcher("Host", domain)]
    below = (path or "").rstrip("/")
    if below:
        parts.append(f"({matcher('Path', below)} || {matcher('PathPrefix', below + '/')})")
    if hidden:
        parts.append(f"!{matcher('PathRegexp', _DISGUISED)}")
    for name in hidden:
        parts.append(f"!{matcher('PathRegexp', _at_or_below(below + '/' + name.strip('/')))}")
        if below and name.startswith(f"{below}/"):
            parts.append(f"!{matcher('PathRegexp', _at_or_below(name))}")
    return " && ".join(parts)


def _at_or_below(path: str) -> str:
    segments = (re.escape(segment) for segment in path.strip("/").split("/"))
    return "(?i)^" + "".join(f"{_BETWEEN}{segment}" for segment in segments) + _PARAMETERS + _END


def matcher(name: str, *values: str) -> str:
    """Return the matcher `name` of `values`, whatever characters they have."""
    # Literals of Go: what a JSON text escapes, one in double quotes does too.
    literals = (json.dumps(value, ensure_ascii=False) if "`" in value else f"`{value}`" for value in values)
    return f"{name}({','.join(literals)})"
