"""Dockerfiles are read as the builder reads them."""

from pathlib import Path

import pytest

from components.dockerfile import Instruction, instructions, stage_to_build, stages

HEREDOC = """\
FROM node:22 AS build
RUN <<EOF
FROM other AS wrong
EOF
COPY <<-"ONE" <<TWO /to/
FROM other AS one
\tONE
FROM other AS two
TWO
FROM scratch AS production
"""


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("FROM a AS one\nfrom b as two\nFrom c As Three\n", ["one", "two", "three"]),
        ("FROM \\\n  a \\\n  AS one\n", ["one"]),
        ("FROM a \\\n# a comment between\n\n  AS one\n", ["one"]),
        ("FROM --platform=$BUILDPLATFORM a AS one\n", ["one"]),
        ("ARG BASE=a\nFROM $BASE AS one\nFROM one\n", ["one"]),
        ("# escape=`\nFROM a `\n  AS one\nRUN dir C:\\\nFROM b AS two\n", ["one", "two"]),
        ("# syntax=docker/dockerfile:1\n# escape=`\nFROM a `\n AS one\n", ["one"]),
        ("# a comment\n# escape=`\nFROM a AS one\nRUN a `\nFROM b AS two\n", ["one", "two"]),
        ("  FROM a AS one\t\n#FROM b AS two\n", ["one"]),
        (HEREDOC, ["build", "production"]),
        ("FROM a AS one\nRUN a \\", ["one"]),
        ("", []),
    ],
)
def test_stages_are_those_the_builder_sees(text: str, named: list[str]) -> None:
    assert stages(text) == named


def test_continued_lines_are_one_instruction() -> None:
    text = "run  a \\\n  # why\n  && b\nENV\tX=1\n"
    assert list(instructions(text)) == [Instruction("RUN", "a   && b"), Instruction("ENV", "X=1")]


def test_the_stage_that_runs_is_not_one_out_of_a_here_document(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text("FROM a AS production\nRUN <<X\nFROM b AS testing\nX\n", encoding="utf-8")
    assert stage_to_build(str(file), asked=None, preferred="testing") is None
    assert stage_to_build(str(file), asked=None, preferred="production") == "production"
