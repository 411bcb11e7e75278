"""What keeps the promises of a rollout, whichever command begins it.

Pulumi compares what a program says with its state, and the state says nothing of health: after a refresh it takes a
container that never became healthy for good. So what a container was made from, which is one of its labels, ends with a
mark of the attempt. A container that failed, or went, gets another mark, and so is made anew by whatever `pulumi up`
comes next; one that works keeps its mark, and so nothing changes.
"""

import asyncio
import enum
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pulumi

from ..core.engine import DockerEngine, docker
from ..core.labels import CONFIG_LABEL, stack_labels
from ..core.program import is_real_run, speaks_to_an_engine
from .found import FoundContainer, explain, found_containers, newest_of, port_holders, what_serves


class Replacement(enum.Enum):
    """What may become of a container that is there and does not work."""

    BESIDE = "beside"
    """Another one is made beside it."""
    IN_PLACE = "in place"
    """It holds a port or data: while it runs it is left alone, and what is wrong may pass."""
    RERUN = "rerun"
    """It is a job, which has to succeed."""


def config_label(config: str, resource: str, found: Sequence[FoundContainer], replacement: Replacement) -> str:
    """Return the label of a container made from `config`: of the one that is there, where that need not be replaced.

    `found` is what the engine has of the stack. The same engine gives the same label, so a preview shows what an update
    will do.
    """
    own = [container for container in found if container.resource == resource]
    same = [container for container in own if _digest(container.config) == config]
    if good := [container for container in same if _good(container, own, replacement)]:
        return max(good, key=lambda container: container.healthy).config
    # What is there now was not all there when any of it was made: the mark is another one than theirs.
    seen = same or found
    ids = " ".join(sorted(container.id for container in seen))
    return f"{config}-{hashlib.sha256(ids.encode()).hexdigest()[:8]}" if seen else config


def failed_before(config: str, resource: str, found: Iterable[FoundContainer]) -> list[FoundContainer]:
    """Return earlier attempts at the container labelled `config` that are not healthy."""
    wanted = _digest(config)
    return [c for c in found if c.resource == resource and _digest(c.config) == wanted and not c.healthy]


def _good(container: FoundContainer, own: Sequence[FoundContainer], replacement: Replacement) -> bool:
    match replacement:
        case Replacement.RERUN:
            return container.succeeded
        case Replacement.IN_PLACE:
            return container.running
        case Replacement.BESIDE:
            # Alone, it is what runs, and whatever made it sick is none of its making; beside another one, it was to
            # take that one's place and did not come that far.
            return container.healthy or (container.running and len(own) == 1)


def _digest(label: str) -> str:
    return label.partition("-")[0]


_APART_SECONDS = 1.5
"""Between telling one container to stop and telling the next. When one ends, the proxy starts anew with all servers it
knows, and takes one that drains for well until it has asked it; none must end in that moment."""


async def end(engine: DockerEngine, containers: Sequence[FoundContainer]) -> None:
    """Stop these, as gracefully as each was made to, and remove them.

    What cannot be removed is left to Pulumi, or to the next rollout.
    """
    running = [container for container in containers if container.running]
    await asyncio.gather(
        *(_stop(engine, container, number * _APART_SECONDS) for number, container in enumerate(running))
    )
    if ids := [container.id for container in containers]:
        await asyncio.to_thread(docker, engine, "rm", "--force", *ids)


async def _stop(engine: DockerEngine, container: FoundContainer, wait_seconds: float) -> None:
    await asyncio.sleep(wait_seconds)
    await asyncio.to_thread(docker, engine, "stop", "--time", str(container.stop_seconds), container.id)


_PAUSE_SECONDS = 0.5
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Member:
    """One container of the program, and how it is replaced."""

    resource: str
    """Name of the resource."""
    replacement: Replacement
    """What may become of it."""
    start_seconds: int = 0
    """How long it may take to become healthy; 0 for what has no health."""
    earlier: Sequence[str] = ()
    """Resources whose predecessors must have ended before this one starts: those of the batches before its own."""


class StackRollout:
    """The containers of one stack from the first that changes to the last that ends.

    Its hooks are for every container of the stack. At the end of an update, once all of them are there, it ends what
    they took the place of, and what a killed update left; then it sees that every server is healthy.
    """

    def __init__(self, engine: pulumi.Output[DockerEngine], networks: Sequence[pulumi.Output[str]]) -> None:
        self._engine, self._networks = engine, networks
        self._members: dict[str, Member] = {}
        self._ids: dict[str, pulumi.Output[str]] = {}
        self._labels: dict[str, str] = {}
        self._before: asyncio.Future[list[FoundContainer]] | None = None
        self._ending = asyncio.Lock()
        self._last: list[Callable[[DockerEngine, Sequence[FoundContainer]], None]] = []
        self.make_room = pulumi.ResourceHook("slidegenie-make-room", self._make_room)
        """Runs before a container is created."""
        self.say_why = pulumi.ErrorHook("slidegenie-say-why", self._say_why)
        """Runs when one could not be."""
        self.reached: pulumi.Output[bool] = pulumi.Output.from_input(pulumi.get_stack()).apply(self._finish)
        """Whether all containers that the program declares are there as it says, known at the end of the rollout; not
        in a preview, nor in an update of a part of the stack."""

    def config_label(self, member: Member, config: pulumi.Output[str]) -> pulumi.Output[str]:
        """Return the label that says what the container of `member` was made from, a hash, and in which attempt."""

        async def label(value: str) -> str:
            if not speaks_to_an_engine():
                return value
            made_from = config_label(value, member.resource, await self._found_before(), member.replacement)
            self._labels[member.resource] = made_from
            return made_from

        return config.apply(label)

    def add(self, member: Member, identity: pulumi.Output[str]) -> None:
        """Take the container with this ID for that of `member`; any other of its resource ends with the update."""
        self._members[member.resource], self._ids[member.resource] = member, identity

    def after_it(self, value: Callable[[], pulumi.Output[_T]]) -> pulumi.Output[_T]:
        """Return what `value` returns once everything of this rollout is there, and what was there before it is not.

        No container may depend on it. A preview, where nothing happens, does not wait.
        """
        return self.reached.apply(lambda _: value())

    def at_the_end(self, tidy: Callable[[DockerEngine, Sequence[FoundContainer]], None]) -> None:
        """Have `tidy` end what the program does not declare any more, once all that it declares is healthy.

        It gets the engine and the stack's containers, those too that Pulumi is about to delete.
        """
        self._last.append(tidy)

    async def _found_before(self) -> list[FoundContainer]:
        """Return what the engine had when this run began; asked once."""
        if self._before is None:
            self._before = asyncio.ensure_future(self._found())
        return await self._before

    async def _found(self) -> list[FoundContainer]:
        # In a thread: Pulumi's own loop goes on meanwhile, and an engine elsewhere takes its time.
        return await asyncio.to_thread(found_containers, await self._where(), _mark())

    async def _where(self) -> DockerEngine:
        return await self._engine.future() or DockerEngine()

    async def _make_room(self, args: pulumi.ResourceHookArgs) -> None:
        """End what is in the way of a container, or takes memory from it: failed attempts, the batch before it."""
        if (member := self._members.get(args.name)) is None:
            return
        if member.replacement is Replacement.IN_PLACE:
            # Pulumi has ended the one before. What is there still was made by an update that was killed.
            await self._end([c for c in await self._found() if c.resource == args.name])
        elif member.replacement is Replacement.BESIDE:
            async with self._ending:
                found = await self._found()
                ids = {name: await self._ids[name].future() for name in member.earlier}
                over = [c for c in found if (ids.get(c.resource) or c.id) != c.id]
                await self._end([*failed_before(_config(args), args.name, found), *over])

    async def _say_why(self, args: pulumi.ErrorHookArgs) -> bool:
        """Print why a container could not be made; never asks Pulumi to try again."""
        if args.failed_operation == "delete":
            return False
        lines = await asyncio.to_thread(self._reasons, await self._where(), args)
        if lines:
            pulumi.log.error("\n".join(lines))
        return False

    def _reasons(self, engine: DockerEngine, args: pulumi.ErrorHookArgs) -> list[str]:
        newest, others = newest_of(engine, args.name, _mark())
        lines = port_holders(engine, args.errors)
        member = self._members.get(args.name)
        if newest is None or member is None or member.replacement is Replacement.RERUN:
            return lines
        rolling = member.replacement is Replacement.BESIDE
        return [*lines, *explain(engine, newest), what_serves(newest.service, others, rolling=rolling)]

    async def _finish(self, _stack: str) -> bool:
        if not is_real_run():
            return False
        ids: dict[str, str | None] = {}
        # Outputs are awaited once the program has declared everything, or while it waits for Pulumi's answer to a
        # question: then it declares more.
        while self._ids.keys() - ids.keys():
            ids = {resource: await identity.future() for resource, identity in list(self._ids.items())}
        if None in ids.values():
            # Only a part of the stack is updated, and something else was never made.
            return False
        sick = await self._sick(ids)
        # What serves stays while what should take its place does not. And what the program does not declare any more,
        # Pulumi ends: here it may be missing since the program failed.
        taken_over = {resource: identity for resource, identity in ids.items() if identity not in {c.id for c in sick}}
        found = await self._found()
        await self._end([c for c in found if taken_over.get(c.resource, c.id) != c.id])
        if sick:
            engine = await self._where()
            said = [await asyncio.to_thread(explain, engine, container) for container in sick]
            lines = "\n".join(line for one in said for line in one)
            raise pulumi.RunError(f"not everything is healthy:\n{lines}\nFix the cause and run the same command again.")
        for tidy in self._last:
            await asyncio.to_thread(tidy, await self._where(), found)
        # What an update of a part of the stack left out is there from before.
        stay = [c for c in found if ids.get(c.resource) == c.id]
        return bool(stay) and all(c.config == self._labels.get(c.resource, c.config) for c in stay)

    async def _end(self, containers: Sequence[FoundContainer]) -> None:
        """End those of `containers` that are this stack's, and not those of another state under the same name."""
        networks = {await network.future() for network in self._networks}
        await end(await self._where(), [c for c in containers if not c.networks or c.networks & networks])

    async def _sick(self, ids: Mapping[str, str | None]) -> list[FoundContainer]:
        """Return the servers that do not become healthy in the time that each may take to start.

        Raises:
            RunError: when containers are not on the engine.
        """
        servers = {name: member.start_seconds for name, member in self._members.items() if member.start_seconds}
        seconds = {str(ids[name]): patience for name, patience in servers.items()}
        began = time.monotonic()
        while True:
            found = {c.id: c for c in await self._found()}
            if missing := [name for name, identity in ids.items() if identity not in found]:
                raise pulumi.RunError(await self._nowhere(missing))
            sick = [found[identity] for identity in seconds if not found[identity].healthy]
            if not any(time.monotonic() - began < seconds[container.id] for container in sick):
                return sick
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _nowhere(self, missing: Sequence[str]) -> str:
        address = (await self._where()).address
        return (
            f"{len(missing)} of {len(self._ids)} containers that were made are not on {address}, such as"
            f" {missing[0]}: somebody removed them meanwhile, or Pulumi's provider works on another engine. Let"
            " DOCKER_HOST or docker:host say one engine for all (docs/remote.md), and run the same command again"
        )


def _mark() -> str:
    (stack,) = stack_labels().items()
    return "=".join(stack)


def _config(args: pulumi.ResourceHookArgs) -> str:
    labels = (args.new_inputs or {}).get("labels") or []
    return next((str(label["value"]) for label in labels if label["label"] == CONFIG_LABEL), "")
