"""Data that is there already: seen through a container, so on any engine, and whoever owns the files.

A database that another stack made has passwords which are not this stack's, and Pulumi would start on it all the same.
"""

import asyncio
from dataclasses import dataclass

import pulumi

from ..core.engine import DockerEngine, docker

_LOOK = 'ls -A /look | grep -qv "^lost+found$" && echo data || echo empty'
_NOWHERE = ("bind source path does not exist", "failed to mount local volume")
"""What the engine says of a folder that is not there, and of a volume on one."""
_HARDENED = ("--network=none", "--read-only", "--cap-drop=ALL", "--cap-add=DAC_READ_SEARCH", "--user=0:0")
"""It may read what somebody else owns, and nothing more."""


class UnseenError(Exception):
    """Nobody could look."""


@dataclass(frozen=True)
class Place:
    """Where data would be: a volume, or a folder of the engine's machine."""

    name: str
    """Name of the volume, or path of the folder."""

    @property
    def folder(self) -> bool:
        """Whether it is a folder."""
        return self.name.startswith("/")

    def holds_data(self, engine: DockerEngine, image: str) -> bool:
        """Tell whether something is in it; `image` is on the engine and has a shell. Changes and makes nothing.

        Raises:
            UnseenError: when that cannot be found out.
        """
        # A volume that is not there would be made by looking into it.
        if not self.folder and not self._listed(engine):
            return False
        mount = f"--mount=type={'bind' if self.folder else 'volume'},src={self.name},dst=/look,readonly"
        looked = docker(engine, "run", "--rm", *_HARDENED, mount, "--entrypoint=sh", image, "-c", _LOOK)
        if any(said in looked.stderr for said in _NOWHERE):
            return False
        if looked.stdout.strip() not in ("data", "empty"):
            raise UnseenError(f"nobody could look into {self.name}: {looked.stderr.strip() or looked.stdout.strip()}")
        return looked.stdout.strip() == "data"

    def _listed(self, engine: DockerEngine) -> bool:
        listed = docker(engine, "volume", "ls", "--quiet", "--filter", f"name=^{self.name}$")
        if listed.returncode != 0:
            raise UnseenError(f"the volumes of {engine.address} cannot be listed: {listed.stderr.strip()}")
        return self.name in listed.stdout.split()


WAYS_OUT = (
    "bring back the state of before, which has its passwords; or give the stack another name; or put the data aside and"
    " restore a backup (docs/operations.md, Data that is there already)"
)


def foreign_data_hook(engine: pulumi.Output[DockerEngine], image: pulumi.Output[str]) -> pulumi.ResourceHook:
    """Return the hook that refuses to take over a volume which is on the engine, with data, and not in the state.

    `image` is on the engine and has a shell. The hook runs before a volume is made, and only when the state has none.
    """

    async def refuse(args: pulumi.ResourceHookArgs) -> None:
        place = Place(str((args.new_inputs or {}).get("name")))
        where, shell = await engine.future() or DockerEngine(), await image.future() or ""
        # In a thread: Pulumi's own loop goes on meanwhile.
        if await asyncio.to_thread(place.holds_data, where, shell):
            raise RuntimeError(
                f"volume {place.name} with a database is on the engine already, and this state does not know its"
                f" passwords: it stays as it is. {WAYS_OUT}"
            )

    return pulumi.ResourceHook("slidegenie-foreign-data", refuse)
