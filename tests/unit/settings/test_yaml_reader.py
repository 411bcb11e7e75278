"""Stack files mean to the plan what they mean to Pulumi: each value here is what its command line printed."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.runtime import config as runtime_config

from components.settings import RedisSettings, Settings, SettingsError, keys_of, load_settings
from components.settings.load import StackFile
from components.settings.yaml_file import parse_yaml, write_yaml
from slidegenie.plan.program import StackProgram

from ..planned import recorded

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
    "0b12": "0b12",
    "0O17": 15,
    "0B11": 3,
    "0x1_F": 31,
    "+0o7": 7,
    ".5_0": 0.5,
    "._5": "._5",
    "_1": "_1",
    "1_": 1,
    "tRue": "tRue",
    "2024-01-31 12:00": "2024-01-31 12:00",
    "2024-01-31T24:00:00Z": "2024-01-31T24:00:00Z",
    "2024-01-31T12:00:00": "2024-01-31T12:00:00",
    "2023-02-29": "2023-02-29",
    "9" * 5000: "9" * 5000,
    "08": 8.0,
    "=": "=",
}
"""What Pulumi makes of a plain value."""

GO_DATES = {
    "2024-01-31": "2024-01-31 00:00:00 +0000 UTC",
    "2026-01-31T12:00:00Z": "2026-01-31 12:00:00 +0000 UTC",
    "2026-01-31T12:00:00+02:00": "2026-01-31 12:00:00 +0200 +0200",
    "2026-01-31T12:00:00.25Z": "2026-01-31 12:00:00.25 +0000 UTC",
    "0000-02-29": "0000-02-29 00:00:00 +0000 UTC",
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
        ("? [a]\n: 1\n", "is not YAML: line 1 has a key that is no text; write it in quotes"),
        ("a:\n  2024-01-31: 1\n", "is not YAML: line 2 has a key that is no text; write it in quotes"),
        ("1: a\n'1': b\n", "is not YAML: line 2 has the key 1 twice, the first time in line 1"),
        ("a: .inf\n", "is not YAML: line 1 has .inf, which is no number"),
        ("a: -.Inf\n", "is not YAML: line 1 has -.Inf, which is no number"),
        ("a: .nan\n", "is not YAML: line 1 has .nan, which is no number"),
        ("a: 1\n---\na: 2\n", "is not YAML: expected a single document in the stream"),
        ("a: &a {x: *a}\n", "must have at most 20000 values and 50 levels, with those that its anchors repeat"),
        (
            "l0: &l0 []\n" + "".join(f"l{i}: &l{i} [[[[[[*l{i - 1}]]]]]]\n" for i in range(1, 2000)),
            "must have at most 20000 values and 50 levels, with those that its anchors repeat",
        ),
        ("a: {<<: 5}\n", "is not YAML: line 1 merges what is no group: `<<` takes one, or a list of them"),
        ("a: {<<: [{x: 1}, y]}\n", "is not YAML: line 1 merges what is no group: `<<` takes one, or a list of them"),
        ("[" * 60, "is not YAML: line 1 is nested more than 50 levels deep"),
        ("a: [\n", "is not YAML: while parsing a flow node"),
        ("a: " + "x" * 300_000, "must have at most 128 KiB; it has 292"),
        ("a: \xff", "is not UTF-8 text; save it as UTF-8"),
        (
            "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(
                f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}]\n"
                for a, b in ("ab", "bc", "cd", "de", "ef", "fg", "gh", "hi")
            ),
            "must have at most 20000 values and 50 levels, with those that its anchors repeat",
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


def test_a_key_of_a_merged_group_may_be_written_over_wherever_it_is_merged_again() -> None:
    text = b"x:\n  y:\n    a: &a {k: 1}\n    b: &b {<<: *a, k: 2}\nc: {<<: *b}\n"
    assert parse_yaml(text, "f") == {"x": {"y": {"a": {"k": 1}, "b": {"k": 2}}}, "c": {"k": 2}}


def test_the_first_of_several_merged_groups_counts_and_what_is_written_before_them() -> None:
    text = b"a: &a {k: 1, l: 1}\nb: &b {k: 2, m: 2}\nc: {<<: [*a, *b], l: 3}\nd: &d {<<: *d, k: 4}\n"
    assert parse_yaml(text, "f") == {
        "a": {"k": 1, "l": 1},
        "b": {"k": 2, "m": 2},
        "c": {"k": 1, "m": 2, "l": 3},
        "d": {"k": 4},
    }


def test_a_key_is_merged_once_however_often_its_group_is() -> None:
    merges = "".join(f"m{i}: &m{i} {{<<: [{', '.join([f'*m{i - 1}'] * 8)}]}}\n" for i in range(1, 12))
    assert parse_yaml(b"m0: &m0 {x: 1}\n" + merges.encode(), "f")["m11"] == {"x": 1}


def test_keys_that_are_numbers_or_true_are_the_text_that_pulumi_makes_of_them() -> None:
    assert parse_yaml(b"{1: a, 0x10: b, True: c, off: d}", "f") == {"1": "a", "16": "b", "true": "c", "off": "d"}


@pytest.mark.parametrize("text", [*PULUMI, *GO_DATES, "no", "a: b", " ", "#", "two\nlines\n"])
def test_text_that_is_written_again_stays_text_for_every_reader(text: str) -> None:
    written = write_yaml({"a": {text: [text]}})

    assert parse_yaml(written.encode(), "f") == {"a": {text: [text]}}
    assert yaml.safe_load(written) == {"a": {text: [text]}}


def test_values_that_are_written_again_keep_their_kind() -> None:
    values = {"a": [1, 1.5, True, None, {"secure": "v1:x"}], "b": [1, 1.5, True, None, {"secure": "v1:x"}]}
    assert parse_yaml(write_yaml(values).encode(), "f") == values


def _stack(tmp_path: Path, text: str) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n", encoding="utf-8")
    (tmp_path / "Pulumi.one.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_key_without_a_namespace_is_the_projects(tmp_path: Path) -> None:
    root = _stack(tmp_path, "config:\n  backend: {port: 81}\n  demo:proxy: {httpPort: 82}\n  docker:host: tcp://a\n")
    assert StackProgram.read(root, "one").configuration == {
        "demo:backend": {"port": 81},
        "demo:proxy": {"httpPort": 82},
        "docker:host": "tcp://a",
    }
    assert StackProgram.read(root, "one").settings.backend.port == 81


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
            "demo:backend: is written in two ways, such as with and without its namespace; keep one",
        ),
        (
            "config: {demo:config:backend: {}, demo:backend: {}}\n",
            "demo:backend: is written in two ways, such as with and without its namespace; keep one",
        ),
        ("config: {demo:backend:port: 1}\n", "demo:backend:port: must be written as <project>:<section>"),
        ("- 1\n", "must be a group of keys; got [1]"),
        ("config: 5\n", "config: must be a group of keys; got 5"),
    ],
)
def test_what_pulumi_would_pass_over_is_named(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        StackProgram.read(_stack(tmp_path, text), "one")
    assert str(refused.value).startswith(f"Pulumi.one.yaml: {said}")


def test_a_misspelt_namespace_or_key_is_named_wherever_settings_are_read(tmp_path: Path) -> None:
    root = _stack(tmp_path, "config:\n  demos:proxy: {}\n  demo:proxi: {}\n")
    with pytest.raises(SettingsError) as refused:
        _ = StackProgram.read(root, "one").settings
    assert [line.split(":")[0] for line in refused.value.problems] == ["demos", "proxi"]


def test_a_section_with_nothing_below_it_has_the_defaults_here_and_under_pulumi(tmp_path: Path) -> None:
    root = _stack(tmp_path, "config:\n  demo:proxy:\n  demo:config:redis: {maxmemoryMib: 64}\n")
    assert StackProgram.read(root, "one").settings == Settings(redis=RedisSettings(maxmemory_mib=64))
    assert keys_of("demo", {"demo:proxy": ""}) == {"proxy": {}}


@pytest.mark.parametrize("text", ["Config: {slidegenie:proxy: {}}\n", "config: {slidegenie:proxy: {}, proxy: {}}\n"])
def test_under_pulumi_too_the_program_refuses_a_file_of_which_pulumi_passes_over_a_part(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("Pulumi.test.yaml").write_text(text, encoding="utf-8")

    def program() -> None:
        runtime_config.set_all_config({}, [])
        load_settings()

    with pytest.raises(SettingsError, match=r"^Pulumi\.test\.yaml: "):
        recorded(program)
    Path("Pulumi.test.yaml").write_text("config: {}\n", encoding="utf-8")
    recorded(program)


def test_what_is_written_off_is_off(tmp_path: Path) -> None:
    root = _stack(tmp_path, "config:\n  demo:supplyChain: {require: off}\n  demo:maintenance: {scanAt: 12:30}\n")
    settings = StackProgram.read(root, "one").settings
    assert str(settings.supply_chain.require.value) == "off"
    assert str(settings.maintenance.scan_at) == "12:30"


def test_a_stack_file_without_a_configuration_has_the_defaults(tmp_path: Path) -> None:
    for text in ("", "config:\n", "encryptionsalt: v1:abc\n"):
        assert StackProgram.read(_stack(tmp_path, text), "one").configuration == {}


def test_who_writes_the_file_again_has_all_of_it(tmp_path: Path) -> None:
    _stack(tmp_path, "encryptionsalt: v1:abc\nconfig:\n  demo:a: {secure: v1:x}\n")
    read = StackFile.read(tmp_path / "Pulumi.one.yaml", "demo")
    assert read.document == {"encryptionsalt": "v1:abc", "config": {"demo:a": {"secure": "v1:x"}}}
