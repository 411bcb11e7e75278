"""The table at the end of a build."""

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from ..engine.docker import docker
from .build import BuiltVariant

_MB = 1_000_000


def print_report(made: Sequence[BuiltVariant]) -> None:
    """Print variant, size, layers, scan result and signature of each image."""
    size = "size, compressed" if made[0].pushed else "size"
    table = Table("image", size, "layers", "scan", "signature", box=None, pad_edge=False)
    for one in made:
        bytes_, layers = _registry(one.reference) if one.pushed else _engine(one.reference)
        table.add_row(one.variant.name, bytes_, layers, one.scan, one.signature)
    Console(markup=False).print(table)


def _engine(identity: str) -> tuple[str, str]:
    (image,) = json.loads(docker("image", "inspect", identity).stdout)
    return _megabytes(image["Size"]), str(len(image["RootFS"]["Layers"]))


def _registry(reference: str) -> tuple[str, str]:
    """Return both for each platform: they differ."""
    top = _manifest(reference)
    repository = reference.partition("@")[0]
    listed = [entry["digest"] for entry in top.get("manifests", [])]
    manifests = [_manifest(f"{repository}@{digest}") for digest in listed] or [top]
    sizes = [sum(layer["size"] for layer in manifest["layers"]) for manifest in manifests]
    return ", ".join(map(_megabytes, sizes)), ", ".join(str(len(manifest["layers"])) for manifest in manifests)


def _manifest(reference: str) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(docker("buildx", "imagetools", "inspect", "--raw", reference).stdout)
    return manifest


def _megabytes(size: int) -> str:
    return f"{size / _MB:.1f} MB"
