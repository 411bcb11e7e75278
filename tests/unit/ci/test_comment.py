"""The half that may write: one comment in its place, about what the forge says, with the other half's words as text."""

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from slidegenie.__main__ import main
from slidegenie.ci.run import Kind
from slidegenie.ci.words import harmless, marker, text_in

from .fake_forge import BASE, HEAD, FakeForge, environment, event, packed, pull

_TEXT = "### Stack `prod`: 1 rolled without a gap\n\n| service | what happens |\n|---|---|\n| `app` | rolled |\n"
_MOST = 65_536
"""Characters that the forge takes in a comment."""


@pytest.fixture
def tell(forge: FakeForge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what runs the command for an event, after the other half left an artifact."""

    def told(artifact: bytes | None, of: dict[str, Any] | None = None) -> int:
        run = of or event()
        name = (run.get("workflow_run") or {}).get("name", "diff")
        forge.artifacts = {} if artifact is None else {name: artifact}
        for variable, value in environment(forge, tmp_path, run).items():
            monkeypatch.setenv(variable, value)
        return main(["ci", "comment"])

    return told


# ---------------------------------------------------------------------------- one comment, in its place


def test_a_pull_request_gets_one_comment_which_says_what_the_forge_knows_and_shows_the_text(
    forge: FakeForge, tell: Any
) -> None:
    assert tell(packed(diff=_TEXT)) == 0
    assert forge.bodies() == [
        (
            "<!-- slidegenie:diff -->\n### What this change does\n\n"
            f"`{HEAD[:12]}`, proposed for `{BASE[:12]}`. Its own code wrote this, in"
            " [a run](https://github.example/acme/shop/actions/runs/7) without any secret: it is no check of it.\n\n"
            f"```text\n{_TEXT.strip()}\n```\n"
        )
    ]


def test_the_next_one_takes_its_place_also_among_hundreds(forge: FakeForge, tell: Any) -> None:
    for number in range(150):
        forge.add_comment("ann", f"comment {number}")
    assert tell(packed(diff="first")) == 0
    assert tell(packed(diff="second")) == 0
    assert len(forge.bodies()) == 151
    assert "second" in forge.bodies()[-1]
    assert "first" not in forge.bodies()[-1]


def test_each_kind_has_its_own(forge: FakeForge, tell: Any) -> None:
    forge.pulls = [pull(42, fork=False)]
    for _ in range(2):
        assert tell(packed(diff="what it does"), event(fork=False)) == 0
        assert tell(packed(preview="what Pulumi says"), event("preview", fork=False)) == 0
    assert [body.splitlines()[0] for body in forge.bodies()] == [marker(Kind.DIFF), marker(Kind.PREVIEW)]


def test_nothing_that_changes_is_no_comment_but_takes_back_one_that_says_otherwise(forge: FakeForge, tell: Any) -> None:
    assert tell(packed(diff="\n")) == 0
    assert forge.bodies() == []
    assert tell(packed(diff="something")) == 0
    assert tell(packed(diff="")) == 0
    (body,) = forge.bodies()
    assert body.endswith("\n\nNothing changes.\n")


def test_a_comment_of_somebody_else_is_not_touched_whatever_mark_it_has(forge: FakeForge, tell: Any) -> None:
    forged = f"{marker(Kind.DIFF)}\napproved"
    forge.add_comment("mallory", forged)
    assert tell(packed(diff=_TEXT)) == 0
    assert forge.bodies()[0] == forged
    assert len(forge.bodies()) == 2


# ---------------------------------------------------------------------------- whose word counts


def test_where_it_goes_is_the_forges_word(forge: FakeForge, tell: Any) -> None:
    """Of the artifact nothing is read but one text: no number, no branch."""
    forge.pulls = [pull(42), pull(1, head="c" * 40)]
    assert tell(packed(diff="hello", number="1", pr="1", event='{"number": 1}')) == 0
    assert list(forge.comments) == [42]


@pytest.mark.parametrize(
    ("pulls", "why"),
    [
        ([pull(42, head="c" * 40)], "0 open pull requests propose aaaaaaaaaaaa"),
        ([pull(42) | {"head": {"sha": HEAD, "repo": None, "label": "mallory:topic"}}], "0 open pull requests"),
        ([pull(42), pull(43)], "2 open pull requests propose aaaaaaaaaaaa"),
        ([], "0 open pull requests"),
    ],
    ids=["moved on", "fork deleted", "two of one head", "closed"],
)
def test_what_is_about_no_single_proposal_of_now_is_said_nowhere(
    forge: FakeForge, tell: Any, pulls: list[Any], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    forge.pulls = pulls
    assert tell(packed(diff=_TEXT)) == 0
    assert forge.comments == {}
    assert why in capsys.readouterr().out


def test_another_forks_branch_of_the_same_commit_is_not_taken_for_it(forge: FakeForge, tell: Any) -> None:
    copied = event(head_repository={"id": 3, "owner": {"login": "mallory"}})
    assert tell(packed(diff=_TEXT), copied) == 0
    assert forge.comments == {}


def test_a_fork_that_calls_its_workflow_a_preview_is_not_heard(forge: FakeForge, tell: Any) -> None:
    assert tell(packed(preview="nothing changes, approve me"), event("preview")) == 0
    assert forge.comments == {}
    assert forge.asked == [], "nothing of it was even fetched"


@pytest.mark.parametrize(
    "of",
    [
        event("release"),
        event(head_sha="HEAD; rm -rf /"),
        event(id="7/../../../user"),
        {"workflow_run": None},
        {"pull_request": {"number": 42}},
    ],
    ids=["unknown workflow", "no commit", "no number", "no run", "another event"],
)
def test_an_event_of_another_form_is_one_line_and_no_request(
    forge: FakeForge, tell: Any, of: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert tell(packed(diff=_TEXT), of) == 1
    assert forge.asked == []
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "no event of a workflow run" in said[0]


def test_a_run_that_is_about_no_pull_request_or_left_nothing_is_no_comment(forge: FakeForge, tell: Any) -> None:
    assert tell(packed(diff=_TEXT), event(event="push")) == 0
    assert tell(None) == 0
    assert forge.comments == {}


def test_the_store_of_the_artifacts_is_not_told_the_token(forge: FakeForge, tell: Any) -> None:
    assert tell(packed(diff=_TEXT)) == 0
    assert forge.told_the_store == [None]


def test_the_token_goes_nowhere_in_the_clear(
    forge: FakeForge, tell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del tell
    for name, value in environment(forge, tmp_path, event()).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GITHUB_API_URL", "http://api.github.example")
    assert main(["ci", "comment"]) == 1
    assert "must be at https" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "GITHUB_EVENT_PATH", "GITHUB_REPOSITORY", "GITHUB_API_URL"])
def test_a_variable_that_is_missing_is_named(
    forge: FakeForge, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for given, value in environment(forge, tmp_path, event()).items():
        monkeypatch.setenv(given, value)
    monkeypatch.delenv(name)
    assert main(["ci", "comment"]) == 1
    assert capsys.readouterr().err.startswith(f"==> {name} is not set")


def test_what_the_forge_refuses_is_said_and_not_the_token(
    forge: FakeForge, tell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    forge.url += "/elsewhere"
    assert tell(packed(diff=_TEXT)) == 1
    said = capsys.readouterr().err
    assert "the forge answers 404: no such path" in said
    assert "token-of" not in said


# ---------------------------------------------------------------------------- forged words

_HOSTILE = {
    "marks": f"{marker(Kind.PREVIEW)}\n{marker(Kind.DIFF)}\n<!-- hidden",
    "mentions": "@everyone @acme/admins please approve; mail ann@example.com, @dependabot merge",
    "the end of the block": "```\n# Approved\n[merge](https://evil.example)\n``````text\n~~~",
    "HTML": '<img src="https://evil.example/x.png"><script>alert(1)</script><details open>',
    "controls": "\x1b[2J\x1b]8;;https://evil.example\x07ok\x00\x08\x9b1m",
    "directions": "safe \u202eevil\u2066\u200b\ufeff\U000e0041\u2028next",
    "broken text": "\udce9\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
}


@pytest.mark.parametrize("text", _HOSTILE.values(), ids=list(_HOSTILE))
def test_what_the_branch_wrote_is_text_in_one_block_and_calls_nobody(forge: FakeForge, tell: Any, text: str) -> None:
    assert tell(packed(diff=f"before\n{text}\nafter")) == 0
    (body,) = forge.bodies()
    head, fence, rest = body.partition("```text\n")
    block, end, tail = rest.rpartition("\n```\n")
    assert (fence, end, tail) == ("```text\n", "\n```\n", "")
    assert "before" not in head
    assert "```" not in block
    assert block.startswith("before\n")
    assert block.endswith("\nafter")
    assert "<!--" not in block
    assert re.findall(r"(?<!\w)@\w", block) == []
    assert [letter for letter in block if not (letter.isprintable() or letter in "\n\t")] == []


def test_what_is_harmless_stays_as_it_is() -> None:
    for text in (_TEXT.strip(), "ghcr.io/acme/backend@sha256:0123, 512 → 768 MiB (+256)", "mail ann@example.com"):
        assert harmless(text) == text


@pytest.mark.parametrize("unit", ["x", "`", "@a ", "<!--", "\x00", "\N{GRINNING FACE}", "\n"])
def test_a_comment_is_never_longer_than_the_forge_takes(forge: FakeForge, tell: Any, unit: str) -> None:
    assert tell(packed(diff="a" + unit * (1_000_000 // len(unit.encode())) + "b")) == 0
    (body,) = forge.bodies()
    assert len(body) <= _MOST
    assert body.endswith("\n[cut here: the run has all of it]\n```\n")


def _bomb() -> bytes:
    return packed(diff=b"0" * 10 * 2**20)


def _encrypted() -> bytes:
    content = bytearray(packed(diff="secret"))
    # The flag of encryption, in the file's own header and in that of the archive.
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    return bytes(content)


def _damaged() -> bytes:
    content = bytearray(packed(diff=bytes(range(256)) * 40))
    content[60:90] = b"\xff" * 30
    return bytes(content)


_NO_TEXT = {
    "a bomb": _bomb,
    "ten megabytes": lambda: b"0" * 10 * 2**20,
    "no archive": lambda: b"<html>",
    "nothing": lambda: b"",
    "cut": lambda: packed(diff=_TEXT)[:-30],
    "encrypted": _encrypted,
    "damaged": _damaged,
    "another file": lambda: packed(event="{}"),
}


@pytest.mark.parametrize("archive", _NO_TEXT.values(), ids=list(_NO_TEXT))
def test_an_artifact_that_is_none_or_too_much_is_said_to_be(forge: FakeForge, tell: Any, archive: Any) -> None:
    assert tell(archive()) == 0
    (body,) = forge.bodies()
    assert body.endswith("\n\nWhat the run wrote is no text of at most 1 MiB, and is not shown.\n")


def test_no_file_of_an_archive_is_written_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packing:
        packing.writestr("../../../diff.txt", "climbs")
        packing.writestr("slidegenie/__init__.py", "raise SystemExit('it ran')")
        packing.writestr("diff.txt", "text")
    assert text_in(archive.getvalue(), Kind.DIFF) == "text"
    assert list(tmp_path.iterdir()) == []
