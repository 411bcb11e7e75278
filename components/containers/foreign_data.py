"""A database that another stack made: its passwords are not this stack's, and Pulumi would start on it all the same."""

import asyncio

import pulumi

from ..core.engine import DockerEngine
from .existing_data import Place

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
