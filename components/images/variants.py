"""Every variant of the backend's image. Components, build command, documentation and tests are made from this table."""

from dataclasses import dataclass

from ..settings import Target, Variant


@dataclass(frozen=True, kw_only=True)
class ImageVariant:
    """One row: a stage of one of the two Dockerfiles, and what people call it."""

    name: str
    """Tag that moves with every release."""
    variant: Variant
    """Distribution; it decides the Dockerfile and the base image."""
    target: Target
    """Stage of the Dockerfile."""
    use: str
    """What it is for."""

    @property
    def dockerfile(self) -> str:
        """Name of the Dockerfile in the folder of the reference backend."""
        return f"{self.variant.value}.Dockerfile"

    def tags(self, version: str) -> tuple[str, str]:
        """Return the moving tag and the one that stays: `<version>` for `latest`, else `<version>-<name>`."""
        return self.name, version if self.name == _MAIN else f"{version}-{self.name}"


_MAIN = "latest"

_DEBIAN, _ALPINE = Variant.DEBIAN, Variant.ALPINE
VARIANTS = tuple(
    ImageVariant(name=name, variant=variant, target=target, use=use)
    for name, variant, target, use in (
        (_MAIN, _DEBIAN, Target.PRODUCTION, "production; any wheel installs"),
        ("dev", _DEBIAN, Target.DEVELOPMENT, "development: reloads on a change of the code mounted at /app/app"),
        ("test", _DEBIAN, Target.TESTING, "runs the backend's own tests"),
        ("alpine", _ALPINE, Target.PRODUCTION, "production on musl"),
        ("alpine-dev", _ALPINE, Target.DEVELOPMENT, "development on musl"),
        ("alpine-test", _ALPINE, Target.TESTING, "runs the backend's own tests on musl"),
        ("minimal", _ALPINE, Target.MINIMAL, "production without shell, package manager or any other program"),
    )
)
"""All of them, in the order in which they are built and listed."""


def image_variant(variant: Variant, target: Target) -> ImageVariant:
    """Return the row of a distribution and a stage.

    Raises:
        ValueError: when there is none; the settings refuse that combination earlier.
    """
    for row in VARIANTS:
        if (row.variant, row.target) == (variant, target):
            return row
    known = ", ".join(f"{row.variant.value}/{row.target.value}" for row in VARIANTS)
    raise ValueError(f"there is no image {variant.value}/{target.value}; there are {known}")
