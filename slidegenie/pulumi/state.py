"""What a stack's state says, read from `pulumi stack export`, and what of it somebody removed by hand."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.containers.api_tokens import TOKEN
from components.core.labels import BACKUP_PASSWORD, BACKUPS_DATA, DATA_LABEL

from ..engine.docker import docker
from ..plan.view import BUILT, CONTAINER, NETWORK, PASSWORD, PULLED, VOLUME


@dataclass(frozen=True)
class StackState:
    """The resources of a stack as Pulumi knows them."""

    resources: tuple[dict[str, Any], ...]
    interrupted: bool = False
    """Whether an update was killed in the middle of something."""
    secrets_provider: Mapping[str, Any] = field(default_factory=dict)
    """What encrypts its secrets, as Pulumi noted it."""

    @classmethod
    def of(cls, deployment: Mapping[str, Any] | None) -> "StackState":
        """Read an exported deployment."""
        known = deployment or {}
        resources, pending = known.get("resources") or (), known.get("pending_operations")
        return cls(tuple(resources), bool(pending), known.get("secrets_providers") or {})

    @property
    def unfinished(self) -> bool:
        """Whether an update began and has not come to its end."""
        return self.interrupted or any(resource.get("delete") for resource in self.resources)

    def decryption(self) -> dict[str, str]:
        """Return the keys of a stack file that open its secrets; none where Pulumi's service keeps them."""
        state = self.secrets_provider.get("state") or {}
        names = {"salt": "encryptionsalt", "url": "secretsprovider", "encryptedkey": "encryptedkey"}
        return {names[key]: value for key, value in state.items() if key in names and value}

    def container_ids(self) -> set[str]:
        """Return the IDs of all containers the state knows, also of those that wait to be deleted."""
        return {resource["id"] for resource in self._containers() if resource.get("id")}

    def current(self) -> list[dict[str, Any]]:
        """Return the containers that should run or have run."""
        return [resource for resource in self._containers() if not resource.get("delete")]

    def jobs(self) -> list[str]:
        """Return the URNs of all jobs."""
        return [resource["urn"] for resource in self.current() if resource.get("inputs", {}).get("attach")]

    def of_volumes(self, urns: Collection[str]) -> list[str]:
        """Return those of `urns` that are volumes of data."""
        return [r["urn"] for r in self.resources if r["urn"] in urns and r["type"] == VOLUME and r.get("protect")]

    def builds(self) -> dict[str, dict[str, Any]]:
        """Return the inputs of each image that the stack builds, by URN."""
        return {r["urn"]: r["inputs"] for r in self.resources if r["type"] == BUILT and not r.get("delete")}

    def built_images(self) -> dict[str, str]:
        """Return the URN of each image the stack built and loaded, by the tag its containers are made from."""
        return {str(build["tags"][-1]): urn for urn, build in self.builds().items() if build.get("load")}

    def pulled_images(self) -> dict[str, tuple[str, str]]:
        """Return name and ID of each image that the stack pulled, by URN."""
        pulled = (r for r in self.resources if r["type"] == PULLED and not r.get("delete"))
        return {r["urn"]: (r["inputs"]["name"], (r.get("outputs") or {}).get("imageId", "")) for r in pulled}

    def volume_names(self) -> set[str]:
        """Return the names of all volumes the state knows."""
        return {r["id"] for r in self.resources if r["type"] == VOLUME and r.get("id")}

    def network_ids(self) -> set[str]:
        """Return the IDs of all networks the state knows."""
        return {r["id"] for r in self.resources if r["type"] == NETWORK and r.get("id")}

    def opens(self, place: str, password: str) -> bool:
        """Tell whether the stack has what opens the data in `place`, a volume or a folder.

        It has when it has the place itself. What is made again in a place of before, such as a folder whose volume
        somebody removed, is opened by a password of before; a volume that is not the state's was made by somebody else.
        """
        volumes = [r for r in self.resources if r["type"] == VOLUME]
        places = {r.get("id") for r in volumes} | {(r["inputs"].get("driverOpts") or {}).get("device") for r in volumes}
        if place in places:
            return True
        generated = {r["urn"].rpartition("::")[2] for r in self.resources if r["type"] == PASSWORD}
        return password in generated and (place.startswith("/") or password.endswith(BACKUP_PASSWORD))

    def backups(self) -> list[str]:
        """Return the URNs of what `make destroy` leaves: the backup repository and the password that opens it."""
        passwords = (r["urn"] for r in self.resources if r["type"] == PASSWORD)
        return [*self.repositories(), *(urn for urn in passwords if urn.endswith(BACKUP_PASSWORD))]

    def repositories(self) -> dict[str, str]:
        """Return the names of volumes with backups, by URN."""
        return {
            r["urn"]: str(r.get("id", ""))
            for r in self.resources
            if r["type"] == VOLUME and not r.get("delete") and (DATA_LABEL, BACKUPS_DATA) in _labels(r)
        }

    def protected(self) -> list[str]:
        """Return the URNs of what Pulumi refuses to delete."""
        return [resource["urn"] for resource in self.resources if resource.get("protect")]

    def ending(self, names: Collection[str]) -> list[dict[str, Any]]:
        """Return the current resources whose names end with a dash and one of `names`."""
        ends = tuple(f"-{name}" for name in names)
        return [r for r in self.resources if not r.get("delete") and r["urn"].rpartition("::")[2].endswith(ends)]

    def passwords(self) -> Iterator[tuple[str, str]]:
        """Yield name and value of each generated password; the export must show secrets."""
        for resource in self.resources:
            if resource["type"] == PASSWORD:
                yield resource["urn"].rpartition("::")[2], _plain(resource["outputs"]["result"])

    def tokens(self) -> Iterator[str]:
        """Yield the names of the tokens of the application's clients, such as `token-default`."""
        for resource in self.resources:
            _, found, token = resource["urn"].rpartition("::")[2].partition(f"-app-{TOKEN}")
            if found and resource["type"] == PASSWORD and not resource.get("delete"):
                yield f"{TOKEN}{token}"

    def _containers(self) -> Iterator[dict[str, Any]]:
        return (resource for resource in self.resources if resource["type"] == CONTAINER)


def _labels(resource: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(label["label"], label["value"]) for label in resource.get("inputs", {}).get("labels") or []]


def _plain(value: Any) -> str:
    return str(value.get("plaintext", "")).strip('"') if isinstance(value, dict) else str(value)


_LISTED = {
    CONTAINER: ("ps", "--all", "--no-trunc"),
    VOLUME: ("volume", "ls"),
    NETWORK: ("network", "ls", "--no-trunc"),
}
"""How the engine lists each kind by what the state has as ID."""


def removed_by_hand(state: StackState) -> list[str]:
    """Return the URNs of volumes, networks and seeds of volumes that the engine does not have any more.

    A refresh of these alone takes them out of the state, and the next update makes them. What waits to be deleted is
    left to the next update. To servers and jobs the program sees by itself.
    """
    present = {kind: set(docker(*command, "--quiet").stdout.split()) for kind, command in _LISTED.items()}
    return [
        resource["urn"]
        for resource in state.resources
        if resource["type"] in present
        and resource.get("id")
        and resource["id"] not in present[resource["type"]]
        and not resource.get("delete")
        and (resource["type"] != CONTAINER or resource["inputs"].get("start") is False)
    ]
