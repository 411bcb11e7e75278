"""List what is in an image, as SPDX JSON."""

from pathlib import Path

from .subject import CheckedImage
from .tools import Toolset


def sbom(bench: Toolset, subject: CheckedImage) -> Path:
    """Return the file with the software bill of materials of an image.

    Raises:
        ToolError: when Syft is missing or fails.
    """
    file = bench.folder / "sbom.spdx.json"
    source = f"registry:{subject.reference}" if subject.pushed else f"docker-archive:{subject.archive(bench)}"
    bench.run("syft", "scan", source, "--quiet", "--output", f"spdx-json={file}")
    return file
