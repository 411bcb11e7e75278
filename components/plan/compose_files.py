"""Immutable files in Compose: a file on disk for each, since Compose cannot write into a container that is read-only."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .compose_paths import compose_path, inside
from .view import Service, View, reveal


@dataclass
class FileStore:
    """Collects the files of all services, and what the top level of the Compose file says about them."""

    view: View
    root: Path
    secrets_dir: Path
    files_dir: Path
    configs: dict[str, dict[str, str]] = field(default_factory=dict)
    """Section `configs`."""
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    """Section `secrets`."""
    config_files: dict[str, str] = field(default_factory=dict)
    """Content of what everybody may read, by path."""
    secret_files: dict[str, str] = field(default_factory=dict, repr=False)
    """Content of what nobody else may read, by path."""

    def mount(self, service: Service) -> dict[str, Any]:
        """Take in the files that `service` mounts and return what its section says about them."""
        configs, secrets, shown = [], [], {}
        for mount in service.mounts("volume"):
            volume = self.view.volume(mount["source"])
            for file in volume.files:
                name, target = f"{volume.key}-{file.name}", f"{mount['target']}/{file.name}"
                if file.secret:
                    self._add(self.secrets, self.secret_files, name, self.secrets_dir / volume.key / file.name, file.content)
                    secrets.append({"source": name, "target": target})
                else:
                    self._add(self.configs, self.config_files, name, self.files_dir / volume.key / file.name, file.content)
                    configs.append({"source": name, "target": target})
                    shown[target] = file.content
        # Compose does not see that a file has other content; a label it sees, and replaces the container.
        labels = {"io.slidegenie.content": _digest(shown)} if shown else {}
        return {key: value for key, value in (("configs", configs), ("secrets", secrets), ("labels", labels)) if value}

    def trust(self, bundle: str) -> str:
        """Take in the CA bundle that builds trust and return the name of its secret."""
        self.secrets["ca_bundle"] = {"file": compose_path(bundle, self.root)}
        return "ca_bundle"

    def _add(self, section: dict[str, dict[str, str]], files: dict[str, str], name: str, path: Path, content: Any) -> None:
        entry, text = {"file": compose_path(path, self.root)}, str(reveal(content))
        # Two services may share a volume, two volumes no name.
        if section.setdefault(name, entry) != entry or files.setdefault(inside(path, self.root), text) != text:
            raise ValueError(f"two different files are called {name}; rename one, or its volume")


def _digest(files: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]
