"""What the images of the backend weigh, and what a changed line costs: `python -m bench.image_size --stack airgap`.

*Installed size* is what has to be there in any case: all that `uv pip install` puts into an environment for the locked
dependencies, byte code included, before anything is taken out of it (stage `dependencies`), plus the application's code
and its byte code. An image is measured by what its layers add over the base; `minimal`, which has none of the base's
layers, by its whole size less the base's.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from components.images.backend_image import BackendImageArgs, backend_build
from components.images.image import BuiltImageArgs
from components.images.variants import VARIANTS, ImageVariant
from components.settings import Settings
from slidegenie.console import Problem
from slidegenie.engine.docker import docker
from slidegenie.images.buildx import Builder
from slidegenie.plan import StackProgram

_REPOSITORY = "slidegenie-bench/backend"
_MB = 1_000_000
_BYTES = (
    "import os, sys; print(sum(os.lstat(os.path.join(folder, name)).st_size"
    " for top in sys.argv[1:] for folder, _, names in os.walk(top) for name in names))"
)


@dataclass(frozen=True, kw_only=True)
class Weight:
    """One image."""

    variant: ImageVariant
    """Row of the table of variants."""
    total: int
    """Bytes of all layers."""
    added: int
    """Bytes over the base."""
    installed: int
    """Bytes of dependencies and code as they come."""

    @property
    def ratio(self) -> float:
        """What is added for each byte that is needed."""
        return self.added / self.installed


@dataclass(frozen=True, kw_only=True)
class Rebuild:
    """A build after a change of one line in the application."""

    seconds: float
    """Wall clock, from the command to the loaded image."""
    new_layers: int
    """Layers that the image before did not have."""


def arguments(settings: Settings, variant: ImageVariant) -> BackendImageArgs:
    """Return how `variant` is built for a measurement."""
    return BackendImageArgs(
        variant=variant, release="bench", repository=_REPOSITORY, images=settings.images, engine=settings.engine
    )


def weigh(settings: Settings, variant: ImageVariant) -> Weight:
    """Build a variant and the stage it is measured against."""
    build, builder = backend_build(arguments(settings, variant)), Builder.find(settings.engine.builder)
    image = builder.load(build, [], no_cache=False)
    stage = replace(build, tag=f"{_REPOSITORY}:dependencies", further_tags=(), target="dependencies")
    dependencies = builder.load(stage, [], no_cache=False)
    total, base = _size(image), _size(str(build.build_args["PYTHON_IMAGE"]))
    return Weight(
        variant=variant,
        total=total,
        added=total - base,
        installed=_bytes_below(dependencies, "/app/.venv") + _bytes_below(image, "/app/app"),
    )


def rebuild(settings: Settings, variant: ImageVariant) -> Rebuild:
    """Change one line in a copy of the application and build it, twice; the second time counts."""
    args, builder = arguments(settings, variant), Builder.find(settings.engine.builder)
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "backend"
        shutil.copytree(backend_build(args).context, own)
        build = backend_build(replace(args, context=str(own), dockerfile=variant.dockerfile))
        # After a build with --no-cache the builder knows two sets of the same layers, and takes an old image from
        # either. So the image before is one with a change too: both stand on the layers of the last build.
        _change(own)
        before = _layers(builder, build)
        _change(own)
        began = time.monotonic()
        after = _layers(builder, build)
        return Rebuild(seconds=time.monotonic() - began, new_layers=len(after - before))


def _change(context: Path) -> None:
    with (context / "app" / "__init__.py").open("a", encoding="utf-8") as file:
        # Another line each time: one that was built before would be in the cache.
        file.write(f"# {time.time_ns()}\n")


def _layers(builder: Builder, build: BuiltImageArgs) -> set[str]:
    image = builder.load(build, [], no_cache=False)
    (found,) = json.loads(docker("image", "inspect", image).stdout)
    return set(found["RootFS"]["Layers"])


def _size(image: str) -> int:
    (found,) = json.loads(docker("image", "inspect", image).stdout)
    return int(found["Size"])


def _bytes_below(image: str, folder: str) -> int:
    return int(docker("run", "--rm", "--entrypoint", "python3", image, "-c", _BYTES, folder).stdout)


def main() -> None:
    """Print both tables in one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", help="take base images from Pulumi.STACK.yaml")
    stack = parser.parse_args().stack
    settings = StackProgram.read(Path(), stack).settings if stack else Settings()
    table = Table(
        "image", "in all", "over the base", "installed size", "ratio", "changed line", box=None, pad_edge=False
    )
    for variant in VARIANTS:
        weight, changed = weigh(settings, variant), rebuild(settings, variant)
        layers = "layer" if changed.new_layers == 1 else "layers"
        table.add_row(
            variant.name,
            *(f"{size / _MB:.1f} MB" for size in (weight.total, weight.added, weight.installed)),
            f"{weight.ratio:.2f}",
            f"{changed.seconds:.1f} s, {changed.new_layers} {layers}",
        )
    Console().print(table)


if __name__ == "__main__":
    try:
        main()
    except Problem as error:
        sys.exit(f"==> {error}; where no registry can be reached, --stack airgap has other bases")
