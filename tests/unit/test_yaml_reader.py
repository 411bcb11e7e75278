"""Stack files mean to the plan what they mean to Pulumi: each value here is what its command line printed."""

from pathlib import Path
from typing import Any

import pytest

from components.plan.program import stack_configuration, stack_settings
from components.settings import SettingsError, keys_of
from components.settings.stack_file import StackFile
from components.settings.yaml_file import parse_yaml

PULUMI = {
    "off": "off",
    "on": "on",
    "yes": "yes",
    "n": "n",
    "true": True,
    "True": True,
    "FALSE": False,
    "~": None,
    "null": None,
    "": None,
    "12:30": "12:30",
    "1:30:45": "1:30:45",
    "0o17": 15,
    "017": 15,
    "0x1F": 31,
    "0b11": 3,
    "1_000": 1000,
    "+5": 5,
    "-0x10": -16,
    "1e3": 1000.0,
    "1.10": 1.1,
    ".5": 0.5,
    "2024-02-31": "2024-02-31",
    "2024-13-01": "2024-13-01",
    "1.2.3": "1.2.3",
    "08": 8.0,
    "=": "=",
}
"""What Pulumi makes of a plain value."""

GO_DATES = {
    "2024-01-31": "2024-01-31 00:00:00 +0000 UTC",
    "2026-01-31T12:00:00Z": "2026-01-31 12:00:00 +0000 UTC",
    "2026-01-31T12:00:00+02:00": "2026-01-31 12:00:00 +0200 +0200",
}
"""How Pulumi hands over a date without quotes."""


@pytest.mark.parametrize(("written", "meant"), PULUMI.items())
def test_a_plain_value_is_what_it_is_to_pulumi(written: str, meant: Any) -> None:
    read = parse_yaml(f"a: {written}\n".encode(), "file")["a"]
    assert (type(read), read) == (type(meant), meant)


@pytest.mark.parametrize(("written", "printed"), GO_DATES.items())
def test_a_date_is_the_same_text_in_the_plan_and_under_pulumi(written: str, printed: str) -> None:
    planned = keys_of("p", {"p:origin": parse_yaml(f"a: [{{b: {written}}}]\n".encode(), "file")})
    assert (
        planned == keys_of("p", {"p:origin": f'{{"a": [{{"b": "{printed}"}}]}}'}) == {"origin": {"a": [{"b": written}]}}
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "is not YAML: line 3 has the key a twice, the first time in line 1"),
        ("a: {x: 1, x: 2}\n", "is not YAML: line 1 has the key x twice, the first time in line 1"),
        ("a: !!int five\n", "is not YAML: line 1 has the tag tag:yaml.org,2002:int, and tags are not read here"),
        (
            "a: !!python/object:os.system x\n",
            "is not YAML: line 1 has the tag tag:yaml.org,2002:python/object:os.system",
        ),
        ("a: !mine 5\n", "is not YAML: line 1 has the tag !mine"),
        ("a: !!set {b}\n", "is not YAML: line 1 has the tag tag:yaml.org,2002:set"),
        ("? [a]\n: 1\n", "is not YAML: line 1 has a key that is no text"),
        ("[" * 60, "is not YAML: line 1 is nested more than 50 levels deep"),
        ("a: [\n", "is not YAML: while parsing a flow node"),
        ("a: " + "x" * 300_000, "must have at most 256 KiB; it has 292"),
        ("a: \xff", "is not UTF-8 text; save it as UTF-8"),
        (
            "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(
                f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}]\n"
                for a, b in ("ab", "bc", "cd", "de", "ef", "fg", "gh", "hi")
            ),
            "must have at most 20000 values, with those that its anchors repeat",
        ),
    ],
)
def test_what_cannot_be_read_is_one_line(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_yaml(text.encode("latin-1"), "file")
    assert str(refused.value).startswith(f"file: {said}")
    assert "\n" not in str(refused.value)


def test_anchors_and_merges_are_read() -> None:
    assert parse_yaml(b"a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}\n", "f") == {
        "a": {"x": 1},
        "b": {"x": 1},
        "c": {"x": 1, "y": 2},
    }


def _stack(tmp_path: Path, text: str) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n", encoding="utf-8")
    (tmp_path / "Pulumi.one.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_key_without_a_namespace_is_the_projects(tmp_path: Path) -> None:
    root = _stack(tmp_path, "config:\n  backend: {port: 81}\n  demo:proxy: {httpPort: 82}\n  docker:host: tcp://a\n")
    assert stack_configuration(root, "one") == {
        "demo:backend": {"port": 81},
        "demo:proxy": {"httpPort": 82},
        "docker:host": "tcp://a",
    }
    assert stack_settings(root, "one").backend.port == 81


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "Config:\n  demo:backend: {}\n",
            "Config: is no key of a stack file, and Pulumi passes over it; did you mean config?",
        ),
        ("konfig: {}\n", "konfig: is no key of a stack file, and Pulumi passes over it; did you mean config?"),
        ("settings: {}\n", "settings: is no key of a stack file, and Pulumi passes over it; known keys: config, "),
        (
            "config: {backend: {}, demo:backend: {}}\n",
            "demo:backend: is there with its namespace and without; keep one",
        ),
        ("- 1\n", "must be a group of keys; got [1]"),
        ("config: 5\n", "config: must be a group of keys; got 5"),
    ],
)
def test_what_pulumi_would_pass_over_is_named(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        stack_configuration(_stack(tmp_path, text), "one")
    assert str(refused.value).startswith(f"Pulumi.one.yaml: {said}")


def test_a_misspelt_namespace_or_key_is_named_wherever_settings_are_read(tmp_path: Path) -> None:
    root = _stack(tmp_path, "config:\n  demos:proxy: {}\n  demo:proxi: {}\n")
    with pytest.raises(SettingsError) as refused:
        stack_settings(root, "one")
    assert [line.split(":")[0] for line in refused.value.problems] == ["demos", "proxi"]


def test_what_is_written_off_is_off(tmp_path: Path) -> None:
    root = _stack(tmp_path, "config:\n  demo:supplyChain: {require: off}\n  demo:maintenance: {scanAt: 12:30}\n")
    settings = stack_settings(root, "one")
    assert str(settings.supply_chain.require.value) == "off"
    assert str(settings.maintenance.scan_at) == "12:30"


def test_a_stack_file_without_a_configuration_has_the_defaults(tmp_path: Path) -> None:
    for text in ("", "config:\n", "encryptionsalt: v1:abc\n"):
        assert stack_configuration(_stack(tmp_path, text), "one") == {}


def test_who_writes_the_file_again_has_all_of_it(tmp_path: Path) -> None:
    _stack(tmp_path, "encryptionsalt: v1:abc\nconfig:\n  demo:a: {secure: v1:x}\n")
    read = StackFile.read(tmp_path / "Pulumi.one.yaml", "demo")
    assert read.document == {"encryptionsalt": "v1:abc", "config": {"demo:a": {"secure": "v1:x"}}}
