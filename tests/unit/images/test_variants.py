"""The table of images: complete, unambiguous, and the only place that knows tags and Dockerfiles."""

import re
from pathlib import Path

import pytest

from components import BackendImage, BackendImageArgs, ImageMatrix, ImageMatrixArgs
from components.images.backend_image import backend_build
from components.images.dockerfile import Heredoc, instructions, stage_to_build, stages
from components.images.variants import VARIANTS, ImageVariant, image_variant
from components.settings import (
    EngineSettings,
    ImagesSettings,
    OriginSettings,
    RegistrySettings,
    Require,
    SettingsError,
    SupplyChainSettings,
    Target,
    Variant,
)
from components.settings.references import third_party
from scripts.images_manual import images_manual
from slidegenie.maintenance.cleanup import steps
from slidegenie.plan import Plan

from ..planned import BUILD, application, recorded
from ..plans import ROOT

BASES = {Variant.DEBIAN: "python-debian", Variant.ALPINE: "python-alpine"}


def dockerfile(variant: ImageVariant) -> str:
    return (ROOT / "docker" / "backend" / variant.dockerfile).read_text(encoding="utf-8")


def matrix(*variants: ImageVariant) -> Plan:
    common = BackendImageArgs(
        release="1.2.3", repository="ghcr.io/acme/slides", images=ImagesSettings(mirror="mirror.test")
    )
    return recorded(lambda: ImageMatrix("images", ImageMatrixArgs(common=common, variants=variants or VARIANTS)))


def test_there_are_seven_with_the_names_people_know() -> None:
    assert [variant.name for variant in VARIANTS] == [
        "latest",
        "dev",
        "test",
        "alpine",
        "alpine-dev",
        "alpine-test",
        "minimal",
    ]


def test_every_setting_that_is_allowed_has_its_row() -> None:
    allowed = {(variant, target) for variant in Variant for target in Target} - {(Variant.DEBIAN, Target.MINIMAL)}

    assert {(row.variant, row.target) for row in VARIANTS} == allowed
    assert all(image_variant(row.variant, row.target) is row for row in VARIANTS)


def test_what_is_not_in_the_table_is_refused_with_what_is() -> None:
    with pytest.raises(ValueError, match="there is no image debian/minimal; there are debian/production, debian/dev"):
        image_variant(Variant.DEBIAN, Target.MINIMAL)


def test_no_two_images_share_a_tag_and_the_version_alone_is_the_main_one() -> None:
    tags = [tag for variant in VARIANTS for tag in variant.tags("1.2.3")]

    assert len(tags) == len(set(tags)) == 14
    assert VARIANTS[0].tags("1.2.3") == ("latest", "1.2.3")
    assert VARIANTS[5].tags("1.2.3") == ("alpine-test", "1.2.3-alpine-test")


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_every_stage_is_in_its_dockerfile_with_the_base_of_the_one_list(variant: ImageVariant) -> None:
    text = dockerfile(variant)

    assert variant.target.value in stages(text)
    assert f"\nARG PYTHON_IMAGE={third_party(BASES[variant.variant])}\n" in text


def test_the_siblings_have_the_same_steps_in_the_same_order() -> None:
    own = ["runtime-production", "minimal-root", "minimal"]
    assert [stage for stage in stages(dockerfile(VARIANTS[3])) if stage not in own] == stages(dockerfile(VARIANTS[0]))


def test_a_matrix_builds_each_variant_under_a_name_of_its_own() -> None:
    plan = matrix()

    assert {build.name for build in plan.of_type(BUILD)} == {f"images-{variant.name}" for variant in VARIANTS}
    for variant in VARIANTS:
        build = plan.named(f"images-{variant.name}", BUILD)
        named = [f"ghcr.io/acme/slides:{tag}" for tag in variant.tags("1.2.3")]
        assert build.inputs["tags"] == [*named, f"{named[0]}-slidegenie-test"]
        assert build.inputs["dockerfile"] == {"location": f"docker/backend/{variant.dockerfile}"}
        assert build.inputs["target"] == variant.target.value
        base = third_party(BASES[variant.variant]).removeprefix("docker.io/")
        assert build.inputs["buildArgs"] == {"PYTHON_IMAGE": f"mirror.test/{base}", "VERSION": "1.2.3"}


def test_a_matrix_says_which_tags_it_made() -> None:
    component = matrix(VARIANTS[0], VARIANTS[6]).named("images", "slidegenie:index:ImageMatrix")

    assert component.outputs == {
        "tags": {
            "latest": ["ghcr.io/acme/slides:latest", "ghcr.io/acme/slides:1.2.3"],
            "minimal": ["ghcr.io/acme/slides:minimal", "ghcr.io/acme/slides:1.2.3-minimal"],
        }
    }


def test_images_go_to_a_registry_each_proven_before_it_gets_its_names() -> None:
    common = BackendImageArgs(
        release="1.2.3",
        repository="slides",
        registry=RegistrySettings(address="ghcr.io", namespace="acme", platforms=("linux/amd64",)),
        supply_chain=SupplyChainSettings(require=Require.ENFORCE),
    )
    variants = (VARIANTS[0], VARIANTS[-1])
    plan = recorded(lambda: ImageMatrix("images", ImageMatrixArgs(common=common, variants=variants)))

    assert {build.name: build.inputs["tags"] for build in plan.of_type(BUILD)} == {
        "images-latest": ["ghcr.io/acme/slides:candidate-latest"],
        "images-minimal": ["ghcr.io/acme/slides:candidate-minimal"],
    }, "two pushed at a time do not get into each other's way"
    markers = [marker.name for marker in plan.of_type("random:index/randomId:RandomId")]
    assert sorted(markers) == [
        f"images-{variant}-{step}" for variant in ("latest", "minimal") for step in ("scan", "sign", "tag", "verify")
    ]
    assert plan.named("images", "slidegenie:index:ImageMatrix").outputs == {
        "tags": {
            "latest": ["ghcr.io/acme/slides:latest", "ghcr.io/acme/slides:1.2.3"],
            "minimal": ["ghcr.io/acme/slides:minimal", "ghcr.io/acme/slides:1.2.3-minimal"],
        }
    }
    image = plan.named("images-minimal", "slidegenie:index:BackendImage")
    assert image.outputs["reference"] == "ghcr.io/acme/slides:1.2.3-minimal", "a plan knows no digest"


def test_one_image_hands_out_the_id_that_runs() -> None:
    ids: list[str] = []
    plan = recorded(lambda: BackendImage("app", BackendImageArgs()).reference.apply(ids.append))

    assert ids == [plan.named("app", "docker:index/remoteImage:RemoteImage").outputs["imageId"]]
    assert plan.named("app", "slidegenie:index:BackendImage").outputs["tags"] == [
        "slidegenie/backend:latest",
        "slidegenie/backend:0.0.0-dev",
    ]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_stack_builds_what_its_settings_name(variant: ImageVariant) -> None:
    settings = {"variant": variant.variant.value, "target": variant.target.value, "release": "1.2.3"}
    build = application(backend=settings).named("slidegenie-app", BUILD)

    named = [f"slidegenie/backend:{tag}" for tag in variant.tags("1.2.3")]
    assert build.inputs["tags"] == [*named, f"{named[0]}-slidegenie-test"]
    assert build.inputs["target"] == variant.target.value


def test_the_origin_becomes_labels_and_the_date_of_every_file() -> None:
    origin = OriginSettings.model_validate(
        {"source": "https://git.example.com/slides", "revision": "abc123", "created": "2026-01-31T13:00:00+01:00"}
    )
    arguments = backend_build(BackendImageArgs(origin=origin)).build_args

    assert {name: arguments[name] for name in ("SOURCE", "REVISION", "CREATED", "SOURCE_DATE_EPOCH")} == {
        "SOURCE": "https://git.example.com/slides",
        "REVISION": "abc123",
        "CREATED": "2026-01-31T12:00:00Z",
        "SOURCE_DATE_EPOCH": "1769860800",
    }


def test_what_is_not_known_of_the_origin_is_left_to_the_dockerfile() -> None:
    arguments = backend_build(BackendImageArgs()).build_args

    assert arguments.keys() == {"PYTHON_IMAGE", "VERSION"}


def test_builder_and_trust_of_the_engine_are_used() -> None:
    build = backend_build(BackendImageArgs(engine=EngineSettings(builder="other", ca_bundle="/etc/own.pem")))

    assert (build.builder, build.ca_bundle) == ("other", "/etc/own.pem")


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_the_manual_lists_every_variant(variant: ImageVariant) -> None:
    row = next(line for line in images_manual().splitlines() if line.startswith(f"| `{variant.name}` |"))

    assert f"`{variant.tags('<version>')[1]}`" in row
    assert variant.dockerfile in row
    assert variant.target.value in row
    assert variant.use in row


def test_nothing_else_knows_the_tags() -> None:
    """Else a new variant would have to be written down twice."""
    pattern = re.compile(r"[\"'](alpine-dev|alpine-test)[\"']")
    knowing = [
        str(path.relative_to(ROOT))
        for path in Path(ROOT, "components").rglob("*.py")
        if pattern.search(path.read_text(encoding="utf-8"))
    ]

    assert knowing == ["components/images/variants.py"]


# ---------------------------------------------------------------------------- dockerfile
# Dockerfiles are read as BuildKit reads them: instructions over several lines, and texts that are none.


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
