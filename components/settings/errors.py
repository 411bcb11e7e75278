"""Turn validation errors into lines a person can act on: where, what was got, what is allowed, how to fix it."""

import difflib
import enum
import types
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

_KINDS = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "text",
    "dict_type": "a group of keys",
    "model_type": "a group of keys",
    "model_attributes_type": "a group of keys",
    "tuple_type": "a list",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}


class SettingsError(Exception):
    """The settings of a stack are wrong. `problems` has one line for each mistake."""

    def __init__(self, source: str, problems: list[str]) -> None:
        self.source = source
        """Where the settings were read from, such as `Pulumi.dev.yaml`."""
        self.problems = problems
        """One line for each mistake: key path, rule, what was got, how to fix it."""
        super().__init__("\n".join(f"{source}: {problem}" for problem in problems))


def explain(error: ValidationError, root: type[BaseModel], values: dict[str, Any]) -> list[str]:
    """Return one line for each mistake in `error`. Values below `secrets` are never shown."""
    lines = []
    for details in error.errors(include_url=False):
        path = ".".join(str(part) for part in details["loc"])
        lines.extend(_lines(path, dict(details), root, values))
    return sorted(set(lines))


def _lines(path: str, details: dict[str, Any], root: type[BaseModel], values: dict[str, Any]) -> Iterator[str]:
    rule, got = details["type"], _got(path, values)
    if rule == "extra_forbidden":
        yield f"{path}: is not a known key{_nearest(path, root)}"
    elif rule == "missing":
        yield f"{path}: is required; add it"
    elif rule == "value_error":
        prefix = f"{path}: " if path else ""
        for line in str(details["ctx"]["error"]).split("\n"):
            yield f"{prefix}{line}"
    elif rule == "enum":
        yield f"{path}: must be one of {', '.join(_choices(path, root))}; got {got}"
    elif rule == "string_pattern_mismatch":
        examples = _examples(path, root)
        yield f"{path}: has the wrong form; got {got}, {examples}"
    elif rule in _KINDS:
        yield f"{path}: must be {_KINDS[rule]}; got {got}"
    else:
        yield f"{path}: {details['msg'][0].lower()}{details['msg'][1:]}; got {got}"


def _got(path: str, values: dict[str, Any]) -> str:
    if path.startswith("secrets"):
        return "a value that is not shown"
    node: Any = values
    for part in path.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    return repr(node)


def _model_of(annotation: Any) -> type[BaseModel] | None:
    candidates = [annotation, *typing.get_args(annotation)]
    if isinstance(annotation, types.UnionType):
        candidates.extend(typing.get_args(annotation))
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def _fields(path: list[str], root: type[BaseModel]) -> dict[str, Any]:
    model: type[BaseModel] | None = root
    for part in path:
        if model is None:
            return {}
        field = next((f for f in model.model_fields.values() if f.alias == part), None)
        model = _model_of(field.annotation) if field else None
    return {str(f.alias): f for f in model.model_fields.values()} if model else {}


def _nearest(path: str, root: type[BaseModel]) -> str:
    *parents, key = path.split(".")
    known = list(_fields(parents, root))
    if close := difflib.get_close_matches(key, known, n=1, cutoff=0.6):
        return f"; did you mean {'.'.join([*parents, close[0]])}?"
    return f"; known here: {', '.join(known)}" if known else ""


def _field(path: str, root: type[BaseModel]) -> Any:
    *parents, key = path.split(".")
    return _fields(parents, root).get(key)


def _choices(path: str, root: type[BaseModel]) -> list[str]:
    annotation = getattr(_field(path, root), "annotation", None)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return [str(member.value) for member in annotation]
    return []


def _examples(path: str, root: type[BaseModel]) -> str:
    field = _field(path, root)
    shown = list(getattr(field, "examples", None) or [])
    if not shown and field is not None and isinstance(field.default, str):
        shown = [field.default]
    patterns = [m.pattern for m in getattr(field, "metadata", []) if getattr(m, "pattern", None)]
    return f"write it like {shown[0]}" if shown else f"it must match {patterns[0]}" if patterns else "see docs/configuration.md"


def reveal(secret: SecretStr | None) -> str | None:
    """Return the plain value of a given secret, or `None` where it is to be generated."""
    return secret.get_secret_value() if secret is not None else None
