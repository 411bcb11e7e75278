"""Texts that end up in a header, a variable, a file of another program."""

import re
from collections.abc import Mapping
from typing import Annotated

from cryptography import x509
from pydantic import AfterValidator, Field

from ..refusal import refused

ENCRYPTED = "encrypted"
"""What stands for an encrypted value in a plan, which has nothing to decrypt it with."""

VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", examples=["LOG_LEVEL"])]
"""Name of an environment variable."""

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""Characters that end a line or are no text. A tab is text."""
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OF_THE_CONNECTION = frozenset(
    {"connection", "content-length", "keep-alive", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers that say how an answer is sent; the server that sends it has to say them."""


def _line(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty; give it, or remove the key")
    if _CONTROL.search(value):
        raise refused("one line of text", value)
    return value


def _text(value: str) -> str:
    if "\0" in value:
        raise refused("text without a NUL, which would end it", value)
    return value


def _script(value: str) -> str:
    if not _text(value).strip():
        raise ValueError("is empty; give it, or remove the key")
    return value


def pem_problem(value: str) -> str | None:
    """Say why `value` is no bundle of certificates in PEM; `None` when it is one, or is encrypted in a plan."""
    if value == ENCRYPTED:
        return None
    try:
        x509.load_pem_x509_certificates(value.encode())
    except ValueError:
        return "must be certificates in PEM, each from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----"
    return None


def _certificates(value: str) -> str:
    if problem := pem_problem(value):
        raise ValueError(problem)
    return value


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse what no server would send.

    Raises:
        ValueError: in one line, about the first of them.
    """
    seen: dict[str, str] = {}
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise refused("names of headers, like X-Robots-Tag", name)
        if (other := seen.setdefault(name.lower(), name)) != name:
            raise ValueError(f"{name} and {other} are one header; remove one of them")
        if name.lower() in _OF_THE_CONNECTION:
            raise ValueError(f"{name} says how an answer is sent, which only who sends it knows; remove it")
        if _CONTROL.search(value):
            raise ValueError(f"{name} must be one line of text; got {value!r}")


Line = Annotated[str, AfterValidator(_line)]
"""One line of text, and not an empty one."""
Text = Annotated[str, AfterValidator(_text)]
"""What a variable or an argument can say: several lines, or none."""
Script = Annotated[str, AfterValidator(_script)]
"""The same, and not empty."""
Certificates = Annotated[str, AfterValidator(_certificates)]
"""One or more certificates in PEM."""
