"""Texts that end up in a header, a variable, a file of another program: paths and schedules among them."""

import datetime
import posixpath
import re
from collections.abc import Mapping
from typing import Annotated

from cronsim import CronSim, CronSimError
from cryptography import x509
from pydantic import AfterValidator, Field

from .errors import must_be, refused

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


def not_empty(value: str) -> str:
    """Return `value`, which has to say something.

    Raises:
        ValueError: when it does not.
    """
    if not value.strip():
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


def check_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return `headers`, which any server can send.

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
    return headers


Line = Annotated[
    str, AfterValidator(not_empty), must_be("one line of text", fits=lambda value: not _CONTROL.search(value))
]
"""One line of text, and not an empty one."""
Text = Annotated[str, must_be("text without a NUL, which would end it", fits=lambda value: "\0" not in value)]
"""What a variable or an argument can say: several lines, or none."""
Script = Annotated[Text, AfterValidator(not_empty)]
"""The same, and not empty."""
Certificates = Annotated[str, AfterValidator(_certificates)]
"""One or more certificates in PEM."""


_PLAIN = re.compile(r"[!-~]+")
"""What can be seen and is no space."""


def path_problem(value: str) -> str | None:
    """Say why `value` is no path that names one place from the root; `None` when it is one."""
    if not value.startswith("/"):
        return "it does not begin at the root"
    if not _PLAIN.fullmatch(value):
        return "it has a space, or a letter that is not ASCII, in it"
    if value == "/":
        return "it is the root itself"
    if posixpath.normpath(value) != value.rstrip("/"):
        return "it has an empty part, . or .. in it"
    return None


def _without_slash(value: str) -> str:
    return value.rstrip("/")


HostPath = Annotated[
    str,
    must_be("a path from the root, like /opt/slidegenie/data", problem=path_problem),
    AfterValidator(_without_slash),
]
"""A path on the Docker host or on this machine, from the root; never `/` itself."""

_OURS = {
    "/run/secrets": "the platform's secrets are there",
    "/run/app": "the platform mounts a folder in memory there",
    "/tmp": "the platform mounts a folder in memory there",  # noqa: S108 - a folder of the container
}
_SYSTEM = ("/dev", "/etc", "/proc", "/sys")
_PROGRAMS = ("/bin", "/lib", "/lib64", "/opt", "/run", "/sbin", "/usr", "/var")
"""Where programs live: below them there may be data, but not in their place."""


def _container_path_problem(value: str) -> str | None:
    if problem := path_problem(value):
        return problem
    if ":" in value or "," in value:
        return "a path has no options: it is always mounted to be written"
    path = _without_slash(value)
    if why := next((why for place, why in _OURS.items() if _inside(path, place) or _inside(place, path)), None):
        return why
    if place := next((place for place in _SYSTEM if _inside(path, place)), None):
        return f"{place} is the engine's"
    return "programs are there" if path in _PROGRAMS else None


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


ContainerPath = Annotated[
    str,
    must_be("a folder of its own in the container, from the root, like /app/uploads", problem=_container_path_problem),
    AfterValidator(_without_slash),
]
"""A folder in the container where a volume can be mounted."""


OFF = "off"
"""What a schedule says that never comes."""

_ITEM = r"([0-9]{1,2}|[0-9]{1,2}-[0-9]{1,2}(/[0-9]{1,2})?)"
_FIELD = rf"(\*(/[0-9]{{1,2}})?|{_ITEM}(,{_ITEM})*)"
_FORM = re.compile(rf"{_FIELD}( {_FIELD}){{4}}")
_VALUES = (60, 24, 31, 12, 7)
"""How many values each field has; a step has to be smaller."""
_DAY, _WEEKDAY = 2, 4
_EXAMPLE = "five fields of cron in UTC: minute, hour, day of the month, month, day of the week, like 30 4 * * 0"


def _schedule_problem(value: str) -> str | None:
    """Say why nobody, or not everybody, would run by `value`; `None` when all programs of its kind agree about it.

    Steps without a range (`5/10`), ranges of weekdays that end on 7, and a step in one of the two fields of days beside
    a restriction in the other are each read in two ways, so there is one way less to write them.
    """
    if not _FORM.fullmatch(value):
        return "each field is *, a number, a range like 1-5, several by commas; a step like /15 follows * or a range"
    fields = value.split(" ")
    for field, values in zip(fields, _VALUES, strict=True):
        if any(not 0 < int(step) < values for step in re.findall(r"/(\d+)", field)):
            return f"a step in {field} is not between 1 and {values - 1}"
        if any(int(first) >= int(last) for first, last in re.findall(r"(\d+)-(\d+)", field)):
            return f"a range in {field} does not go upwards"
    return _problem_of_days(value, (fields[_DAY], fields[_WEEKDAY]))


def _problem_of_days(value: str, days: tuple[str, str]) -> str | None:
    if "-7" in days[1]:
        return "a range of weekdays ends on 6 at most; Sunday is 0, or 7 alone"
    if "*" not in days and any(field.startswith("*/") for field in days):
        return "a step over all days cannot stand beside the other field of days; name the days, or say * in one"
    try:
        CronSim(value, datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC))
    except CronSimError as error:
        field = str(error).removeprefix("Bad ").replace("-", " ")
        return f"no such {field}" if "day of month" not in field else "no such day of the month, in the months it names"
    return None


Schedule = Annotated[str, must_be(_EXAMPLE, problem=_schedule_problem)]
"""Five fields of cron in UTC: minute, hour, day of the month, month, day of the week."""
ScheduleOrOff = Annotated[
    str, must_be(f"{_EXAMPLE}, or {OFF}", problem=lambda value: None if value == OFF else _schedule_problem(value))
]
"""The same, or `off`."""
