"""Rules: what is in a container, and what is told about it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from components.core.policy import ContainerPolicy
from components.core.policy_rules import SecretsRule

from .normalized import full_name, repository
from .rule import UNKNOWN, Broken, Found, JudgedResource, Kind, NotJudged, Properties, each

_ID = re.compile(r"(sha256:)?[0-9a-f]{64}|[0-9a-f]{12,63}")
_PINNED = re.compile(r"(sha256:)?[0-9a-f]{64}|.+@sha256:[0-9a-f]{64}")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_PLAIN_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


def image_source(subject: JudgedResource, policy: ContainerPolicy) -> Iterator[Found]:
    """From a listed registry, or built by the same program, or from where that pushes what it builds."""
    group = subject.properties
    key = "name" if subject.kind is Kind.IMAGE else "image"
    name = group.text(key)
    if name in subject.facts.built:
        return
    if _ID.fullmatch(name):
        # During an update, and on the engine, it is that of an image which was judged itself, by its name.
        if subject.facts.planned or subject.kind is Kind.IMAGE:
            yield Broken(group.at(key), "is an ID of no image that the program pulls or builds", name)
        return
    full = full_name(name)
    if not name:
        yield Broken(group.at(key), "is not set")
    elif repository(name) not in subject.facts.pushed and not any(
        full.startswith(f"{registry}/") for registry in policy.rules.image_source.registries
    ):
        yield Broken(group.at(key), "is not from a listed registry, and the program does not build it", full)


def image_pinned(subject: JudgedResource, _: ContainerPolicy) -> Iterator[Found]:
    """By ID or digest."""
    group = subject.properties
    name = group.text("image")
    if not _PINNED.fullmatch(name) and name not in subject.facts.pulled:
        yield Broken(group.at("image"), "is a tag, or no tag at all")


def secrets(subject: JudgedResource, policy: ContainerPolicy) -> Iterator[Found]:
    """Nowhere that `docker inspect` shows."""
    group, rule = subject.properties, policy.rules.secrets
    # One secret makes a secret of the whole list, and then nobody can tell which of its entries it is.
    for key in ("envs", "command", "entrypoints", "healthcheck", "labels", "logOpts"):
        if group.at(key) in group.hidden:
            yield Broken(group.at(key), "is a secret, or an entry of it is")
    for number, (path, value) in enumerate(group.items("envs")):
        yield from _variable(group, rule, path, f"{group.at('envs')}[{number}]", value)
    for key in ("command", "entrypoints"):
        yield from _words(group, rule, group.items(key))
    yield from _words(group, rule, group.group("healthcheck").items("tests"))
    yield from _texts(group, rule, group.items("logOpts"))
    mounted = (mount.group("volumeOptions").items("driverOptions") for mount in group.groups("mounts"))
    for options in (group.items("driverOpts"), *mounted):
        yield from _volume(group, rule, options)

    def labelled(label: Properties) -> Iterator[Found]:
        yield from _texts(group, rule, [(label.at("value"), label.values.get("value"))])

    yield from each(group.groups("labels"), labelled)


def _volume(group: Properties, rule: SecretsRule, items: list[tuple[str, object]]) -> Iterator[Found]:
    """Judge what a volume's driver is told: its own options, and those of the file system in `o`."""
    yield from _texts(group, rule, items)
    for path, value in items:
        for option in ("" if value is UNKNOWN else str(value)).split(","):
            name, _, given = option.strip().rpartition("=")
            # `credentials=/srv/x` names a file.
            if given and not given.startswith("/") and re.search(rule.names, name or path.removesuffix('"]')):
                yield Broken(path, "gives the file system a secret by its name", name)


def _variable(group: Properties, rule: SecretsRule, path: str, index: str, value: object) -> Iterator[Found]:
    if value is UNKNOWN:
        yield NotJudged(path)
        return
    parts = _ASSIGNMENT.fullmatch(str(value))
    # The name is shown, for nobody counts variables; but only what looks like one, and has a value beside it.
    shown = bool(parts and _PLAIN_NAME.fullmatch(parts[1]) and parts[2].strip("="))
    where = f'{group.at("envs")}["{parts[1]}"]' if parts and shown else index
    if group.is_hidden(path):
        yield Broken(where, "is a secret", parts[1] if parts else "")
    elif parts and parts[2] and re.search(rule.names, parts[1]):
        yield Broken(where, "is a secret by its name", parts[1])
    else:
        yield from _texts(group, rule, [(where, value)], parts[1] if parts else "")


def _words(group: Properties, rule: SecretsRule, items: list[tuple[str, object]]) -> Iterator[Found]:
    """Judge a command: its words, and the words of a shell script in it."""
    words: list[tuple[str, _Word]] = []
    for path, value in items:
        yield from _texts(group, rule, [(path, value)])
        if value is not UNKNOWN:
            split = str(value).split()
            words += [(path, _Word(word, in_script=len(split) > 1)) for word in split]
    for number, (path, word) in enumerate(words):
        option, is_joined, joined = word.text.partition("=")
        following = next((other for _, other in words[number + 1 : number + 2]), _Word("", in_script=False))
        argument = replace(word, text=joined) if is_joined else following
        # `-x -y` has no argument.
        if is_joined or not argument.text.startswith("-"):
            if argument.is_literal and re.search(rule.options, option):
                yield Broken(path, "gives an option that takes a secret", option)
            elif re.search(rule.logins, f"{option} {argument.text}"):
                yield Broken(path, "gives an option a user with a password", option)
        assigned = _ASSIGNMENT.fullmatch(word.text)
        if assigned and replace(word, text=assigned[2]).is_literal and re.search(rule.names, assigned[1]):
            yield Broken(path, "sets a variable that is a secret by its name", assigned[1])


@dataclass(frozen=True)
class _Word:
    """A word of a command."""

    text: str
    in_script: bool
    """Whether a shell reads it, which puts something else where `$` and backticks are; an exec form puts nothing."""

    @property
    def is_literal(self) -> bool:
        bare = self.text.strip("\"'")
        return bool(bare) and not bare.startswith("/run/secrets/") and not (self.in_script and bare[0] in "$`")


def _texts(group: Properties, rule: SecretsRule, items: list[tuple[str, object]], subject: str = "") -> Iterator[Found]:
    for path, value in items:
        if value is UNKNOWN:
            yield NotJudged(path)
        elif group.is_hidden(path):
            yield Broken(path, "is a secret", subject)
        else:
            for what, expression in rule.values.items():
                if re.search(expression, str(value)):
                    yield Broken(path, f"holds what looks like a secret ({what})", subject)
