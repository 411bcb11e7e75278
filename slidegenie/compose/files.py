"""Immutable files in Compose: each is a file on disk, since Compose cannot write into a read-only container.

What stands in the repository word for word, such as a script or a dashboard, is mounted from there.
"""

import functools
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.core.assets import asset
from components.core.labels import CONTENT_LABEL

from ..plan.view import File, Service, View, Volume, open_secret

_SOURCES = (("docker", "logins"), ("docker", "socket-proxy"), ("monitoring",))
"""Folders of data whose files are mounted from where they are."""


@dataclass
class FileStore:
    """Collects the files of all services, and what the top level of the Compose file says about them."""

    view: View
    root: Path
    secrets_dir: Path
    files_dir: Path
    by_content: bool = False
    """Whether each content of the files of a service that rolls has a folder of its own. Old replicas read theirs while
    new ones come up, and for as long as a broken release is not replaced; also when one of them starts again."""
    configs: dict[str, dict[str, str]] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    config_files: dict[str, str] = field(default_factory=dict)
    """Content of what everybody may read, by path."""
    secret_files: dict[str, str] = field(default_factory=dict, repr=False)
    """Content of what nobody else may read, by path."""
    content_folders: set[Path] = field(default_factory=set)
    """The folders of one content each."""

    def mount(self, service: Service) -> dict[str, Any]:
        """Take in the files that `service` mounts and return what its section says about them."""
        configs, secrets, shown = [], [], {}
        for mount in service.mounts("volume"):
            volume = self.view.volume(mount["source"])
            for file in volume.files:
                target = f"{mount['target']}/{file.name}"
                if file.secret:
                    secrets.append({"source": self._secret(volume, file), "target": target})
                else:
                    configs.append({"source": self._config(volume, file), "target": target})
                    shown[target] = file.content
        # Compose does not see that a file has other content; a label it sees, and replaces the container.
        labels = {CONTENT_LABEL: _digest(shown)} if shown else {}
        return {key: value for key, value in (("configs", configs), ("secrets", secrets), ("labels", labels)) if value}

    def trust(self, bundle: str) -> str:
        """Take in the CA bundle that builds trust and return the name of its secret."""
        self.secrets["ca_bundle"] = {"file": compose_path(bundle, self.root)}
        return "ca_bundle"

    def _secret(self, volume: Volume, file: File) -> str:
        path = self._folder(self.secrets_dir, volume) / file.name
        self.secret_files[inside(path, self.root)] = str(open_secret(file.content))
        return self._entry(self.secrets, volume, file, path)

    def _config(self, volume: Volume, file: File) -> str:
        content = str(file.content)
        path = None if self._by_content(volume) else _sources().get((file.name, content))
        if path is None:
            path = self._folder(self.files_dir, volume) / file.name
            self.config_files[inside(path, self.root)] = content
        return self._entry(self.configs, volume, file, path)

    def _folder(self, below: Path, volume: Volume) -> Path:
        folder = below / volume.key
        if self._by_content(volume):
            folder /= volume.labels[CONTENT_LABEL]
            self.content_folders.add(folder)
        return folder

    def _by_content(self, volume: Volume) -> bool:
        return self.by_content and any(
            service.rolling and any(mount["source"] == volume.name for mount in service.mounts("volume"))
            for service in self.view.services
        )

    def _entry(self, section: dict[str, dict[str, str]], volume: Volume, file: File, path: Path) -> str:
        """Two services may share a file; two files may not share a name."""
        name, entry = f"{volume.key}-{file.name}", {"file": compose_path(path, self.root)}
        if section.setdefault(name, entry) != entry:
            raise ValueError(f"two files are called {name}, {section[name]['file']} and {entry['file']}; rename one")
        return name


@functools.cache
def _sources() -> dict[tuple[str, str], Path]:
    """Return the files of the repository, by their name and what they say."""
    found: dict[tuple[str, str], Path] = {}
    for parts in _SOURCES:
        for path in sorted(Path(asset(*parts)).resolve().rglob("*.*")):
            if path.is_file():
                found.setdefault((path.name, path.read_text(encoding="utf-8")), path)
    return found


def _digest(files: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]


def inside(path: str | Path, root: Path) -> str:
    """Return `path` relative to `root`, without a leading dot; absolute where it is outside."""
    absolute = root.joinpath(path)
    return str(absolute.relative_to(root)) if absolute.is_relative_to(root) else str(absolute)


def compose_path(path: str | Path, root: Path) -> str:
    """Return `path` as Compose wants it: with a leading dot, so that it is no volume's name."""
    short = inside(path, root)
    return short if short.startswith("/") else f"./{short}"
