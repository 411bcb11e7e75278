"""Names the library in the tool's imports as the wheel does: `slidegenie_platform`, here `components`."""

import re
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_IMPORT = re.compile(r"^(\s*(?:from|import) )components\b", re.MULTILINE)


class ToolImports(BuildHookInterface[Any]):
    """Puts each module of `slidegenie` into the wheel, with its imports of the library rewritten."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the signature of a hook
        """Write the modules to a folder that lives until the wheel is built, and name them to the builder."""
        self._folder = tempfile.TemporaryDirectory()
        for source in sorted(Path(self.root, "slidegenie").rglob("*.py")):
            name = source.relative_to(self.root)
            copy = Path(self._folder.name, name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(_IMPORT.sub(r"\1slidegenie_platform", source.read_text(encoding="utf-8")), encoding="utf-8")
            build_data["force_include"][str(copy)] = str(name)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - likewise
        """Remove the folder."""
        self._folder.cleanup()
