"""Turn validation errors into lines a person can act on: where, what was got, what is allowed, how to fix it."""

import copy
import difflib
import enum
import re
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import AfterValidator, BaseModel, SecretStr, ValidationError

OF_A_FILE = "of a file"
"""Context of a validation whose values were written in a stack file."""

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

_KEYS_IN_A_LINE = re.compile(r"\w+(?:\.\w+)*")


class SettingsError(Exception):
    """The settings of a stack are wrong. `problems` has one line for each mistake."""

    def __init__(self, source: str, problems: list[str]) -> None:
        self.source = source
        """Where the settings were read from, such as `Pulumi.dev.yaml`."""
        self.problems = problems
        """One line for each mistake: key path, rule, what was got, how to fix it."""
        super().__init__("\n".join(f"{source}: {problem}" for problem in problems))


def explain(error: ValidationError, root: type[BaseModel], values: dict[str, Any]) -> list[str]:
    """Return one line for each mistake in `values`. What is below `secrets` is never shown.

    `error` has the first of them. A rule that spans several keys is only asked once each of them is right, so the rest
    is checked again without what is wrong: all mistakes at once, instead of one more with each try.
    """
    lines: set[str] = set()
    wrong: list[tuple[Any, ...]] = []
    rest = copy.deepcopy(values)
    while True:
        found: list[dict[str, Any]] = [dict(details) for details in error.errors(include_url=False)]
        for details in found:
            lines.update(_new_lines(details, root, wrong))
        # An unknown key can be left out without changing what a rule says about the others.
        wrong += [tuple(details["loc"]) for details in found if details["type"] != "extra_forbidden"]
        smaller = False
        for details in found:
            smaller |= _left_out(rest, details["loc"])
        if not smaller:
            return sorted(lines)
        try:
            root.model_validate(rest, by_alias=True, by_name=False, context=OF_A_FILE)
        except ValidationError as next_error:
            error = next_error
        else:
            return sorted(lines)


def _new_lines(details: dict[str, Any], root: type[BaseModel], wrong: list[tuple[Any, ...]]) -> Iterator[str]:
    """Yield the lines of one error, but for rules over something that is wrong by itself: they would mislead."""
    where = tuple(details["loc"])
    if where and any(known[: len(where)] == where for known in wrong):
        return
    known_paths = {_path(known) for known in wrong}
    for line in _lines(details, root):
        if known_paths.isdisjoint(_KEYS_IN_A_LINE.findall(line)):
            yield line


def _left_out(values: dict[str, Any], where: tuple[Any, ...]) -> bool:
    """Remove what is at `where`, or the group around it when it is not there; tell whether anything was removed."""
    way: list[tuple[dict[str, Any], str]] = []
    node: Any = values
    for part in where:
        if isinstance(node, list) and isinstance(part, int) and part < len(node):
            # An item stays, or those behind it would be called by other numbers.
            node = node[part]
            continue
        if not isinstance(node, dict) or part not in node:
            break
        way.append((node, part))
        node = node[part]
    for holder, key in way[-1:]:
        del holder[key]
    return bool(way)


def _lines(details: dict[str, Any], root: type[BaseModel]) -> Iterator[str]:
    rule, path = details["type"], _path(details["loc"])
    got = "a value that is not shown" if path.partition(".")[0] == "secrets" else repr(details["input"])
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
        yield f"{path}: has the wrong form; got {got}, {_form(path, root, details['ctx']['pattern'])}"
    elif rule in _KINDS:
        yield f"{path}: must be {_KINDS[rule]}; got {got}"
    else:
        said = details["msg"].replace("Input should", "must").replace("Tuple should", "must")
        yield f"{path}: {said[0].lower()}{said[1:]}; got {got}"


def _path(where: tuple[Any, ...]) -> str:
    """Write a location as people do; pydantic marks a wrong key of a map with a part of its own."""
    return ".".join(str(part) for part in where if part != "[key]")


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


def _form(path: str, root: type[BaseModel], pattern: str) -> str:
    field = _field(path, root)
    annotations = typing.get_args(getattr(field, "annotation", None))
    metadata = (part for annotation in annotations for part in getattr(annotation, "__metadata__", ()))
    # The form of an optional key is said inside of its union.
    options = [field, *metadata]
    shown = [example for option in options for example in getattr(option, "examples", None) or []]
    if not shown and field is not None and isinstance(field.default, str):
        shown = [field.default]
    return f"write it like {shown[0]}" if shown else f"it must match {pattern}"


def reveal(secret: SecretStr | None) -> str | None:
    """Return the plain value of a given secret, or `None` where it is to be generated."""
    return secret.get_secret_value() if secret is not None else None


def refused(wanted: str, value: object, why: str | None = None) -> ValueError:
    """Return the error to raise for `value`, which must be what `wanted` says."""
    return ValueError(f"must be {wanted}; got {value!r}{f' ({why})' if why else ''}")


def must_be(
    wanted: str, *, fits: Callable[[str], object] = bool, problem: Callable[[str], str | None] | None = None
) -> AfterValidator:
    """Return the check of a text that must be what `wanted` says: it `fits`, or `problem` has nothing to say of it."""

    def check(value: str) -> str:
        why = problem(value) if problem else None
        if why or (problem is None and not fits(value)):
            raise refused(wanted, value, why)
        return value

    return AfterValidator(check)
