"""Dockerfiles are read as BuildKit reads them: instructions over several lines, and texts that are none."""

from pathlib import Path

import pytest

from components.images.dockerfile import Heredoc, instructions, stage_to_build, stages
from components.settings import SettingsError
from slidegenie.maintenance.cache import steps


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("FROM a AS one\nFROM b\nfrom c as Three\n", ["one", None, "three"]),
        ("FROM a \\\n  AS \\\n  two-lines\n", ["two-lines"]),
        ("FROM a \\\n# why\n\n  AS commented\n", ["commented"]),
        ("FROM --platform=$BUILDPLATFORM a AS built\n", ["built"]),
        ("ARG BASE=a\nFROM ${BASE} AS of-an-argument\n", ["of-an-argument"]),
        ("\ufeffFROM a AS marked\r\nRUN x\r\n", ["marked"]),
        ("# escape=`\nFROM a `\n  AS windows\nRUN dir c:\\\nFROM b\n", ["windows", None]),
        ("# no directive\n# escape=`\nFROM a \\\n  AS backslash\n", ["backslash"]),
    ],
)
def test_stages_are_found_however_they_are_written(text: str, named: list[str | None]) -> None:
    assert stages(text) == named


@pytest.mark.parametrize(
    "inside",
    [
        "RUN <<EOF\nFROM x AS text\nEOF",
        "run cat <<A <<-'B C' > /f\nFROM x AS text\nA\n\tFROM y AS text\n\tB C",
        'COPY <<"EOF" /Dockerfile\nFROM x AS text\nEOF',
        "ONBUILD RUN <<EOF\nFROM x AS text\nEOF",
        "RUN --network=none <<EOF\nFROM x AS text\nEOF",
        "# FROM x AS text",
        "RUN a \\\n# FROM x AS text\n  b",
        "RUN echo \\\n  FROM x AS text",
    ],
)
def test_what_only_looks_like_a_stage_is_none(inside: str) -> None:
    assert stages(f"FROM a AS first\n{inside}\nFROM b AS last\n") == ["first", "last"]


@pytest.mark.parametrize(
    "line", ["RUN echo '<<EOF'", "RUN a<<EOF", 'RUN ["a", "<<EOF"]', "ENV a=<<EOF", "RUN echo $((1<<2))", "RUN a \\\\"]
)
def test_what_only_looks_like_the_start_of_a_text_takes_no_line_away(line: str) -> None:
    assert stages(f"FROM a AS first\n{line}\nFROM b AS last\n") == ["first", "last"]


def test_the_texts_of_an_instruction_belong_to_it() -> None:
    (copy,) = instructions("COPY <<a <<-b /x/\n1\na\n\t2\n\tb\n")

    assert (copy.name, copy.value) == ("COPY", "<<a <<-b /x/")
    assert copy.heredocs == (Heredoc("a", "1\n"), Heredoc("b", "2\n"))


def test_a_stage_in_a_text_is_not_built_in_place_of_the_one_that_is_there(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text("FROM a \\\n AS production\nRUN <<EOF\nFROM a AS testing\nEOF\nfrom a\n", encoding="utf-8")

    assert stage_to_build(str(file), asked=None, preferred="production") == "production"
    assert stage_to_build(str(file), asked=None, preferred="testing") is None
    with pytest.raises(SettingsError, match=r"is no stage of .*; got 'testing', it has production$"):
        stage_to_build(str(file), asked="testing", preferred="production")


def test_the_steps_of_texts_and_of_lower_case_are_known_to_the_cleanup(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(
        "from base\nrun make\nRUN <<EOF\nset -e\nRUN all\nEOF\nRUN --network=none cat <<EOF > /f\nx\nEOF\n",
        encoding="utf-8",
    )

    assert steps(file) == ["cat <<EOF > /f x EOF", "make", "set -e RUN all"]
